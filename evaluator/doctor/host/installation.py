"""The kit as it is installed: configuration, scripts, the hook's list, the salt, what a job is given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

from evaluator.doctor.findings import Finding, bad, judged, unsettled
from evaluator.doctor.host.description import ABSENT, Kit, Machine, People
from evaluator.doctor.repository.workflows import Pair

REQUIRED: Final = (
    "REPOSITORY", "RUNNER", "FETCHER", "SCORER", "REFERENCES", "MODELS", "STORE", "SCRATCH", "LOGS", "DEVICE",
)  # fmt: skip
OPTIONAL: Final = (
    "JOBS_REPOSITORY", "SERVER_URL", "HIDE", "PYTHON", "REGISTRAR", "RUNNER_HOME", "RUNNER_ARCHIVE", "RUNNER_SHA256",
    "JUDGES", "API_URL", "CGROUP",
)  # fmt: skip
HIDDEN: Final = ("/home", "/root", "/run", "/tmp", "/var/tmp")  # noqa: S108 - named to be hidden
FOLDERS: Final = ("REFERENCES", "MODELS", "STORE", "SCRATCH", "LOGS")
VALUE: Final = re.compile(r"[A-Za-z0-9/._:+-]+")
"""What the scripts take as a value."""
SALT_CHARACTERS: Final = 32
SETUP: Final = "sudo runner/setup.sh, from root's checkout of main"


def check_kit(kit: Kit, people: People, machine: Machine) -> Iterator[Finding]:
    """Every finding on the installed kit."""
    yield _configuration(kit)
    yield _scripts(kit)
    yield _same_as_main(kit)
    yield _hook(kit)
    yield _elsewhere(kit)
    yield _sudoers(kit)
    yield _salt(kit)
    yield _environment(kit, people, machine)


def scripts(prefix: str) -> tuple[str, ...]:
    """The installed programs and hooks."""
    names = (
        "isolate.sh", "isolated-rexrank.sh", "run-one-job.sh", "released.py", "confine.py", "lib.sh", "system-calls",
    )  # fmt: skip
    hooks = ("job-started.sh", "job-completed.sh")
    return (*(f"{prefix}/bin/{n}" for n in names), *(f"{prefix}/hooks/{n}" for n in hooks))


def env_of_a_job(prefix: str) -> dict[str, str]:
    """What run-one-job.sh writes into the .env of the runner, but for the language."""
    return {
        "ACTIONS_RUNNER_HOOK_JOB_STARTED": f"{prefix}/hooks/job-started.sh",
        "ACTIONS_RUNNER_HOOK_JOB_COMPLETED": f"{prefix}/hooks/job-completed.sh",
        "REXRANK_VENV": f"{prefix}/venv",
        "REXRANK_ISOLATE": f"{prefix}/bin/isolated-rexrank.sh",
    }


def _configuration(kit: Kit) -> Finding:
    path = f"{kit.prefix}/etc/runner.conf"
    entry = kit.entries.get(path, ABSENT)
    wrong = [str(entry)] if entry.kind != "file" or not entry.safe else []
    wrong += list(kit.conf_wrong)
    if entry.kind == "file":
        wrong += [f"{key} is not set" for key in REQUIRED if not kit.conf.get(key)]
    wrong += [f"{key} is no key" for key in kit.conf if key not in {*REQUIRED, *OPTIONAL}]
    wrong += [
        f"{key} holds other characters" for key, value in kit.conf.items() if not VALUE.fullmatch(value)
    ]
    wrong += [f"{key} is no absolute path" for key in FOLDERS if not kit.conf.get(key, "/").startswith("/")]
    hidden = kit.conf.get("HIDE", ":".join(HIDDEN)).split(":")
    wrong += [f"HIDE leaves {folder} open" for folder in HIDDEN if folder not in hidden]
    if judges := kit.conf.get("JUDGES"):
        there = kit.entries.get(judges, ABSENT)
        wrong += [f"JUDGES: {judges} is {there}"] if there.kind != "file" or not there.safe else []
    wanted = "a file of root's, mode 0644, with every key of runner.conf.example once"
    return judged(
        "RD101",
        "runner.conf",
        wrong,
        f"{kit.conf.get('REPOSITORY')}, {len(kit.conf)} keys",
        wanted,
        f"edit {path}",
    )


def _scripts(kit: Kit) -> Finding:
    paths = scripts(kit.prefix)
    wrong = []
    for path in paths:
        entry = kit.entries.get(path, ABSENT)
        runs = entry.mode & 0o111 or path.endswith(("lib.sh", "system-calls"))
        if entry.kind != "file" or not entry.safe or not runs:
            wrong.append(f"{path} is {entry}")
    for folder in _above(paths):
        entry = kit.entries.get(folder, ABSENT)
        if entry.kind not in {"folder", "link"} or not entry.safe:
            wrong.append(f"{folder} is {entry}")
    return judged(
        "RD102", "scripts and hooks", wrong, f"{len(paths)} of root's, and the folders above them",
        "files and folders of root's that nobody else may write", SETUP,
    )  # fmt: skip


def _above(paths: Iterable[str]) -> list[str]:
    return sorted({str(p) for path in paths for p in PurePosixPath(path).parents})


def _same_as_main(kit: Kit) -> Finding:
    what = "installed as in the checkout"
    if not kit.checkout:
        return unsettled(
            "RD103", what, "rexrank was not started from a checkout", "run it from root's checkout of main"
        )
    there = {p: e for p in kit.checkout if (e := kit.entries.get(p, ABSENT)).kind != "absent"}
    wrong = [path for path, found in sorted(there.items()) if found.sha256 != kit.checkout[path]]
    return judged("RD103", what, wrong, f"{len(there)} files", "the same bytes", SETUP)


def _pairs(pairs: Iterable[Pair]) -> list[str]:
    return [f"{name} ({event})" for name, event in sorted(pairs)]


def _hook(kit: Kit) -> Finding:
    what = "what the job-started hook lets through"
    if not kit.meant:
        return unsettled(
            "RD104", what, "rexrank was not started from a checkout", "run it from root's checkout of main"
        )
    wrong = [f"also {p}" for p in _pairs(kit.taken - kit.meant)]
    wrong += [f"not {p}" for p in _pairs(kit.meant - kit.taken)]
    return judged("RD104", what, wrong, ", ".join(_pairs(kit.taken)), ", ".join(_pairs(kit.meant)), SETUP)


def _elsewhere(kit: Kit) -> Finding:
    return judged(
        "RD105", "what it lets through of other repositories and branches", _pairs(kit.taken_elsewhere), "nothing",
        "nothing", f"{SETUP}; check REPOSITORY in runner.conf",
    )  # fmt: skip


def _sudoers(kit: Kit) -> Finding:
    path = "/etc/sudoers.d/rexrank"
    entry = kit.entries.get(path, ABSENT)
    wrong = [] if entry.kind == "file" and entry.owner == "root" and entry.mode == 0o440 else [str(entry)]
    return judged("RD106", path, wrong, str(entry), "a file of root's, mode 0440", SETUP)


def _salt(kit: Kit) -> Finding:
    path = f"{kit.prefix}/etc/salt"
    entry = kit.entries.get(path, ABSENT)
    wrong = [] if entry.kind == "file" and entry.owner == "root" and entry.mode == 0o400 else [str(entry)]
    if not wrong and (kit.salt_characters or 0) < SALT_CHARACTERS:
        wrong.append(f"{kit.salt_characters or 0} characters")
    return judged(
        "RD107", "the salt of unpublished draws", wrong, f"{kit.salt_characters} characters, root's alone",
        f"a file of root's, mode 0400, of at least {SALT_CHARACTERS} characters",
        f"restore the copy that was kept of {path}; a new salt (setup.sh writes one) gives other intervals",
    )  # fmt: skip


def _environment(kit: Kit, people: People, machine: Machine) -> Finding:
    what, wanted = "what a job is given (.env)", env_of_a_job(kit.prefix)
    able = people.access.get("RUNNER", {})
    needs = {path: "r" if "/hooks/" in path else "x" for path in wanted.values()}
    needs[f"{kit.prefix}/venv/bin/python"] = "x"
    wrong = [
        f"the runner's user cannot use {p}" for p, letter in needs.items() if letter not in able.get(p, "")
    ]
    if machine.env is not None:
        wrong += [f"{k} is not {v}" for k, v in wanted.items() if f"{k}={v}" not in machine.env]
        known = {*wanted, "LANG"}
        wrong += [
            f"{line.partition('=')[0]} is set too"
            for line in machine.env
            if line.partition("=")[0] not in known
        ]
    fine = "written anew before every job; what it names is there"
    if machine.env is not None:
        fine = "as run-one-job.sh wrote it for the job that runs now"
    return judged("RD108", what, wrong, fine, "the four variables of run-one-job.sh", SETUP)


def nothing_installed(prefix: str) -> Finding:
    """The one finding on a machine that was never set up."""
    return bad("RD100", "the runner kit", f"there is no {prefix}", "the kit, installed by setup.sh", SETUP)
