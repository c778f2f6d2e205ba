"""A participant's container run on images that cannot be shared: from a card and studies to a prediction file.

The container's output is untrusted: one regular file of bounded size is read as data and checked against
every rule for prediction files.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluator.core.files import write_text
from evaluator.core.problems import InputError, Problems
from evaluator.datasets.references import known_ids
from evaluator.datasets.registry import Dataset, get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.submissions.inference.engine import Engine, Limits, Mounts
from evaluator.submissions.inference.studies import handed, read_studies
from evaluator.submissions.model_card import ModelCard
from evaluator.submissions.parsing import UNUSABLE, decode, parse_yaml
from evaluator.submissions.rules.card import check_card
from evaluator.submissions.rules.files import CARD_NAME, MAX_CARD_BYTES, MAX_PREDICTIONS_BYTES
from evaluator.submissions.submission import Predictions
from evaluator.submissions.task_predictions import predictions_of
from evaluator.submissions.validate import check_predictions

PREDICTIONS: Final = "predictions.json"
LOG: Final = "inference.log"
SCORER: Final = ("/opt/rexrank", "/srv/rexrank", "/var/lib/rexrank")
"""Where runner/layout puts the scoring machine's programs, references and store."""
VARIABLES: Final = ("REXRANK_REFERENCES", "REXRANK_STORE")


@dataclass(frozen=True, slots=True)
class InferRequest:
    """What to run: the submission's folder with its card, the dataset, its studies and images, and where the log goes."""

    folder: Path
    dataset: str
    studies: Path
    images: Path
    log: Path


@dataclass(frozen=True, slots=True)
class InferResult:
    """The result: the problems of the predictions, and the file that was written; `None` if they break a rule."""

    image: str
    seconds: float
    problems: Problems
    file: Path | None


def refuse_scorer() -> None:
    """Raises `InputError` if a scorer's references or store are visible: untrusted code never runs next to them."""
    found = [v for v in VARIABLES if os.environ.get(v)] + [p for p in SCORER if os.path.lexists(p)]
    if found:
        raise InputError(
            f"this is, or looks like, the scoring machine ({', '.join(found)}): a participant's image never runs next to references. Use a machine that has the images and nothing else."
        )


def infer(asked: InferRequest, engine: Engine, limits: Limits) -> InferResult:
    """The predictions of the card's image for the studies, written to the submission's folder if they break no rule.

    Raises `InputError` for a card without an image, studies that are not those of the dataset, and a container that fails.
    """
    refuse_scorer()
    dataset = get_dataset(asked.dataset)
    if get_task(dataset.task).item != "study":
        raise InputError(f"{dataset.id} asks questions; images are only provided for reports.")
    card = read_card(asked.folder)
    if card.inference is None:
        raise InputError(f"{asked.folder / CARD_NAME} has no image under inference: there is nothing to run.")
    image = card.inference.image
    studies = read_studies(asked.studies, asked.images, dataset.id)
    ids = frozenset(s.id for s in studies.studies)
    known = known_ids(dataset, None)
    if known is not None and ids != known:
        raise InputError(
            f"{asked.studies} has {len(ids - known):,} studies that {dataset.id} does not have, and lacks {len(known - ids):,}."
        )
    engine.check_image(image)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rexrank-infer-") as scratch:
        mounts = prepare(Path(scratch), asked.images, handed(studies, card.inputs))
        engine.run(image, mounts, limits, asked.log)
        data = read_output(mounts.output)
    seconds = time.monotonic() - started
    problems = Problems()
    predictions = check_predictions(PREDICTIONS, data, dataset, lambda _: ids, problems)
    if not problems.ok:
        return InferResult(image, seconds, problems, None)
    return InferResult(image, seconds, problems, _written(asked.folder, dataset, predictions))


def prepare(scratch: Path, images: Path, studies: str) -> Mounts:
    """The folder of a run: the studies to read, and an output folder with one world-writable file.

    The folder itself belongs to us, and nobody else can create, remove or rename anything in it.
    """
    place = scratch / "studies.json"
    write_text(place, studies)
    place.chmod(0o644)
    output = scratch / "output"
    output.mkdir()
    output.chmod(0o755)
    file = output / PREDICTIONS
    file.touch()
    file.chmod(0o666)
    return Mounts(images, place, output)


def read_output(folder: Path) -> bytes:
    """The bytes of the file that a container left; raises `InputError` for anything but one regular file of bounded size."""
    path = folder / PREDICTIONS
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"the container left no readable file {PREDICTIONS}: {error.strerror}.") from error
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or about.st_nlink != 1:
        os.close(descriptor)
        raise InputError(f"the container left something other than a regular file as {PREDICTIONS}.")
    with os.fdopen(descriptor, "rb") as file:
        if about.st_size > MAX_PREDICTIONS_BYTES:
            raise InputError(
                f"{PREDICTIONS} has {about.st_size:,} bytes; at most {MAX_PREDICTIONS_BYTES:,} are read."
            )
        return file.read(MAX_PREDICTIONS_BYTES)


def read_card(folder: Path) -> ModelCard:
    """The card in a submission's folder; raises `InputError` with every problem of it."""
    path = folder / CARD_NAME
    problems = Problems()
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CARD_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    text = decode(str(path), data, problems)
    value = parse_yaml(str(path), text, problems) if text is not None else UNUSABLE
    if value is UNUSABLE or not check_card(str(path), text or "", value, problems):
        lines = "\n".join(f"  {p.code} {p.pointer} {p.found}; wanted {p.wanted}" for p in problems)
        raise InputError(f"{path} is not valid:\n{lines}")
    return ModelCard.model_validate(value)


def _written(folder: Path, dataset: Dataset, predictions: Predictions) -> Path:
    path = folder / f"{dataset.id}.json"
    write_text(path, predictions_of(get_task(dataset.task)).dump(predictions.items))
    return path
