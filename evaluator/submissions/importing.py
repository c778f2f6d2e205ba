"""A lab's existing predictions in bulk: a manifest of files, cards and dates, and the resulting submissions.

Everything in the manifest, and every file that it names, is read before anything is written; all problems are
reported in one pass.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from evaluator.core.files import write_bytes
from evaluator.core.host_files import UNREADABLE
from evaluator.core.problems import Problems, pointer, visible
from evaluator.core.stopping import unbroken
from evaluator.core.typed import DISAGREE, FIELD
from evaluator.datasets.references import known_ids
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.submissions.convert import Refused, Wanted
from evaluator.submissions.import_manifest import ImportRow, Rows, check_rows, places
from evaluator.submissions.parsing import UNUSABLE, decode, parse_yaml
from evaluator.submissions.reading import validate_paths
from evaluator.submissions.rules.card import check_card
from evaluator.submissions.rules.files import CARD_NAME, MAX_CARD_BYTES
from evaluator.submissions.task_predictions import predictions_of
from evaluator.submissions.validate import Report


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would write: bytes by model (`team/model`) and file name.

    `invalid`: models with a problem; `same`: files that are already in the checkout, byte for byte; `notes`:
    how a file was read, by its position in the manifest.
    """

    report: Report
    files: Mapping[str, Mapping[str, bytes]]
    invalid: tuple[str, ...]
    same: tuple[str, ...]
    notes: tuple[str, ...] = ()


def plan(rows: Rows, folder: Path, root: Path, references: Path | None) -> Plan:
    """What the import of a manifest would write below `root`, with every problem of every file.

    `folder`: the manifest's own, which contains all its files. Nothing is written.
    """
    problems = rows.problems
    check_rows(rows)
    invalid = {*rows.unsound, *(rows.sound[i].name for i in places(problems) if i in rows.sound)}
    staged: dict[str, dict[str, bytes]] = {}
    notes: list[str] = []
    for index, row in rows.sound.items():
        before = problems.n_errors
        source = _Source(folder, rows.name, pointer("predictions", index), references)
        if row.name not in staged:
            card = _card(row, source, problems)
            staged[row.name] = {} if card is None else {CARD_NAME: card}
        predictions = _predictions(row, source, problems, notes) if row.dataset in dataset_ids() else None
        if predictions is not None:
            staged[row.name][f"{row.dataset}.json"] = predictions
        if problems.n_errors > before:
            invalid.add(row.name)
    same = _against_checkout(staged, root, rows.name, problems, invalid)
    report = _checked({m: f for m, f in staged.items() if m not in invalid}, root, references)
    invalid |= {f"{f.team}/{f.model}" for f in report.found if f.submission is None}
    problems.extend(report.problems)
    return Plan(Report(problems, report.found), staged, tuple(sorted(invalid)), same, tuple(notes))


class _Source(NamedTuple):
    """The folder of a row's files, and the row's name in messages."""

    folder: Path
    manifest: str
    place: str
    references: Path | None


def carry_out(made: Plan, root: Path, *, skip_invalid: bool = False) -> list[str]:
    """The models that were written: all missing files of a plan, or none.

    With `skip_invalid` models with a problem are left out; without it a plan with any writes nothing.
    """
    if made.invalid and not skip_invalid:
        return []
    models = [m for m in made.files if m not in made.invalid]
    names = []
    with unbroken():
        for model in models:
            outcomes = [
                write_bytes(root / model / file, data) for file, data in sorted(made.files[model].items())
            ]
            if any(outcomes):
                names.append(model)
    return names


def _inside(folder: Path, place: str) -> Path | None:
    """The file at a path below a folder, links followed; `None` if it is elsewhere or not a regular file."""
    path = (folder / place).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None


def _missing(source: _Source, part: str, value: str, problems: Problems) -> None:
    found = f"{visible(value)!r} is not a file inside the manifest's folder"
    wanted, fix = "a file in the manifest's folder or below it", "correct the path, or put the file there"
    problems.add(
        UNREADABLE, source.manifest, pointer=f"{source.place}/{part}", found=found, wanted=wanted, fix=fix
    )


