"""A validation as people and machines read it; nothing hostile breaks out of its place."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.problems import Problems, Severity
from evaluator.submissions import outcome as rendering
from evaluator.submissions.validate import FolderResult, Report

HOSTILE = "a`b``c|d <img src=x onerror=alert(1)> [x](http://y) @admin\n::set-output name=x::y\n%0A::error::z"


def report(
    *, text="no findings", file="submissions/a/b/x.json", n=1, severity=Severity.ERROR, ok_folder=True
):
    problems = Problems()
    for i in range(n):
        problems.add(
            "RX206", file, pointer=f"/{i}", line=i + 1, found=text, wanted=text, fix=text, severity=severity
        )
    entries = (FolderResult("submissions/a/b", "a", "b", None, ()),) if ok_folder else ()
    return Report(problems, entries)


def test_verdicts():
    assert rendering.verdict(report()) == "Not valid: 1 problem in 1 submission."
    assert (
        rendering.verdict(report(n=2, severity=Severity.WARNING))
        == "Valid: 1 submission checked, 2 warnings."
    )
    assert rendering.verdict(report(n=0)) == "Valid: 1 submission checked."
    assert rendering.verdict(report(n=0, ok_folder=False)) == "No submission found here."
    assert not report(n=0, ok_folder=False).ok


def test_text_shows_place_and_fix():
    output = rendering.as_text(report(), colour=False)
    assert "submissions/a/b/x.json\n  RX206 error /0 (line 1)\n      found   no findings\n" in output
    assert output.endswith("run rexrank validate again.\n")
    assert "\033" not in output
    assert "\033[31m" in rendering.as_text(report(), colour=True)


def test_json_is_whole():
    body = json.loads(rendering.as_json(report(n=25)))
    assert body["errors"] == 25
    assert len(body["problems"]) == 20
    assert body["not_listed"] == [{"code": "RX206", "count": 5, "file": "submissions/a/b/x.json"}]
    assert body["valid"] is False


def test_no_text_starts_another_workflow_command():
    text = rendering.as_github(report(text=HOSTILE, file=HOSTILE))
    commands = [line for line in text.splitlines() if line.startswith("::")]
    assert len(commands) == 1
    assert commands[0].startswith("::error file=")
    assert len(text.splitlines()) == 2


@given(st.text(max_size=80))
def test_no_text_leaves_its_code_span(text):
    span = rendering.code_span(text)
    fence = re.match(r"`+", span).group()
    inside = span[len(fence) : -len(fence)]
    assert fence not in re.findall(r"`+", inside)
    assert "\n" not in span
    assert not re.search(r"(?<!\\)\|", span)


@given(st.text())
def test_no_text_makes_markup(text):
    markup = rendering.markdown_text(text)
    assert "\n" not in markup
    assert "<" not in markup
    for position, character in enumerate(markup):
        if character in "[]*_`|@":
            assert markup[position - 1] == "\\"


@pytest.mark.parametrize("text", ["@everyone", "a@b.example", "#12", "rexrank/challenge#1"])
def test_no_text_mentions_or_refers_once_its_escapes_are_gone(text):
    markup = rendering.markdown_text(text).replace("\\", "")
    assert not re.search(r"[@#]\w", markup)
    assert markup.replace("\u200b", "") == text


def test_comment_is_capped_and_counts_the_rest():
    problems = Problems()
    for i in range(4_000):
        problems.add(
            "RX206", f"submissions/a/b/{i:04}.json", found="x" * 250, wanted="y" * 250, fix="z" * 250
        )
    text = rendering.as_markdown(Report(problems, (FolderResult("submissions/a/b", "a", "b", None, ()),)))
    assert len(text) < 60_000
    assert re.search(r"… and [\d,]+ more", text)


def test_thousands_of_folders_do_not_fill_the_comment():
    entries = tuple(FolderResult(f"submissions/a/{i:04}", "a", str(i), None, ()) for i in range(9_000))
    text = rendering.as_markdown(Report(Problems(), entries))
    assert len(text) < 60_000
    assert "- … and 8,950 more" in text


@pytest.mark.parametrize("render", [rendering.as_markdown, lambda r: rendering.as_text(r, colour=False)])
def test_names_of_folders_reach_no_terminal_raw(render):
    entries = (FolderResult("submissions/a/\x1b[2J\udcff\u202e", "a", "b", None, ()),)
    output = render(Report(Problems(), entries))
    assert not {"\x1b", "\udcff", "\u202e"} & set(output)
    assert "\\u001b[2J\\udcff\\u202e" in output


def test_names_that_are_not_unicode_can_be_written_as_json():
    output = rendering.as_json(report(file="submissions/a/b/\udcff.json", n=25))
    output.encode("utf-8")
    assert json.loads(output)["not_listed"][0]["file"] == "submissions/a/b/\\udcff.json"


def test_annotations_say_how_many_they_leave_out():
    text = rendering.as_github(report(n=25))
    assert "5 problems are not shown here" in text
    assert "not shown" not in rendering.as_github(report(n=3))


@pytest.mark.parametrize("render", [rendering.as_markdown, rendering.as_json, rendering.as_github])
def test_same_report_same_bytes(render):
    assert render(report(text=HOSTILE)) == render(report(text=HOSTILE))
