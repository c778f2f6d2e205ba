"""Checks of the machine itself: programs, packages, disk, clock, registrations and stray credentials."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evaluator.doctor.findings import Check, NotCheckable, facts
from evaluator.doctor.host.machine import Machine
from evaluator.github.api import GITHUB

TOOLS: Final = ("git", "unshare", "setpriv", "ip", "mount", "mountpoint", "flock", "sudo", "tar", "timeout")
GIT: Final = (2, 31)
"""Oldest git that accepts a token from its environment (GIT_CONFIG_COUNT)."""
PYTHON: Final = "3.11"
"""The Python version used for published scores."""
SPACE: Final = {"STORE": 20, "SCRATCH": 5}
"""Free gigabytes needed per folder."""
MAX_SKEW: Final = 60.0
HIDDEN_FILES: Final = (
    ".netrc", ".git-credentials", ".config/gh/hosts.yml", ".config/git/credentials", ".aws/credentials",
    ".config/gcloud/application_default_credentials.json", ".azure/msal_token_cache.json", ".kube/config",
    ".docker/config.json", ".cache/huggingface/token", ".huggingface/token", ".pypirc", ".config/rclone/rclone.conf",
)  # fmt: skip
RUNNER_HOME: Final = "/var/lib/rexrank/runner"
FOLDERS: Final = ("/opt", "/srv", "/var/lib")
"""Folders, besides home folders, where unpackaged programs are installed."""
EPHEMERAL: Final = re.compile(r'"ephemeral"\s*:\s*true\s*[,}]', re.IGNORECASE)
"""How the settings of a runner say that it takes one job only."""
_SECRET: Final = re.compile(r"(?:.*_)?(?:TOKEN|SECRET|PASSWORD|API_KEY|ACCESS_KEY|PRIVATE_KEY)(?:_.*)?")


def checkout_of(m: Machine) -> Path:
    """The checkout that the doctor runs from; raises `NotCheckable` if there is none."""
    if m.root is None:
        raise NotCheckable("rexrank is not running from a checkout", "run it from root's checkout of main")
    return m.root


def job_runs(m: Machine) -> bool:
    """Whether run-one-job.sh holds its lock."""
    lock = f"{m.prefix}/etc/run-one-job.lock"
    return m.entry(lock).kind == "file" and m.output("flock", "-n", lock, "true") is None


def _programs(m: Machine) -> list[str]:
    version = re.search(r"(\d+)\.(\d+)[\d.]*", m.output("git", "--version") or "")
    old = version and (int(version[1]), int(version[2])) < GIT
    missing = [f"no {name}" for name in TOOLS if not m.word("/bin/sh", "-c", 'command -v "$1"', "sh", name)]
    return missing + facts({f"git {version and version[0]}": old})


def _of_venv(m: Machine, *words: str) -> str:
    return (m.output(m.conf.get("PYTHON", f"{m.prefix}/venv/bin/python"), "-I", *words) or "").strip()


def _python(m: Machine) -> list[str]:
    version = _of_venv(m, "-V") or "no environment"
    return facts({version: not version.startswith(f"Python {PYTHON}.")})


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _packages(m: Machine) -> list[str]:
    root = checkout_of(m)
    project = tomllib.loads("\n".join(m.lines(f"{root}/pyproject.toml")))["project"]
    needs = [*project["dependencies"], *project["optional-dependencies"]["score"]]
    lines = _of_venv(m, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check").split()
    there = {_plain(name): version for name, _, version in (line.partition("==") for line in sorted(lines))}
    wanted = {_plain(re.split(r"[\[<>=!~; ]", need)[0]) for need in needs}
    wrong = [f"no {name}" for name in sorted(wanted - set(there))]
    # A package may have one version per Python, and torch appends its build after a plus sign: 2.13.0+cu130.
    constraints = "\n".join(m.lines(f"{root}/requirements/constraints.txt"))
    pins = re.findall(r"(?m)^([^#=\s]+)==([^;\s]+)", constraints)
    for name, version in there.items():
        allowed = sorted(v for n, v in pins if _plain(n) == name)
        if allowed and version.partition("+")[0] not in allowed:
            wrong.append(f"{name} {version} instead of {' or '.join(allowed)}")
    return wrong


def _checkout(m: Machine) -> list[str]:
    git = ("git", "-C", str(checkout_of(m)))
    url = f"{m.conf.get('SERVER_URL', GITHUB)}/{m.conf.get('REPOSITORY', '')}"
    main = m.word("git", "ls-remote", url, "refs/heads/main", GIT_TERMINAL_PROMPT="0")
    head = m.word(*git, "rev-parse", "HEAD")
    return facts({
        "main could not be read": not main, f"at {head[:12]}, main is {main[:12]}": main and head != main,
        "has local changes": m.output(*git, "status", "--porcelain"),
    })  # fmt: skip


def _runner(m: Machine) -> list[str]:
    path = m.conf.get("RUNNER_ARCHIVE", f"{m.prefix}/actions-runner.tar.gz")
    entry, recorded = m.entry(path), m.conf.get("RUNNER_SHA256")
    other = f"digest {entry.sha256}" if recorded else f"no digest is recorded; the file has {entry.sha256}"
    return facts({other: recorded != entry.sha256}) if entry.safe("file") else [f"{path} is {entry}"]


def _disk(m: Machine) -> Iterator[str]:
    for key, least in SPACE.items():
        answer = m.output("df", "--output=avail", "-BGB", m.conf.get(key, ""))
        free = int(answer.split()[-1].removesuffix("GB")) if answer else -1
        if free < least:
            yield f"{key} has {free} GB free" if answer else f"{key} does not exist"


def _clock(m: Machine) -> list[str]:
    ahead = m.ahead(m.conf.get("SERVER_URL", GITHUB))
    is_kept = m.word("timedatectl", "show", "--property=NTPSynchronized", "--value") != "no"
    if ahead is None and is_kept:
        raise NotCheckable("GitHub did not answer", "compare `date -u` with another machine")
    wrong = {f"{ahead or 0:+.0f} s off GitHub's": abs(ahead or 0) > MAX_SKEW}
    return facts(wrong | {"not synchronised": not is_kept})


def _homes(m: Machine) -> list[str]:
    folders = {line.split(":")[5] for line in (m.output("getent", "passwd") or "").splitlines()}
    return sorted(folders - {"/", "/nonexistent"})


def _registrations(m: Machine) -> list[str]:
    home, folders = m.conf.get("RUNNER_HOME", RUNNER_HOME), (*FOLDERS, *_homes(m))
    patterns = [f"{folder}/{depth}.runner" for folder in folders for depth in ("", "*/", "*/*/")]
    paths = m.paths(*patterns, f"{home}/.runner", "/actions-runner*/.runner")
    there = {path: EPHEMERAL.search(" ".join(m.lines(path))) for path in paths}
    left = [] if job_runs(m) else [path for path, once in there.items() if once]
    return [
        *(f"{path}: a permanent service" for path in m.paths("/etc/systemd/system/actions.runner.*.service")),
        *(f"{path}: registered for more than one job" for path, once in there.items() if not once),
        *(f"{path}: left by a runner that was killed" for path in left),
    ]


def _credentials(m: Machine) -> list[str]:
    """Files and variables that look like credentials."""
    files = m.paths(*(f"{home}/{name}" for home in _homes(m) for name in (*HIDDEN_FILES, ".ssh/id_*")))
    names = [line.removeprefix("export ").partition("=")[0].strip() for line in m.lines("/etc/environment")]
    return [
        *(path for path in files if not path.endswith(".pub")),
        *(f"the variable {name}" for name in sorted(m.env) if _SECRET.fullmatch(name)),
        *(f"{name} in /etc/environment" for name in names if _SECRET.fullmatch(name)),
    ]


SOFTWARE: Final[dict[str, tuple[Check[Machine], ...]]] = {
    "Programs and packages": (
        Check("RD301", "programs", _programs, f"git {'.'.join(map(str, GIT))} or newer; {', '.join(TOOLS[1:])}", "apt-get install git util-linux iproute2 sudo tar coreutils"),
        Check("RD302", "Python in the environment", _python, f"Python {PYTHON}",
              lambda m: f"python{PYTHON} -m venv {m.prefix}/venv, then install the pinned packages (site/maintainers/runner.md)"),
        Check("RD303", "packages at their pinned versions", _packages, "requirements/constraints.txt",
              lambda m: f"{m.prefix}/venv/bin/pip install -c requirements/constraints.txt -e '.[score]', in root's checkout"),
        Check("RD304", "root's checkout", _checkout, "main as on GitHub, without local changes",
              "git -C CHECKOUT pull --ff-only, then sudo runner/setup.sh and the fix for RD303; if main could not be read: check the network and SERVER_URL"),
        Check("RD305", "GitHub runner software", _runner, "the archive of a release of actions/runner, owned by root, with its digest in RUNNER_SHA256",
              "download it (again), compare it with the release page, set RUNNER_SHA256; tell the other maintainers if it differs twice"),
    ),
    "The machine": (
        Check("RD306", "disk", _disk, "; ".join(f"{k} {n} GB" for k, n in SPACE.items()), "rexrank cache prune --max-gb 10 --store STORE, or a larger disk"),
        Check("RD307", "clock", _clock, f"at most {MAX_SKEW:.0f} s off GitHub's, synchronised with a time server", "timedatectl set-ntp true"),
        Check("RD308", "registration", _registrations, "just-in-time, by keep-registered.sh on another machine",
              "./config.sh remove and ./svc.sh uninstall there; leftovers of a killed runner are removed at the next start",
              lambda m: "one runner, for the current job only" if job_runs(m) else "none between jobs"),
        Check("RD309", "credentials on this machine", _credentials, "none, so that none can be stolen", "remove them, and revoke what they give access to"),
    ),
}  # fmt: skip
