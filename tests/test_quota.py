"""The runner's ledger: what counts, what does not, and what is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from evaluator.datasets.registry import get_dataset
from evaluator.problems import RexrankError
from evaluator.quota import counted, ledger, read_policy, team_slot
from evaluator.statistics.guard import Policy

PRIVATE, PUBLIC = get_dataset("rexgradient"), get_dataset("sandbox")


def run(store, digest, team="t", dataset=PRIVATE, **more):
    with counted(store, dataset, team, digest, Policy(), **more):
        pass


def test_one_run_a_window_and_the_next_slot_is_said(tmp_path):
    run(tmp_path, "a")
    with pytest.raises(RexrankError, match=r"1 in 30 days, 1 in a year\). Next slot: \d{4}-\d\d-\d\d"):
        run(tmp_path, "b")
    run(tmp_path, "b", team="u")
    run(tmp_path, "b", dataset=get_dataset("mimic-cxr"))
    assert [a["digest"] for a in ledger(tmp_path)] == ["a", "b", "b"]
    found = team_slot(tmp_path, PRIVATE, "t", datetime.now(UTC) + timedelta(days=31), Policy())
    assert found.allowed


def test_a_failure_and_the_same_bytes_do_not_count(tmp_path):
    with pytest.raises(ZeroDivisionError), counted(tmp_path, PRIVATE, "t", "a", Policy()):
        raise ZeroDivisionError
    assert [a["scored"] for a in ledger(tmp_path)] == [False]
    run(tmp_path, "a")
    run(tmp_path, "a")
    assert [a["scored"] for a in ledger(tmp_path)] == [False, True]


def test_public_sets_are_free_and_a_maintainer_may_allow_more(tmp_path):
    for digest in "abc":
        run(tmp_path, digest, dataset=PUBLIC)
    assert ledger(tmp_path) == []
    run(tmp_path, "a")
    run(tmp_path, "b", over_quota=True)
    assert len(ledger(tmp_path)) == 2


def test_the_policy_is_the_challenges_own(tmp_path):
    assert read_policy(tmp_path) == Policy()
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"window_days": 7, "runs": 2}))
    assert read_policy(tmp_path) == Policy(runs=2, window=timedelta(days=7))
    for bad in ("{", "[]", '{"runs": 0}', '{"runs": true}', '{"run": 1}'):
        path.write_text(bad)
        with pytest.raises(RexrankError, match=r"policy\.json"):
            read_policy(tmp_path)


def test_a_damaged_ledger_stops_everything(tmp_path):
    (tmp_path / "attempts.jsonl").write_text("{")
    with pytest.raises(RexrankError, match="Mend it by hand"):
        run(tmp_path, "a")
