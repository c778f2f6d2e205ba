"""The hosted job recomputes the overall table from the boards' tables, and refuses what does not follow from them."""

from __future__ import annotations

import json
import shutil

import pyarrow.parquet as pq
import pytest
from support.challenges import use
from support.populations import make_populations

from evaluator.core.problems import RexrankError
from evaluator.github.bundle import ALLOWED
from evaluator.github.bundle_content import Bundle
from evaluator.github.overall_rules import check_overall
from evaluator.github.publish import published_bytes


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("populations")
    make_populations(folder, n_models=4, n_studies=60)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "bundle")


def bundle(folder, root=None):
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    content = {n: json.loads((folder / n).read_text()) for n in names if n.endswith(".json")}
    return Bundle(folder, names, content, root)


def test_what_ranking_wrote_passes_and_may_be_published(folder):
    check_overall(bundle(folder))
    names = [n for n in bundle(folder).names if n.startswith("overall.")]
    assert len(names) == 6
    assert ALLOWED.fullmatch(PAIRS)
    assert all(ALLOWED.fullmatch(n) for n in names)


def score(value):
    value["rows"][0]["score"] += 1.0


def unknown(value):
    value["rows"][0]["bought"] = True


def track(value):
    value["track"] = "report"


CHANGES = {
    "another score": (score, "contradict"),
    "an unknown field": (unknown, "violates the schema"),
    "another track": (track, "belongs to another track"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_table_is_refused(folder, name):
    change, words = CHANGES[name]
    path = folder / "overall.findings.json"
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
    with pytest.raises(RexrankError, match=words):
        check_overall(bundle(folder))


PAIRS = "pairwise/overall-findings.parquet"


def test_pairs_are_those_of_the_digest(folder):
    """Pairs of fewer models, another file and none at all are refused; so are pairs without a table."""
    make_populations(folder.parent / "other", n_models=3, n_studies=60)
    for change, words in (
        (lambda p: shutil.copy(folder.parent / "other" / PAIRS, p), "a different digest from its pairs"),
        (lambda p: p.write_bytes(b"PAR1"), "the runner's format"),
        (lambda p: p.unlink(), "a digest without its pairs"),
    ):
        change(folder / PAIRS)
        with pytest.raises(RexrankError, match=words):
            check_overall(bundle(folder))


def test_pairs_are_published_from_their_rows_alone(folder):
    path = folder / PAIRS
    wanted = path.read_bytes()
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({"note": "quillwort text of a reference"}), path)
    check_overall(bundle(folder))
    assert published_bytes(folder, PAIRS) == wanted


def test_pairs_stand_beside_an_overall_table(folder):
    shutil.copy(folder / PAIRS, folder / "pairwise/overall-answers.parquet")
    with pytest.raises(RexrankError, match="answers track without the other"):
        check_overall(bundle(folder))


@pytest.mark.parametrize("kind", ["csv", "md"])
def test_another_form_that_says_something_else_is_refused(folder, kind):
    path = folder / f"overall.report.{kind}"
    path.write_text(path.read_text() + "mine\n")
    with pytest.raises(RexrankError, match=f"overall.report.{kind} in the bundle does not match"):
        check_overall(bundle(folder))


@pytest.mark.parametrize("gone", ["overall.findings.json", "overall.findings.csv", "tables"])
def test_boards_and_overall_table_come_together(folder, gone):
    path = folder / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(RexrankError, match="without the other"):
        check_overall(bundle(folder))


def test_the_challenge_s_boards_count(folder, monkeypatch):
    blocks = [{"title": "All", "datasets": ["iu-xray", "mimic-cxr"]}]
    use(monkeypatch, overall={"boards": ["iu-xray", "mimic-cxr"], "blocks": blocks})
    with pytest.raises(RexrankError, match="Nothing is published from it"):
        check_overall(bundle(folder))
