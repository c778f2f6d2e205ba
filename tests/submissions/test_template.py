"""The template of a model card says what is missing, and is valid once it is filled in."""

from __future__ import annotations

import pytest

from evaluator.core.problems import Problems
from evaluator.submissions.parsing import parse_yaml
from evaluator.submissions.rules.card import check_card
from evaluator.submissions.template import card_template


def problems_of(text):
    problems = Problems()
    value = parse_yaml("model.yaml", text, problems)
    check_card("model.yaml", text, value, problems)
    return problems


def filled(text):
    for empty, full in (
        ("institution:  ", "institution: Acme Labs  "),
        ("contact: []", "contact: [octocat]"),
        ("year:  ", "year: 2026  "),
        ("license:  ", "license: MIT  "),
    ):
        assert text.count(empty) == 1, empty
        text = text.replace(empty, full)
    return text


def test_an_untouched_template_names_the_fields_to_fill_in():
    places = {(p.pointer, p.line) for p in problems_of(card_template("acme", "m1"))}
    assert {p for p, _ in places} == {"/institution", "/contact", "/year", "/license"}
    assert all(line for _, line in places)


@pytest.mark.parametrize("model", ["m1", "7", "1.5", "1e5", "true", "null", "no", "0x1f", "2026-01-01"])
def test_a_filled_template_is_valid_whatever_the_name(model):
    text = filled(card_template("acme", model))
    assert not list(problems_of(text))
    assert parse_yaml("model.yaml", text, Problems())["name"] == model
