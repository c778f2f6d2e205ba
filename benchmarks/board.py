"""Everything that ranking computes for one board, compared with plain NumPy and `scipy.stats.bootstrap`.

    python benchmarks/board.py [--models 31] [--studies 10000] [--peers]

Processor seconds of one thread and peak memory, so that other load on the machine matters little.
Targets on two cores: 31 models × 8 metrics × 10,000 studies in 20 s and 600 MB, 100 × 8 × 41,000 in 180 s and
1.5 GB.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable
from typing import TypeVar

# Before NumPy is imported: threads waiting for each other would count as work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.analysis import analyse_board
from evaluator.leaderboard.pairwise import board_pairwise
from evaluator.leaderboard.subgroups import board_subgroups
from evaluator.metrics.registry import presets
from evaluator.scoring.records import SUBGROUP_PREFIX, Board
from evaluator.statistics.board_analysis import metric_intervals
from evaluator.statistics.bootstrap import DRAWS, clusters_of
from evaluator.statistics.significance import FLIPS, sign_flip

AXES = {"normal": "NA", "findings": "012", "sex": "FM", "age_group": "abcde", "view": "FL", "length": "sml"}
BOARD = Board(get_dataset("iu-xray"), "findings")
T = TypeVar("T")

REXRANK_KEYS = presets()["rexrank-2026"]


def timed(name: str, work: Callable[[], T]) -> T:
    """What `work` returns; prints the processor seconds it took."""
    start, wall = time.process_time(), time.perf_counter()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    seconds, passed = time.process_time() - start, time.perf_counter() - wall
    print(f"{name:<62} {seconds:7.1f} s processor {passed:7.1f} s passed {peak:7.0f} MB peak", flush=True)
    return result


def frames_of(models: int, studies: int) -> dict[str, pd.DataFrame]:
    """Per-study scores of every model as ranking holds them: studies and groups in the first, scores in all."""
    rng = np.random.default_rng(1)
    base = rng.normal(size=studies)
    frames = {
        f"team/m{i:03}": pd.DataFrame(
            {k: 0.6 * base + rng.normal(0.02 * i, 1, studies) for k in REXRANK_KEYS}, copy=False
        )
        for i in range(models)
    }
    first = frames["team/m000"]
    first["patient"] = [f"p{i % (studies * 68 // 100):05}" for i in range(studies)]
    for axis, groups in AXES.items():
        first[SUBGROUP_PREFIX + axis] = rng.choice(list(groups), studies)
    return frames


def rank(models: int, studies: int) -> None:
    """One board: ranks, all pairs on all metrics, subgroups."""
    frames = frames_of(models, studies)
    print(
        f"{models} models × {len(REXRANK_KEYS)} metrics × {studies:,} studies, {DRAWS:,} draws, {FLIPS:,} flips"
    )
    columns = dict.fromkeys(frames, REXRANK_KEYS)
    null = ("baseline/normal", frames["team/m000"])
    start = time.process_time()
    timed(
        "ranks, sensitivity, stability",
        lambda: analyse_board(BOARD, "0" * 64, frames, columns, BOARD.task.primary),
    )
    timed("all pairs on all metrics", lambda: board_pairwise(BOARD, "0" * 64, frames, columns))
    timed(
        f"subgroups on {len(AXES)} axes, standardised, beyond the null row, ranks",
        lambda: board_subgroups(BOARD, "0" * 64, frames, BOARD.task.primary, null, [*frames]),
    )
    print(f"{'together':<62} {time.process_time() - start:7.1f} s processor")
    clusters = clusters_of(frames["team/m000"]["patient"].tolist())
    values = {k: frames["team/m000"][k].to_numpy() for k in REXRANK_KEYS}
    timed("the intervals of one new model", lambda: metric_intervals(values, clusters, 7))


def peers(studies: int, models: int = 3) -> None:
    """The same few intervals and tests by this project, by plain NumPy, and by SciPy."""
    from scipy.stats import bootstrap, permutation_test

    rng = np.random.default_rng(2)
    values = rng.normal(size=(studies, models))
    clusters = clusters_of([f"s{i:05}" for i in range(studies)])
    columns = {str(j): values[:, j] for j in range(models)}
    print(f"{models} models × {studies:,} studies of as many patients, {DRAWS:,} draws, {FLIPS:,} flips")
    ours = timed("intervals: this project", lambda: metric_intervals(columns, clusters, 7))

    def plain() -> list[tuple[float, ...]]:
        means = np.empty((DRAWS, models))
        for draw in means:
            draw[:] = values[rng.integers(0, studies, studies)].mean(axis=0)
        return [tuple(ends) for ends in np.quantile(means, [0.025, 0.975], axis=0).T]

    theirs = timed("intervals: plain numpy, a draw at a time", plain)
    scipy = timed(
        "intervals: scipy.stats.bootstrap, a model at a time",
        lambda: [
            bootstrap(
                (column,), np.mean, n_resamples=DRAWS, method="percentile", batch=100, rng=rng
            ).confidence_interval
            for column in values.T
        ],
    )
    for j, (numpy_ends, scipy_ends) in enumerate(zip(theirs, scipy, strict=True)):
        own = (ours[str(j)]["low"], ours[str(j)]["high"])
        print(f"  model {j}:", *(f"[{a:.4f}, {b:.4f}]" for a, b in (own, numpy_ends, scipy_ends)))
    pairs = timed("sign-flip tests: this project", lambda: sign_flip(values, clusters, 7))
    difference = values[:, 0] - values[:, 1]

    def signs() -> float:
        null = [(rng.choice((-1.0, 1.0), studies) * difference).mean() for _ in range(FLIPS)]
        return float((1 + (np.abs(null) >= abs(difference.mean())).sum()) / (FLIPS + 1))

    p = timed("sign-flip test of one pair: plain numpy, a flip at a time", signs)
    result = timed(
        "sign-flip test of one pair: scipy.stats.permutation_test",
        lambda: permutation_test(
            (difference,),
            np.mean,
            permutation_type="samples",
            n_resamples=FLIPS,
            batch=100,
            vectorized=True,
            rng=rng,
        ),
    )
    print(f"  p of the pair: {pairs.p[0]:.4f}, {p:.4f}, {result.pvalue:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, default=31)
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--peers", action="store_true", help="compare with plain numpy and scipy instead")
    args = parser.parse_args()
    if args.peers:
        peers(args.studies)
    else:
        rank(args.models, args.studies)


if __name__ == "__main__":
    main()
