"""The folders of a job: fixed names in the current directory, the machine's own from its environment."""

from __future__ import annotations

import re
from pathlib import Path

import evaluator
from evaluator.core.workspace import Workspace, read_workspace

PACKAGE = Path(evaluator.__file__).parent
FIXED = re.compile(
    r"""Path\(["'](?:leaderboard|submissions)\b|REXRANK_(?:STORE|REFERENCES|MODELS)["'][\])]"""
)


def test_the_machines_folders_come_from_its_environment(monkeypatch, tmp_path):
    for name in ("STORE", "REFERENCES", "MODELS"):
        monkeypatch.setenv(f"REXRANK_{name}", str(tmp_path / name))
    assert read_workspace() == Workspace(
        tmp_path / "STORE",
        tmp_path / "REFERENCES",
        tmp_path / "MODELS",
        Path("leaderboard"),
        Path("submissions"),
    )


def test_folders_that_the_machine_lacks_are_unknown(monkeypatch, tmp_path):
    for name in ("STORE", "REFERENCES", "MODELS"):
        monkeypatch.setenv(f"REXRANK_{name}", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert read_workspace() == Workspace(tmp_path / "rexrank/store")


def test_no_other_module_names_or_reads_them():
    readers = {p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py") if FIXED.search(p.read_text("utf-8"))}  # fmt: skip
    # The doctor's checks run within the scorer's sandbox and say what that environment holds, or name a variable in a fix;
    # `infer` refuses to run there.
    doctor = {"doctor/scorer/checks.py", "doctor/repository/settings.py"}
    assert readers == {"core/workspace.py", "submissions/inference/infer.py", *doctor}
