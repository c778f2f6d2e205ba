"""Dataset pages: what is missing, and which differences boards resolve."""

from __future__ import annotations

import html
import json
import re

import pytest

from evaluator.datasets.registry import dataset_ids, get_dataset


@pytest.mark.parametrize("name", dataset_ids())
def test_a_dataset_page_counts_what_is_missing(name, made):
    dataset, page = get_dataset(name), html.unescape(made[f"datasets/{name}.md"])
    for section, n in dataset.sections.items():
        missing = "not yet counted" if n is None else f"{dataset.n_studies - n:,}"
        assert re.search(rf">{section.capitalize()}</th><td>[^<]*</td><td>{missing}[ <]", page)
    assert dataset.licence in page
    assert all(f'href="{a}"' in page for a in dataset.links.values())
    if dataset.ids_digest:
        assert dataset.ids_digest in page
    patients = dataset.n_patients
    words = (
        "not yet counted"
        if patients is None
        else f"{patients:,},"
        if patients < dataset.n_studies
        else "one study per patient"
    )
    assert f"Patients</th><td>{words}" in page


def test_a_dataset_page_says_what_differences_its_boards_resolve(made, leaderboard):
    table = json.loads((leaderboard / "tables/sandbox.findings.json").read_text())
    assert f"{table['resolution']['mde']:.3f}<small>in mean BLEU-2" in html.unescape(
        made["datasets/sandbox.md"]
    )
    record = json.loads(
        (leaderboard / "records/sandbox/findings/rexrank-sandbox__near-copy.json").read_text()
    )
    assert record["provenance"]["references_sha256"] in made["datasets/sandbox.md"]
    assert "about 0.058<small>planning value" in html.unescape(made["datasets/iu-xray.md"])
    assert "about 0.178<small>planning value" in html.unescape(made["datasets/chexpert-plus.md"])
