"""Settings for every test: the same examples on every machine, no deadlines, one thread for torch."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support import needs
from support import warm as warm_python

# Set before torch is imported; two test workers would otherwise fight over the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _memory_is_at_hand() -> bool:
    """Whether the tests' folders fit into shared memory, and programs may be executed there."""
    try:
        room = os.statvfs(needs.MEMORY)
    except OSError:
        return False
    wide = room.f_bavail * room.f_frsize >= needs.MEMORY_BYTES
    return wide and os.access(needs.MEMORY, os.W_OK) and not room.f_flag & os.ST_NOEXEC


# Every file written by commands and git waits for the disk, which takes longer than everything else.
if _memory_is_at_hand():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", needs.MEMORY)

# The gate tries the same few examples each time; `--hypothesis-profile long` tries many others.
settings.register_profile(
    "gate",
    deadline=None,
    derandomize=True,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.register_profile("long", settings.get_profile("gate"), derandomize=False, max_examples=2000)
settings.load_profile("gate")


def _skipped(config: pytest.Config) -> tuple[list[str], bool]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skips = reporter.stats.get("skipped", []) if reporter else []
    reasons = [r.longrepr[2] if isinstance(r.longrepr, tuple) else str(r.longrepr) for r in skips]
    return needs.report(reasons, os.environ.get(needs.REQUIRED, "").split())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fails the run if it skipped a group of tests that the machine could have run."""
    if (
        exitstatus == pytest.ExitCode.OK
        and not hasattr(session.config, "workerinput")
        and not _skipped(session.config)[1]
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the scenarios first: a long one at the end would leave the other workers idle."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent / "pipeline")


def pytest_collection_finish() -> None:
    """Takes what is in memory by now, a million objects of libraries and tests, out of every later garbage collection."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Ends the run with one line on all scenarios of the pipeline, and one per reason why tests were skipped."""
    scenarios = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for name, value in report.user_properties
        if name == "rehearsal"
    ]
    if scenarios:
        total = {key: sum(s[key] for s in scenarios) for key in scenarios[0]}
        terminalreporter.write_line(
            f"rehearsal: {len(scenarios)} scenarios, {total['runs']} workflow runs, {total['requests']} API and git "
            f"requests, {total['violations']} contract violations"
        )
    for line in _skipped(config)[0]:
        terminalreporter.write_line(line)


def pytest_addoption(parser):
    group = parser.getgroup("fuzz", "how long the fuzzers of tests/fuzz run")
    group.addoption("--fuzz-inputs", type=int, metavar="N", help="inputs of each fuzzer (default: its own)")
    images = parser.getgroup("images", "the images' RUN lines in an empty root (tests/test_images.py)")
    images.addoption("--image-root", metavar="FOLDER", help="a root as debootstrap makes it; written to")
    images.addoption("--image-arguments", default="", metavar="NAME=VALUE …", help="build arguments")
    group.addoption("--fuzz-seed", type=int, default=0, metavar="S", help="seed of the inputs (default: 0)")


@pytest.fixture(scope="session")
def warm() -> Iterator[Path]:
    """The socket of a Python process that has loaded the libraries (`support/warm.py`)."""
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        place = Path(folder) / "socket"
        bare = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        command = [sys.executable, "-P", warm_python.__file__, "serve", str(place)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=bare) as server:
            assert server.stdout is not None
            assert server.stdin is not None
            assert server.stdout.readline() == b"ready\n"
            yield place
            server.stdin.close()
