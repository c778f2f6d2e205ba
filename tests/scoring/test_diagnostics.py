"""The integrity checks' verdict on a submission to a board: outcome, badges, and that nothing private is said."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support import records
from support.texts import WORDS, report, sentence

from evaluator.core.typed import view
from evaluator.core.types import Scores
from evaluator.datasets.references import Planted, References
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import StudyReport
from evaluator.datasets.report_references import Reference
from evaluator.models.runtime import Run
from evaluator.scoring.diagnostics import diagnose, hold_reason, null_like, recheck
from evaluator.scoring.earlier import Earlier, OwnFile
from evaluator.scoring.engine import Scored
from evaluator.scoring.record import Diagnostics, Integrity
from evaluator.scoring.records import Board
from evaluator.scoring.reports import REPORTS
from evaluator.scoring.run import board_pairs
from evaluator.scoring.task_scoring import Entry


def outcome(reports, dataset="iu-xray", failed=0, metrics=None, planted=Planted(), **more):  # noqa: B008
    studies = {s: Reference(s, sentence(k, 14), None, f"p{k}", {}) for k, s in enumerate(sorted(reports))}
    references = References(get_dataset(dataset), studies, "d", planted)
    n = len(reports)
    bad = np.arange(n) < failed
    values = metrics or {"bleu_2": 0.3}
    scores = {k: Scores(np.full(n, v), bad) for k, v in values.items()}
    scored = Scored(tuple(sorted(reports)), scores, {k: k for k in scores})
    board = Board(get_dataset(dataset), "findings")
    pairs = board_pairs(board, references, reports, "clean")
    return diagnose(Entry(board, references, scored, pairs, reports, Run(), **more))


def many(n, make):
    return {f"s{i:03}": StudyReport(make(i)) for i in range(n)}


def honest(i):
    """Words of its own and some of its reference: what a model that looks at images gives."""
    return " ".join(sentence(i, 14).split()[:6] + sentence(5_000 + i, 14).split()[:8])


def long(i):
    """The same in a report long enough to be compared with other models'."""
    return f"{honest(i)} {report(i, 2)}"


@pytest.mark.parametrize(
    ("reports", "more", "codes", "result"),
    [
        (many(200, honest), {}, [], "pass"),
        (many(200, lambda i: sentence(900 + i, 14)), {}, ["C14"], "badge"),
        (many(200, lambda i: honest(i % 10)), {}, ["C10"], "badge"),
        (many(200, lambda i: honest(i if i > 70 else 0)), {}, ["C10"], "badge"),
        (many(200, lambda i: "" if i < 3 else honest(i)), {}, ["C2"], "quarantine"),
        (many(200, honest), {"failed": 3}, ["C3"], "quarantine"),
        (many(200, lambda i: f"{honest(i)} {honest(i + 300)} {sentence(i, 190)}"), {}, ["C5"], "quarantine"),
        (many(200, lambda i: sentence(i, 14) if i < 50 else honest(i)), {}, ["C12"], "quarantine"),
        (many(200, honest), {"metrics": {"radcliq_v1": -0.2}}, ["C15"], "quarantine"),
        (
            many(200, honest),
            {"metrics": {"bertscore": 0.5, "semb_score": 0.5, "radgraph_f1": 0.5, "radcliq_v1": 2.0}},
            ["C16"],
            "reject",
        ),
        (
            many(200, long),
            {"earlier": Earlier({"other/m": many(200, long)}), "name": "me/m"},
            ["C18"],
            "reject",
        ),
        (
            many(200, long),
            {"earlier": Earlier({"me/old": many(200, long)}), "name": "me/m"},
            ["C18"],
            "badge",
        ),
    ],
)
def test_outcomes(reports, more, codes, result):
    _, integrity = outcome(reports, **more)
    assert [b.code for b in integrity.badges] == codes
    assert integrity.outcome == result


@pytest.mark.parametrize(
    ("earlier", "found"),
    [
        (Earlier(others={"me/old": None}), True),
        (Earlier(own=[OwnFile("me/m", "2026-01-01", None)]), True),
        (Earlier(others={"me/old": None}, own=[OwnFile("me/m", "2026-01-01", None)]), True),
        (Earlier(others={"you/m": None}), False),
    ],
)
def test_a_few_changed_studies_of_a_withheld_dataset_are_probing(earlier, found):
    now = many(200, honest)
    before = {**now, "s003": StudyReport("another report altogether")}
    full = Earlier(
        dict.fromkeys(earlier.others, before), [OwnFile(f.name, f.submitted, before) for f in earlier.own]
    )
    _, integrity = outcome(now, "rexgradient", earlier=full, name="me/m")
    texts = [b.text for b in integrity.badges if b.code == "C19"]
    assert texts == (["few reports changed since an earlier run of the team"] if found else [])
    _, public = outcome(now, "iu-xray", earlier=full, name="me/m")
    assert "C19" not in {b.code for b in public.badges}


