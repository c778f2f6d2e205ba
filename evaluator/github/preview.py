"""The preview of a pull request's scores: on the runner, on copies, with only a checked result leaving it.

Scores are stored by what they depend on, so that publication after the merge finds them; records and tables
are made on copies that are discarded.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from evaluator.core.files import dump_json, load_json, write_text
from evaluator.core.problems import RexrankError, first_line
from evaluator.core.typed import Typed, view
from evaluator.core.workspace import Workspace, store_directory
from evaluator.datasets.challenge import challenge
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import Dataset, get_dataset
from evaluator.github.people import GitHubFacts
from evaluator.github.score_result import (
    MAX_MOVED,
    RESULT_SCHEMA,
    BoardResult,
    Lead,
    RankChange,
    RowBefore,
    ScoreResult,
    ShownColumn,
    ShownDiagnostics,
    ShownMark,
    ShownMetric,
    ShownRow,
)
from evaluator.leaderboard.rank import rank_board
from evaluator.leaderboard.row import NullTest, RankedRow, Row
from evaluator.leaderboard.table import Column, PairTest, Table, read_table
from evaluator.scoring.kept_studies import copy_rows
from evaluator.scoring.ledger import Entrant
from evaluator.scoring.quota import counted, standing
from evaluator.scoring.records import Board
from evaluator.scoring.run import ScoreSettings, score_submission
from evaluator.submissions.reading import Items
from evaluator.submissions.submission import Submission


@contextmanager
def private_log(path: Path) -> Iterator[None]:
    """A block in which all output of this process and its libraries goes to a file on the runner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _flush()
    streams = os.dup(1), os.dup(2)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        yield
    finally:
        # Python's buffered output belongs in the log, not in what is written next.
        _flush()
        for stream, number in zip(streams, (1, 2), strict=True):
            os.dup2(stream, number)
            os.close(stream)
        os.close(log)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def runner_settings(workspace: Workspace) -> ScoreSettings:
    """The runner's scoring settings in a workspace, only from its own environment."""
    from evaluator.metrics.judges import read_judges

    file = os.environ.get("REXRANK_JUDGES")
    return ScoreSettings(
        models=workspace.models,
        device=os.environ.get("REXRANK_DEVICE", "cpu"),
        store=workspace.store,
        judges=read_judges(Path(file)).settings if file else {},
    )


def scored_here(dataset: Dataset, directory: Path | None) -> bool:
    """Whether this directory of references contains those of a dataset."""
    return dataset.synthetic or (directory is not None and (directory / f"{dataset.id}.json").is_file())


def preview(
    submission: Submission,
    workspace: Workspace,
    earlier: Mapping[str, Mapping[str, Items]],
    *,
    number: int,
    sha: str,
    people: GitHubFacts,
) -> ScoreResult:
    """The result that may leave the runner. Raises `RexrankError` with a message for the participant.

    `earlier`: per dataset the other submissions' predictions. `people`: the accounts behind the pull request,
    and the prediction files for which a maintainer granted a run.
    """
    accounts = frozenset(people.accounts)
    settings = replace(runner_settings(workspace), pull_request=number, head_commit=sha, accounts=accounts)
    leaderboard, store = workspace.leaderboard, workspace.store
    policy, entrant = challenge().quota, Entrant(submission.team, accounts)
    entries = [(get_dataset(name), p) for name, p in submission.files.items()]
    here = [(d, p) for d, p in entries if scored_here(d, workspace.references)]
    requests = [(d, p.sha256) for d, p in here]
    boards: list[BoardResult] = []
    with (
        tempfile.TemporaryDirectory(dir=_scratch(settings)) as scratch,
        # Ranking too: a run whose result is not shown is not counted.
        counted(store, entrant, requests, policy, over_quota=people.granted),
    ):
        copy, overlay = Path(scratch) / "leaderboard", Path(scratch) / "store"
        shutil.copytree(leaderboard, copy)
        own_settings = replace(settings, records=overlay)
        for dataset, predictions in here:
            copy_rows(store, overlay, dataset.id)
            references = load_references(dataset, workspace.references)
            others = earlier.get(dataset.id, {})
            score_submission(submission, dataset, references, copy, own_settings, earlier=others)
            _keep_origin(store, predictions.sha256, number, sha)
            for track in predictions.tracks:
                board = Board(dataset, track)
                table = rank_board(board, copy, overlay, rehearsal=False).table
                before = _table(leaderboard, board)
                boards.append(board_result(table, f"{submission.team}/{submission.model}", before))
    now = datetime.now(UTC)
    quota = tuple(
        standing(store, d, entrant, p.sha256, now, policy) for d, p in here if d.exposure.limited_runs
    )
    return ScoreResult(
        schema=RESULT_SCHEMA,
        pull_request=number,
        sha=sha,
        submission=f"{submission.team}/{submission.model}",
        error=None if boards else "this runner has no references for any of its datasets",
        not_scored=tuple(name for name in submission.files if name not in {d.id for d, _ in here}),
        quota=quota,
        boards=tuple(boards),
    )


def _table(leaderboard: Path, board: Board) -> Table | None:
    """The board on main, `None` before its first row or if the table is damaged."""
    try:
        return read_table(leaderboard / "tables" / f"{board.name}.json")
    except RexrankError:
        return None


class Origin(Typed):
    """Pull request and commit in which predictions were first scored; `None` if unknown."""

    pull_request: int | None = None
    head_commit: str | None = None


