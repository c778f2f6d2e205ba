"""The overall rank's family-wise error, on simulated boards of three datasets: how often a false order is shown.

    python benchmarks/overall.py [--boards 2000] [--flips 1999]

A board has ten models on datasets of the real sizes: 2,347 studies of 289 patients, 590 of 590, 62 of 62. An
error is a pair of models with equal overall means that the tests separate; the equivalence margin is not
applied. The target: the estimate minus two standard errors is not above 0.05.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evaluator.statistics.bootstrap import Clusters, FloatArray
from evaluator.statistics.overall import Population, joined
from evaluator.statistics.significance import sign_flips

MODELS = 10
SIZES = ((2347, 289), (590, 590), (62, 62))
"""Studies and patients: MIMIC-CXR, IU X-ray and the findings track of CheXpert Plus."""
BATCH = 20
"""Boards that share one set of signs, which makes the simulation four times as fast."""
ICC = 0.3
"""How similar a patient's studies are: measured with BLEU-2 on MIMIC-CXR."""
Noise = Callable[[np.random.Generator, tuple[int, int]], FloatArray]


@dataclass(frozen=True)
class Scenario:
    """`means`: per dataset and model; `group`: equal numbers for models of equal overall mean."""

    title: str
    noise: Noise
    means: FloatArray
    group: FloatArray


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Equal shapes: normal."""
    return rng.standard_normal(shape)


def skewed(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Equal shapes: exponential, mean 0."""
    return rng.standard_exponential(shape) - 1


def unequal(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Unequal shapes: every second model skewed to the right, the others normal, spreads from 0.4 to 1.6."""
    noise = np.where(np.arange(shape[1]) % 2, rng.standard_exponential(shape) - 1, rng.standard_normal(shape))
    return noise * np.linspace(0.4, 1.6, shape[1])


def clusters(studies: int, patients: int, rng: np.random.Generator) -> Clusters:
    """Patients with one study, and the rest of the studies spread with a long tail."""
    weights = rng.pareto(1.5, patients)
    extra = rng.multinomial(studies - patients, weights / weights.sum())
    index = np.repeat(np.arange(patients), 1 + extra)
    return Clusters(index, np.bincount(index).astype(np.float64))


def population(rng: np.random.Generator, known: Clusters, noise: Noise, means: FloatArray) -> Population:
    """Scores with a part that all models share, a part of each patient and a part of each study."""
    m = means.size
    study, patient = noise(rng, (known.n_studies, m)), noise(rng, (known.n, m))
    own = math.sqrt(1 - ICC) * study + math.sqrt(ICC) * patient[known.index]
    shared = rng.standard_normal((known.n_studies, 1))
    return Population(means + own + shared, known, 1, 0.0)


def errors(scenario: Scenario, boards: int, flips: int) -> tuple[int, float]:
    """The number of boards that separate two models of one group, and the share of true differences that are found."""
    same = scenario.group[:, None] == scenario.group[None, :]
    patients = [clusters(n, c, np.random.default_rng(0)) for n, c in SIZES]
    wrong, found, true = 0, 0, 0
    for start in range(0, boards, BATCH):
        held = []
        for board in range(start, min(start + BATCH, boards)):
            rng = np.random.default_rng([board, 7])
            drawn = zip(patients, scenario.means, strict=True)
            held.append(joined([population(rng, c, scenario.noise, m) for c, m in drawn]))
        for pairs in sign_flips([v for v, _ in held], held[0][1], start, flips):
            alike, shown = same[pairs.a, pairs.b], pairs.p_adjusted < 0.05
            wrong += bool(shown[alike].any())
            found += int(shown[~alike].sum())
            true += int((~alike).sum())
    return wrong, found / true if true else math.nan


def scenarios() -> list[Scenario]:
    zero, one = np.zeros((3, MODELS)), np.zeros(MODELS)
    steps = np.repeat([0.0, 0.25, 0.5], [4, 3, 3])
    # Better on one dataset by as much as it is worse on another: equal overall, and unequal everywhere.
    crossed = np.linspace(-0.3, 0.3, MODELS) * np.array([[1.0], [-1.0], [0.0]])
    return [
        Scenario("equal models, normal", normal, zero, one),
        Scenario("equal models, skewed", skewed, zero, one),
        Scenario("equal means, unequal shapes", unequal, zero, one),
        Scenario("three groups of models, skewed", skewed, np.tile(steps, (3, 1)), steps),
        Scenario("equal overall, unequal on each dataset", normal, crossed, one),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--boards", type=int, default=2_000)
    parser.add_argument("--flips", type=int, default=1_999)
    given = parser.parse_args()
    print(f"{given.boards} boards a scenario, {given.flips} sign flips, {MODELS} models, three datasets")
    for scenario in scenarios():
        start = time.perf_counter()
        wrong, power = errors(scenario, given.boards, given.flips)
        rate = wrong / given.boards
        error = math.sqrt(max(rate * (1 - rate), 1e-12) / given.boards)
        verdict = "kept" if rate - 2 * error <= 0.05 else "EXCEEDED"
        shown = "" if math.isnan(power) else f"; true differences shown {power:.2f}"
        seconds = time.perf_counter() - start
        print(
            f"{scenario.title:<40} {rate:.4f}, SE {error:.4f}, minus two {rate - 2 * error:.4f}: {verdict}{shown} ({seconds:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
