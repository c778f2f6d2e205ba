"""Units of work: their names, their groups, and which the store lacks."""

from __future__ import annotations

import pytest
from support.needs import needs_rouge
from support.submissions import model_card

from evaluator.core.problems import InputError
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.sandbox.generate import predictions
from evaluator.datasets.tasks.task import get_task, task_ids
from evaluator.metrics.registry import get_metric, task_metrics
from evaluator.scoring.records import NULL_TEAM
from evaluator.scoring.run import ScoreSettings
from evaluator.scoring.units import (
    MODELS,
    TEXTS,
    Unit,
    group_of,
    lacking,
    metric_groups,
    parse_units,
    score_unit,
)
from evaluator.submissions.submission import Predictions, Submission

SANDBOX = get_dataset("sandbox")
UNIT = Unit(submission="a/b", dataset="sandbox", group=TEXTS)


def test_a_unit_has_one_text_form():
    assert parse_units(f"a/b:sandbox:texts {NULL_TEAM}:iu-xray:green", 2) == [
        UNIT,
        Unit(submission=NULL_TEAM, dataset="iu-xray", group="green"),
    ]
    assert str(UNIT) == "a/b:sandbox:texts"


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a/b", "a/b:sandbox", "a/b:sandbox:texts ", "a/b:sandbox:texts\n", " a/b:sandbox:texts", "a:sandbox:texts",
        "../b:sandbox:texts", "a/b/c:sandbox:texts", "a/b:../x:texts", "a/b:sandbox:$(id)", "a/b:sandbox:texts,c/d:sandbox:texts",
        "A/b:sandbox:texts", "a/b:sandbox:texts a/b:sandbox:texts a/b:sandbox:texts", f"a/{'b' * 41}:sandbox:texts",
    ],
)  # fmt: skip
def test_any_other_text_is_refused(text):
    with pytest.raises(InputError, match="wanted 1 to 2 units"):
        parse_units(text, 2)


@pytest.mark.parametrize("task", task_ids())
def test_every_metric_of_a_task_is_in_one_group(task):
    groups = metric_groups(get_task(task))
    keys = [k for group in groups.values() for k in group]
    assert sorted(keys) == sorted(task_metrics(task))
    for name, members in groups.items():
        judged = [k for k in members if get_metric(k).family == "judge"]
        assert judged == ([name] if name not in {TEXTS, MODELS} else []), (
            "a judged metric is a unit of its own"
        )


@pytest.mark.parametrize(
    ("key", "group"),
    [
        ("bleu_2", TEXTS),
        ("bertscore", MODELS),
        ("radcliq_v1", MODELS),
        ("green", "green"),
        ("accuracy", TEXTS),
    ],
)
def test_the_group_goes_by_what_a_metric_needs(key, group):
    assert group_of(key) == group


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.delenv("REXRANK_MODELS", raising=False)
    return ScoreSettings(metrics=("bleu_2", "rouge_l"), models=tmp_path / "none", store=tmp_path / "store")


@needs_rouge
@pytest.mark.parametrize("whose", ["a submission", "the baselines"])
def test_missing_scores_exist_once_the_unit_was_scored(settings, whose):
    references = load_references(SANDBOX, None)
    submission = None
    if whose == "a submission":
        items = predictions("paraphrase", 7)
        submission = Submission("a", "b", model_card(), {"sandbox": Predictions("sandbox", items, "0" * 64)})
    assert lacking(references, settings, submission) == [TEXTS]
    score_unit(UNIT.model_copy(update={"group": MODELS}), references, settings, submission)
    assert lacking(references, settings, submission) == [TEXTS]
    score_unit(UNIT, references, settings, submission)
    assert lacking(references, settings, submission) == []
    # An incomplete score counts as missing.
    for path in (settings.store / "scores").rglob("*.npz"):
        path.write_bytes(path.read_bytes()[:-9])
    assert lacking(references, settings, submission) == [TEXTS]
