"""`rexrank demo`: the whole job on the sandbox, offline, from nothing."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from evaluator import rendering
from evaluator.commands.board import print_table, rank_all
from evaluator.commands.submit import validate_paths
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import get_dataset
from evaluator.files import write_text
from evaluator.problems import RexrankError
from evaluator.progress import progress
from evaluator.runs import ScoreSettings, score_submission
from evaluator.sandbox.broken import write_broken
from evaluator.sandbox.generate import submission_files


def run_demo(out: Path, *, serve: bool) -> int:
    """0 after validating, scoring, ranking and building the site of the sandbox in `out`."""
    started = time.monotonic()
    _prepare(out)
    submissions = out / "submissions"
    _step(1, "Validate the four sandbox submissions")
    for path, text in submission_files().items():
        write_text(submissions / path, text)
    report = validate_paths([submissions], None)
    print(rendering.as_text(report, colour=False))
    if not report.ok:
        raise RexrankError("the sandbox's own submissions are not valid; this is a fault of ours.")
    _step(2, "Refuse a broken one, naming every problem at once")
    broken = write_broken(out / "broken")
    print(rendering.as_text(validate_paths([broken], None), colour=False))
    _step(3, "Score with every metric that can run here (small stand-in weights)")
    settings = _settings(out)
    dataset = get_dataset("sandbox")
    references = load_references(dataset, None)
    leaderboard = out / "leaderboard"
    if Path("leaderboard/reported").is_dir():
        shutil.copytree("leaderboard/reported", leaderboard / "reported")
    for found in report.found:
        assert found.submission is not None
        with progress() as show:
            score_submission(found.submission, dataset, references, leaderboard, settings, show)
        print(f"  scored {found.team}/{found.model}")
    _step(4, "Rank: ranges, intervals, ties")
    tables = rank_all(leaderboard, out / "store", rehearsal=True)
    for table in tables:
        print_table(table)
    _step(5, "Build the site")
    from evaluator.pages.build import build

    site = out / "site"
    build(leaderboard, Path("mkdocs.yml"), site)
    print(f"\nDone in {time.monotonic() - started:.0f} s. Look at:")
    print(f"  {site / 'index.html'}   (or: rexrank demo --serve)")
    print(f"  {leaderboard / 'tables'}   CSV, JSON and Markdown tables")
    if serve:
        _serve(site)
    return 0


def _prepare(out: Path) -> None:
    """An empty folder that this command made; refuses to empty one that it did not."""
    mark = out / ".rexrank-demo"
    if out.exists() and any(out.iterdir()) and not mark.exists():
        raise RexrankError(f"{out} is not empty and not of an earlier demo. Give another folder with --out.")
    for name in ("submissions", "broken", "leaderboard", "site"):
        shutil.rmtree(out / name, ignore_errors=True)
    write_text(mark, "This folder was made by rexrank demo and may be emptied by it.\n")


def _step(number: int, title: str) -> None:
    print(f"\n== {number}. {title}\n")


def _settings(out: Path) -> ScoreSettings:
    settings = ScoreSettings(store=out / "store")
    if find_spec("torch") is None:
        print(
            "  torch is not installed: only the lexical metrics run. For all of them: pip install -e '.[score]'\n"
        )
        return replace(settings, models=out / "models")
    from evaluator.sandbox.standins import build

    return replace(settings, models=build(out / "models"))


def _serve(site: Path) -> None:
    from evaluator.pages.build import serve_folder

    serve_folder(site, 8000)
