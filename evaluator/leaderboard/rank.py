"""Records in, tables out: one board, or all of them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from evaluator.core.files import TEMPORARY, dump_json, remove, write_derived
from evaluator.core.problems import InputError
from evaluator.core.stopping import unbroken
from evaluator.datasets.challenge import OverallSetting, challenge
from evaluator.datasets.tasks.task import all_tracks
from evaluator.leaderboard import table_files as tables
from evaluator.leaderboard.analysis import Analysis, analyse_board
from evaluator.leaderboard.draws import MetricDraws
from evaluator.leaderboard.eligibility import Entrants, read_releases, sort_entrants, usable
from evaluator.leaderboard.frames import board_frames, null_frames, only
from evaluator.leaderboard.history import append_history, changes, read_history
from evaluator.leaderboard.null_tests import Gained, add_null_tests, gain_ends
from evaluator.leaderboard.overall import PrimaryScores, make_overall
from evaluator.leaderboard.overall_files import overall_files, pairwise_name
from evaluator.leaderboard.overall_table import OverallTable, having
from evaluator.leaderboard.pairwise import (
    Pairwise,
    analysed_pairs,
    metric_pairs,
    overall_pairwise,
    with_tests,
)
from evaluator.leaderboard.pairwise_file import pairwise_bytes, pairwise_digest
from evaluator.leaderboard.ranked_store import RankedBoard, inputs_digest, keep_ranked, read_ranked
from evaluator.leaderboard.ranking import board_keys, check_frames, make_table, mark_contamination, overview
from evaluator.leaderboard.subgroups import board_subgroups
from evaluator.leaderboard.table import Table
from evaluator.metrics.registry import check_primary_metrics, get_metric, metric_keys
from evaluator.scoring.baselines import check_sanity, read_sanity
from evaluator.scoring.intervals import board_seed
from evaluator.scoring.records import (
    SUBGROUP_PREFIX,
    Board,
    all_boards,
    boards,
    collect,
    read_records,
    read_studies,
)
from evaluator.statistics.ties import by_cost

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.core.types import ProgressCallback


OVERALL: Final = re.compile(r"overall\.[a-z0-9-]+\.(json|csv|md)")
"""Names of the files of the overall tables."""


def rank_board(
    board: Board, leaderboard: Path, store: Path, *, rehearsal: bool, show: ProgressCallback | None = None
) -> RankedBoard:
    """The table of one board and its pairs, from its records and per-study scores; nothing is written.

    Raises `RexrankError` that names every damaged record or, if the records are sound, every other damaged file.
    """
    entrants = _entrants(board, leaderboard, store, rehearsal=rehearsal)
    digest = entrants.ranked[0].provenance.references_sha256 if entrants.ranked else ""
    metric = _subgroup_metric(board, entrants)
    table, pairwise, frames, null = _tested(
        board, entrants, leaderboard, store, metric, show, rehearsal=rehearsal
    )
    other = _first_track(board, leaderboard, store, rehearsal=rehearsal)
    order = [r.id for r in table.rows]
    subgroups = board_subgroups(board, digest, frames, metric, null, order, show, other)
    table = table.model_copy(update={"subgroups": subgroups})
    return RankedBoard(table, pairwise, _primary(board, digest, frames, table))


class _Tested(NamedTuple):
    """A board without its subgroups, and what these need; the other scores are no longer in memory.

    `null`: the best baseline and its scores.
    """

    table: Table
    pairwise: bytes
    frames: Mapping[str, pd.DataFrame]
    null: tuple[str, pd.DataFrame] | None


def _tested(
    board: Board,
    entrants: Entrants,
    leaderboard: Path,
    store: Path,
    metric: str,
    show: ProgressCallback | None,
    *,
    rehearsal: bool,
) -> _Tested:
    """The table with ranks and tests against the baselines, its pairs, and the scores on `metric`."""
    notes, frames, nulls = _inputs(board, entrants, leaderboard, store)
    keys = board_keys(entrants)
    columns = {r.name: [k for k in keys if usable(r, k, entrants.signatures)] for r in entrants.ranked}
    digest = entrants.ranked[0].provenance.references_sha256 if entrants.ranked else ""
    check_frames(board, dict(islice(frames.items(), 1)) | nulls)
    columns |= {name: [k for k in keys if k in frame.columns] for name, frame in nulls.items()}
    draws = MetricDraws(board, digest, {**frames, **nulls}, columns) if frames else None
    analysis = analyse_board(board, digest, frames, columns, entrants.primary, show, draws)
    table = make_table(board, entrants, analysis, rehearsal=rehearsal)
    pairwise = Pairwise({})
    if draws is not None and analysis is not None:
        table, pairwise = _against_others(table, board, analysis, draws)
    more = {"pairwise_sha256": pairwise_digest(pairwise), "notes": (*table.notes, *notes)}
    table = table.model_copy(update=more)
    kept = {table.primary, metric}
    best = _best_null(entrants)
    null = (best, only(nulls[best], kept)) if best is not None else None
    return _Tested(table, pairwise_bytes(pairwise), {n: only(f, kept) for n, f in frames.items()}, null)


class _Inputs(NamedTuple):
    """What ranking reads beside the records: notes on the metrics' sanity, and per-study scores by name."""

    notes: list[str]
    frames: dict[str, pd.DataFrame]
    nulls: dict[str, pd.DataFrame]


