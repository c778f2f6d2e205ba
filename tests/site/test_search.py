"""The search index: the rules and guides for participants in full, other pages by title."""

from __future__ import annotations

import json

from evaluator.site.search import INDEX, lighten


def test_reference_pages_are_found_by_their_titles(tmp_path):
    docs = [
        {"location": "rules/", "title": "Rules", "text": "Who can enter"},
        {"location": "maintainers/runner/#salt", "title": "The salt", "text": "A long text"},
        {"location": "contributing/metric/", "title": "A metric", "text": ""},
    ]
    (tmp_path / INDEX).parent.mkdir()
    (tmp_path / INDEX).write_text(json.dumps({"config": {"lang": ["en"]}, "docs": docs}), "utf-8")
    assert lighten(tmp_path) == 1
    index = json.loads((tmp_path / INDEX).read_text("utf-8"))
    assert index == {"config": {"lang": ["en"]}, "docs": [docs[0], {**docs[1], "text": ""}, docs[2]]}


def test_a_site_without_a_search_stays_as_it_is(tmp_path):
    assert lighten(tmp_path) == 0
    assert list(tmp_path.iterdir()) == []
