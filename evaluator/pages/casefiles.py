"""What a public set's studies give the site: score distributions, and the shards of the case browser.

`data/cases/<board>/references/<k>.json` and `…/<team>__<model>/<k>.json` hold lists of texts, `SHARD`
studies each in the order of the ids; `…/<team>__<model>/index.json` the ids and per-study scores by
which the browser sorts. Of a private set nothing is read and nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evaluator.cases import read_predictions, read_references
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


def texts_of(content: Content, entry: Entry) -> dict[str, str] | None:
    """A model's texts on a public board by study; `None` where there are none to show."""
    board = board_of(entry.table)
    if not board.dataset.references_public or entry.row["status"] == "withdrawn":
        return None
    references = _references(content, board)
    if references is None:
        return None
    return read_predictions(
        content.leaderboard, board, references, entry.record["team"], entry.record["model"]
    )


def _references(content: Content, board: Board) -> dict[str, Any] | None:
    if board.name not in content.texts:
        content.texts[board.name] = read_references(content.leaderboard, board)
    return content.texts[board.name]


def case_files(content: Content) -> Iterator[tuple[str, str]]:
    """Name below the site and text of every shard."""
    for table in content.tables.values():
        folder = f"data/cases/{table['dataset']}.{table['track']}"
        shared = False
        for model, entries in content.models.items():
            entry = next((e for e in entries if e.table is table), None)
            texts = texts_of(content, entry) if entry else None
            if entry is None or texts is None:
                continue
            if not shared:
                references = _references(content, board_of(table)) or {"texts": {}}
                yield from _shards(f"{folder}/references", references["texts"])
                shared = True
            own = f"{folder}/{model.replace('/', '__')}"
            yield from _shards(own, texts)
            yield f"{own}/index.json", _compact(_index(content, entry, texts))


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
