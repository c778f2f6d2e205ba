"""Per-study data of public datasets on the site: score distributions, and the shards of the case browser.

`data/cases/<board>/references/<k>.json.gz` and `…/<team>__<model>/<k>.json.gz` hold lists of texts, `SHARD`
studies each in the order of the ids; `…/<team>__<model>/index.json.gz` the ids, per-study scores and groups
by which the browser sorts and filters; `…/models.json` which models have such files. Nothing is read or
written for other datasets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.table import Column, Table
from evaluator.scoring.case_texts import CaseTexts, read_predictions, read_references
from evaluator.scoring.records import SUBGROUP_PREFIX, Board, read_studies, studies_path
from evaluator.site.content import Content, Entry
from evaluator.site.served import compact
from evaluator.site.words import AXIS_TITLES
from evaluator.submissions.task_predictions import predictions_of

if TYPE_CHECKING:
    import pandas as pd

SHARD: Final = 50


def board_of(table: Table) -> Board:
    """The board of a table."""
    return Board(get_dataset(table.dataset), table.track)


def scores_of(leaderboard: Path, entry: Entry) -> pd.DataFrame | None:
    """A model's per-study scores on a public board; `None` on any other, and if there are none."""
    board = board_of(entry.table)
    record = entry.record
    if not board.dataset.exposure.studies or entry.row.status == "withdrawn":
        return None
    path = studies_path(leaderboard, board.dataset.id, board.track, record.team, record.model)
    return read_studies(leaderboard, leaderboard, board, record) if path.is_file() else None


def texts_of(content: Content, entry: Entry) -> Mapping[str, str] | None:
    """A model's texts on a public board by study; `None` if there are none to show.

    Single-letter answers do not count as texts: without the question they mean nothing.
    """
    board = board_of(entry.table)
    if not board.dataset.exposure.studies or entry.row.status == "withdrawn":
        return None
    if not predictions_of(board.task).free_text:
        return None
    references = _references(content, board)
    if references is None:
        return None
    return read_predictions(content.leaderboard, board, references, entry.record.team, entry.record.model)


def has_texts(content: Content, entry: Entry) -> bool:
    """Whether `texts_of` returns any; read once."""
    key = f"{board_of(entry.table).name} {entry.row.id}"
    if key not in content.shown:
        content.shown[key] = texts_of(content, entry) is not None
    return content.shown[key]


def _references(content: Content, board: Board) -> CaseTexts | None:
    if board.name not in content.texts:
        content.texts[board.name] = read_references(content.leaderboard, board)
    return content.texts[board.name]


def case_files(content: Content) -> Iterator[tuple[str, str]]:
    """Name below the site and text of every shard."""
    for table in content.tables.values():
        folder = f"data/cases/{table.dataset}.{table.track}"
        models = []
        for model, entries in content.models.items():
            entry = next((e for e in entries if e.table is table), None)
            texts = texts_of(content, entry) if entry else None
            if entry is None or texts is None:
                continue
            models.append({"id": model, "name": entry.row.name})
            own = f"{folder}/{model.replace('/', '__')}"
            yield from _shards(own, texts)
            yield f"{own}/index.json.gz", compact(_index(content, entry, texts))
        references = _references(content, board_of(table)) if models else None
        if references is not None:
            yield from _shards(f"{folder}/references", references.texts)
            yield f"{folder}/models.json", compact({"schema": "rexrank/case-models/v1", "models": models})


def _shards(folder: str, texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    order = [texts[i] for i in sorted(texts)]
    for start in range(0, len(order), SHARD):
        yield f"{folder}/{start // SHARD}.json.gz", compact(order[start : start + SHARD])


def _index(content: Content, entry: Entry, texts: Mapping[str, str]) -> dict[str, Any]:
    frame = scores_of(content.leaderboard, entry)
    ids = sorted(texts)
    facts: dict[str, Any] = {"metrics": [], "scores": {}, "failed": {}, "groups": []}
    if frame is not None and frame["study_id"].astype(str).tolist() == ids:
        facts = _known(frame, [m for m in entry.table.metrics if m.key in entry.row.metrics])
    return {
        "schema": "rexrank/case-index/v1",
        "model": entry.row.id,
        "name": entry.row.name,
        "dataset": entry.table.dataset,
        "track": entry.table.track,
        "licence": get_dataset(entry.table.dataset).licence,
        "protocol": entry.table.protocol,
        "shard": SHARD,
        "ids": ids,
        **facts,
    }


def _known(frame: pd.DataFrame, metrics: Sequence[Column]) -> dict[str, Any]:
    """The contents of the studies' file: scores, positions of failed studies (which count as the worst), groups."""
    columns = [m for m in metrics if m.key in frame.columns]
    failed = {
        m.key: np.flatnonzero(frame[f"failed:{m.key}"]).tolist()
        for m in columns
        if f"failed:{m.key}" in frame.columns and frame[f"failed:{m.key}"].any()
    }
    keys = ("key", "title", "higher_is_better")
    return {
        "metrics": [{k: getattr(m, k) for k in keys} for m in columns],
        "scores": {m.key: [round(float(v), 4) for v in frame[m.key]] for m in columns},
        "failed": failed,
        "groups": _groups(frame),
    }


def _groups(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The subgroups of the studies: an axis, its values, and each study's position among them, −1 if unknown."""
    import pandas as pd

    axes = []
    for column in sorted(c for c in frame.columns if c.startswith(SUBGROUP_PREFIX)):
        places, values = pd.factorize(frame[column], sort=True)
        if len(values) > 1:
            axis = column.removeprefix(SUBGROUP_PREFIX)
            known = {"axis": axis, "title": AXIS_TITLES.get(axis, axis.replace("_", " "))}
            axes.append({**known, "values": [str(v) for v in values], "of": places.tolist()})
    return axes
