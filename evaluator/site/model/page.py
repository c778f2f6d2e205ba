"""Model pages: what a model is, where it stands, how its scores spread, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.history import EVENTS, Event
from evaluator.leaderboard.overall_table import range_text
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import rank_text
from evaluator.scoring.record import RecordCard
from evaluator.site.content import REPOSITORY, Content, Entry, metric_title
from evaluator.site.model.board_section import BoardPart, Score, board_name, board_part, board_title, score
from evaluator.site.model.citation import Citation, badge_markdown, citation
from evaluator.site.template import render
from evaluator.site.views import Fact, Link
from evaluator.site.words import TRACK_TITLES, inputs_of, number


@dataclass(frozen=True, slots=True)
class Standing:
    """Why a model no longer stands: withdrawn for a reason, or superseded by another."""

    state: str
    reason: str = ""
    successor: Link | None = None


@dataclass(frozen=True, slots=True)
class RankLine:
    """Where the model stands on one board, and a way to compare it with the next."""

    board: Link
    rank: str
    tie: str
    why_unranked: str
    score: Score
    metric: str
    rival: Link


@dataclass(frozen=True, slots=True)
class OverallPlace:
    """Where the model stands over all datasets in one track, in words."""

    track: Link
    words: str


@dataclass(frozen=True, slots=True)
class PastEvent:
    """What happened to the model, and the pull request that did it."""

    words: str
    pull: Link


@dataclass(frozen=True, slots=True)
class Page:
    """The page of one model over every board it stands on."""

    id: str
    name: str
    description: str
    made_by: str
    about: str
    standing: Standing | None
    is_rehearsal: bool
    ranks: tuple[RankLine, ...]
    overall: tuple[OverallPlace, ...]
    card: tuple[Fact, ...]
    contact: tuple[Link, ...]
    links: tuple[Link, ...]
    boards: tuple[BoardPart, ...]
    citation: Citation
    badges: str
    history: tuple[PastEvent, ...]


def model_page(name: str, content: Content) -> str:
    """The page of one model over every board it stands on, as Markdown."""
    entries = content.models[name]
    record = entries[0].record
    card = record.card
    shown = card.name or record.model
    view = Page(
        id=name,
        name=shown,
        description=_summary(shown, entries),
        made_by=", ".join(str(v) for v in (card.institution, card.year) if v),
        about=" ".join((card.description or "").split()),
        standing=_standing(card, content),
        is_rehearsal=any(e.table.rehearsal for e in entries),
        ranks=tuple(_rank(e) for e in entries),
        overall=_overall(name, content),
        card=_card(card),
        contact=tuple(Link(f"@{c}", f"https://github.com/{c}") for c in card.contact or ()),
        links=tuple(Link(k, a) for k, a in (card.links or {}).items()),
        boards=tuple(board_part(e, content) for e in entries),
        citation=citation(name, record, content.site_url),
        badges="\n".join(
            badge_markdown(name, f"{t.dataset}.{t.track}", content.site_url)
            for t, r, _ in entries
            if r.rank is not None
        ),
        history=tuple(_event(e, content) for e in reversed(content.history) if e.id == name),
    )
    return render("model/page.md", view=view)


def _summary(shown: str, entries: Sequence[Entry]) -> str:
    """Where a model stands, in one sentence without markup."""
    places = [
        f"{rank_text(row)} of {len(table.rows)} on {get_dataset(table.dataset).title} {table.track}"
        for table, row, _ in entries
        if row.rank is not None
    ]
    return f"{shown}: rank {', '.join(places)}." if places else f"{shown} on the ReXrank challenge."


def _standing(card: RecordCard, content: Content) -> Standing | None:
    if card.status == "withdrawn":
        return Standing("Withdrawn.", card.reason or "")
    if card.status != "superseded":
        return None
    after = card.superseded_by or "another model"
    if after in content.models:
        return Standing("Superseded", successor=Link(content.models[after][0].row.name, f"../../{after}/"))
    return Standing("Superseded", successor=Link(after))


def _rank(entry: Entry) -> RankLine:
    table, row, _ = entry
    primary = row.metrics.get(table.primary)
    column = table.ranked_by
    return RankLine(
        board=Link(board_title(table), f"../../../leaderboards/{table.dataset}/{table.track}/"),
        rank=f"{rank_text(row)} of {len(table.rows)}" if row.rank is not None else _place(row),
        tie=_tie(table, row),
        why_unranked=row.why_unranked or "",
        score=score(primary),
        metric=column.display_title if column and primary else "",
        rival=_rival(entry),
    )


def _overall(name: str, content: Content) -> tuple[OverallPlace, ...]:
    """Where the model stands over all datasets, or what it lacks for that."""
    places = []
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
        places.append(
            OverallPlace(Link(TRACK_TITLES[track], f"../../../leaderboards/overall/#{track}"), words)
        )
    return tuple(places)


def _tie(table: Table, row: Row) -> str:
    """How a row stands to the best of its board, in words."""
    if row.rank is None or not row.tied_with_best:
        return ""
    if sum(r.tied_with_best for r in table.rows) > 1:
        return "no test separates it from the best"
    return "best of the board" if len(table.rows) > 1 else "the only model ranked"


def _rival(entry: Entry) -> Link:
    """A link to the comparison with the best model of the board, or for the best with the next."""
    table, row, _ = entry
    others = [r for r in table.rows if r.id != row.id]
    if row.rank is None or not others:
        return Link("")
    query = f"board={table.dataset}.{table.track}&m={quote(row.id)},{quote(others[0].id)}"
    return Link(f"with {others[0].name}", f"../../../compare/?{query}")


def _card(card: RecordCard) -> tuple[Fact, ...]:
    inputs = card.inputs or {}
    words: dict[bool | None, str] = {True: "yes", False: "no"}
    facts = {
        "Views": inputs.get("views"),
        "Context": inputs.get("context"),
        "Training data": ", ".join(card.training_data or ()) or "none named",
        "Parameters": card.parameters,
        "Licence": card.license,
        "Uses an external LLM": words.get(card.uses_external_llm),
        "Deterministic": words.get(card.deterministic),
        "Status": card.status if "status" in card.model_fields_set else None,
    }
    return tuple(Fact(name, value) for name, value in facts.items() if value)


def _event(event: Event, content: Content) -> PastEvent:
    value = "" if event.shown is None else f", {metric_title(event, content)} {number(event.shown)}"
    pull = event.pull_request
    return PastEvent(
        f"{event.date}: {EVENTS[event.event]}, {board_name(event.dataset, event.track)}{value}",
        Link(f"pull request {int(pull)}", f"{REPOSITORY}/pull/{int(pull)}") if pull else Link(""),
    )


@dataclass(frozen=True, slots=True)
class BoardPlace:
    """A board and the model's rank on it, in words."""

    board: Link
    rank: str


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model in the list of all."""

    id: str
    name: str
    address: str
    is_withdrawn: bool
    reads: str
    institution: str
    year: str
    boards: tuple[BoardPlace, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """The list of models."""

    rows: tuple[ModelLine, ...]


def models_index(content: Content) -> str:
    """The list of models and the boards they stand on, as Markdown."""
    return render("model/index.md", view=Index(tuple(_line(n, e) for n, e in content.models.items())))


def _line(name: str, entries: Sequence[Entry]) -> ModelLine:
    first = entries[0].row
    return ModelLine(
        id=name,
        name=first.name,
        address=f"{name}/",
        is_withdrawn=first.status == "withdrawn",
        reads=inputs_of(first.inputs) + ("; open weights" if first.open_weights else ""),
        institution=first.institution or "",
        year=str(first.year or ""),
        boards=tuple(
            BoardPlace(
                Link(f"{get_dataset(t.dataset).title} {t.track}", f"../leaderboards/{t.dataset}/{t.track}/"),
                _place(r),
            )
            for t, r, _ in entries
        ),
    )


def _place(row: Row) -> str:
    if row.status == "withdrawn":
        return "withdrawn"
    return f"rank {rank_text(row)}" if row.rank is not None else "not ranked"
