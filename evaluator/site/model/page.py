"""Model pages: what a model is, its ranks, how its scores spread, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import track_title
from evaluator.leaderboard.history import EVENTS, Event
from evaluator.leaderboard.overall_table import range_text
from evaluator.leaderboard.row import Inputs, Row
from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import rank_text
from evaluator.scoring.record import RecordCard
from evaluator.site.content import Content, Entry, metric_title
from evaluator.site.hub import eval_result, result_name, result_path, result_yaml
from evaluator.site.model.board_section import BoardPart, anchor_of, board_name, board_part, strip_of
from evaluator.site.model.citation import Citation, badge_markdown, citation, orcid_address
from evaluator.site.model.figures import Strip
from evaluator.site.model.score import Score, score
from evaluator.site.model.verdict import opening, verdict
from evaluator.site.template import render
from evaluator.site.views import Fact, Link
from evaluator.site.words import TRACK_TITLES, inputs_of, number


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Why a model is no longer ranked: withdrawn for a reason, or superseded by another."""

    state: str
    reason: str = ""
    successor: Link | None = None


@dataclass(frozen=True, slots=True)
class Tile:
    """The model's rank on one board; `anchor`: of the board's part of the page."""

    anchor: str
    dataset: str
    rank: str
    of: str
    score: Score
    metric: str
    strip: Strip | None
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tiles:
    """The boards of one track."""

    track: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class OverallPlace:
    """The model's overall rank in one track, in words."""

    track: Link
    words: str


@dataclass(frozen=True, slots=True)
class CardResult:
    """A row's result for the model card on the Hub: name of the file, its text, and where to download it."""

    board: str
    name: str
    text: str
    address: str


@dataclass(frozen=True, slots=True)
class PastEvent:
    """What happened to the model, and the pull request that did it."""

    words: str
    pull: Link


@dataclass(frozen=True, slots=True)
class Page:
    """The page of one model over all of its boards."""

    id: str
    name: str
    description: str
    made_by: str
    about: str
    standing: Withdrawal | None
    is_rehearsal: bool
    opening: str
    tracks: tuple[Tiles, ...]
    overall: tuple[OverallPlace, ...]
    card: tuple[Fact, ...]
    authors: tuple[Link, ...]
    contact: tuple[Link, ...]
    links: tuple[Link, ...]
    boards: tuple[BoardPart, ...]
    citation: Citation
    card_results: tuple[CardResult, ...]
    badges: str
    history: tuple[PastEvent, ...]


def model_page(name: str, content: Content) -> str:
    """The page of one model over all of its boards, as Markdown."""
    entries = content.models[name]
    record = entries[0].record
    card = record.card
    title = card.name or record.model
    view = Page(
        id=name,
        name=title,
        description=_summary(title, entries),
        made_by=", ".join(str(v) for v in (card.institution, card.year) if v),
        about=" ".join((card.description or "").split()),
        standing=_standing(card, content),
        is_rehearsal=any(e.table.rehearsal for e in entries),
        opening=opening(entries),
        tracks=tuple(_tiles(entries)),
        overall=_overall(name, content),
        card=_card(card),
        authors=tuple(Link(a.name, orcid_address(a.orcid)) for a in card.authors or ()),
        contact=tuple(Link(f"@{c}", f"https://github.com/{c}") for c in card.contact or ()),
        links=tuple(Link(k[:1].upper() + k[1:], a) for k, a in (card.links or {}).items()),
        boards=tuple(board_part(e, content) for e in entries),
        citation=citation(name, record, content.site_url),
        card_results=tuple(_card_results(entries, content)),
        badges="\n".join(
            badge_markdown(name, f"{t.dataset}.{t.track}", content.site_url)
            for t, r, _ in entries
            if r.rank_low is not None
        ),
        history=tuple(_event(e, content) for e in reversed(content.history) if e.id == name),
    )
    return render("model/page.md", view=view)


def _summary(title: str, entries: Sequence[Entry]) -> str:
    """A model's ranks, in one sentence without markup."""
    places = [
        f"{rank_text(row)} of {len(table.rows)} on {get_dataset(table.dataset).title}, {track_title(table.track)}"
        for table, row, _ in entries
        if row.rank_low is not None
    ]
    where = f"in the {challenge().name} on chest X-rays"
    return f"{title} {where}: rank {', '.join(places)}." if places else f"{title} {where}."


