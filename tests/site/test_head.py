"""What a model's page tells search engines about its authors, in schema.org terms."""

from __future__ import annotations

import html
import json
from pathlib import Path

from support import records, tables

from evaluator.leaderboard.row import Row
from evaluator.scoring.record import Record
from evaluator.site.content import Content, Entry
from evaluator.site.head import model_data, with_head
from evaluator.site.model.citation import bibtex
from evaluator.site.model.page import model_page

URL = "https://example.org/below/"
HOSTILE = "Evil </script><script>alert(1)</script> {{ config }} and Other"
AUTHORS = [
    {"name": "Josiah Carberry", "orcid": "0000-0002-1825-0097", "affiliation": "Brown University"},
    {"name": HOSTILE},
    {"name": "No such iD", "orcid": "javascript:alert(1)"},
]


def content(**card):
    record = Record.model_validate(records.record(card={"name": "M", "year": 2026, **card}).view())
    row = Row.model_validate(tables.row("team/model", metrics={"bleu_2": tables.cell(0.4)}))
    entry = Entry(tables.typed(tables.table(dataset="mimic-cxr", access="restricted")), row, record)
    return Content(leaderboard=Path("x"), site_url=URL, models={"team/model": [entry]})


def test_authors_are_in_the_head_with_their_ids():
    data = model_data("team/model", content(authors=AUTHORS)).view()
    assert data["author"] == [
        {
            "@type": "Person",
            "@id": "https://orcid.org/0000-0002-1825-0097",
            "name": "Josiah Carberry",
            "affiliation": {"@type": "Organization", "name": "Brown University"},
        },
        {"@type": "Person", "name": HOSTILE},
        {"@type": "Person", "name": "No such iD"},
    ]
    page = with_head({"models/team/model.md": "---\ntitle: x\n---\n"}, content(authors=AUTHORS))
    line = next(x for x in page["models/team/model.md"].splitlines() if x.startswith("structured: "))
    assert json.loads(line.removeprefix("structured: ")) == data


def test_a_card_without_authors_adds_no_data():
    assert model_data("team/model", content()) is None


def test_authors_are_on_the_page_and_in_the_citation():
    here = content(authors=AUTHORS)
    page = model_page("team/model", here)
    assert "<script>" not in page
    assert 'href="https://orcid.org/0000-0002-1825-0097"' in html.unescape(page)
    assert "javascript:" not in html.unescape(page)
    cited = bibtex("team/model", here.models["team/model"][0].record, URL)
    authors = next(x for x in cited.splitlines() if x.strip().startswith("author"))
    assert authors.startswith("  author       = {{Josiah Carberry} and {Evil ")
    assert authors.count("} and {") == 2
