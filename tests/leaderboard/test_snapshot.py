"""A release of the boards: whole, the same bytes again, with metadata in Zenodo's own form."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from support.crowd import make_crowd
from typer.testing import CliRunner

from evaluator.cli.app import app
from evaluator.core.problems import InputError, RexrankError
from evaluator.datasets.challenge import challenge
from evaluator.leaderboard.snapshot import read_deposit, snapshot

ROOT = Path(__file__).parents[2]
FORM = Draft202012Validator(
    json.loads((ROOT / "tests/data/published_forms/zenodo-deposit.json").read_text("utf-8"))
)
AUTHORS = [
    {"name": "Carberry, Josiah", "orcid": "0000-0002-1825-0097", "affiliation": "Brown University"},
    {"name": "Doe, Jane"},
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A checkout with a board whose two models name the same authors."""
    folder = tmp_path_factory.mktemp("snapshot")
    make_crowd(folder / "leaderboard", ("iu-xray",), n_models=2, n_studies=20)
    for path in (folder / "leaderboard/records").rglob("*.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "card": {**record["card"], "authors": AUTHORS}}))
    for name in (".zenodo.json", "CITATION.cff", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def checkout(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "checkout"))


def opened(files):
    archive = zipfile.ZipFile(io.BytesIO(files["rexrank-boards-2026-11-28.zip"]))
    return {n.partition("/")[2]: archive.read(n) for n in archive.namelist()}


def test_the_archive_holds_the_whole_board_and_its_digests(made):
    files = snapshot(made, made / "leaderboard", "2026-11-28")
    inside = opened(files)
    there = {
        f"leaderboard/{p.relative_to(made / 'leaderboard').as_posix()}"
        for p in (made / "leaderboard").rglob("*")
        if p.is_file() and "pairwise" not in p.parts
    }
    assert set(inside) == {*there, "CITATION.cff", "LICENSE", "README.md", ".zenodo.json", "SHA256SUMS"}
    assert {"leaderboard/tables/iu-xray.findings.csv", "leaderboard/overview.json"} <= there
    for outer, sums in ((inside, inside["SHA256SUMS"]), (files, files["SHA256SUMS"])):
        for line in sums.decode().splitlines():
            digest, _, name = line.partition("  ")
            assert hashlib.sha256(outer[name]).hexdigest() == digest
    assert len(inside["SHA256SUMS"].splitlines()) == len(inside) - 1


def test_metadata_keeps_the_form_of_zenodo_and_credits_each_author_once(made):
    files = snapshot(made, made / "leaderboard", "2026-11-28")
    value = json.loads(files["zenodo.json"])
    assert not list(FORM.iter_errors(value))
    assert value["contributors"] == [{**a, "type": "Researcher"} for a in AUTHORS]
    assert value["publication_date"] == "2026-11-28"
    assert value["title"] == f"{challenge().name}: the boards as of 2026-11-28"
    assert value["creators"] == [{"name": challenge().steward}]
    assert value["upload_type"] == "dataset"


def test_the_repository_tells_zenodo_what_its_citation_file_says():
    value = json.loads((ROOT / ".zenodo.json").read_text("utf-8"))
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert not list(FORM.iter_errors(value))
    assert read_deposit(ROOT)
    assert (value["title"], value["license"], value["upload_type"]) == (
        cited["title"],
        cited["license"],
        cited["type"],
    )
    assert value["creators"] == cited["authors"]
    assert value["related_identifiers"][0]["identifier"] == cited["preferred-citation"]["journal"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert value["keywords"] == project["keywords"]


def git(folder, *words):
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def test_a_commit_gives_the_same_bytes_again(checkout, tmp_path, monkeypatch):
    git(checkout, "init", "-q")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "x", "--date", "2026-11-28T23:30:00+00:00")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(checkout), str(clone))
    bytes_of = []
    for folder in (checkout, clone):
        monkeypatch.chdir(folder)
        result = CliRunner().invoke(app, ["export", "boards", "--out", str(tmp_path / folder.name / "out")])
        assert result.exit_code == 0, result.output
        out = tmp_path / folder.name / "out"
        bytes_of.append({p.name: p.read_bytes() for p in sorted(out.iterdir())})
    assert bytes_of[0] == bytes_of[1]
    assert len(bytes_of[0]) == 4


def test_leaderboards_that_cannot_be_released(checkout, tmp_path):
    (checkout / "leaderboard/more").symlink_to("/etc/passwd")
    with pytest.raises(RexrankError, match="is not a regular file"):
        snapshot(checkout, checkout / "leaderboard", "2026-11-28")
    (checkout / "leaderboard/more").unlink()
    path = checkout / "leaderboard/tables/iu-xray.findings.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "rehearsal": True}))
    with pytest.raises(InputError, match=r"rehearsals are not results .* iu-xray\.findings"):
        snapshot(checkout, checkout / "leaderboard", "2026-11-28")
    (tmp_path / "leaderboard").mkdir()
    with pytest.raises(InputError, match="nothing to release"):
        snapshot(checkout, tmp_path / "leaderboard", "2026-11-28")
