"""A rescoring in units: published rows switch together, with the same result as on a single machine."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from support.damage import state

from evaluator.core.problems import RexrankError
from evaluator.core.workspace import Workspace
from evaluator.github.bundle import check_bundle
from evaluator.github.fill import fill
from evaluator.github.plan import plan
from evaluator.github.refresh import refresh
from evaluator.metrics.registry import get_metric
from evaluator.scoring.units import RESCORING, Unit

WHOSE = ("baseline", "strangers/careful", "strangers/second")


def unit(submission="strangers/careful", dataset="sandbox", group="texts"):
    return Unit(submission=submission, dataset=dataset, group=group)


@pytest.fixture
def runner(refreshed, tmp_path, monkeypatch):
    """Main's clone and the store as an earlier run left them; BLEU has changed since."""
    for name in ("clone", "store"):
        shutil.copytree(refreshed.parent / name, tmp_path / name)
    monkeypatch.setenv("REXRANK_STORE", str(tmp_path / "store"))
    for name in ("REXRANK_REFERENCES", "REXRANK_MODELS", "REXRANK_JUDGE_URL", "REXRANK_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    git = ["git", "-C", str(tmp_path / "clone"), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["add", "-A"], ["commit", "-q", "-m", "A publication"]):
        subprocess.run([*git, *command], check=True)
    changed(monkeypatch)
    return tmp_path


def changed(monkeypatch):
    """Another BLEU: half of what it was, with a signature of its own."""
    metric = type(get_metric("bleu_2"))
    score, sign = metric.score, metric.signature

    def halved(self, pairs, run):
        scores = score(self, pairs, run)
        return type(scores)(scores.values / 2, scores.failed)

    def signed(self, run):
        from dataclasses import replace

        return replace(sign(self, run), version="v9")

    monkeypatch.setattr(metric, "score", halved)
    monkeypatch.setattr(metric, "signature", signed)


def workspace(runner, store="store"):
    root = runner / "clone"
    return Workspace(runner / store, leaderboard=root / "leaderboard", submissions=root / "submissions")


def waiting(runner):
    path = runner / "clone/leaderboard" / RESCORING
    return [u["submission"] for u in json.loads(path.read_text())["units"]] if path.exists() else []


def boards(runner):
    """Everything except times: records, scores, probes, tables."""
    return {k: v for k, v in state(runner / "clone/leaderboard").items() if "history" not in str(k)}


def test_rows_wait_for_each_other_and_change_together(runner, monkeypatch):
    before = boards(runner)
    assert refresh(workspace(runner), runner / "bundle")["waiting"] == len(WHOSE)
    assert sorted(waiting(runner)) == list(WHOSE)
    assert {k: v for k, v in boards(runner).items() if RESCORING not in str(k)} == before
    assert RESCORING in check_bundle(runner / "bundle", runner / "clone")

    jobs = [list(units) for units in plan(runner / "clone/leaderboard").jobs]
    assert [[u.submission for u in units] for units in jobs] == [[w] for w in WHOSE]
    assert fill(workspace(runner), jobs[1]) == {"scored": 1, "unknown": 0, "failed": 0}
    assert len([*(runner / "store/machines").glob("*.json")]) == 1, "what this machine scores with"
    assert boards(runner).keys() == {*before, *(k for k in boards(runner) if RESCORING in str(k))}
    assert refresh(workspace(runner), runner / "bundle")["scored"] == 0
    assert waiting(runner) == ["strangers/second", "baseline"]

    # Twice, and in an order other than planned: the store knows what is done.
    for units in (jobs[2], jobs[0], jobs[2]):
        fill(workspace(runner), units)
    assert refresh(workspace(runner), runner / "bundle") == {"scored": 3, "removed": 0, "waiting": 0}
    assert waiting(runner) == []
    table = json.loads((runner / "clone/leaderboard/tables/sandbox.findings.json").read_text())
    assert [m["signature"][:10] for m in table["metrics"] if m["key"] == "bleu_2"] == ["bleu_2|v9|"]
    assert len(table["rows"]) == 2

    # One machine, which had no row to keep, so it scored everything itself.
    end = boards(runner)
    shutil.rmtree(runner / "clone/leaderboard")
    assert refresh(workspace(runner, "another-store"), runner / "bundle")["waiting"] == 0
    assert boards(runner) == end


def test_without_machines_to_share_the_work_everything_is_scored_at_once(runner):
    assert refresh(workspace(runner), runner / "bundle", at_once=True) == {
        "scored": 3,
        "removed": 0,
        "waiting": 0,
    }
    assert waiting(runner) == []


def test_a_new_model_and_a_corrected_card_do_not_wait_for_a_rescoring(runner):
    root = runner / "clone/submissions/strangers"
    shutil.copytree(root / "second", root / "third")
    card = root / "careful/model.yaml"
    card.write_text(card.read_text().replace("A university", "An institute"))
    result = refresh_uncommitted(runner)
    assert result["waiting"] == len(WHOSE)
    assert result["scored"] == 1, "the new one; the card follows with its scores"
    assert (runner / "clone/leaderboard/records/sandbox/findings/strangers__third.json").exists()
    fill(workspace(runner), [unit(w) for w in WHOSE])
    assert refresh_uncommitted(runner) == {"scored": 3, "removed": 0, "waiting": 0}
    record = json.loads(
        (runner / "clone/leaderboard/records/sandbox/findings/strangers__careful.json").read_text()
    )
    assert record["card"]["institution"] == "An institute"


def refresh_uncommitted(runner):
    return refresh(workspace(runner), runner / "bundle")


@pytest.mark.parametrize(
    "named",
    [unit("strangers/nobody"), unit(dataset="nowhere"), unit(dataset="iu-xray")],
    ids=["no such model", "no such dataset", "no references here"],
)
def test_a_unit_that_main_does_not_have_is_left_out(runner, named):
    store = state(runner / "store")
    assert fill(workspace(runner), [named]) == {"scored": 0, "unknown": 1, "failed": 0}
    assert state(runner / "store") == store


def test_a_failing_unit_affects_no_other(runner, monkeypatch, capsys):
    calls = []
    metric = type(get_metric("bleu_2"))
    score = metric.score

    def fails_first(self, pairs, run):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("of ours")
        return score(self, pairs, run)

    monkeypatch.setattr(metric, "score", fails_first)
    assert fill(workspace(runner), [unit(w) for w in WHOSE[1:]]) == {"scored": 1, "unknown": 0, "failed": 1}
    assert "RuntimeError: of ours" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("units", "why"),
    [
        ([], "lists no units, or one twice"),
        ([unit(), unit()], "lists no units, or one twice"),
        ([unit(dataset="nowhere")], "that main does not have"),
        ([unit(group="abacus")], "that main does not have"),
        ([unit("strangers/nobody")], "a submission that main does not have"),
        ("x", "violates the schema"),
    ],
)
def test_a_list_with_anything_else_is_not_published(bundle, refreshed, units, why):
    values = (
        units
        if isinstance(units, str)
        else [u.view() if hasattr(u, "view") else u.model_dump() for u in units]
    )
    whole = {"schema": "rexrank/rescoring/v1", "units": values}
    (bundle / RESCORING).write_text(json.dumps(whole, indent=2, sort_keys=True) + "\n")
    with pytest.raises(RexrankError, match=rf"rescoring\.json in the bundle .*{why}"):
        check_bundle(bundle, refreshed.parent / "clone")
