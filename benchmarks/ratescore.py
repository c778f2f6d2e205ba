"""RaTEScore beside the `RaTEScore` package, on the same pairs and weights, in one run.

    python benchmarks/ratescore.py PAIRS.jsonl --peer PYTHON [--limit N] [--weights DIR] [--threads 2]

PYTHON is the interpreter of an environment with `RaTEScore==0.6.0 transformers==4.45.2 "numpy<2" "pandas<3" medspacy`.
Weights of full size with random values are built in DIR (see `encoders.py`). Both load before the clock
runs. Prints seconds, the ratio, and how far the scores differ.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path

import encoders

from evaluator.commands.scoring import read_pairs
from evaluator.metrics.base import Run
from evaluator.scoring import as_pairs, score

PEER = """
import json, sys, time
import torch
torch.set_num_threads(int(sys.argv[2]))
from loguru import logger
logger.remove()  # its splitter logs every token otherwise
from RaTEScore import RaTEScore
pairs = json.load(sys.stdin)
peer = RaTEScore(sys.argv[1] + "/ratescore-ner", sys.argv[1] + "/biolord", use_gpu=False)
peer.compute_score([pairs[0][1]], [pairs[0][0]])
started = time.perf_counter()
scores = peer.compute_score([p for _, p in pairs], [r for r, _ in pairs])
print(json.dumps([time.perf_counter() - started, [float(s) for s in scores]]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights", type=Path, default=Path.home() / ".cache/rexrank/benchmark-weights")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    pairs = as_pairs(read_pairs(options.pairs), "clean")[: options.limit]
    models = encoders.build(options.weights, [t for p in pairs for t in (p.reference, p.prediction)])
    run = Run(protocol="compat", models=models)
    score(pairs[:1], ("ratescore",), run)
    started = time.perf_counter()
    ours = score(pairs, ("ratescore",), run).scores["ratescore"].values
    seconds = time.perf_counter() - started
    empty = int((ours == 0.5).sum())  # what a pair without entities scores
    print(f"{len(pairs)} pairs: ours {seconds:.1f} s; {empty} without entities", flush=True)
    texts = json.dumps([[p.reference, p.prediction] for p in pairs])
    done = subprocess.run(
        [options.peer, "-c", PEER, str(models), str(options.threads)],
        input=texts,
        capture_output=True,
        text=True,
        check=True,
    )
    theirs_seconds, theirs = json.loads(done.stdout.splitlines()[-1])
    gap = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    print(
        f"package {theirs_seconds:.1f} s: {theirs_seconds / seconds:.1f} times; largest difference {gap:.1e}"
    )


if __name__ == "__main__":
    main()
