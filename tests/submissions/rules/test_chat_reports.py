"""The corpus of honest chat-model reports: as varied as it claims, and accepted whole."""

from __future__ import annotations

import importlib.util
import json
import sys
from itertools import combinations
from pathlib import Path

import pytest
from support.submissions import FIRST, check, put

from evaluator.core.problems import Severity

ROOT = Path(__file__).parents[3]
ROWS = [
    json.loads(line)
    for line in (ROOT / "tests/data/chat_reports/reports.jsonl").read_text("utf-8").splitlines()
]
FAMILIES = sorted({row["family"] for row in ROWS})


def benchmark(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_ten_families_with_their_debris():
    assert len(ROWS) >= 300
    assert len(FAMILIES) == 10
    assert len({row["findings"] for row in ROWS}) == len(ROWS)
    halves = {half: {r["family"] for r in ROWS if r["half"] == half} for half in ("tuned", "held out")}
    assert len(halves["tuned"]) == len(halves["held out"]) == 5
    assert not halves["tuned"] & halves["held out"]
    assert sum(bool(r["debris"]) for r in ROWS) > 100


def test_no_two_share_more_than_half_their_five_grams():
    grams = [benchmark("text_rules").five_grams(row["findings"]) for row in ROWS]
    assert min(map(len, grams)) >= 20
    for a, b in combinations(grams, 2):
        assert len(a & b) <= 0.5 * min(len(a), len(b))


def test_the_corpus_is_what_its_command_writes(monkeypatch, tmp_path):
    module = benchmark("chat_reports")
    (tmp_path / "clauses.toml").write_bytes((module.FOLDER / "clauses.toml").read_bytes())
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    module.main()
    assert [json.loads(line) for line in (tmp_path / "reports.jsonl").read_text("utf-8").splitlines()] == ROWS


@pytest.mark.parametrize("family", FAMILIES)
def test_no_honest_family_is_refused_or_warned_of_a_hold(submission, family):
    rows = [r for r in ROWS if r["family"] == family]
    path = submission / "sandbox.json"
    studies = json.loads(path.read_text("utf-8"))
    for i, study in enumerate(studies.values()):
        row = rows[i % len(rows)]
        study |= {"findings": row["findings"], "impression": row["impression"]}
    path.write_text(
        "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in studies.items()) + "\n}\n"
    )
    problems = list(check(submission).problems)
    assert all(p.severity is Severity.WARNING for p in problems)
    assert not [p for p in problems if "held" in p.wanted]
    assert {p.code for p in problems} <= {"RX405", "RX412", "RX414"}


@pytest.mark.parametrize("row", [r for r in ROWS if r["debris"]][::7], ids=lambda r: r["id"])
def test_debris_is_warned_of(submission, row):
    put(FIRST, findings=row["findings"])(submission)
    codes = {p.code for p in check(submission).problems}
    wanted = {"decoder_token": "RX412", "long_token": "RX405"}
    assert codes == {wanted.get(key, "RX414") for key in row["debris"]}


def test_the_page_shows_what_the_command_counts():
    module = benchmark("text_rules")
    page = module.PAGE.read_text("utf-8")
    part = page.partition(module.START)[2].partition(module.END)[0]
    for line in module.rule_table(None)[2:]:
        assert line.rpartition(" – |")[0] in part  # all except IU X-ray, whose texts are not here
    for line in module.family_table():
        assert line in part
    counts = [line.split("|")[-2].strip() for line in part.splitlines() if "| refused |" in line]
    assert counts
    assert all(cell.startswith("0 of ") for cell in counts)
