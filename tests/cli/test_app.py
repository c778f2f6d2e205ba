"""The command line: exit codes, one sentence for internal failures, no partial files."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.fuzz import command
from support.needs import needs_rouge

from evaluator.datasets.sandbox.generate import submission_files

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """None of the caller's settings, and the test's own cache."""
    for name in [n for n in os.environ if n.startswith("REXRANK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def rexrank(*args, cwd):
    """The command in this process, started in a folder."""
    with contextlib.chdir(cwd):
        return command(*args)


@pytest.fixture
def repository(tmp_path):
    for name, text in submission_files().items():
        path = tmp_path / "submissions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_help_names_every_command():
    start = [sys.executable, "-c", "from evaluator.cli import main; main()", "--help"]
    process = subprocess.run(start, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0
    for name in (
        "validate",
        "convert",
        "new",
        "score",
        "merge",
        "rank",
        "compare",
        "metric",
        "demo",
        "data",
        "models",
        "site",
        "cache",
    ):
        assert name in process.stdout


def test_light_commands_never_import_torch():
    code = (
        "import sys\n"
        "import evaluator.cli, evaluator.cli.submit, evaluator.cli.board, evaluator.site.build, evaluator.cli.demo\n"
        "sys.exit(bool({'torch', 'transformers', 'bert_score'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_validate_exits_0_and_1(repository):
    result = rexrank("validate", "submissions", cwd=repository)
    assert result.code == 0, result.err
    assert "Valid: 5 submissions checked, 2 warnings." in result.out
    assert "C10: null-like: one report for 100% of the studies" in result.out
    (repository / "submissions/rexrank-sandbox/template/model.yaml").unlink()
    result = rexrank("validate", "submissions", "--format", "json", cwd=repository)
    assert result.code == 1
    assert [p["code"] for p in json.loads(result.out)["problems"]] == ["RX223", "RX108", "RX415"]


def test_validate_of_nothing_names_what_to_give(repository):
    result = rexrank("validate", "nowhere", cwd=repository)
    assert result.code == 1
    assert (
        result.err
        == "rexrank: nowhere is not a folder; give a submission folder, such as submissions/TEAM/MODEL.\n"
    )


def test_new_refuses_to_overwrite(tmp_path):
    assert rexrank("new", "acme", "m1", cwd=tmp_path).code == 0
    card = tmp_path / "submissions/acme/m1/model.yaml"
    card.write_text("mine")
    result = rexrank("new", "acme", "m1", cwd=tmp_path)
    assert result.code == 1
    assert card.read_text() == "mine"
    assert "Try 'acme-labs'" in rexrank("new", "Acme Labs", "m1", cwd=tmp_path).out


@needs_rouge
def test_score_rank_compare(repository):
    for model in ("near-copy", "shuffled"):
        result = rexrank(
            "score", f"submissions/rexrank-sandbox/{model}", "--metrics", "bleu_2,rouge_l", cwd=repository
        )
        assert result.code == 0, result.err
    assert "bleu_2" in result.out
    assert rexrank("rank", cwd=repository).code == 0
    tables = repository / "leaderboard/tables"
    first = {p.name: p.read_bytes() for p in tables.iterdir()}
    assert set(first) == {f"sandbox.{t}.{s}" for t in ("findings", "report") for s in ("csv", "json", "md")}
    assert rexrank("rank", cwd=repository).code == 0
    assert {p.name: p.read_bytes() for p in tables.iterdir()} == first
    table = json.loads(first["sandbox.findings.json"])
    assert [r["id"] for r in table["rows"]] == ["rexrank-sandbox/near-copy", "rexrank-sandbox/shuffled"]
    assert table["ranks"] == {"low": [1, 2], "high": [1, 2], "worse_than": [0, 1]}
    result = rexrank(
        "compare",
        "rexrank-sandbox/near-copy",
        "rexrank-sandbox/shuffled",
        "--dataset",
        "sandbox",
        cwd=repository,
    )
    assert result.code == 0
    assert "rexrank-sandbox/near-copy better" in result.out


@needs_rouge
def test_shards_merge_to_the_same_record(repository):
    args = ("submissions/rexrank-sandbox/paraphrase", "--dataset", "sandbox")
    whole = rexrank("score", *args, "--metrics", "bleu_2,rouge_l", cwd=repository)
    assert whole.code == 0, whole.err
    record = repository / "leaderboard/records/sandbox/report/rexrank-sandbox__paraphrase.json"
    studies = repository / "leaderboard/studies/sandbox/report/rexrank-sandbox__paraphrase.parquet"
    before = (record.read_bytes(), studies.read_bytes())
    record.unlink()
    result = rexrank("merge", *args, cwd=repository)
    assert result.code == 1
    assert "Score the shards first" in result.err
    for i in (1, 2, 3):
        result = rexrank("score", *args, "--metrics", "bleu_2,rouge_l", "--shard", f"{i}/3", cwd=repository)
        assert result.code == 0, result.err
        if i == 2:
            assert "shards still missing: 3/3" in rexrank("merge", *args, cwd=repository).err
    assert rexrank("merge", *args, cwd=repository).code == 0
    assert (record.read_bytes(), studies.read_bytes()) == before


def test_missing_weights_leave_the_other_metrics(repository):
    result = rexrank(
        "score",
        "submissions/rexrank-sandbox/template",
        "--models",
        "none",
        "--metrics",
        "bleu_2,bertscore",
        cwd=repository,
    )
    assert result.code == 3
    assert "not computed: the weights of distilroberta-base are not in none." in result.out
    record = json.loads(
        (repository / "leaderboard/records/sandbox/findings/rexrank-sandbox__template.json").read_text()
    )
    assert list(record["metrics"]) == ["bleu_2"]
    assert "rexrank models fetch distilroberta-base" in record["missing"]["bertscore"]


def test_missing_references_say_how_to_get_them(repository):
    (repository / "iu.jsonl").write_text('{"id": "1", "report": "x"}\n')
    rexrank("convert", "iu.jsonl", "--dataset", "mimic-cxr", "--out", "submissions/a/b", cwd=repository)
    result = rexrank("score", "submissions/a/b", cwd=repository)
    assert result.code == 1
    assert "RX108" in result.err


HOST_FILES = {
    "judges": (
        ("judge", "serve", "--judges", "judges.toml"),
        "judges.toml",
        "[green]\nmodel = 3\n",
        "RX603 /green/model",
    ),
}


@pytest.mark.parametrize("case", HOST_FILES)
def test_an_invalid_host_file_gives_a_list_of_problems(repository, case):
    arguments, name, content, place = HOST_FILES[case]
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text(content)
    result = rexrank(*arguments, cwd=repository)
    assert result.code == 1
    assert "cannot be used: 1 problem." in result.err
    assert place in result.err
    for part in ("found ", "wanted ", "fix "):
        assert part in result.err
    assert "Traceback" not in result.err


def test_invalid_releases_stop_the_ranking(repository):
    assert (
        rexrank("score", "submissions/rexrank-sandbox/near-copy", "--metrics", "bleu_2", cwd=repository).code
        == 0
    )
    (repository / "leaderboard/releases.json").write_text('{"abc": {"by": "a", "why": "b"}}')
    result = rexrank("rank", cwd=repository)
    assert (result.code, "RX603 /abc" in result.err) == (1, True)
