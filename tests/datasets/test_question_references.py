"""Questions in the hub's format: which fields are read, and what messages about a damaged file say and never say."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.problems import InputError
from evaluator.datasets.question_references import count_questions, read_options, read_question, years
from evaluator.datasets.skills import SKILLS, skill_of

FIELDS = {
    "question": "Which finding is there?",
    "options": ["A. Clear lungs", "B. Effusion", "C. Nodule", "D. Edema"],
    "correct_answer": "B",
    "correct_answer_explanation": "SECRET explanation",
    "task_name": "Presence Assessment",
    "category": "Pleura",
    "study_id": "s1",
    "StudyInstanceUid": "1.2.3",
    "PatientID": "p1",
    "PatientAge": "058Y",
    "PatientSex": "F",
    "Findings": "SECRET findings",
    "Impression": "SECRET impression",
    "ImagePath": ["../deid_png/x.png"],
}


def read(**changes):
    return read_question(
        "q1", {k: v for k, v in {**FIELDS, **changes}.items() if v is not ...}, "rexvqa.json"
    )


def test_a_question_of_the_hub():
    question = read()
    assert (question.id, question.answer, question.skill) == ("q1", "B", "Presence Assessment")
    assert (question.study, question.patient) == ("s1", "p1")
    assert question.options == ("Clear lungs", "Effusion", "Nodule", "Edema")
    assert dict(question.subgroups) == {
        "skill": "Presence Assessment", "category": "Pleura", "sex": "F", "age_group": "40-64",
    }  # fmt: skip
    assert "SECRET" not in repr(question)
    assert question.in_track("answers")


READ = (
    "correct_answer",
    "task_name",
    "category",
    "study_id",
    "PatientID",
    "PatientSex",
    "PatientAge",
    "options",
)


@pytest.mark.parametrize("field", sorted(set(FIELDS) - set(READ)))
def test_no_other_field_is_read(field):
    for value in (..., None, float("nan"), ["x"], {"a": 1}, 3):
        assert read(**{field: value}) == read()


ODD = [
    # a change, and its outcome
    ({"category": ...}, {"category": None}),
    ({"category": float("nan")}, {"category": None}),
    ({"PatientSex": "Male"}, {"sex": "M"}),
    ({"PatientSex": "O"}, {"sex": None}),
    ({"PatientSex": None}, {"sex": None}),
    ({"PatientAge": "006M"}, {"age_group": "<18"}),
    ({"PatientAge": 81}, {"age_group": "80+"}),
    ({"PatientAge": "999Y"}, {"age_group": None}),
    ({"PatientAge": "058X"}, {"age_group": None}),
    ({"PatientAge": float("nan")}, {"age_group": None}),
    ({"PatientAge": True}, {"age_group": None}),
    (
        {"task_name": "location_and_distribution_assessment"},
        {"skill": "Location and Distribution Assessment"},
    ),
]


@pytest.mark.parametrize(("change", "groups"), ODD)
def test_a_group_that_cannot_be_read_is_left_out(change, groups):
    subgroups = read(**change).subgroups
    assert {axis: subgroups.get(axis) for axis in groups} == groups


@pytest.mark.parametrize(
    ("patient", "expected"),
    [
        (..., "s1"),
        (None, "s1"),
        ("", "s1"),
        ("nan", "s1"),
        (7, "7"),
        (7.0, "7"),
        (float("nan"), "s1"),
        ([], "s1"),
    ],
)
def test_without_a_patient_the_study_counts_as_one(patient, expected):
    assert read(PatientID=patient).patient == expected


DAMAGED = [
    ({"correct_answer": "E"}, "correct_answer is not one of the letters"),
    ({"correct_answer": "b"}, "correct_answer"),
    ({"correct_answer": " B"}, "correct_answer"),
    ({"correct_answer": "B. Effusion"}, "correct_answer"),
    ({"correct_answer": ["B"]}, "correct_answer"),
    ({"correct_answer": None}, "correct_answer"),
    ({"correct_answer": ...}, "correct_answer"),
    ({"task_name": "Severity"}, "task_name is 'Severity', which is none of: Differential Diagnosis, "),
    ({"task_name": ...}, "task_name is ''"),
    ({"task_name": 5}, "task_name"),
    ({"study_id": ...}, "study_id"),
    ({"study_id": True}, "study_id"),
    ({"study_id": float("nan")}, "study_id"),
    ({"options": ["A. x", "B. y", "C. z"]}, "options are not four"),
    ({"options": "A. x"}, "options"),
    ({"options": ["A. x", "C. y", "B. z", "D. w"]}, "options"),
    ({"options": ["A. x", "y", "C. z", "D. w"]}, "options"),
    ({"options": ["x", 1, "z", "w"]}, "options"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), DAMAGED)
def test_a_damaged_question_is_named_without_its_answer(change, words):
    with pytest.raises(InputError) as failure:
        read(**change)
    message = str(failure.value)
    assert message.startswith("rexvqa.json, question q1: ")
    assert words in message
    assert "SECRET" not in message
    assert "Effusion" not in message


def test_all_problems_of_a_question_are_reported_at_once():
    with pytest.raises(InputError, match=r"correct_answer.+; task_name.+; study_id.+; options"):
        read(correct_answer=1, task_name="x", study_id=None, options=[])


def test_options_in_the_forms_that_loaders_tolerate():
    for forms in (
        ["A) a", "B) b", "C) c", "D) d"],
        ["A: a", "B: b", "C: c", "D: d"],
        ["(A) a", "(B) b", "(C) c", "(D) d"],
        ["A - a", "B - b", "C - c", "D - d"],
        ["a", "b", "c", "d"],
    ):
        assert read_options(forms) == ("a", "b", "c", "d")
    assert read_options(None) == ()


def test_the_counts_of_a_file():
    questions = [
        read(),
        read(task_name="Negation Assessment", study_id="s2"),
        read(task_name="Negation Assessment"),
    ]
    counts = count_questions(questions)
    assert counts["studies"] == 2
    assert [counts[s.name] for s in SKILLS] == [0, 0, 0, 2, 1]


def test_every_skill_has_its_own_spellings():
    for skill in SKILLS:
        assert (
            skill_of(skill.name)
            == skill_of(skill.name.upper())
            == skill_of(
                skill.key.replace("geometric", "geometric reasoning").replace("location", "location analysis")
            )
            == skill.name
        )
    for unknown in ("", "presence and severity", "negations", "location"):
        assert skill_of(unknown) is None


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=6),
        st.lists(st.text(max_size=2), max_size=5),
    )
)
def test_no_value_of_any_type_raises_anything_else(value):
    years(value)
    for field in READ:
        with contextlib.suppress(InputError):
            read(**{field: value})
