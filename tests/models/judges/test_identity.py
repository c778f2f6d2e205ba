"""Who judged: scoring runs against real servers, from what the engine says it serves to the board's columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from support.needs import reason
from support.submissions import model_card

from evaluator.datasets.references import References, load_references
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import StudyReport
from evaluator.datasets.sandbox.facts import facts_of
from evaluator.leaderboard.eligibility import sort_entrants
from evaluator.metrics.judges import by_metric, stand_in_reply
from evaluator.models.judges import controls
from evaluator.models.judges.settings import JudgeSettings
from evaluator.models.judges.stub_server import FactsOf, stand_in_judge
from evaluator.scoring.records import Board, read_records
from evaluator.scoring.run import ScoreSettings, score_submission
from evaluator.submissions.submission import Predictions, Submission

NAME = "judge"
REAL = Board(get_dataset("iu-xray"), "findings")
SANDBOX = Board(get_dataset("sandbox"), "findings")
COMMIT = "7adba1f37836459369f9ab574aa382581679f7fa"


def careless(text: str):
    """The answers of a judge that never notices an effusion."""
    return [f for f in facts_of(text) if "effusion" not in f.finding]


@pytest.fixture(autouse=True)
def few_controls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six controls instead of fifty: they are another test's subject."""
    monkeypatch.setattr(controls, "REPORTS", controls.REPORTS[:2])
    monkeypatch.setattr(controls, "INJECTIONS", controls.INJECTIONS[:2])


@pytest.fixture(scope="module")
def references() -> References:
    references = load_references(SANDBOX.dataset, None)
    return References(references.dataset, dict(sorted(references.studies.items())[:6]), references.digest)


@contextmanager
def engine(folder: Path | None = None, answers: FactsOf = facts_of) -> Iterator[JudgeSettings]:
    """A server of that name; given a folder, it says that it serves it, as engines do."""
    pytest.importorskip("openai", reason=reason("score"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text("{}")
        (folder / "model.bin").write_text(folder.name)
    with stand_in_judge(stand_in_reply(answers), NAME, folder) as url:
        yield JudgeSettings(url, NAME, backoff=0.01, concurrency=8)


def run(references: References, root: Path, model: str, judge: JudgeSettings) -> str:
    """The signature of GREEN in the record that a run of `model` leaves."""
    studies = sorted(references.studies.items())
    # Every model writes the neighbour's report, so that all ask the same questions.
    reports = {
        i: StudyReport(r.findings) for (i, _), (_, r) in zip(studies, [*studies[1:], studies[0]], strict=True)
    }
    entry = Submission(
        "t", model, model_card(name=model), {"sandbox": Predictions("sandbox", reports, model * 8)}
    )
    settings = ScoreSettings(metrics=("bleu_2", "green"), store=root / "store", judges=by_metric(judge))
    (path,) = score_submission(entry, references.dataset, references, root / "board", settings)
    record = json.loads(path.read_text("utf-8"))
    assert record["missing"] == {}
    return str(record["metrics"]["green"]["signature"])


def entrants(root: Path, **options: bool):
    """How a real board sorts the records."""
    return sort_entrants(REAL, read_records(root / "board", SANDBOX), **{"rehearsal": False, **options})


def names(records) -> set[str]:
    return {r.model for r in records}


def test_two_engines_behind_one_name_share_nothing(references, tmp_path):
    with engine(tmp_path / "one") as judge:
        first = run(references, tmp_path, "a", judge)
    with engine(tmp_path / "two", careless) as judge:
        second = run(references, tmp_path, "b", judge)
    with engine(tmp_path / "one") as judge:
        again = run(references, tmp_path, "c", judge)
    assert first == again != second
    assert "judge:judge@sha256:" in first
    assert str(tmp_path) not in first + second
    a, b, c = (
        json.loads((tmp_path / f"board/records/sandbox/findings/t__{m}.json").read_text()) for m in "abc"
    )
    assert a["metrics"]["green"]["mean"] == c["metrics"]["green"]["mean"] != b["metrics"]["green"]["mean"]
    records = entrants(tmp_path)
    assert records.signatures["green"] == first
    assert any("t/b: green has a different signature" in n for n in records.notes)


def test_answers_are_stored_for_the_engine_that_gave_them(references, tmp_path):
    """If nothing pins either, their addresses tell them apart."""
    means = []
    for model, answers in (("a", facts_of), ("b", careless)):
        with engine(answers=answers) as judge:
            run(references, tmp_path / model, model, replace(judge, cache_dir=tmp_path / "transcripts"))
        record = json.loads(
            (tmp_path / f"{model}/board/records/sandbox/findings/t__{model}.json").read_text()
        )
        means.append(record["metrics"]["green"]["mean"])
    assert means[0] != means[1]


@pytest.mark.parametrize(
    ("change", "label", "stays"),
    [
        (lambda j: j, "judge@unpinned", False),
        (lambda j: replace(j, stand_in=True), "judge@stand-in", False),
        (lambda j: replace(j, revision="main"), "judge@unpinned", False),
        (lambda j: replace(j, revision="latest-2026"), "judge@unpinned", False),
        (lambda j: replace(j, revision="http://10.0.0.1:8000/v1"), "judge@unpinned", False),
        (lambda j: replace(j, revision="/srv/models/7b"), "judge@unpinned", False),
        (lambda j: replace(j, model="gpt-4o"), "gpt-4o@unpinned", False),
        (lambda j: replace(j, model="/srv/models/judge-7b"), "judge-7b@unpinned", False),
        (lambda j: replace(j, revision=COMMIT), f"judge@version:{COMMIT}", True),
        (lambda j: replace(j, model="gpt-4o-2024-08-06"), "gpt-4o-2024-08-06@version:2024-08-06", True),
        (
            lambda j: replace(j, served="team/judge-7b", revision=COMMIT),
            f"team/judge-7b@version:{COMMIT}",
            True,
        ),
    ],
)
def test_an_unpinned_judge_enters_no_real_table(
    references, tmp_path, change: Callable[[JudgeSettings], JudgeSettings], label: str, stays
):
    with engine() as judge:
        signature = run(references, tmp_path, "m", change(judge))
    assert signature.startswith(f"green|v1|judge:{label}|decoding:")
    records = entrants(tmp_path)
    assert names(records.scored) == ({"m"} if stays else set())
    assert any("t/m is left out" in n for n in records.notes) is not stays
    assert names(entrants(tmp_path, rehearsal=True).scored) == {"m"}


def test_scores_from_before_judges_were_distinguished_are_stale(references, tmp_path):
    with engine(tmp_path / "one") as judge:
        signature = run(references, tmp_path, "m", judge)
    path = tmp_path / "board/records/sandbox/findings/t__m.json"
    label = signature.split("|")[2]
    path.write_text(path.read_text().replace(label, f"judge:green@{COMMIT}"))
    records = entrants(tmp_path)
    assert names(records.scored) == {"m"}
    assert "green" not in records.signatures
    assert any("green does not record its judge" in n for n in records.notes)


def test_a_folder_with_the_mark_of_a_stand_in_is_one(references, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one/STAND-IN").write_text("")
    with engine(tmp_path / "one") as judge:
        assert "judge:judge@stand-in|" in run(references, tmp_path, "m", judge)
