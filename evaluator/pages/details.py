"""Model pages, dataset pages, and the table of problem codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluator.checks.codes import RULES, anchor
from evaluator.datasets.registry import Dataset, get_dataset
from evaluator.pages.boards import REHEARSAL, TRACK_TITLES
from evaluator.pages.markup import badges_of, link, text, title
from evaluator.tables import display_text, rank_text

_METRIC_HEAD = "<tr><th>Metric</th><th>Value and 95 % interval</th><th>Signature</th></tr>"


def model_page(rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]]) -> str:
    """The page of one model from its (table, row, record) on every board it stands on."""
    _, first, record = rows[0]
    card = record["card"]
    lines = [
        "---",
        f"title: {title(first['name'])}",
        "---",
        f"# {text(first['name'])}",
        "",
        f"{text(card.get('institution') or '')}, {text(card.get('year') or '')} · <code>{text(first['id'])}</code>",
        "",
        text(" ".join(str(card.get("description") or "").split())),
        "",
    ]
    if any(t["rehearsal"] for t, _, _ in rows):
        lines.append(REHEARSAL)
    lines += ["## Card", "", _card_table(card), ""]
    for table, row, rec in rows:
        lines += _board_section(table, row, rec)
    return "\n".join(lines) + "\n"


def _card_table(card: Mapping[str, Any]) -> str:
    inputs = card.get("inputs") or {}
    links = card.get("links") or {}
    facts = {
        "Views": inputs.get("views"),
        "Context": inputs.get("context"),
        "Training data": ", ".join(map(str, card.get("training_data") or [])) or "none named",
        "Parameters": card.get("parameters"),
        "Licence": card.get("license"),
        "Uses an external LLM": {True: "yes", False: "no"}.get(card.get("uses_external_llm")),  # type: ignore[arg-type]
        "Deterministic": {True: "yes", False: "no"}.get(card.get("deterministic")),  # type: ignore[arg-type]
        "Status": card.get("status"),
    }
    rows = "".join(
        f"<tr><th scope='row'>{k}</th><td>{text(v)}</td></tr>" for k, v in facts.items() if v is not None
    )
    shown = ", ".join(link(a, text(k)) for k, a in links.items())
    rows += f"<tr><th scope='row'>Links</th><td>{shown}</td></tr>" if shown else ""
    return f"<table><tbody>{rows}</tbody></table>"


def _board_section(table: Mapping[str, Any], row: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    dataset = get_dataset(table["dataset"])
    board = f"../../leaderboards/{table['dataset']}/{table['track']}.md"
    lines = [f"## {dataset.title}, {TRACK_TITLES[table['track']]}", ""]
    if row["rank"] is not None:
        tie = " Nothing separates it from the best." if row["tied_with_best"] else ""
        lines.append(f"Rank **{rank_text(row)}** of {len(table['rows'])} on [this board]({board}).{tie}")
    else:
        lines.append(f"Not ranked on [this board]({board}).")
    metrics = "".join(
        f"<tr><th scope='row'>{text(m['display_title'])}</th><td>{display_text(row['metrics'].get(m['key']))}</td>"
        f"<td><code>{text(m['signature'])}</code></td></tr>"
        for m in table["metrics"]
    )
    missing = "".join(
        f"<tr><th scope='row'>{text(k)}</th><td>–</td><td>{text(reason)}</td></tr>"
        for k, reason in record["missing"].items()
    )
    lines += [
        "",
        f"<table data-search-exclude><thead>{_METRIC_HEAD}</thead><tbody>{metrics}{missing}</tbody></table>",
        "",
    ]
    lines += _diagnostics(row)
    lines += _provenance(table, row, record)
    return lines


def _diagnostics(row: Mapping[str, Any]) -> list[str]:
    d = row["diagnostics"]
    if not d:
        return []
    ratio = "–" if d["length_ratio"] is None else f"{d['length_ratio']:.2f}"
    said = (
        f"Distinct reports {d['distinct_fraction']:.0%}, the most common one {d['top1_share']:.0%} of the studies; "
        f"{ratio} times as long as the references; {d['exact_match']:.1%} equal to the reference; {d['n_empty']} empty."
    )
    return [said, "", *(f"- {text(b)}" for b in badges_of(row)), ""]


def _provenance(table: Mapping[str, Any], row: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    p = record["provenance"]
    facts = {
        "Scored": record["submitted"],
        "Predictions": f"sha256 {p['predictions_sha256']}",
        "References": f"sha256 {p['references_sha256']}",
        "Evaluator": f"{p['evaluator_version']}, commit {p['evaluator_commit'] or 'unknown'}",
        "Machine": f"{p['device']}, {p['platform']}, Python {p['python']}",
        "Packages": ", ".join(f"{k} {v}" for k, v in p["packages"].items()),
    }
    rows = "".join(f"<tr><th scope='row'>{k}</th><td>{text(v)}</td></tr>" for k, v in facts.items())
    note = f"Record: <code>leaderboard/{text(row['record'])}</code>, protocol {text(table['protocol'])}."
    return [f"<details><summary>Provenance</summary><table><tbody>{rows}</tbody></table>{note}</details>", ""]


def models_index(
    models: Mapping[str, Sequence[tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]]],
) -> str:
    """The list of models and the boards they stand on."""
    lines = ["---", "title: Models", "---", "# Models", ""]
    if not models:
        lines.append("No model yet. [Submit the first](../submit.md).")
    for name, rows in models.items():
        first = rows[0][1]
        boards = ", ".join(
            f"{get_dataset(t['dataset']).title} {t['track']} ({rank_text(r)})" for t, r, _ in rows
        )
        lines.append(f"- [{text(first['name'])}]({name}.md), {text(first['institution'] or '')}: {boards}")
    return "\n".join(lines) + "\n"


def datasets_page(datasets: Sequence[Dataset]) -> str:
    """What each dataset is, who may have it, and what to mind."""
    lines = ["---", "title: Datasets", "---", "# Datasets", ""]
    for d in datasets:
        tracks = ", ".join(
            f"{TRACK_TITLES[t]} {'not counted yet' if n is None else f'n = {n:,}'}"
            for t, n in d.tracks.items()
        )
        lines += [
            f"## {d.title} {{ #{d.id} }}",
            "",
            d.about,
            "",
            f"- **Studies**: {d.n_studies:,} ({d.split})"
            + (f" of {d.n_patients:,} patients" if d.n_patients else ""),
            f"- **Tracks**: {tracks}",
            f"- **References**: {'public' if d.references_public else 'private; only aggregates are published'}",
            f"- **Licence**: {d.licence}",
            f"- **How to get it**: {d.access}",
            *(f"- {n}" for n in d.notes),
            "",
        ]
    return "\n".join(lines) + "\n"


def codes_page() -> str:
    """Every code that `rexrank validate` can print, with what it asks and why."""
    lines = ["---", "title: Codes of problems", "---", "# Codes of problems", ""]
    lines += ["What `rexrank validate` and the bot say, by code. A warning does not refuse a submission.", ""]
    for code, rule in RULES.items():
        lines += [
            f"## {code}: {rule.title} {{ #{anchor(code)} }}",
            "",
            rule.about,
            "",
            f"To mend it: {rule.cure}",
            "",
        ]
    return "\n".join(lines) + "\n"
