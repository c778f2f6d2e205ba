"""Multiple choice through real runs: convert, validate, score, baselines, ranks; every integrity rule of answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.challenges import use
from support.submissions import model_card

from evaluator.core.files import sha256_bytes
from evaluator.core.problems import InputError
from evaluator.datasets.answer import LETTERS, Answer
from evaluator.datasets.challenge import challenge
from evaluator.datasets.question_references import Question
from evaluator.datasets.references import References, load_references, parse_references
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.sandbox.questions import READERS, answers
from evaluator.datasets.skills import SKILLS
from evaluator.leaderboard.overall_table import read_overall
from evaluator.leaderboard.rank import rank_all
from evaluator.scoring.baselines import score_baselines
from evaluator.scoring.records import Board, read_records, read_studies
from evaluator.scoring.run import ScoreSettings, score_submission
from evaluator.submissions.submission import Predictions, Submission

SANDBOX = get_dataset("sandbox-vqa")
TASK_METRICS = ("accuracy_macro", "accuracy", *(f"accuracy_{s.key}" for s in SKILLS))


def settings(folder: Path, **more) -> ScoreSettings:
    return ScoreSettings(metrics=TASK_METRICS, store=folder / "store", submitted="2026-03-01", **more)


def submitted(name, dataset, predictions):
    team, _, model = name.partition("/")
    digest = sha256_bytes(json.dumps({i: a.value for i, a in predictions.items()}).encode())
    return Submission(
        team, model, model_card(name=model), {dataset: Predictions(dataset, predictions, digest)}
    )


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """The sandbox's questions, scored for every made-up model and baseline, and ranked."""
    folder = tmp_path_factory.mktemp("choice")
    references = load_references(SANDBOX, None)
    for model in READERS:
        score_submission(
            submitted(f"rexrank-sandbox/{model}", SANDBOX.id, answers(model)), SANDBOX, references, folder, settings(folder)
        )  # fmt: skip
    score_baselines(references, folder, settings(folder))
    (table,) = (t for t in rank_all(folder, folder / "store", rehearsal=False) if t.dataset == SANDBOX.id)
    return folder, references, table


def test_the_board_ranks_by_the_mean_of_the_skills(board):
    _, references, table = board
    assert table.primary == "accuracy_macro"
    assert [m.key for m in table.metrics] == list(TASK_METRICS)
    assert [r.model for r in table.rows] == list(READERS)
    for row in table.rows:
        own = {q: a.value for q, a in answers(row.model).items()}
        shares = [
            np.mean([own[i] == q.answer for i, q in references.studies.items() if q.skill == skill.name])
            for skill in SKILLS
        ]
        assert row.metrics["accuracy_macro"].mean == pytest.approx(np.mean(shares), abs=1e-6)
        for skill, share in zip(SKILLS, shares, strict=True):
            assert row.metrics[f"accuracy_{skill.key}"].mean == pytest.approx(share, abs=1e-6)
    assert table.rows[0].metrics["accuracy_macro"].low is not None


def test_unanswered_questions_are_counted_and_shown(board):
    folder, references, _ = board
    records = {r.model: r for r in read_records(folder, Board(SANDBOX, "answers"))}
    reader = records["reader"]
    empty = sum(a.empty for a in answers("reader").values())
    assert reader.metrics["accuracy"].n_failed == reader.metrics["accuracy_macro"].n_failed == empty
    assert reader.diagnostics.n_empty == empty
    assert [(b.code, b.outcome) for b in reader.integrity.badges] == [("C2", "badge")]
    assert reader.n == len(references.studies)
    assert set(reader.diagnostics.letter_shares) == set(LETTERS)


