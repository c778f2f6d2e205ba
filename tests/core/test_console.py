"""Any console: text that it cannot print is spelled, JSON stays UTF-8, and no home folder is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.hangs import HANG

from evaluator.core.files import cache_folder
from evaluator.core.problems import MetricUnavailable, RexrankError
from evaluator.core.workspace import store_directory
from evaluator.datasets.sandbox.generate import submission_files
from evaluator.models.weights import models_directory

ROOT = Path(__file__).parents[2]
CONSOLES = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "strict Latin 1": {"PYTHONIOENCODING": "latin-1:strict"},
    "UTF-16": {"PYTHONIOENCODING": "utf-16-le"},
    "the C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


def rexrank(*args, cwd, env, before="", **how):
    return interpreter(before + "from evaluator.cli import main; main()", *args, cwd=cwd, env=env, **how)


def interpreter(code, *args, cwd, env, **how):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("REXRANK_", "PYTHONIO", "LC_", "LANG"))}
    clean |= {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cwd / "cache"), "OMP_NUM_THREADS": "1"} | env
    command = [sys.executable, "-c", code, *map(str, args)]
    variables = {k: v for k, v in clean.items() if v is not None}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | how
    return subprocess.run(command, cwd=cwd, env=variables, timeout=HANG, check=False, **pipes)


@pytest.fixture
def submission(tmp_path):
    """A submission that is not valid, by a team with a name of every script."""
    for name, text in submission_files().items():
        path = tmp_path / "submissions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    card = tmp_path / "submissions/rexrank-sandbox/near-copy/model.yaml"
    card.write_text(card.read_text("utf-8") + "胸片 ✅: é\n", "utf-8")
    return tmp_path


FORMS = ("text", "markdown", "github", "json")  # JSON last: it leaves the stream in UTF-8
EVERY_FORM = """
import os, sys
from evaluator.cli import main
for form in sys.argv[1:]:
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{form}.{name}", os.O_WRONLY | os.O_CREAT, 0o600), number)
    sys.argv = ["rexrank", "validate", "submissions", "--format", form]
    try:
        main()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    assert code == 1, code
sys.exit(7)
"""
"""One interpreter on a console makes the report in every form; each has files of its own for both streams."""


@pytest.mark.parametrize("console", CONSOLES)
def test_every_console_gets_the_report(submission, console):
    result = interpreter(EVERY_FORM, *FORMS, cwd=submission, env=CONSOLES[console])
    assert result.returncode == 7, [p.read_text("utf-8", "replace") for p in submission.glob("*.err")]
    for form in FORMS:
        errors = (submission / f"{form}.err").read_bytes()
        assert b"Traceback" not in errors
        assert b"unexpected failure" not in errors
        encoding = "utf-16-le" if console == "UTF-16" and form != "json" else "utf-8"
        output = (submission / f"{form}.out").read_bytes().decode(encoding, "replace")
        if form == "json":
            assert "胸片" in json.dumps(json.loads(output), ensure_ascii=False)
        else:
            assert "model.yaml" in output


@pytest.mark.parametrize("console", ["cp1252", "ascii"])
def test_scores_and_tables_too(submission, console):
    how = {"cwd": submission, "env": CONSOLES[console]}
    card = submission / "submissions/rexrank-sandbox/near-copy/model.yaml"
    card.write_text(submission_files()["rexrank-sandbox/near-copy/model.yaml"], "utf-8")
    result = rexrank("score", card.parent, "--metrics", "bleu_2", "--store", "store", **how)
    assert result.returncode == 0, result.stderr
    result = rexrank("rank", "--store", "store", **how)
    assert result.returncode == 0, result.stderr
    assert b"near-copy" in result.stdout
    result = rexrank("rank", "--help", **how)
    assert result.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_or_closed_output_is_reported(tmp_path):
    with Path("/dev/full").open("w") as full:
        result = rexrank("models", "list", cwd=tmp_path, env={}, stdout=full)
    assert result.returncode == 2
    assert result.stderr == (
        b"rexrank: cannot continue: No space left on device. Once the machine has space again, run the same command again.\n"
    )
    code = 'exec "$0" -c "from evaluator.cli import main; main()" models list >&- 2>&-'
    env = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    assert subprocess.run(["sh", "-c", code, sys.executable], env=env, check=False).returncode == 0


def test_a_closed_reader_ends_the_command(tmp_path):
    read, write = os.pipe()
    os.close(read)
    try:
        result = rexrank("models", "list", cwd=tmp_path, env={}, stdout=write)
    finally:
        os.close(write)
    assert result.returncode in {1, 141}
    assert result.stderr == b""


@pytest.fixture
def homeless(monkeypatch):
    """A user without HOME and without a passwd entry."""

    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    for name in ("XDG_CACHE_HOME", "REXRANK_STORE", "REXRANK_MODELS"):
        monkeypatch.delenv(name, raising=False)


def test_a_missing_home_folder_is_reported_in_a_sentence(homeless, tmp_path, monkeypatch):
    with pytest.raises(RexrankError, match="--store, or set REXRANK_STORE"):
        store_directory(None)
    with pytest.raises(MetricUnavailable, match="--models, or set REXRANK_MODELS"):
        models_directory(None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "rexrank"
    assert store_directory(None) == tmp_path / "rexrank/store"


UNKNOWN = "import pwd\ndef unknown(_): raise KeyError\npwd.getpwuid = pwd.getpwnam = unknown\n"


def test_an_unknown_user_is_reported(submission):
    how = {"cwd": submission, "env": {"HOME": None, "XDG_CACHE_HOME": None}, "before": UNKNOWN}
    valid = "submissions/rexrank-sandbox/paraphrase"
    assert rexrank("validate", valid, **how).returncode == 0
    result = rexrank("score", valid, "--metrics", "bleu_2", **how)
    assert result.returncode == 2
    assert b"has no home folder to store scores in. Give a folder with --store" in result.stderr
    result = rexrank("score", valid, "--metrics", "bleu_2,bertscore", "--store", "store", **how)
    assert result.returncode == 3, result.stderr
    assert b"bertscore      not computed: this user has no home folder" in result.stdout
    result = rexrank("models", "list", **how)
    assert result.returncode == 2
    assert b"Give a folder with --models" in result.stderr
