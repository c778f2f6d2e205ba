"""The verdict on a model's page: which metrics count as beaten, and how several boards are summed up."""

from __future__ import annotations

import pytest
from support import tables

from evaluator.site.content import Entry
from evaluator.site.model.verdict import opening, verdict


def board(lows, outcomes, dataset="iu-xray"):
    """A board of one model with these lower ends of its gains and outcomes of its tests on BLEU-2, the
    ranking metric."""
    cells = {}
    for key, low in lows.items():
        gain = (
            None if low is None else {"null": "baseline/n", "gain": low + 0.1, "low": low, "high": low + 0.2}
        )
        cells[key] = tables.cell(gain_over_null=gain)
    tests = [
        {"null": "baseline/n", "gain": 0.1, "low": 0.0, "high": 0.2, "p": 0.5, "outcome": o} for o in outcomes
    ]
    value = tables.table(tables.row(metrics=cells, against_nulls=tests), dataset=dataset)
    second = {**value["metrics"][0], "key": "rouge_l", "title": "ROUGE-L", "display_title": "ROUGE-L"}
    table = tables.typed({**value, "metrics": [*value["metrics"], second]})
    return table, table.rows[0]


@pytest.mark.parametrize(
    ("lows", "outcomes", "expected"),
    [
        ({"bleu_2": 0.1, "rouge_l": 0.1}, ("clears", "clears"), (2, 2, ())),
        ({"bleu_2": 0.1, "rouge_l": -0.1}, ("clears",), (1, 2, ("ROUGE-L",))),
        ({"bleu_2": 0.1, "rouge_l": 0.0}, ("clears",), (1, 2, ("ROUGE-L",))),
        ({"bleu_2": 0.1, "rouge_l": 0.1}, ("clears", "not_shown"), (1, 2, ("BLEU-2",))),
        ({"bleu_2": 0.1, "rouge_l": 0.1}, ("below",), (1, 2, ("BLEU-2",))),
        ({"bleu_2": None, "rouge_l": 0.1}, (), (1, 1, ())),
        ({"bleu_2": None, "rouge_l": None}, (), None),
    ],
)
def test_the_ranking_metric_counts_by_its_tests_and_the_others_by_their_intervals(lows, outcomes, expected):
    words = verdict(*board(lows, outcomes))
    assert (words and (words.beaten, words.tested, words.others)) == expected


BOTH = ({"bleu_2": 0.1, "rouge_l": 0.1}, ("clears",))
ONE = ({"bleu_2": 0.1, "rouge_l": -0.1}, ("clears",))
NONE = ({"bleu_2": -0.1, "rouge_l": -0.1}, ("below",))
SINGLE = ({"bleu_2": 0.1}, ("clears",))


@pytest.mark.parametrize(
    ("boards", "words"),
    [
        ([(*ONE, "iu-xray")], "Beats the image-blind baselines on 1 of 2 metrics."),
        ([(*BOTH, "iu-xray"), (*BOTH, "mimic-cxr")], "on 2 of 2 metrics, on each of 2 boards."),
        ([(*BOTH, "iu-xray"), (*ONE, "mimic-cxr")], "on 1 to 2 of 2 metrics, depending on the board."),
        ([(*NONE, "iu-xray")], "Does not measurably beat the image-blind baselines on any of 2 metrics."),
        ([(*BOTH, "iu-xray"), (*SINGLE, "mimic-cxr")], "in 3 of 3 comparisons over 2 boards."),
        ([(*NONE, "iu-xray"), (*BOTH, "sandbox")], "Does not measurably beat"),
        ([(*BOTH, "sandbox")], "on 2 of 2 metrics."),
        ([], ""),
    ],
)
def test_the_opening_sentence_sums_up_all_boards(boards, words):
    entries = [Entry(*board(*b), record=None) for b in boards]
    assert words in opening(entries)
    assert bool(opening(entries)) == bool(boards)
