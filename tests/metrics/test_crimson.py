"""CRIMSON against golden values of crimson-score 0.2.2: formula, reading, prompt; and what `clean` refuses."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from support.needs import reason

from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair
from evaluator.metrics.crimson import Crimson
from evaluator.metrics.crimson_answer import read, score, strict
from evaluator.models.judges.prompts import crimson as prompts
from evaluator.models.judges.settings import JudgeSettings
from evaluator.models.manifest import model_specs
from evaluator.models.runtime import Run
from evaluator.scoring.engine import as_pairs
from evaluator.scoring.score_store import ScoreStore

GOLDEN = json.loads((Path(__file__).parents[1] / "data/parity/crimson/golden.json").read_text("utf-8"))
WHEEL = next(iter(model_specs()["crimson"].files))


@pytest.mark.parametrize("case", GOLDEN["scores"], ids=lambda c: c["name"])
def test_the_formula_is_the_packages(case):
    if "raises" in case:
        with pytest.raises((LookupError, TypeError, AttributeError)):
            score(case["answer"])
    else:
        assert score(case["answer"]) == case["result"]["crimson_score"]


@pytest.mark.parametrize("case", GOLDEN["parsing"], ids=lambda c: c["name"])
def test_answers_are_read_as_the_package_reads_them(case):
    if "raises" in case:
        with pytest.raises(ValueError, match="JSON"):
            read(case["text"])
    else:
        assert read(case["text"]) == case["parsed"]


def finding(number, significance="urgent"):
    return {"id": number, "finding": "pneumothorax", "clinical_significance": significance}


SOUND = {
    "reference_findings": [finding("R1"), finding("R2", "benign_expected")],
    "predicted_findings": [finding("P1"), finding("P2")],
    "matched_findings": [{"ref_id": "R1", "pred_id": "P1"}],
    "errors": {
        "false_findings": ["P2"],
        "missing_findings": ["R2"],
        "attribute_errors": [
            {
                "ref_id": "R1",
                "pred_id": "P1",
                "severity": "negligible",
                "error_types": ["location"],
                "explanation": "x",
            }
        ],
    },
}
SPOILT = {
    "nothing": ((), {}),
    "no errors": (("errors",), None),
    "errors null": (("errors",), "null"),
    "another key": (("more",), []),
    "an error list lacks": (("errors", "false_findings"), None),
    "a finding without an id": (("reference_findings", 0, "id"), None),
    "a number as id": (("reference_findings", 0, "id"), 1),
    "an id twice": (("reference_findings", 1, "id"), "R1"),
    "unknown significance": (("predicted_findings", 0, "clinical_significance"), "Urgent"),
    "no significance": (("predicted_findings", 0, "clinical_significance"), None),
    "a match without a reference": (("matched_findings", 0, "ref_id"), None),
    "a match of what is not there": (("matched_findings", 0, "ref_id"), "R9"),
    "matched and missing": (("errors", "missing_findings"), ["R1", "R2"]),
    "neither matched nor missing": (("errors", "missing_findings"), []),
    "neither matched nor false": (("errors", "false_findings"), []),
    "false twice": (("errors", "false_findings"), ["P2", "P2"]),
    "matched and false": (("errors", "false_findings"), ["P1", "P2"]),
    "unknown severity": (("errors", "attribute_errors", 0, "severity"), "grave"),
    "unknown type": (("errors", "attribute_errors", 0, "error_types"), ["laterality"]),
    "types as text": (("errors", "attribute_errors", 0, "error_types"), "location"),
    "no types": (("errors", "attribute_errors", 0, "error_types"), []),
    "an error of no match": (("errors", "attribute_errors", 0, "pred_id"), "P2"),
    "findings as an object": (("reference_findings",), {"R1": "x"}),
}


def spoilt(path, value):
    answer = copy.deepcopy(SOUND)
    if not path:
        return value
    place = answer
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = None if value == "null" else value
    return answer


def test_a_valid_answer_is_accepted():
    assert strict(json.dumps(SOUND)) == SOUND
    assert strict(f"```json\n{json.dumps(SOUND)}\n```") == SOUND
    assert score(SOUND) == 0.0


@pytest.mark.parametrize(("path", "value"), SPOILT.values(), ids=SPOILT)
def test_clean_fails_closed(path, value):
    assert strict(json.dumps(spoilt(path, value))) is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "NaN", "{" * 5000, "x" * 200_000, '{"errors": {}, "errors": {}}']
)
def test_an_invalid_answer_is_none(text):
    assert strict(text) is None
    try:
        read(text)
    except ValueError:
        return


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A models directory with the published wheel; skips if there is none."""
    folder = tmp_path_factory.mktemp("crimson")
    given = (
        os.environ.get("REXRANK_CRIMSON_WHEEL")
        or Path(os.environ.get("REXRANK_MODELS") or "") / "crimson" / WHEEL
    )
    if not Path(given).is_file():
        pytest.skip(reason("crimson"))
    (folder / "crimson").mkdir()
    shutil.copy(given, folder / "crimson" / WHEEL)
    return folder