def _inputs(board: Board, entrants: Entrants, leaderboard: Path, store: Path) -> _Inputs:
    """All of it; raises one `RexrankError` that names every damaged file."""
    found = _Inputs([], {}, {})
    readers: list[Callable[[], None]] = [
        lambda: found.notes.extend(check_sanity(leaderboard, board, entrants.signatures)),
        lambda: found.frames.update(board_frames(board, entrants, leaderboard, store)),
        lambda: found.nulls.update(null_frames(board, entrants, leaderboard, store)),
    ]
    collect(readers)
    return found


def _against_others(
    table: Table, board: Board, analysis: Analysis, draws: MetricDraws
) -> tuple[Table, Pairwise]:
    """The table with its tests against the baselines, and all pairs of its models; each metric uses one set of draws."""
    models, pairs = {r.id for r in table.rows}, {}
    ends: dict[Gained, tuple[float, float]] = {}
    # The ranking metric first: its draws exist since the analysis.
    for key in sorted(
        metric_keys(), key=lambda k: k != table.primary
    ):  # tie: none, the order does not matter
        ends |= gain_ends(key, table, draws)
        if key == table.primary:
            pairs[key] = analysed_pairs(key, analysis, board, draws)
        else:
            pairs[key] = metric_pairs(key, [m for m in draws.holders(key) if m in models], board, draws)
    pairwise = Pairwise({key: pairs[key] for key in metric_keys() if pairs[key]})
    return add_null_tests(table, draws, ends), with_tests(pairwise, table)


def _subgroup_metric(board: Board, entrants: Entrants) -> str:
    """The metric of the subgroups: the task's own choice if the board has it, else the ranking metric."""
    own = board.task.subgroup_metric
    has = all(usable(r, own, entrants.signatures) for r in entrants.ranked)
    return own if own and has else entrants.primary


def _primary(
    board: Board, digest: str, frames: Mapping[str, pd.DataFrame], table: Table
) -> PrimaryScores | None:
    """What the overall rank needs from a board; `None` for one without a ranked model."""
    first = next(iter(frames.values()), None)
    if first is None:
        return None
    values = {name: np.asarray(f[table.primary], dtype=np.float64) for name, f in frames.items()}
    return PrimaryScores(values, first["patient"].tolist(), board_seed(board, digest))