def test_the_baselines_stand_beside_the_models(board):
    _, _, table = board
    nulls = {r.model: r.metrics["accuracy_macro"].mean for r in table.nulls}
    assert set(nulls) == {
        *(f"always-{x.lower()}" for x in LETTERS), "random-answer", "longest-option", "normal-option", "typical-option",
    }  # fmt: skip
    assert max(nulls.values()) < 0.45
    outcomes = {r.model: {t.outcome for t in r.against_nulls} for r in table.rows}
    assert outcomes["near-copy"] == {"clears"}
    assert "clears" not in outcomes["shuffled"]


def test_ranking_twice_gives_the_same_bytes(board):
    folder, _, _ = board
    path = folder / f"tables/{SANDBOX.id}.answers.json"
    before = path.read_bytes()
    rank_all(folder, folder / "store", rehearsal=False)
    assert path.read_bytes() == before


def test_answers_have_an_overall_ranking_of_their_own(board, tmp_path, monkeypatch):
    """A lead is the difference of two macro accuracies in units of the questions' typical difference."""
    folder = shutil.copytree(board[0], tmp_path / "leaderboard")
    block = {"title": "Made up", "datasets": [SANDBOX.id]}
    use(
        monkeypatch,
        datasets=[*challenge().datasets, SANDBOX.id],
        overall={"boards": [SANDBOX.id], "blocks": [block]},
    )
    rank_all(folder, folder / "store", rehearsal=False)
    table = read_overall(folder / "overall.answers.json")
    assert not (folder / "overall.findings.json").exists()
    assert table.primary == "accuracy_macro"
    assert [r.model for r in board[2].rows] == [r.id.partition("/")[2] for r in table.rows]
    means = {r.id: r.metrics["accuracy_macro"].mean for r in board[2].rows}
    unit = table.boards[0].scale
    for row in table.rows:
        lead = (means[row.id] - np.mean(list(means.values()))) / unit
        assert row.score == pytest.approx(lead, abs=0.02)
    assert (table.rows[0].rank_low, table.rows[0].tied_with_best) == (1, True)
    assert all(r.lacks == {} for r in table.rows)


def test_the_item_values_of_the_file_add_up_to_the_figure(board):
    folder, references, _ = board
    where = Board(SANDBOX, "answers")
    for record in read_records(folder, where):
        frame = read_studies(folder, folder / "store", where, record)
        assert frame["accuracy_macro"].mean() == pytest.approx(
            record.metrics["accuracy_macro"].mean, abs=1e-6
        )
        assert set(frame["accuracy"].unique()) <= {0.0, 1.0}
    assert set(frame["subgroup:skill"]) == {s.name for s in SKILLS}
    assert len(frame) == len(references.studies)


N = 240
RIGHT = list(np.random.default_rng(4).choice(list(LETTERS), N))


def questions(dataset="rexvqa-public"):
    items = {
        f"q{i:03}": Question(f"q{i:03}", RIGHT[i], SKILLS[i % 5].name, f"s{i // 4:03}", f"p{i // 6:03}", {})
        for i in range(N)
    }
    return References(get_dataset(dataset), items, "d" * 64)


def honest(seed, accuracy=0.6):
    rng = np.random.default_rng(seed)
    guess = rng.choice(list(LETTERS), N)
    return [r if rng.random() < accuracy else g for r, g in zip(RIGHT, guess, strict=True)]


def run(
    folder, letters, *, dataset="rexvqa-public", name="me/model", earlier=None, submitted_on="2026-03-01"
):
    references = questions(dataset)
    answers = {i: Answer(x) for i, x in zip(references.studies, letters, strict=True)}
    before = {
        k: {i: Answer(x) for i, x in zip(references.studies, v, strict=True)}
        for k, v in (earlier or {}).items()
    }
    settings = ScoreSettings(metrics=TASK_METRICS, store=folder / "store", submitted=submitted_on)
    (path,) = score_submission(
        submitted(name, dataset, answers),
        references.dataset,
        references,
        folder / "lb",
        settings,
        earlier=before,
    )
    return json.loads(path.read_text("utf-8"))


