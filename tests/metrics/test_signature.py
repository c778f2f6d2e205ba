"""Signatures: one text form, and a parser that gives the same object back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.needs import reason

from evaluator.metrics.judges import by_metric
from evaluator.metrics.registry import get_metric, metric_keys
from evaluator.metrics.signature import CompositeSignatures, Signature
from evaluator.models.judges.identity import JudgeLabel
from evaluator.models.judges.settings import JudgeSettings
from evaluator.models.runtime import Run
from evaluator.models.weights import WeightsLabel

pytest.importorskip("bert_score", reason=reason("score"))

WORD = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
SETTING = st.from_regex(r"[a-z][a-z0-9_]{0,6}(:[a-z0-9/+.,-]{1,8})?", fullmatch=True).filter(
    lambda t: not t.startswith(("judge:", "protocol:"))
)
DIGEST = st.from_regex("[0-9a-f]{12}", fullmatch=True)
WEIGHTS = st.builds(WeightsLabel, WORD, st.sampled_from(["verified", "stand-in", "unverified"]), DIGEST)
JUDGE = st.one_of(
    st.builds(JudgeLabel, WORD, st.just("sha256"), DIGEST),
    st.builds(JudgeLabel, WORD, st.just("version"), st.sampled_from(["2024-08-06", "v1.2", "7adba1f3"])),
    st.builds(JudgeLabel, WORD, st.sampled_from(["stand-in", "unpinned"])),
    st.builds(JudgeLabel, WORD, st.just("unknown"), DIGEST),
)
PLAIN = st.builds(
    Signature,
    WORD,
    st.just("v1"),
    st.lists(SETTING | WEIGHTS | JUDGE, max_size=4).map(tuple),
    st.just("clean"),
)
ANY = PLAIN | st.builds(
    lambda name, inner: Signature(name, "v1", (CompositeSignatures(tuple(inner)),), "clean"),
    WORD,
    st.lists(PLAIN, min_size=1, max_size=3),
)


@given(ANY)
def test_the_text_form_round_trips(signature: Signature) -> None:
    back = Signature.parse(str(signature))
    assert back == signature
    assert (back.trusted, back.stale) == (signature.trusted, signature.stale)


@pytest.mark.parametrize("key", metric_keys())
@pytest.mark.parametrize("protocol", ["clean", "compat"])
def test_every_metric_signs_in_the_text_form(key: str, protocol, stand_ins) -> None:
    judge = JudgeSettings("http://127.0.0.1:9/v1", "facts", stand_in=True)
    signature = get_metric(key).signature(Run(protocol=protocol, models=stand_ins, judges=by_metric(judge)))
    assert Signature.parse(str(signature)) == signature
    assert (signature.metric, signature.protocol) == (key, protocol)
    assert signature.trusted == (not signature.weights and not signature.judges)


@pytest.mark.parametrize(
    ("text", "trusted"),
    [
        ("bleu_2|v1|fast-bleu|weights:1/2,1/2|protocol:clean", True),
        ("bertscore|v1|distilroberta-base@12040accade4|layer5|protocol:clean", True),
        ("bertscore|v1|distilroberta-base@unverified:12040accade4|layer5|protocol:clean", False),
        ("bertscore|v1|distilroberta-base@stand-in:12040accade4|layer5|protocol:clean", False),
        ("bertscore|v1|distilroberta-base@odd:12040accade4|layer5|protocol:clean", False),
        ("radcliq_v1|v1|(a|v1|x@unverified:0|entities+relations/2+b|v1|y)|protocol:clean", False),
        ("radcliq_v1|v1|(a|v1|x@0|entities+relations/2+b|v1|y)|protocol:clean", True),
        ("green|v1|judge:green@sha256:0123456789ab|protocol:clean", True),
        ("green|v1|judge:green@unpinned|protocol:clean", False),
        ("green|v1|judge:green@stand-in|protocol:clean", False),
        ("green|v1|judge:green@7adba1f37836|protocol:clean", False),
        ("green|v1|judge:green@version:main|protocol:clean", False),
        ("green|v1|judge:green|protocol:clean", False),
    ],
)
def test_what_is_trusted(text: str, trusted) -> None:
    signature = Signature.parse(text)
    assert str(signature) == text
    assert signature.trusted is trusted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "x|v1",
        "x|protocol:clean",
        "|v1|protocol:clean",
        "x|v1|(a|v1|protocol:clean",
        "x|v1)|protocol:clean",
    ],
)
def test_invalid_signatures(text: str) -> None:
    with pytest.raises(ValueError, match="signature"):
        Signature.parse(text)
