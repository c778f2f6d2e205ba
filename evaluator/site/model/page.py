"""Model pages: what a model is, where it stands, how its scores spread, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.history import EVENTS
from evaluator.leaderboard.overall_table import range_text
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import rank_text
from evaluator.scoring.record import RecordCard
from evaluator.site.board.page import REHEARSAL
from evaluator.site.content import REPOSITORY, Content, Entry, metric_title
from evaluator.site.html import TRACK_TITLES, facts, html_table, inputs_of, link, number, text, title
from evaluator.site.model.board_section import board_name, board_section, board_title, value_text
from evaluator.site.model.citation import badge_markdown, citation


def model_page(name: str, content: Content) -> str:
    """The page of one model over every board it stands on."""
    entries = content.models[name]
    record = entries[0].record
    card = record.card
    shown = card.name or record.model
    made_by = ", ".join(text(v) for v in (card.institution, card.year) if v)
    lines = [
        "---",
        f"title: {title(shown)}",
        f"description: {title(_summary(shown, entries))}",
        "hide: [navigation]",
        "---",
        f"# {text(shown)}",
        "",
        f"{made_by} · <code>{text(name)}</code> · [all models](../index.md)",
        "",
        "<small>Made by whom is what the model card says; the name of an institution is not verified.</small>",
        "",
    ]
    lines += _standing(card, content)
    lines += [text(" ".join((card.description or "").split())), ""]
    if any(e.table.rehearsal for e in entries):
        lines.append(REHEARSAL)
    lines += [
        "## Ranks",
        "",
        _ranks(entries),
        "",
        *_overall(name, content),
        "## Card",
        "",
        _card_table(card),
        "",
    ]
    for entry in entries:
        lines += board_section(entry, content)
    lines += ["## How to cite", "", citation(name, record, content.site_url), ""]
    lines += _badges(name, entries, content)
    lines += _history(name, content)
    return "\n".join(lines) + "\n"


def _summary(shown: str, entries: Sequence[Entry]) -> str:
    """Where a model stands, in one sentence without markup."""
    places = [
        f"{rank_text(row)} of {len(table.rows)} on {get_dataset(table.dataset).title} {table.track}"
        for table, row, _ in entries
        if row.rank is not None
    ]
    return f"{shown}: rank {', '.join(places)}." if places else f"{shown} on the ReXrank challenge."


def _standing(card: RecordCard, content: Content) -> list[str]:
    if card.status == "withdrawn":
        words = f"<strong>Withdrawn.</strong> {text(card.reason or '')}"
    elif card.status == "superseded":
        after = card.superseded_by or "another model"
        name = text(after)
        if after in content.models:
            name = f'<a href="../../{name}/">{text(content.models[after][0].row.name)}</a>'
        words = f"<strong>Superseded</strong> by {name}."
    else:
        return []
    return [f'<p class="rx-rehearsal">{words}</p>', ""]


def _ranks(entries: Sequence[Entry]) -> str:
    rows = []
    for entry in entries:
        table, row, _ = entry
        address = f"../../../leaderboards/{table.dataset}/{table.track}/"
        primary = row.metrics.get(table.primary)
        column = table.ranked_by
        rank = f"{rank_text(row)} of {len(table.rows)}" if row.rank is not None else _place(row)
        tie = f"<small>{_tie(table, row)}</small>"
        why = f"<small>{text(row.why_unranked)}</small>" if row.why_unranked else ""
        rows.append(
            f'<tr><th scope="row"><a href="{address}">{text(board_title(table))}</a></th>'
            f"<td>{rank}{tie}{why}</td><td>{value_text(primary)}<small>{text(column.display_title) if column and primary else ''}</small></td>"
            f"<td>{_rival(entry)}</td></tr>"
        )
    return html_table("Board", ("Rank", "Ranked by", "Compare"), rows, "Ranks on every board")


def _overall(name: str, content: Content) -> list[str]:
    """Where the model stands over all datasets, or what it lacks for that."""
    told = []
    for track, table in content.overall.items():
        row = next((r for r in (*table.rows, *table.incomplete) if r.id == name), None)
        if row is None:
            continue
        titles = {b.dataset: b.title for b in table.boards}
        if row.rank_low is not None:
            words = f"rank {range_text(row.rank_low, row.rank_high)} of {len(table.rows)}"
        elif row.lacks:
            words = f"no rank, for want of one on {', '.join(titles[d] for d in row.lacks)}"
        else:
            words = "no rank yet, for want of a second model that is ranked on all of them"
        told.append(
            f'<a href="../../../leaderboards/overall/#{track}">{TRACK_TITLES[track]}</a>: {text(words)}'
        )
    return [f"<p>Over all datasets, {'; '.join(told)}.</p>", ""] if told else []


def _tie(table: Table, row: Row) -> str:
    """How a row stands to the best of its board, in words."""
    if row.rank is None or not row.tied_with_best:
        return ""
    if sum(r.tied_with_best for r in table.rows) > 1:
        return "no test separates it from the best"
    return "best of the board" if len(table.rows) > 1 else "the only model ranked"


def _rival(entry: Entry) -> str:
    """A link to the comparison with the best model of the board, or for the best with the next."""
    table, row, _ = entry
    others = [r for r in table.rows if r.id != row.id]
    if row.rank is None or not others:
        return "–"
    other = others[0]
    address = f"../../../compare/?board={table.dataset}.{table.track}&amp;m={quote(row.id)},{quote(other.id)}"
    return f'<a href="{address}">with {text(other.name)}</a>'


def _card_table(card: RecordCard) -> str:
    inputs = card.inputs or {}
    links = card.links or {}
    words: dict[bool | None, str] = {True: "yes", False: "no"}
    told = {
        "Views": inputs.get("views"),
        "Context": inputs.get("context"),
        "Training data": ", ".join(card.training_data or ()) or "none named",
        "Parameters": card.parameters,
        "Licence": card.license,
        "Uses an external LLM": words.get(card.uses_external_llm),
        "Deterministic": words.get(card.deterministic),
        "Status": card.status if "status" in card.model_fields_set else None,
    }
    shown = {k: text(v) for k, v in told.items() if v is not None}
    people = ", ".join(link(f"https://github.com/{c}", f"@{text(c)}") for c in card.contact or ())
    return facts(shown | {"Contact": people, "Links": ", ".join(link(a, text(k)) for k, a in links.items())})


def _badges(name: str, entries: Sequence[Entry], content: Content) -> list[str]:
    """What to paste into a README to show the rank, for every board that ranks the model."""
    ranked = [t for t, r, _ in entries if r.rank is not None]
    if not ranked:
        return []
    codes = "\n".join(badge_markdown(name, f"{t.dataset}.{t.track}", content.site_url) for t in ranked)
    return [
        f"<details data-search-exclude><summary>A badge for a README</summary><pre><code>{text(codes)}</code></pre></details>",
        "",
    ]


def _history(name: str, content: Content) -> list[str]:
    events = [e for e in content.history if e.id == name]
    if not events:
        return []
    lines = ["## History", ""]
    for event in reversed(events):
        shown = event.shown
        value = "" if shown is None else f", {text(metric_title(event, content))} {number(shown)}"
        pull = event.pull_request
        request = f", {link(f'{REPOSITORY}/pull/{int(pull)}', f'pull request {int(pull)}')}" if pull else ""
        lines.append(
            f"- {text(event.date)}: {EVENTS[event.event]}, {board_name(event.dataset, event.track)}{value}{request}"
        )
    return [*lines, ""]


def models_index(content: Content) -> str:
    """The list of models and the boards they stand on."""
    lines = [
        "---",
        "title: Models",
        "description: Every model of the challenge.",
        "hide: [toc]",
        "---",
        "# Models",
        "",
    ]
    if not content.models:
        lines.append("No model yet. [Submit the first](../submit.md).")
        return "\n".join(lines) + "\n"
    lines += [
        "Every model that was scored, with its range of ranks. [Compare two or three](../compare.md) of a board.",
        "",
    ]
    rows = []
    for name, entries in content.models.items():
        first = entries[0].row
        boards = "<br>".join(
            f'<a href="../leaderboards/{t.dataset}/{t.track}/">{text(get_dataset(t.dataset).title)} {t.track}</a>: {_place(r)}'
            for t, r, _ in entries
        )
        gone = " (withdrawn)" if first.status == "withdrawn" else ""
        reads = text(inputs_of(first.inputs)) + ("; open weights" if first.open_weights else "")
        rows.append(
            f'<tr><th scope="row"><a href="{text(name)}/">{text(first.name)}</a>{gone}<small>{text(name)}</small><small>{reads}</small></th>'
            f"<td>{text(first.institution or '')}<small>{text(first.year or '')}</small></td><td>{boards}</td></tr>"
        )
    heads = ("Institution", "Boards and ranks")
    lines += [html_table("Model", heads, rows, "Models"), ""]
    return "\n".join(lines) + "\n"


def _place(row: Row) -> str:
    if row.status == "withdrawn":
        return "withdrawn"
    return f"rank {rank_text(row)}" if row.rank is not None else "not ranked"
