"""The preview of a pull request's scores: on the runner, on copies, with nothing leaving but a checked result.

Scores are kept in the store by what they depend on, so that publication after the merge finds them;
records and tables are made on copies that are thrown away.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

from evaluator.core.files import dump_json, load_json, write_text
from evaluator.core.problems import RexrankError
from evaluator.core.workspace import Workspace, store_directory
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import Dataset, get_dataset
from evaluator.datasets.report import StudyReport
from evaluator.leaderboard.rank import rank_board
from evaluator.leaderboard.table import parse_table
from evaluator.scoring.quota import counted, read_policy, require_slots, standing
from evaluator.scoring.records import Board
from evaluator.scoring.run import ScoreSettings, score_submission
from evaluator.submissions.submission import Submission

RESULT_SCHEMA: Final = "rexrank/score-result/v1"
MAX_MOVED: Final = 20
MAX_WORDS: Final = 1_000
DIAGNOSTICS: Final = (
    "n_empty", "distinct_fraction", "top1_share", "length_ratio", "exact_match", "copied_spans",
    "judge_outliers",
)  # fmt: skip
"""What is said of the reports as a whole; the rest is on the model's page."""


@contextmanager
def private_log(path: Path) -> Iterator[None]:
    """Everything that this process and its libraries print goes to a file on the runner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _flush()
    kept = os.dup(1), os.dup(2)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        yield
    finally:
        # What Python still holds back belongs into the log, not to what is written next.
        _flush()
        for stream, number in zip(kept, (1, 2), strict=True):
            os.dup2(stream, number)
            os.close(stream)
        os.close(log)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def runner_settings(workspace: Workspace) -> ScoreSettings:
    """How the runner scores in a workspace, from its own environment and nothing else."""
    from evaluator.models.judges.config import read_judges

    file = os.environ.get("REXRANK_JUDGES")
    return ScoreSettings(
        models=workspace.models,
        device=os.environ.get("REXRANK_DEVICE", "cpu"),
        store=workspace.store,
        judges=read_judges(Path(file)).settings if file else {},
    )


def scored_here(dataset: Dataset, directory: Path | None) -> bool:
    """Whether a runner with this directory of references holds those of a dataset."""
    return dataset.synthetic or (directory is not None and (directory / f"{dataset.id}.json").is_file())


def preview(
    submission: Submission,
    workspace: Workspace,
    earlier: Mapping[str, Mapping[str, Mapping[str, StudyReport]]],
    *,
    number: int,
    sha: str,
) -> dict[str, Any]:
    """The result that may leave the runner. Raises `RexrankError` with words for the participant.

    `earlier`: per dataset the other submissions' reports.
    """
    settings = replace(runner_settings(workspace), pull_request=number, head_commit=sha)
    leaderboard, store = workspace.leaderboard, workspace.store
    policy, team = read_policy(leaderboard), submission.team
    entries = [(get_dataset(name), p) for name, p in submission.files.items()]
    here = [(d, p) for d, p in entries if scored_here(d, workspace.references)]
    require_slots(store, team, [(d, p.sha256) for d, p in here], policy)
    boards: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=_scratch(settings)) as scratch:
        copy, overlay = Path(scratch) / "leaderboard", Path(scratch) / "store"
        shutil.copytree(leaderboard, copy)
        used = replace(settings, records=overlay)
        for dataset, predictions in here:
            _overlay(store, overlay, dataset.id)
            references = load_references(dataset, workspace.references)
            others = earlier.get(dataset.id, {})
            with counted(store, dataset, team, predictions.sha256, policy):
                score_submission(submission, dataset, references, copy, used, earlier=others)
            _keep_origin(store, predictions.sha256, number, sha)
            for track in predictions.tracks:
                board = Board(dataset, track)
                table = rank_board(board, copy, overlay, rehearsal=False).table.view()
                before = _table(leaderboard, board)
                boards.append(board_result(table, f"{team}/{submission.model}", before))
    now = datetime.now(UTC)
    return {
        "schema": RESULT_SCHEMA,
        "pull_request": number,
        "sha": sha,
        "submission": f"{team}/{submission.model}",
        "error": None if boards else "none of its datasets has references on the runner",
        "not_scored": [name for name in submission.files if name not in {d.id for d, _ in here}],
        "quota": [
            standing(store, d, team, p.sha256, now, policy) for d, p in here if d.exposure.limited_runs
        ],
        "boards": boards,
    }


def _table(leaderboard: Path, board: Board) -> dict[str, Any] | None:
    """The board as main has it, `None` before its first row and where the table is damaged."""
    path = leaderboard / "tables" / f"{board.name}.json"
    try:
        table: dict[str, Any] = parse_table(load_json(path), path.name).view()
    except (OSError, ValueError, RexrankError):
        return None
    return table


def read_origin(store: Path, digest: str) -> dict[str, Any]:
    """Pull request and commit in which these predictions were first scored; empty where unknown."""
    path = store / "origins" / f"{digest}.json"
    if not os.path.lexists(path):
        return {}
    try:
        found = load_json(path)
        number, sha = found.get("pull_request"), found.get("head_commit")
        if not (number is None or type(number) is int) or not (sha is None or isinstance(sha, str)):
            raise ValueError("it is not of a pull request's number and a commit")  # noqa: TRY301
    except (OSError, ValueError, AttributeError) as error:
        raise RexrankError(
            f"cannot read {path}, which says where predictions came from: {error}. Restore it from a backup, "
            "or delete it: their record then names no pull request."
        ) from error
    return {"pull_request": number, "head_commit": sha}


def _keep_origin(store: Path, digest: str, number: int, sha: str) -> None:
    path = store / "origins" / f"{digest}.json"
    if not path.exists():
        write_text(path, dump_json({"pull_request": number, "head_commit": sha}))


def _scratch(settings: ScoreSettings) -> Path:
    folder = store_directory(settings.store) / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _overlay(store: Path, overlay: Path, dataset: str) -> None:
    for kind in ("records", "studies"):
        source = store / kind / dataset
        if source.is_dir():
            shutil.copytree(source, overlay / kind / dataset, dirs_exist_ok=True)


def board_result(
    table: Mapping[str, Any], name: str, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What a participant is told of one board: numbers as the table shows them.

    Beside the model's row stand the best row, its neighbours and the null rows, the differences to
    the ranked ones among them, and what changes of the board as main has it (`before`).
    """
    everyone = [*table["rows"], *table["incomplete"], *table["nulls"]]
    row = next((r for r in everyone if r["id"] == name), None)
    if row is None:
        note = next((n for n in table["notes"] if n.startswith(f"{name} ")), "not on the board")
        return _board(table) | {"row": None, "why": note}
    place = [r["id"] for r in table["rows"]]
    near = []
    if name in place:
        i = place.index(name)
        near = [r for r in table["rows"][max(0, i - 1) : i + 2] if r["id"] != name]
    chosen = {r["id"]: r for r in [*table["rows"][:1], *near, *table["nulls"]] if r["id"] != name}
    moved = _moved(table, before, name)
    return _board(table) | {
        "row": _row(row),
        "why": row["why_unranked"],
        "others": [_row(r) for r in chosen.values()],
        "differences": [
            *(_lead(table, p, name) for p in table["pairs"] if _other(p, name) in chosen),
            *(
                {"id": t["null"], "difference": t["gain"]}
                | {k: t[k] for k in ("low", "high", "p", "outcome")}
                for t in row.get("against_nulls", ())
            ),
        ],
        "before": _before(table, before, name),
        "moved": moved[:MAX_MOVED],
        "n_moved": len(moved),
        "diagnostics": {k: row["diagnostics"].get(k) for k in DIAGNOSTICS if k in row["diagnostics"]},
    }


