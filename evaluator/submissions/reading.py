"""Submissions on disk, read and checked, from named folders or from the repository."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from evaluator.core.problems import InputError, Problems
from evaluator.core.workspace import references_directory
from evaluator.datasets.references import known_ids
from evaluator.datasets.registry import Dataset
from evaluator.datasets.tasks.task import Prediction, get_task
from evaluator.submissions.parsing import decode, parse_json
from evaluator.submissions.rules.files import MAX_PREDICTIONS_BYTES
from evaluator.submissions.submission import Submission
from evaluator.submissions.task_predictions import predictions_of
from evaluator.submissions.tree import Tree, read_directory
from evaluator.submissions.validate import Report, submission_folders, validate


def validate_paths(paths: Sequence[Path], references: Path | None) -> Report:
    """The report on every submission at or below the paths. Raises `InputError` for a path without one."""
    directory = references_directory(references)

    def manifest(dataset: Dataset) -> Collection[str] | None:
        return known_ids(dataset, directory)

    entries = []
    folders = []
    for path in paths:
        path = path.parent if path.is_file() else path  # noqa: PLW2901 - a submission is checked whole
        if not path.is_dir():
            raise InputError(
                f"{path} is not a folder; give a submission folder, such as submissions/TEAM/MODEL."
            )
        place = _shown(path)
        tree = read_directory(path, place)
        entries += list(tree.values())
        folders += submission_folders(tree, place)
    return validate(Tree(entries), set(folders), manifest)


def _shown(path: Path) -> str:
    """The path as shown in reports: from `submissions` on if it contains that, else its last two parts."""
    parts = path.resolve().parts
    if "submissions" in parts:
        start = len(parts) - 1 - parts[::-1].index("submissions")
        return "/".join(parts[start:])
    return "/".join(parts[-2:])


def read_predictions(path: Path, dataset: Dataset) -> dict[str, Prediction] | None:
    """The predictions of a file that is already in the repository; `None` if it is not valid."""
    return parse_predictions(path.name, _bytes(path), dataset)


def _bytes(path: Path) -> bytes:
    """A file's bytes; empty for one that cannot be read or is larger than predictions may be."""
    try:
        return path.read_bytes() if path.stat().st_size <= MAX_PREDICTIONS_BYTES else b""
    except OSError:
        return b""


def parse_predictions(name: str, data: bytes, dataset: Dataset) -> dict[str, Prediction] | None:
    """The predictions in a file's bytes; `None` if it is not valid."""
    problems = Problems()
    text = decode(name, data, problems)
    value = parse_json(name, text, problems) if text else None
    if not isinstance(value, dict) or not problems.ok:
        return None
    return predictions_of(get_task(dataset.task)).read(value)


Items = Mapping[str, Prediction]


class PredictionFiles(Mapping[str, Items]):
    """Predictions by `team/model`; each file is read on demand and not kept in memory, since a board has many.

    An invalid file counts as empty.
    """

    def __init__(self, dataset: Dataset, files: Mapping[str, Callable[[], bytes]]) -> None:
        """`files`: functions that return each file's bytes."""
        self._dataset = dataset
        self._files = dict(files)

    def __getitem__(self, name: str) -> Items:
        return parse_predictions(name, self._files[name](), self._dataset) or {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def only(self, names: Sequence[str]) -> PredictionFiles:
        """The same, restricted to `names`."""
        return PredictionFiles(self._dataset, {n: self._files[n] for n in names if n in self._files})


def earlier_predictions(folder: Path, submission: Submission, dataset: Dataset) -> PredictionFiles:
    """Predictions of the other submissions on the dataset, by `team/model`."""
    root = folder.resolve().parents[1]
    return submitted_predictions(root, dataset, f"{submission.team}/{submission.model}")


def submitted_predictions(root: Path, dataset: Dataset, own: str) -> PredictionFiles:
    """Predictions of every submission below `root` on a dataset except `own`, by `team/model`."""
    paths = {
        f"{p.parent.parent.name}/{p.parent.name}": p for p in sorted(root.glob(f"*/*/{dataset.id}.json"))
    }
    return PredictionFiles(dataset, {name: partial(_bytes, p) for name, p in paths.items() if name != own})
