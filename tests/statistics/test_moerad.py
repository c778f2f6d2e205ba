"""Golden figures on MoERad's public IU X-ray predictions, if a copy is available."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from support.needs import has_data, reason

from evaluator.core.typed import view
from evaluator.metrics.bleu import bleu_2
from evaluator.scoring.integrity.copying import check_copying, describe_copying
from evaluator.scoring.integrity.flags import Texts, check_reports, describe
from evaluator.statistics.board_analysis import metric_intervals
from evaluator.statistics.bootstrap import clusters_of, seed_of

pytestmark = pytest.mark.skipif(not has_data(), reason=reason("data"))


def read(name):
    path = Path(os.environ["REXRANK_SHARED"]) / "data" / "iu_xray" / "moerad" / name
    with path.open(encoding="utf-8", newline="") as source:
        return {row["study_id"]: row["report"] for row in csv.DictReader(source)}


@pytest.fixture(scope="module")
def texts():
    references, predictions = read("gts.csv"), read("preds.csv")
    ids = sorted(references)
    return Texts("iu-xray", ids, ids, [references[i] for i in ids], [predictions[i] for i in ids])


def test_interval_of_bleu(texts):
    values = np.array([bleu_2(r, p) for r, p in zip(texts.references, texts.predictions, strict=True)])
    ends = metric_intervals(
        {"bleu_2": values}, clusters_of(texts.patients), seed_of("iu-xray", "findings", "x")
    )
    assert values.mean() == pytest.approx(0.2704, abs=5e-5)
    error = values.std() / np.sqrt(590)
    assert ends["bleu_2"]["se"] == pytest.approx(error, rel=0.03)
    assert ends["bleu_2"]["low"] == pytest.approx(values.mean() - 1.96 * error, abs=error / 10)
    assert ends["bleu_2"]["high"] == pytest.approx(values.mean() + 1.96 * error, abs=error / 10)


def test_few_templates_for_many_studies(texts):
    numbers = view(describe(texts)) | describe_copying(texts)._asdict()
    assert numbers["distinct_fraction"] * 590 == 23
    assert numbers["top1_share"] == pytest.approx(0.439, abs=5e-4)
    assert numbers["exact_match"] == pytest.approx(0.002, abs=5e-4)
    assert numbers["repetition_max"] == pytest.approx(0.095, abs=5e-4)
    assert (numbers["copied_spans"], numbers["unique_matches"]) == (0, 0)
    assert [f.code for f in [*check_reports(texts), *check_copying(texts)]] == ["C10"]
