"""Which models may be on a board: which records are ranked, which are listed without a rank, and why."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import Field

from evaluator.core.host_files import read_host_file
from evaluator.core.problems import RexrankError
from evaluator.core.typed import Line, Sha256, Typed, TypedTable
from evaluator.metrics.signature import Signature
from evaluator.scoring.diagnostics import hold_reason, null_like
from evaluator.scoring.record import Record
from evaluator.scoring.records import Board

MAX_RELEASES_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Entrants:
    """The records of a board, sorted by how they may appear on it, with notes on those that may not.

    `why` gives the reason why each incomplete record, by `team/model`, has no rank.
    """

    ranked: tuple[Record, ...]
    incomplete: tuple[Record, ...]
    withdrawn: tuple[Record, ...]
    nulls: tuple[Record, ...]
    signatures: Mapping[str, str]
    primary: str
    notes: tuple[str, ...]
    why: Mapping[str, str] = field(default_factory=dict)

    @property
    def scored(self) -> tuple[Record, ...]:
        """Everything with scores on the board, in the order of the analysis."""
        return (*self.ranked, *self.incomplete, *self.nulls)


class Release(Typed):
    """Why prediction files held by a check are ranked nevertheless."""

    by: Line = Field(description="The maintainer's GitHub handle.")
    why: Line = Field(description="The reason, shown to the public.")


class Releases(TypedTable[Sha256, Release]):
    """`<leaderboard>/releases.json`: releases by SHA-256 of the prediction file."""


def read_releases(leaderboard: Path) -> frozenset[str]:
    """Digests of the prediction files that a maintainer released although a check held them.

    A release is only for these bytes, so the next upload is checked again. Raises `InvalidFile` with every
    problem of the file.
    """
    path = leaderboard / "releases.json"
    if not os.path.lexists(path):
        return frozenset()
    return frozenset(read_host_file(path, Releases, limit=MAX_RELEASES_BYTES).root)


def sort_entrants(
    board: Board, records: Sequence[Record], *, rehearsal: bool, released: frozenset[str] = frozenset()
) -> Entrants:
    """The records of a board sorted into ranked, incomplete, withdrawn and null.

    A record with stand-in or unverified weights, or with an unpinned judge, never enters a real dataset's
    table, unless the whole board is a rehearsal and says so. Two signatures never share a column: the column
    has the most frequent one, and a record with another counts as lacking the metric. Records held by an
    integrity check, constant reports, and records withheld by the Ladder are listed without a rank and with
    the reason. Raises `RexrankError` if records were scored against different references.
    """
    reasons = {r.name: None if board.dataset.synthetic or rehearsal else _untrusted(r) for r in records}
    notes = [f"{name} is left out: {reason}" for name, reason in reasons.items() if reason]
    admitted = [r for r in records if not reasons[r.name]]
    _same_references(board, admitted)
    signatures = _column_signatures(admitted)
    notes += _other_signatures(admitted, signatures)
    active = [r for r in admitted if r.card.status != "withdrawn"]
    entries = [r for r in active if r.kind == "submission"]
    # The ranking metric while no model has the primary one; the rule's name then says so.
    wanted = board.task.primary
    primary = next(
        (k for k in (wanted, *board.task.stand_by) if any(usable(r, k, signatures) for r in entries)), wanted
    )
    if primary != wanted and entries:
        notes.append(
            f"no model has {wanted} on this board yet; until one does, the board is ranked by {primary}."
        )
    why = {r.name: _why(board, r, primary, signatures, released) for r in entries}
    if board.dataset.synthetic:
        notes += [
            f"{r.name} gives the same {board.task.prediction} for at least nine in ten {board.task.items}. On a real dataset it would be listed without a rank; here it is ranked to show how a template fares."
            for r in entries
            if why[r.name] is None and null_like(r.diagnostics)
        ]
    return Entrants(
        ranked=tuple(r for r in entries if why[r.name] is None),
        incomplete=tuple(r for r in entries if why[r.name] is not None),
        withdrawn=tuple(r for r in admitted if r not in active),
        nulls=tuple(r for r in active if r.kind == "null"),
        signatures=signatures,
        primary=primary,
        notes=tuple(notes),
        why={name: reason for name, reason in why.items() if reason is not None},
    )


def _other_signatures(records: Sequence[Record], signatures: Mapping[str, str]) -> list[str]:
    """A note on each metric of a record that is in no column."""
    notes = []
    for record in records:
        for key, entry in record.metrics.items():
            if Signature.parse(entry.signature).stale:
                notes.append(
                    f"{record.name}: {key} does not record its judge and is left out until it is rescored."
                )
            elif entry.signature != signatures[key]:
                notes.append(
                    f"{record.name}: {key} has a different signature and is left out until it is rescored."
                )
    return notes


def _untrusted(record: Record) -> str | None:
    """Why a record may not enter a real table, or `None`."""
    signatures = {k: Signature.parse(e.signature) for k, e in record.metrics.items()}
    loose = [k for k, s in signatures.items() if any(j.pin == "unpinned" for j in s.judges)]
    if loose:
        return f"nothing pins the judge for {', '.join(loose)}. Serve it from a folder on this machine, or set its revision or dated version, and rescore."
    if record.stand_in or not all(s.trusted or s.stale for s in signatures.values()):
        return "it was scored with stand-in or unverified weights. Rescore it with verified weights."
    return None


def _why(
    board: Board, record: Record, primary: str, signatures: Mapping[str, str], released: frozenset[str]
) -> str | None:
    """Why a submission has no rank, or `None`."""
    if record.ladder is not None and record.withheld:
        return (
            f"no better than {_whose_best(record.team, record.ladder.best or '')} by more than one standard error: "
            "such results are not shown on a withheld dataset"
        )
    if not usable(record, primary, signatures):
        return f"lacks {primary} under the board's signature"
    if record.provenance.predictions_sha256 in released:
        return None
    if not board.dataset.synthetic and null_like(record.diagnostics):
        return f"null-like: one {board.task.prediction} is used for at least nine in ten {board.task.items}; enter it as a baseline"
    return hold_reason(record.integrity)


def _whose_best(team: str, best: str) -> str:
    """The run to beat: the team's, or that of another team with the same people."""
    own = best.partition("/")[0] == team
    return f"the team's best ({best})" if own else f"the best of the same people ({best})"


def usable(record: Record, key: str, signatures: Mapping[str, str]) -> bool:
    """Whether a record has this metric with the column's signature."""
    entry = record.metrics.get(key)
    return entry is not None and entry.signature == signatures.get(key)


def _same_references(board: Board, records: Sequence[Record]) -> None:
    digests = Counter((r.provenance.references_sha256, r.n) for r in records)
    if len(digests) > 1:
        common = digests.most_common(1)[0][0]  # tie: first record; whole counts
        odd = [r.name for r in records if (r.provenance.references_sha256, r.n) != common]
        raise RexrankError(
            f"records on {board.name} were scored against different references: {', '.join(odd[:5])} differ from "
            "the rest. Score them again with the current references."
        )


def _column_signatures(records: Sequence[Record]) -> dict[str, str]:
    """Per metric, the most frequent signature; ties go to the first in alphabetical order."""
    columns: dict[str, Counter[str]] = {}
    for record in records:
        for key, entry in record.metrics.items():
            if not Signature.parse(entry.signature).stale:
                columns.setdefault(key, Counter())[entry.signature] += 1
    # tie: first in the alphabet; whole counts
    return {key: min(c, key=lambda s: (-c[s], s)) for key, c in sorted(columns.items())}
