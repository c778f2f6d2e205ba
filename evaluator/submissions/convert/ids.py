"""Which column has the study ids, and which study each id means: by its values if ids are known."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from evaluator.core.counts import count_text
from evaluator.core.problems import visible
from evaluator.datasets.registry import Dataset, ids_digest
from evaluator.submissions.convert.columns import Role, Wanted, find_column, role_of, words_of
from evaluator.submissions.convert.table import KEY, SHOWN, Refused, Row, Table, first_ids, listed
from evaluator.submissions.rules.coverage import loose

MAX_ID: Final = 300
MAX_PROBLEMS: Final = 20
_ENDINGS: Final = re.compile(
    r"(?:\.(?:png|jpe?g|dcm|dicom|txt|json|npy|nii|gz|tiff?|bmp|webp))+$", re.IGNORECASE
)
_SUFFIX: Final = re.compile(
    r"\d{1,5}|pa|ap|ll|rl|lat|lateral|front|frontal|(?:view|img|image|v|frame)\d*|[0-9a-f]{8,}", re.IGNORECASE
)
_ORDER: Final = (
    ("study", "id"), ("study",), ("id",), ("ids",), ("uid",), ("study", "uid"), ("custom", "id"), ("question", "id"),
    ("image", "id"), ("dicom", "id"), ("image",), ("image", "path"), ("key",), ("name",), ("filename",), ("file",),
)  # fmt: skip
"""Names of id columns, the likeliest first, for datasets whose ids are not known here."""


@dataclass(frozen=True, slots=True)
class StudyIds:
    """The study of every row, the column it was read from, and how it was found, in words.

    `left_out`: rows whose id is not in the dataset (they have no study).
    """

    column: int
    studies: Mapping[int, str]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def identify_studies(table: Table, dataset: Dataset, known: frozenset[str], wanted: Wanted) -> StudyIds:
    """The study of every row. Raises `Refused` if no column has ids, or if it is unclear which one does."""
    if not table.rows:
        raise Refused("the table has a header but no rows.")
    if not table.columns:
        raise Refused("the entries have no fields: there is no study id.")
    column = None if wanted.id is None else find_column(table, wanted.id, "--id-column")
    if known:
        return _by_values(table, dataset, known, column)
    return _by_shape(table, dataset, column)


class Matcher:
    """The study that a cell means: an id verbatim, in another spelling, or in a path with extension and view."""

    def __init__(self, known: Collection[str]) -> None:
        counts = Counter(map(loose, known))
        self.known = frozenset(known)
        self.loose = {key: k for k in known if counts[key := loose(k)] == 1}

    def __call__(self, value: Any) -> str | None:
        """The study, or `None`.

        >>> Matcher(["CXR1_IM-0001"])("iu/CXR1_IM-0001/0.png")
        'CXR1_IM-0001'
        """
        if isinstance(value, list) and value and len(value) <= 20:
            studies = {self(v) for v in value}
            return studies.pop() if len(studies) == 1 else None
        text = id_text(value)
        if text is None:
            return None
        if text in self.known:
            return text
        return next((study for part in variants(text) if (study := self._one(part))), None)

    def _one(self, part: str) -> str | None:
        return part if part in self.known else self.loose.get(loose(part))


def id_text(value: Any) -> str | None:
    """A cell as an id: text without outer space, or a whole number; `None` for anything else.

    >>> id_text(50414267.0), id_text(" a "), id_text(True)
    ('50414267', 'a', None)
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        return str(int(value)) if value == value and value.is_integer() and abs(value) < 1e15 else None  # noqa: PLR0124
    text = str(value).strip("\ufeff\x00 \t\r\n") if isinstance(value, str | int) else ""
    return text if text and len(text) <= MAX_ID else None


def variants(text: str) -> Iterator[str]:
    """What could be the id in a path: its parts from the last on, without extension, `s`, and view suffixes."""
    yield text
    if re.fullmatch(r"\d+\.0", text):
        yield text[:-2]
    for part in reversed(re.split(r"[/\\]+", text)):
        bare = _ENDINGS.sub("", part)
        yield bare
        if re.fullmatch(r"[sS]\d{4,}", bare):
            yield bare[1:]
        for _ in range(2):
            match = re.fullmatch(r"(.+)[-_. ]([^-_. ]+)", bare)
            if match is None or not _SUFFIX.fullmatch(match[2]):
                break
            bare = match[1]
            yield bare


