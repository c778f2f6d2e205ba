"""The navigation of boards, metrics and datasets, generated from what exists where `mkdocs.yml` says so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from evaluator.datasets.registry import Dataset, dataset_ids, get_dataset
from evaluator.metrics.registry import board_metric_keys, get_metric, metric_keys

_PLACE: Final = re.compile(r"^( *)- rexrank:(\w+)$", re.MULTILINE)
"""A placeholder in the navigation for a list of pages."""

Pages = Sequence[tuple[str, str]]
"""Titles and paths below the sources."""


def navigation(config: str, docs: Path, *, reported: bool = True) -> str:
    """The text of `mkdocs.yml` with every list inserted; `docs` has the hand-written pages.

    `reported`: whether there are rows that ReXrank itself published, which have a page.
    """
    datasets = [get_dataset(d) for d in dataset_ids()]
    lists: Mapping[str, Pages] = {
        "boards": boards(datasets),
        "datasets": [(d.title, f"datasets/{d.id}.md") for d in datasets],
        "metrics": metrics(docs),
        "reported": [("Reported by ReXrank", "leaderboards/reported.md")] if reported else [],
    }
    return _PLACE.sub(lambda place: _lines(place[1], lists[place[2]]), config)


def boards(datasets: Iterable[Dataset]) -> Pages:
    """Every board, dataset by dataset."""
    return [(f"{d.title} {track}", f"leaderboards/{d.id}/{track}.md") for d in datasets for track in d.tracks]


def metrics(docs: Path) -> Pages:
    """The metrics of the boards in table order, then those that have a written page."""
    keys = board_metric_keys()
    extra = [k for k in metric_keys() if k not in keys and (docs / "metrics" / f"{k}.md").is_file()]
    return [(get_metric(k).title, f"metrics/{k}.md") for k in (*keys, *extra)]


def _lines(indent: str, pages: Pages) -> str:
    # JSON strings are valid YAML: a title may contain a colon.
    return "\n".join(f"{indent}- {json.dumps(title, ensure_ascii=False)}: {path}" for title, path in pages)
