"""Typed tables: what they accept, what they refuse, and that model and schema say the same."""

from __future__ import annotations

import copy
import json
from importlib import resources

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from support import tables
from support.grown import PUBLIC, Grown

from evaluator.core.files import dump_json
from evaluator.core.problems import RexrankError
from evaluator.leaderboard.rank import rank_all
from evaluator.leaderboard.table import Table, parse_table, read_table

SCHEMA = json.loads(resources.files("evaluator.schemas").joinpath("table-v2.schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
INTERVAL = {"value": 0.1, "low": None, "high": 0.2}
FULL = tables.table(
    tables.row(
        "t/a",
        metrics={"bleu_2": tables.cell(gain_over_null={"null": "baseline/x", "gain": 0.1})},
        badges=[{"code": "C10", "outcome": "badge", "text": "template", "ids": []}],
        inputs={"views": "all"},
        links={"paper": "https://example.org/"},
        diagnostics={"top1_share": 0.5, "signal": {"bleu_2": {"gain": 0.25, "p": 0.5}}, "length_ratio": None},
    ),
    incomplete=[tables.row("t/b", why_unranked="lacks bleu_2")],
    withdrawn=[tables.row("t/c", status="withdrawn")],
    nulls=[tables.row("baseline/x", kind="null")],
    notes=["A note."],
    resolution={"design_effect": 1.0, "n_eff": 3.0, "mde": None, "mde_all_pairs": None},
    sensitivity={
        "metrics": ["bleu_2"],
        "rules": {"borda": {"tau": 1.0, "order": ["t/a", "t/b"], "ties": [["t/a", "t/b"]], "moved": 0.5}},
    },
    stability={"tau": [0.5, 1.0, 1.0], "models": {"t/a": {"first": 1.0, "top3": 1.0}}},
    subgroups={
        "metric": "bleu_2",
        "standardised_by": ["normal"],
        "null": None,
        "axes": [
            {
                "axis": "sex",
                "groups": [{"name": "F", "studies": 2, "patients": 2}],
                "models": {
                    "t/a": {
                        "groups": {"F": INTERVAL},
                        "worst": None,
                        "p": 0.5,
                        "q": None,
                        "gaps": [
                            {
                                "a": "F",
                                "b": "M",
                                "raw": INTERVAL,
                                "standardised": None,
                                "covered": None,
                                "beyond_null": INTERVAL,
                            }
                        ],
                    }
                },
                "rank_steps": {"F": {"low": [1], "high": [1]}},
            }
        ],
    },
)


def places(value, place=()):
    """The path of every value inside a JSON value."""
    if place:
        yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*place, key))


PLACES = list(places(FULL))


def changed(place, value):
    """The full table with another value in one place; `...` removes it."""
    table = copy.deepcopy(FULL)
    holder = table
    for key in place[:-1]:
        holder = holder[key]
    if value is ...:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return table


def taken(value):
    """Whether the model accepts a JSON value."""
    try:
        parse_table(value, "x.json")
    except RexrankError:
        return False
    return True


def test_a_table_round_trips():
    assert parse_table(FULL, "x.json").view() == FULL
    least = {k: v for k, v in FULL.items() if k in SCHEMA["required"]}
    assert parse_table(least, "x.json").view() == least


@given(
    place=st.sampled_from(PLACES),
    value=st.sampled_from([..., None, True, -1, 0, 1, 0.5, "", "x", "a/b", "x\n", [], {}, [None], {"x": 1}]),
)
def test_model_and_schema_agree(place, value):
    table = changed(place, value)
    assert taken(table) == (
        VALIDATOR.is_valid(table) and {len(table["rows"])} == {len(x) for x in table["ranks"].values()}
    )


@pytest.mark.parametrize("ends", [{"low": []}, {"high": [2, 2]}, {"worse_than": []}])
def test_every_row_has_one_rank(ends):
    table = changed(("ranks",), FULL["ranks"] | ends)
    with pytest.raises(RexrankError, match=r"at /ranks: .* numbers for 1 row\b"):
        parse_table(table, "x.json")
    assert VALIDATOR.is_valid(table)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_are_finite(number):
    assert not taken(changed(("rows", 0, "metrics", "bleu_2", "mean"), number))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("n",), "3"),
        (("n",), True),
        (("rehearsal",), 1),
        (("ranks", "low", 0), None),
        (("ranks", "high", 0), "1"),
        (("rows", 0, "rank_low"), 1),
        (("withdrawn", 0, "metrics"), {"bleu_2": tables.cell()}),
        (("rows", 0, "record"), "records/../../x__y.json"),
        (("rows", 0, "metric"), {}),
        (("subgroups", "axes", 0, "groups", 0, "studies"), "2"),
    ],
)
def test_no_value_is_converted_to_another_type(place, value):
    with pytest.raises(RexrankError, match=r"the table x\.json violates its schema at /") as error:
        parse_table(changed(place, value), "x.json")
    assert "/".join(map(str, place)) in str(error.value)
    assert "rexrank rank" in str(error.value)


def test_every_field_is_named_at_once():
    table = changed(("n",), "3") | {"title": 7}
    with pytest.raises(RexrankError, match=r"/title.*/n\b|/n\b.*/title"):
        parse_table(table, "x.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema": "rexrank/table/v2"}', "[" * 100_000])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(RexrankError, match=r"x\.json.*rexrank rank"):
        read_table(path)


def test_a_file_is_written_as_it_was(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(dump_json(FULL))
    assert dump_json(read_table(path).view()) == path.read_text()


def test_a_table_cannot_be_changed():
    table = parse_table(FULL, "x.json")
    assert isinstance(table, Table)
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        table.n = 4


def test_one_more_model_moves_many_ranks_but_changes_little_else(tmp_path):
    """So that git keeps a board's next version in few bytes."""
    main, store = tmp_path / "main", tmp_path / "store"
    grown, models = Grown(main, store, studies=100), 24

    def ranked():
        """The board's rows; the ends of ranges in groups and the steps they are kept as, by group, end and model."""
        rank_all(main / "leaderboard", store, rehearsal=False)
        board = read_table(main / "leaderboard/tables/iu-xray.findings.json")
        found = {}
        for axis in board.subgroups.axes:
            for group, steps in axis.rank_steps.items():
                for row, span, low, high in zip(
                    board.rows, steps.ranges(), steps.low, steps.high, strict=True
                ):
                    found[axis.axis, group, "low", row.id] = span[0], low
                    found[axis.axis, group, "high", row.id] = span[1], high
        return {r.id: r for r in board.rows}, found

    grown.add_baselines()
    for number in range(models):
        grown.add_model(number, PUBLIC)
    rows, before = ranked()
    grown.add_model(models, PUBLIC, place=models / 2 - 0.25)
    later, after = ranked()
    assert (
        sum((r.rank_low, r.rank_high) != (later[i].rank_low, later[i].rank_high) for i, r in rows.items())
        > models / 3
    )
    assert sum(r.view() != later[i].view() for i, r in rows.items()) < models / 8
    ranks, steps = (sum(v[k] != after[e][k] for e, v in before.items()) for k in (0, 1))
    assert 0 < steps < ranks / 2
