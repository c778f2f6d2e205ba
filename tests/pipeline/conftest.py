"""What the rehearsal's tests share: one node process and one seed a worker, a fresh world a test."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from rehearsal.expressions import Expressions
from rehearsal.seed import seed


@pytest.fixture(scope="session")
def expressions() -> Iterator[Expressions]:
    if shutil.which("node") is None:
        pytest.skip("node is not installed: GitHub's expression evaluator cannot run")
    service = Expressions()
    yield service
    service.close()


@pytest.fixture(scope="session")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # One place for all jobs of a worker, so that compiled Python files can be kept between them.
    return tmp_path_factory.mktemp("workspaces")


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own files in a bare repository, and the private references; read only."""
    return seed(tmp_path_factory.mktemp("seed") / "github")