def _board(table: Mapping[str, Any]) -> dict[str, Any]:
    metrics = [
        {
            "key": m["key"],
            "title": m["display_title"],
            # Of what is shown: a reciprocal of a loss is better when it is higher.
            "better": "higher" if m["higher_is_better"] or m["reciprocal"] else "lower",
        }
        for m in table["metrics"]
    ]
    return {k: table[k] for k in ("dataset", "track", "title", "n", "n_clusters", "step", "primary")} | {
        "metrics": metrics,
        "models": len(table["rows"]),
        "others": [],
        "differences": [],
        "before": None,
        "moved": [],
        "n_moved": 0,
        "diagnostics": {},
    }


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "rank_low": row["rank_low"],
        "rank_high": row["rank_high"],
        "badges": [{k: b[k] for k in ("code", "outcome", "text")} for b in row["badges"]],
        "missing": row["missing"],
        "metrics": {k: {**m["display"], "n_failed": m["n_failed"]} for k, m in row["metrics"].items()},
    }


def _other(pair: Mapping[str, Any], name: str) -> str | None:
    """The other model of a pair that `name` is in."""
    return {pair["a"]: pair["b"], pair["b"]: pair["a"]}.get(name)


def _lead(table: Mapping[str, Any], pair: Mapping[str, Any], name: str) -> dict[str, Any]:
    """How far this model is ahead of the other on the primary metric; below zero: behind."""
    better = next(m["higher_is_better"] for m in table["metrics"] if m["key"] == table["primary"])
    shown = {k: pair[k] for k in ("difference", "low", "high", "p", "matters")}
    found = {"id": _other(pair, name), **shown}
    if (pair["a"] == name) == better:
        return found
    # From 0, so that no zero has a sign.
    low, high = (None if pair[k] is None else 0 - pair[k] for k in ("high", "low"))
    return {**found, "difference": 0 - pair["difference"], "low": low, "high": high}


