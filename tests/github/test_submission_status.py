"""What a terminal shows of a bot's comment; tests/pipeline/test_submit.py covers the whole path."""

from __future__ import annotations

import pytest

from evaluator.github.submission_status import plain_lines


@pytest.mark.parametrize(
    ("comment", "lines"),
    [
        ("### ✅ Valid submission\n\n`a/b` at **x**", ["✅ Valid submission", "`a/b` at x"]),
        ("[RX101](https://x/y) \\*kept\\*", ["RX101 *kept*"]),
        ("| a |\n|---|\n| 1 |", ["| a |", "| 1 |"]),
        ("<details><summary>More</summary>\n\ntext &lt;b&gt;", ["More", "text <b>"]),
        ("told\n<details><summary>For maintainers</summary>\nmore</details>", ["told"]),
        ("an \x1b[31mescape\u202e", ["an \\u001b[31mescape\\u202e"]),
        ("", []),
    ],
)
def test_plain_lines(comment, lines):
    assert plain_lines(comment) == lines


def test_long_comments_are_cut():
    assert plain_lines("\n".join("abcd"), most=2) == ["a", "b", "… 2 more lines at the link"]
