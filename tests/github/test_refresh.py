"""What a run after a merge does with files damaged on the runner or on main."""

from __future__ import annotations

import gc
import json
import shutil

import pytest
from support.damage import DAMAGE, state

from evaluator.core.problems import RexrankError
from evaluator.core.workspace import Workspace
from evaluator.datasets.report import StudyReport
from evaluator.github import refresh as module
from evaluator.github.preview import Origin, read_origin
from evaluator.github.refresh import refresh

RECORD = "records/sandbox/findings/strangers__careful.json"
DIGEST = "a" * 64
MISSING = {"gone"}


@pytest.fixture
def runner(refreshed, tmp_path, monkeypatch):
    """A copy of what an earlier run left: main's clone with its leaderboard, and the store."""
    for name in ("clone", "store"):
        shutil.copytree(refreshed.parent / name, tmp_path / name)
    monkeypatch.setenv("REXRANK_STORE", str(tmp_path / "store"))
    for name in ("REXRANK_REFERENCES", "REXRANK_MODELS", "REXRANK_JUDGE_URL", "REXRANK_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def workspace(runner):
    """The folders of main's clone and of the store, as a job gets them."""
    root = runner / "clone"
    return Workspace(runner / "store", leaderboard=root / "leaderboard", submissions=root / "submissions")


@pytest.mark.parametrize("name", sorted(DAMAGE.keys() - MISSING))
def test_a_damaged_record_is_named_and_nothing_is_removed(runner, name):
    leaderboard = runner / "clone/leaderboard"
    DAMAGE[name](leaderboard / RECORD)
    (leaderboard / "records/sandbox/report/strangers__gone.json").write_text("{}")
    before = state(leaderboard)
    with pytest.raises(RexrankError, match=r"strangers__careful\.json") as caught:
        refresh(workspace(runner), runner / "bundle")
    assert "rexrank score submissions/strangers/careful --dataset sandbox" in str(caught.value)
    assert "strangers__gone.json" in str(caught.value)
    assert state(leaderboard) == before


@pytest.mark.parametrize(
    "content", ["", "[]", '{"metrics": []}', '{"references_sha256": "x", "metrics": {"bleu_2": 1}}']
)
def test_damaged_probes_are_rewritten(runner, content):
    leaderboard = runner / "clone/leaderboard"
    before = state(leaderboard)
    (leaderboard / "sanity/sandbox.findings.json").write_text(content)
    assert refresh(workspace(runner), runner / "bundle")["scored"] == 1
    assert state(leaderboard).keys() == before.keys()
    assert json.loads((leaderboard / "sanity/sandbox.findings.json").read_text())["metrics"]


@pytest.mark.parametrize("name", sorted(DAMAGE.keys() - MISSING - {"an empty object", "NaN", "a key twice"}))
def test_a_damaged_origin_is_named(tmp_path, name):
    path = tmp_path / f"origins/{DIGEST}.json"
    path.parent.mkdir()
    path.write_text('{\n "head_commit": "abc",\n "pull_request": 7\n}\n')
    assert read_origin(tmp_path, DIGEST) == Origin(pull_request=7, head_commit="abc")
    DAMAGE[name](path)
    with pytest.raises(RexrankError, match=DIGEST):
        read_origin(tmp_path, DIGEST)


@pytest.mark.parametrize("content", ['{"pull_request": "7"}', '{"pull_request": true}', '{"head_commit": 1}'])
def test_an_origin_of_other_types_is_named(tmp_path, content):
    path = tmp_path / f"origins/{DIGEST}.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(RexrankError, match=DIGEST):
        read_origin(tmp_path, DIGEST)


def test_an_unknown_origin_is_empty(tmp_path):
    assert read_origin(tmp_path, DIGEST) == Origin()


def reports_alive():
    """How many predicted reports are in memory."""
    gc.collect()
    return sum(type(o) is StudyReport for o in gc.get_objects())


def test_predictions_are_in_memory_one_submission_at_a_time(runner, monkeypatch):
    """Card and digests identify what main has; the predictions of hundreds of models would be gigabytes."""
    source = runner / "clone/submissions/strangers/careful"
    for name in ("third", "fourth", "fifth"):
        shutil.copytree(source, source.parent / name)
    before, counts = reports_alive(), []
    one = len(json.loads((source / "sandbox.json").read_text()))

    def watched(step):
        act = getattr(module, step)

        def counted(*args, **kwargs):
            counts.append(reports_alive() - before)
            return act(*args, **kwargs)

        return counted

    for step in ("load_references", "score_submission", "rank_all"):
        monkeypatch.setattr(module, step, watched(step))
    assert refresh(workspace(runner), runner / "bundle")["scored"] == 3
    assert len(counts) >= 1 + 3 + 1
    assert max(counts) <= one
    assert counts[0] == 0
