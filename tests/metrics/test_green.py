"""GREEN's prompt and parser against the official code, and the strict parser against abuse."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.needs import reason

from evaluator.core.problems import MetricUnavailable
from evaluator.metrics.green import (
    CATEGORIES,
    Green,
    clean_answer,
    parse,
    parse_strictly,
    prompt,
    prompt_ids,
    rendered,
)
from evaluator.models.runtime import Run

DATA = Path(__file__).parents[1] / "data" / "parity"
JUDGES = DATA / "judges"


def load(name: str) -> Any:
    return json.loads((JUDGES / name).read_text("utf-8"))


GOLDEN = load("golden/green_golden.json")
RAW = {c["id"]: c["raw"] for c in load("fixtures/green_completions.json")}


@pytest.mark.parametrize(
    "case", load("golden/green_prompt_hashes.json"), ids=lambda c: c["prompt_sha256"][:8]
)
def test_prompt_is_the_published_one(case: dict[str, Any]) -> None:
    text = prompt(case["reference"], case["candidate"])
    assert (len(text), hashlib.sha256(text.encode()).hexdigest()) == (
        case["prompt_chars"],
        case["prompt_sha256"],
    )


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda c: c["name"])
def test_parser_equals_the_official_one(case: dict[str, Any]) -> None:
    assert clean_answer(RAW[case["id"]]) == case["cleaned"]
    for text, wanted in ((case["cleaned"], case["parsed"]), (RAW[case["id"]], case["parsed_raw"])):
        counts = parse(text)
        assert list(counts.significant) == wanted["significant"]
        assert list(counts.insignificant) == wanted["insignificant"]
        assert counts.matched == wanted["matched"]
        assert counts.score == pytest.approx(wanted["green"], abs=1e-15)


def test_corpus_figures_equal_the_official_ones() -> None:
    scores = [parse(clean_answer(RAW[c["id"]])).score for c in GOLDEN["cases"]]
    assert np.mean(scores) == pytest.approx(GOLDEN["mean"], abs=1e-12)
    assert np.std(scores) == pytest.approx(GOLDEN["std_population"], abs=1e-12)


def answer(
    significant: str = "No errors.", matched: str = "2. one; two.", insignificant: str = "No errors."
) -> str:
    return (
        f"[Explanation]:\nWords.\n\n[Clinically Significant Errors]:\n{significant}\n\n"
        f"[Clinically Insignificant Errors]:\n{insignificant}\n\n[Matched Findings]:\n{matched}"
    )


def lines(*counts: int) -> str:
    return "\n".join(f"({'abcdef'[i]}) {CATEGORIES[i]}: {n}. something" for i, n in enumerate(counts))


@pytest.mark.parametrize(
    ("text", "score", "status"),
    [
        (answer(), 1.0, "ok"),
        (answer(lines(1, 0, 0, 1, 0, 0)), 0.5, "ok"),
        (answer(lines(1, 1)), 0.5, "degraded"),
        (answer(matched="No matched findings."), 0.0, "ok"),
        ("[Matched Findings]:\n3. a; b; c.", None, "failed"),
        (answer() + "\n\n[Matched Findings]:\n9. all", None, "failed"),
        (answer("(A) False report: 4. x"), None, "failed"),
        (answer("(a) False report: one. x"), None, "failed"),
        (answer("(a) False report: -1. x"), None, "failed"),
        (answer("(a) False report: 99. x"), None, "failed"),
        (answer(lines(1) + "\n" + lines(0)), None, "failed"),
        (answer(matched="7. more than the report says"), None, "failed"),
        (answer(matched="many"), None, "failed"),
        (answer(significant=""), None, "failed"),
        ("", None, "failed"),
        ("1.0", None, "failed"),
    ],
)
def test_strict_parser_fails_closed(text: str, score: float | None, status: str) -> None:
    parsed, counts = parse_strictly(text, most_matched=5)
    assert counts == status
    assert (parsed.score if parsed else None) == score


def test_strict_never_scores_higher_than_the_official_parser() -> None:
    compared = 0
    for case in load("fixtures/green_completions.json"):
        # Here the official parser lets insignificant counts overwrite significant ones.
        if case["name"] == "single_newline_between_sections":
            continue
        strict, _ = parse_strictly(case["raw"], most_matched=50)
        if strict is not None:
            compared += 1
            assert strict.score <= parse(clean_answer(case["raw"])).score
    assert compared > 5


def test_rendered_chat_and_token_layout() -> None:
    processor = pytest.importorskip("sentencepiece", reason=reason("score")).SentencePieceProcessor

    case = load("golden/green_render_t4.json")["cases"][0]
    message = prompt("No effusion.", "Small effusion.")
    assert hashlib.sha256(rendered(message).encode()).hexdigest().startswith(case["sha"])
    ids = prompt_ids(message, processor(model_file=str(DATA / "models" / "green" / "tokenizer.model")))
    assert (ids[:3], ids[-8:], len(ids)) == (case["first3"], case["last8"], case["n_ids"])
    assert (ids.count(1), ids.count(2)) == (case["n_bos"], case["n_eos"])
    assert hashlib.sha256(json.dumps(ids).encode()).hexdigest().startswith(case["ids_sha"])


def test_without_a_judge_the_fix_is_named() -> None:
    with pytest.raises(MetricUnavailable, match="rexrank judge serve"):
        Green().signature(Run())
