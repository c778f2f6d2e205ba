"""`rexrank score`, `baseline` and `merge`, and the metrics and judges named on the command line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.cli.exit_codes import each
from evaluator.cli.output import add_results, result
from evaluator.cli.progress import progress
from evaluator.core.problems import ExitCode, InputError
from evaluator.core.workspace import references_directory, store_directory
from evaluator.datasets.challenge import challenge
from evaluator.datasets.references import References, load_references
from evaluator.datasets.registry import Dataset, get_dataset
from evaluator.datasets.tasks.task import get_task, track_title
from evaluator.metrics.registry import metric_keys
from evaluator.scoring.record import Record
from evaluator.scoring.records import Board, typed_record
from evaluator.scoring.run import ScoreSettings
from evaluator.submissions.reading import earlier_predictions

if TYPE_CHECKING:
    from evaluator.datasets.tasks.task import Prediction
    from evaluator.models.judges.settings import JudgeSettings
    from evaluator.submissions.submission import Submission


def known_keys(keys: Sequence[str]) -> None:
    """Nothing; raises `InputError` with the nearest name for a metric that does not exist."""
    import difflib

    for key in keys:
        if key not in metric_keys():
            near = difflib.get_close_matches(key, metric_keys(), n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise InputError(f"there is no metric {key!r}.{hint} Known: {', '.join(metric_keys())}.")


def judge_settings(
    url: str, model: str, revision: str, key_env: str, hosted_ok: Sequence[str], file: Path | None = None
) -> dict[str, JudgeSettings]:
    """The judges given on the command line, by metric; raises `InputError` for an incomplete one."""
    from evaluator.metrics.judges import by_metric, read_judges
    from evaluator.models.judges.config import JUDGE_ADDRESS
    from evaluator.models.judges.settings import JudgeSettings

    if file is not None:
        if url or model or revision or key_env or hosted_ok:
            raise InputError("--judges configures the judges completely; omit the other judge options.")
        return dict(read_judges(file).settings)
    if not url and not model:
        return {}
    if not url or not model:
        raise InputError("a judge needs both --judge-url and --judge-model.")
    if not re.fullmatch(JUDGE_ADDRESS, url):
        raise InputError(f"--judge-url {url!r}: wanted an address such as http://127.0.0.1:8001/v1.")
    for dataset in hosted_ok:
        get_dataset(dataset)
    judge = JudgeSettings(
        base_url=url,
        model=model,
        revision=revision,
        api_key_env=key_env,
        hosted_ok_for=frozenset(hosted_ok),
    )
    return by_metric(judge)


def run_score(
    folder: Path,
    datasets: Sequence[str],
    references_dir: Path | None,
    leaderboard: Path,
    settings: ScoreSettings,
    shard: str,
    *,
    over_quota: bool = False,
    named: bool = False,
    ray: str = "",
    own_cluster: bool = False,
) -> int:
    """0 after scoring, 1 if the submission is invalid, 3 if a requested dataset or metric is missing.

    Raises `RexrankError` if nothing could be scored. `named`: the metrics were requested by name. `ray`: the
    address of a Ray cluster where models run; `own_cluster`: it may see references that are not public.
    """
    known_keys(settings.metrics)
    submission, datasets_here = _load(folder, datasets)
    if submission is None:
        return ExitCode.INPUT
    if named and not datasets:
        datasets_here = _fitting(datasets_here, settings.metrics)
    part = parse_shard(shard)
    if ray:
        from evaluator.scoring.ray_cluster import ray_cluster

        _check_cluster(datasets_here, own_cluster=own_cluster)
        with ray_cluster(ray, settings.device) as cluster:
            return run_score(
                folder,
                datasets,
                references_dir,
                leaderboard,
                replace(settings, cluster=cluster),
                shard,
                over_quota=over_quota,
                named=named,
            )

    def work(dataset: Dataset) -> ExitCode:
        references = load_references(dataset, references_directory(references_dir))
        if part is None:
            earlier = earlier_predictions(folder, submission, dataset)
            with _counted(submission, dataset, settings, over_quota=over_quota):
                missing = _score_whole(submission, dataset, references, leaderboard, settings, earlier)
        else:
            missing = _score_part(submission, dataset, references, settings, part)
        return ExitCode.PARTIAL if named and missing else ExitCode.DONE

    return each(datasets_here, work)


def _fitting(datasets: Sequence[Dataset], metrics: Sequence[str]) -> list[Dataset]:
    """The datasets whose task has one of the metrics, or all if none has; the others are listed on standard error."""
    from evaluator.metrics.registry import fits

    fitting = [d for d in datasets if any(fits(k, Board(d, t).task, t) for k in metrics for t in d.tracks)]
    for dataset in [d for d in datasets if d not in fitting] if fitting else []:
        print(f"{dataset.id}: skipped: none of the given metrics applies to its task", file=sys.stderr)
    return fitting or list(datasets)


def _check_cluster(datasets: Sequence[Dataset], *, own_cluster: bool) -> None:
    """Nothing; raises `InputError` for references that a Ray cluster may not see."""
    private = [d.id for d in datasets if not d.exposure.studies]
    if private and not own_cluster:
        raise InputError(
            f"the references of {', '.join(private)} are not public, and anyone with access to a Ray cluster can read them. Score without --ray, or add --own-cluster if everyone with access may read them."
        )


@contextmanager
def _counted(
    submission: Submission, dataset: Dataset, settings: ScoreSettings, *, over_quota: bool
) -> Iterator[None]:
    """The team's run on a withheld dataset, counted by the runner's ledger."""
    from evaluator.scoring.ledger import Entrant
    from evaluator.scoring.quota import QuotaError, counted

    digest = submission.files[dataset.id].sha256
    store, policy = store_directory(settings.store), challenge().quota
    try:
        free = {digest} if over_quota else ()
        with counted(store, Entrant(submission.team), [(dataset, digest)], policy, over_quota=free):
            yield
    except QuotaError as error:
        raise InputError(f"{error} A maintainer can allow one more: --over-quota.") from error


def parse_shard(text: str) -> tuple[int, int] | None:
    """(2, 8) for "2/8", `None` for an empty string; raises `InputError` for another form."""
    if not text:
        return None
    index, stroke, count = text.partition("/")
    if not (stroke and index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise InputError(f"--shard {text!r}: wanted i/n with 1 ≤ i ≤ n, for example 2/8.")
    return int(index), int(count)


def _load(folder: Path, names: Sequence[str]) -> tuple[Submission | None, list[Dataset]]:
    from evaluator.cli.submit import load_valid

    submission = load_valid(folder)
    if submission is None:
        return None, []
    absent = [n for n in names if n not in submission.files]
    if absent:
        here = ", ".join(submission.files) or "none"
        raise InputError(f"{folder} has no predictions for {', '.join(absent)}; it has: {here}.")
    return submission, [get_dataset(n) for n in (names or list(submission.files))]


def _score_whole(
    submission: Submission,
    dataset: Dataset,
    references: References,
    leaderboard: Path,
    settings: ScoreSettings,
    earlier: Mapping[str, Mapping[str, Prediction]],
) -> bool:
    """Whether a metric is missing from a record."""
    from evaluator.scoring.run import score_submission

    with progress() as show:
        paths = score_submission(submission, dataset, references, leaderboard, settings, show, earlier)
    missing = False
    for path in paths:
        record = typed_record(path)
        missing |= bool(record.missing)
        print(
            f"{record.team}/{record.model} on {dataset.title}, {track_title(record.track)} (n = {record.n}):"
        )
        print(summary(record))
        print(f"  record: {path}")
    add_results([str(path) for path in paths])
    return missing


def summary(record: Record) -> str:
    """A record's means and intervals, and what is missing and why, as indented lines."""
    lines = []
    for key, entry in record.metrics.items():
        span = "" if entry.low is None else f"  [{entry.low:.4f}, {entry.high:.4f}]"
        failed = f"  {entry.n_failed} failed, counted as worst" if entry.n_failed else ""
        lines.append(f"  {key:<14} {entry.mean:>9.4f}{span}{failed}")
    lines += [f"  {key:<14} not computed: {reason}" for key, reason in record.missing.items()]
    if record.stand_in:
        lines.append("  Some weights are stand-ins or unverified: this is a rehearsal, not a result.")
    return "\n".join(lines)


