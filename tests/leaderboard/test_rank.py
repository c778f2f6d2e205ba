"""Ranking repairs its own output: nothing it wrote can block it, and damaged input is named."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
from support.boards import make_leaderboard
from support.challenges import use, use_sandbox
from support.damage import DAMAGE, change_json, copy, state, text

from evaluator.cli.board import run_rank
from evaluator.core.files import remove
from evaluator.core.problems import InputError, RexrankError
from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.rank import _first_track, rank_all
from evaluator.scoring.records import Board, earlier_record, load_record, read_studies, record_path
from evaluator.site.build import pages
from evaluator.site.content import read_content

BOARD = "sandbox.findings"
DERIVED = (
    f"tables/{BOARD}.json",
    f"tables/{BOARD}.csv",
    f"tables/{BOARD}.md",
    f"pairwise/{BOARD}.parquet",
    "overview.json",
    "overview.csv",
)
READ_BY_SITE = DERIVED[:4]
PAIRS = DERIVED[3]
STUDIES = "studies/sandbox/findings/rexrank-sandbox__near-copy.parquet"
NULL_STUDIES = "studies/sandbox/findings/baseline__normal-template.parquet"
RECORD = "records/sandbox/findings/rexrank-sandbox__near-copy.json"
SANITY = "sanity/sandbox.findings.json"
CASES = "cases/sandbox/findings/rexrank-sandbox__near-copy.json"

TABLE_CHANGES = {
    "another board": lambda v: v.update(dataset="iu-xray"),
    "another version": lambda v: v.update(schema="rexrank/table/v9"),
    "no rows": lambda v: v.pop("rows"),
    "rows as an object": lambda v: v.update(rows={}),
    "a row without a name": lambda v: v["rows"][0].pop("name"),
    "a mean as text": lambda v: v["rows"][0]["metrics"]["bleu_2"].update(mean="high"),
    "another mean": lambda v: v["rows"][0]["metrics"]["bleu_2"].update(mean=0.123),
    "a path for a record": lambda v: v["rows"][0].update(record="../../etc/passwd"),
    "a row of nobody": lambda v: v["rows"][0].update(id="x/y", team="x", model="y"),
    "subgroups as a list": lambda v: v.update(subgroups=[1]),
    "subgroups of another form": lambda v: v.update(subgroups={"axes": 3}),
    "sensitivity of another form": lambda v: v.update(sensitivity={"rules": []}),
    "stability of another form": lambda v: v.update(stability={"models": {"x/y": 1}}),
    "pairs of another form": lambda v: v.update(pairs=[{"a": 1}]),
    "a day of no calendar": lambda v: v["rows"][0].update(submitted="2026-02-30"),
}


@pytest.fixture
def board(made, tmp_path):
    return copy(made, tmp_path / "leaderboard")


def rank(board):
    return rank_all(board, board / "store", rehearsal=False)


@pytest.mark.parametrize("name", DAMAGE)
def test_no_output_of_ranking_can_block_it(board, name):
    before = state(board)
    for file in DERIVED:
        DAMAGE[name](board / file)
    rank(board)
    assert state(board) == before


@pytest.mark.parametrize("folder", ["tables", "pairwise"])
@pytest.mark.parametrize("damage", ["gone", "a file", "a link to nothing"])
def test_a_lost_folder_is_recreated(board, folder, damage):
    before = state(board)
    shutil.rmtree(board / folder)
    if damage == "a file":
        (board / folder).write_text("x")
    elif damage == "a link to nothing":
        (board / folder).symlink_to("nowhere")
    rank(board)
    assert state(board) == before


@pytest.mark.parametrize("name", DAMAGE)
def test_the_site_sends_to_ranking_what_ranking_repairs(board, name):
    silent = []
    for file in READ_BY_SITE:
        if file == PAIRS and name in {"gone", "twice", "a mark of byte order"}:
            continue  # without it no models are compared; with more around them, its rows are the same
        whole = (board / file).read_bytes()
        DAMAGE[name](board / file)
        try:
            read_content(board, "https://example.org/")
            silent.append(file)
        except RexrankError as error:
            assert "rexrank rank" in str(error)  # noqa: PT017
            assert BOARD in str(error)  # noqa: PT017
        remove(board / file)
        (board / file).write_bytes(whole)
    assert silent == []


def test_without_pairs_the_site_compares_no_models_and_says_so(board, capsys):
    (board / PAIRS).unlink()
    content = read_content(board, "https://example.org/")
    assert [key for key in content.tables if key not in content.pairwise] == [("sandbox", "findings")]
    assert f"{board / PAIRS} is missing" in capsys.readouterr().err
    assert not [n for n in pages(board) if n.startswith("data/pairwise/sandbox.findings")]


@pytest.mark.parametrize("file", ["overview.json", "overview.csv"])
def test_the_site_needs_no_overview(board, file):
    before = pages(board)
    (board / file).write_text("{")
    assert pages(board) == before


@pytest.mark.parametrize("name", TABLE_CHANGES)
def test_a_table_that_is_sound_json_but_another(board, name):
    before = state(board)
    change_json(TABLE_CHANGES[name])(board / DERIVED[0])
    with pytest.raises(RexrankError, match="rexrank rank"):
        pages(board)
    rank(board)
    assert state(board) == before


@pytest.mark.parametrize(
    "file",
    [
        "tables/notes.json",
        "tables/gone.findings.json",
        "pairwise/gone.findings.parquet",
        "tables/.sandbox.findings.json.1f.tmp",
    ],
)
def test_files_without_a_board_are_removed(board, file):
    before = state(board)
    text("{")(board / file)
    rank(board)
    assert state(board) == before


def test_the_overall_table_covers_what_the_challenge_names(board, monkeypatch):
    """A dataset joins through the challenge, two runs give the same bytes, and what it no longer names goes."""
    before = state(board)
    with monkeypatch.context() as now:
        use_sandbox(now)
        rank(board)
        once = state(board)
        names = [f"overall.{t}.{k}" for t in ("findings", "report") for k in ("json", "csv", "md")]
        assert [n for n in names if not (board / n).is_file()] == []
        table = json.loads((board / names[0]).read_text())
        assert [r["id"] for r in table["rows"]] == ["rexrank-sandbox/near-copy"]
        assert "one model is ranked on all of Sandbox" in table["notes"][0]
        assert [list(r["lacks"]) for r in table["incomplete"]] == [["sandbox"]]
        rank(board)
        assert state(board) == once
        assert "near" in pages(board)["leaderboards/overall.md"]
        (board / names[1]).write_text("x")
        with pytest.raises(
            RexrankError, match=r"findings\.json and overall\.findings\.csv do not agree.*rexrank rank"
        ):
            pages(board)
    rank(board)
    assert state(board) == before


def test_a_wrong_choice_stops_ranking_before_anything_is_written(board, monkeypatch):
    use(monkeypatch, primary={"report-generation": "radclik", "vqa": "accuracy_macro"})
    before = state(board)
    with pytest.raises(RexrankError, match="submissions to report-generation are not scored with 'radclik'"):
        rank(board)
    assert state(board) == before


@pytest.mark.parametrize(("name", "table"), [("policy.json", "quota"), ("overall-boards.json", "overall")])
def test_an_outdated_setting_is_not_ignored(board, name, table):
    (board / name).write_text("{}")
    before = state(board)
    with pytest.raises(InputError, match=rf"{name} is no longer read: .* to \[{table}\] in challenge.toml"):
        rank(board)
    assert state(board) == before


def test_a_maintainers_files_are_kept(board):
    (board / "tables/README.md").write_text("Tables.")
    rank(board)
    assert (board / "tables/README.md").read_text() == "Tables."


def test_without_records_nothing_is_deleted(board):
    shutil.rmtree(board / "records")
    before = state(board)
    with pytest.raises(RexrankError, match="no records in"):
        run_rank(board, board / "store", rehearsal=False)
    assert rank(board) == []
    assert state(board) == before


def test_a_damaged_record_or_line_stops_ranking_before_anything_is_written(board):
    """All of them are named at once, and no file is changed."""
    (board / DERIVED[0]).unlink()
    (board / RECORD).write_text("{")
    (board / RECORD.replace("findings", "report")).write_text("[]")
    (board / "studies/sandbox/findings/rexrank-sandbox__template.parquet").write_bytes(b"PAR1")
    history = board / "history.jsonl"
    history.write_text("{\n" + history.read_text())
    before = state(board)
    with pytest.raises(RexrankError) as failure:
        rank(board)
    for file in (RECORD, RECORD.replace("findings", "report"), "history.jsonl is damaged"):
        assert file in str(failure.value)
    assert "rexrank score submissions/rexrank-sandbox/near-copy --dataset sandbox" in str(failure.value)
    assert state(board) == before


def test_the_history_follows_from_records_and_history_alone(board):
    before = (board / "history.jsonl").read_bytes()
    (board / "history.jsonl").unlink()
    rank(board)
    assert (board / "history.jsonl").read_bytes() == before
    shutil.rmtree(board / "tables")
    rank(board)
    assert (board / "history.jsonl").read_bytes() == before


def test_a_torn_line_is_set_aside_and_its_event_told_again(board, capsys):
    history = board / "history.jsonl"
    before = history.read_bytes()
    history.write_bytes(before[:-30])
    rank(board)
    assert history.read_bytes() == before
    assert "history.jsonl.torn" in capsys.readouterr().err


RECORD_CHANGES = {
    "no provenance": lambda v: v.update(provenance={}),
    "provenance gone": lambda v: v.pop("provenance"),
    "provenance as a list": lambda v: v.update(provenance=[]),
    "a digest as a number": lambda v: v["provenance"].update(references_sha256=1),
    "a card as text": lambda v: v.update(card="x"),
    "a name as a list": lambda v: v["card"].update(name=["x"]),
    "links as text": lambda v: v["card"].update(links="x"),
    "training data as text": lambda v: v["card"].update(training_data="x"),
    "inputs of no card": lambda v: v["card"].update(inputs={"views ": "frontal"}),
    "a name that fills the page": lambda v: v["card"].update(name="x" * 201),
    "inputs as a list": lambda v: v["card"].update(inputs=[1]),
    "an unknown status": lambda v: v["card"].update(status="gone"),
    "badges as text": lambda v: v["integrity"].update(badges="x"),
    "a badge as text": lambda v: v["integrity"].update(badges=["x"]),
    "no outcome": lambda v: v["integrity"].pop("outcome"),
    "diagnostics as a list": lambda v: v.update(diagnostics=[]),
    "a share as text": lambda v: v["diagnostics"].update(top1_share="x"),
    "another model": lambda v: v.update(model="other"),
    "another track": lambda v: v.update(track="report"),
    "another dataset": lambda v: v.update(dataset="iu-xray"),
    "a number as text": lambda v: v.update(n="4"),
    "a date as a number": lambda v: v.update(submitted=2026),
    "a date of another form": lambda v: v.update(submitted="yesterday"),
    "a day of no calendar": lambda v: v.update(submitted="2026-13-45"),
    "a signature without its protocol": lambda v: v["metrics"]["bleu_2"].update(signature="bleu_2|v1"),
    "a signature with an open bracket": lambda v: v["metrics"]["bleu_2"].update(
        signature="bleu_2|v1)|protocol:clean"
    ),
    "metrics as a list": lambda v: v.update(metrics=[]),
    "another mean": lambda v: v["metrics"]["bleu_2"].update(mean=0.9),
}


@pytest.mark.parametrize("name", [n for n in DAMAGE if n not in {"gone", "a bit"}])
def test_a_damaged_record_is_named(board, name):
    DAMAGE[name](board / RECORD)
    _named(board, RECORD)


@pytest.mark.parametrize("name", RECORD_CHANGES)
def test_a_record_of_another_form_is_named(board, name):
    change_json(RECORD_CHANGES[name])(board / RECORD)
    # A contradiction with the per-study scores alone is found where both are read.
    _named(board, STUDIES if name == "another mean" else RECORD, site=name != "another mean")


@pytest.mark.parametrize("name", [n for n in DAMAGE if n not in {"twice", "a bit"}])
def test_damaged_scores_of_studies_are_named(board, name):
    DAMAGE[name](board / STUDIES)
    _named(board, STUDIES, site=False)


def _named(board, file, *, site=True):
    before = state(board)
    for reader in (rank, pages) if site else (rank,):
        with pytest.raises(RexrankError) as failure:
            reader(board)
        assert file in str(failure.value)
        assert "rexrank score submissions/rexrank-sandbox/near-copy --dataset sandbox" in str(failure.value)
    assert state(board) == before


@pytest.mark.parametrize("name", [n for n in DAMAGE if n not in {"gone", "a bit"}])
def test_damaged_texts_are_named(board, name):
    DAMAGE[name](board / CASES)
    if name in {"a link to nothing", "a link to itself", "a folder", "a full folder", "a pipe"}:
        return  # there is nothing to read: the model has no case browser
    with pytest.raises(RexrankError, match=f"{CASES}.*rexrank score submissions/rexrank-sandbox/near-copy"):
        pages(board)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda v: v["bleu_2"].update(itself=True),
            "/metrics/bleu_2/itself: the field .* is True; wanted a number",
        ),
        (lambda v: v["bleu_2"].pop("empty"), "/metrics/bleu_2/empty: the field .* is missing"),
        (lambda v: v["bleu_2"].update(signature=""), "/metrics/bleu_2/signature: .* wanted a signature"),
    ],
)
def test_a_damaged_sanity_file_is_explained(board, change, words):
    change_json(lambda v: change(v["metrics"]))(board / SANITY)
    with pytest.raises(RexrankError, match=f"{SANITY}: {words}.*Rebuild it with: rexrank baseline sandbox$"):
        rank(board)


def test_scores_of_other_patients_name_both_models(board):
    frame = pd.read_parquet(board / STUDIES)
    frame.assign(patient="one").to_parquet(board / STUDIES)
    with pytest.raises(
        RexrankError, match=r"near-copy and \S+ on sandbox.findings cover different studies or patients"
    ):
        rank(board)


def test_records_that_no_board_reads_are_reported(board, capsys):
    for stray in ("unknown/findings", "sandbox/impresion"):
        shutil.copytree(board / "records/sandbox/findings", board / "records" / stray)
    before = state(board)
    rank(board)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": the challenge")[0] for line in lines] == [
        f"rexrank: {board}/records/{stray}" for stray in ("sandbox/impresion", "unknown/findings")
    ]
    assert state(board) == before


def test_rescoring_fixes_a_damaged_record(board):
    before = state(board)
    (board / RECORD).write_text("{")
    (board / STUDIES).write_bytes(b"")
    (board / CASES).write_text("{")
    again = make_leaderboard(board, ("near-copy", "template"), "Somewhere", "Clear lungs.")
    assert state(again) == before


def test_a_damaged_record_of_a_withheld_dataset_is_not_replaced_in_the_store(tmp_path):
    place = Board(get_dataset("rexgradient"), "findings")
    path = record_path(tmp_path, "rexgradient", "findings", "t", "m")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({}))
    with pytest.raises(RexrankError, match="Restore the file from a backup"):
        earlier_record(tmp_path / "board", tmp_path, place, "t", "m")


@pytest.mark.parametrize(
    "names",
    [
        [SANITY, "sanity/sandbox.report.json", "releases.json", "history.jsonl", RECORD],
        [SANITY, "sanity/sandbox.report.json", STUDIES, NULL_STUDIES, STUDIES.replace("findings", "report")],
    ],
    ids=["records", "scores"],
)
def test_every_damaged_file_is_named_at_once(board, names):
    for name in names:
        DAMAGE["a link to itself"](board / name) if (board / name).exists() else text("{")(board / name)
    harmed = state(board)
    with pytest.raises(RexrankError) as caught:
        rank(board)
    assert [n for n in names if str(board / n) not in str(caught.value)] == []
    assert state(board) == harmed


def test_the_second_track_of_a_non_public_dataset_takes_the_first_into_account(made):
    """Its subgroups must reveal nothing together with those of the first track."""
    dataset = get_dataset("sandbox")
    hidden = dataset.model_copy(update={"access": "restricted"})
    frames = {t: _first_track(Board(hidden, t), made, made, rehearsal=False) for t in ("findings", "report")}
    assert frames["findings"] is None
    record = load_record(made / RECORD, Board(dataset, "findings"))
    frame = read_studies(made, made, Board(dataset, "findings"), record)
    axes = [c for c in frame.columns if c.startswith("subgroup:")]
    assert frames["report"].equals(frame[["study_id", "patient", *axes]])
    assert _first_track(Board(dataset, "report"), made, made, rehearsal=False) is None