def _standing(card: RecordCard, content: Content) -> Withdrawal | None:
    if card.status == "withdrawn":
        return Withdrawal("Withdrawn.", card.reason or "")
    if card.status != "superseded":
        return None
    after = card.superseded_by or "another model"
    if after in content.models:
        return Withdrawal("Superseded", successor=Link(content.models[after][0].row.name, f"../../{after}/"))
    return Withdrawal("Superseded", successor=Link(after))


def _card_results(entries: Sequence[Entry], content: Content) -> Iterator[CardResult]:
    """The results that a model may show on its card on the Hub: of its ranked rows on public datasets."""
    for entry in entries:
        result = eval_result(entry, content.site_url)
        if result is not None:
            table = entry.table
            board = f"{table.title}, {TRACK_TITLES.get(table.track, table.track)}"
            address = f"../../../{result_path(entry)}"
            yield CardResult(board, result_name(table), result_yaml(result), address)


def _tiles(entries: Sequence[Entry]) -> Iterator[Tiles]:
    """The boards by track, each track's in the order of the entries."""
    for track in dict.fromkeys(e.table.track for e in entries):
        yield Tiles(
            TRACK_TITLES.get(track, track).capitalize(),
            tuple(_tile(e) for e in entries if e.table.track == track),
        )


def _tile(entry: Entry) -> Tile:
    table, row, _ = entry
    primary, column = row.metrics.get(table.primary), table.ranked_by
    won = verdict(table, row)
    beaten = f"beats the baselines on {won.count} metrics" if won else ""
    remarks = [_tie(table, row), row.why_unranked or "", beaten]
    return Tile(
        anchor=anchor_of(table),
        dataset=get_dataset(table.dataset).title,
        rank=rank_text(row) if row.rank_low is not None else _unranked(row),
        of=f"of {len(table.rows):,}" if row.rank_low is not None else "",
        score=score(primary),
        metric=column.display_title if column and primary else "",
        strip=strip_of(table, row, column) if column else None,
        remarks=tuple(r for r in remarks if r),
    )


def _overall(name: str, content: Content) -> tuple[OverallPlace, ...]:
    """The model's overall ranks, or what it lacks for them."""
    places = []
    for track, table in content.overall.items():
        row = next((r for r in (*table.rows, *table.incomplete) if r.id == name), None)
        if row is None:
            continue
        titles = {b.dataset: b.title for b in table.boards}
        if row.rank_low is not None:
            words = f"rank {range_text(row.rank_low, row.rank_high)} of {len(table.rows)}"
        elif row.lacks:
            words = f"no rank: not ranked on {', '.join(titles[d] for d in row.lacks)}"
        else:
            words = "no rank yet: no second model is ranked on all datasets"
        places.append(
            OverallPlace(
                Link(TRACK_TITLES.get(track, track), f"../../../leaderboards/overall/#{track}"), words
            )
        )
    return tuple(places)


def _tie(table: Table, row: Row) -> str:
    """How a row stands to the best of its board, in words."""
    if row.rank_low is None or not row.tied_with_best or len(table.rows) == 1:
        return ""
    if sum(r.tied_with_best for r in table.rows) == 1:
        return "best on the board"
    return "statistically tied with the best"


def _card(card: RecordCard) -> tuple[Fact, ...]:
    inputs = Inputs.model_validate({k: v for k, v in (card.inputs or {}).items() if k in Inputs.model_fields})
    words: dict[bool | None, str] = {True: "yes", False: "no"}
    facts = {
        "Inputs": inputs_of(inputs),
        "Training data": ", ".join(card.training_data or ()) or "none named",
        "Parameters": card.parameters,
        "Licence": card.license,
        "External LLM": words.get(card.uses_external_llm),
        "Deterministic": words.get(card.deterministic),
        "Container image": card.inference.image if card.inference else "",
        "Imported": _imported(card),
    }
    return tuple(Fact(name, value) for name, value in facts.items() if value)


def _imported(card: RecordCard) -> str:
    """Where imported predictions come from, and the day they had there; the board's own dates are those of its scoring."""
    origin = card.imported
    return f"by the maintainers, from {origin.source}; predictions of {origin.date}" if origin else ""


def _event(event: Event, content: Content) -> PastEvent:
    value = "" if event.shown is None else f", {metric_title(event, content)} {number(event.shown)}"
    pull = event.pull_request
    return PastEvent(
        f"{event.date}: {EVENTS[event.event]}, {board_name(event.dataset, event.track)}{value}",
        Link(f"pull request {int(pull)}", f"{challenge().repository_url}/pull/{int(pull)}")
        if pull
        else Link(""),
    )


def _unranked(row: Row) -> str:
    return "withdrawn" if row.status == "withdrawn" else "not ranked"
