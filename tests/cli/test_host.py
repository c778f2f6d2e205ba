"""A checkout becomes its own challenge: its files are measured and written, and lines that point elsewhere fixed."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from support.challenges import changed
from typer.testing import CliRunner

from evaluator.cli.app import app
from evaluator.cli.host_addresses import mend_addresses, other_addresses
from evaluator.core.problems import InputError
from evaluator.datasets.challenge import challenge, read_challenge
from evaluator.datasets.registry import read_dataset
from evaluator.datasets.sandbox import generate

ROOT = Path(__file__).parents[2]
WHO = ("--name", 'The "North" of CXR', "--repository", "north/cxr", "--steward", "The North", "--maintainers", "@north/crew")  # fmt: skip


def references(n: int) -> dict[str, dict[str, object]]:
    studies = json.loads((Path(generate.__file__).parent / "sandbox.json").read_text("utf-8"))
    return {f"ms{i:03}": s for i, s in enumerate(list(studies.values())[:n])}


WRONG = {
    "nothing said": ((), ["--name", "--repository", "--steward", "--maintainers", "--dataset", "--references"]),
    "no references": (("--dataset", "my-set", "--references", "nowhere", *WHO), ["there is no nowhere/my-set.json", "section_findings"]),
    "an id that is none": (("--dataset", "My Set", "--references", "references", *WHO), ["lower-case letters"]),
    "a repository that is none": (("--dataset", "other", "--references", "references", *WHO, "--repository", "x"), ["/repository", "OWNER/NAME"]),
    "private references without protection": (("--dataset", "other", "--references", "references", "--profile", "small", *WHO), ["is only for --access public", "--profile fortress"]),
    "a task that is none": (("--dataset", "other", "--references", "references", "--task", "report-writing", *WHO), ["unknown task"]),
    "questions that are no reports": (("--dataset", "words", "--references", "references", *WHO), ["words.json must be an object of studies"]),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_missing_and_wrong_answers_are_reported_before_anything_is_written(tmp_path, monkeypatch, case):
    (tmp_path / "evaluator/datasets").mkdir(parents=True)
    (tmp_path / "references").mkdir()
    (tmp_path / "references/other.json").write_text(json.dumps(references(3)))
    (tmp_path / "references/words.json").write_text('["a"]')
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    arguments, words = WRONG[case]
    result = CliRunner().invoke(app, ["host", "init", *arguments])
    assert isinstance(result.exception, InputError)
    assert [w for w in words if w not in str(result.exception)] == []
    assert sorted(tmp_path.rglob("*")) == before


def test_addresses_of_this_repository_point_here():
    assert other_addresses(ROOT, challenge()) == []


LEADING = {
    "README.md": ("pipx install git+https://github.com/old/one  # x", "old/one"),
    "site/submit.md": ("[form](https://github.com/old/one/issues/new?template=x.yml)", "old/one"),
    "site/api.md": ("`https://old.github.io/one/data/index.json`", "https://old.github.io/one/"),
    "runner/runner.conf.example": ("REPOSITORY=old/one", "old/one"),
    ".github/ISSUE_TEMPLATE/config.yml": (
        "    url: https://polar.example.org/cxr/submit/",
        "https://polar.example.org/cxr/",
    ),
    ".github/CODEOWNERS": ("/a/ @old/team", "/a/ @old/team"),
    ".pre-commit-hooks.yaml": ("# - repo: https://github.com/old/one, rev: a tag", "old/one"),
}


def test_every_line_that_points_elsewhere_is_named_and_fixed(tmp_path):
    north = changed(repository="north/cxr", site="https://north.github.io/cxr/", maintainers=["@north/a"])
    for name, (line, _) in LEADING.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"first\n{line}\nsee https://github.com/jbdel/RadEval\n")
    lines = {a.file: (a.line, a.found) for a in other_addresses(tmp_path, north)}
    assert lines == {name: (2, words) for name, (_, words) in LEADING.items()}
    mend_addresses(tmp_path, north)
    assert other_addresses(tmp_path, north) == []
    assert "/a/ @north/a" in (tmp_path / ".github/CODEOWNERS").read_text()
    assert "https://north.github.io/cxr/data/index.json" in (tmp_path / "site/api.md").read_text()


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A checkout with only the folder of datasets, and references of reports and of questions."""
    (tmp_path / "evaluator/datasets").mkdir(parents=True)
    folder = tmp_path / "references"
    folder.mkdir()
    (folder / "first.json").write_text(json.dumps(references(40)))
    nameless = {i: {k: v for k, v in s.items() if k != "subject_id"} for i, s in references(35).items()}
    (folder / "second.json").write_text(json.dumps(nameless))
    questions = (Path(generate.__file__).parent / "sandbox-vqa.json").read_bytes()
    (folder / "asked.json").write_bytes(questions)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments):
    result = CliRunner().invoke(
        app, ["host", "init", "--references", "references", *arguments], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_a_dataset_is_private_unless_said_otherwise(bare):
    output = init("--dataset", "first", *WHO)
    dataset = read_dataset(bare / "evaluator/datasets/first.yaml", "first")
    assert dataset.access == "withheld"
    assert not (bare / "evaluator/datasets/manifests").exists()
    assert "rexrank data manifest references" in output
    assert "REXRANK_SALT" in output
    challenge_text = tomllib.loads((bare / "challenge.toml").read_text("utf-8"))
    assert (challenge_text["profile"], "overall" in challenge_text) == ("fortress", False)
    assert (bare / ".github/CODEOWNERS").read_text("utf-8") == "* @north/crew\n"


def test_several_datasets_make_one_order(bare):
    output = init("--dataset", "first", "--dataset", "second", "--access", "restricted", *WHO)
    assert "second: 35 studies, each treated as a separate patient" in output
    text = tomllib.loads((bare / "challenge.toml").read_text("utf-8"))
    assert text["datasets"] == text["overall"]["boards"] == ["first", "second"]
    second = read_dataset(bare / "evaluator/datasets/second.yaml", "second")
    assert (second.cluster, second.n_patients, second.access) == (None, None, "restricted")


def test_questions_are_counted_as_items(bare):
    init("--dataset", "asked", "--task", "vqa", "--access", "public", *WHO)
    dataset = read_dataset(bare / "evaluator/datasets/asked.yaml", "asked")
    sandbox = read_dataset(ROOT / "evaluator/datasets/sandbox-vqa.yaml", "sandbox-vqa")
    assert (dataset.size, dataset.n_studies, dataset.n_patients, dataset.tracks) == (
        sandbox.size, sandbox.n_studies, sandbox.n_patients, sandbox.tracks,
    )  # fmt: skip
    assert dataset.ids_digest is not None
    assert tomllib.loads((bare / "challenge.toml").read_text())["primary"] == {"vqa": "accuracy_macro"}


def test_missing_answers_are_asked_for_at_a_terminal(bare, monkeypatch):
    answers = iter(["Northern CXR", "north/cxr", "The North", "@north/crew @north/two"])
    monkeypatch.setattr("evaluator.cli.host_identity.at_terminal", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: next(answers))
    init("--dataset", "first")
    text = tomllib.loads((bare / "challenge.toml").read_text("utf-8"))
    assert (text["short"], text["site"], text["maintainers"]) == (
        "Northern", "https://north.github.io/cxr/", ["@north/crew", "@north/two"],
    )  # fmt: skip


BY_HAND = """\
name = "Quiz Night"
short = "Quiz"
about = "Which model answers best?"
repository = "west/quiz"
site = "https://quiz.example.org/"
contact = "mail@example.org"
steward = "The West"
maintainers = ["@west/crew"]
security = ["@west/guards"]
bot = "quiz-bot"
profile = "small"
tasks = ["vqa"]
datasets = ["asked"]
[primary]
vqa = "accuracy_macro"
[rules]
entry = "Anyone."
predictions = "Public."
conflicts = "None."
"""


def test_a_challenge_written_by_hand_is_completed(bare):
    """A host who edits only `challenge.toml` is told what to run, which writes the rest and leaves the file alone."""
    (bare / "challenge.toml").write_text(BY_HAND)
    with pytest.raises(InputError) as caught:
        read_challenge(bare / "challenge.toml")
    assert "rexrank host init --dataset asked --references DIR" in str(caught.value)
    (bare / ".github").mkdir()
    (bare / ".github/CODEOWNERS").write_text("* @old/a\n/x/ @old/a @old/b # both\n")
    output = init("--task", "vqa", "--access", "public")
    assert "wrote evaluator/datasets/asked.yaml" in output
    assert (bare / "challenge.toml").read_text() == BY_HAND
    assert (bare / ".github/CODEOWNERS").read_text() == "* @west/crew\n/x/ @west/crew @west/guards # both\n"
    ours = ("--repository", "west/quiz")
    assert "nothing to write" in init(*ours, "--task", "vqa", "--access", "public")
    with pytest.raises(InputError, match="lists no task report-generation"):
        init(*ours, "--dataset", "first", "--access", "public")
    with pytest.raises(InputError, match="the small profile does not hide references"):
        init(*ours, "--dataset", "other-set", "--task", "vqa")


def test_a_dataset_is_added_to_ones_own_challenge(bare):
    init("--dataset", "first", *WHO)
    output = init("--dataset", "second", "--repository", "north/cxr")
    assert "wrote challenge.toml" in output
    assert tomllib.loads((bare / "challenge.toml").read_text())["datasets"] == ["first", "second"]


def _without(*fields):
    return {i: {k: v for k, v in s.items() if k not in fields} for i, s in references(40).items()}


ODD = {
    "no impression": (_without("section_impression"), "40 studies of 40 patients (by subject_id); tracks: findings 40, report 40"),
    "no findings": (_without("section_findings"), "tracks: report 40"),
    "NaN for every impression": ({i: {**s, "section_impression": float("nan")} for i, s in references(40).items()}, "report 40"),
    "patients of some": ({**references(40), **dict([*_without("subject_id").items()][:3])}, "each treated as a separate patient (3 of 40 lack subject_id)"),
    "patients by number and by text": ({**references(40), **{f"n{i}": {**s, "subject_id": i} for i, s in enumerate(references(2).values())}}, "42 studies"),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD)
def test_odd_references_are_measured_and_described(bare, case):
    studies, words = ODD[case]
    (bare / "references/odd.json").write_text(json.dumps(studies))
    output = init("--dataset", "odd", "--access", "public", *WHO)
    assert words in output
    dataset = read_dataset(bare / "evaluator/datasets/odd.yaml", "odd")
    assert (dataset.size, all(dataset.sections.values())) == (len(studies), True)


REFUSED = {
    "a table": ("odd.csv", "id,section_findings\na,Clear.\n", "there is no references/odd.json (there is odd.csv)"),
    "a table under the name of JSON": ("odd.json", "id,section_findings\n", "is not JSON"),
    "a list": ("odd.json", '[{"id": "a", "report": "Clear."}]', "must be an object of studies"),
    "an id twice": ("odd.json", '{"a": {"section_findings": "x"}, "a": {"section_findings": "y"}}', "a key appears twice"),
    "a byte order mark": ("odd.json", '\ufeff{"a": {"section_findings": "x"}}', "UTF-8 BOM"),
    "other fields": ("odd.json", '{"a": {"findings": "x", "impression": "y"}}', "The first has the fields findings, impression"),
    "too deep": ("odd.json", "[" * 4000, "is not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_references_are_refused_with_the_expected_form(bare, case):
    name, text, words = REFUSED[case]
    (bare / "references" / name).write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        init("--dataset", "odd", "--access", "public", *WHO)
    assert words in str(caught.value)
    assert 'table.set_index("id").to_json("my-set.json", orient="index")' in str(caught.value)
    assert not (bare / "challenge.toml").exists()