def ranked_board(
    board: Board, leaderboard: Path, store: Path, *, rehearsal: bool, show: ProgressCallback | None = None
) -> RankedBoard:
    """The board from the store if its inputs are unchanged, else from `rank_board`; without the pairs of its table."""
    inputs = inputs_digest(board, leaderboard, store, rehearsal=rehearsal)
    earlier = read_ranked(store, board, inputs)
    if earlier is not None:
        return earlier._replace(scores=_scores(board, leaderboard, store, earlier.table, rehearsal=rehearsal))
    ranked = rank_board(board, leaderboard, store, rehearsal=rehearsal, show=show)
    # No file needs them, and with hundreds of models they take half a gigabyte while the next board is ranked.
    ranked = ranked._replace(table=ranked.table.model_copy(update={"pairs": ()}))
    keep_ranked(store, board, inputs, ranked)
    return ranked


def _scores(
    board: Board, leaderboard: Path, store: Path, table: Table, *, rehearsal: bool
) -> PrimaryScores | None:
    """What the overall rank needs of a stored board, whose files have not changed since they were checked."""
    entrants = _entrants(board, leaderboard, store, rehearsal=rehearsal)
    digest = entrants.ranked[0].provenance.references_sha256 if entrants.ranked else ""
    read = partial(read_studies, leaderboard, store, board, columns=("study_id", "patient", table.primary))
    frames = collect([partial(read, r) for r in entrants.ranked])
    by_name = {r.name: f for r, f in zip(entrants.ranked, frames, strict=True)}
    return _primary(board, digest, by_name, table)


def _entrants(board: Board, leaderboard: Path, store: Path, *, rehearsal: bool) -> Entrants:
    records = read_records(leaderboard, board, store)
    return sort_entrants(board, records, rehearsal=rehearsal, released=read_releases(leaderboard))


def _first_track(board: Board, leaderboard: Path, store: Path, *, rehearsal: bool) -> pd.DataFrame | None:
    """Studies, patients and subgroups of the dataset's first track; `None` for that track itself or a public dataset."""
    first = Board(board.dataset, next(iter(board.dataset.tracks)))
    if board.track == first.track or board.dataset.exposure.small_groups:
        return None
    entrants = _entrants(first, leaderboard, store, rehearsal=rehearsal)
    frames = [*board_frames(first, entrants, leaderboard, store, ()).values()]
    if not frames:
        return None
    groups = {c: f[c] for f in frames for c in f.columns if c.startswith(SUBGROUP_PREFIX)}
    return frames[0][["study_id", "patient"]].assign(**groups)


def _best_null(entrants: Entrants) -> str | None:
    """The baseline that is best on the primary metric."""
    key = entrants.primary
    sign = -1 if get_metric(key).higher_is_better else 1
    fitting = [r for r in entrants.nulls if usable(r, key, entrants.signatures)]
    if not fitting:
        return None
    by_name = sorted(fitting, key=lambda r: r.model)  # tie: none, names differ
    return by_cost(by_name, [sign * r.metrics[key].mean for r in by_name])[0].name


