"""The forms in which Python code has pairs of texts, converted to rows of id, reference, prediction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from evaluator.core.types import Pair
from evaluator.scoring.engine import CONTEXT

Row = Pair | Mapping[str, Any] | Sequence[Any]
Rows = Any
"""A table (`pandas.DataFrame`, `datasets.Dataset`: anything with named columns) or an iterable of rows."""
_COLUMNS: Final = ("reference", "prediction")


def rows_of(
    rows: Rows | None,
    references: Sequence[Any] | None,
    predictions: Sequence[Any] | None,
    ids: Sequence[Any] | None,
    patients: Sequence[Any] | None,
) -> tuple[Iterable[Row], dict[str, str]]:
    """Rows of id, reference, prediction, and the patient of each id if patients are given.

    Raises `ValueError` for both forms at once, for lists of different lengths and for a missing column.
    """
    if (rows is None) == (references is None or predictions is None):
        raise ValueError("give rows, or references and predictions.")
    if rows is None:
        assert references is not None
        assert predictions is not None
        return _zipped(references, predictions, ids, patients)
    if ids is not None or patients is not None or references is not None or predictions is not None:
        raise ValueError("with rows, ids and patients are the columns id and patient.")
    names = _column_names(rows)
    if names is None:
        entries = list(rows)
        return entries, dict(_patients(entries))
    if lacking := [name for name in _COLUMNS if name not in names]:
        raise ValueError(f"no column {', '.join(lacking)}; found {', '.join(map(str, names))}.")
    index = getattr(rows, "index", None)
    ids = rows["id"] if "id" in names else index if hasattr(index, "tolist") else None
    patients = rows["patient"] if "patient" in names else None
    known = {k: list(rows[k]) for k in CONTEXT if k in names}
    return _zipped(rows["reference"], rows["prediction"], ids, patients, known)


def _column_names(rows: Any) -> list[Any] | None:
    """The columns of a table, `None` for anything else."""
    names = getattr(rows, "column_names", None)  # datasets.Dataset, pyarrow.Table
    if names is None and hasattr(rows, "columns") and not isinstance(rows, Mapping):
        names = rows.columns
    return None if names is None else list(names)


def _zipped(
    references: Sequence[Any],
    predictions: Sequence[Any],
    ids: Sequence[Any] | None,
    patients: Sequence[Any] | None,
    known: Mapping[str, Sequence[Any]] = MappingProxyType({}),
) -> tuple[list[Row], dict[str, str]]:
    texts = [list(references), list(predictions)]
    names = list(range(len(texts[0]))) if ids is None else list(ids)
    lengths = {"references": len(texts[0]), "predictions": len(texts[1]), "ids": len(names)}
    owners = None if patients is None else list(patients)
    if owners is not None:
        lengths["patients"] = len(owners)
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"the lists differ in length: {', '.join(f'{n} {name}' for name, n in lengths.items())}."
        )
    columns = ("id", *_COLUMNS, *known)
    rows: list[Row] = [
        dict(zip(columns, row, strict=True)) for row in zip(names, *texts, *known.values(), strict=True)
    ]
    return rows, {} if owners is None else dict(_owners(names, owners))


def _patients(rows: list[Row]) -> Iterator[tuple[str, str]]:
    """The patients named in the rows themselves."""
    mappings = [r for r in rows if isinstance(r, Mapping) and "patient" in r]
    yield from _owners([r.get("id") for r in mappings], [r["patient"] for r in mappings])


def _owners(ids: Sequence[Any], patients: Sequence[Any]) -> Iterator[tuple[str, str]]:
    for study, patient in zip(ids, patients, strict=True):
        if patient is None or patient != patient or str(patient) == "":  # noqa: PLR0124 - NaN
            raise ValueError(f"the pair {study!r} has no patient; give every pair one, or none.")
        yield str(study), str(patient)
