"""The front page and the list of boards: what is measured, who leads where, what is new, how to enter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evaluator.datasets.registry import Dataset, TrackName, get_dataset
from evaluator.leaderboard.history import EVENTS, Event
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import digits_of
from evaluator.site.board.table import shown_parts
from evaluator.site.content import Content
from evaluator.site.html import TRACK_TITLES, text
from evaluator.site.reported import newest_count

NEWEST: Final = 6
"""Events on the front page; the changelog has all."""
NAMED: Final = 4
"""Models of a best group, and boards of an event, that are named."""

_INTRODUCTION: Final = """
<p class="rx-lead">An open challenge for AI-written chest X-ray reports. Everyone may enter by a pull request; every score is
computed here, with the code in the open.</p>

[See the boards](#the-boards){ .md-button .md-button--primary } [Best overall](leaderboards/overall.md){ .md-button } [Submit a model](submit.md){ .md-button } [How to read a board](about.md#how-to-read-a-board){ .md-button }

## What is measured

<dl class="rx-cards">
<div><dt>The task</dt><dd>A model reads the images of a study and writes the findings, or findings and impression. Each report is
compared with the radiologist's.</dd></div>
<div><dt>The data</dt><dd>Four <a href="datasets/">datasets</a>. No participant has the references of ReXGradient; those of MIMIC-CXR and
CheXpert Plus are open to every credentialed person, those of IU X-ray to everybody.</dd></div>
<div><dt>The metrics</dt><dd>Eight <a href="metrics/">metrics</a>, from shared words to errors that a language model judges.
<a href="metrics/radcliq_v1/">RadCliQ-v1</a> ranks, as at ReXrank.</dd></div>
<div><dt>What is sure</dt><dd>Every number has an interval, every rank is a range, and baselines that look at no image show what a
score is worth.</dd></div>
</dl>
"""

_STEPS: Final = """## Submit in three steps

<ol class="rx-steps-list">
<li><strong>Write</strong> your model's reports into a folder.
<code>rexrank convert predictions.json --dataset iu-xray --out submissions/TEAM/MODEL</code></li>
<li><strong>Check</strong> it: every problem is named at once, with its fix.
<code>rexrank validate submissions/TEAM/MODEL</code></li>
<li><strong>Open a pull request.</strong> The check answers within minutes; the scores follow once a maintainer releases them.
<a href="submit/">The whole walk</a></li>
</ol>
"""


def overview_page(datasets: Sequence[Dataset], content: Content) -> str:
    """The front page as Markdown."""
    lines = [
        "---",
        "title: ReXrank challenge",
        "hide: [navigation, toc]",
        "---",
        "# Which model writes the best chest X-ray reports?",
        _INTRODUCTION,
        "## The boards",
        "",
        *_boards(datasets, content, ""),
        "## New",
        "",
        *_news(content),
        _STEPS,
    ]
    return "\n".join(lines)


def boards_index(datasets: Sequence[Dataset], content: Content) -> str:
    """The list of boards as Markdown."""
    lines = ["---", "title: Leaderboards", "hide: [navigation, toc]", "---", "# Leaderboards", ""]
    lines += _boards(datasets, content, "../")
    lines += [
        (
            "One order over several datasets: [which model is best overall](overall.md). What ReXrank itself published stands "
            "apart: [reported rows](reported.md)."
        )
    ]
    return "\n".join(lines) + "\n"


def _boards(datasets: Sequence[Dataset], content: Content, root: str) -> list[str]:
    """The real datasets by track in one table, and a sentence on the synthetic ones."""
    real = [d for d in datasets if not d.synthetic]
    tracks = [t for t in TRACK_TITLES if any(t in d.tracks for d in real)]
    head = "".join(f'<th scope="col">{text(TRACK_TITLES[t]).capitalize()}</th>' for t in tracks)
    body = "\n".join(
        f'<tr><th scope="row">{_dataset(d, root)}</th>'
        + "".join(
            f'<td data-rx-track="{text(TRACK_TITLES[t]).capitalize()}">{_board(d, t, content, root)}</td>'
            for t in tracks
        )
        + "</tr>"
        for d in real
    )
    anyone = any(t.rows for t in content.tables.values())
    note = "The best group holds the models that no test shows to be worse than the first." if anyone else ""
    rehearsal = any(t.rehearsal and t.rows for t in content.tables.values())
    note += (
        " Boards marked as a rehearsal were scored with stand-ins; their numbers are not results." * rehearsal
    )
    synthetic = [
        f'<a href="{root}leaderboards/{d.id}/{t}/">{text(d.title)}, {text(TRACK_TITLES[t])}</a>'
        + (f" ({_count(content, d, t)})" if _count(content, d, t) else "")
        for d in datasets
        if d.synthetic
        for t in d.tracks
    ]
    table = (
        '<table class="rx-overview" data-search-exclude><caption class="rx-said">The best group of every board</caption>'
        f'<thead><tr><th scope="col">Dataset</th>{head}</tr></thead><tbody>\n{body}\n</tbody></table>'
    )
    trial = f"To try everything out: {'; '.join(synthetic)}. Its studies are synthetic and say nothing about a model."
    return [note, "", table, "", f'<p class="rx-legend">{trial}</p>' if synthetic else "", ""]


def _count(content: Content, dataset: Dataset, track: TrackName) -> str:
    table = content.tables.get((dataset.id, track))
    n = len(table.rows) if table else 0
    return f"{n} model{'s' * (n != 1)}" if n else ""


def _dataset(dataset: Dataset, root: str) -> str:
    return (
        f'<a href="{root}datasets/{dataset.id}/">{text(dataset.title)}</a><small>{text(dataset.about)}</small>'
        f"<small>{text(dataset.exposure.title)}</small>"
    )


def _board(dataset: Dataset, track: TrackName, content: Content, root: str) -> str:
    """A cell: best group, its first score, how many models on how many studies, and the way to the board."""
    if track not in dataset.tracks:
        return "–"
    table = content.tables.get((dataset.id, track))
    n = table.n if table and table.n else dataset.tracks[track] or dataset.size
    rows = table.rows if table else ()
    where = f"{text(dataset.title)}, {text(TRACK_TITLES[track])}"
    way = f'<a href="{root}leaderboards/{dataset.id}/{track}/" aria-label="Board: {where}">Board</a>'
    if table is None or not rows:
        known = newest_count([r for r in content.reported if (r.dataset, r.track) == (dataset.id, track)])
        said = (
            f'<a href="{root}leaderboards/{dataset.id}/{track}/#reported">{known} reported by ReXrank</a> · '
            if known
            else ""
        )
        return f"<p>No model yet</p><small>{n:,} studies · {said}{way}</small>"
    best = [r for r in rows if r.tied_with_best]
    names = ", ".join(f'<a href="{root}models/{r.id}/">{text(r.name)}</a>' for r in best[:NAMED])
    names += f" and {len(best) - NAMED} more" if len(best) > NAMED else ""
    count = f"{len(rows)} model{'s' * (len(rows) != 1)}"
    rehearsal = '<span class="rx-badge">rehearsal</span>' if table.rehearsal else ""
    return (
        f"<p>{names}{rehearsal}</p><small>{_leader(table, rows[0])}</small>"
        f"<small>{_group(len(best), len(rows))} · {count} · {n:,} studies · {way}</small>"
    )


def _leader(table: Table, row: Row) -> str:
    metric = next(m for m in table.metrics if m.key == table.primary)
    value, low, high, remark = shown_parts(row.metrics[table.primary], digits_of(table.step))
    span = f" ({low} to {high})" if low or high else ""
    title = metric.title if row.metrics[table.primary].display.value is None else metric.display_title
    return (
        f"{text(title)} {value}{span}"
        + (" for the first" if len(table.rows) > 1 else "")
        + (", a mean at or below 0" if remark and not high else "")
    )


def _group(size: int, n: int) -> str:
    if n == 1:
        return "the only one"
    return "alone in front" if size == 1 else f"{size} not told apart"


def _news(content: Content) -> list[str]:
    """The latest events, newest first; what a model did on several boards on one day is one event."""
    follow = "[Changelog of scores](changelog.md) · [Atom feed](feed.xml)"
    if not content.history:
        return [
            "No result yet. Every result will stand here, in the changelog and in the feed.",
            "",
            follow,
            "",
        ]
    found: dict[tuple[str, str, str], list[Event]] = {}
    for event in reversed(content.history):
        found.setdefault((event.date, event.id, event.event), []).append(event)
    items = "".join(f"<li>{_event(events, content)}</li>" for events in list(found.values())[:NEWEST])
    return [f'<ul class="rx-news" data-search-exclude>{items}</ul>', "", follow, ""]


def _event(events: Sequence[Event], content: Content) -> str:
    first = events[0]
    name = text(first.name or first.id)
    if first.id in content.models:
        name = f'<a href="models/{text(first.id)}/">{name}</a>'
    boards = [_where(e) for e in reversed(events)]
    more = f" and {len(boards) - NAMED} more" if len(boards) > NAMED else ""
    what = EVENTS[first.event].replace(
        "the board", "a board" if len(boards) == 1 else f"{len(boards)} boards"
    )
    return f"<time>{text(first.date)}</time><span>{name} {what}: {', '.join(boards[:NAMED])}{more}</span>"


def _where(event: Event) -> str:
    """The board of an event, with the rank where the event gave one."""
    title = f"{get_dataset(event.dataset).title} {TRACK_TITLES[event.track]}"
    rank = event.rank
    place = "" if not rank else f" at {rank[0]}" + (f"–{rank[1]}" if rank[1] != rank[0] else "")
    return f'<a href="leaderboards/{event.dataset}/{event.track}/">{text(title)}</a>{place}'
