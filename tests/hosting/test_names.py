"""Files other than `challenge.toml` that name the challenge: rewritten for another challenge, left alone if right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from support.challenges import changed

from evaluator.hosting.names import choices, lines_that_differ, other_names, owners, training_names

ROOT = Path(__file__).parents[2]
OURS = {"repository": "north/cxr", "maintainers": ["@north/crew", "@ann"], "security": ["@north/guards"]}

OWNERS = {
    "another's teams, the second for security": ("* @old/a\n/x/ @old/a @old/b\n", "* @north/crew @ann\n/x/ @north/crew @ann @north/guards\n"),
    "comments, blank lines, an owner in a comment": ("# @old/a\n\n/x @old/a # @old/b\n", "# @old/a\n\n/x @north/crew @ann # @old/b\n"),
    "another team of our own": ("* @north/crew\n/d/ @North/data\n", "* @north/crew\n/d/ @North/data\n"),
    "an account beside ours": ("* @north/crew @bob\n", "* @north/crew @bob\n"),
    "accounts alone, none of them ours": ("* @bob\n/x/ @bob @eve\n", "* @north/crew @ann\n/x/ @north/crew @ann @north/guards\n"),
    "a path that nobody owns": ("* @north/crew\n/free/\n", "* @north/crew\n/free/\n"),
    "somebody who stays": ("* @old/a @ann\n", "* @north/crew @ann\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", OWNERS)
def test_owners_are_ours(case):
    before, after = OWNERS[case]
    made = changed(**OURS)
    assert owners(before, made) == after
    assert owners(after, made) == after


def test_accounts_of_the_previous_challenge_are_replaced():
    assert owners("* @north/crew @bob\n", changed(**OURS), {"@bob"}) == "* @north/crew @ann\n"


def test_nothing_of_this_repository_names_another():
    assert other_names(ROOT, changed()) == {}


@pytest.fixture
def files(tmp_path):
    names = ("CITATION.cff", ".zenodo.json", ".devcontainer/devcontainer.json", "README.md")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    return tmp_path


def test_another_challenge_s_names_are_written_as_its_file_says(files):
    odd = 'Röntgen \\1 "№ 7"'
    made = changed(name=odd, steward="O'Neil\\n", about="About $it.", site="https://polar.example.org/")
    texts = other_names(files, made)
    assert len(texts) == 4
    for path, text in texts.items():
        path.write_text(text, "utf-8")
    assert other_names(files, made) == {}
    cited = yaml.safe_load((files / "CITATION.cff").read_text("utf-8"))
    assert (cited["title"], cited["authors"], cited["url"]) == (odd, [{"name": "O'Neil\\n"}], "https://polar.example.org/")  # fmt: skip
    assert cited["preferred-citation"]["title"].startswith("ReXrank: A Public")
    deposit = json.loads((files / ".zenodo.json").read_text("utf-8"))
    assert (deposit["title"], deposit["description"], deposit["creators"]) == (odd, "About $it.", [{"name": "O'Neil\\n"}])  # fmt: skip
    assert json.loads((files / ".devcontainer/devcontainer.json").read_text("utf-8"))["name"] == odd
    assert (files / "README.md").read_text("utf-8").startswith(f"# {odd}\n")


def test_authors_that_a_host_wrote_stay(files):
    path = files / "CITATION.cff"
    people = "authors:\n  - family-names: Doe\n    given-names: Ann\n  - name: A lab\n"
    path.write_text(f'title: "x"\n{people}url: y\n')
    (files / ".zenodo.json").write_text('{"creators": [{"name": "Doe, Ann"}, {"name": "A lab"}], "title": 3}')
    texts = other_names(files, changed(name="North"))
    assert people in texts[path]
    assert json.loads(texts[files / ".zenodo.json"])["creators"] == [{"name": "Doe, Ann"}, {"name": "A lab"}]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\ufeff{}", '{"title": {}}', '{"creators": [3]}'])
def test_a_damaged_deposit_gives_no_traceback(files, text):
    (files / ".zenodo.json").write_text(text, "utf-8")
    other_names(files, changed(name="North"))


def test_the_form_and_the_training_sets_follow_the_datasets():
    form = (
        "- type: dropdown\n  id: dataset\n  attributes:\n    options:\n    - a\n    - b\n  validations: x\n"
    )
    assert choices(form, ["b", "a"]) == form, "in the host's own order"
    assert choices(form, ["c"]) == form.replace("    - a\n    - b\n", "    - c\n")
    assert choices("nothing of the kind", ["c"]) == "nothing of the kind"
    assert training_names("# x\na\n", ["a", "b", "b"]) == "# x\na\nb\n"


def test_differing_lines_are_listed_with_their_numbers():
    assert lines_that_differ("a\nb\nc\n", "a\nB\nc\nd\n") == [(2, "b", "B"), (4, "", "d")]