def read_origin(store: Path, digest: str) -> Origin:
    """The origin of these predictions' first scoring; raises `RexrankError` for a damaged file."""
    path = store / "origins" / f"{digest}.json"
    if not os.path.lexists(path):
        return Origin()
    try:
        return Origin.model_validate(load_json(path))
    except (OSError, ValueError) as error:
        raise RexrankError(
            f"cannot read {path}, which records where predictions came from: {first_line(error)}. Restore it from a "
            "backup, or delete it: their record will then not name a pull request."
        ) from error


def _keep_origin(store: Path, digest: str, number: int, sha: str) -> None:
    path = store / "origins" / f"{digest}.json"
    if not path.exists():
        write_text(path, dump_json(view(Origin(pull_request=number, head_commit=sha))))


def _scratch(settings: ScoreSettings) -> Path:
    folder = store_directory(settings.store) / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def board_result(table: Table, name: str, before: Table | None = None) -> BoardResult:
    """What a participant sees of one board: numbers as the table shows them.

    The model's row with the best row, its neighbours and the baselines, the differences to the ranked ones
    among them, and the changes from the board on main (`before`).
    """
    everyone = (*table.rows, *table.incomplete, *table.nulls)
    row = next((r for r in everyone if r.id == name), None)
    place = [r.id for r in table.rows]
    near: Sequence[Row] = ()
    if name in place:
        i = place.index(name)
        near = table.rows[max(0, i - 1) : i + 2]
    neighbours = {r.id: r for r in (*table.rows[:1], *near, *table.nulls) if r.id != name} if row else {}
    moves = _moved(table, before, name) if row else []
    note = next((n for n in table.notes if n.startswith(f"{name} ")), "not on the board")
    return BoardResult(
        dataset=table.dataset,
        track=table.track,
        title=table.title,
        n=table.n,
        n_clusters=table.n_clusters,
        step=table.step,
        primary=table.primary,
        models=len(table.rows),
        metrics=tuple(_column(m) for m in table.metrics),
        row=_row(row) if row else None,
        why=row.why_unranked if row else note,
        others=tuple(_row(r) for r in neighbours.values()),
        differences=(
            *(_lead(table, p, name) for p in table.pairs if _other(p, name) in neighbours),
            *(_lead_over_null(t) for t in (row.against_nulls if row else ())),
        ),
        before=_before(table, before, name) if row else None,
        moved=tuple(moves[:MAX_MOVED]),
        n_moved=len(moves),
        diagnostics=_diagnostics(row) if row else ShownDiagnostics(),
    )


def _column(column: Column) -> ShownColumn:
    # In terms of the displayed value: the reciprocal of a loss is better if higher.
    higher = column.higher_is_better or column.reciprocal
    return ShownColumn(key=column.key, title=column.display_title, better="higher" if higher else "lower")


def _row(row: Row) -> ShownRow:
    return ShownRow(
        id=row.id,
        kind=row.kind,
        rank_low=row.rank_low,
        rank_high=row.rank_high,
        badges=tuple(
            ShownMark.model_validate({"code": b.code, "outcome": b.outcome, "text": b.text})
            for b in row.badges
        ),
        missing=row.missing,
        metrics={
            key: ShownMetric.model_validate({**cell.display.view(), "n_failed": cell.n_failed})
            for key, cell in row.metrics.items()
        },
    )


def _diagnostics(row: Row) -> ShownDiagnostics:
    """Diagnostics of the reports as a whole; the rest is on the model's page."""
    keys = ShownDiagnostics.model_fields
    return ShownDiagnostics.model_validate({k: v for k, v in view(row.diagnostics).items() if k in keys})


def _other(pair: PairTest, name: str) -> str | None:
    """The other model of a pair that includes `name`."""
    return {pair.a: pair.b, pair.b: pair.a}.get(name)


def _lead(table: Table, pair: PairTest, name: str) -> Lead:
    """The model's lead over the other on the primary metric; negative if behind."""
    column = table.ranked_by
    ahead = (pair.a == name) == (column is not None and column.higher_is_better)
    # From 0, so that no zero has a sign.
    low, high = (None if x is None else 0 - x for x in (pair.high, pair.low))
    return Lead(
        id=pair.b if pair.a == name else pair.a,
        difference=pair.difference if ahead else 0 - pair.difference,
        low=pair.low if ahead else low,
        high=pair.high if ahead else high,
        p=pair.p,
        matters=pair.matters,
    )


def _lead_over_null(test: NullTest) -> Lead:
    """The model's lead over a baseline."""
    return Lead(
        id=test.null, difference=test.gain, low=test.low, high=test.high, p=test.p, outcome=test.outcome
    )


def _before(table: Table, before: Table | None, name: str) -> RowBefore | None:
    """The model's row on main, `None` without a comparable one."""
    rows = (*before.rows, *before.incomplete) if before is not None else ()
    row = next((r for r in rows if r.id == name), None)
    if row is None or before is None or before.primary != table.primary:
        return None
    cell = row.metrics.get(table.primary)
    value = cell.display.value if cell else None
    return RowBefore(rank_low=row.rank_low, rank_high=row.rank_high, value=value)


def _moved(table: Table, before: Table | None, name: str) -> list[RankChange]:
    """The other models whose rank range differs from main's."""

    def ranges(rows: Sequence[RankedRow]) -> dict[str, tuple[int, int]]:
        return {r.id: (r.rank_low, r.rank_high) for r in rows if r.id != name}

    was, now = ranges(before.rows if before is not None else ()), ranges(table.rows)
    return [RankChange(id=i, before=was[i], after=now[i]) for i in now if i in was and was[i] != now[i]]
