"""Visible strings: all kinds are collected with their lines, and none contains a banned phrase."""

from __future__ import annotations

import ast

import pytest

from tools.visible_strings import OWN_WORDS, Passage, banned, collected, passages


@pytest.fixture(scope="module")
def strings():
    return collected()


def test_every_room_has_strings(strings):
    assert {room for room, texts in strings.items() if len(texts) > 300} == set(strings)


@pytest.mark.parametrize(
    ("room", "file", "words"),
    [
        ("site", "site/rules.md", "Ties are not broken by name or date"),
        ("site", "evaluator/site/templates/board/legend.html", "no test shows these models to be worse"),
        ("site", "evaluator/site/board/verdict.py", "are statistically tied for first"),
        ("site", "site/assets/compare.js", "a difference this small could be chance"),
        ("site", "evaluator/metrics/chexbert.py", "CheXbert"),
        ("site", "evaluator/datasets/iu-xray.yaml", "Words removed for privacy"),
        ("GitHub", ".github/ISSUE_TEMPLATE/dispute.yml", "an integrity flag looks wrong"),
        ("GitHub", "evaluator/github/validation_comment.py", "You do not need to do anything"),
        ("GitHub", "evaluator/submissions/rules/codes.py", "Links start with https://"),
        ("command line", "evaluator/cli/app.py", "report every problem in one pass"),
        ("command line", "run.py", "Run the same command again"),
        ("command line", "evaluator/schemas/model-card-v1.schema.json", "GitHub handles, without @"),
        ("documents", "README.md", "An open challenge for AI-written chest X-ray reports"),
    ],
)
def test_a_string_of_each_kind_is_there(strings, room, file, words):
    assert any(p.file == file and words in p.shown for p in strings[room])


def test_docstrings_are_not_visible_but_those_of_commands(tmp_path):
    source = '"""A module of words."""\n@app.command()\ndef go():\n    """Say the words."""\n    """No one reads this."""\n'
    ast.parse(source)
    (tmp_path / "x.py").write_text(source, "utf-8")
    assert list(passages(tmp_path / "x.py", "x.py")) == [Passage("x.py", 4, "Say the words.")]


def test_a_banned_phrase_is_found_over_a_line_break_with_its_line(tmp_path):
    (tmp_path / "page.md").write_text("# Title\n\nAll is fine, but to\nmend it is not.\n", "utf-8")
    hits = [
        (p.line_of(match.start()), rule.instead)
        for p in passages(tmp_path / "page.md", "page.md")
        for rule in banned()
        if (match := rule.pattern.search(p.text)) and rule.phrase == "To mend it"
    ]
    assert hits == [(3, "Fix:")]


@pytest.mark.parametrize(
    "words",
    [
        "alone in front",
        "6 not told apart",
        "What is sure",
        "Everyone may enter",
        "Who is better than whom",
        "Farthest move",
        "To mend it",
        "Who tries is told",
        "Of somebody's first one a maintainer has to let the check run",
    ],
)
def test_what_no_native_speaker_writes_is_banned(words):
    assert any(rule.pattern.search(words) for rule in banned())


def test_no_visible_string_contains_a_banned_phrase(strings):
    rules = banned()
    wrong = [
        f"{p.file}:{p.line_of(match.start())}: {match[0]!r} -> {rule.instead}"
        for texts in strings.values()
        for p in texts
        if p.file not in OWN_WORDS
        for rule in rules
        if (match := rule.pattern.search(p.text))
    ]
    assert not wrong, "\n".join(wrong)
