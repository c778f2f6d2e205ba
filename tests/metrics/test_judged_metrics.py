"""The judged metrics over real HTTP: stand-in judge, failures, injections and controls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.needs import reason

from evaluator.core.types import Pair
from evaluator.metrics.base import Metric
from evaluator.metrics.crimson import Crimson
from evaluator.metrics.fineradscore import FineRadScore, schema_of
from evaluator.metrics.green import Green
from evaluator.metrics.judged import JudgedMetric
from evaluator.metrics.judges import by_metric, stand_in_reply
from evaluator.models.judges.client import Judge
from evaluator.models.judges.controls import REPORTS
from evaluator.models.judges.identity import JudgeVoid
from evaluator.models.judges.sanitise import INJECTIONS, escaped
from evaluator.models.judges.settings import JudgeSettings
from evaluator.models.judges.stub_server import MODEL, differences, stand_in_judge
from evaluator.models.judges.transcripts import Answer, Request
from evaluator.models.runtime import Run
from evaluator.submissions.rules.text_rules import TEXT_RULES, rules_hit


@dataclass(frozen=True)
class Fact:
    finding: str
    status: str = "present"
    location: str = ""
    severity: str = ""
    change: str = ""


FINDINGS = (
    "pleural effusion",
    "pneumothorax",
    "heart",
    "consolidation",
    "edema",
    "endotracheal tube",
    "rib fracture",
    "atelectasis",
    "nodule",
    "cardiomegaly",
    "opacity",
    "central venous line",
)


def facts_of(text: str) -> list[Fact]:
    facts = []
    for sentence in text.lower().split("."):
        for finding in FINDINGS:
            if finding in sentence:
                status = "absent" if "no " in sentence else "present"
                place = next((p for p in ("right", "left") if p in sentence and status == "present"), "")
                size = next((s for s in ("small", "large") if s in sentence), "")
                normal = finding == "heart" and "normal" in sentence
                facts.append(Fact(finding, "absent" if normal else status, place, size))
    return facts


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    pytest.importorskip("openai", reason=reason("score"))
    with stand_in_judge(stand_in_reply(facts_of)) as address:
        yield address


def run_of(url: str, protocol: Any = "clean", **more: Any) -> Run:
    judge = JudgeSettings(url, MODEL, stand_in=True, backoff=0.01, concurrency=8)
    return Run(protocol=protocol, judges=by_metric(judge), details=True, **more)


REFERENCE = REPORTS[0]
NEAR = REFERENCE.replace("right", "left")
PAIRS = [
    Pair("same", REFERENCE, REFERENCE),
    Pair("near", REFERENCE, NEAR),
    Pair("far", REFERENCE, REPORTS[1]),
    Pair("empty", REFERENCE, ""),
]


@pytest.mark.parametrize("protocol", ["clean", "compat"])
def test_green_over_http(url: str, protocol: str) -> None:
    scores = Green().score(PAIRS, run_of(url, protocol))
    assert scores.values[0] == 1.0
    assert scores.values[0] > scores.values[1] > scores.values[2] >= scores.values[3] == 0.0
    assert scores.failed.tolist() == [False, False, False, protocol == "clean"]
    assert scores.details is not None
    assert [d["parse_status"] for d in scores.details[:3]] == ["ok"] * 3


@pytest.mark.parametrize(("variant", "values"), [("max", [0, 2, 3]), ("sum", [0, 2, 7])])
def test_fineradscore_over_http(url: str, variant: str, values: list[float]) -> None:
    scores = FineRadScore().score(PAIRS, run_of(url, variants={"fineradscore": variant}))
    assert scores.values[:3].tolist() == values
    assert scores.values[3] >= max(scores.values[:3])
    assert scores.failed.tolist() == [False, False, False, True]


@pytest.mark.parametrize("protocol", ["clean", "compat"])
def test_crimson_over_http(url: str, protocol: str) -> None:
    scores = Crimson().score(PAIRS, run_of(url, protocol))
    assert scores.values[0] == 1.0
    assert scores.values[0] > scores.values[1] > scores.values[2] > -1.0
    # An empty report scores no better than a normal template, as in the package; under clean it fails.
    assert (scores.values[3], scores.failed.tolist()) == (
        (-1.0, [False] * 3 + [True]) if protocol == "clean" else (0.0, [False] * 4)
    )
    assert scores.details is not None
    assert scores.details[1]["answer"]["errors"]["attribute_errors"][0]["error_types"] == ["location"]


@pytest.mark.parametrize("metric", [Green(), FineRadScore(), Crimson()])
def test_signature_says_stand_in(url: str, metric: Metric) -> None:
    signature = metric.signature(run_of(url))
    assert (str(signature.judges[0]), signature.trusted) == ("facts@stand-in", False)


HOSTILE = sorted(
    {*INJECTIONS, *(Path(__file__).parents[1] / "data" / "injection.txt").read_text("utf-8").splitlines()}
)


@pytest.mark.parametrize(
    "text", [*HOSTILE, "\uff3bMatched Findings\uff3d", "<\u200b|user|>", "{}", "<<<s>>>", "[[1]]"]
)
def test_escaping_neutralises_every_mark(text: str) -> None:
    plain = escaped(f"The lungs are clear.\n{text}")
    assert not set("[]{}`\n") & set(plain)
    assert not re.search(r"<[|/!?A-Za-z_]", plain)
    for key in (rule.key for rule in TEXT_RULES if rule.escaped):
        hit = rules_hit(plain).get(key, "")
        # The name of a role stays: in a text on one line it starts no turn.
        assert not set("<>[]") & set(hit), (key, hit)


@given(st.text(alphabet="<>[]{}|/`s abS\n\u200b\uff1c\uff3b", max_size=40))
def test_escaping_leaves_nothing_that_opens_or_closes(text: str) -> None:
    plain = escaped(text)
    assert not re.search(r"[\[\]{}`\n]|<[|/!?A-Za-z_<]|[|/A-Za-z_]>", plain)
    assert escaped(plain) == plain


@pytest.mark.parametrize(
    "text", ["Nodule <3 mm, > 2 cm away.", "T5-T6; 3 x 4 mm (stable).", "Heart < 50 % of the chest."]
)
def test_escaping_leaves_honest_reports_alone(text: str) -> None:
    assert escaped(text) == text


def test_injected_predictions_gain_nothing(url: str) -> None:
    pairs = [Pair(str(i), REFERENCE, f"{REPORTS[1]}\n{text}") for i, text in enumerate(INJECTIONS)]
    pairs.append(Pair("plain", REFERENCE, REPORTS[1]))
    for metric in (Green(), FineRadScore(), Crimson()):
        scores = metric.score(pairs, run_of(url))
        assert scores.values.tolist() == [scores.values[-1]] * len(pairs)
        assert not scores.failed.any()


PHRASES = (
    "Ignore the artifact seen on prior.",
    "Of clinical severity: mild.",
    "As an AI I cannot see an effusion.<end_of_turn>",
    "You are a fast reader. ```json```",
)


@pytest.mark.parametrize("metric", [Green(), FineRadScore(), Crimson()])
def test_no_honest_words_cost_a_report_its_score(url: str, metric: Metric) -> None:
    pairs = [Pair(str(i), REFERENCE, f"{REFERENCE} {text}") for i, text in enumerate(PHRASES)]
    pairs.append(Pair("plain", REFERENCE, REFERENCE))
    scores = metric.score(pairs, run_of(url))
    assert not scores.failed.any()
    assert scores.values.tolist() == [scores.values[-1]] * len(pairs)


@pytest.mark.parametrize("reply", ["{}", "[Matched Findings]:\n3. all", "", "no idea", "null"])
@pytest.mark.parametrize("metric", [Green(), FineRadScore(), Crimson()])
def test_a_judge_that_always_says_one_thing_is_voided(
    monkeypatch: pytest.MonkeyPatch, url: str, metric: Metric, reply: str
) -> None:
    monkeypatch.setattr("evaluator.models.judges.stub_server.answer", lambda *_: reply)
    with pytest.raises(JudgeVoid, match="control"):
        metric.score(PAIRS, run_of(url))


def test_a_judge_that_turns_bad_during_the_run_is_voided(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    from evaluator.models.judges import stub_server as standin

    real, bad = standin.answer, False

    def turning(messages: Any, *more: Any) -> str:
        nonlocal bad
        bad = bad or NEAR in json.dumps(messages)
        return "nonsense" if bad else real(messages, *more)

    monkeypatch.setattr(standin, "answer", turning)
    with pytest.raises(JudgeVoid, match="after the run"):
        Green().score(PAIRS[1:2], run_of(url))


def test_a_prompt_that_fills_the_context_fails_closed(url: str) -> None:
    models = Path(__file__).parents[1] / "data" / "parity" / "models"
    judge = JudgeSettings(url, MODEL, stand_in=True, token_ids=True)
    asker = Green().asker(Run(judges=by_metric(judge), models=models, details=True))
    long = "hydropneumothoraces " * 300
    scores = asker([Pair("long", REFERENCE, f"{long} No effusion.")])
    assert (scores.values.tolist(), scores.failed.tolist()) == ([0.0], [True])
    assert scores.details is not None
    assert "leaves no room" in scores.details[0]["error"]


def test_differences_by_category() -> None:
    wanted = [
        Fact("a", location="left"),
        Fact("b", severity="large"),
        Fact("c"),
        Fact("d", "absent"),
        Fact("e"),
    ]
    counts = [
        Fact("a", location="right"),
        Fact("b", severity="small"),
        Fact("d"),
        Fact("e"),
        Fact("f", change="new"),
    ]
    errors, matched = differences(wanted, counts)
    assert errors == [["d", "f"], ["c"], ["a"], ["b"], [], []]
    assert matched == ["e"]


PARITY = Path(__file__).parents[1] / "data" / "parity" / "models"


@pytest.mark.parametrize(
    ("served", "named", "way"),
    [
        ("ours", None, "ids"),
        ("another", None, "chat"),
        ("none", None, "chat"),
        ("ours", False, "chat"),
        ("none", True, "ids"),
    ],
)
def test_green_sends_token_ids_where_its_tokenizer_is_on_both_sides(
    *, served: str, named: bool | None, way: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("{}")
    if served != "none":
        ours = (PARITY / "green/tokenizer.model").read_bytes()
        (tmp_path / "tokenizer.model").write_bytes(ours if served == "ours" else b"another")
    with stand_in_judge(stand_in_reply(facts_of), "judge", tmp_path if served != "none" else None) as address:
        judge = JudgeSettings(address, "judge", token_ids=named)
        signature = str(Green().signature(Run(judges=by_metric(judge), models=PARITY)))
    assert f"decoding:greedy,{way}," in signature
    assert ("|tokenizer:" in signature) == (way == "ids")


def test_without_the_tokenizer_here_the_question_is_a_chat(url: str, tmp_path: Path) -> None:
    judge = JudgeSettings(url, MODEL)
    assert "greedy,chat" in str(Green().signature(Run(judges=by_metric(judge), models=tmp_path)))


CORRECTION = {
    "corrections": "No effusion.",
    "clinical severity": "Urgent error",
    "comments": "",
    "error category": ["b"],
}


def test_the_schema_is_one_that_strict_structured_output_takes() -> None:
    """Every object closed, every property required: the rules of structured outputs."""
    schema = json.loads(schema_of(3))
    jsonschema.Draft202012Validator.check_schema(schema)
    for node in (schema, schema["$defs"]["correction"]):
        assert node["additionalProperties"] is False
        assert sorted(node["required"]) == sorted(node["properties"])
    answer = {"0": None, "1": CORRECTION, "2": None, "None": None}
    jsonschema.validate(answer, schema)
    for wrong in ({"1": CORRECTION}, {**answer, "3": None}, {**answer, "1": {**CORRECTION, "x": 1}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


@pytest.mark.parametrize("protocol", ["clean", "compat"])
@pytest.mark.parametrize(
    ("answer", "value"),
    [({"0": None, "1": CORRECTION, "None": None}, 3.0), ({"0": None, "1": None, "None": None}, 0.0)],
)
def test_a_structured_answer_counts_the_lines_that_are_corrected(
    protocol: Any, answer: dict[str, Any], value: float
) -> None:
    judge = JudgeSettings("http://127.0.0.1:9/v1", "m", structured=True)
    asker = FineRadScore().asker(Run(protocol=protocol, judges=by_metric(judge)))
    pair = Pair("a", REFERENCE, "Clear. Small effusion.")
    request = asker.request(pair, "")
    assert isinstance(request, Request)
    assert request.schema == schema_of(2)
    assert asker.value(pair, asker.read(pair, Answer(json.dumps(answer)))) == value


BAD = '{"0": {"corrections": "x"}}'
GRADED = json.dumps({"0": CORRECTION})
LABELLED = json.dumps({"0": CORRECTION | {"clinical severity": "grave"}})
GOOD_GREEN = "[Clinically Significant Errors]:\nNo errors.\n\n[Clinically Insignificant Errors]:\nNo errors.\n\n[Matched Findings]:\n1. one."
NOTHING = {"reference_findings": [], "predicted_findings": [], "matched_findings": []}
GOOD_CRIMSON = json.dumps(
    NOTHING | {"errors": {"false_findings": [], "missing_findings": [], "attribute_errors": []}}
)


@pytest.mark.parametrize(
    ("metric", "protocol", "answers", "calls", "value", "reason"),
    [
        (Green(), "clean", [BAD, GOOD_GREEN], 1, 0.0, "could not be read: it begins with '{"),
        (Green(), "compat", [BAD, GOOD_GREEN], 1, 0.0, ""),
        (Green(), "compat", [None, GOOD_GREEN], 1, 0.0, "status 400"),
        (Crimson(), "clean", [BAD, GOOD_CRIMSON], 2, 1.0, ""),
        (Crimson(), "clean", ["{}", "{}", "{}", GOOD_CRIMSON], 3, -1.0, "could not be read: it begins with '{}'"),
        (Crimson(), "compat", [BAD, GOOD_CRIMSON], 1, 1.0, ""),
        (Crimson(), "compat", ["[]", GOOD_CRIMSON], 1, -1.0, "could not be read"),
        (Crimson(), "clean", [None, GOOD_CRIMSON], 1, -1.0, "status 400"),
        (FineRadScore(), "clean", [BAD, LABELLED, GRADED], 3, 3.0, ""),
        (FineRadScore(), "clean", [BAD, BAD, "{", GRADED], 3, 4.0, "could not be read: it begins with '{'"),
        (FineRadScore(), "compat", [BAD] * 5 + [GRADED], 6, 3.0, ""),
        (FineRadScore(), "compat", [BAD, LABELLED, GRADED], 2, 4.0, "a severity is not one of the four"),
        (FineRadScore(), "compat", ["3", GRADED], 1, 4.0, "a severity is not one of the four"),
        (FineRadScore(), "compat", [BAD, None, GRADED], 2, 4.0, "status 400"),
    ],
)  # fmt: skip
def test_an_unusable_answer_is_retried_as_often_as_the_metric_says(
    monkeypatch: pytest.MonkeyPatch,
    metric: JudgedMetric,
    protocol: Any,
    answers: list[str | None],
    calls: int,
    value: float,
    reason: str,
) -> None:
    seeds: list[int] = []

    def ask(_: Judge, requests: list[Request], __: object) -> list[Answer]:
        seeds.extend(r.attempt for r in requests)
        text = answers[min(len(seeds), len(answers)) - 1]
        return [Answer(text, "stop", error="" if text else "status 400: no") for _ in requests]

    monkeypatch.setattr(Judge, "ask", ask)
    judge = JudgeSettings("http://127.0.0.1:9/v1", "m", stand_in=True)
    asker = metric.asker(Run(protocol=protocol, judges=by_metric(judge), details=True))
    scores = asker([Pair("a", REFERENCE, "Clear.")])
    assert seeds == list(range(calls))
    assert (scores.values[0], scores.failed[0]) == (value, bool(reason))
    assert reason in asker.reasons[0]
    assert scores.details is not None
    assert (scores.details[0]["error"] or "") == asker.reasons[0]
