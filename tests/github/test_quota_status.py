"""The ledger as everybody may read it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from support.submissions import model_card

from evaluator.datasets.report import StudyReport
from evaluator.github import api
from evaluator.github import quota_status as slots
from evaluator.submissions.submission import Predictions, Submission

FIRST, A, B = "f" * 40, "a" * 64, "b" * 64
NOW = datetime(2026, 12, 1, tzinfo=UTC)
LATER, EARLIER = "2026-12-26T13:58:12Z", "2026-11-26T13:58:12Z"
PRIVATE = "rexrank/quota/rexgradient/t"


class Repo:
    """Statuses of one commit, newest first as GitHub gives them."""

    def __init__(self, *rows):
        self.rows = [self.row(*r) for r in rows]

    def row(self, description, context=PRIVATE, login=api.BOT):
        creator = SimpleNamespace(login=login) if login else None
        return SimpleNamespace(description=description, context=context, creator=creator)

    def get_commit(self, sha):
        assert sha == FIRST
        return self

    def create_status(self, state, description, context):
        assert state == "success"
        assert len(description) <= 140
        self.rows.insert(0, self.row(description, context))


@pytest.fixture(autouse=True)
def route(monkeypatch):
    monkeypatch.setattr(api, "statuses", lambda repo, sha: list(repo.get_commit(sha).rows))


def submission(digest=B):
    files = {d: Predictions(d, {"s": StudyReport("x")}, digest) for d in ("rexgradient", "sandbox")}
    return Submission("t", "m", model_card(), files)


@pytest.mark.parametrize(
    ("rows", "when"),
    [
        ([], None),
        ([(f"scored {A}, next {LATER}",)], LATER),
        ([(f"refused {A}, next {LATER}",)], LATER),
        ([(f"scored {A}, next {EARLIER}",)], None),
        ([(f"scored {A}, next now",)], None),
        ([(f"scored {A}, next now",), (f"scored {A}, next {LATER}",)], None),
        ([(f"scored {A}, next {LATER}",), (f"scored {B}, next {EARLIER}",)], None),
        ([(f"scored {A}, next {LATER}",), (f"refused {B}, next {LATER}",)], LATER),
        ([(f"scored {A}, next {LATER}", "rexrank/quota/rexgradient/u")], None),
        ([(f"scored {A}, next {LATER}", "rexrank/quota/mimic-cxr/t")], None),
        ([(f"scored {A}, next {LATER}", PRIVATE, "somebody")], None),
        ([(f"scored {A}, next {LATER}", PRIVATE, None)], None),
        ([(f"scored {A}, next never",)], None),
        ([(None,)], None),
    ],
)
def test_what_the_notes_say(rows, when):
    assert slots.waits(Repo(*rows), FIRST, submission(), NOW) == {"rexgradient": when}


def test_public_sets_ask_nobody():
    asked = Submission("t", "m", model_card(), {"sandbox": submission().files["sandbox"]})
    assert slots.waits(SimpleNamespace(), FIRST, asked, NOW) == {}


def standing(digest=A, *, counted=True, when=LATER):
    return {"dataset": "rexgradient", "digest": digest, "counted": counted, "next": when}


def test_a_note_is_written_once():
    repo = Repo()
    for _ in range(2):
        slots.note(repo, FIRST, "t", [standing()])
    assert [r.description for r in repo.rows] == [f"scored {A}, next {LATER}"]
    slots.note(repo, FIRST, "t", [standing(B, counted=False)])
    assert repo.rows[0].description == f"refused {B}, next {LATER}"
    assert slots.waits(repo, FIRST, submission(A), NOW) == {"rexgradient": None}
    slots.note(repo, FIRST, "t", [])
    assert len(repo.rows) == 2
