"""The page on adding a task works: its files alone make a task that validates, scores, ranks and appears on
the site."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.pieces import Tree, missing
from support.submissions import GOOD_CARD

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "site/contributing/adding-a-task.md"
BLOCK = re.compile(r'^```(?:python|yaml) title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
N = 40
"""Studies of the page's dataset."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the package and its pages with the page's files in it, references, and two submissions."""
    root = tmp_path_factory.mktemp("checkout")
    skip = shutil.ignore_patterns("__pycache__", "weights", "*.pyc")
    for name in ("evaluator", "site", "overrides"):
        shutil.copytree(ROOT / name, root / name, ignore=skip)
    for name in ("mkdocs.yml", "CHANGELOG.md", "README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, root / name)
    blocks = dict(BLOCK.findall(PAGE.read_text("utf-8")))
    assert len(blocks) == 5
    for name, text in blocks.items():
        assert not (root / name).exists(), name
        (root / name).write_text(text, "utf-8")
    text = (ROOT / "challenge.toml").read_text("utf-8")
    for line in re.search(r"^```toml\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)[
        1
    ].splitlines():
        key = line.partition(" = ")[0]
        if key in ("tasks", "datasets"):
            text = re.sub(rf"(?m)^{key} = \[.*\]$", line, text, count=1)
        elif key == "triage":
            text = text.replace("[primary]", f"[primary]\n{line}\n#", 1)
    assert text.count("triage") == 3
    (root / "challenge.toml").write_text(text, "utf-8")
    truth = {f"s{i:02}": ("abnormal" if i % 4 == 0 else "normal") for i in range(N)}
    references = {i: {"label": label, "subject_id": f"p{i}"} for i, label in truth.items()}
    (root / "references").mkdir()
    (root / "references/triage-demo.json").write_text(json.dumps(references))
    for model, wrong in (("careful", 3), ("careless", 15)):
        folder = root / "submissions/acme" / model
        folder.mkdir(parents=True)
        (folder / "model.yaml").write_text(
            re.sub("^name: .*$", f"name: {model.title()}", GOOD_CARD, flags=re.MULTILINE)
        )
        labels = {
            i: x if n >= wrong else "abnormal" if x == "normal" else "normal"
            for n, (i, x) in enumerate(truth.items())
        }
        lines = ",\n".join(f"{json.dumps(i)}: {json.dumps(x)}" for i, x in labels.items())
        (folder / "triage-demo.json").write_text(f"{{\n{lines}\n}}\n")
    return root


def rexrank(root, *arguments, code=0):
    """The output of a command of the copy, run without torch, which the task does not need."""
    program = (
        "import sys; sys.modules['torch'] = None; sys.argv[0] = 'rexrank'\n"
        "from evaluator.cli import main\nmain()"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "REXRANK_STORE": str(root / "store"),
        "NO_COLOR": "1",
    }
    process = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=root, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == code, process.stdout + process.stderr
    return process.stdout


def test_the_task_of_the_page_goes_all_the_way(checkout):
    board = checkout / "leaderboard"
    board.mkdir()
    rexrank(checkout, "dev", "schemas")
    rexrank(checkout, "data", "manifest", "references", "--out", "evaluator/datasets/manifests")
    assert missing(Tree(root=checkout), "dataset", "triage-demo") == []
    tests = ["tests/datasets/tasks/test_triage.py: tests of triage"]
    assert missing(Tree(root=checkout), "task", "triage") == tests
    file = "submissions/acme/careful/triage-demo.json"
    assert "40 studies" in rexrank(
        checkout, "convert", file, "--dataset", "triage-demo", "--out", "converted"
    )
    schema = json.loads((checkout / "evaluator/schemas/labels-v1.schema.json").read_text())
    assert schema["title"] == "Labels, version 1"
    output = rexrank(checkout, "validate", "submissions")
    assert "triage-demo: 40 studies; labels track; 2 distinct labels" in output
    for model in ("careful", "careless"):
        output = rexrank(checkout, "score", f"submissions/acme/{model}", "--references", "references")
        assert "accuracy" in output
    rexrank(checkout, "baseline", "triage-demo", "--references", "references")
    rexrank(checkout, "rank")
    table = json.loads((board / "tables/triage-demo.labels.json").read_text())
    assert table["primary"] == "accuracy"
    means = {r["model"]: r["metrics"]["accuracy"]["mean"] for r in (*table["rows"], *table["nulls"])}
    assert means == {"careful": 0.925, "careless": 0.625, "always-normal": 0.75}
    assert [r["model"] for r in table["rows"]] == ["careful", "careless"]
    assert table["ranks"]["worse_than"] == [0, 1]
    rexrank(checkout, "site", "build", "--out", "built")
    for page, words in {
        "leaderboards/triage-demo/labels/index.html": "Careful",
        "models/acme/careful/index.html": "Triage demo",
        "datasets/triage-demo/index.html": "Triage demo",
        "leaderboards/index.html": "Triage demo",
        "data/triage-demo.labels.json": "accuracy",
    }.items():
        assert words in (checkout / "built" / page).read_text("utf-8"), page


def test_a_wrong_label_is_named_with_its_place(checkout, tmp_path):
    folder = tmp_path / "submissions/acme/odd"
    shutil.copytree(checkout / "submissions/acme/careful", folder)
    path = folder / "triage-demo.json"
    path.write_text(path.read_text().replace('"s00": "normal"', '"s00": "perhaps"'))
    output = rexrank(checkout, "validate", folder, "--references", "references", code=1)
    assert "RX206" in output
    assert "/s00" in output
