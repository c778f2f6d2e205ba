"""Tables from records: which rows stand on a board, in which order, and with what around them.

Everything here is a pure function of the records, the per-study scores and the registry, so that
ranking twice gives identical bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.analysis import Analysis
from evaluator.leaderboard.eligibility import Entrants, Record, name_of, usable
from evaluator.metrics.registry import PRIMARY, get_metric, metric_keys
from evaluator.scoring.integrity.plausibility import check_drop
from evaluator.scoring.intervals import display
from evaluator.scoring.null_reports import gain_over_null
from evaluator.scoring.records import Board, published, published_numbers
from evaluator.statistics.ties import by_cost

if TYPE_CHECKING:
    import pandas as pd

TABLE_SCHEMA: Final = "rexrank/table/v1"
RULE: Final = "primary/v1"
"""Name and version of the ranking rule: mean of the primary metric, worst for what failed."""


def board_keys(entrants: Entrants) -> list[str]:
    """The board's metric columns: the primary first, then the registry's order."""
    present = [k for k in metric_keys() if k in entrants.signatures]
    return sorted(present, key=lambda k: k != entrants.primary)  # tie: the registry's order


def check_frames(board: Board, frames: Mapping[str, pd.DataFrame]) -> None:
    """Nothing; raises `RexrankError` when the per-study files do not hold the same studies."""
    first = next(iter(frames.values()), None)
    for name, frame in frames.items():
        if first is None or not frame[["study_id", "patient"]].equals(first[["study_id", "patient"]]):
            raise RexrankError(
                f"the per-study scores of {name} on {board.name} are of other studies. Score it again."
            )


def make_table(
    board: Board, entrants: Entrants, analysis: Analysis | None, *, rehearsal: bool
) -> dict[str, Any]:
    """The board as the JSON table that pages, CSV and Markdown are made of."""
    keys = board_keys(entrants)
    sign = -1 if get_metric(entrants.primary).higher_is_better else 1
    # By the records' own precision, not by what is shown of a set in steps.
    first = sorted(
        entrants.ranked, key=lambda r: (r["submitted"] or "", name_of(r))
    )  # tie: none, names differ
    order = by_cost(first, [sign * r["metrics"][entrants.primary]["mean"] for r in first])
    rows = [record_row(board, r, entrants, keys, analysis) for r in order]
    stand_in = any(r["stand_in"] for r in entrants.scored)
    anyone = (*entrants.scored, *entrants.withdrawn)
    return {
        "schema": TABLE_SCHEMA,
        "dataset": board.dataset.id,
        "track": board.track,
        "title": board.dataset.title,
        "access": board.dataset.access,
        "n": anyone[0]["n"] if anyone else 0,
        "n_clusters": anyone[0]["n_clusters"] if anyone else 0,
        "protocol": anyone[0]["protocol"] if anyone else "clean",
        "primary": entrants.primary,
        "rule": RULE if entrants.primary == PRIMARY else f"stand-by/{entrants.primary}/v1",
        "step": board.dataset.exposure.step(anyone[0]["n"]) if anyone else None,
        "rehearsal": rehearsal or stand_in,
        "metrics": [_column(k, entrants.signatures[k]) for k in keys],
        "rows": rows,
        "incomplete": [record_row(board, r, entrants, keys, None) for r in entrants.incomplete],
        "withdrawn": [record_row(board, r, entrants, [], None) for r in entrants.withdrawn],
        "nulls": [record_row(board, r, entrants, keys, None) for r in entrants.nulls],
        "notes": [*entrants.notes, *board.dataset.notes],
        **(
            analysis.table_parts(board.dataset.exposure.step(anyone[0]["n"]))
            if analysis
            else {"resolution": {}, "sensitivity": {}, "pairs": [], "stability": {}, "subgroups": None}
        ),
    }


def _column(key: str, signature: str) -> dict[str, Any]:
    metric = get_metric(key)
    return {
        "key": key,
        "title": metric.title,
        "display_title": metric.display_title or metric.title,
        "family": metric.family,
        "higher_is_better": metric.higher_is_better,
        "reciprocal": metric.reciprocal,
        "signature": signature,
    }


def record_row(
    board: Board, kept: Record, entrants: Entrants, keys: Sequence[str], analysis: Analysis | None
) -> dict[str, Any]:
    """A record as a row; without an analysis it has no rank. What is read from it has passed `published`, so that no row shows more."""
    record = published(board, kept)
    card = record["card"]
    place = analysis.places[name_of(record)] if analysis else None
    training = list(card.get("training_data") or [])
    links = dict(card.get("links") or {})
    return {
        "id": name_of(record),
        "team": record["team"],
        "model": record["model"],
        "name": card.get("name") or record["model"],
        "institution": card.get("institution"),
        "year": card.get("year"),
        "status": _status(card),
        "kind": record["kind"],
        "rank": place.rank_low if place else None,
        "rank_low": place.rank_low if place else None,
        "rank_high": place.rank_high if place else None,
        "tied_with_best": bool(place and place.tied_with_best),
        "cluster": place.cluster if place else None,
        "missing": [k for k in metric_keys() if k in record["missing"]],
        "why_unranked": entrants.why.get(name_of(record)),
        "badges": list(record["integrity"].get("badges") or []),
        "inputs": dict(card.get("inputs") or {}),
        "training_data": training,
        "trained_on_dataset": any(t in board.dataset.training_names for t in training),
        "open_weights": bool(links.get("weights")),
        "uses_external_llm": card.get("uses_external_llm"),
        "parameters": card.get("parameters"),
        "links": links,
        "metrics": {
            k: _entry(board, record, entrants, k) for k in keys if usable(record, k, entrants.signatures)
        },
        "diagnostics": dict(record["diagnostics"]),
        "submitted": record["submitted"],
        "record": f"records/{board.dataset.id}/{board.track}/{record['team']}__{record['model']}.json",
        "pull_request": record["provenance"].get("pull_request"),
        "commit": record["provenance"].get("head_commit"),
    }


def _status(card: Mapping[str, Any]) -> str:
    status = card.get("status", "active")
    return str(status.get("state", "active")) if isinstance(status, Mapping) else str(status)


def _entry(board: Board, record: Record, entrants: Entrants, key: str) -> dict[str, Any]:
    """One metric of a row: numbers as they may be shown, their display, and the gain over the best null row."""
    numbers = record["metrics"][key]
    nulls = {
        name_of(r): published_numbers(board, r["metrics"][key])["mean"]
        for r in entrants.nulls
        if usable(r, key, entrants.signatures)
    }
    metric = get_metric(key)
    gain = None
    if record["kind"] == "submission":
        gain = gain_over_null(numbers["mean"], nulls, higher_is_better=metric.higher_is_better)
    return {
        **{k: numbers[k] for k in ("mean", "se", "low", "high", "n", "n_failed")},
        "display": display(metric, numbers),
        "gain_over_null": {"null": gain[0], "gain": gain[1]} if gain else None,
    }


def mark_contamination(tables: Sequence[dict[str, Any]]) -> None:
    """C22: adds a badge to the rows of models that fall far more than the cohort from readable to withheld sets.

    Readable: public or restricted, since whoever holds the references could have copied them.

    Per track, over the models that have the primary metric on sets of both kinds.
    """
    for track in {t["track"] for t in tables}:
        found: dict[str, dict[bool, list[float]]] = {}
        real = [t for t in tables if t["track"] == track and not get_dataset(t["dataset"]).synthetic]
        for table in (t for t in real if t["primary"] == PRIMARY):
            for row in table["rows"]:
                kinds = found.setdefault(row["id"], {True: [], False: []})
                kinds[table["access"] != "withheld"].append(-row["metrics"][PRIMARY]["mean"])
        gains = {
            model: sum(kinds[True]) / len(kinds[True]) - sum(kinds[False]) / len(kinds[False])
            for model, kinds in found.items()
            if kinds[True] and kinds[False]
        }
        for table in real:
            for row in table["rows"]:
                row["badges"] += [flag.to_dict() for flag in check_drop(row["id"], gains)]


def overview(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One line a board: how many models, and the group that nothing separates from the best."""
    boards = []
    for table in tables:
        best = [r for r in table["rows"] if r["tied_with_best"]]
        boards.append(
            {
                "dataset": table["dataset"],
                "track": table["track"],
                "title": table["title"],
                "n": table["n"],
                "n_models": len(table["rows"]),
                "rehearsal": table["rehearsal"],
                "best_group": [{"id": r["id"], "name": r["name"]} for r in best],
                "best_display": table["rows"][0]["metrics"][table["primary"]]["display"]
                if table["rows"]
                else None,
            }
        )
    return {"schema": "rexrank/overview/v1", "boards": boards}