def _score_part(
    submission: Submission,
    dataset: Dataset,
    references: References,
    settings: ScoreSettings,
    part: tuple[int, int],
) -> bool:
    """Whether a metric is missing from a shard; each is named on standard error."""
    from evaluator.scoring.run import board_pairs, score_board
    from evaluator.scoring.shards import write_shard

    predictions = submission.files[dataset.id]
    missing = False
    for track in predictions.tracks:
        board = Board(dataset, track)
        pairs = board_pairs(board, references, predictions.items, settings.protocol)
        with progress() as show:
            scored = score_board(board, pairs, settings, show, part)
        path = write_shard(settings, board, submission, scored, part)
        add_results([str(path)])
        missing |= bool(scored.unavailable)
        print(f"shard {part[0]}/{part[1]} of {board.name}: {len(scored.ids)} {board.task.items}, {path}")
        for key, reason in scored.unavailable.items():
            print(f"  {key}: not computed: {reason}", file=sys.stderr)
    return missing


def run_baseline(
    dataset_id: str,
    references_dir: Path | None,
    leaderboard: Path,
    settings: ScoreSettings,
    *,
    named: bool = False,
) -> int:
    """0 after scoring the baselines of a dataset and probing its metrics' sanity, 3 if a metric is missing.

    `named`: the metrics were requested by name.
    """
    from evaluator.scoring.baselines import score_baselines, training_data

    known_keys(settings.metrics)
    directory = references_directory(references_dir)
    references = load_references(get_dataset(dataset_id), directory)
    training = training_data(dataset_id, directory)
    with progress() as show:
        paths = score_baselines(references, leaderboard, settings, training, show)
    result([str(path) for path in paths])
    for path in paths:
        print(path)
    rows = get_task(get_dataset(dataset_id).task).baselines
    absent = [title for slug, title in rows.items() if not any(p.stem.endswith(f"__{slug}") for p in paths)]
    if absent:
        print(f"not available without {dataset_id}.train.json next to the references: {', '.join(absent)}.")
    missing = _missing(paths)
    for key, reason in missing.items():
        print(f"{key}: not computed: {reason}", file=sys.stderr)
    return ExitCode.PARTIAL if named and missing else ExitCode.DONE


def _missing(paths: Sequence[Path]) -> dict[str, str]:
    """Why metrics are missing from the records among these files, by metric."""
    values = [json.loads(p.read_text("utf-8")) for p in paths]
    return {key: reason for value in values for key, reason in value.get("missing", {}).items()}


def run_merge(
    folder: Path,
    dataset_id: str,
    references_dir: Path | None,
    leaderboard: Path,
    settings: ScoreSettings,
    *,
    over_quota: bool = False,
) -> int:
    """0 after writing the records of a submission whose shards are all in the store; 1 if it is invalid."""
    from evaluator.scoring.shards import merge_shards

    submission, datasets = _load(folder, [dataset_id])
    if submission is None:
        return 1
    references = load_references(datasets[0], references_directory(references_dir))
    with _counted(submission, datasets[0], settings, over_quota=over_quota):
        earlier = earlier_predictions(folder, submission, datasets[0])
        paths = merge_shards(submission, datasets[0], references, leaderboard, settings, earlier)
    result([str(path) for path in paths])
    for path in paths:
        print(f"merged: {path}")
    return 0
