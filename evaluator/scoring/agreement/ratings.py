"""RadPref and RadJudge as their authors publish them: rated pairs of reports, and ranking cases.

`preference_data.json` holds the pairs, each `user_<n>.json` one radiologist's ratings, `radjudge.json` the
cases (rajpurkarlab/CRIMSON, MIT). Only the fields named here are read from each file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, RootModel

from evaluator.core.files import sha256_file
from evaluator.core.host_files import read_host_file
from evaluator.core.problems import InputError
from evaluator.core.typed import CONFIG, form
from evaluator.core.types import FloatArray, Pair
from evaluator.scoring.engine import context_of
from evaluator.scoring.records import collect

PAIRS: Final = "preference_data.json"
CASES: Final = "radjudge.json"
MAX_BYTES: Final = 16_000_000
RATERS: Final = 3
"""With fewer radiologists there is no mean of the others to compare one with."""
SIDES: Final = ("C1", "C2")
_RELATION: Final = re.compile(r"(C[1-9]) ([>=]) (C[1-9])")
Text = Annotated[str, Field(max_length=20_000)]
Relation = Annotated[str, form(_RELATION.pattern, "two candidates with > or = between, such as C1 > C2")]


class _Part(BaseModel):
    """A part of a file that contains more fields than are read."""

    model_config = ConfigDict(**{**CONFIG, "extra": "ignore"})


class _Case(_Part):
    id: Text
    ground_truth_report: Text
    C1_report: Text
    C2_report: Text
    C1_source: Text
    C2_source: Text
    PatientAge: Text = ""
    Indication: Text = ""


class _Cases(RootModel[Annotated[tuple[_Case, ...], Field(strict=False, min_length=1, max_length=100_000)]]):
    pass


class _Rating(_Part):
    rating: Annotated[int, Field(ge=1, le=5, description="How good the report is, 1 to 5, higher is better.")]


class _Ratings(_Part):
    C1: _Rating
    C2: _Rating


class _Rater(_Part):
    annotations: Mapping[str, _Ratings]


class _Context(_Part):
    age: Text = ""
    indication: Text = ""


class _Candidate(_Part):
    text: Text
    context: _Context = _Context()


class _Test(_Part):
    id: Text
    ground_truth: Text
    candidates: Mapping[Annotated[str, form("C[1-9]", "C1, C2, …")], _Candidate]
    expected_ranking: Relation | Annotated[tuple[Relation, ...], Field(strict=False, min_length=1)]


class _Category(_Part):
    category: Text
    tests: Annotated[tuple[_Test, ...], Field(strict=False)]


class _Judge(_Part):
    tests: Annotated[tuple[_Category, ...], Field(strict=False, alias="RANKING_TESTS")]


@dataclass(frozen=True, slots=True)
class RadPref:
    """Pairs of candidates for one reference, rated by radiologists.

    `rows`: id, reference, candidate and what is known about the patient; the two candidates of a pair are
    adjacent. `sources`: what wrote each candidate. `ratings`: 1 to 5, shape (2 × pairs, radiologists).
    `digest`: SHA-256 over the files.
    """

    rows: tuple[Pair, ...]
    sources: tuple[str, ...]
    ratings: FloatArray
    digest: str

    @property
    def pairs(self) -> tuple[str, ...]:
        """The id of each candidate's pair."""
        return tuple(row.id.rpartition("#")[0] for row in self.rows)


@dataclass(frozen=True, slots=True)
class RankingCase:
    """Candidates for one reference and how they should be ordered: `(i, ">" or "=", j)` by position in `rows`."""

    id: str
    category: str
    rows: tuple[Pair, ...]
    relations: tuple[tuple[int, str, int], ...]


@dataclass(frozen=True, slots=True)
class RadJudge:
    """The ranking cases and the SHA-256 of their file."""

    cases: tuple[RankingCase, ...]
    digest: str


def read_radpref(folder: Path) -> RadPref:
    """The rated pairs of a folder; raises `InputError` that names every problem of every file."""
    raters = sorted(folder.glob("user_*.json"))
    if len(raters) < RATERS:
        raise InputError(
            f"{folder} has {len(raters)} files user_<n>.json; wanted one for each of at least {RATERS} radiologists. Use the folder as its authors publish it (rajpurkarlab/CRIMSON)."
        )
    reader = partial(read_host_file, limit=MAX_BYTES)
    cases, *raw = collect(
        [partial(reader, folder / PAIRS, _Cases), *(partial(reader, path, _Rater) for path in raters)]
    )
    sound = [r for r in raw if isinstance(r, _Rater)]
    case_rows = cases.root if isinstance(cases, _Cases) else ()
    _complete(folder, [c.id for c in case_rows], dict(zip(raters, sound, strict=True)))
    rows, sources, ratings = [], [], []
    for case in case_rows:
        known = context_of(case.PatientAge, case.Indication)
        for side in SIDES:
            text = str(getattr(case, f"{side}_report"))
            rows.append(Pair(f"{case.id}#{side}", case.ground_truth_report, text, known))
            sources.append(str(getattr(case, f"{side}_source")))
            ratings.append([float(getattr(r.annotations[case.id], side).rating) for r in sound])
    return RadPref(tuple(rows), tuple(sources), np.array(ratings), _digest([folder / PAIRS, *raters]))


def _complete(folder: Path, ids: Sequence[str], raters: Mapping[Path, _Rater]) -> None:
    """Raises `InputError` unless every pair appears once and is rated by everyone."""
    wrong = [
        f"{folder / PAIRS}: the id {i!r} appears twice" for i in sorted({i for i in ids if ids.count(i) > 1})
    ]
    wrong += [
        f"{path}: no rating for {i!r}" for path, r in raters.items() for i in ids if i not in r.annotations
    ]
    if wrong:
        more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise InputError(
            f"the ratings do not fit the pairs: {'; '.join(wrong[:10])}{more}. Use files from one release."
        )


def read_radjudge(folder: Path) -> RadJudge:
    """The ranking cases of a folder; raises `InputError` that names every problem."""
    path = folder / CASES
    content = read_host_file(path, _Judge, limit=MAX_BYTES)
    cases, wrong = [], []
    for category in content.tests:
        for test in category.tests:
            names = sorted(test.candidates)
            ranking = test.expected_ranking
            marks = [_RELATION.fullmatch(r) for r in ([ranking] if isinstance(ranking, str) else ranking)]
            sides = [m.groups() for m in marks if m]
            absent = sorted({n for a, _, b in sides for n in (a, b)} - set(names))
            if absent:
                wrong.append(f"case {test.id!r} ranks {', '.join(absent)}, which it does not have")
                continue
            rows = tuple(
                Pair(
                    f"{test.id}#{n}",
                    test.ground_truth,
                    c.text,
                    context_of(c.context.age, c.context.indication),
                )
                for n, c in ((n, test.candidates[n]) for n in names)
            )
            relations = tuple((names.index(a), m, names.index(b)) for a, m, b in sides)
            cases.append(RankingCase(test.id, category.category, rows, relations))
    if wrong:
        raise InputError(f"{path}: {'; '.join(wrong[:10])}. Use the file as its authors publish it.")
    return RadJudge(tuple(cases), sha256_file(path))


def _digest(paths: Sequence[Path]) -> str:
    lines = "".join(f"{sha256_file(p)}  {p.name}\n" for p in paths)
    return hashlib.sha256(lines.encode()).hexdigest()
