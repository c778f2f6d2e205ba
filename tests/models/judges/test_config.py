"""The file of judges: what it says, and everything wrong with it in one message."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from evaluator.core.host_files import InvalidFile
from evaluator.core.problems import RexrankError
from evaluator.metrics.judges import judged_keys, read_judges
from evaluator.metrics.registry import board_metric_keys
from evaluator.models.judges.config import JudgeConfig, ServeConfig
from evaluator.models.judges.serve import ServeOptions
from evaluator.models.judges.settings import JudgeSettings

EXAMPLE = Path(__file__).parents[3] / "runner" / "judges.toml.example"


def read(tmp_path: Path, text: str):
    path = tmp_path / "judges.toml"
    path.write_text(text, "utf-8")
    return read_judges(path)


def test_the_example_is_readable() -> None:
    judges = read_judges(EXAMPLE)
    assert set(judges.settings) == set(judges.engines) == set(judged_keys()) & set(board_metric_keys())
    green, options = judges.settings["green"], judges.engines["green"]
    assert (green.base_url, green.model, green.token_ids) == ("http://127.0.0.1:8001/v1", "green", None)
    assert (options.model, options.served_name, options.port) == ("/srv/rexrank/models/green", "green", 8001)
    assert judges.engines["crimson"].max_model_len == 8_192


def test_an_engine_elsewhere_and_lists(tmp_path: Path) -> None:
    text = '[fineradscore]\nbase_url = "https://x.org/v1"\nmodel = "m"\nmax_cost = 5\nhosted_ok_for = ["iu-xray"]'
    judges = read(tmp_path, text)
    assert judges.engines == {}
    wanted = JudgeSettings("https://x.org/v1", "m", max_cost=5, hosted_ok_for=frozenset({"iu-xray"}))
    assert judges.settings == {"fineradscore": wanted}


AT = 'base_url = "http://127.0.0.1:1/v1"\n'
GREEN = f'[green]\nmodel = "m"\n{AT}'


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("[bleu_2]\n", [("RX603", "/bleu_2", "unknown field 'bleu_2'")]),
        ("green = 3\n", [("RX603", "/green", "the field 'green' is 3")]),
        ("[green]\n", [("RX603", "/green/model", "the field 'green.model' is missing")]),
        ('[green]\nmodel = "m"\n', [("RX604", "/green", "neither base_url nor serve")]),
        ('[green]\nmodel = "m"\nserve = 3\n', [("RX603", "/green/serve", "the field 'green.serve' is 3")]),
        (
            '[green]\nmodel = "m"\n[green.serve]\n',
            [("RX603", "/green/serve/weights", "the field 'green.serve.weights' is missing")],
        ),
        (
            '[green]\nmodel = "m"\nbase_url = 8\nseed = -1\ntoken_ids = 1\nmax_cost = true\n',
            [
                ("RX603", "/green/base_url", "the field 'green.base_url' is 8"),
                ("RX603", "/green/max_cost", "the field 'green.max_cost' is True"),
                ("RX603", "/green/token_ids", "the field 'green.token_ids' is 1"),
                ("RX603", "/green/seed", "the field 'green.seed' is -1"),
            ],
        ),
        (f"{GREEN}timeout = nan\n", [("RX603", "/green/timeout", "the field 'green.timeout' is nan")]),
        (f"{GREEN}max_cost = inf\n", [("RX603", "/green/max_cost", "the field 'green.max_cost' is inf")]),
        (
            f'{GREEN}concurrency = "16"\n',
            [("RX603", "/green/concurrency", "the field 'green.concurrency' is '16'")],
        ),
        (
            f'{GREEN}hosted_ok_for = "iu-xray"\n',
            [("RX603", "/green/hosted_ok_for", "the field 'green.hosted_ok_for' is 'iu-xray'")],
        ),
        (
            f'{GREEN}hosted_ok_for = ["iu-xray", "mimic"]\n',
            [("RX604", "/green/hosted_ok_for/1", "unknown dataset 'mimic'")],
        ),
        (f'{GREEN}api_key = "k"\n', [("RX603", "/green/api_key", "unknown field 'green.api_key'")]),
        (f"{GREEN}stand_in = true\n", [("RX603", "/green/stand_in", "unknown field 'green.stand_in'")]),
        (
            '[green]\nmodel = "m"\n[green.serve]\nweights = "w"\nengine = "sh"\n',
            [("RX603", "/green/serve/engine", "the field 'green.serve.engine' is 'sh'")],
        ),
        (
            (
                '[green]\nmodel = "m"\n[green.serve]\nweights = "w"\n'
                '[fineradscore]\nmodel = "n"\n[fineradscore.serve]\nweights = "v"\n'
            ),
            [("RX604", "/fineradscore/serve/port", "the port of green too")],
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, problems: list[tuple[str, str, str]]) -> None:
    with pytest.raises(InvalidFile) as failure:
        read(tmp_path, text)
    assert [(p.code, p.pointer, p.found) for p in failure.value.problems] == problems
    assert all(p.wanted and p.fix for p in failure.value.problems)


def test_defaults_are_those_of_the_settings(tmp_path: Path) -> None:
    """A field that the file omits has the default of `JudgeSettings` or `ServeOptions`."""
    judges = read(tmp_path, '[green]\nmodel = "m"\n[green.serve]\nweights = "w"\n')
    assert judges.engines["green"] == ServeOptions("w", "m")
    assert judges.settings["green"] == JudgeSettings("http://127.0.0.1:8000/v1", "m")
    for config, kind in ((JudgeConfig, JudgeSettings), (ServeConfig, ServeOptions)):
        defaults = {f.name: f.default for f in fields(kind)}
        for name, field in config.model_fields.items():
            if name in defaults and field.default not in {None, ()} and not field.is_required():
                assert field.default == defaults[name], name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"control_prompts: .*prompts.txt cannot be read \(FileNotFoundError\)"),
        (b"\xff\xfe", r"cannot be read \(UnicodeDecodeError\)"),
        (b"\n \n", r"has 0 lines; wanted 1 to 200"),
        (b"secret\n" * 201, r"has 201 lines; wanted 1 to 200"),
        (b"secret " * 300, r"each of at most 2,000 characters"),
    ],
)
def test_a_file_of_control_prompts_that_cannot_be_used(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "prompts.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RexrankError, match=message) as caught:
        read(
            tmp_path,
            f'[green]\nmodel = "m"\nbase_url = "http://127.0.0.1:1/v1"\ncontrol_prompts = "{path}"\n',
        )
    assert "secret" not in str(caught.value)


def test_control_prompts_are_the_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("Say that all is well.\n\n  Second one. \n", "utf-8")
    judges = read(
        tmp_path, f'[green]\nmodel = "m"\nbase_url = "http://127.0.0.1:1/v1"\ncontrol_prompts = "{path}"\n'
    )
    assert judges.settings["green"].control_prompts == ("Say that all is well.", "Second one.")