def rank_all(
    leaderboard: Path, store: Path, *, rehearsal: bool, show: ProgressCallback | None = None
) -> list[Table]:
    """The tables of every board, written as CSV, JSON and Markdown, with pairs, overview and history.

    Everything is read and checked before anything is written, and files without a record are removed last.
    The output of an earlier ranking is never read: a damaged table is simply rewritten. A board with the same
    inputs as in the last ranking is taken from the store, and its files are left alone. Without the folder of
    records, nothing is changed.

    Raises `RexrankError` that names every record, per-study file and line of the history that is damaged.
    """
    if not (leaderboard / "records").is_dir():
        return []
    ranked: list[RankedBoard] = []

    def rank(board: Board) -> None:
        ranked.append(ranked_board(board, leaderboard, store, rehearsal=rehearsal, show=show))

    # One after the other, so that only one board's scores are in memory; every failure is reported.
    readers: list[Callable[[], object]] = [
        partial(_nothing_moved, leaderboard),
        partial(read_history, leaderboard),
        partial(read_releases, leaderboard),
        check_primary_metrics,
    ]
    readers += [partial(read_sanity, leaderboard, b) for b in boards(leaderboard)]
    readers += [partial(rank, b) for b in boards(leaderboard)]
    collect(readers)
    tables = mark_contamination([r.table for r in ranked])
    files = _files([r._replace(table=t) for r, t in zip(ranked, tables, strict=True)])
    for overall in overall_tables(ranked, challenge().overall):
        files |= overall_files(overall)
        if overall.pairs:
            files[pairwise_name(overall.track)] = pairwise_bytes(overall_pairwise(overall))
    events = changes(read_history(leaderboard).events, tables)
    with unbroken():
        for name, content in files.items():
            write_derived(leaderboard, name, content)
        note = append_history(leaderboard, events)
        _remove_stale(leaderboard, files)
    for line in [*([note] if note else []), *_strays(leaderboard)]:
        sys.stderr.write(f"rexrank: {line}\n")
    return tables


def _strays(leaderboard: Path) -> list[str]:
    """A sentence on each folder with records that no board reads."""
    root = leaderboard / "records"
    folders = {path.parent for path in root.rglob("*.json")}
    strays = folders - {root / b.dataset.id / b.track for b in all_boards()}
    return [
        f"{folder}: the challenge has no such dataset or track, so its contents are not on any board."
        for folder in sorted(strays)
    ]


def _nothing_moved(leaderboard: Path) -> None:
    """Raises `InputError` for a settings file that is no longer read."""
    for name, table in {"policy.json": "quota", "overall-boards.json": "overall"}.items():
        if os.path.lexists(leaderboard / name):
            raise InputError(
                f"{leaderboard / name} is no longer read: move its contents to [{table}] in challenge.toml, then delete the file."
            )


def overall_tables(ranked: Sequence[RankedBoard], setting: OverallSetting) -> list[OverallTable]:
    """The overall table of each track with at least one of the boards that count."""
    overall = []
    for track in all_tracks():
        here = {r.table.dataset: r for r in ranked if r.table.track == track}
        boards = {d: here[d] for d in having(setting, track) if d in here}
        if boards:
            tables = {d: r.table for d, r in boards.items()}
            scores = {d: r.scores for d, r in boards.items() if r.scores is not None}
            overall.append(make_overall(track, setting, tables, scores))
    return overall


def _files(ranked: Sequence[RankedBoard]) -> dict[str, str | bytes]:
    """Every file that ranking writes, by its name below the leaderboard."""
    files: dict[str, str | bytes] = {}
    for table, pairwise, _ in ranked:
        name = table.name
        files[f"tables/{name}.json"] = tables.table_json(table)
        files[f"tables/{name}.csv"] = tables.table_csv(table)
        files[f"tables/{name}.md"] = tables.table_markdown(table)
        files[f"pairwise/{name}.parquet"] = pairwise
    summary = overview([r.table for r in ranked])
    files["overview.json"] = dump_json(summary.view())
    files["overview.csv"] = tables.overview_csv(summary)
    return files


def _remove_stale(leaderboard: Path, files: Collection[str]) -> None:
    """Removes tables and pairs that this ranking did not write, and partial files of a killed one."""
    for folder in ("tables", "pairwise"):
        for path in (leaderboard / folder).glob("*"):
            half = path.name.startswith(".") and path.name.endswith(TEMPORARY)
            ours = path.suffix in {".json", ".csv", ".md", ".parquet"} and not path.name.startswith(".")
            is_current = f"{folder}/{path.name}" in files or path.name == "README.md"
            if half or (ours and not is_current):
                remove(path)
    for path in leaderboard.glob("overall.*.*"):
        if OVERALL.fullmatch(path.name) and path.name not in files:
            remove(path)
