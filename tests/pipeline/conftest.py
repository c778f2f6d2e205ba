"""What the rehearsal's tests share: one node process and one seed per worker, starting worlds, and one world
per test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rehearsal.expressions import Expressions
from rehearsal.machines import Runner
from rehearsal.seed import CANARY, ROOT, seed
from rehearsal.submissions import submission
from rehearsal.world import World
from support.needs import node, reason

APP_KEY = "-----BEGIN KEY----- quillwort7731"
SALT = "quillwort4471 salt of the private bootstrap"
Start = Callable[[World], object]
UNREPORTED: list[dict[str, int]] = []
"""Counts of worlds made for a whole session: the next test reports them with its own."""


@pytest.fixture(scope="session")
def expressions() -> Iterator[Expressions]:
    if node() is None:
        pytest.skip(reason("node"))
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


@pytest.fixture(scope="session")
def beginning(
    tmp_path_factory: pytest.TempPathFactory,
    seeded: Path,
    expressions: Expressions,
    workspaces: Path,
    warm: Path,
) -> World:
    """A GitHub with the project, its own models and baselines published; every other world continues from here."""
    if not (ROOT / ".github" / "workflows" / "score.yml").is_file():
        pytest.skip("the pipeline's workflows are not there; tests/workflows asks for them")
    root = tmp_path_factory.mktemp("beginning") / "github"
    shutil.copytree(seeded, root)
    with World(root, expressions, workspaces, warm) as world:
        world.executor.reviewed = {"scoring"}
        world.executor.environments = {"publish": {"REX_APP_PRIVATE_KEY": APP_KEY}}
        world.executor.variables = {"REX_APP_CLIENT_ID": "Iv1.rehearsal"}
        secrets = {
            "REXRANK_REFERENCES": str(root / "references"),
            "REXRANK_STORE": str(root / "runner/store"),
            "REXRANK_MODELS": str(root / "runner/models"),
            "REXRANK_SALT": SALT,
        }
        (root / "runner").mkdir()
        world.executor.runner = Runner(root / "runner/machine", secrets)
        (run,) = world.dispatch("publish", {})
        assert run.conclusion == "success", run.log
    return world


@contextmanager
def watched(world: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """The served world; afterwards, nothing may have broken GitHub's contract or left the runner."""
    with world:
        yield world
    state = world.state
    new = {
        "runs": len(world.executor.runs) - world.inherited,
        "requests": len(state.requests),
        "violations": len(state.violations),
    }
    UNREPORTED.append(new)
    if isinstance(request.node, pytest.Item):
        counts = {k: sum(u[k] for u in UNREPORTED) for k in new}
        UNREPORTED.clear()
        request.node.user_properties.append(("rehearsal", counts))
    assert state.violations == []
    secrets = {CANARY, SALT, APP_KEY, *state.tokens}
    leaks = {n: s[:9] for n, text in world.everything_public().items() for s in secrets if s in text}
    assert leaks == {}


def made_once(
    world: World, factory: pytest.TempPathFactory, request: pytest.FixtureRequest, start: Start
) -> World:
    """A world to continue from, made by actions that are watched like any test's."""
    made = world.branch_off(factory.mktemp("start") / "github")
    with watched(made, request):
        start(made)
    return made


@pytest.fixture
def rehearsal(request: pytest.FixtureRequest, tmp_path: Path, beginning: World) -> Iterator[World]:
    """Its own GitHub with the project."""
    with watched(beginning.branch_off(tmp_path / "github"), request) as world:
        yield world


@pytest.fixture(scope="session")
def with_a_pull(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, beginning: World
) -> World:
    def start(world: World) -> None:
        world.open_pull(submission())
        assert world.last("comment").conclusion == "success", world.last("comment").log

    return made_once(beginning, tmp_path_factory, request, start)


@pytest.fixture
def opened(request: pytest.FixtureRequest, tmp_path: Path, with_a_pull: World) -> Iterator[World]:
    """A GitHub with one good pull request, number 1, validated and commented on."""
    with watched(with_a_pull.branch_off(tmp_path / "github"), request) as world:
        yield world


@pytest.fixture(scope="session")
def with_scores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, with_a_pull: World
) -> World:
    return made_once(with_a_pull, tmp_path_factory, request, lambda world: world.score(world.state.pulls[1]))


@pytest.fixture
def scored(request: pytest.FixtureRequest, tmp_path: Path, with_scores: World) -> Iterator[World]:
    """A GitHub whose pull request 1 was scored on public datasets and not merged."""
    with watched(with_scores.branch_off(tmp_path / "github"), request) as world:
        yield world


@pytest.fixture(scope="session")
def with_a_model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, beginning: World
) -> World:
    def start(world: World) -> None:
        world.executor.builds_sites = True
        p = world.open_pull(submission(private=True, answers=True))
        world.score(p)
        world.merge(p)
        assert world.last("publish").conclusion == "success", world.last("publish").log

    return made_once(beginning, tmp_path_factory, request, start)


@pytest.fixture
def published(request: pytest.FixtureRequest, tmp_path: Path, with_a_model: World) -> Iterator[World]:
    """A GitHub with strangers/careful on its boards of reports (public and private) and of answers."""
    with watched(with_a_model.branch_off(tmp_path / "github"), request) as world:
        yield world
