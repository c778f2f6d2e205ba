"""A lab's earlier predictions in bulk: one change by a maintainer, checked, merged, scored and dated correctly."""

from __future__ import annotations

import json

from rehearsal.git import Change
from rehearsal.submissions import card, submission
from rehearsal.world import World

IMPORTED = b"imported: {date: '2024-11-19', source: the lab's paper}\n"


def several(*models: str) -> dict[str, Change]:
    """Submissions of a lab whose cards say where their predictions come from."""
    files: dict[str, Change] = {}
    for seed, model in enumerate(models, start=11):
        files |= submission("lab", model, seed=seed, card_text=card(name=model) + IMPORTED)
    return files


def test_an_import_goes_all_the_way_and_its_dates_are_what_they_are(rehearsal: World) -> None:
    p = rehearsal.open_pull(several("one", "two"), author="maintainer", branch="import")
    (comment,) = rehearsal.bot_comments(p)
    assert "Valid import" in comment.body
    assert "2 submissions" in comment.body
    assert "predictions of 2024-11-19" in comment.body
    status = [s for s in rehearsal.state.statuses if s.sha == p.head_sha and s.context == "rexrank/score"][-1]
    assert (status.state, "scored once it is merged" in status.description) == ("success", True)
    rehearsal.merge(p)
    assert rehearsal.last("publish").conclusion == "success", rehearsal.last("publish").log
    lines = (rehearsal.file("leaderboard/history.jsonl") or b"").decode().splitlines()
    events = [e for e in map(json.loads, lines) if e["id"].startswith("lab/") and e["track"] == "findings"]
    assert {(e["id"], e["event"]) for e in events} == {("lab/one", "entered"), ("lab/two", "entered")}
    assert "2024-11-19" not in {e["date"] for e in events}
    record = rehearsal.file("leaderboard/records/sandbox/findings/lab__one.json")
    assert json.loads(record or b"{}")["card"]["imported"]["date"] == "2024-11-19"
