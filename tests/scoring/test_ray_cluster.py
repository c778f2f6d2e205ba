"""Scoring on a local Ray cluster: the same bytes as an undivided run, even if an actor is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import SimpleNamespace

import pytest
from support.damage import state
from support.fuzz import command
from support.needs import reason

from evaluator.datasets.registry import get_dataset
from evaluator.datasets.sandbox.generate import submission_files
from evaluator.datasets.sandbox.shipped_weights import shipped_models
from evaluator.models.text_cache import TextCache
from evaluator.scoring import ray_cluster

SUBMISSION = "submissions/rexrank-sandbox/paraphrase"
METRICS = "bleu_2,bertscore,semb_score"


@pytest.fixture
def rexrank(tmp_path):
    """The command in a repository with the sandbox's submissions."""
    for name, text in submission_files().items():
        path = tmp_path / "submissions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(*args):
        with contextlib.chdir(tmp_path):
            return command("score", SUBMISSION, "--dataset", "sandbox", *args)

    return run


@pytest.fixture
def kills(monkeypatch):
    """Pairs of process ids, before and after, of the one actor of two that dies after the first finished shard."""
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "600")  # read on import; a busy machine takes minutes
    ray = pytest.importorskip("ray", reason=reason("ray"))
    pytest.importorskip("torch", reason=reason("score"))
    init, put_many, pairs = ray.init, TextCache.put_many, []
    clusters = []

    class Watched(ray_cluster.RayCluster):
        def __init__(self, *args):
            super().__init__(*args)
            clusters.append(self)

    def put_and_kill(cache, *args):
        put_many(cache, *args)
        if clusters and not pairs:
            actor = clusters[0].actors[0]
            victim = ray.get(actor.pid.remote())
            os.kill(victim, signal.SIGKILL)
            pairs.append((victim, actor.pid.remote()))

    # Two actors, however many cores there are.
    monkeypatch.setattr(ray, "init", lambda **how: init(num_cpus=2, **how))
    monkeypatch.setattr(ray_cluster, "RayCluster", Watched)
    monkeypatch.setattr(TextCache, "put_many", put_and_kill)
    return pairs


def test_two_actors_of_which_one_is_killed_make_the_files_of_one_machine(kills, rexrank, tmp_path):
    how = ("--models", shipped_models(), "--metrics", METRICS)
    alone = rexrank(*how, "--store", "a", "--leaderboard", "alone")
    assert alone.code == 0, alone.err
    assert not kills
    spread = rexrank(*how, "--store", "b", "--leaderboard", "spread", "--ray", "local")
    assert spread.code == 0, spread.err
    assert len(kills) == 1
    assert state(tmp_path / "spread") == state(tmp_path / "alone")


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--ray", "127.0.0.1:1"), 1, "no Ray cluster answers at '127.0.0.1:1'"),
        (("--ray", "nonsense"), 1, "no Ray cluster answers at 'nonsense'"),
    ],
)
def test_an_unusable_cluster_is_reported(rexrank, args, code, words):
    pytest.importorskip("ray", reason=reason("ray"))
    result = rexrank("--metrics", "bleu_2", *args)
    assert (result.code, words in result.err) == (code, True), result.err


def test_without_ray_its_extra_is_named(rexrank, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    result = rexrank("--metrics", "bleu_2", "--ray", "local")
    assert (result.code, "'.[score,ray]'" in result.err) == (1, True), result.err


def test_a_node_that_does_not_start_in_time_is_reported(rexrank, monkeypatch):
    def init(**_):
        raise Exception("The current node timed out during startup.")  # noqa: TRY002 - as Ray does

    busy = SimpleNamespace(init=init, exceptions=SimpleNamespace(RayError=RuntimeError))
    monkeypatch.setitem(sys.modules, "ray", busy)
    result = rexrank("--metrics", "bleu_2", "--ray", "local")
    assert result.code == 2, result.err
    assert "Ray did not start: The current node timed out" in result.err
    assert "RAY_raylet_start_wait_time_s" in result.err
    assert "internal error" not in result.err


@pytest.mark.parametrize("access", ["restricted", "withheld"])
def test_non_public_references_need_ones_own_cluster(rexrank, monkeypatch, access):
    private = get_dataset("sandbox").model_copy(update={"access": access})
    monkeypatch.setattr("evaluator.cli.score.get_dataset", lambda _: private)
    monkeypatch.setitem(sys.modules, "ray", None)
    result = rexrank("--ray", "local")
    assert (result.code, "--own-cluster" in result.err) == (1, True), result.err
    assert "Ray is not installed" in rexrank("--ray", "local", "--own-cluster").err
