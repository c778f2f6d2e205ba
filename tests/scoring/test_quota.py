"""The runner's ledger: what counts, what does not, and the messages."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from evaluator.cli.app import app
from evaluator.core.problems import RexrankError
from evaluator.datasets.challenge import Policy
from evaluator.datasets.registry import get_dataset
from evaluator.scoring.ledger import Entrant, accounts_by_digest, attempts
from evaluator.scoring.quota import (
    QuotaError,
    counted,
    grant,
    require_slots,
    slot,
    standing,
)

WITHHELD, PUBLIC = get_dataset("rexgradient"), get_dataset("sandbox")
OTHER = WITHHELD.model_copy(update={"id": "second"})
RESTRICTED = get_dataset("mimic-cxr")


T = Entrant("t")
A, B, C, D = (letter * 64 for letter in "abcd")


def run(store, digest, team="t", dataset=WITHHELD, accounts=(), *, over_quota=False):
    free = {digest} if over_quota else ()
    entrant = Entrant(team, frozenset(accounts))
    with counted(store, entrant, [(dataset, digest)], Policy(), over_quota=free):
        pass


def test_one_run_per_window_and_the_next_slot_is_given(tmp_path):
    run(tmp_path, A)
    with pytest.raises(
        RexrankError, match=r"1 of 1 in 30 days, 1 of 6 in a year. Next slot: \d{4}-\d\d-\d\d \d\d:\d\d UTC\."
    ):
        run(tmp_path, B)
    run(tmp_path, B, team="u")
    run(tmp_path, B, dataset=OTHER)
    assert [a.digest for a in attempts(tmp_path)] == [A, B, B]
    place = slot(attempts(tmp_path), "team/t", WITHHELD.id, datetime.now(UTC) + timedelta(days=31), Policy())
    assert place.allowed


def test_every_dataset_without_a_slot_is_named_before_anything_is_scored(tmp_path):
    run(tmp_path, A, dataset=OTHER)
    require_slots(tmp_path, T, [(WITHHELD, B), (OTHER, A), (PUBLIC, B)], Policy())
    require_slots(tmp_path, Entrant("u"), [(WITHHELD, B), (OTHER, B)], Policy())
    with pytest.raises(QuotaError) as failure:
        require_slots(tmp_path, T, [(WITHHELD, B), (OTHER, B), (PUBLIC, B)], Policy())
    assert [s.dataset for s in failure.value.standings] == ["second"]
    run(tmp_path, A)
    with pytest.raises(QuotaError, match=r"on rexgradient: 1 of 1.* on second: 1 of 1"):
        require_slots(tmp_path, T, [(WITHHELD, B), (OTHER, B)], Policy())


@pytest.mark.parametrize("dataset", [PUBLIC, RESTRICTED], ids=lambda d: d.access)
def test_runs_on_other_datasets_are_not_counted(tmp_path, dataset):
    for digest in (A, B, C):
        run(tmp_path, digest, dataset=dataset)
    assert attempts(tmp_path) == []
    with pytest.raises(RexrankError, match=f"is {dataset.access}: its runs are not counted"):
        grant(tmp_path, dataset, "t", D)


def test_a_standing_is_what_the_ledger_says(tmp_path):
    now = datetime.now(UTC)
    fresh = standing(tmp_path, WITHHELD, T, A, now, Policy())
    assert (fresh.counted, fresh.used, fresh.next) == (False, 0, None)
    run(tmp_path, A)
    value = standing(tmp_path, WITHHELD, T, A, now, Policy())
    assert (value.counted, value.used, value.used_in_year) == (True, 1, 1)
    when = datetime.strptime(value.next, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(days=30) <= when - now < timedelta(days=30, minutes=1)
    assert standing(tmp_path, WITHHELD, T, B, when, Policy()).next is None


def test_a_failure_and_the_same_bytes_do_not_count(tmp_path):
    with pytest.raises(ZeroDivisionError), counted(tmp_path, T, [(WITHHELD, A)], Policy()):
        raise ZeroDivisionError
    assert [a.scored for a in attempts(tmp_path)] == [False]
    run(tmp_path, A)
    run(tmp_path, A)
    assert [a.scored for a in attempts(tmp_path)] == [False, True]


def test_public_datasets_are_free_and_a_maintainer_may_allow_more(tmp_path):
    for digest in (A, B, C):
        run(tmp_path, digest, dataset=PUBLIC)
    assert attempts(tmp_path) == []
    run(tmp_path, A)
    run(tmp_path, B, over_quota=True)
    assert len(attempts(tmp_path)) == 2


def test_a_damaged_ledger_stops_everything(tmp_path):
    (tmp_path / "attempts.jsonl").write_text("{\n")
    with pytest.raises(RexrankError, match="Fix it by hand"):
        run(tmp_path, A)


def test_a_line_that_a_crash_tore_counts_for_nothing(tmp_path):
    """Its end was never written. The lines before it count."""
    path, whole = tmp_path / "attempts.jsonl", json.dumps(LINE).encode()
    path.write_bytes(whole)
    assert [a.digest for a in attempts(tmp_path)] == [A], "a line that lacks nothing but its end counts"
    path.write_bytes(whole + b"\n" + whole[:20])
    assert [a.digest for a in attempts(tmp_path)] == [A]
    run(tmp_path, B, team="u")
    assert [a.digest for a in attempts(tmp_path)] == [A, B]


def test_a_grant_counts_and_makes_these_predictions_free(tmp_path):
    run(tmp_path, A)
    digest = B
    with pytest.raises(QuotaError):
        run(tmp_path, digest)
    assert grant(tmp_path, WITHHELD, "t", digest)
    assert not grant(tmp_path, WITHHELD, "t", digest), "once is enough"
    run(tmp_path, digest)
    with pytest.raises(QuotaError, match="2 of 1"):
        run(tmp_path, C)
    with pytest.raises(RexrankError, match="public"):
        grant(tmp_path, PUBLIC, "t", digest)


def test_the_commands_of_the_attempts(tmp_path):
    def rexrank(*args):
        return CliRunner().invoke(app, ["quota", *args, "--store", str(tmp_path)])

    assert "no runs counted yet" in rexrank("show").output
    assert rexrank("grant", "acme", "rexgradient", D).output.startswith("granted")
    assert "already" in rexrank("grant", "acme", "rexgradient", D).output
    output = rexrank("show").output
    assert "acme" in output
    assert "1 and 1, next from 20" in output
    for wrong in (
        ("Acme", "rexgradient", D),
        ("acme", "rexgradient", "D" * 64),
        ("acme", "nowhere", D),
    ):
        assert isinstance(rexrank("grant", *wrong).exception, RexrankError)


PEOPLE = [
    ("nobody in common", "u", {2}, True),
    ("the same person with another team", "u", {1}, False),
    ("the same person among others", "u", {2, 1, 3}, False),
    ("the same team, other people", "t", {2}, False),
    ("the same team, nobody asked", "t", (), False),
]


@pytest.mark.parametrize(("team", "accounts", "free"), [p[1:] for p in PEOPLE], ids=[p[0] for p in PEOPLE])
def test_a_run_counts_for_the_team_and_for_every_account(tmp_path, team, accounts, free):
    run(tmp_path, A, accounts={1})
    entrant = Entrant(team, frozenset(accounts))
    if free:
        require_slots(tmp_path, entrant, [(WITHHELD, B)], Policy())
        return
    with pytest.raises(QuotaError) as failure:
        require_slots(tmp_path, entrant, [(WITHHELD, B)], Policy())
    (standings,) = failure.value.standings
    assert standings.holder == ("team/t" if team == "t" else "account/1")
    assert ("the GitHub account 1, which" in str(failure.value)) == (team == "u")
    late = {h.holder for h in standings.holders if h.next is not None}
    assert late == ({"team/t"} if team == "t" else {"account/1"}), "each holder has its own next slot"


def test_two_people_neither_lend_each_other_runs_nor_take_them(tmp_path):
    two = Policy(runs=2)
    for digest, team, account in ((A, "t", 1), (B, "u", 2)):
        run(tmp_path, digest, team, accounts={account})
    both = Entrant("v", frozenset({1, 2}))
    assert standing(tmp_path, WITHHELD, both, C, datetime.now(UTC), two).used == 1
    with counted(tmp_path, both, [(WITHHELD, C)], two):
        pass
    with pytest.raises(QuotaError, match="2 of 2"):
        require_slots(tmp_path, Entrant("w", frozenset({2})), [(WITHHELD, D)], two)


def test_a_grant_is_taken_up_by_the_accounts_once(tmp_path):
    run(tmp_path, A, accounts={1})
    grant(tmp_path, WITHHELD, "t", B)
    for _ in range(2):
        run(tmp_path, B, accounts={1})
    assert len(attempts(tmp_path)) == 3
    assert accounts_by_digest(tmp_path, WITHHELD) == {A: {1}, B: {1}}
    for holder in ("team/t", "account/1"):
        count = slot(attempts(tmp_path), holder, WITHHELD.id, datetime.now(UTC), Policy()).used_in_window
        assert count == 2, holder


def test_lines_without_accounts_count_for_their_team(tmp_path):
    """As in ledgers from before accounts were recorded."""
    old = {
        "team": "t",
        "dataset": WITHHELD.id,
        "digest": A,
        "at": datetime.now(UTC).isoformat(),
        "scored": True,
    }
    (tmp_path / "attempts.jsonl").write_text(json.dumps(old) + "\n")
    with pytest.raises(QuotaError):
        run(tmp_path, B, accounts={1})


LINE = {
    "team": "t",
    "accounts": [7],
    "dataset": WITHHELD.id,
    "digest": A,
    "at": "2026-01-02T00:00:00+00:00",
    "scored": True,
}
NOT_OURS = {
    "a field less": ({"digest": None}, "/digest"),
    "a time without a zone": ({"at": "2026-01-02T00:00:00"}, "/at"),
    "no time": ({"at": "yesterday"}, "/at"),
    "a number for a truth value": ({"scored": 1}, "/scored"),
    "a text for an account": ({"accounts": ["7"]}, "/accounts/0"),
    "half a digest": ({"digest": "a"}, "/digest"),
    "a field more": ({"note": "x"}, "/note"),
    "a path for a team": ({"team": "../t"}, "/team"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_OURS)
def test_a_malformed_line_is_named(tmp_path, name):
    change, place = NOT_OURS[name]
    line = {k: v for k, v in (LINE | change).items() if v is not None}
    (tmp_path / "attempts.jsonl").write_text(f"{json.dumps(LINE)}\n{json.dumps(line)}\n")
    with pytest.raises(
        RexrankError,
        match=rf"line 2 of the ledger .*attempts\.jsonl is not one of ours at {place}: .* Fix it",
    ):
        attempts(tmp_path)
