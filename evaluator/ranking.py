"""Tables from records: which rows stand on a board, in which order, and with what around them.

Everything here is a pure function of the records, the per-study scores and the registry, so that
ranking twice gives identical bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from evaluator.metrics.registry import PRIMARY, get_metric, metric_keys
from evaluator.problems import RexrankError
from evaluator.records import Board
from evaluator.uncertainty import Analysis, display

if TYPE_CHECKING:
    import pandas as pd

TABLE_SCHEMA: Final = "rexrank/table/v1"
RULE: Final = "primary/v1"
"""Name and version of the ranking rule: mean of the primary metric, worst for what failed."""
STAND_BY: Final = ("bertscore", "bleu_2")
"""What ranks a board on which nobody has the primary metric yet; the rule's name then says so."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entrants:
    """The records of a board sorted into what may stand on it, and notes on what may not."""

    ranked: tuple[Record, ...]
    incomplete: tuple[Record, ...]
    withdrawn: tuple[Record, ...]
    nulls: tuple[Record, ...]
    signatures: Mapping[str, str]
    primary: str
    notes: tuple[str, ...]

    @property
    def scored(self) -> tuple[Record, ...]:
        """Everything with scores on the board, in the order of the analysis."""
        return (*self.ranked, *self.incomplete, *self.nulls)


def name_of(record: Record) -> str:
    """`team/model`."""
    return f"{record['team']}/{record['model']}"


def sort_entrants(board: Board, records: Sequence[Record], *, rehearsal: bool) -> Entrants:
    """Who stands where. Raises `RexrankError` when records were scored against different references.

    A record with stand-in weights or an unverified judge never enters a real dataset's table,
    unless the whole board is a rehearsal and says so. Two signatures never share a column: the
    column is the one most records have, and a record with another counts as lacking the metric.
    """
    notes: list[str] = []
    admitted = []
    for record in records:
        if record["stand_in"] and not (board.dataset.synthetic or rehearsal):
            notes.append(
                f"{name_of(record)} is left out: it was scored with stand-in or unverified weights. "
                "Score it again with verified weights."
            )
        else:
            admitted.append(record)
    _same_references(board, admitted)
    signatures = _column_signatures(admitted)
    for record in admitted:
        for key, entry in record["metrics"].items():
            if entry["signature"] != signatures[key]:
                notes.append(
                    f"{name_of(record)}: {key} has another signature and is left out until it is scored again."
                )
    active = [r for r in admitted if r["card"].get("status", "active") != "withdrawn"]
    entries = [r for r in active if r["kind"] == "submission"]
    primary = next(
        (k for k in (PRIMARY, *STAND_BY) if any(usable(r, k, signatures) for r in entries)), PRIMARY
    )
    if primary != PRIMARY and entries:
        notes.append(f"no model has {PRIMARY} on this board yet; until one has, {primary} ranks it.")
    return Entrants(
        ranked=tuple(r for r in entries if usable(r, primary, signatures)),
        incomplete=tuple(r for r in entries if not usable(r, primary, signatures)),
        withdrawn=tuple(r for r in admitted if r not in active),
        nulls=tuple(r for r in active if r["kind"] == "null"),
        signatures=signatures,
        primary=primary,
        notes=tuple(notes),
    )


def usable(record: Record, key: str, signatures: Mapping[str, str]) -> bool:
    """Whether a record has this metric with the column's signature."""
    entry = record["metrics"].get(key)
    return entry is not None and entry["signature"] == signatures.get(key)


def _same_references(board: Board, records: Sequence[Record]) -> None:
    digests = Counter((r["provenance"].get("references_sha256"), r["n"]) for r in records)
    if len(digests) > 1:
        common = digests.most_common(1)[0][0]
        odd = [name_of(r) for r in records if (r["provenance"].get("references_sha256"), r["n"]) != common]
        raise RexrankError(
            f"records on {board.name} were scored against different references: {', '.join(odd[:5])} differ from "
            "the rest. Score them again with the current references."
        )


def _column_signatures(records: Sequence[Record]) -> dict[str, str]:
    """Per metric the signature that most records have; ties go to the first in the alphabet."""
    columns: dict[str, Counter[str]] = {}
    for record in records:
        for key, entry in record["metrics"].items():
            columns.setdefault(key, Counter())[entry["signature"]] += 1
    return {key: min(c, key=lambda s: (-c[s], s)) for key, c in sorted(columns.items())}


def board_keys(entrants: Entrants) -> list[str]:
    """The board's metric columns: the primary first, then the registry's order."""
    present = [k for k in metric_keys() if k in entrants.signatures]
    return sorted(present, key=lambda k: (k != entrants.primary, present.index(k)))


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
    rows = [_row(board, r, entrants, keys, analysis) for r in entrants.ranked]
    sign = -1 if get_metric(entrants.primary).higher_is_better else 1
    rows.sort(
        key=lambda row: (sign * row["metrics"][entrants.primary]["mean"], row["submitted"] or "", row["id"])
    )
    stand_in = any(r["stand_in"] for r in entrants.scored)
    anyone = (*entrants.scored, *entrants.withdrawn)
    return {
        "schema": TABLE_SCHEMA,
        "dataset": board.dataset.id,
        "track": board.track,
        "title": board.dataset.title,
        "references_public": board.dataset.references_public,
        "n": anyone[0]["n"] if anyone else 0,
        "n_clusters": anyone[0]["n_clusters"] if anyone else 0,
        "protocol": anyone[0]["protocol"] if anyone else "clean",
        "primary": entrants.primary,
        "rule": RULE if entrants.primary == PRIMARY else f"stand-by/{entrants.primary}/v1",
        "rehearsal": rehearsal or stand_in,
        "metrics": [_column(k, entrants.signatures[k]) for k in keys],
        "rows": rows,
        "incomplete": [_row(board, r, entrants, keys, None) for r in entrants.incomplete],
        "withdrawn": [_row(board, r, entrants, [], None) for r in entrants.withdrawn],
        "nulls": [_row(board, r, entrants, keys, None) for r in entrants.nulls],
        "notes": [*entrants.notes, *board.dataset.notes],
        **(
            analysis.table_parts()
            if analysis
            else {"resolution": {}, "sensitivity": {}, "pairs": [], "stability": {}}
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


def _row(
    board: Board, record: Record, entrants: Entrants, keys: Sequence[str], analysis: Analysis | None
) -> dict[str, Any]:
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
        "badges": list(record["integrity"].get("badges") or []),
        "inputs": dict(card.get("inputs") or {}),
        "training_data": training,
        "trained_on_dataset": any(t in board.dataset.training_names for t in training),
        "open_weights": bool(links.get("weights")),
        "uses_external_llm": card.get("uses_external_llm"),
        "parameters": card.get("parameters"),
        "links": links,
        "metrics": {
            k: {**_numbers(record["metrics"][k]), "display": display(get_metric(k), record["metrics"][k])}
            for k in keys
            if usable(record, k, entrants.signatures)
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


def _numbers(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {k: entry[k] for k in ("mean", "se", "low", "high", "n", "n_failed")}


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
