"""From main's predictions a sparse checkout fetches those it compares, in one request, and reads one at a time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.sparse import sparse_clone, unfetched

from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import get_dataset
from evaluator.github.main_files import MainFiles, main_files
from evaluator.submissions.reading import submitted_predictions

SANDBOX = get_dataset("sandbox")
MODELS = [f"strangers/model-{i}" for i in range(3)]


@pytest.fixture
def main(repo, card_bytes, report_bytes, tmp_path):
    """A sparse checkout of main with three models, one of which is on another dataset too."""
    files = {f"submissions/{m}/model.yaml": card_bytes(name=m) for m in MODELS}
    files |= {f"submissions/{m}/sandbox.json": report_bytes("near-copy", i) for i, m in enumerate(MODELS)}
    repo.merge({**files, f"submissions/{MODELS[0]}/iu-xray.json": b"{}"})
    return sparse_clone(repo.url, tmp_path / "checkout")


def cut_off(folder):
    subprocess.run(["git", "-C", str(folder), "remote", "set-url", "origin", "file:///nowhere"], check=True)


def test_files_to_compare_are_fetched_at_once_and_read_on_demand(repo, main, tmp_path):
    others = main_files(main).others(SANDBOX, MODELS[1])
    assert unfetched(repo, main) == [
        f"submissions/{m}" for m in (f"{MODELS[0]}/iu-xray.json", f"{MODELS[1]}/sandbox.json")
    ]
    cut_off(main)  # nothing more is requested
    assert sorted(others) == [MODELS[0], MODELS[2]]
    subprocess.run(["git", "clone", "-q", repo.url, str(tmp_path / "whole")], check=True)
    whole = submitted_predictions(tmp_path / "whole/submissions", SANDBOX, MODELS[1])
    assert {name: others[name] for name in others} == {name: whole[name] for name in whole}
    assert not (main / "submissions" / MODELS[0] / "sandbox.json").exists()


def test_without_a_response_nothing_is_compared(main):
    cut_off(main)
    with pytest.raises(RexrankError, match="git fetch failed"):
        main_files(main).others(SANDBOX, "")


def test_a_folder_outside_a_checkout_is_read_directly(tmp_path, report_bytes):
    path = tmp_path / "submissions/team/model/sandbox.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(report_bytes("near-copy", 1))
    files = main_files(tmp_path)
    assert files == MainFiles(tmp_path)
    assert len(files.others(SANDBOX, "")["team/model"]) == 60
    assert files.read(Path("submissions/team/model/none.json").as_posix()) is None


def test_what_changed_since_an_earlier_tree(repo, main, report_bytes):
    before = repo.run("rev-parse", "main:submissions")
    assert main_files(main).changed_since(before) == frozenset()
    path = f"submissions/{MODELS[2]}/sandbox.json"
    repo.merge({path: report_bytes("shuffled", 1)})
    now = sparse_clone(repo.url, main.parent / "now")
    assert main_files(now).changed_since(before) == {path}
    for unknown in ("0" * 40, "", "main"):
        assert main_files(now).changed_since(unknown) is None