def test_private_ids_and_texts_are_never_mentioned():
    reports = many(200, lambda i: "" if i < 9 else sentence(i, 14) if i < 30 else honest(i))
    numbers, integrity = outcome(reports, "rexgradient")
    assert integrity.outcome == "quarantine"
    text = json.dumps([view(numbers), view(integrity)])
    assert not any(i in text for i in reports)
    assert not any(w in text for w in WORDS if w not in {"left", "clear", "new"})
    _, public = outcome(reports, "iu-xray")
    assert any(b.ids for b in public.badges)


@pytest.mark.parametrize(
    ("metrics", "code"),
    [
        ({"radcliq_v1": -0.2345}, "C15"),
        ({"bertscore": 0.5, "semb_score": 0.5, "radgraph_f1": 0.5, "radcliq_v1": 2.0}, "C16"),
        ({"bleu_2": 0.3}, "C14"),
    ],
)
def test_flags_of_a_withheld_dataset_quote_no_score(metrics, code):
    reports = many(200, lambda i: sentence(900 + i, 14))
    _, public = outcome(reports, "iu-xray", metrics=metrics)
    _, private = outcome(reports, "rexgradient", metrics=metrics)
    texts = {b.code: b.text for b in private.badges}
    assert code in texts
    assert not any(c.isdigit() for c in texts[code].replace("radcliq_v1", ""))
    assert any(c.isdigit() for c in {b.code: b.text for b in public.badges}[code])


def test_signal_is_of_this_study():
    looks, _ = outcome(many(100, honest))
    assert list(looks.signal) == ["word_similarity"]
    assert looks.signal["word_similarity"].gain > 0
    assert looks.signal["word_similarity"].p == pytest.approx(1 / 1001)
    few, _ = outcome(many(20, honest))
    assert few.signal is None


def test_a_model_that_tells_only_normal_from_abnormal_has_no_signal():
    kinds = ["normal" if i % 2 else "abnormal" for i in range(200)]
    studies = {
        f"s{i:03}": Reference(f"s{i:03}", f"{kinds[i]} {sentence(i, 14)}", None, f"p{i}", {})
        for i in range(200)
    }
    reports = many(200, lambda i: f"{kinds[i]} study {report(9_000 + i, 1)}")
    board = Board(get_dataset("iu-xray"), "findings")
    scored = Scored(tuple(sorted(studies)), {}, {})
    references = References(board.dataset, studies, "d")

    def codes(strata):
        pairs = board_pairs(board, references, reports, "clean")
        _, result = diagnose(Entry(board, references, scored, pairs, reports, Run(), strata=strata))
        return [b.code for b in result.badges]

    assert "C14" not in codes([""] * 200)
    assert "C14" in codes(kinds)


def test_a_baseline_is_described_and_not_accused():
    studies = {f"s{k}": Reference(f"s{k}", sentence(k, 14), None, f"p{k}", {}) for k in range(5)}
    references = References(get_dataset("iu-xray"), studies, "d")
    reports = {i: StudyReport(r.findings or "") for i, r in studies.items()}
    pairs = board_pairs(Board(get_dataset("iu-xray"), "findings"), references, reports, "clean")
    numbers = REPORTS.describe(references, pairs)
    assert numbers.exact_match == 1.0
    assert numbers.signal is None


def test_what_holds_a_record():
    def integrity(outcome, *codes):
        badges = [{"code": c, "outcome": o, "text": "t", "ids": []} for c, o in codes]
        return Integrity.model_validate({"outcome": outcome, "badges": badges})

    bad = integrity("quarantine", ("C5", "quarantine"), ("C10", "badge"))
    assert hold_reason(bad) == "held by integrity check C5 until a maintainer releases it"
    assert hold_reason(integrity("badge")) is None
    assert null_like(Diagnostics(top1_share=0.95))
    assert not null_like(Diagnostics(top1_share=0.5))
    assert not null_like(Diagnostics())