def _by_values(table: Table, dataset: Dataset, known: frozenset[str], column: int | None) -> StudyIds:
    """The column in which most rows name a study of the dataset."""
    matcher = Matcher(known)
    columns = range(len(table.columns)) if column is None else (column,)
    best: tuple[int, int] | None = None
    studies: dict[int, str] = {}
    winner = 0
    for index in columns:
        matches = {n: s for n, v in enumerate(table.column(index)) if (s := matcher(v))}
        exact = sum(id_text(table.rows[n].cells[index]) == s for n, s in matches.items())
        if matches and (best is None or (len(matches), exact) > best):
            best, studies, winner = (len(matches), exact), matches, index
    if best is None:
        raise Refused(_no_match(table, dataset, known, column))
    ids = [_first_text(row.cells[winner]) for row in table.rows]
    _refuse_empty(table.rows, ids, table.columns[winner])
    others = tuple(i for n, i in enumerate(ids) if n not in studies and i is not None)
    spellings = [(ids[n] or table.columns[winner], s) for n, s in studies.items() if ids[n] != s]
    notes = []
    if spellings:
        first, study = spellings[0]
        notes.append(
            f"{count_text(len(spellings), 'id was', 'ids were')} found in paths or under other spellings (first: '{visible(first)}' is {visible(study)})"
        )
    return StudyIds(winner, studies, others, tuple(notes))


def _no_match(table: Table, dataset: Dataset, known: frozenset[str], column: int | None) -> str:
    example = min(known)
    where = f"the column '{visible(table.columns[column])}'" if column is not None else "any column"
    guess = [c for c in table.columns if role_of(c) is Role.ID] or list(table.columns)
    index = table.columns.index(guess[0])
    examples = [str(visible(row.cells[index], 40)) for row in table.rows[:3]]
    return (
        f"no study id of {dataset.id} is in {where} ({table.listing}). Its ids look like '{example}'; "
        f"'{visible(guess[0])}' holds {listed(examples)}. Is it the right file, split and --dataset? "
        "Otherwise name the column: --id-column NAME."
    )


def _by_shape(table: Table, dataset: Dataset, column: int | None) -> StudyIds:
    """The column that looks like ids, confirmed by their digest or number if the ids are not known here."""
    if column is None:
        candidates = _candidates(table)
        # tie: first column; whole counts
        column = max(candidates, key=lambda c: _confirmed(table, c, dataset))
    ids = [id_text(single(v)) for v in table.column(column)]
    _refuse_empty(table.rows, ids, table.columns[column])
    texts = [i for i in ids if i is not None]
    transform = _transform(texts, dataset)
    studies = {n: transform(i) for n, i in enumerate(texts)}
    spellings = [(i, studies[n]) for n, i in enumerate(texts) if studies[n] != i]
    notes = []
    if spellings:
        notes.append(
            f"{count_text(len(spellings), 'id was', 'ids were')} extracted from paths (first: '{visible(spellings[0][0])}' is {visible(spellings[0][1])})"
        )
    return StudyIds(column, studies, (), tuple(notes))


def single(value: Any) -> Any:
    """The value in a list of one; any other value unchanged."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _first_text(value: Any) -> str | None:
    return id_text(value[0] if isinstance(value, list) and value else value)


def _candidates(table: Table) -> list[int]:
    """Columns that may hold ids, the likeliest first: by name, else the only one of ids' shape.

    Raises `Refused` if there is none or more than one.
    """
    id_columns = [i for i, c in enumerate(table.columns) if words_of(c) in _ORDER and c != KEY]
    id_columns.sort(key=lambda i: _ORDER.index(words_of(table.columns[i])))  # tie: the file's order
    key = [i for i, c in enumerate(table.columns) if c == KEY and not _counts_up(table.column(i))]
    if id_columns and len({table.columns[i].strip().casefold() for i in id_columns}) < len(id_columns):
        raise Refused(
            f"two id columns have the same name: {listed([table.columns[i] for i in id_columns])}; rename one."
        )
    unique = [i for i in (*key, *id_columns) if _is_unique(table.column(i))]
    if unique or key or id_columns:
        return [*unique, *(i for i in (*key, *id_columns) if i not in unique)]
    shaped = [
        i for i in range(len(table.columns)) if _is_unique(table.column(i)) and _is_short(table.column(i))
    ]
    if len(shaped) == 1:
        return shaped
    names = [table.columns[i] for i in shaped] or list(table.columns)
    what = "more than one column may contain the study ids" if shaped else "no column contains the study ids"
    raise Refused(f"{what}: {listed(names, 20)}. Use --id-column NAME.")


def _counts_up(values: Iterable[Any]) -> bool:
    return all(str(v) == str(n) for n, v in enumerate(values))


def _is_unique(values: Iterable[Any]) -> bool:
    ids = [id_text(single(v)) for v in values]
    return None not in ids and len(set(ids)) == len(ids)


def _is_short(values: Iterable[Any]) -> bool:
    return all(len(i) <= 100 and not re.search(r"\s", i) for v in values if (i := id_text(single(v))))


def _confirmed(table: Table, index: int, dataset: Dataset) -> int:
    """2 for the ids whose digest is the dataset's, 1 for as many as it has, 0 for others."""
    ids = {i for v in table.column(index) if (i := id_text(single(v)))}
    return 2 if ids_digest(ids) == dataset.ids_digest else int(len(ids) == dataset.n_studies)