def _before(table: Mapping[str, Any], before: Mapping[str, Any] | None, name: str) -> dict[str, Any] | None:
    """The model's row on main, `None` where it has none that can be compared."""
    rows = [*before["rows"], *before["incomplete"]] if before is not None else []
    row = next((r for r in rows if r["id"] == name), None)
    if row is None or before is None or before["primary"] != table["primary"]:
        return None
    entry = row["metrics"].get(table["primary"])
    return {
        "rank_low": row["rank_low"],
        "rank_high": row["rank_high"],
        "value": entry["display"]["value"] if entry else None,
    }


def _moved(table: Mapping[str, Any], before: Mapping[str, Any] | None, name: str) -> list[dict[str, Any]]:
    """The other models whose range of ranks is another one than on main."""

    def ranges(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
        return {r["id"]: [r["rank_low"], r["rank_high"]] for r in rows if r["id"] != name}

    was, now = ranges(before["rows"] if before is not None else []), ranges(table["rows"])
    return [{"id": i, "before": was[i], "after": now[i]} for i in now if i in was and was[i] != now[i]]


def check_result(value: Any) -> dict[str, Any]:
    """`value`, if it keeps the schema of results; raises `RexrankError` that says nothing of its content."""
    from jsonschema import Draft202012Validator

    text = resources.files("evaluator.schemas").joinpath("score-result-v1.schema.json").read_text("utf-8")
    if next(Draft202012Validator(json.loads(text)).iter_errors(value), None) is not None:
        raise RexrankError("the result does not keep its schema; nothing of it is shown.")
    checked: dict[str, Any] = value
    return checked


def failure(
    number: int, sha: str, words: str, *, submission: str = "", quota: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The result of a scoring that told nothing, with words that are ours."""
    return {
        "schema": RESULT_SCHEMA,
        "pull_request": number,
        "sha": sha,
        "submission": submission,
        "error": words[:MAX_WORDS],
        "not_scored": [],
        "quota": list(quota),
        "boards": [],
    }
