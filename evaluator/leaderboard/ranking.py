"""Tables from records: which rows are on a board, in which order, and with what around them.

Everything here is a pure function of the records, the per-study scores and the registry, so that
ranking twice gives identical bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, TypeVar

from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import all_tracks
from evaluator.leaderboard.analysis import Analysis
from evaluator.leaderboard.eligibility import Entrants, usable
from evaluator.leaderboard.rank_types import Ranks
from evaluator.leaderboard.row import (
    Badge,
    Display,
    Gain,
    Inputs,
    MetricCell,
    RankedRow,
    Row,
    WithdrawnRow,
)
from evaluator.leaderboard.table import (
    OVERVIEW_SCHEMA,
    TABLE_SCHEMA,
    BoardSummary,
    Column,
    ModelName,
    Overview,
    PairTest,
    SkillColumn,
    Table,
    TableParts,
    better_counts,
)
from evaluator.metrics.registry import get_metric, metric_keys
from evaluator.scoring.baselines import gain_over_null
from evaluator.scoring.corpus import step_of, tested
from evaluator.scoring.integrity.plausibility import check_drop
from evaluator.scoring.intervals import display
from evaluator.scoring.record import IntegrityFlag, Record
from evaluator.scoring.records import Board, published, published_numbers
from evaluator.statistics.ties import by_cost

if TYPE_CHECKING:
    import pandas as pd

RULE: Final = "primary/v2"
"""Name and version of the ranking rule: mean of the primary metric, the worst value for failures; two models
are separated if the adjusted test is significant and the difference is at least the metric's equivalence
margin; rank ranges never decrease from one row to the next."""


def board_keys(entrants: Entrants) -> list[str]:
    """The board's metric columns: the primary first, then the registry's order."""
    present = [k for k in metric_keys() if k in entrants.signatures]
    return sorted(present, key=lambda k: k != entrants.primary)  # tie: the registry's order


def check_frames(board: Board, frames: Mapping[str, pd.DataFrame]) -> None:
    """Nothing; raises `RexrankError` when the per-study files do not hold the same studies."""
    first = next(iter(frames), "")
    for name, frame in frames.items():
        if not all(frame[c].equals(frames[first][c]) for c in ("study_id", "patient")):
            raise RexrankError(
                f"the per-study scores of {first} and {name} on {board.name} cover different studies or patients. Rescore both."
            )


def make_table(board: Board, entrants: Entrants, analysis: Analysis | None, *, rehearsal: bool) -> Table:
    """The board as the table behind pages, CSV and Markdown; without an analysis no row has a rank."""
    keys = board_keys(entrants)
    sign = -1 if get_metric(entrants.primary).higher_is_better else 1
    # At the records' own precision, not in the dataset's published steps.
    first = sorted(entrants.ranked, key=lambda r: (r.submitted or "", r.name))  # tie: none, names differ
    order = by_cost(first, [sign * r.metrics[entrants.primary].mean for r in first])
    anyone = (*entrants.scored, *entrants.withdrawn)
    step = step_of(board.dataset.exposure, entrants.primary, anyone[0].n) if anyone else None
    exact = board.dataset.exposure.exact_tests
    parts = analysis.table_parts(step, exact_tests=exact) if analysis else TableParts()
    return Table(
        schema=TABLE_SCHEMA,
        dataset=board.dataset.id,
        track=board.track,
        title=board.dataset.title,
        access=board.dataset.access,
        n=anyone[0].n if anyone else 0,
        n_clusters=anyone[0].n_clusters if anyone else 0,
        protocol=anyone[0].protocol if anyone else "clean",
        primary=entrants.primary,
        rule=RULE if entrants.primary == board.task.primary else f"stand-by/{entrants.primary}/v2",
        step=step,
        rehearsal=rehearsal or any(r.stand_in for r in entrants.scored),
        metrics=tuple(_column(k, entrants.signatures[k]) for k in keys),
        rows=tuple(record_row(RankedRow, board, r, entrants, keys, analysis) for r in order),
        ranks=_ranks([r.name for r in order], analysis, parts.pairs),
        incomplete=tuple(record_row(Row, board, r, entrants, keys) for r in entrants.incomplete),
        withdrawn=tuple(record_row(WithdrawnRow, board, r, entrants, []) for r in entrants.withdrawn),
        nulls=tuple(record_row(Row, board, r, entrants, keys) for r in entrants.nulls),
        notes=(*entrants.notes, *board.dataset.notes),
        subgroups=None,
        **parts._asdict(),
    )


def _ranks(names: Sequence[str], analysis: Analysis | None, pairs: Sequence[PairTest]) -> Ranks:
    places = [analysis.places[n] for n in names] if analysis else []
    behind = better_counts(pairs)
    return Ranks(
        low=tuple(p.rank_low for p in places),
        high=tuple(p.rank_high for p in places),
        worse_than=tuple(behind[n] for n in names),
    )


def _column(key: str, signature: str) -> Column:
    metric = get_metric(key)
    extra: dict[str, Any] = {"skill": SkillColumn(**asdict(metric.skill))} if metric.skill else {}
    extra |= {} if tested(key) else {"corpus": True}
    return Column(
        key=key,
        title=metric.title,
        display_title=metric.display_title or metric.title,
        family=metric.family,
        higher_is_better=metric.higher_is_better,
        reciprocal=metric.reciprocal,
        equivalence=metric.equivalence,
        signature=signature,
        **extra,
    )


_R = TypeVar("_R", bound=Row)


def record_row(
    kind: type[_R],
    board: Board,
    full: Record,
    entrants: Entrants,
    keys: Sequence[str],
    analysis: Analysis | None = None,
) -> _R:
    """A record as a row; without an analysis it has no rank.

    Its numbers have passed `published`, so that no row shows more.
    """
    record = published(board, full)
    card, name = record.card, record.name
    place = analysis.places[name] if analysis else None
    training = card.training_data or ()
    links = dict(card.links or {})
    return kind(
        id=name,
        team=record.team,
        model=record.model,
        name=card.name or record.model,
        institution=card.institution,
        year=card.year,
        status=card.status,
        kind=record.kind,
        tied_with_best=bool(place and place.tied_with_best),
        cluster=place.cluster if place else None,
        missing=tuple(k for k in metric_keys() if k in record.missing),
        why_unranked=entrants.why.get(name),
        badges=tuple(_badge(b) for b in record.integrity.badges),
        inputs=Inputs.model_validate(card.inputs or {}),
        training_data=training,
        trained_on_dataset=any(t in board.dataset.training_names for t in training),
        open_weights=bool(links.get("weights")),
        uses_external_llm=card.uses_external_llm,
        parameters=card.parameters,
        links=links,
        metrics={
            k: _cell(board, record, entrants, k) for k in keys if usable(record, k, entrants.signatures)
        },
        diagnostics=record.diagnostics,
        submitted=record.submitted,
        record=f"records/{board.dataset.id}/{board.track}/{record.team}__{record.model}.json",
        pull_request=record.provenance.pull_request,
        commit=record.provenance.head_commit,
    )


def _badge(flag: IntegrityFlag) -> Badge:
    return Badge(code=flag.code, text=flag.text, outcome=flag.outcome, ids=flag.ids)


def _cell(board: Board, record: Record, entrants: Entrants, key: str) -> MetricCell:
    """One metric of a row: numbers as they may be shown, their display, and the gain over the best baseline."""
    numbers = record.metrics[key]
    nulls = {
        r.name: published_numbers(board, r.metrics[key]).mean
        for r in entrants.nulls
        if usable(r, key, entrants.signatures)
    }
    metric = get_metric(key)
    gain = None
    if record.kind == "submission":
        gain = gain_over_null(numbers.mean, nulls, higher_is_better=metric.higher_is_better)
    return MetricCell(
        mean=numbers.mean,
        se=numbers.se,
        low=numbers.low,
        high=numbers.high,
        n=numbers.n,
        n_failed=numbers.n_failed,
        display=Display.model_validate(display(metric, numbers.mean, numbers.low, numbers.high).fields()),
        gain_over_null=Gain(null=gain[0], gain=gain[1]) if gain else None,
    )


def mark_contamination(tables: Sequence[Table]) -> list[Table]:
    """C22: the tables with a badge on models that drop far more than the cohort from readable to withheld datasets.

    Readable: public or restricted, since anyone with the references could have copied them.

    Per track, over the models that have the primary metric on datasets of both kinds.
    """
    gains = {track: _gains([t for t in tables if t.track == track]) for track in {t.track for t in tables}}
    return [t if get_dataset(t.dataset).synthetic else _marked(t, gains[t.track]) for t in tables]


def _gains(tables: Sequence[Table]) -> dict[str, float]:
    """By model, how much better its mean is on a track's readable datasets than on the withheld ones."""
    means: dict[str, dict[bool, list[float]]] = {}
    for table in tables:
        if table.primary != all_tracks()[table.track].primary or get_dataset(table.dataset).synthetic:
            continue
        sign = 1 if get_metric(table.primary).higher_is_better else -1
        for row in table.rows:
            kinds = means.setdefault(row.id, {True: [], False: []})
            kinds[table.access != "withheld"].append(sign * row.metrics[table.primary].mean)
    return {
        model: sum(kinds[True]) / len(kinds[True]) - sum(kinds[False]) / len(kinds[False])
        for model, kinds in means.items()
        if kinds[True] and kinds[False]
    }


def _marked(table: Table, gains: Mapping[str, float]) -> Table:
    marks = {r.id: tuple(_badge(f.entry) for f in check_drop(r.id, gains)) for r in table.rows}
    rows = tuple(
        r.model_copy(update={"badges": r.badges + marks[r.id]}) if marks[r.id] else r for r in table.rows
    )
    return table.model_copy(update={"rows": rows})


def overview(tables: Sequence[Table]) -> Overview:
    """One line per board: how many models, and the models statistically tied with the best."""
    boards = tuple(
        BoardSummary(
            dataset=table.dataset,
            track=table.track,
            title=table.title,
            n=table.n,
            n_models=len(table.rows),
            rehearsal=table.rehearsal,
            best_group=tuple(ModelName(id=r.id, name=r.name) for r in table.rows if r.tied_with_best),
            best_display=table.rows[0].metrics[table.primary].display if table.rows else None,
        )
        for table in tables
    )
    return Overview(schema=OVERVIEW_SCHEMA, boards=boards)
