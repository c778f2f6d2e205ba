"""A draft card: answers as they are typed, what is missing, and a file that the rules accept."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evaluator.submissions.card_draft import (
    QUESTIONS,
    CardDraft,
    answered,
    card_problems,
    card_text,
    differing,
    filled,
    problems_of,
    split_list,
    unanswered,
)

ANSWERS = {
    "name": "Careful model",
    "institution": "A university",
    "contact": "@octocat, hubot",
    "year": "2026",
    "description": "It looks at frontal views.",
    "authors": "Zoë Müller-Łoś (Universität) https://orcid.org/0000-0002-1825-0097; 李 明",
    "paper": "",
    "code": "https://github.com/acme/m1",
    "weights": "",
    "license": "MIT",
    "parameters": "7B",
    "views": "frontal",
    "context": "none",
    "image": f"ghcr.io/acme/m1@sha256:{'a' * 64}",
    "training_data": "mimic-cxr, other:our own",
    "uses_external_llm": "n",
    "deterministic": "Y",
}
BY_FIELD = {q.field: q for q in QUESTIONS}


def whole() -> CardDraft:
    draft = CardDraft()
    for field, text in ANSWERS.items():
        draft = answered(draft, BY_FIELD[field], text)
    return draft


def test_every_field_has_a_question_and_the_answers_make_a_valid_card():
    assert list(BY_FIELD) == list(CardDraft.__dataclass_fields__)
    assert {q.field for q in unanswered(CardDraft())} == {q.field for q in QUESTIONS if q.needed}
    draft = whole()
    assert unanswered(draft) == []
    text = card_text(draft, "acme", "m1")
    assert card_problems(text) == []
    card = yaml.safe_load(text)
    assert card["contact"] == ["octocat", "hubot"]
    assert card["authors"] == [
        {"name": "Zoë Müller-Łoś", "affiliation": "Universität", "orcid": "0000-0002-1825-0097"},
        {"name": "李 明"},
    ]
    assert card["inference"] == {"image": ANSWERS["image"]}
    assert card["links"] == {"code": "https://github.com/acme/m1"}
    assert (card["training_data"], card["deterministic"]) == (["mimic-cxr", "other:our own"], True)


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("year", "26", "four digits"),
        ("year", "twenty", "four digits"),
        ("deterministic", "maybe", "y or n"),
        ("institution", "  ", "needed"),
        ("license", "", "needed"),
        ("authors", "Ada Lovelace 0000-0002-1825", "wanted NAME"),
        ("authors", "Ada Lovelace (A university", "wanted NAME"),
        ("authors", "0000-0002-1825-0097", "wanted NAME"),
    ],
)
def test_an_invalid_answer_is_reported(field, text, words):
    with pytest.raises(ValueError, match=words):
        answered(CardDraft(), BY_FIELD[field], text)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("views", "front"),
        ("context", "history"),
        ("contact", "not a handle"),
        ("code", "http://example.org"),
        ("parameters", "seven"),
        ("year", "1999"),
        ("authors", "Ada Lovelace 0000-0002-1825-0098"),
        ("image", "ghcr.io/acme/m1:latest"),
        ("training_data", "mimic"),
        ("institution", "x" * 101),
    ],
)
def test_an_answer_that_the_cards_rules_refuse_is_reported_at_once(field, text):
    draft = answered(whole(), BY_FIELD[field], text)
    assert list(problems_of(BY_FIELD[field], draft))
    assert not list(problems_of(BY_FIELD["name"], draft))


@pytest.mark.parametrize(
    ("text", "parts"),
    [("", ()), ("none", ()), (" @a,b , a ", ("a", "b")), ("other:none at all", ("other:none at all",))],
)
def test_split_list(text, parts):
    assert split_list(text) == parts


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_answer_breaks_out_of_its_field(name, description):
    """Whatever is typed stays a value: the card has the same fields, or is refused."""
    draft = replace(whole(), name=name, description=description)
    text = card_text(draft, "acme", "m1")
    if not card_problems(text):
        card = yaml.safe_load(text)
        assert (card["name"], card["description"]) == (name, description)
        assert card["status"] == "active"


def test_what_a_draft_lacks_comes_from_the_start():
    assert filled(CardDraft(name="mine"), CardDraft(name="theirs", year=2025)) == CardDraft(
        name="mine", year=2025
    )


def test_options_that_a_card_contradicts_are_named():
    text = card_text(whole(), "acme", "m1")
    assert differing(whole(), text) == []
    assert differing(CardDraft(), text) == []
    draft = replace(CardDraft(), year=2025, views="all", training_data=(), deterministic=True)
    assert differing(CardDraft(authors=("Ada Lovelace",), image="x"), text) == ["--author", "--image"]
    assert differing(draft, text) == ["--year", "--views", "--training-data"]
    assert differing(draft, "- no\n- card") == []
