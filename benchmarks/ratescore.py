"""RaTEScore compared with the `RaTEScore` package, on the same pairs and weights, in one run.

    python benchmarks/ratescore.py PAIRS.jsonl --peer PYTHON [--limit N] [--weights DIR] [--threads 2] [--rounds 1]

PYTHON is the interpreter of an environment with `RaTEScore==0.6.0 transformers==4.45.2 "numpy<2" "pandas<3" medspacy`.
Weights of full size with random values are built in DIR (see `encoders.py`). Both load before the clock
runs. Prints CPU seconds, the ratio, and how far the scores differ.
"""

from __future__ import annotations

import json
import time

import encoders
from peers import in_peer, setting

from evaluator.models.runtime import Run
from evaluator.scoring.engine import score

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
started = time.process_time()
scores = peer.compute_score([p for _, p in pairs], [r for r, _ in pairs])
print(json.dumps([time.process_time() - started, [float(s) for s in scores]]))
"""


def main() -> None:
    options, pairs = setting(__doc__, "benchmark-weights")
    models = encoders.build(options.weights, [t for p in pairs for t in (p.reference, p.prediction)])
    run = Run(protocol="compat", models=models)
    score(pairs[:1], ("ratescore",), run)
    texts = json.dumps([[p.reference, p.prediction] for p in pairs])
    bare = encoders.bare_seconds(encoders.bare_passes(pairs, "ratescore", run), "cpu")
    for _ in range(options.rounds):
        started = time.process_time()
        ours = score(pairs, ("ratescore",), run).scores["ratescore"].values
        seconds = time.process_time() - started
        empty = int((ours == 0.5).sum())  # the score of a pair without entities
        said = in_peer(options.peer, PEER, str(models), str(options.threads), text=texts)
        theirs_seconds, theirs = json.loads(said.splitlines()[-1])
        gap = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
        print(
            f"{len(pairs)} pairs, {empty} without entities: ours {seconds:.1f} s "
            f"({seconds / bare:.2f} of the bare forward passes), package {theirs_seconds:.1f} s: "
            f"{theirs_seconds / seconds:.1f} times; largest difference {gap:.1e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
