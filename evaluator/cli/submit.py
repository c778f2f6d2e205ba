"""`rexrank validate`, `convert` and `new`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluator.cli.output import result
from evaluator.core.console import print_data
from evaluator.core.counts import count_text
from evaluator.core.files import write_text
from evaluator.core.problems import InputError, Problems, Severity, pointer
from evaluator.core.workspace import references_directory
from evaluator.datasets.references import References, known_ids, load_references
from evaluator.datasets.registry import example_dataset, get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.submissions import outcome as rendering
from evaluator.submissions.convert import Refused, Wanted
from evaluator.submissions.reading import validate_paths
from evaluator.submissions.rules.files import CARD_NAME, MAX_PREDICTIONS_BYTES
from evaluator.submissions.submission import Predictions, Submission
from evaluator.submissions.task_predictions import predictions_of
from evaluator.submissions.template import card_template
from evaluator.submissions.validate import Report


def run_validate(paths: Sequence[Path], form: str, references: Path | None) -> int:
    """0 if everything is valid, else 1; prints the report in the requested form."""
    report = validate_paths(paths, references)
    warn_of_copies(report, references)
    if form == "json":
        print_data(rendering.as_json(report))
    elif form == "github":
        sys.stdout.write(rendering.as_github(report))
    elif form == "markdown":
        sys.stdout.write(rendering.as_markdown(report))
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        sys.stdout.write(rendering.as_text(report, colour=colour))
    return 0 if report.ok else 1


def warn_of_copies(report: Report, references: Path | None) -> None:
    """Adds a warning (RX306) for every integrity check that would detect copies of the available references.

    Nothing is added without a directory of references. Raises `InputError` for a given one that does not
    exist, or has no references of the submissions' datasets.
    """
    directory = references_directory(references)
    if directory is None:
        return
    datasets = sorted({f.dataset for entry in report.found for f in entry.files})
    forms = ("json", "manifest.json")
    if (
        references is not None
        and datasets
        and not any((directory / f"{d}.{f}").is_file() for d in datasets for f in forms)
    ):
        wanted = ", ".join(f"{d}.json" for d in datasets) or "<dataset>.json"
        raise InputError(
            f"no references in {directory}: looked for {wanted}. Give the folder that contains them; a host who has references but no manifests there creates them with: rexrank data manifest DIR"
        )
    for entry in report.found:
        for dataset, predictions in (entry.submission.files if entry.submission else {}).items():
            if (directory / f"{dataset}.json").is_file():
                truth = load_references(get_dataset(dataset), directory)
                _add_copies(report.problems, f"{entry.folder}/{dataset}.json", predictions, truth)


def _add_copies(problems: Problems, file: str, predictions: Predictions, references: References) -> None:
    from evaluator.github.score_comment import OUTCOMES
    from evaluator.scoring.task_scoring import scoring_of

    for flag in scoring_of(get_task(references.dataset.task)).copies(predictions.items, references):
        problems.add(
            "RX306",
            file,
            severity=Severity.WARNING,
            pointer=pointer(flag.ids[0]) if flag.ids else "",
            found=f"{flag.code}: {flag.text} ({OUTCOMES[flag.outcome]})",
            wanted="reports written from the images alone",
            fix="check these studies; do not submit reports trained on or copied from the test set",
        )


def load_valid(folder: Path) -> Submission | None:
    """The submission of a folder, or `None` after printing what is wrong with it.

    Raises `InputError` for a folder with several.
    """
    report = validate_paths([folder], None)
    if report.ok and len(report.found) == 1:
        return report.found[0].submission
    if report.ok:
        raise InputError(
            f"{folder} contains {len(report.found)} submissions; give one: submissions/TEAM/MODEL."
        )
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    sys.stderr.write(rendering.as_text(report, colour=colour))
    return None


def run_convert(
    source: Path,
    dataset_id: str,
    out: Path,
    wanted: Wanted,
    references: Path | None = None,
    *,
    keep: bool = False,
    then: bool = True,
    shown: Path | None = None,
) -> int:
    """0 after writing the predictions and printing what was done (with `then`, also what is next).

    1 after saying why not. `shown`: the path that would be written, if `out` is only for a dry run.
    """
    dataset = get_dataset(dataset_id)
    directory = references_directory(references)
    task = get_task(dataset.task)
    is_here = directory is not None and (directory / f"{dataset.id}.json").is_file()
    try:
        form = predictions_of(task)
        predictions, notes = form.convert(
            source,
            dataset,
            known_ids(dataset, directory) or frozenset(),
            wanted=wanted,
            references=load_references(dataset, directory) if is_here else None,
            keep=keep,
        )
        text = _within_limit(form.dump(predictions))
    except Refused as refused:
        place = "" if str(source) in str(refused) else f"{source}: "
        print(f"rexrank: {place}{refused}", file=sys.stderr)
        print("Nothing was written.", file=sys.stderr)
        return 1
    path = out if out.suffix == ".json" else out / f"{dataset.id}.json"
    write_text(path, text)
    print(
        f"{'wrote' if shown is None else 'would write'} {(shown or path.parent) / path.name}: {count_text(len(predictions), task.item, task.items)}"
    )
    for note in notes:
        print(f"  {note}")
    result({"file": str(path), "studies": len(predictions), "notes": list(notes)})
    if then:
        print(f"Next: rexrank validate {path.parent}")
    return 0


def _within_limit(text: str) -> str:
    if len(text.encode("utf-8")) > MAX_PREDICTIONS_BYTES:
        raise Refused(
            f"the predictions take more than {MAX_PREDICTIONS_BYTES // 1_000_000} MB; does it have one per study or question?"
        )
    return text


def run_new(root: Path, team: str, model: str) -> int:
    """0 after writing a template; refuses to overwrite and refuses reserved names."""
    from evaluator.submissions.rules.files import name_wanted, suggest_slug

    for name in (team, model):
        wanted = name_wanted(name)
        if wanted is not None:
            print(f"{name!r} cannot be a folder name. Wanted: {wanted}. Try {suggest_slug(name)!r}.")
            return 1
    path = root / team / model / CARD_NAME
    if path.exists():
        print(f"{path} already exists; nothing was changed.")
        return 1
    write_text(path, card_template(team, model))
    result({"file": str(path)})
    print(f"wrote {path}")
    print("Next: fill it in, then add your predictions with:")
    print(f"  rexrank convert PREDICTIONS --dataset {example_dataset()} --out {path.parent}")
    return 0