def _card(row: ImportRow, source: _Source, problems: Problems) -> bytes | None:
    """The bytes of a row's card, including the source of its predictions; `None` after reporting why there are none."""
    path = _inside(source.folder, row.card)
    if path is None:
        _missing(source, "card", row.card, problems)
        return None
    with path.open("rb") as file:
        data = file.read(MAX_CARD_BYTES + 1)
    text = decode(row.card, data, problems)
    value: Any = parse_yaml(row.card, text, problems) if text is not None else UNUSABLE
    if text is None or value is UNUSABLE:
        return None
    origin = {"date": row.date, "source": row.source}
    if isinstance(value, dict) and value.get("imported", origin) != origin:
        found = "a card that contradicts the manifest about the source of its predictions"
        wanted, fix = "the manifest's date and source", "remove imported from the card"
        problems.add(FIELD, row.card, pointer="/imported", found=found, wanted=wanted, fix=fix)
        return None
    if isinstance(value, dict) and "imported" not in value:
        lines = yaml.safe_dump({"imported": origin}, sort_keys=False, allow_unicode=True, width=1000)
        text = f"{text.rstrip(chr(10))}\n{lines}"
        value = parse_yaml(row.card, text, problems)
    return text.encode() if check_card(row.card, text, value, problems) else None


def _predictions(row: ImportRow, source: _Source, problems: Problems, notes: list[str]) -> bytes | None:
    """The bytes of a row's prediction file in our format; `None` after reporting why there are none."""
    path = _inside(source.folder, row.file)
    if path is None:
        _missing(source, "file", row.file, problems)
        return None
    dataset = get_dataset(row.dataset)
    form = predictions_of(get_task(dataset.task))
    ids = known_ids(dataset, source.references) or frozenset()
    try:
        predictions, lines = form.convert(path, dataset, ids, wanted=Wanted(), references=None, keep=False)
    except Refused as refused:
        for line in filter(None, map(str.strip, str(refused).splitlines())):
            wanted, fix = "predictions that rexrank convert can read", "fix the file"
            problems.add(FIELD, row.file, found=line, wanted=wanted, fix=fix)
        return None
    notes += [f"{row.file}: {line}" for line in lines]
    return form.dump(predictions).encode()


def _against_checkout(
    staged: Mapping[str, Mapping[str, bytes]],
    root: Path,
    name: str,
    problems: Problems,
    invalid: set[str],
) -> tuple[str, ...]:
    """The files that already exist, byte for byte; reports those that exist and differ: nothing is overwritten."""
    same = []
    for model, files in staged.items():
        for file, data in files.items():
            path = root / model / file
            if not path.exists() and not path.is_symlink():
                continue
            if path.is_file() and not path.is_symlink() and path.read_bytes() == data:
                same.append(f"{model}/{file}")
                continue
            found = f"{model}/{file} already exists, and differs"
            wanted, fix = (
                "a model that does not exist yet, or exactly these bytes",
                "remove the model's rows, or its folder",
            )
            problems.add(DISAGREE, name, found=found, wanted=wanted, fix=fix)
            invalid.add(model)
    return tuple(sorted(same))


def _checked(staged: Mapping[str, Mapping[str, bytes]], root: Path, references: Path | None) -> Report:
    """The report of `rexrank validate` on the resulting checkout, including existing files."""
    if not staged:
        return Report(Problems())
    with tempfile.TemporaryDirectory(prefix="rexrank-import-") as scratch:
        place = Path(scratch) / "submissions"
        for model, files in staged.items():
            there = {p.name: p.read_bytes() for p in sorted((root / model).glob("*")) if p.is_file()}
            for file, data in {**there, **files}.items():
                write_bytes(place / model / file, data)
        return validate_paths([place], references)
