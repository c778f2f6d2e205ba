"""A contributor adds a metric, a dataset and a column to a copy of the project by following only the guides."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.pieces import ROOT, Tree, missing

KEPT = (
    "evaluator",
    "site",
    "overrides",
    "submissions",
    "challenge.toml",
    "mkdocs.yml",
    "pyproject.toml",
    "leaderboard",
    "tests/metrics",
)
GUIDES = ROOT / "site" / "contributing"


class Checkout:
    """A copy of the project, with the commands run in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in KEPT:
            source, target = ROOT / name, root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)

    def rexrank(self, *args: str) -> str:
        return self.run("-m", "evaluator", *args)

    def run(self, *args: str) -> str:
        """What Python prints with these arguments; it must succeed."""
        env = {**os.environ, "PYTHONPATH": str(self.root), "REXRANK_SALT": "0123456789" * 4}
        process = subprocess.run(
            [sys.executable, *args],
            cwd=self.root,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def insert(self, path: str, after: str, line: str) -> None:
        """Inserts a line below the one that matches, with the same indent."""
        file = self.root / path
        text = file.read_text("utf-8")
        more = re.sub(rf"(?m)^( *){after}.*$", lambda place: f"{place[0]}\n{place[1]}{line}", text, count=1)
        assert more != text, f"{path} has no line {after}"
        file.write_text(more, "utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        assert old in file.read_text("utf-8")
        file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")


OTHERS = {"word_share": "corpus", "word_judge": "judged"}


def add_metrics(checkout: Checkout) -> None:
    checkout.rexrank("dev", "new-metric", "word_recall")
    for key, kind in OTHERS.items():
        checkout.rexrank("dev", "new-metric", key, "--kind", kind)
    words = "The share of the reference's words that the report has."
    checkout.replace("evaluator/metrics/word_recall.py", words, "The recall of words.")
    # "For the boards: set `on_boards`, give a `band`".
    assert "set `on_boards`" in (GUIDES / "metric.md").read_text("utf-8")
    checkout.insert("evaluator/metrics/word_recall.py", "worst: ", "on_boards: ClassVar[bool] = True")


def add_dataset(checkout: Checkout) -> None:
    (checkout.root / "refs").mkdir()
    shutil.copy(ROOT / "evaluator/datasets/sandbox/sandbox.json", checkout.root / "refs/my-set.json")
    checkout.rexrank("dev", "new-dataset", "my-set", "--references", "refs")
    path = "evaluator/datasets/my-set.yaml"
    checkout.replace(path, "in a sentence.", "made up.")
    names = checkout.root / "evaluator/submissions/rules/training_data.txt"
    names.write_text(names.read_text("utf-8") + "my-set\n", "utf-8")
    assert "agrees with the registry" in checkout.rexrank("data", "check", "refs")
    checkout.rexrank("data", "manifest", "refs", "--out", "refs")


def add_column(checkout: Checkout) -> int:
    """The number of lines that the guide asks for, each put where it says."""
    page = (GUIDES / "column.md").read_text("utf-8")
    rows = re.findall(r"^\| `(evaluator/\S+)` \| .*after `(\w+)` \| `(.*)` \|$", page, re.MULTILINE)
    for path, after, line in rows:
        checkout.insert(path, rf'(?:FactColumn\(")?{after}\b', line)
    return len(rows)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    project = Checkout(tmp_path_factory.mktemp("project"))
    add_metrics(project)
    add_dataset(project)
    assert add_column(project) <= 3
    model = project.root / "submissions/me/model"
    model.mkdir(parents=True)
    source = ROOT / "submissions/rexrank-sandbox/shuffled"
    shutil.copy(source / "sandbox.json", model / "my-set.json")
    shutil.copy(source / "model.yaml", model)
    metrics = "bleu_2,word_recall,word_share"
    places = ("--leaderboard", "board", "--store", "store")
    project.rexrank("validate", "submissions/me/model", "--references", "refs")
    project.rexrank("score", "submissions/me/model", "--references", "refs", "--metrics", metrics, *places)
    project.rexrank("rank", *places)
    project.rexrank("site", "build", "--leaderboard", "board", "--out", "out")
    return project


@pytest.mark.parametrize(
    ("kind", "name"), [("metric", "word_recall"), *(("metric", key) for key in OTHERS), ("dataset", "my-set")]
)
def test_nothing_is_missing(checkout, kind, name):
    assert missing(Tree(root=checkout.root), kind, name) == []


def test_the_tests_that_came_with_the_metrics_pass(checkout):
    names = [f"tests/metrics/test_{key}.py" for key in ("word_recall", *OTHERS)]
    options = ["--noconftest", "-p", "no:cacheprovider", "-o", "addopts="]
    assert " passed" in checkout.run("-m", "pytest", "-q", *options, *names)


def test_the_table_has_the_metric_and_the_column(checkout):
    table = (checkout.root / "board/tables/my-set.findings.csv").read_text("utf-8")
    (row,) = csv.DictReader(table.splitlines())
    assert row["name"] == "Sandbox shuffled"
    assert 0 < float(row["word_recall"]) < 1
    assert 0 < float(row["word_share_low"]) < float(row["word_share"]) < float(row["word_share_high"]) < 1
    assert row["deterministic"] == "true"
    markdown = (checkout.root / "board/tables/my-set.findings.md").read_text("utf-8")
    assert "| Deterministic |" in markdown


def test_the_site_has_their_pages_and_places(checkout):
    board = (checkout.root / "out/leaderboards/my-set/findings/index.html").read_text("utf-8")
    assert "Word Recall" in board
    assert "Deterministic" in board
    for page, words in (
        ("metrics/word_recall", "The recall of words."),
        ("datasets/my-set", "My Set"),
        ("leaderboards/my-set/report", "My Set"),
    ):
        text = (checkout.root / "out" / page / "index.html").read_text("utf-8")
        assert words in text
        # The navigation of every page leads to all three.
        assert all(
            f'href="../../{p}' in text or f"/{p}/" in text for p in ("metrics/word_recall", "datasets/my-set")
        )
