"""What the machine itself brings: programs, packages, disk, clock, and nothing that should not lie about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from evaluator.doctor.findings import Finding, bad, good, judged, unsettled
from evaluator.doctor.host.description import ABSENT, Kit, Machine, Software

TOOLS: Final = ("git", "unshare", "setpriv", "ip", "mount", "mountpoint", "flock", "sudo", "tar", "timeout")
GIT: Final = (2, 31)
"""Oldest git that takes a token from its environment (GIT_CONFIG_COUNT)."""
PYTHON: Final = "3.11"
"""The Python that published scores are computed with."""
GB: Final = 1_000_000_000
SPACE: Final = {"STORE": 20, "SCRATCH": 5}
"""Free gigabytes wanted per place."""
MAX_SKEW: Final = 60.0
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+")


def check_software(software: Software, kit: Kit) -> Iterator[Finding]:
    """Every finding on programs and packages."""
    yield _tools(software)
    yield _python(software, kit)
    yield _packages(software, kit)
    yield _checkout(software)
    yield _runner(software, kit)


def check_machine(machine: Machine, kit: Kit) -> Iterator[Finding]:
    """Every finding on disk, clock, registration and credentials."""
    yield _disk(machine, kit)
    yield _clock(machine)
    yield _registration(machine)
    yield _credentials(machine)


def _tools(software: Software) -> Finding:
    wrong = [f"no {name}" for name in TOOLS if software.tools.get(name) is None]
    git = _VERSION.search(software.tools.get("git") or "")
    if git and tuple(int(n) for n in git[0].split(".")[:2]) < GIT:
        wrong.append(f"git {git[0]}")
    return judged(
        "RD301", "programs", wrong, f"git {git[0] if git else '?'} and {len(TOOLS) - 1} more",
        f"git {'.'.join(map(str, GIT))} or newer; {', '.join(TOOLS[1:])}",
        "apt-get install git util-linux iproute2 sudo tar coreutils",
    )  # fmt: skip


def _python(software: Software, kit: Kit) -> Finding:
    wrong = (
        []
        if software.python == PYTHON
        else [f"Python {software.python}" if software.python else "no environment"]
    )
    return judged(
        "RD302", "Python of the environment", wrong, f"{software.python} in {kit.prefix}/venv", f"Python {PYTHON}",
        f"python{PYTHON} -m venv {kit.prefix}/venv, then install the pinned packages (site/maintainers/runner.md)",
    )  # fmt: skip


def _packages(software: Software, kit: Kit) -> Finding:
    what = "packages at their pinned versions"
    if not software.pins:
        return unsettled(
            "RD303", what, "rexrank was not started from a checkout", "run it from root's checkout of main"
        )
    wrong = [f"no {name}" for name in sorted(software.needed - set(software.packages))]
    for name, version in sorted(software.packages.items()):
        pinned = software.pins.get(name)
        # Torch names its build behind a plus sign: 2.13.0+cu130.
        if pinned and version.partition("+")[0] not in pinned:
            wrong.append(f"{name} {version} instead of {' or '.join(sorted(pinned))}")
    held = sum(name in software.pins for name in software.packages)
    return judged(
        "RD303", what, wrong, f"{held} of {len(software.packages)} packages are pinned, each as pinned",
        "requirements/constraints.txt",
        f"{kit.prefix}/venv/bin/pip install -c requirements/constraints.txt -e '.[score]', in root's checkout",
    )  # fmt: skip


def _checkout(software: Software) -> Finding:
    what = "root's checkout"
    if software.head is None:
        return unsettled(
            "RD304", what, "rexrank was not started from one", "run it from root's checkout of main"
        )
    if software.main is None:
        return bad(
            "RD304",
            what,
            "main could not be asked for",
            "GitHub's answer",
            "look at the network and at SERVER_URL",
        )
    wrong = (
        [f"at {software.head[:12]}, main is {software.main[:12]}"] if software.head != software.main else []
    )
    wrong += ["changed by hand"] if software.changed else []
    return judged(
        "RD304", what, wrong, f"main at {software.main[:12]}", "main as GitHub has it, unchanged",
        "git -C CHECKOUT pull --ff-only, then sudo runner/setup.sh and the line of RD303",
    )  # fmt: skip


def _runner(software: Software, kit: Kit) -> Finding:
    path = kit.conf.get("RUNNER_ARCHIVE", f"{kit.prefix}/actions-runner.tar.gz")
    entry = kit.entries.get(path, ABSENT)
    what, wanted = (
        "the runner's own software",
        "the archive of a release of actions/runner, root's, its digest in RUNNER_SHA256",
    )
    if entry.kind != "file" or not entry.safe:
        return bad(
            "RD305", what, f"{path} is {entry}", wanted, "download the newest release and put it there"
        )
    recorded, found = kit.conf.get("RUNNER_SHA256"), software.runner_sha256 or ""
    if not recorded:
        return bad(
            "RD305",
            what,
            f"no digest is recorded; it has {found}",
            wanted,
            "compare it with the release's page, then set RUNNER_SHA256",
        )
    if recorded != found:
        return bad(
            "RD305",
            what,
            f"digest {found}",
            f"RUNNER_SHA256, {recorded}",
            "download it again; tell the others if it differs again",
        )
    return good("RD305", what, f"{path}, digest as recorded")


def _disk(machine: Machine, kit: Kit) -> Finding:
    wrong: list[str] = []
    fine: list[str] = []
    for key, wanted in SPACE.items():
        free = machine.free.get(kit.conf.get(key, ""))
        text = f"{key} has {free / GB:.0f} GB free" if free is not None else f"{key} is not there"
        (fine if free is not None and free >= wanted * GB else wrong).append(text)
    return judged(
        "RD306", "disk", wrong, "; ".join(fine), "; ".join(f"{k} {n} GB" for k, n in SPACE.items()),
        "rexrank cache prune --max-gb 10 --store STORE, or a larger disk",
    )  # fmt: skip


def _clock(machine: Machine) -> Finding:
    what, fix = "clock", "timedatectl set-ntp true"
    if machine.skew is not None and abs(machine.skew) > MAX_SKEW:
        return bad("RD307", what, f"{machine.skew:+.0f} s against GitHub's", f"at most {MAX_SKEW:.0f} s", fix)
    if machine.synchronised is False:
        return bad("RD307", what, "nothing keeps it right", "synchronised with a time server", fix)
    if machine.skew is None:
        return unsettled("RD307", what, "GitHub did not answer", "compare `date -u` with another machine's")
    return good("RD307", what, f"{machine.skew:+.0f} s against GitHub's")


def _registration(machine: Machine) -> Finding:
    wrong = [f"{path}: a lasting service" for path in machine.services]
    for path, ephemeral in machine.registrations.items():
        if ephemeral is not True:
            wrong.append(f"{path}: registered for more than one job")
        elif not machine.job_running:
            wrong.append(f"{path}: left by a runner that was killed")
    return judged(
        "RD308", "registration", wrong, "one job now, registered for it alone" if machine.job_running else "none between jobs",
        "just-in-time, by keep-registered.sh on another machine",
        "./config.sh remove and ./svc.sh uninstall there; what a killed runner left goes at the next start",
    )  # fmt: skip


def _credentials(machine: Machine) -> Finding:
    return judged(
        "RD309", "credentials on this machine", list(machine.credentials), "none found",
        "none: what is not here cannot be stolen from here", "remove them, and revoke what they open",
    )  # fmt: skip
