"""Replaces `sudo` and the runner kit's isolate.sh, which need root: the same input, the same output.

Only a number and a commit id come from the job: main and the pull request are fetched here, and the scorer's
environment is made from the machine's own settings. tests/runner test the real one.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[n]) for n in (1, 2)]


def main() -> int:
    """The scorer's exit status; standard output is a tar of what may leave."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    call = sys.argv[2:]
    if call[:2] != ["-n", settings["isolate"]] or not _known(call[2:]):
        sys.stderr.write(f"sudo: a password is required for {call}\n")
        return 2
    base = Path(settings["scratch"])
    base.mkdir(parents=True, exist_ok=True)
    with (base / "lock").open("w") as lock:
        # isolate.sh gives up here; on GitHub the concurrency group lets in one run at a time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        job = base / "job"
        shutil.rmtree(job, ignore_errors=True)
        (job / "home").mkdir(parents=True)
        try:
            return _work(settings, job, call[2:])
        finally:
            shutil.rmtree(job)


def _known(call: list[str]) -> bool:
    score = (
        len(call) == 3 and re.fullmatch(r"[1-9][0-9]{0,6}", call[1]) and re.fullmatch("[0-9a-f]{40}", call[2])
    )
    units = call[:1] == ["fill"] and 2 <= len(call) <= 17 and all(UNIT.fullmatch(u) for u in call[1:])
    return call == ["refresh"] or units or (call[:1] == ["score"] and bool(score))


SLUG = "[a-z0-9][a-z0-9.-]{0,39}"
UNIT = re.compile(f"(?:baseline|{SLUG}/{SLUG}):{SLUG}:[a-z][a-z0-9_]{{0,39}}")
# What a crash does to a scorer: no message, no handler, and its finished scores are in the store.
DIES = """
import os, signal
from evaluator.scoring.score_store import ScoreStore
put = ScoreStore.put
ScoreStore.put = lambda *given: (put(*given), os.kill(os.getpid(), signal.SIGKILL))
"""


def _work(settings: dict[str, Any], job: Path, call: list[str]) -> int:
    from support.warm import call as run_warm

    from rehearsal.machines import ENTRY, PROOF, steady_times

    code, log = job / "code", Path(settings["secrets"]["REXRANK_STORE"]).parent / "isolate.log"
    bare = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(job / "home"),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "OMP_NUM_THREADS": "1",
        "GITHUB_SERVER_URL": settings["server"],
        "GITHUB_REPOSITORY": settings["repository"],
        "PYTHONPATH": str(code),
        "PYTHONPYCACHEPREFIX": settings["cache"],
    }
    variables = {"PR": call[1], "SHA": call[2]} if call[0] == "score" else {}
    work = {"UNITS": " ".join(call[1:])} if call[0] == "fill" else {}
    dies = Path(settings["secrets"]["REXRANK_STORE"]).parent / "dies"
    killed = bool(work) and dies.exists() and dies.read_text() in work["UNITS"]
    if killed:
        dies.unlink()
    api = f"{settings['server']}/api/v3"
    proof = [sys.executable, "-I", settings["released"], api, settings["repository"], *call[1:]]
    if variables and subprocess.run(proof, env=bare, stdout=subprocess.DEVNULL, check=False).returncode:
        return 2
    with log.open("ab") as out, Path(os.devnull).open("rb") as nothing:

        def run(*arguments: str, cwd: Path = job, **more: str) -> int:
            streams = [nothing.fileno(), out.fileno(), out.fileno()]
            program = PROOF + (DIES if killed else "") + ENTRY
            return run_warm(settings["socket"], program, list(arguments), str(cwd), {**bare, **more}, streams)

        url = f"{settings['server']}/{settings['repository']}"
        clone = [
            "git",
            "clone",
            "-q",
            "--depth=1",
            "--single-branch",
            "--no-tags",
            "--branch",
            "main",
            url,
            str(code),
        ]
        if subprocess.run(clone, env=bare, stdout=out, stderr=out, check=False).returncode:
            return 2
        steady_times(code)
        if variables and run("pr", "fetch", str(job / "pull"), **variables):
            return 2
        _note(settings, code, call[0])
        (job / "output").touch()
        inside = {**variables, **work, **settings["secrets"], "GITHUB_OUTPUT": str(job / "output")}
        what, leaves = ("pull", "output") if variables else ("bundle", "bundle")
        status = run("pr", call[0], *([] if work else [str(job / what)]), cwd=code, **inside)
    if not work and (variables or status == 0):
        with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
            tar.add(job / leaves, leaves)
    return status


def _note(settings: dict[str, Any], code: Path, command: str) -> None:
    from rehearsal.git import git

    where = (os.environ["GITHUB_RUN_ID"], os.environ["GITHUB_JOB"])
    with Path(settings["calls"]).open("a") as file:
        file.write("\t".join((*where, f"{git(code, 'rev-parse', 'HEAD')} pr {command} isolated")) + "\n")


if __name__ == "__main__":
    sys.exit(main())
