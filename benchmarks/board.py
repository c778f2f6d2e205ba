"""The statistics of a large board: 31 models, 10,000 studies, 10,000 draws.

    python benchmarks/board.py

Targets on two cores: at most 6 s and 600 MB for the board, 3 s for one new model's intervals.
"""

from __future__ import annotations

import resource
import time

import numpy as np

from evaluator.statistics.board_analysis import BoardScores, analyse, metric_intervals
from evaluator.statistics.bootstrap import clusters_of, draw_means
from evaluator.statistics.disclosure import Axis
from evaluator.statistics.subgroups import analyse_subgroups

AXES = {"normal": "NA", "findings": "012", "sex": "FM", "age_group": "abcde", "view": "FL", "length": "sml"}
MODELS, STUDIES, PATIENTS = 31, 10_000, 6_800
KEYS = (
    "radcliq_v1",
    "bleu_2",
    "bertscore",
    "semb_score",
    "radgraph_f1",
    "ratescore",
    "green",
    "fineradscore",
)


def main() -> None:
    rng = np.random.default_rng(1)
    patients = [f"p{i % PATIENTS:05}" for i in range(STUDIES)]
    base = rng.normal(size=STUDIES)
    values = {
        f"team/m{i:02}": {k: 0.6 * base + rng.normal(0.02 * i, 1, STUDIES) for k in KEYS}
        for i in range(MODELS)
    }
    clusters = clusters_of(patients)
    start = time.perf_counter()
    found = analyse(
        BoardScores(values, clusters, KEYS[0], dict.fromkeys(KEYS, 1), dict.fromkeys(KEYS[1:], "x")), 7
    )
    seconds = time.perf_counter() - start
    ranges = [(p.rank_low, p.rank_high) for p in found.places.values()][-3:]
    print(f"board of {MODELS} models x {STUDIES:,} studies: {seconds:.1f} s; last ranges {ranges}")
    start = time.perf_counter()
    draw_means([np.column_stack([v[k] for k in KEYS]) for v in values.values()], clusters, 7)
    print(f"draws of all {MODELS} models and {len(KEYS)} metrics: {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    metric_intervals(next(iter(values.values())), clusters, 7)
    print(f"intervals of one new model, {len(KEYS)} metrics: {time.perf_counter() - start:.1f} s")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    start = time.perf_counter()
    axes = [Axis(name, rng.choice(list(groups), STUDIES).tolist()) for name, groups in AXES.items()]
    table = np.column_stack([v[KEYS[0]] for v in values.values()])
    strata = rng.choice(["n|s", "n|m", "n|l", "a|s", "a|m", "a|l"], STUDIES).tolist()
    analyse_subgroups(
        table, axes, clusters, 7, higher_is_better=False, strata=strata, null=base, private=True
    )
    print(
        f"subgroups on {len(axes)} axes, standardised and beyond the null row: {time.perf_counter() - start:.1f} s"
    )
    print(
        f"peak {before:.0f} MB; with subgroups {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB"
    )


if __name__ == "__main__":
    main()
