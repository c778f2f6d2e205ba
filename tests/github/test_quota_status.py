"""The ledger as the public sees it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.submissions import model_card

from evaluator.datasets.report import StudyReport
from evaluator.github import api
from evaluator.github import quota_status as slots
from evaluator.scoring.ledger import Entrant
from evaluator.scoring.quota import NextSlot, Standing
from evaluator.submissions.submission import Predictions, Submission

FIRST, A, B = "f" * 40, "a" * 64, "b" * 64
NOW = datetime(2026, 12, 1, tzinfo=UTC)
LATER, EARLIER = "2026-12-26T13:58:12Z", "2026-11-26T13:58:12Z"
TEAM, ACCOUNT = "rexrank/quota/rexgradient/team/t", "rexrank/quota/rexgradient/account/7"


class Checks:
    """Check runs of one commit, newest first, and the number of requests for them."""

    def __init__(self, *rows):
        self.rows = [(name, title) for title, name in rows]
        self.asked = 0

    def titles(self, repo, sha, name):
        assert sha == FIRST
        self.asked += 1
        return [t for n, t in self.rows if n == name]

    def add(self, repo, sha, name, title):
        assert sha == FIRST
        self.rows.insert(0, (name, title))


@pytest.fixture
def noted(monkeypatch):
    def made(*rows):
        checks = Checks(*rows)
        monkeypatch.setattr(api, "check_titles", checks.titles)
        monkeypatch.setattr(api, "add_check", checks.add)
        return checks

    return made


def submission(digest=B):
    files = {d: Predictions(d, {"s": StudyReport("x")}, digest) for d in ("rexgradient", "sandbox")}
    return Submission("t", "m", model_card(), files)


def said(digest, when, team="t", outcome="scored"):
    return f"{outcome} {digest} of {team}, next {when}"


@pytest.mark.parametrize(
    ("rows", "when", "shared"),
    [
        ([], None, False),
        ([(said(A, LATER), TEAM)], LATER, False),
        ([(said(A, LATER, outcome="refused"), TEAM)], LATER, False),
        ([(said(A, EARLIER), TEAM)], None, False),
        ([(said(A, "now"), TEAM)], None, False),
        ([(said(A, "now"), TEAM), (said(A, LATER), TEAM)], None, False),
        ([(said(A, LATER), TEAM), (said(B, EARLIER), TEAM)], None, False),
        ([(said(A, LATER), ACCOUNT)], LATER, True),
        ([(said(A, LATER, "other"), ACCOUNT), (said(A, EARLIER), TEAM)], LATER, True),
        ([(said(A, LATER), ACCOUNT), (said(A, LATER), TEAM)], LATER, False),
        ([(said(A, LATER), ACCOUNT), (said(B, EARLIER, "other"), ACCOUNT)], None, False),
        ([(said(A, LATER), "rexrank/quota/rexgradient/team/u")], None, False),
        ([(said(A, LATER), "rexrank/quota/rexgradient/account/8")], None, False),
        ([(said(A, LATER), "rexrank/quota/mimic-cxr/team/t")], None, False),
        ([(said(A, "never"), TEAM)], None, False),
        ([(f"scored {A}, next {LATER}", TEAM)], None, False),
    ],
)
def test_what_the_notes_say(noted, rows, when, shared):
    noted(*rows)
    status = slots.notes_on(None, FIRST, submission(), [7], NOW)
    assert (status.waits, status.shared) == (
        {"rexgradient": when},
        {"rexgradient"} if shared else frozenset(),
    )


def test_the_teams_of_an_account_are_known_from_its_notes(noted):
    checks = noted(
        *((said(A, "now", team), ACCOUNT) for team in ("t", "u", "w")),
        *((said(A, "now"), f"x{n}") for n in range(9_000)),
    )
    assert slots.notes_on(None, FIRST, submission(), [7, 8], NOW).teams == {7: {"t", "u", "w"}, 8: set()}
    assert checks.asked == 3, "the team and each account, whatever else was noted"


def test_public_datasets_make_no_request(noted):
    entry = Submission("t", "m", model_card(), {"sandbox": submission().files["sandbox"]})
    checks = noted()
    assert slots.notes_on(None, FIRST, entry, [7], NOW) == slots.QuotaNotes()
    assert checks.asked == 0


def standing(digest=A, *, counted=True, when=LATER, holders=("team/t", "account/7")):
    each = tuple(NextSlot(holder=h, next=when) for h in holders)
    return Standing(
        dataset="rexgradient", digest=digest, counted=counted, holder=holders[0], next=when, holders=each,
        used=1, runs=3, window_days=30, used_in_year=1, runs_per_year=12,
    )  # fmt: skip


def test_a_note_is_written_once_for_each_holder(noted):
    checks, entrant = noted(), Entrant("t", frozenset({7}))
    for _ in range(2):
        slots.write_notes(None, FIRST, entrant, [standing()])
    assert checks.rows == [(ACCOUNT, said(A, LATER)), (TEAM, said(A, LATER))]
    slots.write_notes(None, FIRST, entrant, [standing(B, counted=False)])
    assert checks.rows[0] == (ACCOUNT, said(B, LATER, outcome="refused"))
    assert slots.notes_on(None, FIRST, submission(A), [7], NOW).waits == {"rexgradient": None}
    slots.write_notes(None, FIRST, entrant, [])
    assert len(checks.rows) == 4


def test_nothing_is_recorded_about_people_who_are_not_behind_the_pull_request(noted):
    checks = noted()
    slots.write_notes(None, FIRST, Entrant("t", frozenset({7})), [standing(holders=("team/u", "account/9"))])
    assert checks.rows == []


def test_a_grant_is_for_exactly_these_predictions(noted):
    checks = noted()
    for _ in range(2):
        slots.grant(None, FIRST, {"rexgradient": A}, "maintainer")
    assert checks.rows == [(f"rexrank/grant/rexgradient/{A}", "one run granted by maintainer")]
    assert slots.granted(None, FIRST, {"rexgradient": A}) == [A]
    assert slots.granted(None, FIRST, {"rexgradient": B}) == []
    assert slots.granted(None, FIRST, {"mimic-cxr": A}) == []
