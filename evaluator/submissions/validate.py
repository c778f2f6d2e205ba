"""All rules over a whole tree: every problem of every file in one pass, and the valid submissions."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from evaluator.core.files import sha256_bytes
from evaluator.core.problems import Problems
from evaluator.datasets.registry import Dataset, dataset_ids, get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.submissions.model_card import ModelCard
from evaluator.submissions.parsing import UNUSABLE, decode, parse_json, parse_yaml
from evaluator.submissions.rules import card as cards
from evaluator.submissions.rules import coverage, files, structure
from evaluator.submissions.submission import Predictions, Submission
from evaluator.submissions.task_predictions import predictions_of
from evaluator.submissions.tree import Tree

Manifest = Callable[[Dataset], Collection[str] | None]


@dataclass(frozen=True, slots=True)
class FileSummary:
    """Counts of a prediction file, for people and comments.

    `studies`: its predictions. Lengths in words: `None` for a file without any, and if predictions are not
    texts.
    """

    dataset: str
    studies: int
    tracks: tuple[str, ...]
    empty: int
    distinct: int
    median_words: int | None
    longest_words: int | None
    sha256: str


@dataclass(frozen=True, slots=True)
class FolderResult:
    """The checks' result for one submission folder; `submission` only if it is valid."""

    folder: str
    team: str
    model: str
    submission: Submission | None
    files: tuple[FileSummary, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a validation."""

    problems: Problems
    found: tuple[FolderResult, ...] = field(default_factory=tuple)

    @property
    def ok(self) -> bool:
        """Whether there is at least one submission and no error."""
        return self.problems.ok and bool(self.found)


def submission_folders(tree: Tree, root: str) -> list[str]:
    """The submission folders at or below `root`.

    Below a folder `submissions` they are two levels down; anything else there is reported by `check_strays`.
    Elsewhere they are the folders that contain files, at most two levels down from `root`.
    """
    parts = root.split("/")
    if parts[0] == "submissions":
        level = [root] if len(parts) <= 3 else []
        for _ in range(3 - len(parts)):
            level = [e.path for f in level for e in tree.children(f) if e.kind == "directory"]
        return level

    def holds_files(folder: str) -> bool:
        return any(e.kind != "directory" and e.name != "README.md" for e in tree.children(folder))

    level = [root]
    for _ in range(3):
        here = [f for f in level if holds_files(f)]
        if here:
            return here + [f for f in level if f not in here and not holds_files(f) and tree.children(f)]
        level = [e.path for f in level for e in tree.children(f) if e.kind == "directory"]
    return []


def validate(tree: Tree, folders: Collection[str], manifest: Manifest) -> Report:
    """The problems of these submission folders, and the submissions that have none.

    `manifest` gives the ids a dataset's predictions must cover, or `None` if they are not known.
    """
    problems = Problems()
    files.check_strays(tree, folders, problems)
    entries = tuple(_validate_folder(tree, folder, manifest, problems) for folder in sorted(folders))
    return Report(problems, entries)


def _validate_folder(tree: Tree, folder: str, manifest: Manifest, problems: Problems) -> FolderResult:
    before = problems.n_errors
    files.check_slugs(folder, problems)
    files.check_kinds(tree, folder, problems)
    files.check_names(tree, folder, dataset_ids(), problems)
    files.check_present(tree, folder, problems)
    card: ModelCard | None = None
    predictions: dict[str, Predictions] = {}
    for entry in tree.children(folder):
        if entry.kind != "file":
            continue
        name = entry.name.removesuffix(".json")
        if entry.name == files.CARD_NAME:
            data = files.read_bounded(entry, files.MAX_CARD_BYTES, problems)
            card = _card(entry.path, data, problems)
        elif entry.name.endswith(".json") and name in dataset_ids():
            data = files.read_bounded(entry, files.MAX_PREDICTIONS_BYTES, problems)
            if data is not None:
                predictions[name] = check_predictions(entry.path, data, get_dataset(name), manifest, problems)
    *_, team, model = ["", *folder.split("/")]
    valid = problems.n_errors == before
    submission = Submission(team, model, card, predictions) if valid and card is not None else None
    return FolderResult(folder, team, model, submission, tuple(describe(p) for p in predictions.values()))


def _card(file: str, data: bytes | None, problems: Problems) -> ModelCard | None:
    """The card of a file, `None` after reporting what is wrong with it."""
    content = decode(file, data, problems) if data is not None else None
    value = parse_yaml(file, content, problems) if content is not None else UNUSABLE
    if value is UNUSABLE or not cards.check_card(file, content or "", value, problems):
        return None
    return ModelCard.model_validate(value)


def check_predictions(
    file: str, data: bytes, dataset: Dataset, manifest: Manifest, problems: Problems
) -> Predictions:
    """The predictions in a file's bytes as far as they can be read, after reporting every problem."""
    digest = sha256_bytes(data)
    form = predictions_of(get_task(dataset.task))
    content = decode(file, data, problems)
    value = parse_json(file, content, problems) if content is not None else UNUSABLE
    if content is None or value is UNUSABLE:
        return Predictions(dataset.id, {}, digest)
    items = form.shape(file, content, value, dataset, problems)
    if isinstance(value, dict):
        coverage.check_coverage(
            file,
            value,
            manifest(dataset),
            dataset,
            problems,
            text=content,
        )
    if isinstance(value, dict) and (items or not value):
        structure.check_order(file, content, list(value), problems)
        form.content(file, content, items, dataset, problems)
    return Predictions(dataset.id, items, digest)


def describe(predictions: Predictions) -> FileSummary:
    """The counts of a prediction file."""
    task = get_task(get_dataset(predictions.dataset).task)
    words = predictions_of(task).free_text
    texts = [tuple(p.fields.values()) for p in predictions.items.values()]
    lengths = sorted(sum(len(t.split()) for t in prediction) for prediction in texts) if words else []
    return FileSummary(
        dataset=predictions.dataset,
        studies=len(texts),
        tracks=predictions.tracks,
        empty=predictions.n_empty,
        distinct=len(set(texts)),
        median_words=lengths[len(lengths) // 2] if lengths else None,
        longest_words=lengths[-1] if lengths else None,
        sha256=predictions.sha256,
    )
