"""Questions with their correct answers, in the form of ReXVQA's files on the model hub.

One JSON object by question id. Only these fields of each question are read: `correct_answer`, `task_name`,
`category`, `study_id`, `PatientID`, `PatientSex`, `PatientAge`, and `options` for the baselines. The report
in the file is never read. Messages name a question and a field, never the correct answer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import JsonValue

from evaluator.core.problems import InputError, visible
from evaluator.core.types import Pair
from evaluator.datasets.answer import LETTERS, Answer
from evaluator.datasets.protocol import ProtocolName
from evaluator.datasets.references import TaskReferences, age_group
from evaluator.datasets.registry import Dataset
from evaluator.datasets.skills import SKILLS, skill_of

_OPTION: Final = re.compile(r"\s*\(?([A-Da-d])\s*[.):\-\u2013]\s*")
_AGE: Final = re.compile(r"\s*(\d{1,3})\s*([DWMY]?)\s*", re.IGNORECASE)
_YEARS: Final[Mapping[str, float]] = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0, "": 1.0}
"""Years of a DICOM age's unit."""
_UNKNOWN: Final = frozenset({"", "unknown", "nan", "none", "null", "o", "other"})


@dataclass(frozen=True, slots=True)
class Question:
    """What scoring needs of a question: the correct letter, the skill (`Skill.name`), study, patient, subgroups.

    `options`: the texts of the four options without their letters, for baselines that read them; empty if the
    file has none.
    """

    id: str
    answer: str
    skill: str
    study: str
    patient: str
    subgroups: Mapping[str, str]
    options: tuple[str, ...] = ()

    def in_track(self, track: str) -> bool:  # noqa: ARG002 - there is one track
        """Whether the question is scored: always."""
        return True


def read_question(question: str, fields: Mapping[str, Any], where: str) -> Question:
    """The question of an entry. Raises `InputError` that names every field that cannot be used."""
    faults = []
    answer, skill = fields.get("correct_answer"), _text(fields.get("task_name"))
    if not isinstance(answer, str) or answer not in LETTERS:
        faults.append("correct_answer is not one of the letters A to D")
    name = skill_of(skill) if skill else None
    if name is None:
        known = ", ".join(s.name for s in SKILLS)
        faults.append(f"task_name is '{visible(skill or '')}', which is none of: {known}")
    study = _id(fields.get("study_id"))
    if study is None:
        faults.append("study_id is neither a text nor a whole number")
    options = read_options(fields.get("options"))
    if options is None:
        faults.append("options are not four texts, A to D in their order")
    if faults or answer is None or name is None or study is None or options is None:
        raise InputError(
            f"{where}, question {visible(question)}: {'; '.join(faults)}. Download the file again, or fix it there."
        )
    groups = {
        "skill": name,
        "category": _text(fields.get("category")),
        "sex": _sex(fields.get("PatientSex")),
        "age_group": age_group(years(fields.get("PatientAge"))),
    }
    return Question(
        id=question,
        answer=answer,
        skill=name,
        study=study,
        # Without a known patient, the questions of one study count as one patient's.
        patient=_id(fields.get("PatientID")) or study,
        subgroups={axis: value for axis, value in groups.items() if value is not None},
        options=options,
    )


class QuestionReferences(TaskReferences[Question, Answer]):
    """Questions with their correct answers, whose letters are compared."""

    def read(self, item: str, fields: Mapping[str, JsonValue], dataset: Dataset, where: str) -> Question:  # noqa: ARG002
        """The question of an entry; see `read_question`."""
        return read_question(item, fields, where)

    def pair(
        self,
        reference: Question,
        prediction: Answer | None,
        track: str,  # noqa: ARG002
        protocol: ProtocolName,  # noqa: ARG002
    ) -> Pair:
        """The correct letter and the one given, with the skill; a missing question has no answer."""
        letter = prediction.value if prediction is not None else ""
        return Pair(reference.id, reference.answer, letter, (("skill", reference.skill),))

    def counts(self, references: Iterable[Question]) -> Mapping[str, int]:
        """Studies, and questions of each skill."""
        return count_questions(references)


QUESTIONS: Final = QuestionReferences()
"""How references of questions are read."""


def read_options(value: Any) -> tuple[str, ...] | None:
    """The texts of four options without their letters, empty if there are none, `None` for damaged ones.

    >>> read_options(["A. Clear lungs", "B) Effusion", "C: Nodule", "D - Edema"])
    ('Clear lungs', 'Effusion', 'Nodule', 'Edema')
    """
    if value is None:
        return ()
    if (
        not isinstance(value, list)
        or len(value) != len(LETTERS)
        or not all(isinstance(v, str) for v in value)
    ):
        return None
    marks = [_OPTION.match(v) for v in value]
    if not any(marks):
        return tuple(v.strip() for v in value)
    if [m and m[1].upper() for m in marks] != list(LETTERS):
        return None
    return tuple(v[m.end() :].strip() for v, m in zip(value, marks, strict=True) if m)


def years(value: Any) -> float | None:
    """An age in years from a number, or from a DICOM age; `None` for anything else.

    >>> years("058Y"), years("006M"), years(41), years("old")
    (58.0, 0.5, 41.0, None)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else None
    match = _AGE.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) * _YEARS[match[2].upper()] if match else None


def count_questions(questions: Iterable[Question]) -> dict[str, int]:
    """The counts of a file of questions: studies, and questions of each skill, by name."""
    rows = list(questions)
    skills = Counter(q.skill for q in rows)
    return {"studies": len({q.study for q in rows}), **{s.name: skills[s.name] for s in SKILLS}}


def _text(value: Any) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text if text.lower() not in _UNKNOWN else None


def _id(value: Any) -> str | None:
    """A text, or a whole number as one; `None` for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return str(int(value)) if math.isfinite(value) and value.is_integer() else None
    return str(value) if isinstance(value, int) else _text(value)


def _sex(value: Any) -> str | None:
    first = (_text(value) or "")[:1].upper()
    return first if first in {"M", "F"} else None
