"""Baselines through the pipeline, sanity probes, and what leaves the runner for a withheld dataset."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest
from support.submissions import model_card

from evaluator.core.problems import RexrankError
from evaluator.datasets import registry
from evaluator.datasets.references import References, load_references
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import StudyReport
from evaluator.leaderboard.rank import rank_all
from evaluator.scoring.baselines import check_sanity, sanity_path, score_baselines, training_data
from evaluator.scoring.records import Board
from evaluator.scoring.run import ScoreSettings, score_submission
from evaluator.submissions.submission import Predictions, Submission

CANARY = "zebrafish"
METRICS = ("bleu_2", "rouge_l")


@pytest.fixture
def sandbox(tmp_path):
    references = load_references(get_dataset("sandbox"), None)
    return references, tmp_path / "board", ScoreSettings(metrics=METRICS, store=tmp_path / "store")


def submission(references, dataset, model="m", suffix=""):
    reports = {i: StudyReport(f"{r.findings} {suffix}{i}") for i, r in references.studies.items()}
    return Submission("t", model, model_card(name=model), {dataset: Predictions(dataset, reports, model * 8)})


def test_baselines_and_probes_of_both_tracks(sandbox):
    references, board, settings = sandbox
    training = [StudyReport("Clear lungs.", "Normal.")] * 3
    paths = score_baselines(references, board, settings, training)
    assert len(paths) == 2 * (4 + 1)
    score_submission(submission(references, "sandbox"), references.dataset, references, board, settings)
    (table,) = [t for t in rank_all(board, settings.store, rehearsal=False) if t.track == "findings"]
    assert {r.model for r in table.nulls} == {
        "best-constant",
        "normal-template",
        "random-training-report",
        "shuffled-references",
    }
    assert table.rows[0].metrics["bleu_2"].gain_over_null.null.startswith("baseline/")
    assert table.subgroups.null.startswith("baseline/")
    assert not any("sanity" in n for n in table.notes)
    first = {p: p.read_bytes() for p in paths}
    score_baselines(references, board, settings, training)
    assert {p: p.read_bytes() for p in paths} == first


@pytest.mark.parametrize(
    ("probe", "value", "dataset", "stops"),
    [
        ("itself", 0.1, "sandbox", True),  # no better than shuffled reports: stops on any board
        ("empty", 0.3, "sandbox", False),  # a stand-in has a scale of its own
        ("empty", 0.3, "iu-xray", True),
    ],
)
def test_a_metric_out_of_its_band_stops_the_ranking(sandbox, probe, value, dataset, stops):
    references, leaderboard, settings = sandbox
    score_baselines(references, leaderboard, settings)
    board = Board(get_dataset(dataset), "findings")
    path = sanity_path(leaderboard, board)
    sanity = json.loads(sanity_path(leaderboard, Board(get_dataset("sandbox"), "findings")).read_text())
    sanity["metrics"]["bleu_2"][probe] = value
    path.write_text(json.dumps(sanity))
    signatures = {k: m["signature"] for k, m in sanity["metrics"].items()}
    if stops:
        with pytest.raises(RexrankError, match="Nothing is ranked"):
            check_sanity(leaderboard, board, signatures)
    else:
        assert check_sanity(leaderboard, board, signatures) == []
    assert check_sanity(leaderboard, board, {"bleu_2": "another"}) == [
        f"sanity was not probed for bleu_2 under the signatures used here: rexrank baseline {dataset}"
    ]
    path.write_text("{}")
    with pytest.raises(RexrankError, match="Rebuild it"):
        check_sanity(leaderboard, board, signatures)
    path.unlink()
    assert "not probed here" in check_sanity(leaderboard, board, signatures)[0]


def test_training_data_are_where_the_maintainer_puts_them(tmp_path):
    assert not training_data("iu-xray", None)
    assert not training_data("iu-xray", tmp_path)
    path = tmp_path / "iu-xray.train.json"
    path.write_text('{"a": {"section_findings": "Clear.", "section_impression": NaN}, "b": {}}')
    assert training_data("iu-xray", tmp_path) == [StudyReport("Clear.", "")]
    path.write_text("[]")
    with pytest.raises(RexrankError, match="must be an object"):
        training_data("iu-xray", tmp_path)


def floats(value):
    """Every float at any depth of JSON values."""
    if isinstance(value, dict | list):
        inside = value.values() if isinstance(value, dict) else value
        return [x for v in inside for x in floats(v)]
    return [value] if isinstance(value, float) else []


def test_only_coarse_aggregates_of_a_withheld_dataset_leave(tmp_path, monkeypatch):
    """No draws, seed, salt, per-study score, id or text outside the store."""
    public = get_dataset("sandbox")
    private = public.model_copy(update={"access": "withheld"})
    monkeypatch.setattr(registry, "get_dataset", lambda _: private)
    monkeypatch.setenv("REXRANK_SALT", "quite-secret-salt")
    loaded = load_references(public, None)
    studies = {i: replace(r, findings=f"{r.findings} {CANARY}") for i, r in loaded.studies.items()}
    references = References(private, studies, loaded.digest)
    leaderboard, store = tmp_path / "board", tmp_path / "store"
    settings = ScoreSettings(metrics=METRICS, store=store)
    score_baselines(references, leaderboard, settings)
    for model, suffix in (("a", ""), ("b", "unlike ")):
        sent_in = submission(references, private.id, model, suffix)
        score_submission(sent_in, private, references, leaderboard, settings)
    rank_all(leaderboard, store, rehearsal=True)
    assert list(store.rglob("*.parquet"))
    files = [p for p in leaderboard.rglob("*") if p.is_file()]
    assert {p.suffix for p in files if p.name != "history.jsonl"} == {".json", ".csv", ".md", ".parquet"}
    seed = str(
        __import__("evaluator.scoring.intervals", fromlist=["x"]).board_seed(
            Board(private, "findings"), loaded.digest
        )
    )
    table = json.loads((leaderboard / "tables/sandbox.findings.json").read_text())
    step = table["step"]
    kept = [x for p in (store / "records").rglob("*.json") for x in floats(json.loads(p.read_text()))]
    # Some exact numbers happen to be multiples of the step and may be shown.
    exact = {repr(x) for x in kept if len(repr(x)) > 10 and abs(x / step - round(x / step)) > 1e-9}
    assert len(exact) > 30
    for path in files:
        pairs = path.suffix == ".parquet"
        text = pd.read_parquet(path).to_csv() if pairs else path.read_text("utf-8")
        assert not [x for x in exact if x in text], path
        for secret in (CANARY, "quite-secret-salt", seed, *studies):
            assert secret not in text, path
        assert '"draws"' not in text
    pairwise = pd.read_parquet(leaderboard / "pairwise/sandbox.findings.parquet").to_dict("records")
    numbers = [
        entry[k] for r in table["rows"] for entry in r["metrics"].values() for k in ("mean", "low", "high")
    ]
    assert pairwise
    numbers += [pair[k] for pair in pairwise for k in ("difference", "low", "high")]
    assert all(abs(x - step * round(x / step)) < 1e-5 for x in numbers), "six decimals of a multiple"
    assert all(float(f"{x:.2g}") == x for x in table["resolution"].values() if x is not None)


def test_a_metric_with_too_coarse_steps_does_not_stop_a_board(tmp_path):
    """On a small withheld dataset of questions nothing of the rarest skill's accuracy may be shown."""
    board = Board(get_dataset("sandbox-vqa").model_copy(update={"access": "withheld"}), "answers")
    signature = "accuracy_geometric|v1|unanswered:wrong|protocol:clean"
    probes = {"signature": signature, "itself": 0.0, "empty": 0.0, "shuffled": 0.0}
    sanity = {
        "schema": "rexrank/sanity/v1", "references_sha256": "d", "n": 226, "n_probed": 226,
        "metrics": {"accuracy_geometric": probes},
    }  # fmt: skip
    path = sanity_path(tmp_path, board)
    path.parent.mkdir()
    path.write_text(json.dumps(sanity))
    assert check_sanity(tmp_path, board, {"accuracy_geometric": signature}) == []
    with pytest.raises(RexrankError, match="does no better than a shuffled"):
        check_sanity(
            tmp_path, Board(get_dataset("sandbox-vqa"), "answers"), {"accuracy_geometric": signature}
        )
