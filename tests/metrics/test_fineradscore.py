"""FineRadScore's prompt, numbering and checks against the official code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluator.core.problems import MetricUnavailable
from evaluator.metrics.fineradscore import (
    OFFICIAL_CALLS,
    SEVERITY,
    BadAnswer,
    FineRadScore,
    conversation,
    numbered,
    official,
    severities,
    strict,
)
from evaluator.models.runtime import Run

JUDGES = Path(__file__).parents[1] / "data" / "parity" / "judges"


def load(name: str) -> Any:
    return json.loads((JUDGES / name).read_text("utf-8"))


GOLDEN = load("golden/fine_golden.json")
CASES = {c["id"]: c for c in load("fixtures/fine_completions.json")}


def test_severities_are_those_of_the_golden_run() -> None:
    assert GOLDEN["severity_map_used"] == SEVERITY


def test_prompt_has_the_published_messages() -> None:
    case = CASES["f000"]
    messages = conversation(case["pred"], case["ground_truth"])
    assert [role for role, _ in messages] == GOLDEN["few_shot_message_roles"]
    assert sum(len(text) for _, text in messages) == GOLDEN["few_shot_prompt_chars"]


@pytest.mark.parametrize("case", load("golden/fine_numbering_golden.json"), ids=lambda c: c["report"][:30])
def test_numbering_equals_the_official_one(case: dict[str, str]) -> None:
    assert numbered(case["report"]) == case["numbered"]


def drive(completions: list[str]) -> tuple[str, int, Any]:
    """(outcome, calls, stored) of the official rule on successive completions; the last one repeats."""
    scores: Any = None
    for call in range(1, OFFICIAL_CALLS + 1):
        try:
            scores, accepted = official(completions[min(call, len(completions)) - 1])
        except BadAnswer:
            return "crash", call, None
        if accepted:
            return "stored", call, scores
    return "stored", OFFICIAL_CALLS, scores


@pytest.mark.parametrize("golden", GOLDEN["cases"], ids=lambda c: c["name"])
def test_checks_and_retries_equal_the_official_ones(golden: dict[str, Any]) -> None:
    outcome, calls, scores = drive(CASES[golden["id"]]["completions"])
    assert (outcome, calls) == (golden["outcome"], golden["judge_calls"])
    if outcome == "stored":
        wanted = golden["stored"]
        wanted = json.loads(wanted) if isinstance(wanted, str) else wanted
        assert json.dumps(scores) == json.dumps(wanted)
        values = severities(scores) if golden["valid_final"] else None
        if values and not golden["aggregate"]["unknown_labels"]:
            assert (max(values), sum(values)) == (golden["aggregate"]["max"], golden["aggregate"]["sum"])


def correction(severity: str = "Urgent error") -> dict[str, Any]:
    return {"corrections": "x", "clinical severity": severity, "comments": "c", "error category": []}


def twice(key: str) -> str:
    value = json.dumps(correction())
    return f'{{"{key}": {value}, "{key}": {value}}}'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{}", []),
        (json.dumps({"0": correction()}), ["0"]),
        ("```json\n" + json.dumps({"1": correction()}) + "\n```", ["1"]),
        (twice("None"), ["None", "None"]),
        (twice("0"), None),
        (json.dumps({"2": correction()}), None),
        (json.dumps({"²": correction()}), None),
        (json.dumps({"00": correction()}), None),
        (json.dumps({"0": correction("[delete]")}), None),
        (json.dumps({"0": correction("")}), None),
        (json.dumps({"0": "corrections clinical severity comments error category"}), None),
        ('{"0": NaN}', None),
        ("[]", None),
        ("null", None),
        ("No errors.", None),
        ("{" * 5000, None),
        (json.dumps({}) + " Great report!", None),
    ],
)
def test_strict_answers(text: str, found: list[str] | None) -> None:
    answer = strict(text, n_lines=2)
    assert (None if answer is None else [line for line, _ in answer]) == found


def test_without_a_judge_the_fix_is_named() -> None:
    with pytest.raises(MetricUnavailable, match="rexrank judge serve"):
        FineRadScore().signature(Run())
