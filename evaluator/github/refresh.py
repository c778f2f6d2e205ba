"""After a merge, on the machine with the references: score what the records lack, rank, and collect what may leave."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from evaluator.core.files import dump_json, write_bytes, write_text
from evaluator.core.problems import RexrankError
from evaluator.core.typed import view
from evaluator.core.workspace import Workspace, store_directory
from evaluator.datasets.challenge import challenge
from evaluator.datasets.references import References, load_references
from evaluator.datasets.registry import Dataset, dataset_ids, get_dataset
from evaluator.github.bundle import ALLOWED, BUNDLE_SCHEMA, check_bundle
from evaluator.github.git_objects import git
from evaluator.github.ownership import OWNERS, parse_owners
from evaluator.github.preview import read_origin, runner_settings, scored_here
from evaluator.github.staleness import known_record, stale_units
from evaluator.leaderboard.rank import rank_all
from evaluator.scoring.baselines import TEAM, score_baselines, training_data
from evaluator.scoring.earlier import entry_of
from evaluator.scoring.ledger import Entrant
from evaluator.scoring.quota import counted
from evaluator.scoring.record import Record
from evaluator.scoring.records import (
    Board,
    boards,
    collect,
    load_record,
    read_records,
    studies_path,
)
from evaluator.scoring.run import ScoreSettings, score_submission
from evaluator.scoring.units import MAX_UNITS, RESCORING, Rescoring, Unit
from evaluator.submissions.reading import earlier_predictions, validate_paths
from evaluator.submissions.submission import Submission


def refresh(workspace: Workspace, bundle: Path, *, at_once: bool = False) -> dict[str, int]:
    """How many boards were scored and removed, and units are waited for, after updating records and tables to main.

    An existing row keeps its numbers until the store has every score of its dataset's next state: rows with
    different signatures are not comparable. `rescoring.json` names what is missing;
    `evaluator/github/fill.py` scores it. A submission without a row is scored immediately, and with `at_once`
    everything is. The bundle is a folder of exactly the files of `ALLOWED`. Raises `RexrankError` that names
    every damaged record, before anything is written or removed.
    """
    settings = runner_settings(workspace)
    root, leaderboard = workspace.submissions, workspace.leaderboard
    _check_records(leaderboard)
    submissions = _outlines(root, workspace.references)
    counts = {"scored": 0, "removed": _remove_absent(leaderboard, submissions)}
    units: list[Unit] = []
    for dataset in (get_dataset(d) for d in dataset_ids()):
        entered = _by_arrival([s for s in submissions.values() if dataset.id in s.files], dataset, settings)
        if not entered or not scored_here(dataset, workspace.references):
            continue
        references = load_references(dataset, workspace.references)
        whole = None if at_once else partial(_whole, workspace=workspace)
        stale = stale_units(entered, references, workspace, settings, whole)
        units += stale.units
        if stale.baselines:
            training = training_data(dataset.id, workspace.references)
            score_baselines(references, leaderboard, settings, training)
        for outline in stale.submissions:
            _score(outline, references, workspace, settings)
        counts["scored"] += stale.baselines + len(stale.submissions)
    _note_rescoring(leaderboard, units)
    rank_all(leaderboard, workspace.store, rehearsal=False)
    gather(leaderboard, bundle, root)
    return {**counts, "waiting": len(units)}


def _note_rescoring(leaderboard: Path, units: Sequence[Unit]) -> None:
    """Writes which units the boards wait for; no file if there are none."""
    path = leaderboard / RESCORING
    if not units:
        path.unlink(missing_ok=True)
        return
    waiting = Rescoring(schema="rexrank/rescoring/v1", units=tuple(units[:MAX_UNITS]))
    write_text(path, dump_json(view(waiting)))


def merged_submission(folder: Path, references: Path | None) -> Submission | None:
    """The submission in a folder of main, `None` if it is not valid."""
    report = validate_paths([folder], references)
    return report.found[0].submission if report.ok and len(report.found) == 1 else None


def _outlines(root: Path, references: Path | None) -> dict[str, Submission]:
    """By `team/model`, main's submissions without predictions: the few that are scored are read again then."""
    outlines = {}
    for folder in sorted(p for p in root.glob("*/*") if p.is_dir()):
        submission = merged_submission(folder, references)
        if submission is not None:
            outlines[f"{submission.team}/{submission.model}"] = submission.outline()
    return outlines


