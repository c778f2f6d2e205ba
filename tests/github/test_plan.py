"""The plan of a rescoring: the same list gives the same plan, previews first, never more than GitHub accepts."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace

import pytest

from evaluator.cli import rescoring
from evaluator.core.files import dump_json
from evaluator.core.problems import RexrankError
from evaluator.core.typed import view
from evaluator.github import api
from evaluator.github.plan import MAX_JOBS, MAX_PER_JOB, Plan, plan, previews_of
from evaluator.scoring.units import MAX_UNITS, RESCORING, Rescoring, Unit, parse_units

SHA = "0123456789abcdef0123456789abcdef01234567"


def write(folder, names):
    units = [Unit(**dict(zip(("submission", "dataset", "group"), n.split(":"), strict=True))) for n in names]
    (folder / RESCORING).write_text(
        dump_json(view(Rescoring(schema="rexrank/rescoring/v1", units=tuple(units))))
    )


def named(made):
    return [[str(u) for u in units] for units in made.jobs]


def test_nothing_waits_where_there_is_no_list(tmp_path):
    assert view(plan(tmp_path)) == {"schema": "rexrank/plan/v1", "previews": [], "jobs": []}


def test_the_order_is_the_datasets_then_the_cheapest_group_then_the_name(tmp_path):
    names = ["b/x:iu-xray:texts", "a/x:iu-xray:green", "a/x:iu-xray:texts", "baseline:iu-xray:texts", "a/x:iu-xray:models",
             "z/z:mimic-cxr:texts"]  # fmt: skip
    from evaluator.datasets.registry import dataset_ids

    first = next(d for d in dataset_ids() if d in {"iu-xray", "mimic-cxr"})
    wanted = [
        "baseline:iu-xray:texts",
        "a/x:iu-xray:texts",
        "b/x:iu-xray:texts",
        "a/x:iu-xray:models",
        "a/x:iu-xray:green",
    ]
    other = ["z/z:mimic-cxr:texts"]
    wanted = wanted + other if first == "iu-xray" else other + wanted
    for seed in range(5):
        random.Random(seed).shuffle(names)
        write(tmp_path, names)
        assert named(plan(tmp_path)) == [[n] for n in wanted]


@pytest.mark.parametrize("n", [1, MAX_JOBS, MAX_JOBS + 1, 3 * MAX_JOBS + 7, MAX_UNITS])
def test_a_long_list_is_grouped_and_never_more_than_github_takes(tmp_path, n):
    write(tmp_path, [f"team{i:04}/m:sandbox:texts" for i in range(n)])
    groups = plan(tmp_path)
    assert 1 <= len(groups.jobs) <= MAX_JOBS
    assert max(map(len, groups.jobs)) <= MAX_PER_JOB
    units = [str(u) for units in groups.jobs for u in units]
    assert units == [f"team{i:04}/m:sandbox:texts" for i in range(min(n, MAX_JOBS * MAX_PER_JOB))]
    texts = [" ".join(units) for units in named(groups)]
    assert all(parse_units(t, MAX_PER_JOB) == list(u) for t, u in zip(texts, groups.jobs, strict=True))
    assert len(json.dumps(texts)) < 1_000_000, "what a job may hand on"


def test_what_this_version_does_not_know_is_left_out(tmp_path):
    write(tmp_path, ["a/x:nowhere:texts", "a/x:sandbox:abacus", "a/x:sandbox:texts", "a/x:sandbox:texts"])
    assert named(plan(tmp_path)) == [["a/x:sandbox:texts"]]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", '{"schema": "rexrank/rescoring/v1"}', '{"schema": "rexrank/rescoring/v2", "units": []}',
        '{"schema": "rexrank/rescoring/v1", "units": [{"submission": "a/../b", "dataset": "sandbox", "group": "texts"}]}',
        '{"schema": "rexrank/rescoring/v1", "units": [], "more": 1}',
    ],
)  # fmt: skip
def test_a_damaged_list_is_named(tmp_path, text):
    (tmp_path / RESCORING).write_text(text)
    with pytest.raises(RexrankError, match=r"rescoring\.json.*Start publish\.yml"):
        plan(tmp_path)


def test_previews_come_first_oldest_first(tmp_path):
    titles = [f"score PR #7 @ {SHA}", "score PR #7 @ abc", f"score PR #0 @ {SHA}", f"score PR #3 @ {SHA}; x", f"score PR #5 @ {SHA}",
              f"score PR #5 @ {SHA}"]  # fmt: skip
    groups = plan(tmp_path, previews_of(titles))
    assert [(p.pull_request, p.sha) for p in groups.previews] == [(5, SHA), (7, SHA)]
    assert list(view(groups))[1] == "previews"
    assert Plan.model_validate(json.loads(dump_json(view(groups))), strict=False) == groups


def test_a_plan_asks_github_as_often_for_many_models_as_for_two(tmp_path, monkeypatch):
    """Once for the runs of score.yml: what waits stands on main."""
    asked = []

    class Workflow:
        def get_runs(self, **how):
            asked.append(how)
            return iter(())

    repository = SimpleNamespace(get_workflow=lambda name: asked.append(name) or Workflow())
    monkeypatch.setattr(api, "repository", lambda: repository)
    monkeypatch.setattr(rescoring, "LEADERBOARD", tmp_path)
    monkeypatch.setattr(api, "write_output", lambda _name, _value: None)
    counts = []
    for n in (2, 40):
        write(tmp_path, [f"team{i:02}/m:sandbox:texts" for i in range(n)])
        assert rescoring.run_plan() == 0
        counts.append(len(asked))
        asked.clear()
    assert counts == [2, 2]
