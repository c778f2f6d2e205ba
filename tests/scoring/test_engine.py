"""The engine: order, failures, the store, shards, any pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator import score_pairs
from evaluator.core.problems import MetricUnavailable, RexrankError
from evaluator.core.types import Pair, Scores
from evaluator.metrics import registry
from evaluator.metrics.base import Metric, all_scored
from evaluator.metrics.signature import Signature
from evaluator.models.runtime import Run
from evaluator.scoring.engine import Scored, as_pairs, merge, score, shard
from evaluator.scoring.score_store import ScoreStore

PAIRS = [Pair("a", "no effusion seen", "no effusion"), Pair("b", "clear lungs", "clear lungs")]


class Length(Metric):
    key: ClassVar[str] = "length"
    title: ClassVar[str] = "Length"
    higher_is_better: ClassVar[bool] = True
    worst: ClassVar[float] = 0.0
    calls = 0

    def signature(self, run: Run) -> Signature:
        return Signature("length", "v1", (), run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        Length.calls += 1
        return all_scored([float(len(p.prediction)) for p in pairs])


class Doubled(Length):
    key: ClassVar[str] = "doubled"
    composes: ClassVar[tuple[str, ...]] = ("length",)

    def signature(self, run: Run) -> Signature:
        return Signature("doubled", "v1", (), run.protocol)

    def score(self, pairs, run):
        return all_scored(run.scores["length"].values * 2)


class Broken(Length):
    key: ClassVar[str] = "broken"

    def score(self, pairs, run):
        raise MetricUnavailable("no weights. Fetch them with: rexrank models fetch x")


class OnBroken(Length):
    key: ClassVar[str] = "on_broken"
    composes: ClassVar[tuple[str, ...]] = ("broken",)


class NotANumber(Length):
    key: ClassVar[str] = "not_a_number"

    def score(self, pairs, run):
        return all_scored([float("nan")] * len(pairs))


class PanicException(BaseException):
    """As a library in Rust raises it: no `Exception`."""


class Panicking(Length):
    key: ClassVar[str] = "panicking"
    weights: ClassVar[tuple[str, ...]] = ("radgraph",)

    def score(self, pairs, run):
        raise PanicException("no entry found for key")


METRICS = (Length, Doubled, Broken, OnBroken, NotANumber, Panicking)


@pytest.fixture(autouse=True)
def metrics(monkeypatch):
    extra = {c.key: f"{__name__}:{c.__name__}" for c in METRICS}
    known = {c.key: c for c in METRICS}
    real = registry.get_metric
    lookup = lambda key: known[key]() if key in known else real(key)  # noqa: E731
    monkeypatch.setattr(registry, "_METRICS", registry._METRICS | extra)
    monkeypatch.setattr(registry, "get_metric", lookup)
    monkeypatch.setattr("evaluator.scoring.engine.get_metric", lookup)
    Length.calls = 0


def test_composed_metrics_come_after_their_parts():
    result = score(PAIRS, ["doubled"], Run())
    assert list(result.scores) == ["doubled"]
    assert result.scores["doubled"].values.tolist() == [22.0, 22.0]


def test_one_metric_that_cannot_run_does_not_stop_the_others():
    result = score(PAIRS, ["broken", "on_broken", "bleu_2"], Run())
    assert list(result.scores) == ["bleu_2"]
    assert result.unavailable == {
        "broken": "no weights. Fetch them with: rexrank models fetch x",
        "on_broken": "it combines broken, which could not be computed.",
    }


def test_a_tokenizer_that_panics_costs_its_metric_alone():
    result = score(PAIRS, ["panicking", "bleu_2"], Run())
    assert list(result.scores) == ["bleu_2"]
    assert "its model fails (PanicException: no entry found for key)" in result.unavailable["panicking"]


def test_a_metric_that_returns_no_number_is_an_internal_error():
    with pytest.raises(RexrankError, match="not_a_number returned"):
        score(PAIRS, ["not_a_number"], Run())


def test_a_killed_run_resumes_where_it_stopped(tmp_path):
    store = ScoreStore(tmp_path)
    first = score(PAIRS, ["length"], Run(), store)
    again = score(PAIRS, ["length", "bleu_2"], Run(), store)
    assert Length.calls == 1
    assert again.scores["length"].values.tolist() == first.scores["length"].values.tolist()
    score([Pair("a", "x", "other"), PAIRS[1]], ["length"], Run(), store)
    assert Length.calls == 2


def test_a_damaged_store_entry_is_recomputed(tmp_path):
    store = ScoreStore(tmp_path)
    score(PAIRS, ["length"], Run(), store)
    (entry,) = tmp_path.rglob("*.npz")
    entry.write_bytes(b"half a file")
    assert score(PAIRS, ["length"], Run(), store).scores["length"].values.tolist() == [11.0, 11.0]
    assert Length.calls == 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"id": "1", "reference": "a"}], "row 1: no prediction"),
        ([("1", "a", "b"), ("1", "c", "d")], "row 2: the id '1' appeared before"),
        ([("1", "a", None)], r"row 1 \(id 1\): the prediction must be a string"),
        ([(None, "a", "b")], "row 1: the id must be"),
        ([("1", "a")], "row 1: 2 values"),
        ([{"id": True, "reference": "a", "prediction": "b"}], "row 1: the id must be"),
    ],
)
def test_bad_rows_are_named(rows, message):
    with pytest.raises(ValueError, match=message):
        as_pairs(rows, "compat")


def test_score_pairs_takes_integers_as_ids_and_applies_the_protocol():
    rows = [{"id": 7, "reference": "FINDINGS:  Clear\nlungs now.", "prediction": "Clear lungs now."}]
    assert score_pairs(rows, ["bleu_2"]).to_dict()["scores"]["bleu_2"] == {"7": 1.0}
    assert score_pairs(rows, ["bleu_2"], protocol="compat").to_dict()["scores"]["bleu_2"]["7"] < 0.9


def test_score_pairs_raises_what_is_missing():
    with pytest.raises(MetricUnavailable, match="broken: no weights"):
        score_pairs(PAIRS, ["broken"])


@given(st.integers(1, 9), st.integers(0, 40))
def test_shards_cover_everything_once_in_order(count, n):
    pairs = [Pair(str(i), "", "") for i in range(n)]
    parts = [shard(pairs, i, count) for i in range(1, count + 1)]
    assert [p for part in parts for p in part] == pairs
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_merged_shards_equal_the_whole_bit_for_bit():
    pairs = [Pair(str(i), f"word{i} no effusion seen", f"no effusion word{i % 3}") for i in range(11)]
    whole = score(pairs, ["bleu_2", "rouge_l"], Run())
    parts = [score(shard(pairs, i, 3), ["bleu_2", "rouge_l"], Run()) for i in (1, 2, 3)]
    assert merge(parts).to_dict() == whole.to_dict()


def test_shards_that_do_not_belong_together_are_refused():
    one = Scored(("a",), {"m": all_scored([1.0])}, {"m": "m|1"})
    with pytest.raises(RexrankError, match="overlap"):
        merge([one, one])
    with pytest.raises(RexrankError, match="different metrics or signatures"):
        merge([one, Scored(("b",), {"m": all_scored([1.0])}, {"m": "m|2"})])


def test_permuting_the_studies_permutes_the_scores():
    forward = score(PAIRS, ["bleu_2"], Run()).to_dict()["scores"]["bleu_2"]
    backward = score(PAIRS[::-1], ["bleu_2"], Run()).to_dict()["scores"]["bleu_2"]
    assert forward == backward


def test_no_value_is_ever_null():
    values = score(PAIRS, ["bleu_2", "rouge_l"], Run()).to_dict()["scores"]
    assert all(isinstance(v, float) and np.isfinite(v) for by_id in values.values() for v in by_id.values())
