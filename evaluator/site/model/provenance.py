"""Where a row's numbers come from: files, code, weights, machine, signatures, and how to compute them again."""

from __future__ import annotations

from dataclasses import dataclass

from evaluator.datasets.challenge import challenge
from evaluator.scoring.record import Provenance
from evaluator.site.content import Entry
from evaluator.site.views import Fact, Link


@dataclass(frozen=True, slots=True)
class Origins:
    """The files that went in and came out, the code and machine that computed, and the commands that do so again."""

    scored: str
    pull: Link
    head: Link
    predictions: Link
    predictions_sha256: str
    references_sha256: str
    record: Link
    evaluator_version: str
    evaluator_commit: Link
    protocol: str
    weights: tuple[Fact, ...]
    machine: str
    packages: str
    signatures: tuple[Fact, ...]
    commands: str


def origins(entry: Entry) -> Origins:
    """The provenance of a model's numbers on one board."""
    table, row, record = entry
    origin = record.provenance
    head, pull, code = origin.head_commit, origin.pull_request, origin.evaluator_commit
    file = f"submissions/{row.id}/{table.dataset}.json"
    file_of_record = f"leaderboard/{row.record}"
    machine = f"{origin.device}, {origin.platform}, Python {origin.python}, {origin.dtype or 'unknown type'}"
    return Origins(
        scored=record.submitted or "",
        pull=Link(f"{int(pull)}", f"{challenge().repository_url}/pull/{int(pull)}") if pull else Link(""),
        head=_commit(head),
        predictions=Link(file, f"{challenge().repository_url}/blob/{head}/{file}" if head else ""),
        predictions_sha256=origin.predictions_sha256,
        references_sha256=origin.references_sha256,
        record=Link(file_of_record, f"{challenge().repository_url}/blob/main/{file_of_record}"),
        evaluator_version=origin.evaluator_version or "unknown",
        evaluator_commit=_commit(code),
        protocol=table.protocol,
        weights=tuple(Fact(k, v) for k, v in sorted(origin.weights.items())),
        machine=machine,
        packages=", ".join(f"{k} {v}" for k, v in origin.packages.items()),
        signatures=tuple(
            Fact(m.title, record.metrics[m.key].signature) for m in table.metrics if m.key in record.metrics
        ),
        commands=_again(entry, origin),
    )


def _commit(digest: str | None) -> Link:
    return Link(digest, f"{challenge().repository_url}/commit/{digest}") if digest else Link("")


def _again(entry: Entry, origin: Provenance) -> str:
    """The commands that compute the numbers again; nothing where the code's commit is unknown."""
    if not origin.evaluator_commit:
        return ""
    lines = [f"git checkout {origin.evaluator_commit}"]
    if origin.pull_request and origin.head_commit:
        lines += [
            f"git fetch origin pull/{origin.pull_request}/head",
            f"git checkout {origin.head_commit} -- submissions/{entry.row.id}",
        ]
    score = f"rexrank score submissions/{entry.row.id} --dataset {entry.table.dataset}"
    lines.append(f"{score} --protocol {entry.table.protocol} --references DIR --models DIR")
    return "\n".join(lines)
