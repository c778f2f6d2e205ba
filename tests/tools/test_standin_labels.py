"""Gold labels of the grammar: derived from the roles of the words, checked against annotations made by hand."""

from __future__ import annotations

import pytest

from evaluator.datasets.sandbox.grammar import all_sentences
from evaluator.datasets.sandbox.studies import references
from evaluator.models.chexbert import LABELS
from tools.train_standins.labels import (
    annotate,
    chexbert_of,
    known_sentences,
    rate_of,
    words_of,
)


def spell(words, start, end):
    return " ".join(words[start : end + 1])


CASES = [
    (
        "No evidence of pneumothorax.",
        {("pneumothorax", "OBS-DA")},
        set(),
        [("pneumothorax", "NON-DISEASE")],
        {"Pneumothorax": 2, "No Finding": 1},
    ),
    (
        "Small right pleural effusion is increased since the prior study.",
        {("Small", "OBS-DP"), ("right", "ANAT-DP"), ("pleural", "ANAT-DP"), ("effusion", "OBS-DP"), ("increased", "OBS-DP")},
        {("Small", "modify", "effusion"), ("increased", "modify", "effusion"), ("effusion", "located_at", "pleural"), ("right", "modify", "pleural")},
        [("Small right pleural effusion", "ABNORMALITY")],
        {"Pleural Effusion": 1},
    ),
    (
        "Findings may represent consolidation in the right lower lobe.",
        {("Findings", "OBS-DP"), ("consolidation", "OBS-U"), ("right", "ANAT-DP"), ("lower", "ANAT-DP"), ("lobe", "ANAT-DP")},
        {("Findings", "suggestive_of", "consolidation"), ("consolidation", "located_at", "lobe"), ("right", "modify", "lobe"), ("lower", "modify", "lobe")},
        [("consolidation", "ABNORMALITY"), ("right lower lobe", "ANATOMY")],
        {"Consolidation": 3},
    ),
    (
        "Impression: No acute cardiopulmonary disease.",
        {("acute", "OBS-DA"), ("cardiopulmonary", "ANAT-DP"), ("disease", "OBS-DA")},
        {("acute", "modify", "disease"), ("disease", "located_at", "cardiopulmonary")},
        [("cardiopulmonary disease", "NON-DISEASE")],
        {"No Finding": 1},
    ),
    (
        "Both lungs are well expanded and clear.",
        {("lungs", "ANAT-DP"), ("expanded", "OBS-DP"), ("clear", "OBS-DP")},
        {("expanded", "located_at", "lungs"), ("clear", "located_at", "lungs")},
        [("lungs", "ANATOMY"), ("clear", "NON-ABNORMALITY")],
        {"Lung Opacity": 2, "No Finding": 1},
    ),
    ("The patient is well.", set(), set(), [], {}),
    ("", set(), set(), [], {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "entities", "relations", "rate", "labels"), CASES, ids=[c[0] for c in CASES]
)
def test_labels_are_those_an_annotator_would_give(text, entities, relations, rate, labels):
    annotations = annotate(text)
    words = annotations.words
    assert {(spell(words, e.start, e.end), e.label) for e in annotations.entities} == entities
    assert {
        (spell(words, *r.subject), r.label, spell(words, *r.object)) for r in annotations.relations
    } == relations
    assert [(spell(words, e.start, e.end), e.label) for e in annotations.rate] == rate
    assert {n: c for n, c in zip(LABELS, chexbert_of(text), strict=True) if c} == labels


def test_positive_wins_over_uncertain_and_uncertain_over_negative():
    index = LABELS.index("Edema")
    no, maybe, yes = "No pulmonary edema.", "Possible pulmonary edema.", "There is mild pulmonary edema."
    assert [chexbert_of(t)[index] for t in (no, f"{maybe} {no}", f"{no} {maybe} {yes}")] == [2, 3, 1]


def test_a_device_is_not_a_finding():
    labels = dict(zip(LABELS, chexbert_of("There is central venous catheter."), strict=True))
    assert (labels["Support Devices"], labels["No Finding"]) == (1, 1)


def test_relations_join_entities_of_the_same_text():
    for study in references().values():
        annotations = annotate(study["report"])
        spans = {(e.start, e.end) for e in annotations.entities}
        assert len(spans) == len(annotations.entities)
        assert all(r.subject in spans and r.object in spans for r in annotations.relations)
        assert len(known_sentences(study["report"])) == sum(w == "." for w in annotations.words)


def test_every_sentence_has_entities_in_order():
    for sentence in all_sentences():
        ends = [-1, *(e.end for e in rate_of(sentence))]
        assert len(ends) > 1
        assert all(e.start > end for e, end in zip(rate_of(sentence), ends, strict=False))


@pytest.mark.parametrize(
    ("text", "words"),
    [("2.5cm", ["2", ".", "5cm"]), ("a/b, c (d)", ["a", "/", "b", ",", "c", "(", "d", ")"]), (" \n", []), ("Right-sided", ["Right-sided"])],
)  # fmt: skip
def test_words_as_radgraph_takes_them(text, words):
    assert words_of(text) == words
