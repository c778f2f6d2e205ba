"""What a public set's studies give the site: score distributions, and the shards of the case browser.

`data/cases/<board>/references/<k>.json` and `…/<team>__<model>/<k>.json` hold lists of texts, `SHARD`
studies each in the order of the ids; `…/<team>__<model>/index.json` the ids and per-study scores by
which the browser sorts. Of a private set nothing is read and nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evaluator.cases import Cases, read_cases
from evaluator.datasets.registry import get_dataset
from evaluator.pages.entries import Content, Entry
from evaluator.records import Board, read_studies, studies_path

if TYPE_CHECKING:
    import pandas as pd

SHARD: Final = 50


def board_of(table: Mapping[str, Any]) -> Board:
    """The board that a table is of."""
    return Board(get_dataset(table["dataset"]), "findings" if table["track"] == "findings" else "report")


def scores_of(leaderboard: Path, entry: Entry) -> pd.DataFrame | None:
    """A model's per-study scores on a public board; `None` on a private one and where there are none."""
    board = board_of(entry.table)
    record = entry.record
    if not board.dataset.references_public or entry.row["status"] == "withdrawn":
        return None
    path = studies_path(leaderboard, board.dataset.id, board.track, record["team"], record["model"])
    return read_studies(leaderboard, leaderboard, board, record) if path.is_file() else None


@lru_cache(maxsize=2)
def board_cases(leaderboard: Path, dataset: str, track: str) -> Cases:
    """The texts of a board, read once for all its models."""
    return read_cases(
        leaderboard, Board(get_dataset(dataset), "findings" if track == "findings" else "report")
    )


def has_cases(leaderboard: Path, entry: Entry) -> bool:
    """Whether the case browser has anything to show of a model on a board."""
    cases = board_cases(leaderboard, entry.table["dataset"], entry.table["track"])
    return entry.row["id"] in cases.predictions and entry.row["status"] != "withdrawn"


def case_files(content: Content) -> Iterator[tuple[str, str]]:
    """Name below the site's sources and text of every shard."""
    written: set[str] = set()
    for (dataset, track), table in content.tables.items():
        board_cases.cache_clear()
        for model, entries in content.models.items():
            for entry in (e for e in entries if e.table is table and has_cases(content.leaderboard, e)):
                cases = board_cases(content.leaderboard, dataset, track)
                folder = f"data/cases/{dataset}.{track}"
                if folder not in written:
                    written.add(folder)
                    yield from _shards(f"{folder}/references", cases.references)
                texts = cases.predictions[model]
                own = f"{folder}/{model.replace('/', '__')}"
                yield from _shards(own, texts)
                yield f"{own}/index.json", _compact(_index(content, entry, texts))
    board_cases.cache_clear()


def _shards(folder: str, texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    ordered = [texts[i] for i in sorted(texts)]
    for start in range(0, len(ordered), SHARD):
        yield f"{folder}/{start // SHARD}.json", _compact(ordered[start : start + SHARD])


def _index(content: Content, entry: Entry, texts: Mapping[str, str]) -> dict[str, Any]:
    frame = scores_of(content.leaderboard, entry)
    ids = sorted(texts)
    scores: dict[str, list[float]] = {}
    if frame is not None and frame["study_id"].astype(str).tolist() == ids:
        for metric in entry.table["metrics"]:
            if metric["key"] in frame.columns and metric["key"] in entry.row["metrics"]:
                scores[metric["key"]] = [round(float(v), 4) for v in frame[metric["key"]]]
    shown = [m for m in entry.table["metrics"] if m["key"] in scores]
    return {
        "schema": "rexrank/case-index/v1",
        "model": entry.row["id"],
        "dataset": entry.table["dataset"],
        "track": entry.table["track"],
        "licence": get_dataset(entry.table["dataset"]).licence,
        "protocol": entry.table["protocol"],
        "shard": SHARD,
        "ids": ids,
        "metrics": [
            {"key": m["key"], "title": m["title"], "higher_is_better": m["higher_is_better"]} for m in shown
        ],
        "scores": scores,
    }


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"