def _transform(ids: list[str], dataset: Dataset) -> Callable[[str], str]:
    """How a study id is read from a cell: verbatim, or from the path part that gives as many ids as the dataset has.

    Raises `Refused` for paths that give no such number.
    """
    if not any(re.search(r"[/\\]", i) or _ENDINGS.search(i) for i in ids):
        return _as_it_is
    for reader in (_as_it_is, _last_part, _folder, _study_folder, _without_view):
        studies = {reader(i) for i in ids}
        if dataset.ids_digest is not None and ids_digest(studies) == dataset.ids_digest:
            return reader
    for reader in (_last_part, _folder, _study_folder, _without_view):
        if len({reader(i) for i in ids}) == dataset.n_studies:
            return reader
    raise Refused(
        f"the ids are paths (first: '{visible(ids[0])}'), and the ids of {dataset.id} are not known here. Write the study "
        "ids, or give the reference files with --references DIR."
    )


def _as_it_is(text: str) -> str:
    return text


def _last_part(text: str) -> str:
    return _ENDINGS.sub("", re.split(r"[/\\]", text)[-1])


def _folder(text: str) -> str:
    parts = re.split(r"[/\\]", text)
    return parts[-2] if len(parts) > 1 else parts[-1]


def _study_folder(text: str) -> str:
    folder = _folder(text)
    return folder[1:] if re.fullmatch(r"s\d{4,}", folder) else folder


def _without_view(text: str) -> str:
    return list(variants(_last_part(text)))[-1]


def _refuse_empty(rows: tuple[Row, ...], ids: list[str | None], column: str) -> None:
    empty = [row.where for row, i in zip(rows, ids, strict=True) if i is None]
    if empty:
        problems = [f"{w}: the study id is empty ('{visible(column)}')." for w in empty[:MAX_PROBLEMS]]
        if len(empty) > MAX_PROBLEMS:
            problems.append(f"… and {count_text(len(empty) - MAX_PROBLEMS, 'more row')} like these.")
        raise Refused(*problems)


def describe_coverage(
    studies: Collection[str], left_out: tuple[str, ...], dataset: Dataset, known: frozenset[str]
) -> list[str]:
    """How the studies compare with the dataset's, in words: the number, the first missing and surplus ones."""
    n = len(studies)
    if not known:
        if dataset.ids_digest is not None and ids_digest(studies) == dataset.ids_digest:
            return [f"{n:,} of {dataset.n_studies:,} studies; the digest of their ids is the dataset's"]
        equal = "as many as" if n == dataset.n_studies else f"not the {dataset.n_studies:,} that"
        unknown = "its ids are not known here, so only their number was compared"
        return [
            f"{count_text(n, 'study', 'studies')}, {equal} {dataset.id} has; {unknown} (if you have the data: --references DIR)"
        ]
    missing = sorted(known - set(studies))
    text = f"{n:,} of {len(known):,} studies"
    etc = ", …" if len(missing) > SHOWN else ""
    if missing:
        text += (
            f"; missing {first_ids(missing)}{etc} (rexrank validate rejects the file until they are added)"
        )
    lines = [text if missing else f"{text} of {dataset.id}"]
    if left_out:
        lines.append(
            f"{count_text(len(left_out), 'row')} left out, with an id that is not in {dataset.id} (first: {first_ids(left_out)})"
        )
    return lines
