"""`challenge.toml`: what it says takes effect, and everything wrong with it is named at once."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from support.challenges import changed, use

from evaluator.core.host_files import InvalidFile
from evaluator.core.problems import InputError
from evaluator.datasets.challenge import challenge, read_challenge, task_files
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.metrics.registry import check_primary_metrics

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / "challenge.toml").read_text("utf-8")


def test_the_files_settings_are_in_force():
    values = tomllib.loads(SHIPPED)
    current = challenge()
    assert (current.name, current.repository, current.site) == (
        values["name"],
        values["repository"],
        values["site"],
    )
    assert dataset_ids()[: len(current.datasets)] == tuple(values["datasets"])
    assert get_task("report-generation").primary == values["primary"]["report-generation"]
    assert current.tasks == task_files()
    check_primary_metrics()


def test_the_order_and_the_choice_are_the_file_s(monkeypatch):
    one = {"boards": ["iu-xray"], "blocks": [{"title": "All", "datasets": ["iu-xray"]}]}
    current = use(
        monkeypatch,
        datasets=["iu-xray", "chexpert-plus"],
        tasks=["report-generation"],
        overall=one,
        primary={"report-generation": "bleu_2"},
    )
    assert dataset_ids() == ("iu-xray", "chexpert-plus", "sandbox")
    assert get_task("report-generation").primary == "bleu_2"
    assert current.overall.ordered == ("iu-xray",)
    with pytest.raises(
        InputError, match="unknown dataset 'rexgradient'; choose one of: iu-xray, chexpert-plus, sandbox"
    ):
        get_dataset("rexgradient")
    with pytest.raises(InputError, match=r"challenge\.toml has no metric for vqa under \[primary\]"):
        _ = get_task("vqa").primary


@pytest.mark.parametrize(
    ("contact", "url"),
    [
        ("issues", "https://github.com/rexrank/challenge/issues"),
        ("https://example.org/ask", "https://example.org/ask"),
        ("ask@example.org", "mailto:ask@example.org"),
    ],
)
def test_where_questions_go(contact, url):
    assert changed(contact=contact, repository="rexrank/challenge").contact_url == url


DATASETS = re.search(r"(?m)^datasets = \[[^\]]*\]", SHIPPED)[0]


def line(old: str, new: str) -> str:
    assert old in SHIPPED
    return SHIPPED.replace(old, new, 1)


WRONG = {
    "no TOML": ("name = ", ["RX602"]),
    "nothing": ("", ["RX602", "an empty file"]),
    "no name": (line("name = ", "nam = "), ["/name", "unknown field 'nam'", "did you mean name?"]),
    "markup in the name": (line('"ReXrank challenge"', '"<b>"'), ["/name", "without <, > and &"]),
    "a repository by its address": (
        line('"rexrank/challenge"', '"https://github.com/a/b"'),
        ["/repository", "OWNER/NAME on GitHub"],
    ),
    "an open address": (line('"https://rexrank', '"http://rexrank'), ["/site", "https address that ends with a slash"]),
    "an address without its end": (line('/challenge/"', '/challenge"'), ["/site"]),
    "markup in an address": (line("/challenge/", "/<b>/"), ["/site"]),
    "no handle": (line('"@rexrank/maintainers"', '"rexrank"'), ["/maintainers/0", "@account"]),
    "an unknown task": (line('tasks = ["report-generation", "vqa"', 'tasks = ["report-generation", "vka"'), ["/tasks/1"]),
    "an unknown dataset": (line('"rexvqa",', '"rexvka",'), ["/datasets/4", "did you mean rexvqa?"]),
    "a dataset twice": (line('"rexvqa",', '"iu-xray",'), ["/datasets/4", "a second time"]),
    "no dataset": (line(DATASETS, "datasets = []"), ["/datasets", "at least 1"]),
    "nothing that ranks": (line('vqa = "accuracy_macro"\n', ""), ["/primary", "nothing ranks vqa"]),
    "an unknown board": (line('boards = ["iu-xray"', 'boards = ["mars"'), ["/overall/boards/0", "no dataset 'mars'"]),
    "a board twice": (line('boards = ["iu-xray", "mimic-cxr"', 'boards = ["iu-xray", "iu-xray"'), ["/overall/boards/1", "a second time"]),
    "a board in no block": (line('datasets = ["iu-xray", "rexgradient"]', 'datasets = ["rexgradient"]'), ["/overall/boards/0", "stands in 0 blocks"]),
    "a quota of words": (line("runs = 1", 'runs = "1"'), ["/quota/runs", "whole number"]),
    "no quota at all": (line("runs = 1", "runs = 0"), ["/quota/runs", "at least 1"]),
    "no terms": (line("predictions = ", "prediction = "), ["/rules/predictions", "did you mean predictions?"]),
    "blank terms": (SHIPPED[: SHIPPED.index("entry =")] + 'entry = " "\npredictions = "x"\nconflicts = "x"\n', ["/rules/entry", "not blank"]),
    "two problems at once": (
        line("runs = 1", "runs = 0").replace('bot = "rexrank-bot"', 'bot = "Rex Bot"'),
        ["/quota/runs", "/bot"],
    ),
    "fields that disagree, all of them": (
        line('boards = ["iu-xray"', 'boards = ["mars"').replace('"rexvqa",', '"rexvka",').replace('vqa = "accuracy_macro"\n', ""),
        ["/overall/boards/0", "/datasets/4", "/primary"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_every_problem_is_named_with_its_fix(tmp_path, case):
    text, words = WRONG[case]
    (tmp_path / "challenge.toml").write_text(text)
    with pytest.raises(InvalidFile) as failure:
        read_challenge(tmp_path / "challenge.toml")
    assert [w for w in words if w not in str(failure.value)] == []
    assert all(p.file == "challenge.toml" and p.wanted and p.fix for p in failure.value.problems)


def test_a_metric_that_scores_no_report_ranks_none(monkeypatch):
    use(monkeypatch, primary={"report-generation": "radclik_v1", "vqa": "bleu_2"})
    with pytest.raises(InvalidFile) as failure:
        check_primary_metrics()
    assert [p.pointer for p in failure.value.problems] == ["/primary/report-generation", "/primary/vqa"]
    assert "did you mean radcliq_v1?" in str(failure.value)