MINE = honest(1)
RULES = [
    # letters, earlier models, code, outcome, words
    (MINE, {}, None, None, ""),
    (MINE, {"you/other": honest(2)}, None, None, ""),
    (["", "", "", "", *MINE[4:]], {}, "C2", "badge", "4 of 240 questions have no answer"),
    (["A"] * N, {}, "C24", "quarantine", "the answer is A to 100% of 240 questions"),
    (["B"] * 120 + MINE[120:], {}, "C24", "badge", "the answer is B to"),
    (MINE, {"you/other": MINE}, "C25", "reject", "what you/other answered wrongly is answered alike"),
    (MINE, {"me/older": MINE}, "C25", "badge", "what me/older answered wrongly"),
    (["A" if r == "D" else r for r in RIGHT[:200]] + MINE[200:], {}, "C26", "badge", ""),
]  # fmt: skip


@pytest.mark.parametrize(("letters", "earlier", "code", "outcome", "words"), RULES)
def test_every_rule_speaks_in_a_scoring_run(tmp_path, monkeypatch, letters, earlier, code, outcome, words):
    monkeypatch.setenv("REXRANK_SALT", "salt")
    badges = run(tmp_path, letters, earlier=earlier)["integrity"]["badges"]
    by_code = {b["code"]: b for b in badges}
    if code is None:
        assert not badges
        return
    assert by_code[code]["outcome"] == outcome
    assert not any(b["ids"] for b in badges), "no question of a set that is not public is named"
    private = code in {"C25", "C26"}
    assert private or words in by_code[code]["text"]
    assert not (private and any(c.isdigit() for c in by_code[code]["text"]))


def test_a_withheld_dataset_shows_no_count_and_detects_a_probe(tmp_path, monkeypatch):
    monkeypatch.setenv("REXRANK_SALT", "salt")
    run(tmp_path, MINE, dataset="rexvqa")
    record = run(tmp_path, ["A" if MINE[0] != "A" else "B", *MINE[1:]], dataset="rexvqa", name="me/model2")
    by_code = {b["code"]: b for b in record["integrity"]["badges"]}
    assert by_code["C19"]["outcome"] == "quarantine"
    assert not any(c.isdigit() for b in by_code.values() for c in b["text"])
    assert not {"n_empty", "position_accuracy", "shared_wrong"} & record["diagnostics"].keys()


def test_a_missing_question_counts_as_wrong(tmp_path, monkeypatch):
    monkeypatch.setenv("REXRANK_SALT", "salt")
    references = questions()
    whole = {i: Answer(q.answer) for i, q in references.studies.items()}
    part = {i: a for n, (i, a) in enumerate(whole.items()) if n >= 24}
    settings = ScoreSettings(metrics=TASK_METRICS, store=tmp_path / "store", submitted="2026-03-01")
    (path,) = score_submission(
        submitted("me/m", "rexvqa-public", part), references.dataset, references, tmp_path / "lb", settings
    )
    entry = json.loads(path.read_text("utf-8"))["metrics"]["accuracy"]
    assert (entry["mean"], entry["n"], entry["n_failed"]) == (0.9, N, 24)


def test_a_file_of_questions_is_refused_as_a_whole_without_revealing_answers():
    good = {"correct_answer": "B", "task_name": "Presence Assessment", "study_id": "s1", "Findings": "SECRET"}
    data = json.dumps({"q1": good, "q2": {**good, "correct_answer": "b", "task_name": "SECRETS"}}).encode()
    with pytest.raises(InputError) as failure:
        parse_references(get_dataset("rexvqa"), data)
    assert "question q2" in str(failure.value)
    assert "Findings" not in str(failure.value)
    assert (
        parse_references(get_dataset("rexvqa"), json.dumps({"q1": good}).encode()).studies["q1"].answer == "B"
    )
    with pytest.raises(InputError, match="is not JSON"):
        parse_references(get_dataset("rexvqa"), b'{"q1": {}, "q1": {}}')
