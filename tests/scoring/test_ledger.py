"""The ledger of runs with several runners: a slot is never given twice, and no run is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from support.hangs import HANG

from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import get_dataset
from evaluator.scoring import quota
from evaluator.scoring.ledger import EARLIER, JOURNAL, LONGEST, Entrant, attempt_now, attempts, note
from evaluator.scoring.quota import Policy, QuotaError, counted, require_slots, standing

WITHHELD = get_dataset("rexgradient")
OTHER = WITHHELD.model_copy(update={"id": "second"})
T = Entrant("t")
A, B = (letter * 64 for letter in "ab")
ROUNDS = 25
# A new team for every round; both processes ask for its only run, with different predictions.
RACER = """
import sys, time
from pathlib import Path
from evaluator.datasets.registry import get_dataset
from evaluator.scoring.ledger import Entrant
from evaluator.scoring.quota import Policy, QuotaError, counted
store, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
dataset, given = get_dataset("rexgradient"), []
for n in range(rounds):
    (store / f"ready-{n}-{name}").touch()
    while len(list(store.glob(f"ready-{n}-*"))) < 2:
        time.sleep(0.0005)
    try:
        with counted(store, Entrant(f"team{n}"), [(dataset, f"{name}{n:063}")], Policy()):
            given.append(n)
    except QuotaError:
        pass
print(*given)
"""


def line(**changes):
    values = {
        "team": "t",
        "dataset": WITHHELD.id,
        "digest": A,
        "at": datetime.now(UTC).isoformat(),
        "scored": True,
    }
    return json.dumps(values | changes)


def test_two_runners_that_ask_at_once_never_get_the_same_slot(tmp_path):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, tmp_path, name, str(ROUNDS)], stdout=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    answers = [r.communicate(timeout=HANG)[0].split() for r in racers]
    assert [r.returncode for r in racers] == [0, 0]
    assert sorted((*answers[0], *answers[1]), key=int) == [str(n) for n in range(ROUNDS)], (
        "one of the two, each time"
    )
    runs = attempts(tmp_path)
    assert sorted(a.team for a in runs) == sorted(f"team{n}" for n in range(ROUNDS)), "no run was lost"
    assert {a.scored for a in runs} == {True}


def test_a_started_run_holds_its_slot_and_a_killed_one_returns_it(tmp_path):
    note(tmp_path, lambda _: attempt_now(T, WITHHELD, A, datetime.now(UTC)))
    with pytest.raises(QuotaError, match="1 of 1"):
        require_slots(tmp_path, T, [(WITHHELD, B)], Policy())
    require_slots(tmp_path, T, [(WITHHELD, A)], Policy())
    late = datetime.now(UTC) + LONGEST
    assert standing(tmp_path, WITHHELD, T, B, late, Policy()).next is None


def test_the_same_predictions_on_two_runners_are_one_run(tmp_path):
    with counted(tmp_path, T, [(WITHHELD, A)], Policy()), counted(tmp_path, T, [(WITHHELD, A)], Policy()):
        pass
    assert [a.scored for a in attempts(tmp_path)] == [True, True]
    assert standing(tmp_path, WITHHELD, T, A, datetime.now(UTC), Policy()).used == 1


def test_a_run_on_several_datasets_counts_on_none_if_another_runner_took_a_slot(tmp_path, monkeypatch):
    """Both had a slot at first; the second one is gone by the time it is taken."""
    require = quota.require_slots

    def taken_meanwhile(*arguments):
        require(*arguments)
        monkeypatch.setattr(quota, "require_slots", require)
        with counted(tmp_path, T, [(OTHER, B)], Policy()):
            pass

    monkeypatch.setattr(quota, "require_slots", taken_meanwhile)
    with (
        pytest.raises(QuotaError, match="on second: 1 of 1"),
        counted(tmp_path, T, [(WITHHELD, A), (OTHER, A)], Policy()),
    ):
        pytest.fail("nothing may be scored")
    assert {a.dataset: a.scored for a in attempts(tmp_path)} == {"second": True, WITHHELD.id: False}


def test_a_single_machines_ledger_is_continued_in_the_journal(tmp_path):
    (tmp_path / EARLIER).write_text(f"{line()}\n{line(team='u', scored=False)}\n{line()[:20]}")
    before = (tmp_path / EARLIER).read_bytes()
    with pytest.raises(QuotaError):
        require_slots(tmp_path, T, [(WITHHELD, B)], Policy())
    with counted(tmp_path, Entrant("u"), [(WITHHELD, B)], Policy()):
        pass
    assert [(a.team, a.scored) for a in attempts(tmp_path)] == [("t", True), ("u", False), ("u", True)]
    assert (tmp_path / EARLIER).read_bytes() == before
    assert len(list((tmp_path / JOURNAL).glob("*.json"))) == 2, "that it began, and how it ended"


def test_an_end_that_was_written_twice_is_one(tmp_path):
    begun = attempt_now(T, WITHHELD, A, datetime.now(UTC) - timedelta(hours=1))
    ended = begun.model_copy(update={"scored": True})
    for attempt in (begun, ended, ended):
        note(tmp_path, lambda _, a=attempt: a)
    assert attempts(tmp_path) == [ended]


@pytest.mark.parametrize("text", ["", "{", "[]", line(scored="yes"), line(run="x")])
def test_a_damaged_entry_stops_everything(tmp_path, text):
    path = tmp_path / JOURNAL / "00000001.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(RexrankError, match=r"attempts/00000001\.json is not one of ours .* Fix it by hand"):
        attempts(tmp_path)