@pytest.mark.parametrize("case", GOLDEN["prompts"], ids=lambda c: c["name"])
def test_the_prompt_is_the_packages(case, models):
    fields = case["input"]
    reference, prediction = (
        " ".join(t) if isinstance(t, list) else t
        for t in (fields["reference_findings"], fields["predicted_findings"])
    )
    (_, system), (_, user) = prompts.published(models).messages(
        reference, prediction, fields.get("patient_context") or {}, guidelines=case["include_guidelines"]
    )
    assert hashlib.sha256(system.encode()).hexdigest() == GOLDEN["system_message_sha256"]
    assert len(user) == case["characters"]
    assert hashlib.sha256(user.encode()).hexdigest() == case["sha256"]


def test_sections_and_wheel_are_those_of_the_golden_file():
    assert {s["name"]: s["sha256"] for s in GOLDEN["prompt_sections"]} == prompts.SECTIONS
    assert next(iter(model_specs()["crimson"].files.values())).sha256 == GOLDEN["wheel_sha256"]
    assert GOLDEN["system_message_sha256"] == prompts.SYSTEM


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 not the wheel"])
def test_another_wheel_is_never_read(content, tmp_path):
    if content is not None:
        (tmp_path / "crimson").mkdir()
        (tmp_path / "crimson" / WHEEL).write_bytes(content)
    with pytest.raises(MetricUnavailable, match="rexrank models fetch crimson"):
        prompts.published(tmp_path)


def run(models=None, **settings):
    variants = {"crimson": v} if (v := settings.pop("variant", "")) else {}
    protocol = settings.pop("protocol", "clean")
    judge = JudgeSettings(
        **({"base_url": "http://127.0.0.1:1/v1", "model": "judge", "stand_in": True} | settings)
    )
    return Run(protocol=protocol, models=models, judges={"crimson": judge}, variants=variants)


GUIDELINES = [
    ({}, "on", "none"),
    ({"model": "medgemma-4b-it-crimson"}, "off", "none"),
    ({"model": "rajpurkarlab/medgemma-4b-it-crimson"}, "off", "none"),
    ({"served": "/srv/models/medgemma-4b-it-crimson"}, "off", "none"),
    ({"served": "/srv/models/medgemma-4b-it-crimson", "protocol": "compat"}, "on", "none"),
    ({"model": "rajpurkarlab/medgemma-4b-it-crimson", "protocol": "compat"}, "off", "none"),
    ({"variant": "short"}, "off", "none"),
    ({"variant": "guidelines+context"}, "on", "age,indication"),
]


@pytest.mark.parametrize(("settings", "guidelines", "context"), GUIDELINES)
def test_the_signature_names_guidelines_and_context(settings, guidelines, context):
    signature = Crimson().signature(run(**settings))
    assert f"|guidelines:{guidelines}|context:{context}|" in str(signature)
    assert type(signature).parse(str(signature)) == signature
    assert not signature.trusted
    assert "crimson@stand-in:" in str(signature)


def test_the_wheel_is_named_by_its_digest(models):
    signature = Crimson().signature(run(models, stand_in=False))
    assert str(signature).startswith(f"crimson|v1|crimson@{GOLDEN['wheel_sha256'][:12]}|judge:")


def test_without_the_wheel_a_real_judge_is_not_asked(tmp_path):
    with pytest.raises(MetricUnavailable, match="rexrank models fetch crimson"):
        Crimson().signature(run(tmp_path, stand_in=False))


def test_a_row_may_say_what_is_known_of_the_patient():
    row = {"id": "1", "reference": "a", "prediction": "b"}
    pairs = as_pairs([row | {"context": {"indication": "fall", "Age": "82"}}], "clean")
    assert pairs[0].context == (("Age", "82"), ("Indication", "fall"))
    plain = as_pairs([row], "clean")
    signature = Crimson().signature(run())
    assert ScoreStore.key(signature, pairs) != ScoreStore.key(signature, plain)
    for same in (
        {"context": {"indication": "fall", "age": 82}},
        {"age": "82", "indication": "fall"},
        {"age": 82.0, "indication": "fall"},
    ):
        assert as_pairs([row | same], "clean") == pairs
    assert as_pairs([row | {"age": float("nan"), "indication": None, "sex": "f"}], "clean") == plain
    for wrong in ({"sex": "f"}, {"age": [82]}, {"age": True}, "82"):
        with pytest.raises(ValueError, match=r"row 1: the (context may contain|age must be)"):
            as_pairs([row | {"context": wrong}], "clean")


def test_it_is_only_for_the_findings_track():
    assert Crimson.tracks == ("findings",)
    assert Pair("1", "a", "b").context == ()
