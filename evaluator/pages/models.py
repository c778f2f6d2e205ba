"""Model pages: what a model is, where it stands, how its scores spread, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from evaluator.datasets.registry import get_dataset
from evaluator.history import EVENTS
from evaluator.pages.boards import REHEARSAL, TRACK_TITLES
from evaluator.pages.casefiles import scores_of, texts_of
from evaluator.pages.entries import Content, Entry
from evaluator.pages.figures import histogram, strip
from evaluator.pages.markup import badges_of, link, number, text, title
from evaluator.tables import display_text, rank_text

_REPOSITORY: Final = "https://github.com/rexrank/challenge"


def model_page(name: str, content: Content) -> str:
    """The page of one model over every board it stands on."""
    entries = content.models[name]
    record = entries[0].record
    card = record["card"]
    shown = card.get("name") or record["model"]
    lines = [
        "---",
        f"title: {title(shown)}",
        "description: Ranks, intervals, score distributions and provenance of one model.",
        "---",
        f"# {text(shown)}",
        "",
        f"{text(card.get('institution') or '')}, {text(card.get('year') or '')} · <code>{text(name)}</code>",
        "",
    ]
    lines += _standing(card)
    lines += [text(" ".join(str(card.get("description") or "").split())), ""]
    if any(e.table["rehearsal"] for e in entries):
        lines.append(REHEARSAL)
    lines += ["## Ranks", "", _ranks(entries), "", "## Card", "", _card_table(card), ""]
    for entry in entries:
        lines += _board_section(entry, content)
    lines += ["## How to cite", "", _citation(name, card, record, content), ""]
    lines += _history(name, content.history)
    return "\n".join(lines) + "\n"


def _standing(card: Mapping[str, Any]) -> list[str]:
    status = card.get("status", "active")
    if status == "withdrawn":
        return [
            f'<p class="rx-rehearsal"><strong>Withdrawn.</strong> {text(card.get("reason") or "")}</p>',
            "",
        ]
    if status == "superseded":
        after = text(card.get("superseded_by") or "another model")
        return [f'<p class="rx-rehearsal"><strong>Superseded</strong> by {after}.</p>', ""]
    return []


def _ranks(entries: Sequence[Entry]) -> str:
    rows = []
    for table, row, _ in entries:
        dataset = get_dataset(table["dataset"])
        address = f"../../../leaderboards/{dataset.id}/{table['track']}/"
        entry = row["metrics"].get(table["primary"])
        column = next((m for m in table["metrics"] if m["key"] == table["primary"]), None)
        rank = f"{rank_text(row)} of {len(table['rows'])}" if row["rank"] is not None else "not ranked"
        tie = f"<small>{_tie(table, row)}</small>"
        why = f"<small>{text(row['why_unranked'])}</small>" if row.get("why_unranked") else ""
        rows.append(
            f'<tr><th scope="row"><a href="{address}">{text(dataset.title)}, {TRACK_TITLES[table["track"]]}</a></th>'
            f"<td>{rank}{tie}{why}</td><td>{_value(entry)}<small>{text(column['display_title']) if column and entry else ''}</small></td></tr>"
        )
    return _table("Board", ("Rank", "Ranked by"), rows, "Ranks on every board")


def _value(entry: Mapping[str, Any] | None) -> str:
    """Value and interval as shown; where 1/mean has no meaning the mean itself, and why."""
    if entry is None or entry["display"]["value"] is not None:
        return text(display_text(entry)).replace("&#45;", "−")
    span = "" if entry["low"] is None else f" [{number(entry['low'])}, {number(entry['high'])}]"
    return f"mean {number(entry['mean'])}{span}<small>at or below 0: no reciprocal</small>"


def _table(first: str, heads: Sequence[str], rows: Sequence[str], label: str) -> str:
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    return (
        f'<div class="rx-plain" tabindex="0" role="region" aria-label="{text(label)}" data-search-exclude>'
        f'<table class="rx-table"><thead><tr><th scope="col">{first}</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _tie(table: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """How a row stands to the best of its board, in words."""
    if row["rank"] is None or not row["tied_with_best"]:
        return ""
    if sum(r["tied_with_best"] for r in table["rows"]) > 1:
        return "no test separates it from the best"
    return "best of the board" if len(table["rows"]) > 1 else "the only model ranked"


def _facts(facts: Mapping[str, Any]) -> str:
    """Name and value in two columns; values are HTML already."""
    rows = "".join(
        f'<tr><th scope="row">{k}</th><td>{v}</td></tr>' for k, v in facts.items() if v not in {None, ""}
    )
    return f'<table class="rx-facts"><tbody>{rows}</tbody></table>'


def _card_table(card: Mapping[str, Any]) -> str:
    inputs = card.get("inputs") or {}
    links = card.get("links") or {}
    words = {True: "yes", False: "no"}
    facts = {
        "Views": inputs.get("views"),
        "Context": inputs.get("context"),
        "Training data": ", ".join(map(str, card.get("training_data") or [])) or "none named",
        "Parameters": card.get("parameters"),
        "Licence": card.get("license"),
        "Uses an external LLM": words.get(card.get("uses_external_llm")),  # type: ignore[arg-type]
        "Deterministic": words.get(card.get("deterministic")),  # type: ignore[arg-type]
        "Status": card.get("status"),
        "Contact": ", ".join(map(str, card.get("contact") or [])) or None,
    }
    shown = {k: text(v) for k, v in facts.items() if v is not None}
    return _facts(shown | {"Links": ", ".join(link(a, text(k)) for k, a in links.items())})


def _board_section(entry: Entry, content: Content) -> list[str]:
    table, row, record = entry
    dataset = get_dataset(table["dataset"])
    name = f"{table['dataset']}.{table['track']}"
    lines = [f"## {dataset.title}, {TRACK_TITLES[table['track']]} {{ #{name.replace('.', '-')} }}", ""]
    if row.get("why_unranked"):
        lines += [f"Not ranked: {text(row['why_unranked'])}.", ""]
    if row["metrics"]:
        lines += [_metric_table(table, row, record), "", _legend(), ""]
    lines += _distributions(entry, content)
    lines += _diagnostics(row)
    if texts_of(content, entry) is not None:
        base, own = f"../../../data/cases/{name}/", text(row["id"].replace("/", "__"))
        words = (
            "Every reference beside the model's report, worst first. Case by case in the browser, which needs "
            f'JavaScript; the same as data: <a href="{base}{own}/index.json">scores</a>.'
        )
        lines += [
            f"### Cases {{ #{name.replace('.', '-')}-cases }}",
            "",
            f'<div class="rx-cases" data-rx="cases" data-rx-base="{base}" data-rx-model="{own}"><p>{words}</p></div>',
            "",
        ]
    elif not dataset.references_public:
        lines += [
            "Texts and per-study scores of this dataset are private; only aggregates are published.",
            "",
        ]
    return [*lines, *_provenance(table, row, record)]


def _metric_table(table: Mapping[str, Any], row: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    rows = []
    for metric in table["metrics"]:
        entry = row["metrics"].get(metric["key"])
        if entry is None:
            continue
        gain = entry["gain_over_null"]
        against = "–" if gain is None else number(gain["gain"])
        failed = f"<small>{entry['n_failed']} of {entry['n']} failed</small>" if entry["n_failed"] else ""
        rows.append(
            f'<tr><th scope="row"><a href="../../../metrics/{metric["key"]}/">{text(metric["display_title"])}</a></th>'
            f"<td>{_value(entry)}{failed}</td><td>{against}</td>"
            f"<td>{strip(metric, entry, _best(table, 'rows', metric), _best(table, 'nulls', metric))}</td></tr>"
        )
    rows += [
        f'<tr><th scope="row">{text(key)}</th><td colspan="3">missing: {text(reason)}</td></tr>'
        for key, reason in record["missing"].items()
    ]
    heads = ("Value and 95 % interval", "Gain over the best baseline", "Among the board")
    return _table("Metric", heads, rows, "Metrics")


def _legend() -> str:
    return (
        '<p class="rx-legend">Dot and line: this model and its interval. Diamond: the best model of the board. '
        "Upright line: the best baseline that looks at no image. Better is to the right.</p>"
    )


def _best(table: Mapping[str, Any], group: str, metric: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = [r["metrics"][metric["key"]] for r in table[group] if metric["key"] in r["metrics"]]
    sign = -1 if metric["higher_is_better"] else 1
    return min(found, key=lambda e: sign * e["mean"], default=None)


def _distributions(entry: Entry, content: Content) -> list[str]:
    frame = scores_of(content.leaderboard, entry)
    if frame is None:
        return []
    made = [
        histogram(m["title"], frame[m["key"]].tolist())
        for m in entry.table["metrics"]
        if m["key"] in entry.row["metrics"] and m["key"] in frame.columns
    ]
    if not any(made):
        return []
    head = "<summary>How the scores of single studies spread</summary>"
    return [
        f'<details open data-search-exclude>{head}<div class="rx-hists">{"".join(made)}</div></details>',
        "",
    ]


def _diagnostics(row: Mapping[str, Any]) -> list[str]:
    d = row["diagnostics"]
    marks = "".join(f'<span class="rx-badge">{text(b)}</span>' for b in badges_of(row))
    if not d:
        return [f"<p>{marks}</p>", ""] if marks else []
    ratio = "–" if d.get("length_ratio") is None else f"{d['length_ratio']:.2f} times the references'"
    facts = {
        "Distinct reports": f"{d['distinct_fraction']:.1%}",
        "Most common report": f"{d['top1_share']:.1%} of the studies",
        "Length": ratio,
        "Equal to the reference": f"{d['exact_match']:.1%}",
        "Passages copied from the reference": f"{d['copied_spans']:.1%}",
        "Empty": str(d["n_empty"]),
    }
    signal = d.get("signal")
    if signal:
        facts["Gain from the right patient"] = (
            f"{number(signal['value'])} ({number(signal['low'])} to {number(signal['high'])}) in {text(signal['metric'])}"
        )
    shown = {k: text(v) if k != "Gain from the right patient" else v for k, v in facts.items()}
    return [
        f"<details data-search-exclude><summary>Diagnostics of the reports</summary>{_facts(shown)}<p>{marks}</p></details>",
        "",
    ]


def _provenance(table: Mapping[str, Any], row: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    p = record["provenance"]
    pull = p.get("pull_request")
    head = p.get("head_commit")
    facts = {
        "Scored": text(record["submitted"]),
        "Pull request": link(f"{_REPOSITORY}/pull/{int(pull)}", f"{int(pull)}") if pull else "",
        "Commit": f"<code>{text(head)}</code>" if head else "",
        "Predictions": f"sha256 <code>{text(p['predictions_sha256'])}</code>",
        "References": f"sha256 <code>{text(p['references_sha256'])}</code>",
        "Evaluator": text(f"{p['evaluator_version']}, commit {p['evaluator_commit'] or 'unknown'}"),
        "Machine": text(f"{p['device']}, {p['platform']}, Python {p['python']}"),
        "Packages": text(", ".join(f"{k} {v}" for k, v in p["packages"].items())),
        "Record": f"<code>leaderboard/{text(row['record'])}</code>",
        "Protocol": text(table["protocol"]),
    }
    signed = "".join(
        f"<dt>{text(m['title'])}</dt><dd><code>{text(record['metrics'][m['key']]['signature'])}</code></dd>"
        for m in table["metrics"]
        if m["key"] in record["metrics"]
    )
    inner = f"<details><summary>Signatures</summary><dl>{signed}</dl></details>" if signed else ""
    return [
        f'<details class="rx-provenance" data-search-exclude><summary>Provenance</summary>{_facts(facts)}{inner}</details>',
        "",
    ]


def _citation(name: str, card: Mapping[str, Any], record: Mapping[str, Any], content: Content) -> str:
    address = f"{content.site_url}models/{name}/"
    version = record["provenance"]["evaluator_version"]
    words = (
        f"{card.get('name') or name} ({card.get('institution') or 'unknown'}, {card.get('year') or 'n.d.'}), as scored by the "
        f"ReXrank challenge, evaluator {version}, {record['submitted']}. {address}"
    )
    paper = link((card.get("links") or {}).get("paper"), "The model's own paper")
    own = f"<p>{paper} comes first.</p>" if paper.startswith("<a") else ""
    return f'{own}<p><code class="rx-wrap">{text(words)}</code></p><p>Please also cite <a href="../../../about/#citation">the challenge</a>.</p>'


def _history(name: str, history: Sequence[Mapping[str, Any]]) -> list[str]:
    events = [e for e in history if e["id"] == name]
    if not events:
        return []
    lines = ["## History", ""]
    for event in reversed(events):
        board = f"{get_dataset(event['dataset']).title}, {TRACK_TITLES[event['track']]}"
        lines.append(f"- {text(event['date'])}: {EVENTS[event['event']]}, {board}")
    return [*lines, ""]


def models_index(content: Content) -> str:
    """The list of models and the boards they stand on."""
    lines = ["---", "title: Models", "---", "# Models", ""]
    if not content.models:
        lines.append("No model yet. [Submit the first](../submit.md).")
        return "\n".join(lines) + "\n"
    rows = []
    for name, entries in content.models.items():
        first = entries[0].row
        boards = ", ".join(
            f"{text(get_dataset(t['dataset']).title)} {t['track']} ({rank_text(r)})" for t, r, _ in entries
        )
        gone = " (withdrawn)" if first["status"] == "withdrawn" else ""
        rows.append(
            f'<tr><th scope="row"><a href="{text(name)}/">{text(first["name"])}</a>{gone}</th>'
            f"<td>{text(first['institution'] or '')}</td><td>{boards}</td></tr>"
        )
    lines += [_table("Model", ("Institution", "Boards and ranks"), rows, "Models"), ""]
    return "\n".join(lines) + "\n"
