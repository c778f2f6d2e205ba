"""The rehearsal's repository has the project and a private dataset whose texts are nowhere in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from rehearsal.git import file_at, git
from rehearsal.seed import CANARY, N_PRIVATE, PRIVATE
from rehearsal.state import REPOSITORY
from rehearsal.submissions import submission


def test_private_texts_are_beside_the_repository_only(seeded: Path) -> None:
    bare = seeded / f"{REPOSITORY}.git"
    references = (seeded / "references" / f"{PRIVATE}.json").read_text()
    assert references.count(CANARY) >= N_PRIVATE
    assert json.loads(references).keys() == set(
        json.loads(file_at(bare, "main", f"evaluator/datasets/manifests/{PRIVATE}.manifest.json") or b"")[
            "ids"
        ]
    )
    objects = git(bare, "cat-file", "--batch-check", "--batch-all-objects").splitlines()
    assert objects
    assert not any(
        CANARY.encode() in (file_at(bare, "main", path) or b"")
        for path in git(bare, "ls-tree", "-r", "--name-only", "main").splitlines()
    )


def test_the_seeds_own_command_scores_a_private_submission(seeded: Path, tmp_path: Path) -> None:
    """The code of the seed, not of this working tree, knows the private dataset and keeps its texts to itself."""
    code = tmp_path / "code"
    git(tmp_path, "clone", "-q", str(seeded / f"{REPOSITORY}.git"), str(code))
    for path, data in submission(private=True).items():
        assert isinstance(data, bytes)
        (code / path).parent.mkdir(parents=True, exist_ok=True)
        (code / path).write_bytes(data)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(code),
        "HOME": str(tmp_path),
        "REXRANK_REFERENCES": str(seeded / "references"),
        "REXRANK_STORE": str(tmp_path / "store"),
        "REXRANK_SALT": "a long and random text",
    }
    start = "from evaluator.cli import main; main()"
    for arguments in (
        ["validate", "submissions/strangers/careful"],
        ["score", "submissions/strangers/careful", "--metrics", "bleu_2,rouge_l"],
    ):
        process = subprocess.run(
            [sys.executable, "-c", start, *arguments],
            cwd=code,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stdout + process.stderr
        assert CANARY not in process.stdout + process.stderr
    record = code / f"leaderboard/records/{PRIVATE}/findings/strangers__careful.json"
    assert json.loads(record.read_text())["n"] > 0
    assert CANARY not in record.read_text()
