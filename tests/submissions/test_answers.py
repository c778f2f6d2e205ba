"""A file of answers through the commands that people use: `convert`, `validate`, and what both say."""

from __future__ import annotations

import json

import pytest
from support.submissions import GOOD_CARD

from evaluator.cli.submit import run_convert
from evaluator.core.problems import Severity
from evaluator.datasets.sandbox.questions import answers, answers_text, questions
from evaluator.submissions.convert import Wanted
from evaluator.submissions.tree import read_directory
from evaluator.submissions.validate import validate

GOOD = {q: a.value for q, a in answers("paraphrase").items()}
FIRST, SECOND = list(GOOD)[:2]


def written(folder, value):
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
    (folder / "sandbox-vqa.json").write_text(f"{{\n{lines}\n}}\n")


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "acme" / "m1"
    place.mkdir(parents=True)
    (place / "model.yaml").write_text(GOOD_CARD)
    written(place, GOOD)
    return place


def report(folder, ids=frozenset(GOOD)):
    place = "submissions/acme/m1"
    return validate(read_directory(folder, place), [place], lambda _: ids)


CASES = [
    # a change, and the errors and warnings that it brings
    (lambda g: None, [], []),
    (lambda g: g.update({FIRST: ""}), [], ["RX223"]),
    (lambda g: g.pop(FIRST) and None, [], ["RX302"]),
    (lambda g: g.update({FIRST: " a "}), [], ["RX222"]),
    (lambda g: g.update({FIRST: "E"}), ["RX220"], []),
    (lambda g: g.update({FIRST: None}), ["RX207"], []),
    (lambda g: g.update({FIRST: {"answer": "A"}}), ["RX206"], []),
    (lambda g: g.update({FIRST: {"correct_answer": "A"}}), ["RX209"], []),
    (lambda g: g.update({"zzzz-unknown": "A"}), ["RX303"], []),
    (lambda g: g.update({FIRST.upper(): g.pop(FIRST)}), ["RX304"], ["RX211"]),
    (lambda g: dict.fromkeys(g, "A"), [], ["RX224"]),
    (lambda g: dict(reversed(g.items())), [], ["RX211"]),
    (lambda g: g.update({FIRST: "E", SECOND: None, "zzzz-unknown": "a"}), ["RX207", "RX220", "RX303"], ["RX222"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "errors", "warnings"), CASES)
def test_every_problem_of_a_file_in_one_pass(folder, change, errors, warnings):
    value = dict(GOOD)
    result = change(value)
    written(folder, value if result is None else result)
    whole = report(folder)
    codes = {s: sorted(p.code for p in whole.problems if p.severity is s) for s in Severity}
    assert codes == {Severity.ERROR: errors, Severity.WARNING: warnings}
    assert whole.ok == (not errors)
    assert (whole.found[0].submission is not None) == whole.ok


def test_what_a_valid_file_holds(folder):
    (entry,) = report(folder).found
    predictions = entry.submission.files["sandbox-vqa"]
    assert predictions.tracks == ("answers",)
    assert {q: a.value for q, a in predictions.items.items()} == GOOD
    (summary,) = entry.files
    assert (summary.studies, summary.empty, summary.median_words) == (len(GOOD), 0, None)


def test_without_ids_more_questions_than_there_are_is_an_error_and_fewer_a_warning(folder):
    assert [(p.code, p.severity) for p in report(folder, None).problems] == [("RX305", Severity.WARNING)]
    written(folder, GOOD | {"zz": "A"})
    assert [(p.code, p.severity) for p in report(folder, None).problems] == [("RX302", Severity.ERROR)]
    written(folder, {k: v for k, v in GOOD.items() if k != FIRST})
    assert [(p.code, p.severity) for p in report(folder, None).problems] == [("RX302", Severity.WARNING)]


def test_convert_writes_what_validate_accepts(folder, tmp_path, capsys):
    source = tmp_path / "answers.jsonl"
    rows = [{"question_id": q, "model_prediction": f"The answer is {a}."} for q, a in GOOD.items()]
    source.write_text("\n".join(map(json.dumps, rows)))
    assert run_convert(source, "sandbox-vqa", folder, Wanted()) == 0
    output = capsys.readouterr().out
    assert f"{len(GOOD)} questions" in output
    assert f"{len(GOOD)} letters were extracted from text" in output
    assert (folder / "sandbox-vqa.json").read_text() == answers_text("paraphrase")
    assert not list(report(folder).problems)


def test_convert_refuses_the_questions_themselves(folder, tmp_path, capsys):
    source = tmp_path / "test_vqa_data.json"
    source.write_text(json.dumps(dict(questions())))
    assert run_convert(source, "sandbox-vqa", folder, Wanted()) == 1
    output = capsys.readouterr().err
    assert "contains the correct answers" in output
    assert "Nothing was written." in output
    assert (folder / "sandbox-vqa.json").read_text().count("\n") == len(GOOD) + 2
