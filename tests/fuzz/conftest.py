"""How long the fuzzers run: `--fuzz-inputs N` for each of them, `--fuzz-seed S` for other inputs."""

from __future__ import annotations

import pytest


@pytest.fixture
def inputs(request):
    """The number of inputs of a fuzzer: its own, or what the option says."""

    def choose(usual: int) -> int:
        return request.config.getoption("--fuzz-inputs") or usual

    return choose


@pytest.fixture
def seed(request) -> int:
    return request.config.getoption("--fuzz-seed")


def pytest_collection_modifyitems(config, items):
    """A long run is as long as it was asked to be."""
    if config.getoption("--fuzz-inputs"):
        for item in items:
            if "fuzz" in item.path.parts:
                item.add_marker(pytest.mark.timeout(0))
