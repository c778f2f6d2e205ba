"""Settings for every test: no deadlines that a busy machine would break, one thread for torch."""

from __future__ import annotations

import os

from hypothesis import settings

# Set before torch is imported; two test workers would otherwise fight over the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

settings.register_profile("rexrank", deadline=None)
settings.load_profile("rexrank")


def pytest_addoption(parser):
    group = parser.getgroup("fuzz", "how long the fuzzers of tests/fuzz run")
    group.addoption("--fuzz-inputs", type=int, metavar="N", help="inputs of each fuzzer (default: its own)")
    group.addoption("--fuzz-seed", type=int, default=0, metavar="S", help="seed of the inputs (default: 0)")
