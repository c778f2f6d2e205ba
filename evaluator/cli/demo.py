"""`rexrank demo`: the whole pipeline on the sandbox, offline, from scratch."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from evaluator.cli.board import print_table
from evaluator.cli.output import result
from evaluator.cli.progress import progress
from evaluator.core.files import write_text
from evaluator.core.problems import InputError, RexrankError
from evaluator.core.workspace import LEADERBOARD
from evaluator.datasets.challenge import challenge
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import Dataset, dataset_ids, get_dataset
from evaluator.datasets.sandbox.broken import write_broken
from evaluator.datasets.sandbox.generate import submission_files
from evaluator.leaderboard.rank import rank_all
from evaluator.scoring.baselines import score_baselines
from evaluator.scoring.run import ScoreSettings, score_submission
from evaluator.submissions import outcome as rendering
from evaluator.submissions.reading import validate_paths
from evaluator.submissions.submission import Submission

CONFIG: Final = Path("mkdocs.yml")


def run_demo(out: Path, *, serve: bool) -> int:
    """0 after validating, scoring, ranking and building the site of the sandbox in `out`.

    Raises `InputError` outside a checkout and for a folder that is not empty, `RexrankError` for an internal
    failure.
    """
    start = time.monotonic()
    if not CONFIG.is_file():
        url = challenge().repository_url
        raise InputError(
            "the demo builds the site from the repository's own pages, and this folder is not a checkout. Run:\n"
            f"  git clone {url} && cd {url.rpartition('/')[2]} && python3 run.py demo"
        )
    _prepare(out)
    submissions = out / "submissions"
    _step(1, "Validate the sandbox's submissions: reports, and answers to questions")
    for path, text in submission_files().items():
        write_text(submissions / path, text)
    report = validate_paths([submissions], None)
    print(rendering.as_text(report, colour=False))
    if not report.ok:
        raise RexrankError("the sandbox's own submissions are not valid; this is a bug.")
    _step(2, "Refuse a broken one, listing every problem at once")
    broken = write_broken(out / "broken")
    print(rendering.as_text(validate_paths([broken], None), colour=False))
    _step(3, "Score with every metric that can run here (small stand-in weights and judge)")
    settings = _settings(out)
    leaderboard = out / "leaderboard"
    if (LEADERBOARD / "reported").is_dir():
        shutil.copytree("leaderboard/reported", leaderboard / "reported")
    with _judge(settings) as settings:
        for dataset in (d for d in map(get_dataset, dataset_ids()) if d.synthetic):
            entered = [
                f.submission for f in report.found if f.submission and dataset.id in f.submission.files
            ]
            _score(dataset, entered, leaderboard, settings)
    _step(4, "Rank: ranges, intervals, ties")
    tables = rank_all(leaderboard, out / "store", rehearsal=True)
    for table in tables:
        print_table(table)
    _step(5, "Build the site")
    from evaluator.site.build import build

    site = out / "site"
    build(leaderboard, CONFIG, site)
    result({"site": str(site / "index.html"), "tables": str(leaderboard / "tables")})
    print(f"\nDone in {time.monotonic() - start:.0f} s. Look at:")
    print(f"  {site / 'index.html'}   (or: rexrank demo --serve)")
    print(f"  {leaderboard / 'tables'}   CSV, JSON and Markdown tables")
    if serve:
        _serve(site)
    return 0


def _score(
    dataset: Dataset, submissions: Sequence[Submission], leaderboard: Path, settings: ScoreSettings
) -> None:
    """Scores submissions and baselines of one dataset."""
    references = load_references(dataset, None)
    with progress() as show:
        for submission in submissions:
            score_submission(submission, dataset, references, leaderboard, settings, show)
            print(f"  {dataset.id}: scored {submission.team}/{submission.model}")
        score_baselines(references, leaderboard, settings, progress=show)
        print(f"  {dataset.id}: scored the baselines and sanity-checked the metrics")


def _prepare(out: Path) -> None:
    """An empty folder created by this command; refuses to empty any other."""
    mark = out / ".rexrank-demo"
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is not a folder. Choose another with --out.")
    if out.exists() and any(out.iterdir()) and not mark.exists():
        raise InputError(
            f"{out} is not empty and was not created by an earlier demo. Choose another folder with --out."
        )
    for name in ("submissions", "broken", "leaderboard", "site"):
        shutil.rmtree(out / name, ignore_errors=True)
    write_text(mark, "This folder was created by rexrank demo, which may empty it.\n")


def _step(number: int, title: str) -> None:
    print(f"\n== {number}. {title}\n")


def _settings(out: Path) -> ScoreSettings:
    settings = ScoreSettings(store=out / "store")
    if find_spec("torch") is None:
        print(
            "  torch is not installed: only the lexical metrics run. For all of them: pip install -e '.[score]'\n"
        )
        return replace(settings, models=out / "models")
    import torch

    from evaluator.datasets.sandbox.shipped_weights import shipped_models

    # The stand-ins are tiny: one thread is fastest, and two collapse on a machine that is busy.
    torch.set_num_threads(1)
    return replace(settings, models=shipped_models())


@contextmanager
def _judge(settings: ScoreSettings) -> Iterator[ScoreSettings]:
    """The settings with a stand-in judge that answers from the sandbox's own facts, over real HTTP."""
    if find_spec("openai") is None:
        yield settings
        return
    from evaluator.datasets.sandbox.facts import facts_of
    from evaluator.metrics.judges import by_metric, stand_in_reply
    from evaluator.models.judges.settings import JudgeSettings
    from evaluator.models.judges.stub_server import MODEL, stand_in_judge

    with stand_in_judge(stand_in_reply(facts_of)) as url:
        yield replace(settings, judges=by_metric(JudgeSettings(url, MODEL, stand_in=True)))


def _serve(site: Path) -> None:
    from evaluator.site.build import serve_folder

    serve_folder(site, 8000)
