"""RadGraph annotation beside the `radgraph` package, on the same reports and weights, in turns.

    python benchmarks/radgraph.py PAIRS.jsonl --peer PYTHON [--limit N] [--weights DIR] [--runs 2] [--threads 2]

PYTHON is the interpreter of an environment with `radgraph==0.1.18 transformers==4.45.2 "numpy<2"`. Weights of
full size with random values are built in DIR (see `encoders.py`). Both load before the clock runs; rates
count every report, equal ones too. Prints seconds of each turn, the ratio, and whether all annotations agree.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path

import encoders

from evaluator.commands.scoring import read_pairs
from evaluator.encoders.radgraph import annotate_texts
from evaluator.metrics.base import Run
from evaluator.scoring import as_pairs, default_batch_size

PEER = """
import json, sys, time
import torch
torch.set_num_threads(int(sys.argv[2]))
from radgraph import RadGraph
texts = json.loads(sys.stdin.readline())
peer = RadGraph(model_type="radgraph", model_cache_dir=sys.argv[1], cuda=-1)
peer(texts[:2])
print("ready", flush=True)
for line in sys.stdin:
    started = time.perf_counter()
    found = peer(texts)
    seconds = time.perf_counter() - started
    print(json.dumps([seconds, [found[str(i)]["entities"] for i in range(len(texts))]]), flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights", type=Path, default=Path.home() / ".cache/rexrank/benchmark-weights")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    models = encoders.build(options.weights)
    pairs = as_pairs(read_pairs(options.pairs), "clean")[: options.limit]
    texts = [t for p in pairs for t in (p.reference, p.prediction)]
    run = Run(models=models, batch_size=default_batch_size("cpu"))
    annotate_texts(texts[:2], "radgraph-package", run)
    print(f"{len(texts)} reports, {len(set(texts))} distinct", flush=True)
    command = [options.peer, "-c", PEER, str(models), str(options.threads)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
        assert peer.stdin is not None
        assert peer.stdout is not None
        peer.stdin.write(json.dumps(texts) + "\n")
        peer.stdin.flush()
        while peer.stdout.readline().strip() not in {"ready", ""}:
            pass
        for _ in range(options.runs):
            started = time.perf_counter()
            ours = annotate_texts(texts, "radgraph-package", run)
            seconds = time.perf_counter() - started
            peer.stdin.write("go\n")
            peer.stdin.flush()
            theirs_seconds, theirs = json.loads(peer.stdout.readline())
            same = sum(ours[t]["entities"] == e for t, e in zip(texts, theirs, strict=True))
            print(
                f"ours {seconds:.1f} s, package {theirs_seconds:.1f} s: {theirs_seconds / seconds:.1f} times; "
                f"{same} of {len(texts)} annotations equal",
                flush=True,
            )
        peer.stdin.close()


if __name__ == "__main__":
    main()
