"""SIGTERM and Ctrl-C: each command, stopped in the middle of its work, leaves complete files and says how to resume.

The command stops itself: a hook in its process sends the signal when the work has come to a chosen
place, so that no test depends on time.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import pytest
from support.boards import make_leaderboard
from support.damage import copy, state
from support.warm import call

from evaluator.core.stopping import Stopped, unbroken
from evaluator.datasets.sandbox.generate import submission_files

ROOT = Path(__file__).parents[2]
HOOK = """
import importlib, os, signal, sys
# What a shell in the foreground starts a command with, whatever the tests were started with.
signal.signal(signal.SIGINT, signal.default_int_handler)
module, _, name = sys.argv[1].partition(":")
wanted, number = int(sys.argv[2]), int(sys.argv[3])
owner, names = importlib.import_module(module), name.split(".")
for part in names[:-1]:
    owner = getattr(owner, part)
work, calls = getattr(owner, names[-1]), 0
def stop(*args, **more):
    global calls
    calls += 1
    if calls == wanted:
        os.kill(os.getpid(), number)
    return work(*args, **more)
setattr(owner, names[-1], stop)
sys.argv = ["rexrank", *sys.argv[4:]]
from evaluator.cli import main
main()
"""
CODES = {signal.SIGTERM: 143, signal.SIGINT: 130}


class Ended(NamedTuple):
    """The exit code of a command and its output."""

    returncode: int
    stderr: str


@pytest.fixture
def stopped(warm):
    """Runs a command that gets a signal at the `count`-th call of `place`; returns how it ended."""

    def run(place, count, number, *args, cwd):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("REXRANK_")}
        clean |= {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cwd / "cache"), "OMP_NUM_THREADS": "1"}
        command = [place, str(count), str(int(number)), *map(str, args)]
        with Path(os.devnull).open("rb") as nothing, TemporaryFile() as out, TemporaryFile() as err:
            streams = [nothing.fileno(), out.fileno(), err.fileno()]
            code = call(str(warm), HOOK, command, str(cwd), clean, streams)
            err.seek(0)
            return Ended(code, err.read().decode())

    return run


def says_how_to_go_on(done, code, name):
    assert done.returncode == code, done.stderr
    assert f"stopped by {name}; no partial files are left. Run the same command again" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board") / "leaderboard"
    return make_leaderboard(folder, ("near-copy", "template"), "Somewhere", "Clear lungs.")


@pytest.fixture
def work(made, tmp_path):
    """A folder with the sandbox's submissions and a leaderboard, as a maintainer has it."""
    for name, text in submission_files().items():
        path = tmp_path / "submissions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    copy(made, tmp_path / "leaderboard")
    lines = ["id,reference,prediction", *(f"{i},Clear lungs.,Clear." for i in range(5))]
    (tmp_path / "pairs.csv").write_text("\n".join(lines))
    (tmp_path / "mkdocs.yml").touch()
    (tmp_path / "source.json").write_text(submission_files()["rexrank-sandbox/near-copy/sandbox.json"])
    return tmp_path


SCORE = ("score", "submissions/rexrank-sandbox/near-copy", "--metrics", "bleu_2", "--store", "store")
REPLACE = "pathlib:Path.replace"
FSYNC = "os:fsync"
COMMANDS = {
    "any, as it starts": ("evaluator.cli.output:begin", 1, ("validate", "submissions")),
    "validate": ("evaluator.submissions.reading:validate", 1, ("validate", "submissions")),
    "convert": (FSYNC, 1, ("convert", "source.json", "--dataset", "sandbox", "--out", "new/sandbox.json")),
    "metric": ("evaluator.scoring.scorer:Scorer.score", 1, ("metric", "bleu_2", "--pairs", "pairs.csv", "--out", "scores.json")),
    "metric writes": (FSYNC, 1, ("metric", "bleu_2", "--pairs", "pairs.csv", "--out", "scores.json")),
    "score keeps": (FSYNC, 1, SCORE),
    "score record": ("evaluator.scoring.records:write_bytes", 1, SCORE),
    "baseline": ("evaluator.scoring.baselines:score_board", 2, ("baseline", "sandbox", "--metrics", "bleu_2", "--store", "store")),
    "rank reads": ("evaluator.leaderboard.rank:ranked_board", 2, ("rank", "--store", "leaderboard/store")),
    "rank writes": ("evaluator.leaderboard.rank:write_derived", 3, ("rank", "--store", "leaderboard/store")),
    "rank ends": ("evaluator.leaderboard.rank:_remove_stale", 1, ("rank", "--store", "leaderboard/store")),
    "site builds": ("subprocess:Popen.communicate", 1, ("site", "build", "--config", ROOT / "mkdocs.yml", "--out", "site")),
    "site cases": ("evaluator.site.build:_put", 1, ("site", "build", "--config", ROOT / "mkdocs.yml", "--out", "site")),
    "submit": ("evaluator.cli.contribute:validate_paths", 1, ("submit", "submissions/rexrank-sandbox/near-copy", "--yes")),
    "demo": ("evaluator.cli.demo:score_submission", 1, ("demo", "--out", "demo")),
    "site serves": ("http.server:ThreadingHTTPServer.serve_forever", 1, ("site", "serve", "--config", ROOT / "mkdocs.yml", "--port", "0")),
}  # fmt: skip


