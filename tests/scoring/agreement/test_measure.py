"""`rexrank agreement`: what it measures, what it refuses, and what it must not write."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.needs import has_data, needs_rouge, reason

from evaluator.cli.agreement import run_agreement
from evaluator.cli.app import app
from evaluator.core.problems import ExitCode, RexrankError
from evaluator.datasets.sandbox.shipped_weights import shipped_models
from evaluator.models.runtime import Run
from evaluator.scoring import engine
from evaluator.scoring.agreement.ratings import read_radjudge
from evaluator.scoring.agreement.results import read_radjudge_agreement, read_radpref_agreement

COMMITTED = Path(__file__).parents[3] / "leaderboard"
REFERENCE = "Small left pleural effusion. No pneumothorax."


def case(i, **extra):
    fields = {"id": f"p{i}", "ground_truth_report": REFERENCE, "C1_source": "one", "C2_source": "two"}
    return fields | {"C1_report": REFERENCE, "C2_report": f"Clear lungs, case {i}."} | extra


def rater(cases, first=5):
    notes = {c["id"]: {"C1": {"rating": first, "x": 1}, "C2": {"rating": 2}, "indices": {}} for c in cases}
    return {"user_id": "1", "annotations": notes}


def judge(ranking="C1 > C2"):
    candidates = {"C1": {"text": REFERENCE}, "C2": {"text": "Normal.", "context": {"age": "4"}}}
    test = {"id": "1a", "ground_truth": REFERENCE, "candidates": candidates, "expected_ranking": ranking}
    return {"RANKING_TESTS": [{"category": "Normal", "description": "d", "tests": [test]}]}


@pytest.fixture
def folder(tmp_path):
    cases = [case(i) for i in range(3)]
    files = {"preference_data.json": cases, "radjudge.json": judge()}
    files |= {f"user_{n}.json": rater(cases, first) for n, first in ((1, 5), (2, 4), (3, 2))}
    for name, value in files.items():
        (tmp_path / name).write_text(json.dumps(value))
    return tmp_path


def run(folder, keys=("bleu_2",), models=None, *, named=True):
    return run_agreement(
        folder, keys, Run(protocol="compat", models=models), folder / "board", folder / "store", named=named
    )


@needs_rouge
def test_numbers_are_written_and_no_text(folder):
    assert run(folder, ("bleu_2", "rouge_l")) == ExitCode.DONE
    files, cases = read_radpref_agreement(folder / "board"), read_radjudge_agreement(folder / "board")
    assert (files.pairs, files.radiologists, list(files.metrics)) == (3, 3, ["bleu_2", "rouge_l"])
    entry = files.metrics["bleu_2"]
    assert entry.signature.startswith("bleu_2|v1|")
    assert (entry.preference.right, entry.preference.n, entry.tau.low) == (3, 3, None)
    assert files.source_alone.source == "one"
    assert cases.metrics["bleu_2"].passed == {"1a": True}
    text = "".join(p.read_text() for p in (folder / "board/agreement").iterdir())
    assert "effusion" not in text
    assert "Clear" not in text
    assert "p0" not in text


@needs_rouge
def test_metrics_measured_before_stay_while_the_data_are_the_same(folder):
    run(folder, ("bleu_2",))
    run(folder, ("rouge_l",))
    assert list(read_radpref_agreement(folder / "board").metrics) == ["bleu_2", "rouge_l"]
    (folder / "user_1.json").write_text(json.dumps(rater([case(i) for i in range(3)], 4)))
    run(folder, ("rouge_l",))
    assert list(read_radpref_agreement(folder / "board").metrics) == ["rouge_l"]
    assert list(read_radjudge_agreement(folder / "board").metrics) == ["bleu_2", "rouge_l"]


def test_the_same_bytes_twice(folder):
    run(folder)
    before = {p.name: p.read_bytes() for p in (folder / "board/agreement").iterdir()}
    run(folder)
    assert {p.name: p.read_bytes() for p in (folder / "board/agreement").iterdir()} == before


def test_stand_in_weights_are_never_measured(folder, capsys):
    assert run(folder, ("bleu_2", "semb_score"), shipped_models()) == ExitCode.PARTIAL
    assert "semb_score: not measured: it would use stand-in" in capsys.readouterr().err
    assert list(read_radpref_agreement(folder / "board").metrics) == ["bleu_2"]
    assert run(folder, ("semb_score",), shipped_models()) == ExitCode.FAILURE


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("preference_data.json", [], "at least 1"),
        ("preference_data.json", [case(0), case(0), case(1), case(2)], "'p0' appears twice"),
        ("preference_data.json", [case(0, C1_report=3), case(1, id=None)], "/0/C1_report"),
        ("preference_data.json", [*(case(i) for i in range(3)), case("x")], "no rating for 'px'"),
        ("user_2.json", {"annotations": {"p0": {"C1": {"rating": 6}, "C2": {"rating": "2"}}}}, "/C1/rating"),
        ("user_2.json", "[", "user_2.json cannot be used"),
        ("user_2.json", None, "2 files user_<n>.json"),
        ("radjudge.json", judge("C1 > C3"), "ranks C3, which it does not have"),
        ("radjudge.json", judge("C1 < C2"), "two candidates with > or ="),
        ("radjudge.json", None, "radjudge.json cannot be used"),
    ],
)
def test_files_that_are_not_as_published_are_refused_before_anything_is_written(folder, name, value, told):
    path = folder / name
    path.unlink()
    if value is not None:
        path.write_text(value if isinstance(value, str) else json.dumps(value))
    with pytest.raises(RexrankError) as error:
        run(folder)
    assert told in str(error.value)
    assert not (folder / "board").exists()


def test_every_damaged_file_is_named_at_once(folder):
    (folder / "user_1.json").write_text("{}")
    (folder / "radjudge.json").write_text("{}")
    with pytest.raises(RexrankError) as error:
        run(folder)
    assert all(name in str(error.value) for name in ("user_1.json", "radjudge.json"))


def test_metrics_are_told_what_is_known_of_the_patient(folder, monkeypatch):
    cases = [case(i) for i in range(2)] + [case(2, PatientAge="072Y", Indication=" ")]
    (folder / "preference_data.json").write_text(json.dumps(cases))
    contexts = {}

    def score(pairs, keys, used, store):
        contexts.update({p.id: p.context for p in pairs})
        contexts["variants"] = used.variants
        return engine.score(pairs, keys, used, store)

    monkeypatch.setattr("evaluator.scoring.agreement.measure.score", score)
    monkeypatch.chdir(folder)
    options = ["agreement", str(folder), "--metrics", "bleu_2", "--leaderboard", "board", "--store", "store"]
    assert app([*options, "--variant", "crimson=auto+context"], standalone_mode=False) == ExitCode.DONE
    assert contexts == {
        **dict.fromkeys(("p0#C1", "p0#C2", "p1#C1", "p1#C2", "1a#C1"), ()),
        **dict.fromkeys(("p2#C1", "p2#C2"), (("Age", "072Y"),)),
        "1a#C2": (("Age", "4"),),
        "variants": {"crimson": "auto+context"},
    }
    with pytest.raises(RexrankError, match="crimson has no variant 'long'"):
        app([*options, "--variant", "crimson=long"], standalone_mode=False)


@pytest.mark.skipif(not has_data(), reason=reason("data"))
def test_the_published_cases_that_depend_on_the_patient_have_their_context():
    data = read_radjudge(Path(os.environ["REXRANK_SHARED"]) / "data/radpref")
    by_case = {c.id: [p.context for p in c.rows] for c in data.cases if any(p.context for p in c.rows)}
    assert set(by_case) == {"2a", "2b", "2c", "10a", "10c"}
    # Candidates of two cases differ by their context alone, so that no other metric can order them.
    assert {i for i, contexts in by_case.items() if len(set(contexts)) > 1} == {"2a", "2b", "2c"}
    assert [dict(context)["Age"] for context in by_case["2c"]] == ["4", "80"]


def test_the_committed_figures_are_those_measured_once():
    figures = read_radpref_agreement(COMMITTED).metrics
    assert set(figures) >= {"bleu_2", "rouge_l"}
    assert figures["bleu_2"].tau.value == pytest.approx(0.388, abs=5e-4)
    assert figures["bleu_2"].tau.low == pytest.approx(0.295, abs=0.004)
    assert figures["bleu_2"].tau.high == pytest.approx(0.480, abs=0.004)
    assert (figures["bleu_2"].preference.right, figures["bleu_2"].preference.n) == (67, 86)
    humans = [h.tau.value for h in read_radpref_agreement(COMMITTED).humans]
    assert (min(humans), max(humans)) == pytest.approx((0.775, 0.799), abs=5e-4)
    assert len(read_radjudge_agreement(COMMITTED).cases) == 30


@pytest.mark.skipif(not has_data(), reason=reason("data"))
def test_the_committed_files_are_what_the_command_writes(tmp_path):
    data = Path(os.environ["REXRANK_SHARED"]) / "data/radpref"
    run_agreement(data, ("bleu_2", "rouge_l"), Run(protocol="compat"), tmp_path, tmp_path, named=True)
    for reader in (read_radpref_agreement, read_radjudge_agreement):
        fresh, committed = reader(tmp_path), reader(COMMITTED)
        assert fresh.data_sha256 == committed.data_sha256
        for key, entry in fresh.metrics.items():
            old, new = (x.model_dump(mode="json") for x in (committed.metrics[key], entry))
            assert _rounded(new) == _rounded(old)


def _rounded(value):
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return round(value, 9) if isinstance(value, float) else value
