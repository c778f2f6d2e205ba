"""`rexrank validate`, `convert` and `new`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluator.core.files import write_text
from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import dump_predictions
from evaluator.submissions import outcome as rendering
from evaluator.submissions.convert import convert
from evaluator.submissions.reading import validate_paths
from evaluator.submissions.rules.files import CARD_NAME
from evaluator.submissions.submission import Submission
from evaluator.submissions.template import card_template


def run_validate(paths: Sequence[Path], form: str, references: Path | None) -> int:
    """0 when everything is valid, 1 when not; prints the report in the form asked for."""
    report = validate_paths(paths, references)
    if form == "json":
        sys.stdout.write(rendering.as_json(report))
    elif form == "github":
        sys.stdout.write(rendering.as_github(report))
    elif form == "markdown":
        sys.stdout.write(rendering.as_markdown(report))
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        sys.stdout.write(rendering.as_text(report, colour=colour))
    return 0 if report.ok else 1


def load_valid(folder: Path) -> Submission | None:
    """The submission of a folder, or `None` after printing what is wrong with it."""
    report = validate_paths([folder], None)
    if report.ok and len(report.found) == 1:
        return report.found[0].submission
    if report.ok:
        raise RexrankError(
            f"{folder} holds {len(report.found)} submissions; give one: submissions/TEAM/MODEL."
        )
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    sys.stderr.write(rendering.as_text(report, colour=colour))
    return None


def run_convert(source: Path, dataset_id: str, out: Path) -> int:
    """0 after writing the predictions; prints what could not be split."""
    dataset = get_dataset(dataset_id)
    converted = convert(source)
    path = out if out.suffix == ".json" else out / f"{dataset.id}.json"
    write_text(path, dump_predictions(converted.reports))
    print(f"wrote {path}: {len(converted.reports):,} studies")
    for note in converted.notes:
        print(f"  {note}")
    print(f"Next: rexrank validate {path.parent}")
    return 0


def run_new(root: Path, team: str, model: str) -> int:
    """0 after writing a template; refuses to overwrite and refuses names that none may have."""
    from evaluator.submissions.rules.files import name_wanted, suggest_slug

    for name in (team, model):
        wanted = name_wanted(name)
        if wanted is not None:
            print(f"{name!r} cannot be a folder's name. Wanted: {wanted}. Try {suggest_slug(name)!r}.")
            return 1
    path = root / team / model / CARD_NAME
    if path.exists():
        print(f"{path} is there already; nothing was changed.")
        return 1
    write_text(path, card_template(team, model))
    print(f"wrote {path}")
    print("Next: fill it in, then add your predictions with:")
    print(f"  rexrank convert PREDICTIONS --dataset iu-xray --out {path.parent}")
    return 0
