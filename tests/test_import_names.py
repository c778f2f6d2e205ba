"""The package can be imported under two names and is one package."""

from __future__ import annotations

import importlib

import pytest
from support.needs import needs_rouge

import evaluator


def test_rexrank_is_evaluator():
    assert importlib.import_module("rexrank") is evaluator


@pytest.mark.parametrize("name", ["metrics", "metrics.bleu", "core.problems", "statistics.ranks"])
def test_a_module_has_one_identity_under_both_names(name):
    importlib.import_module("rexrank")
    there = importlib.import_module(f"rexrank.{name}")
    assert there is importlib.import_module(f"evaluator.{name}")
    assert there.__name__ == there.__spec__.name == f"evaluator.{name}"


def test_a_module_that_is_not_there_is_not_there():
    importlib.import_module("rexrank")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("rexrank.nothing")


@needs_rouge
def test_the_research_function_under_the_other_name():
    from rexrank import score_pairs

    result = score_pairs([("1", "no effusion", "no effusion")], ["rouge_l"])
    assert result.scores["rouge_l"].values.tolist() == [1.0]
