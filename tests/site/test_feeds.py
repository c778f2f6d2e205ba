"""Feeds, and what robots are told."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from support.boards import URL

from evaluator.leaderboard.history import Event, append_history
from evaluator.site.build import pages


def test_the_feed_is_atom_and_json(made):
    feed = ET.fromstring(made["feed.xml"])
    space = "{http://www.w3.org/2005/Atom}"
    ids = [e.find(f"{space}id").text for e in feed.iter(f"{space}entry")]
    assert len(ids) == len(set(ids)) == 4
    assert all(i.startswith(URL) for i in ids)
    items = json.loads(made["feed.json"])["items"]
    assert [i["id"] for i in items] == ids
    assert "Sandbox near-copy entered the board" in made["feed.json"]
    for item in items:
        assert f'id="{item["id"].partition("#")[2]}"' in made["changelog.md"]
    assert items[-1]["url"] == f"{URL}models/rexrank-sandbox/near-copy/"
    assert 'href="../models/rexrank&#45;sandbox/near&#45;copy/"' in made["changelog.md"]


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
