"""Which model is best over all datasets: complete and incomplete models, ranges, and what such a table excludes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from support.populations import make_populations, whole_overall

from evaluator.core.problems import RexrankError
from evaluator.datasets.challenge import OverallSetting, challenge
from evaluator.leaderboard.overall import make_overall, skeleton
from evaluator.leaderboard.overall_check import objection
from evaluator.leaderboard.overall_files import overall_csv, overall_files, overall_markdown
from evaluator.leaderboard.overall_reported import reported_overall
from evaluator.leaderboard.overall_table import having, parse_overall
from evaluator.leaderboard.pairwise import Pairwise, overall_pairwise, with_pairs
from evaluator.leaderboard.pairwise_file import pairwise_digest, read_pairwise
from evaluator.leaderboard.reported import ReportedRow
from evaluator.leaderboard.table import read_table

SETTING = challenge().overall
DATASETS = having(SETTING, "findings")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("populations")
    make_populations(folder, n_models=7, n_studies=80)
    return folder


@pytest.fixture
def boards(folder):
    tables = {d: read_table(folder / f"tables/{d}.findings.json") for d in DATASETS}
    files = {d: folder / f"pairwise/{d}.findings.parquet" for d in DATASETS}
    return {d: with_pairs(t, read_pairwise(files[d], t)) for d, t in tables.items()}


@pytest.fixture
def overall(folder):
    return whole_overall(folder, "findings")


def test_complete_models_are_in_order_with_ranges_that_never_decrease(overall):
    assert len(overall.rows) == 7
    scores = [r.score for r in overall.rows]
    assert scores == sorted(scores, reverse=True)
    for key in ("rank_low", "rank_high"):
        values = [getattr(r, key) for r in overall.rows]
        assert values == sorted(values)
    assert overall.rows[0].tied_with_best
    assert all(r.without.keys() == set(DATASETS) for r in overall.rows)
    assert len(overall.pairs) == 21
    assert all(r.boards.keys() == set(DATASETS) and not r.lacks for r in overall.rows)


def test_ranges_follow_from_the_pairs(overall):
    for row in overall.rows:
        ahead = sum(
            p.separates and p.standing(row.id) == "worse" for p in overall.pairs if row.id in {p.a, p.b}
        )
        assert row.rank_low <= 1 + ahead


def test_models_that_are_not_worse_than_any_other(overall, boards):
    for row in overall.rows:
        worse = {d: boards[d].pairs for d in DATASETS}
        losses = {
            d: sum(p.separates and p.standing(row.id) == "worse" for p in pairs if row.id in {p.a, p.b})
            for d, pairs in worse.items()
        }
        assert {d: p.worse_than for d, p in row.boards.items()} == losses
        assert row.never_worse == (not any(losses.values()))
    assert {r.never_worse for r in overall.rows} == {True, False}


def test_incomplete_models_are_listed_with_what_they_lack(overall):
    gaps = {r.id: dict(r.lacks) for r in overall.incomplete}
    assert gaps["held/model-1"] == dict.fromkeys(DATASETS, "lacks radcliq_v1 under the board's signature")
    assert all(r.rank_low is None and not r.never_worse for r in overall.incomplete)


def test_a_model_that_skips_a_dataset_is_not_ranked(boards):
    few = {**boards, "iu-xray": boards["iu-xray"].model_copy(update={"rows": boards["iu-xray"].rows[1:]})}
    table = skeleton("findings", SETTING, few)
    best = boards["iu-xray"].rows[0].id
    assert {r.id: dict(r.lacks) for r in table.incomplete}[best] == {"iu-xray": "not entered"}
    assert best not in {r.id for r in table.rows}


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (0, "no model is ranked on all of IU X-ray, MIMIC-CXR, CheXpert Plus"),
        (1, "one model is ranked on all of"),
    ],
)
def test_fewer_than_two_complete_models_give_a_sentence(boards, left, words):
    rows = boards["mimic-cxr"].rows[:left]
    few = {**boards, "mimic-cxr": boards["mimic-cxr"].model_copy(update={"rows": rows})}
    table = make_overall("findings", SETTING, few, {})
    assert words in table.notes[0]
    assert (len(table.rows), table.pairs, table.band) == (left, (), None)
    assert all(r.rank_low is None for r in table.rows)
    assert table.incomplete[0].boards["iu-xray"].low == 1 + left
    assert objection(table, SETTING, few, None) is None
    assert words in overall_markdown(table).replace("\\", "")


def test_boards_of_different_metrics_have_no_order(boards):
    other = {**boards, "iu-xray": boards["iu-xray"].model_copy(update={"primary": "bleu_2"})}
    table = make_overall("findings", SETTING, other, {})
    assert "ranked by different metrics (bleu_2, radcliq_v1)" in table.notes[0]
    assert objection(table, SETTING, other, None) is None


def test_files_say_what_the_table_says(overall):
    files = overall_files(overall)
    assert parse_overall(json.loads(files["overall.findings.json"]), "x").view() == overall.view()
    assert '"pairs"' not in files["overall.findings.json"]
    rows = list(csv.DictReader(io.StringIO(files["overall.findings.csv"])))
    assert [r["id"] for r in rows] == [r.id for r in (*overall.rows, *overall.incomplete)]
    assert rows[0]["mimic-cxr_rank_high"] == str(overall.rows[0].boards["mimic-cxr"].high)
    assert rows[-1]["iu-xray_lacks"].startswith("lacks radcliq_v1")
    assert "-0.0," not in files["overall.findings.csv"]
    assert len(overall_markdown(overall).splitlines()) > len(rows)


def test_hostile_names_stay_in_their_cell(overall):
    row = overall.rows[0].model_copy(update={"name": "=cmd|' /C calc'!A1 [x](javascript:1) | <b>"})
    hostile = overall.model_copy(update={"rows": (row,)})
    assert next(csv.DictReader(io.StringIO(overall_csv(hostile))))["name"].startswith("'=")
    assert "<b>" not in overall_markdown(hostile)


def a_model_less(table):
    table["rows"].pop()
    columns = [table["ranks"], *(b[k] for b in table["boards"] for k in ("without", "ranks"))]
    for ranks in (ranks for column in columns for ranks in column.values()):
        del ranks[len(table["rows"])]


def nothing_left_out(table):
    for board in table["boards"]:
        board["without"] = {"low": [], "high": []}


def first(key, value):
    return lambda v: v["rows"][0].update({key: value})


CHANGES = {
    "another score": (first("score", 9.0), "contradict"),
    "a finer score": (lambda v: v["rows"][0].update(score=v["rows"][0]["score"] + 0.001), "finer"),
    "a better rank": (lambda v: v["ranks"]["low"].__setitem__(-1, 1), "contradicts"),
    "another name": (first("name", "Mine"), "contradicts"),
    "another place on a board": (
        lambda v: v["boards"][0]["ranks"]["worse_than"].__setitem__(0, 5),
        "contradicts",
    ),
    "a model less": (a_model_less, "models other than"),
    "a pair less": (lambda v: v["pairs"].pop(), "pairs that do not match"),
    "a pair turned": (lambda v: v["pairs"][0].update(better="b", p=0.001), "contradict"),
    "a p that its outcome denies": (lambda v: v["pairs"][0].update(p=0.9), "contradict"),
    "a difference that does not matter": (lambda v: v["pairs"][0].update(matters=False), "contradict"),
    "nothing left out": (nothing_left_out, "leaves out"),
    "a range that is none": (
        lambda v: v["boards"][0]["without"]["low"].__setitem__(0, 9),
        "impossible rank range",
    ),
    "no ranks": (lambda v: v.update(ranks={"low": [], "high": []}), "scores without ranks"),
    "never worse": (lambda v: v["rows"][-1].update(never_worse=True), "contradicts"),
    "another note": (lambda v: v.update(notes=["Bought."]), "contradicts"),
    "no digest": (lambda v: v.update(pairwise_sha256=None), "different digest"),
    "another board": (lambda v: v["boards"][0].update(n=7), "contradicts"),
    "a reason": (lambda v: v["incomplete"][0]["lacks"].update({"iu-xray": "bribed"}), "contradicts"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_table_that_does_not_follow_from_boards_and_tests_is_refused(overall, boards, name):
    change, words = CHANGES[name]
    value = {**overall.view(), "pairs": [p.view() for p in overall.pairs]}
    # The pair of the two models furthest apart: its test is clear-cut.
    ends = {overall.rows[0].id, overall.rows[-1].id}
    value["pairs"].sort(key=lambda p: {p["a"], p["b"]} != ends)
    ordered = json.loads(json.dumps(value))
    change(ordered)
    ordered["pairs"].sort(key=lambda p: (p["a"], p["b"]))
    if name == "a pair turned" and overall.rows[0].id > overall.rows[-1].id:
        pytest.skip("the best stands second in its pair")
    assert objection(overall, SETTING, boards, overall_pairwise(overall)) is None
    table = parse_overall(ordered, "x")
    pairs = overall_pairwise(table)
    if table.pairwise_sha256:
        table = table.model_copy(update={"pairwise_sha256": pairwise_digest(pairs)})
    assert words in objection(table, SETTING, boards, pairs)


UNEQUAL = {
    "a rank less": (lambda v: v["ranks"]["low"].pop(), "/ranks"),
    "a rank more": (lambda v: v["ranks"].update({k: [*r, 1] for k, r in v["ranks"].items()}), "/ranks"),
    "a board's rank less": (lambda v: v["boards"][1]["ranks"]["high"].pop(), "/boards/1/ranks"),
    "no rank of a board": (
        lambda v: v["boards"][0]["ranks"].update(low=[], high=[], worse_than=[]),
        "/boards/0/ranks",
    ),
    "half a rank of a board": (
        lambda v: v["boards"][0]["ranks"]["high"].__setitem__(0, None),
        "/boards/0/ranks",
    ),
    "a range less": (lambda v: v["boards"][2]["without"]["high"].pop(), "/boards/2/without"),
}


@pytest.mark.parametrize("name", UNEQUAL)
def test_every_row_has_its_ranks(overall, name):
    change, place = UNEQUAL[name]
    value = json.loads(json.dumps(overall.view()))
    assert parse_overall(value, "x").view() == overall.view()
    change(value)
    with pytest.raises(RexrankError, match=f"at {place}: lists that do not match the rows"):
        parse_overall(value, "x")


def test_without_its_pairs_a_tables_ranks_are_taken_as_given(overall, boards):
    bare = overall.model_copy(update={"pairs": ()})
    assert objection(bare, SETTING, boards, None) is None
    rows = bare.rows
    swapped = bare.model_copy(update={"rows": (rows[1], rows[0], *rows[2:])})
    assert "contradicts" in objection(swapped, SETTING, boards, None)
    undigested = bare.model_copy(update={"pairwise_sha256": None})
    assert "ranks without a digest" in objection(undigested, SETTING, boards, None)


@pytest.mark.parametrize("more", ["bleu_2", "radcliq_v1"])
def test_pairs_hold_nothing_but_the_tests(overall, boards, more):
    """Neither another metric nor an unadjusted p is in the file."""
    pairs = overall_pairwise(overall)
    first = pairs.metrics["radcliq_v1"][0]
    extra = {more: (replace(first, p=0.5), *pairs.metrics["radcliq_v1"][1:])}
    more_pairs = Pairwise({**pairs.metrics, **extra})
    table = overall.model_copy(update={"pairwise_sha256": pairwise_digest(more_pairs)})
    assert "from its tests" in objection(table, SETTING, boards, more_pairs)


def test_a_withheld_board_joins_by_the_setting(tmp_path):
    setting = SETTING.model_copy(update={"boards": (*SETTING.boards, "rexgradient")})
    names = having(setting, "findings")
    assert names == ("iu-xray", "rexgradient", "mimic-cxr", "chexpert-plus")
    overall = make_populations(tmp_path, names, n_models=5, n_studies=60, setting=setting)["findings"]
    assert {p.p for p in overall.pairs} <= {0.0009, 0.0099, 0.0499, 1.0}
    assert {r.id: set(r.without) for r in overall.rows}["team00/model"] == set(names)
    boards = {d: read_table(tmp_path / f"tables/{d}.findings.json") for d in names}
    assert objection(overall, setting, boards, overall_pairwise(overall)) is None
    assert objection(overall, SETTING, boards, overall_pairwise(overall)) is not None


def test_an_order_is_of_one_task(boards):
    """Boards of questions take no part in the order of reports, nor boards of reports in that of answers."""
    assert having(SETTING, "answers") == ("rexvqa", "rexvqa-public")
    blocks = ({"title": "Reports", "datasets": [*DATASETS]},)
    reports = OverallSetting.model_validate({"boards": [*DATASETS], "blocks": blocks})
    table = skeleton("findings", SETTING, boards)
    assert tuple(b.dataset for b in table.boards) == DATASETS
    assert table.rows == skeleton("findings", reports, boards).rows
    answers = skeleton("answers", SETTING, {})
    assert [b.dataset for b in answers.boards] == ["rexvqa", "rexvqa-public"]
    assert answers.primary == "accuracy_macro"


def reported(model, dataset, value, track="findings", snapshot="2026-08"):
    return ReportedRow(
        snapshot, dataset, track, model, "Somewhere", "2026", "", values={"radcliq_v1_reciprocal": value}
    )


def test_reported_rows_are_ordered_by_mean_rank():
    rows = [
        *(reported("A", d, v) for d, v in (("iu-xray", 2.0), ("mimic-cxr", 1.0))),
        *(reported("B", d, v) for d, v in (("iu-xray", -9.0), ("mimic-cxr", 0.8))),
        *(reported("C", d, v) for d, v in (("iu-xray", 2.0), ("mimic-cxr", 0.7))),
        reported("D", "iu-xray", 0.5),
        reported("Old", "iu-xray", 5.0, snapshot="2024-11-19"),
    ]
    overall = reported_overall(rows, "findings", SETTING)
    assert (overall.snapshot, overall.datasets) == ("2026-08", ("iu-xray", "mimic-cxr"))
    # A mean below 0, a negative reciprocal, is better than any other; equal values share their mean rank.
    assert [(p.model, dict(p.ranks), p.mean_rank, p.place) for p in overall.complete] == [
        ("B", {"iu-xray": 1.0, "mimic-cxr": 2.0}, 1.5, 1.0),
        ("A", {"iu-xray": 2.5, "mimic-cxr": 1.0}, 1.75, 2.0),
        ("C", {"iu-xray": 2.5, "mimic-cxr": 3.0}, 2.75, 3.0),
    ]
    assert overall.complete[0].without == (2.0, 1.0)
    assert [p.model for p in overall.incomplete] == ["D"]
    assert reported_overall(rows, "report", SETTING) is None
    assert reported_overall(rows[:1], "findings", SETTING) is None, "one dataset: its own board says it"


def test_reported_answers_are_placed_by_their_own_metric():
    rows = [
        ReportedRow("2026-08", d, "answers", m, "Somewhere", "2026", "", values={"accuracy": v})
        for d in ("rexvqa", "rexvqa-public")
        for m, v in (("A", 0.8), ("B", 0.9))
    ]
    overall = reported_overall(rows, "answers", SETTING)
    assert [(p.model, p.mean_rank) for p in overall.complete] == [("B", 1.0), ("A", 2.0)]
    apart = [r for r in rows if (r.model, r.dataset) in {("A", "rexvqa"), ("B", "rexvqa-public")}]
    assert reported_overall(apart, "answers", SETTING).complete == ()


def test_a_model_that_is_withdrawn_everywhere_is_not_listed(boards):
    table = skeleton("findings", SETTING, boards)
    assert "gone/model" not in {r.id for r in (*table.rows, *table.incomplete)}
