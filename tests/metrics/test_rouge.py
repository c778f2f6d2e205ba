"""ROUGE-L against rouge-score 0.1.2's own values (tests/data/parity/core)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.types import Pair
from evaluator.metrics.rouge import RougeL
from evaluator.models.runtime import Run

CORE = Path(__file__).parents[1] / "data" / "parity" / "core"
PAIRS = [
    Pair(str(p["id"]), p["ref"], p["hyp"])
    for p in map(json.loads, (CORE / "pairs.jsonl").read_text("utf-8").splitlines())
]
GOLDEN = json.loads((CORE / "golden" / "rouge.json").read_text())["values"]["use_stemmer=True"]


def test_equals_the_package_on_every_golden_pair():
    scores = RougeL().score(PAIRS, Run(protocol="compat"))
    assert len(PAIRS) == len(GOLDEN) == 68
    for pair, value in zip(PAIRS, scores.values, strict=True):
        assert value == pytest.approx(GOLDEN[pair.id]["rougeL"]["f"], abs=1e-12), pair.id
    assert not scores.failed.any()


def test_empty_on_either_side_is_zero():
    pairs = [Pair("1", "", "clear"), Pair("2", "clear", ""), Pair("3", "", "")]
    assert RougeL().score(pairs, Run()).values.tolist() == [0.0, 0.0, 0.0]


def test_signature_names_package_stemmer_words_and_protocol():
    assert str(RougeL().signature(Run())) == (
        "rouge_l|v1|rouge-score-0.1.2|stemmer:yes|words:any-script|protocol:clean"
    )
    compat = str(RougeL().signature(Run(protocol="compat")))
    assert compat == "rouge_l|v1|rouge-score-0.1.2|stemmer:yes|protocol:compat"


@given(*[st.text(st.characters(max_codepoint=127), max_size=80)] * 2)
def test_without_letters_of_other_scripts_both_protocols_agree(reference, prediction):
    pairs = [Pair("1", reference, prediction)]
    clean, compat = (RougeL().score(pairs, Run(protocol=p)).values for p in ("clean", "compat"))
    assert clean.tolist() == compat.tolist()


@pytest.mark.parametrize(
    ("reference", "prediction", "clean", "compat"),
    [
        ("双肺 清晰", "双肺 清晰", 1.0, 0.0),
        ("Легкие чистые", "легкие не чистые", 0.8, 0.0),
        ("Kerley líneas", "kerley lineas", 0.5, 0.4),
        ("clear ，", "clear", 1.0, 1.0),
    ],
)
def test_words_of_other_scripts_count_under_clean(reference, prediction, clean, compat):
    pairs = [Pair("1", reference, prediction)]
    assert RougeL().score(pairs, Run(protocol="clean")).values[0] == pytest.approx(clean)
    assert RougeL().score(pairs, Run(protocol="compat")).values[0] == pytest.approx(compat)
