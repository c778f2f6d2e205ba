"""Feeds, and the rules for robots."""

from __future__ import annotations

import html
import json
from xml.etree import ElementTree as ET

from support.boards import URL

from evaluator.leaderboard.history import Event, append_history
from evaluator.site.build import pages


def test_the_feed_is_atom_and_json(made):
    feed = ET.fromstring(made["feed.xml"])
    space = "{http://www.w3.org/2005/Atom}"
    ids = [e.find(f"{space}id").text for e in feed.iter(f"{space}entry")]
    assert len(ids) == len(set(ids)) == 2, "one entry a model and day"
    assert all(i.startswith(URL) for i in ids)
    items = json.loads(made["feed.json"])["items"]
    assert [i["id"] for i in items] == ids
    assert items[-1]["title"] == "Sandbox near-copy entered 2 boards"
    assert "Sandbox, findings + impression: entered the board, BLEU-2 0." in items[-1]["content_text"]
    for item in items:
        assert f'id="{item["id"].partition("#")[2]}"' in made["changelog.md"]
    assert items[-1]["url"] == f"{URL}models/rexrank-sandbox/near-copy/"
    assert 'href="../models/rexrank-sandbox/near-copy/"' in html.unescape(made["changelog.md"])


def test_a_day_of_several_kinds_is_one_entry(leaderboard, tmp_path):
    first = json.loads((leaderboard / "history.jsonl").read_text().splitlines()[0])
    gone = {**first, "event": "withdrawn", "shown": None, "rank": None}
    append_history(tmp_path, [Event.model_validate(first), Event.model_validate(gone)])
    (item,) = json.loads(pages(tmp_path, URL)["feed.json"])["items"]
    assert (
        item["title"]
        == "Sandbox near-copy entered Sandbox, findings and was withdrawn from Sandbox, findings"
    )


def test_characters_that_xml_cannot_hold_do_not_break_the_feed(leaderboard, tmp_path):
    event = {
        **json.loads((leaderboard / "history.jsonl").read_text().splitlines()[0]),
        "name": "a\u0000b\u001bc & <d>",
    }
    append_history(tmp_path, [Event.model_validate(event)])
    feed = ET.fromstring(pages(tmp_path, URL)["feed.xml"])
    assert any("abc & <d>" in (e.text or "") for e in feed.iter())


def test_robots_are_told_the_path_of_the_site(made):
    assert "Disallow: /below/data/cases/\n" in made["robots.txt"]
    assert f"Sitemap: {URL}sitemap.xml" in made["robots.txt"]
