"""What comparisons with another package share: their options, the pairs, and a program in the package's environment."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from evaluator.core.types import Pair
from evaluator.scoring.engine import as_pairs
from evaluator.submissions.pairs import read_pairs


def setting(doc: str | None, weights: str, *, peer: bool = True) -> tuple[argparse.Namespace, list[Pair]]:
    """The options of the command line and the pairs they name; torch then uses as many threads as they say."""
    import torch

    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("pairs", type=Path)
    if peer:
        parser.add_argument("--peer", required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--weights", type=Path, default=Path.home() / ".cache/rexrank" / weights)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options, as_pairs(read_pairs(options.pairs), "clean")[: options.limit]


def in_peer(python: str, code: str, *arguments: str, text: str = "") -> str:
    """A program's output in another environment; the end of it on failure."""
    done = subprocess.run(
        [python, "-c", code, *arguments], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return done.stdout
