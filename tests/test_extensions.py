"""Every addition to the project is complete, and what is missing is named with its path: see site/contributing."""

from __future__ import annotations

import re

import pytest
from support.pieces import FACTS, KINDS, ROOT, Tree, additions, missing

TREE = Tree()


@pytest.mark.parametrize(("kind", "name"), additions(TREE))
def test_what_was_added_is_whole(kind, name):
    assert "\n".join(missing(TREE, kind, name)) == ""


def without(path, words):
    """A file of the project without some words."""
    text = TREE.read(path)
    assert words in text
    return {path: text.replace(words, "")}


PAGES = {"task": "adding-a-task"}
ROW, RANKING = "evaluator/leaderboard/row.py", "evaluator/leaderboard/ranking.py"
COLUMNS_FILE, REPORTS = "evaluator/leaderboard/columns.py", "evaluator/datasets/tasks/report_generation.py"
RUN, TABLE = "evaluator/scoring/reports.py", "evaluator/schemas/table-v2.schema.json"
REGISTRY, CODES, PAGE = (
    "evaluator/metrics/registry.py",
    "evaluator/submissions/rules/codes.py",
    "site/integrity.md",
)
LEFT_OUT = [
    ("metric", "rouge_l", without(REGISTRY, '    "rouge_l": "evaluator.metrics.rouge:RougeL",\n'), REGISTRY),
    ("metric", "rouge_l", {"evaluator/metrics/rouge.py": None}, "evaluator/metrics/rouge.py"),
    *(
        ("metric", "rouge_l", {"evaluator/metrics/rouge.py": re.sub(rf"(?m)^    {fact}\b.*\n", "", TREE.read("evaluator/metrics/rouge.py"))}, f"`{fact}`")
        for fact in FACTS
    ),
    ("metric", "rouge_l", {"tests/metrics/test_rouge.py": None}, "tests/metrics/test_rouge.py"),
    ("metric", "rouge_l", {"evaluator/metrics/rouge.py": TREE.read("evaluator/cli/templates/metric.txt")}, "`summary`"),
    ("dataset", "iu-xray", without("challenge.toml", '"iu-xray", '), "challenge.toml"),
    ("dataset", "iu-xray", {"evaluator/datasets/iu-xray.yaml": None}, "evaluator/datasets/iu-xray.yaml"),
    ("dataset", "iu-xray", {"evaluator/datasets/manifests/iu-xray.manifest.json": None}, "manifests/iu-xray.manifest.json"),
    ("dataset", "iu-xray", {"evaluator/submissions/rules/training_data.txt": ""}, "rules/training_data.txt"),
    ("dataset", "my-set", {"evaluator/datasets/my-set.yaml": TREE.read("evaluator/cli/templates/dataset.txt")}, "licence, how_to_get, about"),
    ("rule", "RX306", without(CODES, 'Rule("RX306"'), CODES),
    ("rule", "RX999", {CODES: 'Rule("RX999"'}, "evaluator/submissions/rules/"),
    ("rule", "RX999", {CODES: 'Rule("RX999"'}, "tests/submissions/test_validate.py"),
    ("check", "C23", without(RUN, "plausibility.check_judges("), RUN),
    ("check", "C23", {REPORTS: TREE.read(REPORTS).replace("24", "23")}, "evaluator/datasets/tasks/"),
    ("check", "C18", without(PAGE, 'id="c18"'), PAGE),
    ("check", "C18", dict.fromkeys(TREE.paths("evaluator/scoring/integrity/*.py")), "evaluator/scoring/integrity/"),
    ("check", "C18", {"tests/scoring/integrity/test_every_rule.py": None}, "tests/scoring/integrity/test_every_rule.py"),
    ("column", "institution", without(COLUMNS_FILE, '    FactColumn("institution"),\n'), COLUMNS_FILE),
    ("column", "institution", without(ROW, "    institution: str | None = None\n"), ROW),
    ("column", "institution", without(RANKING, "institution=card.institution,"), RANKING),
    ("column", "institution", without(TABLE, '"institution": '), TABLE),
    ("task", "vqa", without("challenge.toml", ', "vqa"'), "challenge.toml: vqa under tasks"),
    ("task", "vqa", without("challenge.toml", 'vqa = "accuracy_macro"'), "challenge.toml: the metric that ranks vqa"),
    ("task", "vqa", {"evaluator/schemas/answers-v1.schema.json": None}, "evaluator/schemas/answers-v1.schema.json"),
    ("task", "report-generation", {REPORTS: None}, REPORTS),
    ("task", "report-generation", {"evaluator/datasets/report_references.py": None}, "evaluator/datasets/report_references.py"),
    ("task", "report-generation", {"evaluator/submissions/reports.py": None}, "evaluator/submissions/reports.py"),
    ("task", "report-generation", {"evaluator/scoring/reports.py": None}, "evaluator/scoring/reports.py"),
    ("task", "tongue-reading", {}, "evaluator/datasets/"),
    ("task", "tongue-reading", {}, "tests/datasets/tasks/test_tongue_reading.py"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "changes", "path"), LEFT_OUT)
def test_a_piece_that_is_left_out_is_named_with_its_path(kind, name, changes, path):
    tree = Tree(changes)
    assert path in "\n".join(missing(tree, kind, name))
    # What is left is enough to be checked; a fact of a row need not be a column.
    assert (kind, name) in additions(tree) or not changes or path == COLUMNS_FILE


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_page_that_names_its_paths(kind):
    page = (ROOT / "site" / "contributing" / f"{PAGES.get(kind, kind)}.md").read_text("utf-8")
    kinds = {k for k, *_ in LEFT_OUT}
    assert kind in kinds
    for path in {p.rpartition("/")[0] for k, _, _, p in LEFT_OUT if k == kind and "/" in p}:
        assert path in page


def test_paths_and_commands_of_the_guides_are_there():
    made_up = re.compile(r"word_recall|my-set|YOURS|triage|<")
    rooms = "evaluator|tests|site|runner|benchmarks|requirements"
    for page in sorted((ROOT / "site" / "contributing").glob("*.md")):
        text = page.read_text("utf-8")
        for path in re.findall(rf"(?<![\w/])((?:{rooms})/[\w./-]*[\w/])", text):
            if not made_up.search(path):
                assert (ROOT / path).exists(), f"{page.name}: {path}"
