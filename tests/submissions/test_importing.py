"""A lab's predictions in bulk: from the manifest and its files to the boards, and every problem in one pass."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest
import yaml
from support.boards import URL
from typer.testing import CliRunner

from evaluator.cli.app import app
from evaluator.core.host_files import InvalidFile
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import dump_predictions
from evaluator.datasets.sandbox.generate import card, predictions
from evaluator.leaderboard.history import read_history
from evaluator.leaderboard.rank import rank_all
from evaluator.scoring.run import ScoreSettings, score_submission
from evaluator.site.build import pages
from evaluator.submissions.import_manifest import read_manifest
from evaluator.submissions.importing import plan
from evaluator.submissions.reading import validate_paths

SOURCE = "the lab's table of 2024"
ROWS = [
    {"team": "lab", "model": "one", "dataset": "sandbox", "file": "preds/one.json", "card": "one.yaml", "date": "2024-11-19", "source": SOURCE},
    {"team": "lab", "model": "two", "dataset": "sandbox", "file": "preds/two.csv", "card": "two.yaml", "date": "2024-12-01", "source": SOURCE},
]  # fmt: skip


@pytest.fixture
def lab(tmp_path):
    """The files of a lab: two models, one in our form and one in a table of its own."""
    folder = tmp_path / "lab"
    (folder / "preds").mkdir(parents=True)
    for model in ("one", "two"):
        (folder / f"{model}.yaml").write_text(
            card("near-copy").replace("Sandbox near-copy", f"Model {model}")
        )
    (folder / "preds/one.json").write_text(dump_predictions(predictions("near-copy")))
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["study_id", "findings", "impression"])
    writer.writerows((i, r.findings, r.impression) for i, r in predictions("paraphrase").items())
    (folder / "preds/two.csv").write_text(table.getvalue())
    return folder


def write(folder, rows, kind="json"):
    path = folder / f"manifest.{kind}"
    if kind == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue())
    elif kind == "toml":
        path.write_text(
            "".join(
                "[[predictions]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in r.items()) for r in rows
            )
        )
    else:
        path.write_text(json.dumps({"predictions": rows}))
    return path


def call(path, root, *words):
    result = CliRunner().invoke(app, ["import", str(path), "--root", str(root), *words])
    assert "Traceback" not in result.output
    return result.exit_code, result.output


def there(root):
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("kind", ["csv", "json", "toml"])
def test_an_import_writes_valid_submissions_that_say_where_they_are_from(lab, tmp_path, kind):
    root = tmp_path / "submissions"
    status, text = call(write(lab, ROWS, kind), root)
    assert status == 0, text
    assert there(root) == {f"lab/{m}/{f}" for m in ("one", "two") for f in ("model.yaml", "sandbox.json")}
    report = validate_paths([root], None)
    assert report.ok
    for row, entry in zip(ROWS, report.found, strict=True):
        assert entry.submission.card.imported.model_dump() == {"date": row["date"], "source": SOURCE}
    assert "one pull request" in text


def test_it_is_idempotent_and_overwrites_nothing(lab, tmp_path):
    root = tmp_path / "submissions"
    path = write(lab, ROWS)
    assert call(path, root)[0] == 0
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file()}
    status, text = call(path, root)
    assert (status, "4 files already exist, byte for byte" in text) == (0, True)
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file()} == before
    (root / "lab/one/sandbox.json").write_text("{}")
    status, text = call(path, root)
    assert (status, "lab/one/sandbox.json already exists, and differs" in text) == (1, True)
    assert (root / "lab/one/sandbox.json").read_text() == "{}"


def test_every_problem_of_every_file_in_one_pass_and_nothing_written(lab, tmp_path):
    (lab / "bad.yaml").write_text("name: X\nyear: soon\n")
    (lab / "preds/broken.json").write_text("{")
    (lab / "preds/unknown.json").write_text(json.dumps({"nobody": {"findings": "x"}}))
    (tmp_path / "secret.yaml").write_text("name: secret\n")
    (lab / "link.yaml").symlink_to("../secret.yaml")
    more = [
        {**ROWS[0], "model": "Three!"},
        {**ROWS[0], "model": "four", "dataset": "nowhere"},
        {**ROWS[0], "model": "five", "date": "2024-02-30"},
        {**ROWS[0], "model": "six", "date": "2999-01-01"},
        {**ROWS[0], "model": "seven", "card": "bad.yaml"},
        {**ROWS[0], "model": "eight", "file": "preds/broken.json"},
        {**ROWS[0], "model": "nine", "file": "preds/unknown.json"},
        {**ROWS[0], "model": "ten", "file": "../secret.yaml"},
        {**ROWS[0], "model": "eleven", "card": "link.yaml"},
        {**ROWS[0], "model": "twelve", "file": "/etc/passwd"},
        {k: v for k, v in ROWS[0].items() if k != "source"} | {"model": "thirteen"},
        {**ROWS[0], "date": "2024-11-20"},
    ]
    root = tmp_path / "submissions"
    status, text = call(write(lab, [*ROWS, *more]), root)
    assert status == 1
    assert not root.exists()
    for words in (
        "model is 'Three!'",
        "unknown dataset 'nowhere'",
        "2024-02-30 is not a past date",
        "2999-01-01 is not a past date",
        "the field 'year' is 'soon'",
        "the field 'institution' is missing",
        "/predictions/9/file",
        "/predictions/10/card",
        "/predictions/11/file",
        "the field 'predictions.12.source' is missing",
        "date of lab/one differs from its first row",
        "lab/one has predictions of sandbox in row 1 as well",
        "preds/broken.json",
        "preds/unknown.json",
    ):
        assert words in text, words
    assert "secret" not in text.replace("../secret.yaml", "")
    assert "root:" not in text
    status, text = call(write(lab, [*ROWS, *more]), root, "--skip-invalid")
    assert (status, there(root)) == (3, {"lab/two/model.yaml", "lab/two/sandbox.json"})
    rest = text.rpartition("left out: ")[2]
    assert {"lab/one", "lab/Three!", "lab/thirteen", "lab/nine"} <= set(rest.strip().split(", "))


def test_a_rehearsal_writes_nothing(lab, tmp_path):
    status, text = call(write(lab, ROWS), tmp_path / "submissions", "--dry-run")
    assert (status, "Nothing was written" in text, (tmp_path / "submissions").exists()) == (0, True, False)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.csv", b"\xff\xfe", "cannot be read"),
        ("m.csv", b'team,model\n"a', "cannot be read"),
        ("m.json", b"[1]", "cannot be used"),
        ("m.json", b'{"predictions": []}', "cannot be used"),
        ("m.toml", b"predictions = 3", "cannot be used"),
        ("m.json", b'{"predictions": [{"team": 1}]}', None),
        ("m.csv", b"team,model,other\na,b,c,d\n", None),
    ],
)
def test_a_manifest_of_another_form(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    if words is not None:
        with pytest.raises(InvalidFile, match=words):
            read_manifest(tmp_path / name)
        return
    rows = read_manifest(tmp_path / name)
    assert (dict(rows.sound), rows.problems.ok) == ({}, False)
    assert not plan(rows, tmp_path, tmp_path / "submissions", None).files


def test_from_files_to_boards_with_honest_dates(lab, tmp_path):
    root, board = tmp_path / "submissions", tmp_path / "board"
    assert call(write(lab, ROWS), root)[0] == 0
    dataset = get_dataset("sandbox")
    how = ScoreSettings(metrics=("bleu_2",), store=tmp_path / "store", submitted="2026-01-02")
    for entry in validate_paths([root], None).found:
        score_submission(entry.submission, dataset, load_references(dataset, None), board, how)
    rank_all(board, tmp_path / "store", rehearsal=False)
    events = [e for e in read_history(board).events if e.track == "findings"]
    assert [(e.id, e.event, e.date) for e in events] == [
        ("lab/one", "entered", "2026-01-02"),
        ("lab/two", "entered", "2026-01-02"),
    ]
    record = json.loads((board / "records/sandbox/findings/lab__one.json").read_text())
    assert record["card"]["imported"] == {"date": "2024-11-19", "source": SOURCE}
    page = pages(board, URL)["models/lab/one.md"].replace("&#45;", "-")
    assert "Imported" in page
    assert "predictions of 2024-11-19" in page


def test_a_card_keeps_its_own_lines(lab, tmp_path):
    own = (lab / "one.yaml").read_text() + "\n# a remark\n\n"
    (lab / "one.yaml").write_text(own)
    root = tmp_path / "submissions"
    assert call(write(lab, ROWS[:1]), root)[0] == 0
    card_text = (root / "lab/one/model.yaml").read_text()
    assert card_text.startswith(own.rstrip("\n"))
    assert yaml.safe_load(card_text)["imported"]["source"] == SOURCE


def test_a_card_that_says_otherwise_is_refused(lab, tmp_path):
    with (lab / "one.yaml").open("a") as file:
        file.write("imported: {date: '2020-01-01', source: elsewhere}\n")
    status, text = call(write(lab, ROWS[:1]), tmp_path / "submissions")
    assert (status, "remove imported from the card" in text) == (1, True)
    assert not os.path.lexists(tmp_path / "submissions")
    assert Path(lab / "one.yaml").is_file()
