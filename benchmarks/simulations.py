"""Coverage of intervals, family-wise error of ranks, and their power compared with Holm's: seeded simulations.

    python benchmarks/simulations.py coverage|error|power [--simulations 1000]

Every figure has its own Monte Carlo error, two standard errors.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence

# Before NumPy is imported: threads waiting for each other would count as work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from evaluator.statistics.bootstrap import Clusters, FloatArray, clusters_of, draw_means, interval
from evaluator.statistics.significance import sign_flip

ALPHA = 0.05
FLIPS = 1_999
DRAWS = 1_000
Sampler = Callable[[np.random.Generator, int, int], FloatArray]


def share(hits: Sequence[bool]) -> str:
    """A share with two standard errors."""
    p = float(np.mean(hits))
    return f"{p:.3f} ± {2 * np.sqrt(max(p * (1 - p), 1e-9) / len(hits)):.3f}"


def singles(n: int) -> Clusters:
    """As many patients as studies."""
    return clusters_of([f"p{i:05}" for i in range(n)])


def many_studies() -> Clusters:
    """289 patients with 1 to 49 studies, 8 on the average: about the sizes of MIMIC-CXR's test split."""
    quantiles = (np.arange(289) + 0.5) / 289
    sizes = np.ceil(np.log1p(-quantiles) / np.log1p(-1 / 8.12)).astype(int)
    return clusters_of([f"p{i:04}" for i, size in enumerate(sizes) for _ in range(size)])


def covered(clusters: Clusters, correlation: float, rng: np.random.Generator) -> bool:
    """Whether one interval covers the population mean, 0, at this correlation within patients."""
    own = rng.gamma(1.5, 1, clusters.n_studies)
    shared = rng.gamma(1.5, 1, clusters.n)[clusters.index]
    values = np.sqrt(1 - correlation) * (own - 1.5) + np.sqrt(correlation) * (shared - 1.5)
    (draws,) = draw_means([values[:, None]], clusters, int(rng.integers(2**62)), DRAWS)
    low, high = interval(draws)
    return bool(low[0] <= 0 <= high[0])


def coverage(simulations: int) -> None:
    """Prints the coverage of nominal 95 % intervals of skewed scores."""
    print(
        "| studies, patients | correlation within patients | coverage of the 95 % interval |\n|---|---:|---:|"
    )
    settings = [(singles(n), 0.0) for n in (62, 200, 590, 2_000)]
    settings += [(many_studies(), c) for c in (0.05, 0.1, 0.3)]
    for clusters, correlation in settings:
        rng = np.random.default_rng(1)
        hits = [covered(clusters, correlation, rng) for _ in range(simulations)]
        print(f"| {clusters.n_studies:,}, {clusters.n:,} | {correlation} | {share(hits)} |", flush=True)


def equal(rng: np.random.Generator, n: int, models: int) -> FloatArray:
    """Models of one mean and one shape."""
    return 0.6 * rng.normal(size=(n, 1)) + 0.8 * rng.normal(size=(n, models))


def unequal(rng: np.random.Generator, n: int, models: int) -> FloatArray:
    """Models of one mean and unequal shapes: from nearly normal to a few very bad reports."""
    shape = np.geomspace(0.05, 20, models)
    return 0.3 * rng.normal(size=(n, 1)) + (rng.gamma(shape, 1, (n, models)) - shape) / np.sqrt(shape)


def wrong(sample: Sampler, n: int, models: int, seed: int) -> bool:
    """Whether any two models of equal means are separated."""
    values = sample(np.random.default_rng(seed), n, models)
    return bool((sign_flip(values, singles(n), seed, FLIPS).p_adjusted < ALPHA).any())


def error(simulations: int) -> None:
    """Prints the error over all pairs at once if no model is better."""
    print("| models, studies | shapes | chance of any wrong separation |\n|---|---|---:|")
    for models, n in ((15, 200), (15, 590), (15, 2_000), (31, 590)):
        for name, sample in (("equal", equal), ("unequal", unequal)):
            hits = [wrong(sample, n, models, s) for s in range(simulations)]
            print(f"| {models}, {n:,} | {name} | {share(hits)} |", flush=True)


def holm(p: FloatArray) -> FloatArray:
    """Holm's adjusted p-values."""
    order = np.argsort(p)
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * (p.size - np.arange(p.size))), 1)
    return adjusted


def power(simulations: int) -> None:
    """Prints the share of true differences found, on a ladder of models."""
    print("| models, studies, step | Westfall and Young | Holm |\n|---|---:|---:|")
    for models, n, step in ((10, 590, 0.06), (31, 590, 0.03), (50, 590, 0.03)):
        found: tuple[list[float], list[float]] = ([], [])
        for seed in range(simulations):
            values = equal(np.random.default_rng(seed), n, models) + step * np.arange(models)
            pairs = sign_flip(values, singles(n), seed)
            found[0].append(float((pairs.p_adjusted < ALPHA).mean()))
            found[1].append(float((holm(pairs.p) < ALPHA).mean()))
        cells = [f"{np.mean(f):.3f} ± {2 * np.std(f) / np.sqrt(simulations):.3f}" for f in found]
        print(f"| {models}, {n}, {step} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["coverage", "error", "power"])
    parser.add_argument("--simulations", type=int, default=1_000)
    args = parser.parse_args()
    {"coverage": coverage, "error": error, "power": power}[args.what](args.simulations)


if __name__ == "__main__":
    main()
