"""Copies of the references: what is found however it is disguised, and what passes."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from support.needs import has_data, reason
from support.texts import report, sentence

from evaluator.datasets.references import References
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import StudyReport
from evaluator.datasets.report_references import Reference
from evaluator.scoring.integrity import copying
from evaluator.scoring.integrity.copying import check_copying, copy_findings, find_copies
from evaluator.scoring.integrity.flags import Texts

N = 120
REFERENCES = [report(i) for i in range(N)]
HONEST = [report(5_000 + i) for i in range(N)]


def texts(predictions, references=None, dataset="mimic-cxr", patients=None, **more):
    references = REFERENCES if references is None else references
    ids = [f"s{i:03}" for i in range(len(references))]
    return Texts(dataset, ids, patients or ids, references, predictions, **more)


def words_changed(text, n):
    words = text.split()
    for i in random.Random(text).sample(range(len(words)), n):
        words[i] = "spine"
    return " ".join(words)


def inserted(text):
    words = text.split()
    return " ".join(w if i % 25 else f"also {w}" for i, w in enumerate(words))


def shuffled(text):
    sentences = text.split(". ")
    random.Random(text).shuffle(sentences)
    return ". ".join(sentences)


def half(text, honest):
    a, b = text.split(". "), honest.split(". ")
    return ". ".join(x if i % 2 else y for i, (x, y) in enumerate(zip(a, b, strict=False)))


CHEATS = {
    "verbatim": lambda r, h: r,
    "one word changed": lambda r, h: words_changed(r, 1),
    "three words changed": lambda r, h: words_changed(r, 3),
    "one sentence added": lambda r, h: f"{r} The heart is normal in size.",
    "three sentences added": lambda r, h: f"{r} {'. '.join(h.split('. ')[:3])}.",
    "a word every 25": lambda r, h: inserted(r),
    "sentences shuffled": lambda r, h: shuffled(r),
    "words shuffled": lambda r, h: " ".join(sorted(r.split())),
    "every other sentence": half,
    "one study in ten": lambda r, h: r if random.Random(r).random() < 0.15 else h,
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_copies_are_held_however_they_are_disguised(cheat):
    flags = check_copying(texts([CHEATS[cheat](r, h) for r, h in zip(REFERENCES, HONEST, strict=True)]))
    assert flags
    assert {f.code for f in flags} <= {"C11", "C12", "C13"}
    assert {str(f.outcome) for f in flags} <= {"quarantine", "reject"}


@pytest.mark.parametrize(
    "honest", [HONEST, [HONEST[0]] * N, [""] * N, [sentence(i, 12) for i in range(N)], REFERENCES[1:] + REFERENCES[:1]]
)  # fmt: skip
def test_reports_that_are_not_copies_pass(honest):
    assert check_copying(texts(honest)) == []


@pytest.mark.parametrize(("share", "held"), [(0.02, False), (0.05, False), (0.06, True)])
def test_five_in_a_hundred_is_the_limit(share, held):
    n = round(share * N)
    assert bool(check_copying(texts(REFERENCES[:n] + HONEST[n:]))) is held


def test_few_studies_hold_nobody_on_a_small_dataset():
    board = texts(REFERENCES[:2] + HONEST[2:8], REFERENCES[:8])
    assert check_copying(board) == []


def test_templates_prove_nothing_and_training_references_are_not_test_references():
    shared = [REFERENCES[0]] * 60 + REFERENCES[60:]
    flags = check_copying(texts([REFERENCES[0]] * 60 + HONEST[60:], shared))
    assert [f.code for f in flags] == ["C12"]  # only there do short or shared texts count
    trained = texts(HONEST, training=REFERENCES[:5])
    assert copying.distinct_references(trained, 25) == list(range(5, N))


def test_short_references_count_among_all():
    short = [f"Small nodule number {i} in the left lung." for i in range(N)]
    assert [f.code for f in check_copying(texts(short, short))] == ["C12"]
    some = short[:12] + HONEST[12:]
    assert check_copying(texts(some, short, "iu-xray")) == []  # templates are common here: 15 %
    assert [f.code for f in check_copying(texts(some, short))] == ["C12"]


def test_a_repeated_prior_report_is_not_a_copy():
    references = [words_changed(REFERENCES[i // 2], 1) + f" Film {i % 2}." for i in range(N)]
    priors = [references[i - i % 2] for i in range(N)]
    patients = [f"p{i // 2}" for i in range(N)]
    codes = [f.code for f in check_copying(texts(priors, references, patients=patients))]
    alone = [f.code for f in check_copying(texts(priors, references))]
    assert len(find_copies(texts(priors, references, patients=patients)).similar) < N
    assert set(codes) <= set(alone)


def test_the_sandbox_is_made_of_its_references():
    assert check_copying(texts(REFERENCES, dataset="sandbox")) == []


def test_shares_are_described():
    assert copying.describe_copying(texts(REFERENCES)) == (1.0, 1.0, 1.0)
    assert copying.describe_copying(texts(["x"] * 3, ["short"] * 3)) == (0.0, None, None)


def test_spans_count_only_when_nobody_else_has_them():
    long = [sentence(i, 45) for i in range(60)]
    copied = ["my own start " + r for r in long[:2]] + HONEST[2:60]
    assert find_copies(texts(copied, long)).spans == (0, 1)
    assert find_copies(texts(copied, [long[0], long[1], long[0], *long[3:]])).spans == (1,)
    assert find_copies(texts(copied, long, training=[long[1]])).spans == (0,)


@pytest.mark.parametrize(("whole", "codes"), [(False, ["C11", "C12", "C13"]), (True, ["C11", "C12", "C13"])])
def test_a_file_is_checked_in_every_track_it_enters(whole, codes):
    dataset = get_dataset("mimic-cxr")
    studies = {
        f"s{i}": Reference(f"s{i}", r, f"Impression {i}.", f"p{i}", {}) for i, r in enumerate(REFERENCES)
    }
    references = References(dataset, studies, "d")
    reports = {
        i: StudyReport(words_changed(r.findings, 1), "Nothing new." if whole else None)
        for i, r in studies.items()
    }
    assert [f.code for f in copy_findings(reports, references)] == codes
    assert copy_findings(dict.fromkeys(studies, StudyReport("Clear lungs.", "Normal.")), references) == []
    assert copy_findings({}, references) == []


@pytest.mark.skipif(not has_data(), reason=reason("data"))
@pytest.mark.parametrize(
    "model", ["constant-normal", "indication-nearest-neighbour", "random-validation-report"]
)
def test_no_honest_baseline_of_iu_xray_is_held(model):
    folder = Path(os.environ["REXRANK_SHARED"]) / "data" / "iu_xray"
    references = json.loads((folder / "ReXRank_IUXray_test.json").read_text("utf-8"))
    file_texts = json.loads((folder / "predictions" / f"{model}.json").read_text("utf-8"))
    ids = sorted(references)
    board = texts(
        [file_texts[i].get("findings", file_texts[i].get("model_prediction")) for i in ids],
        [references[i]["section_findings"] for i in ids],
        "iu-xray",
    )
    assert check_copying(board) == []
    assert len(set(find_copies(board).similar) & set(find_copies(board).distinct)) <= 0.022 * 224
