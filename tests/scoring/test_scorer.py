"""`Scorer` and `score_pairs`: the formats of pairs, wrong settings, what is loaded only once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.needs import needs_rouge, reason

from evaluator import Scorer, score_pairs
from evaluator.core.problems import InputError, MetricUnavailable
from evaluator.models.judges.settings import JudgeSettings
from evaluator.scoring import engine

REFERENCES = ["No effusion.", "Small left effusion."]
PREDICTIONS = ["No effusion.", "No effusion."]
SCORER = Scorer("bleu_2")


class Columns:
    """The interface of `datasets.Dataset`: names of columns, and a list for each."""

    def __init__(self, values):
        self.values = values
        self.column_names = list(values)

    def __getitem__(self, name):
        return self.values[name]


FRAME = pd.DataFrame({"id": np.arange(2), "reference": REFERENCES, "prediction": PREDICTIONS})
FORMS = {
    "two lists": {"references": REFERENCES, "predictions": PREDICTIONS},
    "two columns": {"references": FRAME.reference, "predictions": FRAME.prediction, "ids": FRAME.id},
    "numpy ids": {"references": REFERENCES, "predictions": PREDICTIONS, "ids": np.arange(2, dtype=np.int16)},
    "a frame": {"rows": FRAME},
    "a frame whose index names the pairs": {"rows": FRAME.drop(columns="id")},
    "a dataset": {"rows": Columns({"id": [0, 1], "reference": REFERENCES, "prediction": PREDICTIONS})},
    "mappings": {"rows": FRAME.to_dict("records")},
    "tuples": {"rows": list(FRAME.itertuples(index=False))},
    "a generator": {"rows": (row for row in zip("01", REFERENCES, PREDICTIONS, strict=True))},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_scores(form):
    result = SCORER.score(**FORMS[form])
    assert result.to_dict()["scores"] == {"bleu_2": {"0": 1.0, "1": result.scores["bleu_2"].values[1]}}
    assert result.mean() == {"bleu_2": float(result.scores["bleu_2"].values.mean())}


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_a_missing_text_is_named(missing):
    frame = FRAME.astype(object)
    frame.loc[1, "prediction"] = missing
    with pytest.raises(ValueError, match=r"row 2 \(id 1\): the prediction must be a string.*NaN"):
        SCORER.score(frame)


WRONG = {
    "nothing": ({}, "give rows, or references and predictions"),
    "one side": ({"references": REFERENCES}, "give rows, or references and predictions"),
    "both forms": ({"rows": FRAME, "references": [], "predictions": []}, "give rows, or"),
    "ids beside rows": ({"rows": FRAME, "ids": [1, 2]}, "ids and patients are the columns"),
    "lists of two lengths": ({"references": ["a"], "predictions": []}, "1 references, 0 predictions"),
    "no such column": (
        {"rows": FRAME.rename(columns={"prediction": "report"})},
        "no column prediction; found",
    ),
    "a fraction for an id": ({"rows": FRAME.assign(id=[0.5, 1.5])}, "found 0.5"),
    "an id twice": ({"rows": FRAME.assign(id="a")}, "the id 'a' appeared before"),
    "a patient missing": ({"rows": FRAME.assign(patient=["p", None])}, "the pair 1 has no patient"),
    "some patients": (
        {"rows": [{**FRAME.to_dict("records")[0], "patient": "p"}, FRAME.to_dict("records")[1]]},
        "the pair '1' has no patient",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_scored_is_named(case):
    arguments, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        SCORER.score(**arguments)


SETTINGS = {
    "an unknown metric": (KeyError, ("blue_2", {}), "did you mean bleu_2"),
    "a variant that is not": (ValueError, ("bleu_2", {"variants": {"bleu_2": "x"}}), "has no variant 'x'"),
    "a variant of another metric": (
        ValueError,
        ("bleu_2", {"variants": {"radgraph_f1": "x"}}),
        "radgraph_f1 has no variant 'x'",
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_are_checked_before_anything_is_scored(case):
    kind, (metrics, settings), message = SETTINGS[case]
    with pytest.raises(kind, match=message):
        Scorer(metrics, **settings)


def test_a_missing_device_gives_a_sentence():
    torch = pytest.importorskip("torch", reason=reason("score"))
    if torch.cuda.is_available():
        name, words = f"cuda:{torch.cuda.device_count()}", "numbered from 0"
    else:
        name, words = "cuda", "finds no cuda device on this machine"
    with pytest.raises(InputError, match=words):
        Scorer("bertscore", device=name)
    assert Scorer("bleu_2", device=name).score(FRAME).mean()["bleu_2"] > 0, "a metric without weights"


def test_every_missing_metric_is_named_at_once(tmp_path):
    keys = ["bertscore", "bleu_2", "radgraph_f1", "green"]
    with pytest.raises(MetricUnavailable) as missing:
        Scorer(keys, models=tmp_path).score(FRAME)
    assert [line.partition(":")[0] for line in str(missing.value).splitlines()] == [
        "bertscore",
        "radgraph_f1",
        "green",
    ]
    partial = Scorer(keys, models=tmp_path, partial=True).score(FRAME)
    assert (list(partial.scores), list(partial.unavailable)) == (
        ["bleu_2"],
        ["bertscore", "radgraph_f1", "green"],
    )


@needs_rouge
def test_score_pairs_is_a_scorer_in_one_call():
    rows = list(zip("ab", REFERENCES, PREDICTIONS, strict=True))
    whole = score_pairs(rows, ["bleu_2", "rouge_l"], protocol="compat")
    again = Scorer(["bleu_2", "rouge_l"], protocol="compat").score(rows)
    assert whole.to_dict() == again.to_dict()
    assert score_pairs(rows, "bleu_2").mean() == SCORER.score(rows).mean()


def test_one_judge_serves_all_judged_metrics():
    judge = JudgeSettings(base_url="http://127.0.0.1:1/v1", model="m", revision="r")
    scorer = Scorer(["green", "fineradscore"], judge=judge)
    assert {j.model for j in scorer._run.judges.values()} == {"m"}


def test_columns_give_what_is_known_about_the_patient(monkeypatch):
    contexts = []

    def watched(pairs, keys, run):
        contexts.append([p.context for p in pairs])
        return engine.score(pairs, keys, run)

    monkeypatch.setattr("evaluator.scoring.scorer.score", watched)
    frame = FRAME.assign(age=[82.0, np.nan], indication=["fall", pd.NA])
    for rows in (frame, frame.to_dict("records"), Columns({k: list(frame[k]) for k in frame.columns})):
        SCORER.score(rows)
    assert contexts == [[(("Age", "82"), ("Indication", "fall")), ()]] * 3
