"""The scoring program of a Codabench bundle: one submission on one board, with the evaluator in its image.

Codabench puts the program in `/app/program`, the submission in `/app/input/res` and the references in
`/app/input/ref`, and reads `/app/output/scores.json`: see
https://docs.codabench.org/latest/Developers_and_Administrators/Submission-Docker-Container-Layout/
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from evaluator.core.files import write_text
from evaluator.core.problems import InputError, Problems, RexrankError
from evaluator.core.typed import Typed
from evaluator.core.version import __version__
from evaluator.datasets.protocol import ProtocolName
from evaluator.datasets.references import References, load_references
from evaluator.datasets.registry import Dataset, get_dataset
from evaluator.datasets.tasks.task import track_title
from evaluator.scoring.corpus import value_of
from evaluator.scoring.engine import Scored
from evaluator.scoring.record import MetricEntry
from evaluator.scoring.records import Board, published_numbers
from evaluator.scoring.run import ScoreSettings, board_pairs, score_board
from evaluator.submissions.outcome import problem_text
from evaluator.submissions.rules import files
from evaluator.submissions.submission import Predictions
from evaluator.submissions.tree import read_directory
from evaluator.submissions.validate import check_predictions

SETTINGS: Final = "settings.json"


class Settings(Typed):
    """What a bundle scores: a board, its metrics, and the version of the evaluator that scores them."""

    dataset: str
    track: str
    metrics: Annotated[tuple[str, ...], Field(strict=False)]
    protocol: ProtocolName
    evaluator_version: str


def main(program: Path, given: Path, output: Path) -> int:
    """0 after writing `scores.json` to `output`; 1 after saying why not, with nothing written."""
    try:
        scores = score(program, given)
    except RexrankError as error:
        sys.stderr.write(f"not scored: {error}\n")
        return 1
    write_text(output / "scores.json", json.dumps(scores, indent=1) + "\n")
    sys.stdout.write(f"scored with evaluator {__version__}: {', '.join(scores)}\n")
    return 0


def score(program: Path, given: Path) -> dict[str, float]:
    """The means of the bundle's metrics, in steps if the references are not public.

    Raises `InputError` for a file that does not enter the track, `RexrankError` for another version of the evaluator, a file that breaks a rule, a metric that cannot run here,
    and stand-in weights on a real dataset.
    """
    settings = Settings.model_validate_json((program / SETTINGS).read_bytes())
    if settings.evaluator_version != __version__:
        raise RexrankError(
            f"the image has evaluator {__version__}, the bundle requires {settings.evaluator_version}. "
            "Rebuild the image, or export the bundle again."
        )
    board = Board(get_dataset(settings.dataset), settings.track)
    references = load_references(board.dataset, given / "ref")
    predictions = read_submission(given / "res", board.dataset, references)
    if board.track not in predictions.tracks:
        raise InputError(
            f"the file does not enter the {track_title(board.track)} track: a section that it needs is missing."
        )
    pairs = board_pairs(board, references, predictions.items, settings.protocol)
    with tempfile.TemporaryDirectory(prefix="rexrank-") as store:
        how = ScoreSettings(metrics=settings.metrics, protocol=settings.protocol, store=Path(store))
        scored = score_board(board, pairs, how)
    _check(board, scored)
    return {key: published_numbers(board, _entry(scored, key)).mean for key in settings.metrics}


def _entry(scored: Scored, key: str) -> MetricEntry:
    """A metric's mean without an interval, which Codabench has no column for."""
    scores = scored.scores[key]
    return MetricEntry(
        mean=value_of(key, scores),
        se=None,
        low=None,
        high=None,
        n=len(scored.ids),
        n_failed=int(scores.failed.sum()),
        signature=str(scored.signatures[key]),
    )


def read_submission(folder: Path, dataset: Dataset, references: References) -> Predictions:
    """The predictions in a participant's folder; raises `InputError` with every problem of the file."""
    tree = read_directory(folder, folder.name)
    name = f"{folder.name}/{dataset.id}.json"
    problems = Problems()
    files.check_kinds(tree, folder.name, problems)
    entry = tree.get(name)
    data = None
    if entry is None:
        there = ", ".join(e.name for e in tree.children(folder.name)[:5]) or "nothing"
        raise InputError(f"the archive contains {there}; wanted {dataset.id}.json at its root.")
    if entry.kind == "file":
        data = files.read_bounded(entry, files.MAX_PREDICTIONS_BYTES, problems)

    def ids(_: Dataset) -> Collection[str]:
        return references.studies

    predictions = check_predictions(name, data, dataset, ids, problems) if data is not None else None
    if predictions is None or not problems.ok:
        raise InputError(f"the file breaks rules.\n{problem_text(problems, colour=False)}")
    return predictions


def _check(board: Board, scored: Scored) -> None:
    """Raises `RexrankError` if a score would be missing or invalid."""
    if scored.unavailable:
        reasons = "; ".join(f"{key}: {why}" for key, why in scored.unavailable.items())
        raise RexrankError(f"the image cannot compute every metric of the board ({reasons}).")
    if not board.dataset.synthetic and any(not s.trusted for s in scored.signatures.values()):
        raise RexrankError("the image has stand-in or unverified weights, which may score only the sandbox.")
