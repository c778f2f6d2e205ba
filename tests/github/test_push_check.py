"""What a push brought to main is checked once more: who owns it, and who may declare predictions as imported."""

from __future__ import annotations

import pytest

from evaluator.github.ownership import Person
from evaluator.github.push_check import objections

CARD = "submissions/strangers/careful/model.yaml"
PREDICTIONS = "submissions/strangers/careful/sandbox.json"
IMPORTED = b"imported: {date: '2024-11-19', source: a lab}\n"
OWNER, MAINTAINER = Person("stranger", 7), Person("keeper", 8, maintainer=True)


def said(repo, before, change, person):
    after = repo.merge(change)
    return objections(repo.path, before, after, lambda _: [person])


def test_several_submissions_of_a_maintainer_may_come_at_once(repo, submission_files):
    before = repo.run("rev-parse", "main")
    files = {p: d for model in ("one", "two") for p, d in submission_files(model=model).items()}
    assert said(repo, before, files, MAINTAINER) == []


@pytest.mark.parametrize(
    ("main", "change", "person", "words"),
    [
        (b"", {CARD: IMPORTED}, OWNER, "only maintainers may write imported"),
        (b"", {CARD: IMPORTED}, MAINTAINER, None),
        (IMPORTED, {PREDICTIONS: b"{}"}, OWNER, "remove imported from model.yaml"),
        (IMPORTED, {PREDICTIONS: b"{}", CARD: b""}, OWNER, None),
        (IMPORTED, {PREDICTIONS: None, CARD: None}, OWNER, None),
    ],
)
def test_who_may_say_that_predictions_are_imported(
    repo, submission_files, card_bytes, main, change, person, words
):
    before = repo.merge({**submission_files(), CARD: card_bytes() + main})
    files = {p: card_bytes() + d if p == CARD and d is not None else d for p, d in change.items()}
    output = said(repo, before, files, person)
    assert output == [] if words is None else words in output[0]