def test_planted_strings_and_wrong_references_are_found():
    reports = many(200, honest)
    one_planted = {**reports, "s007": StudyReport(f"{honest(7)} planted-3f9c-4d77")}
    planted = Planted(strings=("planted-3f9c-4d77",), swapped=("s000", "s001"))
    _, integrity = outcome(one_planted, planted=planted, metrics={"bleu_2": 0.3})
    texts = {b.text: b.outcome for b in integrity.badges if b.code == "C20"}
    assert texts == {
        "1 of 200 reports contains a planted string": "reject",
        "2 studies with swapped references score no worse than the 198 others": "quarantine",
    }
    _, clean = outcome(reports, planted=Planted(strings=("planted-3f9c-4d77",)))
    assert clean.outcome == "pass"


def scored_as(mean, signature="bleu_2|v1|protocol:clean", blob="b", **provenance):
    digests = {"predictions_sha256": blob, "references_sha256": "d", **provenance}
    return records.record(metrics={"bleu_2": records.entry(mean, signature)}, provenance=digests)


@pytest.mark.parametrize(
    ("before", "outcome"),
    [
        (None, "pass"),
        (scored_as(0.301), "pass"),
        (scored_as(0.310), "quarantine"),
        (scored_as(0.310, signature="bleu_2|v2|protocol:clean"), "pass"),
        (scored_as(0.310, blob="other"), "pass"),
        (scored_as(0.310, shown_predictions_sha256="x"), "pass"),  # numbers of an earlier run, by the Ladder
    ],
)
def test_a_record_that_claimed_other_scores_is_held(before, outcome):
    board = Board(get_dataset("iu-xray"), "findings")
    integrity = recheck(scored_as(0.300), before, board).integrity
    assert integrity.outcome == outcome
    assert [b.code for b in integrity.badges] == (["C17"] if outcome == "quarantine" else [])


def judged(green, *, failed=(), dataset="iu-xray", **more):
    """Diagnostics and integrity of 200 studies, with evidence that nothing matches."""
    rng = np.random.default_rng(0)
    n = 200
    scores = {
        "radgraph_f1": rng.uniform(0.1, 0.3, n),
        "ratescore": rng.uniform(0.4, 0.6, n),
        "green": np.asarray(green, dtype=float),
    } | more
    bad = np.isin(np.arange(n), failed)
    studies = {f"s{i:03}": Reference(f"s{i:03}", sentence(i, 14), None, f"p{i}", {}) for i in range(n)}
    references = References(get_dataset(dataset), studies, "d", Planted())
    columns = {k: Scores(v, bad if k == "green" else np.zeros(n, bool)) for k, v in scores.items()}
    scored = Scored(tuple(studies), columns, {k: k for k in columns})
    board = Board(get_dataset(dataset), "findings")
    reports = many(n, honest)
    pairs = board_pairs(board, references, reports, "clean")
    return diagnose(Entry(board, references, scored, pairs, reports, Run()))


def outliers(result):
    return {k: (c.above, c.below) for k, c in result[0].judge_outliers.items()}


def test_judge_scores_that_the_evidence_does_not_lead_to_expect_are_counted():
    green = np.full(200, 0.2)
    assert outliers(judged(green)) == {"green": (0, 0)}
    green[:3] = 1.0
    numbers, integrity = judged(green)
    assert outliers((numbers, integrity)) == {"green": (3, 0)}
    assert "C23" not in {b.code for b in integrity.badges}
    assert outliers(judged(green, failed=[0])) == {"green": (2, 0)}
    severity = {"fineradscore": 4 * (1 - green)}
    assert outliers(judged(green, **severity))["fineradscore"] == (3, 0)


def test_many_of_them_are_a_badge_without_a_number_on_a_withheld_dataset():
    green = np.r_[np.full(30, 1.0), np.full(170, 0.2)]
    texts = {
        d: [b.text for b in judged(green, dataset=d)[1].badges if b.code == "C23"]
        for d in ("iu-xray", "rexgradient")
    }
    assert texts["iu-xray"] == ["green: 30 of 200 studies score far above what was to be expected"]
    assert texts["rexgradient"] == ["judge scores out of line with RadGraph-F1 and RaTEScore"]


def test_without_the_evidence_judges_are_not_assessed():
    reports = many(200, honest)
    assert outcome(reports, metrics={"green": 1.0, "radgraph_f1": 0.0})[0].judge_outliers is None
    assert outcome(reports)[0].judge_outliers is None
