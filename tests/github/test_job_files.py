"""Files passed from job to job: the format both sides keep to, and the limits."""

from __future__ import annotations

import json

import pytest

from evaluator.core.problems import RexrankError
from evaluator.github import job_files
from evaluator.github.job_files import FEEDBACK, MAX_PULLS, Feedback, read_feedback, read_json, write_feedback

SHA = "0123456789abcdef0123456789abcdef01234567"
GOOD = Feedback(1, SHA, "pending", "valid", "😀" * 60_000)


def test_the_largest_that_is_allowed_comes_through(tmp_path):
    feedback = [Feedback(n, SHA, "pending", "é" * 130, GOOD.comment) for n in range(1, MAX_PULLS + 1)]
    write_feedback(tmp_path, feedback[:30])
    assert read_feedback(tmp_path) == feedback[:30]


@pytest.mark.parametrize(
    "feedback",
    [
        [Feedback(1, SHA, "green", "x")],
        [Feedback(1, SHA[:39], "pending", "x")],
        [Feedback(1, f"{SHA}\n", "pending", "x")],
        [Feedback(0, SHA, "pending", "x")],
        [Feedback(1, SHA, "pending", "x" * 131)],
        [Feedback(1, SHA, "pending", "x", "y" * 60_001)],
        [Feedback(1, SHA, "pending", "x")] * (MAX_PULLS + 1),
    ],
    ids=["state", "sha", "line", "number", "description", "comment", "pulls"],
)
def test_malformed_feedback_is_neither_written_nor_read(tmp_path, feedback):
    with pytest.raises(RexrankError, match="schema"):
        write_feedback(tmp_path, feedback)
    assert not (tmp_path / FEEDBACK).exists()
    value = {
        "schema": "rexrank/feedback/v1",
        "pulls": [{k: getattr(t, k) for k in t.__slots__} for t in feedback],
    }
    (tmp_path / FEEDBACK).write_text(json.dumps(value))
    with pytest.raises(RexrankError, match="schema"):
        read_feedback(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[" * 100_000], ids=["empty", "cut", "bytes", "deep"]
)
def test_invalid_json_is_refused(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(RexrankError, match="cannot be read"):
        read_json(tmp_path / "x.json", 10**6)


def test_the_limit_is_exact_and_links_are_not_followed(tmp_path):
    (tmp_path / "x.json").write_text('"aa"')
    assert read_json(tmp_path / "x.json", 4) == "aa"
    with pytest.raises(RexrankError, match="larger than 3"):
        read_json(tmp_path / "x.json", 3)
    (tmp_path / "link.json").symlink_to(tmp_path / "x.json")
    for name in ("link.json", "none.json"):
        with pytest.raises(RexrankError, match="missing"):
            read_json(tmp_path / name, 100)


def test_a_feedback_file_has_a_limit(tmp_path, monkeypatch):
    write_feedback(tmp_path, [GOOD])
    monkeypatch.setattr(job_files, "MAX_FEEDBACK_BYTES", 1000)
    with pytest.raises(RexrankError, match="larger"):
        read_feedback(tmp_path)