def half_written(folder):
    return [p for p in folder.rglob("*") if p.name.endswith((".tmp", ".partial")) or p.name == ".download"]


BY_HAND = ("convert", "score record", "site builds", "site serves")
"""Commands also stopped with Ctrl-C: from the signal on, all behave the same."""


@pytest.mark.parametrize(
    ("name", "number"),
    [(n, signal.SIGTERM) for n in COMMANDS] + [(n, signal.SIGINT) for n in BY_HAND],
    ids=lambda v: v.name if isinstance(v, signal.Signals) else v,
)
def test_a_stopped_command_leaves_no_partial_file(stopped, work, name, number):
    code = CODES[number]
    place, count, args = COMMANDS[name]
    before = state(work)
    result = stopped(place, count, number, *args, cwd=work)
    says_how_to_go_on(result, code, "SIGTERM" if code == 143 else "Ctrl-C")
    assert half_written(work) == []
    # Every existing file is unchanged, or as the complete command writes it.
    now = {k: v for k, v in state(work).items() if not k.startswith(("cache/", "store/", "demo/", "new/"))}
    new = {k for k in now if now[k] != before.get(k)}
    assert new <= {"scores.json"} | {k for k in now if k.startswith("leaderboard/")}, new


@pytest.mark.parametrize("count", [3, 7])
def test_score_resumes_after_any_file_it_wrote(stopped, work, count):
    """Stopped after one more file each time: existing files are complete, and the same command ends as if
    never stopped."""
    result = stopped(REPLACE, count, signal.SIGTERM, *SCORE, cwd=work)
    if result.returncode:
        says_how_to_go_on(result, 143, "SIGTERM")
    assert half_written(work) == []
    again = stopped(REPLACE, 0, signal.SIGTERM, *SCORE, cwd=work)
    assert again.returncode == 0, again.stderr
    ranking = stopped(REPLACE, 0, signal.SIGTERM, "rank", "--store", "leaderboard/store", cwd=work)
    assert ranking.returncode == 0, ranking.stderr


@pytest.mark.parametrize("count", [1, 4, 9])
def test_ranking_is_whole_or_not_at_all(stopped, work, count):
    before = state(work / "leaderboard")
    for file in (
        "tables/sandbox.findings.json",
        "tables/sandbox.report.csv",
        "overview.json",
        "history.jsonl",
    ):
        (work / "leaderboard" / file).unlink()
    lost = state(work / "leaderboard")
    args = ("rank", "--store", "leaderboard/store")
    result = stopped(f"evaluator.leaderboard.rank:{'ranked_board' if count == 1 else 'write_derived'}", count, signal.SIGTERM, *args, cwd=work)  # fmt: skip
    says_how_to_go_on(result, 143, "SIGTERM")
    assert state(work / "leaderboard") == (lost if count == 1 else before)


def test_an_old_site_stays_until_the_new_one_is_complete(stopped, work):
    (work / "site").mkdir()
    (work / "site/sitemap.xml").write_text("old")
    args = ("site", "build", "--config", ROOT / "mkdocs.yml", "--out", "site")
    result = stopped("evaluator.site.build:add_policies", 1, signal.SIGTERM, *args, cwd=work)
    says_how_to_go_on(result, 143, "SIGTERM")
    assert state(work / "site") == {"sitemap.xml": b"old"}


WHO = ("--name", "North", "--repository", "north/cxr", "--steward", "N", "--maintainers", "@north/crew")
SEVERAL = {
    "host init": (("host", "init", *WHO, "--references", "references", "--dataset", "first", "--access", "public"), "evaluator.cli.host:write_text", "challenge.toml"),
    "dev new-metric": (("dev", "new-metric", "word_recall"), "evaluator.cli.dev:write_text", "evaluator/metrics/word_recall.py"),
}  # fmt: skip


