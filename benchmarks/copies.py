"""How long the search for copies takes: 10,000 studies against 100 earlier models, with different methods.

`python benchmarks/copies.py` measures what a scoring run does (C11–C13 and C18), with files on disk.
`--peers` compares ways to find near-duplicates of one model: rapidfuzz as used here, datasketch's MinHash,
and hashed word trigrams in NumPy.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from evaluator.datasets.registry import get_dataset
from evaluator.scoring.integrity.copying import check_copying, find_copies
from evaluator.scoring.integrity.duplicates import check_duplicate
from evaluator.scoring.integrity.flags import Texts
from evaluator.scoring.integrity.similarity import WordTexts, norm, pairwise
from evaluator.submissions.reading import submitted_predictions

WORDS = [f"word{i}" for i in range(2_000)]
WEIGHTS = [1 / (rank + 3) for rank in range(len(WORDS))]


def reports(seed: int, n: int) -> list[str]:
    """Reports with the word frequencies of natural text and a median of 50 words."""
    rng = random.Random(seed)
    lengths = [max(8, min(250, int(rng.lognormvariate(3.9, 0.45)))) for _ in range(n)]
    return [" ".join(rng.choices(WORDS, WEIGHTS, k=k)) + "." for k in lengths]


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def edited(text: str, seed: int) -> str:
    """Three words changed and a sentence appended."""
    rng = random.Random(seed)
    words = text.split()
    for i in rng.sample(range(len(words)), 3):
        words[i] = rng.choice(WORDS)
    return f"{' '.join(words)} No acute disease is seen."


def run(n: int, models: int) -> None:
    references, mine = reports(0, n), reports(1, n)
    ids = [f"s{i:05}" for i in range(n)]
    start = time.perf_counter()
    texts = Texts("mimic-cxr", ids, ids, references, mine)
    copies = find_copies(texts)
    print(
        f"C11 to C13, honest: {time.perf_counter() - start:.1f} s, {time.process_time():.1f} s of processor, flags {check_copying(texts, copies)}"
    )
    start, busy = time.perf_counter(), time.process_time()
    copied = Texts("mimic-cxr", ids, ids, references, [edited(r, i) for i, r in enumerate(references)])
    codes = [f.code for f in check_copying(copied)]
    print(f"C11 to C13, every report an edited reference: {time.perf_counter() - start:.1f} s, flags {codes}")
    print(f"  of processor time: {time.process_time() - busy:.1f} s")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for m in range(models):
            theirs = [edited(t, i) for i, t in enumerate(mine)] if m == 7 else reports(100 + m, n)
            folder = root / f"team{m:03}" / "model"
            folder.mkdir(parents=True)
            value = {i: {"findings": t} for i, t in zip(ids, theirs, strict=True)}
            (folder / "mimic-cxr.json").write_text(json.dumps(value), "utf-8")
        del value, theirs
        print(f"peak before the search: {peak():.0f} MB")
        start = time.perf_counter()
        found = []
        busy = time.process_time()
        files = submitted_predictions(root, get_dataset("mimic-cxr"), "me/model")
        for name in files:
            read = files[name]
            found += check_duplicate(mine, [read[i].findings for i in ids], None, name=name, same_team=False)
        print(f"C18, {n:,} studies beside {models} models, files read: {time.perf_counter() - start:.1f} s")
        print(f"  of processor time: {time.process_time() - busy:.1f} s")
        print(f"  found: {[f.text for f in found]}; peak {peak():.0f} MB")


def peers(n: int) -> None:
    """Time to compare one model's reports with another's, study by study, and what each method finds."""
    mine = reports(1, n)
    theirs = [edited(t, i) for i, t in enumerate(mine)]

    def rapidfuzz() -> np.ndarray:
        words = WordTexts()
        return pairwise(words(mine), words(theirs))

    def datasketch() -> np.ndarray:
        from datasketch import MinHash

        def sketch(text: str) -> MinHash:
            words = norm(text).split()
            found = MinHash(num_perm=128)
            found.update_batch([" ".join(words[i : i + 3]).encode() for i in range(max(1, len(words) - 2))])
            return found

        return np.array([sketch(a).jaccard(sketch(b)) for a, b in zip(mine, theirs, strict=True)])

    def hashed() -> np.ndarray:
        def trigrams(text: str) -> np.ndarray:
            codes = np.array([hash(w) for w in norm(text).split()], dtype=np.int64)
            codes = np.pad(codes, (0, max(0, 3 - len(codes))))
            return np.unique(codes[:-2] * 31 + codes[1:-1] * 17 + codes[2:])

        out = np.zeros(n)
        for i, (a, b) in enumerate(zip(mine, theirs, strict=True)):
            x, y = trigrams(a), trigrams(b)
            both = np.intersect1d(x, y, assume_unique=True).size
            out[i] = both / (x.size + y.size - both)
        return out

    for way in (rapidfuzz, datasketch, hashed):
        start = time.perf_counter()
        try:
            found = way()
        except ModuleNotFoundError as error:
            print(f"{way.__name__}: {error.name} is not installed")
            continue
        spent = time.perf_counter() - start
        low, high = np.quantile(found, [0.05, 0.95])
        print(
            f"{way.__name__}: {spent:.2f} s for {n:,} pairs; similarity of edited copies {low:.2f} to {high:.2f}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--peers", action="store_true")
    given = parser.parse_args()
    if given.peers:
        peers(given.studies)
    else:
        run(given.studies, given.models)
