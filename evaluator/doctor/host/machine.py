"""What the machine itself brings: programs, packages, disk, clock, and nothing that should not lie about."""

from __future__ import annotations

import re
from typing import Final, TypeVar

from evaluator.doctor.findings import Check, Untold, facts
from evaluator.doctor.host.description import Host

TOOLS: Final = ("git", "unshare", "setpriv", "ip", "mount", "mountpoint", "flock", "sudo", "tar", "timeout")
GIT: Final = (2, 31)
"""Oldest git that takes a token from its environment (GIT_CONFIG_COUNT)."""
PYTHON: Final = "3.11"
"""The Python that published scores are computed with."""
GB: Final = 1_000_000_000
SPACE: Final = {"STORE": 20, "SCRATCH": 5}
"""Free gigabytes wanted per place."""
MAX_SKEW: Final = 60.0
_C = TypeVar("_C")
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+")


def known(facts_of_checkout: _C) -> _C:
    """What a checkout says; raises `Untold` without one, when it is empty."""
    if not facts_of_checkout:
        raise Untold("rexrank was not started from a checkout", "run it from root's checkout of main")
    return facts_of_checkout


def _git(host: Host) -> str:
    version = _VERSION.search(host.tools.get("git") or "")
    return version[0] if version else ""


def _old(version: str) -> bool:
    return bool(version) and tuple(int(n) for n in version.split(".")[:2]) < GIT


def _packages(host: Host) -> list[str]:
    pins = known(host.pins)
    # Torch names its build behind a plus sign: 2.13.0+cu130.
    there = {name: version.partition("+")[0] for name, version in sorted(host.packages.items())}
    other = [n for n, v in there.items() if v not in pins.get(n, {v})]
    missing = [f"no {name}" for name in sorted(host.needed - set(there))]
    return missing + [f"{n} {host.packages[n]} instead of {' or '.join(sorted(pins[n]))}" for n in other]


def _checkout(host: Host) -> list[str]:
    head, main = known(host.head) or "", host.main or ""
    return facts({
        "main could not be asked for": not main, f"at {head[:12]}, main is {main[:12]}": main and head != main,
        "changed by hand": host.changed,
    })  # fmt: skip


def _archive(host: Host) -> str:
    return host.conf.get("RUNNER_ARCHIVE", f"{host.prefix}/actions-runner.tar.gz")


def _runner(host: Host) -> list[str]:
    entry, digest = host.entry(_archive(host)), host.conf.get("RUNNER_SHA256")
    other = (
        f"digest {host.runner_sha256}" if digest else f"no digest is recorded; it has {host.runner_sha256}"
    )
    return (
        [f"{_archive(host)} is {entry}"]
        if not entry.safe_file
        else facts({other: digest != host.runner_sha256})
    )


def _disk(host: Host) -> list[str]:
    free = {key: host.free.get(host.conf.get(key, "")) for key in SPACE}
    gone = facts({f"{key} is not there": there is None for key, there in free.items()})
    return gone + [
        f"{k} has {b / GB:.0f} GB free" for k, b in free.items() if b is not None and b < SPACE[k] * GB
    ]


def _clock(host: Host) -> list[str]:
    if host.skew is None and host.synchronised is not False:
        raise Untold("GitHub did not answer", "compare `date -u` with another machine's")
    wrong = {f"{host.skew or 0:+.0f} s against GitHub's": abs(host.skew or 0) > MAX_SKEW}
    return facts(wrong | {"nothing keeps it right": host.synchronised is False})


def _registrations(host: Host) -> list[str]:
    lasting = [path for path, ephemeral in host.registrations.items() if ephemeral is not True]
    leftovers = [] if host.job_running else [path for path in host.registrations if path not in lasting]
    wrong = {
        "a lasting service": host.services,
        "registered for more than one job": lasting,
        "left by a runner that was killed": leftovers,
    }
    return [f"{path}: {words}" for words, paths in wrong.items() for path in paths]


SOFTWARE: Final[tuple[Check[Host], ...]] = (
    Check("RD301", "programs", lambda h: facts({f"no {n}": h.tools.get(n) is None for n in TOOLS} | {f"git {_git(h)}": _old(_git(h))}),
          f"git {'.'.join(map(str, GIT))} or newer; {', '.join(TOOLS[1:])}", "apt-get install git util-linux iproute2 sudo tar coreutils",
          lambda h: f"git {_git(h) or '?'} and {len(TOOLS) - 1} more"),
    Check("RD302", "Python of the environment", lambda h: [f"Python {h.python}" if h.python else "no environment"] * (h.python != PYTHON), f"Python {PYTHON}",
          lambda h: f"python{PYTHON} -m venv {h.prefix}/venv, then install the pinned packages (site/maintainers/runner.md)"),
    Check("RD303", "packages at their pinned versions", _packages, "requirements/constraints.txt",
          lambda h: f"{h.prefix}/venv/bin/pip install -c requirements/constraints.txt -e '.[score]', in root's checkout",
          lambda h: f"{sum(n in h.pins for n in h.packages)} of {len(h.packages)} packages are pinned, each as pinned"),
    Check("RD304", "root's checkout", _checkout, "main as GitHub has it, unchanged",
          "git -C CHECKOUT pull --ff-only, then sudo runner/setup.sh and the line of RD303; without an answer: the network, SERVER_URL",
          lambda h: f"main at {(h.main or '')[:12]}"),
    Check("RD305", "the runner's own software", _runner, "the archive of a release of actions/runner, root's, its digest in RUNNER_SHA256",
          "download it (again), compare it with the release's page, set RUNNER_SHA256; tell the others if it differs twice",
          lambda h: f"{_archive(h)}, digest as recorded"),
)  # fmt: skip
MACHINE: Final[tuple[Check[Host], ...]] = (
    Check("RD306", "disk", _disk, "; ".join(f"{k} {n} GB" for k, n in SPACE.items()), "rexrank cache prune --max-gb 10 --store STORE, or a larger disk",
          lambda h: "; ".join(f"{k} has {h.free[h.conf[k]] / GB:.0f} GB free" for k in SPACE)),
    Check("RD307", "clock", _clock, f"at most {MAX_SKEW:.0f} s from GitHub's, synchronised with a time server", "timedatectl set-ntp true",
          lambda h: f"{h.skew:+.0f} s against GitHub's"),
    Check("RD308", "registration", _registrations, "just-in-time, by keep-registered.sh on another machine",
          "./config.sh remove and ./svc.sh uninstall there; what a killed runner left goes at the next start",
          lambda h: "one job now, registered for it alone" if h.job_running else "none between jobs"),
    Check("RD309", "credentials on this machine", lambda h: h.credentials, "none: what is not here cannot be stolen from here",
          "remove them, and revoke what they open", "none found"),
)  # fmt: skip
