"""The contents of a bundle: its files, typed and checked against schema and path, and refusals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from evaluator.core.files import dump_json, dump_table, git_blob_id
from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.github.bundle_files import KINDS
from evaluator.github.main_files import MainFiles
from evaluator.metrics.registry import metric_keys
from evaluator.scoring.corpus import step_of
from evaluator.scoring.record import Record
from evaluator.scoring.records import Board
from evaluator.statistics.rounding import DECIMALS, coarse, six_decimals

TOLERANCE: Final = 1e-9


_M = TypeVar("_M", bound=BaseModel)


HELD: Final = 8
"""How many JSON files of a bundle are in memory at a time: a table, a row's record, and those of its baselines."""


class Contents(Mapping[str, Any]):
    """The content of a bundle's JSON files by name, each read on demand: the reports alone can be hundreds of files."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._names = dict.fromkeys(names)
        self._read = lru_cache(maxsize=HELD)(lambda name: parsed(folder / name, name))

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._read(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def parsed(path: Path, name: str) -> Any:
    """The value of a JSON file of the bundle; one that is not JSON is refused."""

    def odd(_: str) -> NoReturn:
        raise ValueError("not a JSON number")

    try:
        return json.loads(path.read_bytes().decode("utf-8"), parse_constant=odd)
    except (ValueError, RecursionError):
        refuse(name, "is not JSON")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle's folder, the names of its files, the content of those that are JSON, and a checkout of main.

    `on_main`: git's ids of the leaderboard's files in the checkout's commit, by path. `submissions`: main's.
    `changed`: which of them differ from those of the last publication; `None` if unknown.
    """

    folder: Path
    names: Sequence[str]
    content: Mapping[str, Any]
    root: Path | None = None
    on_main: Mapping[str, str] = field(default_factory=dict)
    submissions: MainFiles | None = None
    changed: frozenset[str] | None = None

    def is_on_main(self, name: str) -> bool:
        """Whether main has a file of the bundle, byte for byte."""
        return self.on_main.get(f"leaderboard/{name}") == git_blob_id(self.folder / name)

    def is_settled(self, name: str, source: str) -> bool:
        """Whether an earlier publication checked a file against main's `source` and neither has changed since."""
        return self.changed is not None and source not in self.changed and self.is_on_main(name)


def refuse(name: str, why: str) -> NoReturn:
    """Nothing; raises `RexrankError` that a file of the bundle breaks a rule."""
    raise RexrankError(f"{name} in the bundle {why}. Nothing is published from it.")


def keeps(kind: str, value: Any, name: str) -> None:
    """Nothing; raises `RexrankError` for a value that violates the schema of its kind.

    The model decides like the schema that is generated from it, in a fraction of the time.
    """
    try:
        KINDS[kind].model_validate(value)
    except ValidationError:
        refuse(name, f"violates the schema of {kind}")


def check_form(bundle: Bundle, name: str) -> None:
    """Checks that a JSON file is what this program would write for its content, with six decimals at most."""
    value = bundle.content[name]
    try:
        dump = dump_table if name.startswith(("tables/", "overall.")) else dump_json
        same = dump(value).encode() == (bundle.folder / name).read_bytes()
    except (ValueError, RecursionError):
        same = False
    if not same:
        refuse(name, "is not in the runner's JSON format")
    if six_decimals(value) != value:
        refuse(name, f"contains numbers with more than {DECIMALS} decimals")


def board_of(name: str) -> Board:
    """The board that a path belongs to; refuses a dataset that main does not know."""
    kind, _, rest = name.partition("/")
    single = kind in {"tables", "sanity", "pairwise"}
    dataset, track = (rest.rsplit(".", 2) if single else rest.split("/"))[:2]
    if dataset not in dataset_ids():
        refuse(name, "is for a dataset that main does not have")
    if track not in get_dataset(dataset).tracks:
        refuse(name, "is for a track that its dataset does not have")
    return Board(get_dataset(dataset), track)


def read_content(bundle: Bundle, name: str, kind: str, model: type[_M]) -> tuple[_M, Board]:
    """A file's content, checked against its schema, and the board on which path and content agree."""
    board = board_of(name)
    keeps(kind, bundle.content[name], name)
    value = typed_content(bundle, name, kind, model)
    place = (board.dataset.id, board.track)
    if (getattr(value, "dataset", place[0]), getattr(value, "track", place[1])) != place:
        refuse(name, "names a board that does not match its path")
    return value, board


def typed_content(bundle: Bundle, name: str, kind: str, model: type[_M]) -> _M:
    """The typed content of a file; one that violates its schema is refused without quoting it."""
    try:
        return model.model_validate(bundle.content[name])
    except ValidationError:
        refuse(name, f"violates the schema of {kind}")


def record_at(bundle: Bundle, name: str, path: str) -> Record:
    """The record at a path of the bundle; raises `RexrankError` without one."""
    if path not in bundle.content:
        refuse(name, "is for a model without a record")
    return typed_content(bundle, path, "record", Record)


def check_metrics(keys: Iterable[str], name: str) -> None:
    """Nothing; raises `RexrankError` for the key of a metric that main does not know."""
    if not set(keys) <= set(metric_keys()):
        refuse(name, "has a metric that main does not have")


def check_coarse(value: float | None, key: str, board: Board, n: int, name: str) -> None:
    """Nothing; raises `RexrankError` for a value finer than its dataset's step. `n`: studies of the board."""
    step = step_of(board.dataset.exposure, key, n)
    if value is not None and step is not None and abs(coarse(value, step) - value) > TOLERANCE:
        refuse(name, "contains numbers finer than its dataset's step")
