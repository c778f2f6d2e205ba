"""Where a row's numbers come from: files, code, weights, machine, signatures, and how to compute them again."""

from __future__ import annotations

from evaluator.site.content import REPOSITORY, Entry
from evaluator.site.html import facts, link, text


def origins(entry: Entry) -> list[str]:
    """The provenance of a model's numbers on one board as lines of Markdown."""
    inner = facts(_files(entry) | _computed(entry)) + _signatures(entry) + _again(entry)
    return [
        f'<details class="rx-provenance" data-search-exclude><summary>Provenance</summary>{inner}</details>',
        "",
    ]


def _code(value: object) -> str:
    return f"<code>{text(value)}</code>"


def _files(entry: Entry) -> dict[str, str]:
    """Pull request, commit, and the files that went in and came out."""
    table, row, record = entry
    origin = record.provenance
    pull, head = origin.pull_request, origin.head_commit
    file = f"submissions/{row.id}/{table.dataset}.json"
    blob = link(f"{REPOSITORY}/blob/{head}/{file}", _code(file)) if head else _code(file)
    file_of_record = f"leaderboard/{row.record}"
    return {
        "Scored": text(record.submitted),
        "Pull request": link(f"{REPOSITORY}/pull/{int(pull)}", f"{int(pull)}") if pull else "",
        "Commit": link(f"{REPOSITORY}/commit/{head}", _code(head)) if head else "",
        "Predictions": f"{blob}, SHA-256 {_code(origin.predictions_sha256)}",
        "References": f"SHA-256 {_code(origin.references_sha256)}",
        "Record": link(f"{REPOSITORY}/blob/main/{file_of_record}", _code(file_of_record)),
    }


def _computed(entry: Entry) -> dict[str, str]:
    """Code, weights and machine that computed the numbers."""
    origin = entry.record.provenance
    code = origin.evaluator_commit
    commit = link(f"{REPOSITORY}/commit/{code}", _code(code)) if code else "commit unknown"
    machine = f"{origin.device}, {origin.platform}, Python {origin.python}, {origin.dtype or 'unknown type'}"
    return {
        "Evaluator": f"{text(origin.evaluator_version)}, {commit}",
        "Protocol": f'<a href="../../../metrics/#two-text-protocols">{text(entry.table.protocol)}</a>',
        "Weights": "<br>".join(f"{text(k)} {_code(v)}" for k, v in sorted(origin.weights.items())),
        "Machine": text(machine),
        "Packages": text(", ".join(f"{k} {v}" for k, v in origin.packages.items())),
    }


def _signatures(entry: Entry) -> str:
    signed = "".join(
        f"<dt>{text(m.title)}</dt><dd>{_code(entry.record.metrics[m.key].signature)}</dd>"
        for m in entry.table.metrics
        if m.key in entry.record.metrics
    )
    return f"<p><strong>Signatures</strong></p><dl>{signed}</dl>" if signed else ""


def _again(entry: Entry) -> str:
    """The commands that compute the numbers again; nothing where the code's commit is unknown."""
    origin = entry.record.provenance
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
    return f"<p><strong>To compute it again</strong></p><pre><code>{text(chr(10).join(lines))}</code></pre>"
