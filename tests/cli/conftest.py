"""A folder to run commands in, and the command as the console script runs it."""

from __future__ import annotations

import pytest
from support.commands import console

from evaluator.core.files import write_text
from evaluator.datasets.sandbox.generate import submission_files


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name, text in submission_files().items():
        write_text(tmp_path / "submissions" / name, text)
    (tmp_path / "leaderboard").mkdir()
    (tmp_path / "pairs.jsonl").write_text('{"id": "1", "reference": "a b", "prediction": "a b"}\n')
    (tmp_path / "empty").mkdir()
    for name in ("REFERENCES", "MODELS", "STORE", "JUDGES", "SALT", "DEBUG", "REPOSITORY"):
        monkeypatch.delenv(f"REXRANK_{name}", raising=False)
    for name in ("EVENT_PATH", "REPOSITORY", "TOKEN", "OUTPUT"):
        monkeypatch.delenv(f"GITHUB_{name}", raising=False)
    for name in ("PR", "SHA", "FIRST", "STATE", "WORDS", "COMMENT", "ANSWER", "RENEW", "RESULT", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    # The machine's own gh must not provide a token.
    monkeypatch.setattr("evaluator.cli.contribute.shutil.which", lambda _name: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(repository, monkeypatch, capsys):
    return console(monkeypatch, capsys)
