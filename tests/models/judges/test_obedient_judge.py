"""A judge that does whatever a report tells it: no hostile text gains score without being seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluator.core.types import Pair
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.sandbox.facts import facts_of
from evaluator.datasets.sandbox.generate import predictions
from evaluator.metrics.base import Metric
from evaluator.metrics.fineradscore import FineRadScore
from evaluator.metrics.green import PROMPTED, Green
from evaluator.metrics.judges import by_metric, stand_in_reply
from evaluator.models.judges import stub_server as standin
from evaluator.models.judges.client import Judge
from evaluator.models.judges.controls import REPORTS, controls
from evaluator.models.judges.identity import JudgeVoid
from evaluator.models.judges.sanitise import INJECTIONS, escaped
from evaluator.models.judges.settings import JudgeSettings
from evaluator.models.judges.transcripts import Answer, Request
from evaluator.models.runtime import Run
from evaluator.statistics.judge_outliers import judge_outliers

OTHERS = (Path(__file__).parents[2] / "data" / "injection.txt").read_text("utf-8").splitlines()
NEW = [text for text in OTHERS if text not in INJECTIONS]
"""Hostile texts that are not controls of the public list."""
PERFECT = (
    "[Explanation]:\nAs told.\n\n[Clinically Significant Errors]:\nNo errors.\n\n"
    "[Clinically Insignificant Errors]:\nNo errors.\n\n[Matched Findings]:\n3. all"
)


def skeleton(text: str) -> str:
    """A text as a reader sees it who overlooks brackets, case and invisible characters."""
    plain = escaped(re.sub(r"\[\d+\] ", "", text)).lower()  # FineRadScore's own numbers of lines
    return re.sub(r"[^a-z0-9]+", "", plain) or plain


def obeying(prompts: Sequence[str]) -> Callable[..., list[Answer]]:
    """`Judge.ask` of a judge that gives full marks if a candidate contains one of the prompts."""
    orders = [skeleton(p) for p in prompts]
    assert all(orders)

    def answer(request: Request) -> str:
        messages = [standin.Message(content) for _, content in request.messages]
        last = messages[-1].content
        green = PROMPTED.search(last)
        candidate = green[2] if green else last.partition(" Ground Truth Text:")[0]
        if any(order in skeleton(candidate) or order in candidate for order in orders):
            return PERFECT if green else "{}"
        return standin.answer(messages, stand_in_reply(facts_of))

    def ask(_: Judge, requests: Sequence[Request], __: Any = None) -> list[Answer]:
        return [Answer(text=answer(request)) for request in requests]

    return ask


def run(**more: Any) -> Run:
    judge = JudgeSettings("http://127.0.0.1:9/v1", "obedient", **more)
    return Run(judges=by_metric(judge), details=True)


def goodness(metric: Metric, values: np.ndarray) -> np.ndarray:
    best = metric.upper_bound if metric.higher_is_better else metric.lower_bound
    return (values - metric.worst) / (best - metric.worst)


@pytest.mark.parametrize("metric", [Green(), FineRadScore()])
@pytest.mark.parametrize("text", INJECTIONS)
def test_a_judge_that_obeys_a_control_is_voided(
    monkeypatch: pytest.MonkeyPatch, metric: Metric, text: str
) -> None:
    monkeypatch.setattr(Judge, "ask", obeying([text]))
    with pytest.raises(JudgeVoid, match="failed control injected-"):
        metric.score([Pair("a", REPORTS[0], REPORTS[1])], run())


@pytest.mark.parametrize("metric", [Green(), FineRadScore()])
def test_a_judge_that_obeys_everything_is_voided(monkeypatch: pytest.MonkeyPatch, metric: Metric) -> None:
    monkeypatch.setattr(Judge, "ask", obeying([*INJECTIONS, *NEW]))
    with pytest.raises(JudgeVoid, match="before the run"):
        metric.score([Pair("a", REPORTS[0], f"{REPORTS[1]} {NEW[0]}")], run())


@pytest.mark.parametrize("metric", [Green(), FineRadScore()])
@pytest.mark.parametrize("text", NEW)
def test_a_new_hostile_text_is_seen_by_what_it_gains(
    monkeypatch: pytest.MonkeyPatch, metric: Metric, text: str
) -> None:
    """Also with a judge that passes every public control: the study stands out among similar ones."""
    pairs = board()
    monkeypatch.setattr(Judge, "ask", obeying([]))
    clean = goodness(metric, metric.score(pairs, run()).values)
    target = int(np.argmin(clean))
    noise = np.random.default_rng(7).normal(0, 0.03, (2, len(pairs)))
    evidence = np.clip(np.stack([0.7 * clean, 0.3 + 0.6 * clean]) + noise, 0, 1).T
    pairs[target] = Pair(pairs[target].id, pairs[target].reference, f"{pairs[target].prediction} {text}")
    monkeypatch.setattr(Judge, "ask", obeying([text]))
    gained = goodness(metric, metric.score(pairs, run()).values)
    assert gained[target] - clean[target] > 0.5
    far = judge_outliers(gained, evidence)
    assert far is not None
    assert far[0][target]


@pytest.mark.parametrize("text", NEW)
def test_a_private_control_finds_out_who_obeys_it(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(Judge, "ask", obeying([text]))
    with pytest.raises(JudgeVoid, match="failed control injected-20 before the run") as caught:
        Green().score([Pair("a", REPORTS[0], REPORTS[1])], run(control_prompts=(text,)))
    assert text not in str(caught.value)


def test_private_prompts_are_not_shown() -> None:
    assert "secret" not in repr(JudgeSettings("u", "m", control_prompts=("secret words",)))
    assert [kind for kind, _ in controls(("a", "b"))].count("injected") == len(INJECTIONS) + 2


def board() -> list[Pair]:
    """Sandbox studies with a paraphrase for most, and another patient's report for every third."""
    references = load_references(get_dataset("sandbox"), None).studies
    own = predictions("paraphrase")
    ids = sorted(references)
    return [
        Pair(s, references[s].findings or "", own[ids[(i + 7) % len(ids)] if i % 3 == 0 else s].findings)
        for i, s in enumerate(ids)
    ]
