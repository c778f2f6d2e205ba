"""Simulated gains of attacks on a withheld board under three feedback rules.

    python benchmarks/ladder.py [--simulations 200]

An attacker has two reports for each of 10,000 studies, equally good on the whole, whose scores differ by
chance (standard deviation `spread`, in units of mean RadCliQ-v1). Each run chooses one of the two at random
per study; afterwards the choices are weighted by the answers and combined (the boosting attack of Blum and
Hardt 2015). Printed is how much better the final file scores on these studies than on new ones, where it
gains nothing, and in how many runs that differ from the best in one study by 0.3 the answer tells the
attacker so.
"""

from __future__ import annotations

import argparse

import numpy as np

from evaluator.datasets.exposure import EXPOSURES
from evaluator.scoring.quota import Policy
from evaluator.statistics.bootstrap import Clusters, FloatArray, clusters_of
from evaluator.statistics.ladder import ladder_step
from evaluator.statistics.rounding import coarse

STUDIES = 10_000
TYPICAL = 0.5 / STUDIES**0.5
"""Standard error of a typical pair: its differences have a standard deviation of about 0.5."""
RULES = ("every mean, all digits", "one standard error", "the rule: at least a typical pair's")
RUNS = Policy().runs_per_year
ATTACKS = {
    "one team, one year": (1, RUNS),
    "one team, five years": (1, 5 * RUNS),
    "5 sham teams, one year": (5, RUNS),
    "20 sham teams, one year": (20, RUNS),
    "20 sham teams, five years": (20, 5 * RUNS),
}


def answers(rule: str, runs: FloatArray, clusters: Clusters) -> list[float | None]:
    """The feedback on each of a team's runs, shape (runs, n): a mean, or nothing."""
    step = EXPOSURES["withheld"].step(STUDIES) or 0.0
    if rule == RULES[0]:
        return [float(run.mean()) for run in runs]
    best, told = None, []
    for run in runs:
        typical = TYPICAL if rule == RULES[2] else 0.0
        found = ladder_step(best, run, clusters, higher_is_better=True, typical=typical)
        told.append(coarse(found.shown, step) if found.improved else None)
        best = run if found.improved else best
    return told


def inflation(rule: str, teams: int, runs: int, spread: float, seed: int, clusters: Clusters) -> float:
    """How much better the attacker's final file scores on the withheld studies than it would on others."""
    rng = np.random.default_rng(seed)
    gain = rng.normal(0, spread, STUDIES)
    gain -= gain.mean()
    signs, means = [], []
    for _ in range(teams):
        chosen = rng.choice((-0.5, 0.5), (runs, STUDIES))
        told = answers(rule, chosen * gain, clusters)
        shown = [(c, t) for c, t in zip(chosen, told, strict=True) if t is not None]
        signs += [c for c, _ in shown]
        means += [t for _, t in shown]
    weights = np.array(means) - (np.mean(means) if len(means) > 1 else 0.0)
    votes = weights @ np.array(signs)
    final = np.where(votes >= 0, 0.5, -0.5)
    return float((final * gain).mean())


def oracle(rule: str, clusters: Clusters) -> float:
    """The share of single-study changes by 0.3 in which the answer reveals the direction."""
    rng = np.random.default_rng(7)
    best = rng.normal(1, 0.5, STUDIES)
    told = 0
    for study in range(0, STUDIES, 100):
        better = best.copy()
        better[study] += 0.3
        if rule == RULES[0]:
            told += better.mean() != best.mean()
        else:
            typical = TYPICAL if rule == RULES[2] else 0.0
            told += ladder_step(best, better, clusters, higher_is_better=True, typical=typical).improved
    return told / (STUDIES // 100)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--simulations", type=int, default=200)
    simulations = parser.parse_args().simulations
    clusters = clusters_of([f"s{i:05}" for i in range(STUDIES)])
    print("one study better by 0.3:", *(f"{rule}: told in {oracle(rule, clusters):.0%};" for rule in RULES))
    print(f"| attack | two reports differ by | {' | '.join(RULES)} |")
    print("|---|---|" + "---:|" * len(RULES))
    for name, (teams, runs) in ATTACKS.items():
        for spread in (0.1, 0.5):
            cells = []
            for rule in RULES:
                found = [inflation(rule, teams, runs, spread, s, clusters) for s in range(simulations)]
                error = np.std(found, ddof=1) / np.sqrt(simulations)
                cells.append(f"{np.mean(found):.4f} ± {2 * error:.4f}")
            print(f"| {name} | {spread} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
