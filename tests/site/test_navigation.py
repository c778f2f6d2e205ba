"""The navigation follows from the pages that exist."""

from __future__ import annotations

from pathlib import Path

import yaml

from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.metrics.registry import board_metric_keys, metric_keys
from evaluator.site.navigation import navigation

ROOT = Path(__file__).parents[2]


def part(name):
    config = navigation((ROOT / "mkdocs.yml").read_text("utf-8"), ROOT / "site")
    nav = yaml.safe_load(config)["nav"]
    return [e for section in nav if name in section for e in section[name]]


def paths(name):
    return [e if isinstance(e, str) else next(iter(e.values())) for e in part(name)]


def test_every_board_has_its_place():
    boards = [f"leaderboards/{d}/{t}.md" for d in dataset_ids() for t in get_dataset(d).tracks]
    assert paths("Leaderboards")[2:-1] == boards
    assert part("Leaderboards")[2] == {"ReXGradient findings": "leaderboards/rexgradient/findings.md"}


def test_every_dataset_has_its_place():
    assert paths("Datasets") == ["datasets/index.md", *(f"datasets/{d}.md" for d in dataset_ids())]


def test_metrics_of_the_boards_and_those_with_a_written_page():
    places = paths("Metrics")[1:-1]
    names = [f"metrics/{k}.md" for k in board_metric_keys()]
    assert places[: len(names)] == names
    assert "metrics/fineradscore.md" in places
    assert {p.stem for p in (ROOT / "site/metrics").glob("*.md")} & set(metric_keys()) <= {
        Path(p).stem for p in places
    }


def test_a_title_may_hold_what_yaml_reads():
    config = "nav:\n  - rexrank:datasets\n"
    value = yaml.safe_load(navigation(config, ROOT / "site"))
    assert value["nav"][0] == {"ReXGradient": "datasets/rexgradient.md"}


def test_every_page_of_the_navigation_exists_or_is_generated():
    """No hand-written page of the guides is left out of the navigation."""
    text = navigation((ROOT / "mkdocs.yml").read_text("utf-8"), ROOT / "site")
    pages = {p.relative_to(ROOT / "site").as_posix() for p in (ROOT / "site").rglob("*.md")}
    assert {p for p in pages if p not in text} == set()


def test_rows_that_nobody_reported_have_no_place():
    config = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert "leaderboards/reported.md" in navigation(config, ROOT / "site")
    assert "leaderboards/reported.md" not in navigation(config, ROOT / "site", reported=False)