@pytest.mark.parametrize("name", SEVERAL)
def test_files_that_belong_together_are_all_written(stopped, tmp_path, name):
    registry = "evaluator/metrics/registry.py"
    args, place, first = SEVERAL[name]
    states = []
    for count in (0, 3):
        root = tmp_path / str(count)
        for folder in ("evaluator/datasets", "evaluator/metrics", "references"):
            (root / folder).mkdir(parents=True)
        shutil.copy(ROOT / registry, root / registry)
        shutil.copy(ROOT / "evaluator/datasets/sandbox/sandbox.json", root / "references/first.json")
        result = stopped(place, count, signal.SIGTERM, *args, cwd=root)
        assert result.returncode == (143 if count else 0), result.stderr
        states.append(state(root))
    assert first in states[1]
    assert states[0] == states[1]


def test_merge_and_fetch(stopped, work):
    for part in ("1/2", "2/2"):
        assert stopped(REPLACE, 0, signal.SIGTERM, *SCORE, "--shard", part, cwd=work).returncode == 0
    before = state(work / "leaderboard")
    args = ("merge", "submissions/rexrank-sandbox/near-copy", "--dataset", "sandbox", "--store", "store")
    result = stopped("evaluator.scoring.shards:keep_record", 1, signal.SIGTERM, *args, cwd=work)
    says_how_to_go_on(result, 143, "SIGTERM")
    assert state(work / "leaderboard") == before
    result = stopped("evaluator.models.download:Fetcher.fetch", 1, signal.SIGTERM, "models", "fetch", "distilroberta-base", "--models", "models", cwd=work)  # fmt: skip
    says_how_to_go_on(result, 143, "SIGTERM")
    assert half_written(work) == []


def test_a_signal_waits_for_what_belongs_together():
    code = (
        "import os, signal\n"
        "from evaluator.core.stopping import stop_on_signals, unbroken\n"
        "stop_on_signals()\n"
        "with unbroken():\n"
        "    with unbroken():\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print('both', flush=True)\n"
        "print('never')\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stdout) == (143, "both\n")


def test_a_second_signal_ends_the_command_at_once():
    code = (
        "import os, signal\n"
        "from evaluator.core.stopping import stop_on_signals\n"
        "stop_on_signals()\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "finally:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print('never')\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stdout) == (143, "")


def test_a_signal_that_the_parent_ignores_stays_ignored():
    code = (
        "import os, signal\n"
        "from evaluator.core.stopping import stop_on_signals\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "stop_on_signals()\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_blocks_pass_on_exceptions():
    with pytest.raises(Stopped) as stop, unbroken():
        raise Stopped(signal.SIGTERM)
    assert stop.value.code == 143


def engine(work):
    """A judges file whose engine is a small server that answers health checks."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = work / "engine"
    script.write_text(
        f"#!{sys.executable}\n"
        "import http.server\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.end_headers()\n"
        "    def log_message(self, *_): pass\n"
        f"http.server.HTTPServer(('127.0.0.1', {port}), Handler).serve_forever()\n"
    )
    script.chmod(0o755)
    (work / "judges.toml").write_text(
        f'[green]\nmodel = "m"\n[green.serve]\nweights = "w"\npython = "{script}"\nport = {port}\n'
    )
    return port


def test_a_stopped_judge_stops_its_engine(stopped, work):
    port = engine(work)
    result = stopped("threading:Event.wait", 1, signal.SIGTERM, "judge", "serve", "--judges", "judges.toml", cwd=work)  # fmt: skip
    says_how_to_go_on(result, 143, "SIGTERM")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


AT_EXIT = """
import atexit, os, signal, sys
# Runs in Python's own shutdown, after the command has said how it ended.
atexit.register(os.kill, os.getpid(), int(sys.argv[1]))
sys.argv = ["rexrank", *sys.argv[2:]]
from evaluator.cli import main
main()
"""


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize(("arguments", "code"), [(["metrics"], 0), (["metrics", "--no-such-option"], 1)])
def test_a_signal_after_the_last_word_changes_neither_words_nor_code(number, arguments, code):
    def run(signal_number):
        command = [sys.executable, "-c", AT_EXIT, str(signal_number), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)

    undisturbed, done = run(0), run(int(number))  # signal 0 is none
    assert undisturbed.returncode == code
    assert (done.returncode, done.stdout, done.stderr) == (code, undisturbed.stdout, undisturbed.stderr)
