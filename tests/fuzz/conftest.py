"""How long the fuzzers run: `--fuzz-inputs N` inputs each; `--fuzz-seed S` draws other inputs."""

from __future__ import annotations

import pytest


@pytest.fixture
def inputs(request):
    """The number of inputs for a fuzzer: its own, or the option's."""

    def choose(usual: int) -> int:
        return request.config.getoption("--fuzz-inputs") or usual

    return choose


@pytest.fixture
def seed(request) -> int:
    return request.config.getoption("--fuzz-seed")


def pytest_collection_modifyitems(config, items):
    """Lifts the time limit of runs that are longer by request."""
    if config.getoption("--fuzz-inputs"):
        for item in items:
            if "fuzz" in item.path.parts:
                item.add_marker(pytest.mark.timeout(0))