def _score(
    outline: Submission, references: References, workspace: Workspace, settings: ScoreSettings
) -> None:
    """Scores a submission on a dataset and writes its records."""
    dataset, leaderboard = references.dataset, workspace.leaderboard
    submission = _whole(outline, workspace)
    known = known_record(submission, dataset, leaderboard)
    folder = workspace.submissions / submission.team / submission.model
    others = earlier_predictions(folder, submission, dataset)
    # New submissions in this run have no record yet; they are scored after this one and compared then.
    earlier = others.only([n for n in others if entry_of(n, dataset, leaderboard)])
    own_settings = replace(
        _as_entered(submission, known, settings, dataset), accounts=_recorded(submission, leaderboard)
    )
    with _ledger(submission, dataset, own_settings, fresh=known is None):
        score_submission(submission, dataset, references, leaderboard, own_settings, earlier=earlier)


def _whole(outline: Submission, workspace: Workspace) -> Submission:
    """The submission with its predictions; raises `RexrankError` if its folder changed in the meantime."""
    folder = workspace.submissions / outline.team / outline.model
    submission = merged_submission(folder, workspace.references)
    if submission is None or submission.outline() != outline:
        raise RexrankError(f"{folder} changed while main was being scored. Run the job again.")
    return submission


def _check_records(leaderboard: Path) -> None:
    collect([partial(read_records, leaderboard, board) for board in boards(leaderboard)])


def _by_arrival(
    submissions: Sequence[Submission], dataset: Dataset, settings: ScoreSettings
) -> list[Submission]:
    """Submissions in the order of the pull requests in which their predictions were first scored, others last."""
    store = store_directory(settings.store)

    def place(submission: Submission) -> tuple[bool, int]:
        number = read_origin(store, submission.files[dataset.id].sha256).pull_request
        return (number is None, number or 0)

    return sorted(submissions, key=place)


def _ledger(
    submission: Submission, dataset: Dataset, settings: ScoreSettings, *, fresh: bool
) -> AbstractContextManager[None]:
    """Counts predictions that were merged without having been scored: merging is the permission."""
    if not fresh:
        return nullcontext()
    store, policy = store_directory(settings.store), challenge().quota
    digest = submission.files[dataset.id].sha256
    entrant = Entrant(submission.team, settings.accounts)
    return counted(store, entrant, [(dataset, digest)], policy, over_quota={digest})


def _recorded(submission: Submission, leaderboard: Path) -> frozenset[int]:
    """The ids of a model's contacts on main; empty for a new model."""
    path = leaderboard / OWNERS
    owners = parse_owners(path.read_bytes()) if path.exists() else {}
    return frozenset(owners.get(f"{submission.team}/{submission.model}", {}).values())


def _as_entered(
    submission: Submission, known: Record | None, settings: ScoreSettings, dataset: Dataset
) -> ScoreSettings:
    """The settings with the known origin of these predictions: date, pull request, commit."""
    if known is not None:
        return replace(
            settings,
            submitted=known.submitted,
            pull_request=known.provenance.pull_request,
            head_commit=known.provenance.head_commit,
        )
    origin = read_origin(store_directory(settings.store), submission.files[dataset.id].sha256)
    return replace(settings, pull_request=origin.pull_request, head_commit=origin.head_commit)


def _remove_absent(leaderboard: Path, submissions: Mapping[str, Submission]) -> int:
    """Removes records of submissions or bytes that main no longer has, and of datasets they have left.

    A record of other bytes is removed even if this runner cannot score the new ones: no row is better than a
    row for predictions that no longer exist.
    """
    n_removed = 0
    for path in sorted((leaderboard / "records").glob("*/*/*.json")):
        team, _, model = path.stem.partition("__")
        dataset, track = path.parts[-3], path.parts[-2]
        entry = submissions.get(f"{team}/{model}")
        stays = entry is not None and dataset in entry.files and track in entry.files[dataset].tracks
        if team == TEAM or (
            stays and entry is not None and _digest(path, dataset, track) == entry.files[dataset].sha256
        ):
            continue
        path.unlink()
        studies_path(leaderboard, dataset, track, team, model).unlink(missing_ok=True)
        (leaderboard / "cases" / dataset / track / path.name).unlink(missing_ok=True)
        n_removed += 1
    return n_removed


def _digest(path: Path, dataset: str, track: str) -> str:
    return load_record(path, Board(get_dataset(dataset), track)).provenance.predictions_sha256


def gather(leaderboard: Path, bundle: Path, root: Path) -> None:
    """Rebuilds the bundle from what may leave the runner, and checks it; `root`: the checkout's submissions."""
    shutil.rmtree(bundle, ignore_errors=True)
    for path in sorted(p for p in leaderboard.rglob("*") if p.is_file()):
        name = path.relative_to(leaderboard).as_posix()
        if ALLOWED.fullmatch(name):
            write_bytes(bundle / name, path.read_bytes())
    check_bundle(bundle, root.resolve().parent)
    tree = git(root.resolve().parent / ".git", "rev-parse", f"HEAD:{root.name}").decode().strip()
    write_text(bundle / "bundle.json", dump_json({"schema": BUNDLE_SCHEMA, "submissions": tree}))
