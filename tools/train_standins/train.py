"""Train the stand-ins: `python -m tools.train_standins.train FOLDER [KEY…]`.

On one thread, from one seed, so that the same machine writes the same bytes again.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Final

from tools.train_standins.shapes import SEED

TRAINERS: Final = {
    "distilroberta-base": "roberta",
    "chexbert": "chexbert",
    "radgraph": "radgraph",
    "ratescore-ner": "ratescore",
    "biolord": "biolord",
}


def train(key: str, root: Path, **amount: int) -> dict[str, float]:
    """Figures of one stand-in, after training it and writing it below `root`.

    `amount`: `steps` and `texts`, for less than the shipped ones had.
    """
    import torch

    folder = root / key
    folder.mkdir(parents=True, exist_ok=True)
    module = import_module(f"tools.train_standins.{TRAINERS[key]}")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(SEED)
            figures: dict[str, float] = module.train(folder, **amount)
    finally:
        torch.set_num_threads(threads)
    return figures


def main(root: Path, keys: list[str]) -> None:
    """Train the named stand-ins, or all, and write their figures to standard output."""
    for key in keys or TRAINERS:
        started = time.monotonic()
        figures = train(key, root)
        size = sum(p.stat().st_size for p in (root / key).rglob("*") if p.is_file())
        shown = " ".join(f"{k}={v:.4f}" for k, v in figures.items())
        sys.stdout.write(f"{key}: {time.monotonic() - started:.0f} s, {size / 1e6:.2f} MB, {shown}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
