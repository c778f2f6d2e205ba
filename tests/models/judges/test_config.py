"""The file of judges: what it says, and everything wrong with it in one message."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.core.problems import RexrankError
from evaluator.metrics.registry import REXRANK_KEYS, get_metric
from evaluator.models.judges.config import read_judges
from evaluator.models.judges.serve import ServeOptions
from evaluator.models.judges.settings import JUDGED, JudgeSettings, by_metric

EXAMPLE = Path(__file__).parents[3] / "runner" / "judges.toml.example"


def read(tmp_path: Path, text: str):
    path = tmp_path / "judges.toml"
    path.write_text(text, "utf-8")
    return read_judges(path)


def test_judged_metrics_are_those_of_the_registry() -> None:
    assert set(JUDGED) == {k for k in REXRANK_KEYS if get_metric(k).family == "judge"}


def test_the_example_is_readable() -> None:
    judges = read_judges(EXAMPLE)
    assert set(judges.settings) == set(judges.engines) == set(JUDGED)
    green, options = judges.settings["green"], judges.engines["green"]
    assert (green.base_url, green.model, green.token_ids) == ("http://127.0.0.1:8001/v1", "green", True)
    assert (options.model, options.served_name, options.port) == ("/srv/rexrank/models/green", "green", 8001)
    assert judges.settings["fineradscore"].structured


def test_an_engine_elsewhere_and_lists(tmp_path: Path) -> None:
    text = '[fineradscore]\nbase_url = "https://x.org/v1"\nmodel = "m"\nmax_cost = 5\nhosted_ok_for = ["iu-xray"]'
    judges = read(tmp_path, text)
    assert judges.engines == {}
    wanted = JudgeSettings("https://x.org/v1", "m", max_cost=5, hosted_ok_for=frozenset({"iu-xray"}))
    assert judges.settings == {"fineradscore": wanted}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[bleu_2]\n", r"\[bleu_2\]: no judged metric; wanted green or fineradscore"),
        ("green = 3\n", r"\[green\]: no judged metric"),
        ("[green]\n", r"\[green\] base_url: missing; \[green\] model: missing"),
        ('[green]\nmodel = "m"\nserve = 3\n', r"\[green.serve\]: wanted a table"),
        ('[green]\nmodel = "m"\n[green.serve]\n', r"\[green.serve\] weights: missing"),
        ('[green]\nmodel = "m"\nbase_url = 8\n', r"\[green\] base_url: '8' is no text"),
        (
            '[green]\nmodel = "m"\nbase_url = ""\nseed = -1\ntoken_ids = 1\nmax_cost = true\n',
            (
                r"seed: '-1' is no whole number from 0; \[green\] token_ids: '1' is no true or false; "
                r"\[green\] max_cost: 'True' is no number from 0"
            ),
        ),
        (
            '[green]\nmodel = "m"\nbase_url = ""\nhosted_ok_for = "iu-xray"\n',
            "hosted_ok_for: 'iu-xray' is no list",
        ),
        (
            '[green]\nmodel = "m"\nbase_url = ""\nkey = "k"\n',
            r"\[green\] key: unknown; wanted one of api_key_env",
        ),
        (
            '[green]\nmodel = "m"\n[green.serve]\nweights = "w"\nengine = "sh"\n',
            "engine: 'sh' is no one of vllm, transformers",
        ),
        (
            (
                '[green]\nmodel = "m"\n[green.serve]\nweights = "w"\n'
                '[fineradscore]\nmodel = "n"\n[fineradscore.serve]\nweights = "v"\n'
            ),
            "two engines have one port",
        ),
        ("[green\n", "no readable file of judges"),
        ('[green]\nmodel = "m"\nbase_url = ""\nstand_in = true\n', "stand_in: unknown"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RexrankError, match=message):
        read(tmp_path, text)


def test_a_large_or_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RexrankError, match="larger than"):
        read(tmp_path, "#" * 70_000)
    with pytest.raises(RexrankError, match="no readable file"):
        read_judges(tmp_path / "none.toml")


def test_one_judge_for_all_or_one_each() -> None:
    judge = JudgeSettings("http://127.0.0.1:1/v1", "m")
    assert by_metric(None) == {}
    assert by_metric(judge) == {"green": judge, "fineradscore": judge}
    assert by_metric({"green": judge}) == {"green": judge}
    assert ServeOptions("m", "n").device == "cpu"
