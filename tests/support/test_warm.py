"""Commands that run in forks of one Python: each runs its own checkout's code, and leaves nothing to the next."""

from __future__ import annotations

import os
import shutil
import signal
from tempfile import TemporaryFile

import pytest

from support.warm import CHECKOUTS, call

CODE = """
import os, signal, sys
from evaluator import words
words.SAID.append(sys.argv[1])
print(words.__file__, os.getcwd(), *words.SAID)
if sys.argv[1] == "fail":
    sys.exit("a reason")
if sys.argv[1] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def checkout(folder, word):
    (folder / "evaluator").mkdir(parents=True, exist_ok=True)
    (folder / "evaluator/__init__.py").touch()
    (folder / "evaluator/words.py").write_text(f"SAID = [{word!r}]\n")
    return folder


@pytest.fixture
def run(warm, tmp_path):
    """Runs a word against a checkout; returns the status and both outputs."""

    def ran(folder, word):
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
        with TemporaryFile("w+") as nothing, TemporaryFile("w+") as out, TemporaryFile("w+") as err:
            streams = [nothing.fileno(), out.fileno(), err.fileno()]
            status = call(str(warm), CODE, [word], str(tmp_path), environment, streams)
            for file in (out, err):
                file.seek(0)
            return status, out.read(), err.read()

    return ran


def test_nothing_of_a_command_is_left_to_the_next(run, tmp_path):
    folder = checkout(tmp_path / "one", "first")
    for word in ("a", "b", "c"):
        assert run(folder, word) == (0, f"{folder}/evaluator/words.py {tmp_path} first {word}\n", "")


def test_each_command_runs_what_its_checkout_holds_now(run, tmp_path):
    folder = tmp_path / "one"
    for word in ("first", "second", "first", "last"):
        checkout(folder, word)
        for _ in range(2):
            assert run(folder, "x")[1].endswith(f" {word} x\n")


def test_a_checkout_may_be_gone_between_two_commands(run, tmp_path):
    for _ in range(3):
        folder = checkout(tmp_path / "one", "first")
        assert run(folder, "x")[1].endswith(" first x\n")
        shutil.rmtree(folder)


def test_checkouts_do_not_see_each_other_however_many_there_are(run, tmp_path):
    folders = [checkout(tmp_path / str(n), f"word{n}") for n in range(CHECKOUTS + 2)]
    for _ in range(2):
        for number, folder in enumerate(folders):
            assert run(folder, "x")[1] == f"{folder}/evaluator/words.py {tmp_path} word{number} x\n"


def test_a_command_that_fails_or_is_killed_says_so(run, tmp_path):
    folder = checkout(tmp_path / "one", "first")
    assert run(folder, "fail") == (1, f"{folder}/evaluator/words.py {tmp_path} first fail\n", "a reason\n")
    assert run(folder, "die")[0] == 128 + signal.SIGKILL
    assert run(folder, "x")[0] == 0
