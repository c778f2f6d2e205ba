"""The sandbox: the same seed gives the same bytes, and its facts can be read back."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from evaluator.datasets.sandbox.broken import write_broken
from evaluator.datasets.sandbox.facts import facts_of, sentences_of
from evaluator.datasets.sandbox.generate import (
    MODELS,
    dataset_text,
    predictions,
    submission_files,
)
from evaluator.datasets.sandbox.grammar import FINDINGS, Fact, all_sentences, say, sentence_table
from evaluator.datasets.sandbox.studies import N_STUDIES, studies
from evaluator.submissions.reading import validate_paths

ROOT = Path(__file__).parents[3]


def test_the_shipped_files_are_what_the_generator_writes():
    assert (
        resources.files("evaluator.datasets.sandbox").joinpath("sandbox.json").read_text("utf-8")
        == dataset_text()
    )
    for path, text in submission_files().items():
        assert (ROOT / "submissions" / path).read_text("utf-8") == text, path


def test_another_seed_is_another_dataset():
    assert dataset_text(1) != dataset_text()


def test_the_studies_cover_the_language():
    every = studies()
    assert len(every) == N_STUDIES
    assert {f.status for s in every for f in (*s.present, *s.absent)} == {"present", "uncertain", "absent"}
    assert {f.finding for s in every for f in s.present} >= set(FINDINGS) - {"tube", "fracture", "nodule"}
    assert any(f.change for s in every for f in s.present)
    assert 10 < sum(not s.present for s in every) < 40
    assert all(not f.change or s.prior for s in every for f in s.present)


def test_every_sentence_of_the_dataset_is_known():
    for study in json.loads(dataset_text()).values():
        assert all(s in sentence_table() for s in sentences_of(study["report"]))


def test_facts_are_read_back():
    for study in studies():
        text = json.loads(dataset_text())[study.id]["section_findings"]
        facts = facts_of(text)
        assert all(f in facts for f in (*study.present, *study.absent)), study.id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No pleural effusion.", [Fact("effusion", "absent")]),
        ("There is small right pleural effusion.", [Fact("effusion", "present", "right", "small")]),
        ("Possible pneumothorax today.", [Fact("pneumothorax", "uncertain")]),
        ("Large left pleural fluid was seen.", [Fact("effusion", "present", "left", "large")]),
        ("The patient is well.", []),
        ("", []),
    ],
)
def test_facts_of_any_text(text, expected):
    assert facts_of(text) == expected


def test_no_two_facts_share_a_sentence():
    by_text = {}
    for sentence in all_sentences():
        assert by_text.setdefault(sentence.text, sentence.facts) == sentence.facts


def test_sentences_are_sentences():
    assert (
        say(Fact("effusion", "present", "right", "small", "new"), 0).text
        == "Small right pleural effusion is new since the prior study."
    )


def test_the_four_submissions_differ_as_intended():
    distinct = {m: len({(r.findings, r.impression) for r in predictions(m).values()}) for m in MODELS}
    assert distinct["template"] == 1
    assert min(distinct["near-copy"], distinct["paraphrase"], distinct["shuffled"]) > 40


def test_the_broken_one_breaks_many_rules(tmp_path):
    report = validate_paths([write_broken(tmp_path)], None)
    assert {p.code for p in report.problems} >= {
        "RX101",
        "RX102",
        "RX202",
        "RX203",
        "RX207",
        "RX302",
        "RX303",
        "RX304",
        "RX403",
        "RX406",
        "RX408",
        "RX502",
        "RX503",
        "RX504",
    }
