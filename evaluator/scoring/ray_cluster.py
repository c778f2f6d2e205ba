"""Scoring spread over a Ray cluster: actors keep the weights loaded, shards are tasks, only the driver writes.

Anyone who can reach a Ray cluster (in newer versions, with its one token) can run code as its user. So this
is for public datasets and a lab's own cluster, and never for the scorer of strangers' pull requests, which
has no such option.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from evaluator.core.installation import install_hint
from evaluator.core.problems import InputError, RexrankError, first_line
from evaluator.core.types import Pair
from evaluator.metrics.registry import get_metric, in_dependency_order
from evaluator.models.runtime import Run
from evaluator.models.text_cache import TextCache
from evaluator.scoring.engine import Scored, merge, score, shard
from evaluator.scoring.score_store import ScoreStore

if TYPE_CHECKING:
    from evaluator.models.judges.settings import JudgeSettings

SHARDS_PER_ACTOR: Final = 4
"""Shards per actor: a dead one loses only a fraction of its work, and fast ones do more."""
CONNECT_SECONDS: Final = 10
RESTARTS: Final = 3
"""How often an actor is restarted, and a shard retried, before the run gives up."""


class CollectedTexts(TextCache):
    """A text cache that reads a folder and writes nothing: new entries are passed to the driver.

    BERTScore's matrices, one vector per token, are not passed on: only the metric itself reads them.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.new: dict[str, dict[str, Any]] = defaultdict(dict)

    def get_many(self, namespace: str, texts: Sequence[str]) -> list[Any | None]:
        """Per text, this run's result, else the folder's, else `None`."""
        entries = super().get_many(namespace, texts)
        return [self.new[namespace].get(t, value) for t, value in zip(texts, entries, strict=True)]

    def put_many(self, namespace: str, texts: Sequence[str], values: Sequence[Any]) -> None:
        """Nothing; keeps one value per text, except matrices."""
        for text, value in zip(texts, values, strict=True):
            if not isinstance(value, np.ndarray) or value.ndim < 2:
                self.new[namespace][text] = value


class Part(NamedTuple):
    """An actor's result for one shard: its position, its scores, and the encoders' results for its texts."""

    place: int
    scored: Scored
    texts: dict[str, dict[str, Any]]


class Worker:
    """The code that runs in an actor: the weights are loaded with the first shard and stay loaded."""

    def pid(self) -> int:
        """The actor's process id."""
        return os.getpid()

    def score(self, pairs: Sequence[Pair], keys: Sequence[str], run: Run, part: tuple[int, int]) -> Part:
        """The scores of part `part` (i, n) of the pairs; nothing is written."""
        assert run.cache is not None
        cache = CollectedTexts(run.cache.root)
        scored = score(shard(pairs, *part), keys, replace(run, cache=cache))
        return Part(part[0], scored, {space: dict(texts) for space, texts in cache.new.items()})


class RayCluster:
    """A Ray cluster with one actor per GPU, or per CPU if the device is the CPU."""

    def __init__(self, ray: Any, device: str) -> None:
        resource = "CPU" if device == "cpu" else "GPU"
        count = int(ray.cluster_resources().get(resource, 0))
        if not count:
            raise InputError(
                f"the Ray cluster has no {resource} to run on {device}. Start it with one, or choose another --device."
            )
        options = {"num_cpus": 1} if resource == "CPU" else {"num_cpus": 1, "num_gpus": 1}
        actor = ray.remote(max_restarts=RESTARTS, max_task_retries=RESTARTS, **options)(Worker)
        self._ray = ray
        self.actors = [actor.remote() for _ in range(count)]

    def fill(self, pairs: Sequence[Pair], keys: Sequence[str], run: Run, store: ScoreStore) -> None:
        """Nothing; scores what the store lacks for the metrics that run a model, and the driver stores it.

        Judges are not asked here: their engine distributes its own work. An ordinary run over the store then
        finds every score. Raises `RexrankError` if an actor dies repeatedly, `InputError` if the actors have
        other weights than the driver.
        """
        todo = [k for k in in_dependency_order(keys) if _lacking(k, pairs, run, store)]
        if not todo:
            return
        merged = self._score(pairs, todo, run)
        for key, scores in merged.scores.items():
            ours, theirs = get_metric(key).signature(run), merged.signatures[key]
            if str(ours) != str(theirs):
                raise InputError(
                    f"the Ray actors score {key} as {theirs}, this machine as {ours}. "
                    "Give every node the same version and weights."
                )
            store.put(ScoreStore.key(ours, pairs), scores)

    def _score(self, pairs: Sequence[Pair], keys: Sequence[str], run: Run) -> Scored:
        from ray.util import ActorPool

        count = max(1, min(len(self.actors) * SHARDS_PER_ACTOR, len(pairs)))
        texts, job = self._ray.put(list(pairs)), replace(run, progress=None, judges=_NO_JUDGES)
        pool = ActorPool(self.actors)
        shards = pool.map_unordered(
            lambda actor, index: actor.score.remote(texts, keys, job, (index, count)), range(1, count + 1)
        )
        parts: list[Part] = []
        try:
            for part in shards:
                parts.append(part)
                for space, values in part.texts.items():
                    assert run.cache is not None
                    run.cache.put_many(space, [*values], [*values.values()])
                if run.progress:
                    run.progress("shards", len(parts), count)
        except self._ray.exceptions.RayActorError as error:
            raise RexrankError(
                f"a Ray actor died {RESTARTS + 1} times on one shard: {first_line(error)}. "
                "Its node may lack memory. Finished metrics are kept; run the same command again."
            ) from error
        return merge([p.scored for p in sorted(parts, key=lambda p: p.place)])  # tie: none, indices differ


_NO_JUDGES: Final[dict[str, JudgeSettings]] = {}


def _lacking(key: str, pairs: Sequence[Pair], run: Run, store: ScoreStore) -> bool:
    """Whether a metric that runs a model here lacks finished scores."""
    metric = get_metric(key)
    if not metric.weights or metric.family == "judge":
        return False
    with suppress(Exception):  # the ordinary run reports what is wrong with its weights
        return store.get(ScoreStore.key(metric.signature(run), pairs), len(pairs)) is None
    return False


def _check_answer(address: str) -> None:
    """Nothing; raises `OSError` if nothing listens at host:port: Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()


@contextmanager
def ray_cluster(address: str, device: str) -> Iterator[RayCluster]:
    """The cluster at an address, or a new one on this machine for `local`, until the block ends.

    A cluster of our own has no dashboard and keeps its files in a private folder. Raises `InputError` if Ray
    is not installed or nothing answers at the address, `RexrankError` if it does not start.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise InputError(f"Ray is not installed. Install: {install_hint('score,ray')}") from error
    # Ray's sockets are in the folder: its path must be short.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        own = {"include_dashboard": False, "_temp_dir": folder} if address == "local" else {}
        try:
            _check_answer(address)
            ray.init(address=address, log_to_driver=False, configure_logging=False, **own)
        except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            raise InputError(
                f"no Ray cluster answers at {address!r}: {first_line(error)}. Give an address as host:port, "
                "auto for the one that this machine belongs to, or local for one of its own."
            ) from error
        except Exception as error:
            # A node that does not start in time has no exception class of its own.
            raise RexrankError(
                f"Ray did not start: {first_line(error)} On a busy machine, allow it more time: "
                "RAY_raylet_start_wait_time_s=300 in the environment."
            ) from error
        try:
            yield RayCluster(ray, device)
        finally:
            ray.shutdown()
