"""What the rehearsal's tests share: one node process and one seed a worker, a fresh world a test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rehearsal.expressions import Expressions
from rehearsal.machines import Runner
from rehearsal.seed import CANARY, ROOT, seed
from rehearsal.world import World

APP_KEY = "-----BEGIN KEY----- quillwort7731"
SALT = "quillwort4471 salt of the private bootstrap"


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


@pytest.fixture
def rehearsal(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    seeded: Path,
    expressions: Expressions,
    workspaces: Path,
) -> Iterator[World]:
    """A GitHub of its own with the project in it; afterwards nothing may have broken GitHub's contract."""
    if not (ROOT / ".github" / "workflows" / "score.yml").is_file():
        pytest.skip("the pipeline's workflows are not there; tests/workflows asks for them")
    root = tmp_path / "github"
    shutil.copytree(seeded, root)
    with World(root, expressions, workspaces) as world:
        runner = tmp_path / "runner"
        runner.mkdir()
        world.executor.reviewed = {"scoring"}
        world.executor.environments = {"publish": {"REX_APP_PRIVATE_KEY": APP_KEY}}
        world.executor.variables = {"REX_APP_CLIENT_ID": "Iv1.rehearsal"}
        world.executor.runner = Runner(
            runner / "machine",
            {
                "REXRANK_REFERENCES": str(root / "references"),
                "REXRANK_STORE": str(runner / "store"),
                "REXRANK_MODELS": str(runner / "models"),
                "REXRANK_SALT": SALT,
            },
        )
        yield world
        state = world.state
        counts = {
            "runs": len(world.executor.runs),
            "requests": len(state.requests),
            "violations": len(state.violations),
        }
        request.node.user_properties.append(("rehearsal", counts))
        assert state.violations == []
        secrets = {CANARY, SALT, APP_KEY, *state.tokens}
        leaks = {n: s[:9] for n, text in world.everything_public().items() for s in secrets if s in text}
        assert leaks == {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line over all scenarios: runs, requests, contract violations."""
    found = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for name, value in report.user_properties
        if name == "rehearsal"
    ]
    if found:
        total = {key: sum(f[key] for f in found) for key in found[0]}
        terminalreporter.write_line(
            f"rehearsal: {len(found)} scenarios, {total['runs']} workflow runs, {total['requests']} API and git "
            f"requests, {total['violations']} contract violations"
        )
