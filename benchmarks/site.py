"""How long the site takes to build, and how heavy a board is: 60 models, 4 datasets, 2 tracks, 5,000 public studies.

    python benchmarks/site.py [--models 60] [--studies 5000]

The leaderboard is made up: means, tests and texts are drawn from a seed, in the form the pipeline writes. The studies
stand on the one public dataset of the four; the others are private and have none, as in the challenge.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import tempfile
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evaluator.cases import CASES_SCHEMA
from evaluator.datasets.registry import TRACKS, Dataset, get_dataset
from evaluator.files import dump_json
from evaluator.metrics.registry import board_metric_keys, get_metric
from evaluator.pages.build import build
from evaluator.pairwise import PAIRWISE_SCHEMA
from evaluator.ranking import TABLE_SCHEMA, overview
from evaluator.tables import table_csv, table_json
from evaluator.uncertainty import display

DATASETS = ("rexgradient", "mimic-cxr", "iu-xray", "chexpert-plus")
WORDS = [
    "the",
    "lungs",
    "are",
    "clear",
    "no",
    "focal",
    "consolidation",
    "effusion",
    "or",
    "pneumothorax",
    "heart",
    "size",
    "is",
    "normal",
    "mild",
    "edema",
]
ROOT = Path(__file__).parents[1]


def main() -> None:
    """Prints build time, number of files, and the weight of a board's first load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=60)
    parser.add_argument("--studies", type=int, default=5000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rexrank-bench-") as scratch:
        board, out = Path(scratch) / "leaderboard", Path(scratch) / "site"
        make(board, given.models, given.studies)
        started = time.perf_counter()
        build(board, ROOT / "mkdocs.yml", out)
        seconds = time.perf_counter() - started
        files = [p for p in out.rglob("*") if p.is_file()]
        size = sum(p.stat().st_size for p in files)
        weight = first_load(out, "leaderboards/iu-xray/findings/index.html")
        model = first_load(out, "models/team00/model/index.html")
        print(f"strict build: {seconds:.1f} s; {len(files):,} files, {size / 1e6:.0f} MB")
        print(f"first load, gzipped: board {weight / 1000:.0f} kB, model page {model / 1000:.0f} kB")


def first_load(site: Path, page: str) -> int:
    """Gzipped bytes of a page and of everything it names that a browser fetches at once."""
    text = (site / page).read_text("utf-8")
    names = re.findall(r'<script[^>]+src="([^"]+)"', text)
    names += re.findall(r'<link[^>]+rel="(?:stylesheet|icon)"[^>]+href="([^"]+)"', text)
    names += re.findall(r'<link[^>]+href="([^"]+)"[^>]+rel="(?:stylesheet|icon)"', text)
    files = {site / page} | {(site / page).parent.joinpath(n).resolve() for n in names}
    return sum(len(gzip.compress(f.read_bytes(), 6)) for f in files)


def make(folder: Path, n_models: int, n_studies: int) -> None:
    """A leaderboard of made-up numbers in `folder`."""
    rng = np.random.default_rng(0)
    boards = [(get_dataset(d), t) for d in DATASETS for t in TRACKS]
    tables = [make_board(folder, d, t, n_models, n_studies, rng) for d, t in boards]
    put(folder / "overview.json", dump_json(overview(tables)))


def make_board(
    folder: Path, dataset: Dataset, track: str, n_models: int, n_studies: int, rng: np.random.Generator
) -> dict[str, Any]:
    """One board's files; its table."""
    keys = board_metric_keys()
    names = [f"team{i:02d}/model" for i in range(n_models)]
    n = n_studies if dataset.references_public else dataset.n_studies
    rows = [make_row(dataset, track, name, i, n, keys) for i, name in enumerate(names)]
    public = dataset.references_public
    pairs = [
        {"a": a, "b": b, "difference": -0.01, "low": -0.02, "high": 0.0, "p": 0.04}
        for a, b in combinations(names, 2)
    ]
    table = {
        "schema": TABLE_SCHEMA, "dataset": dataset.id, "track": track, "title": dataset.title,
        "references_public": public, "n": n, "n_clusters": n, "protocol": "clean", "primary": "radcliq_v1",
        "rule": "primary/v1", "step": None if public else 0.001, "rehearsal": True,
        "metrics": [column(k) for k in sorted(keys, key=lambda k: k != "radcliq_v1")],
        "rows": rows, "incomplete": [], "withdrawn": [], "nulls": [], "notes": [],
        "resolution": {"design_effect": 1.0, "n_eff": float(n), "mde": 0.02, "mde_all_pairs": 0.03},
        "sensitivity": {}, "stability": {}, "subgroups": None, "pairs": pairs,
    }  # fmt: skip
    name = f"{dataset.id}.{track}"
    put(folder / f"tables/{name}.json", table_json(table))
    put(folder / f"tables/{name}.csv", table_csv(table))
    every = {k: [{**p, "q": 0.05} for p in pairs] for k in keys}
    head = {"schema": PAIRWISE_SCHEMA, "dataset": dataset.id, "track": track, "n": n, "n_clusters": n}
    put(folder / f"pairwise/{name}.json", json.dumps({**head, "metrics": every}))
    for row in rows:
        put(folder / row["record"], dump_json(make_record(row, keys)))
    if public:
        make_studies(folder, dataset.id, track, names, n, keys, rng)
    return table


def column(key: str) -> dict[str, Any]:
    """A metric's column."""
    m = get_metric(key)
    return {
        "key": key, "title": m.title, "display_title": m.display_title or m.title, "family": m.family,
        "higher_is_better": m.higher_is_better, "reciprocal": m.reciprocal, "signature": f"{key}|v1|" + "x" * 80,
    }  # fmt: skip


def make_row(
    dataset: Dataset, track: str, name: str, place: int, n: int, keys: tuple[str, ...]
) -> dict[str, Any]:
    """A ranked row."""
    team, _, model = name.partition("/")
    metrics = {}
    for key in keys:
        mean = round(0.4 + 0.005 * (place if not get_metric(key).higher_is_better else -place), 4)
        entry = {"mean": mean, "se": 0.005, "low": mean - 0.01, "high": mean + 0.01, "n": n, "n_failed": 0}
        metrics[key] = {**entry, "display": display(get_metric(key), entry), "gain_over_null": None}
    return {
        "id": name, "team": team, "model": model, "name": f"Model {place:02d}", "institution": f"Institution {place}",
        "year": 2026, "status": "active", "kind": "submission", "rank": place + 1, "rank_low": max(1, place - 2),
        "rank_high": place + 3, "tied_with_best": place < 3, "cluster": 1 + place // 3, "missing": [],
        "why_unranked": None, "badges": [], "inputs": {"views": "all", "context": "indication"},
        "training_data": ["mimic-cxr"], "trained_on_dataset": dataset.id == "mimic-cxr", "open_weights": place % 2 == 0,
        "uses_external_llm": False, "parameters": "7B", "links": {}, "metrics": metrics, "diagnostics": {},
        "submitted": "2026-01-02", "pull_request": place + 1, "commit": None,
        "record": f"records/{dataset.id}/{track}/{team}__{model}.json",
    }  # fmt: skip


def make_record(row: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """What a model page reads of a record."""
    card = {k: row[k] for k in ("name", "institution", "year", "inputs", "training_data", "links")}
    facts = ("evaluator_version", "evaluator_commit", "device", "platform", "python")
    return {
        "team": row["team"], "model": row["model"], "card": {**card, "description": "Made up.", "status": "active"},
        "metrics": {k: {"signature": f"{k}|v1|" + "x" * 80} for k in keys}, "missing": {}, "submitted": row["submitted"],
        "provenance": {**dict.fromkeys(facts, "x"), "packages": {}, "predictions_sha256": "0" * 64,
                       "references_sha256": "0" * 64, "pull_request": row["pull_request"]},
    }  # fmt: skip


def make_studies(
    folder: Path,
    dataset: str,
    track: str,
    names: list[str],
    n: int,
    keys: tuple[str, ...],
    rng: np.random.Generator,
) -> None:
    """Per-study scores and texts of a public board."""
    ids = [f"study-{i:05d}" for i in range(n)]
    texts = [". ".join(" ".join(rng.choice(WORDS, 9)) for _ in range(4)) + "." for _ in range(500)]
    head = {
        "schema": CASES_SCHEMA,
        "dataset": dataset,
        "track": track,
        "protocol": "clean",
        "references_sha256": "0" * 64,
    }

    def chosen() -> dict[str, str]:
        return {i: texts[k] for i, k in zip(ids, rng.integers(0, 500, n), strict=True)}

    cases = folder / f"cases/{dataset}/{track}"
    put(cases / "references.json", json.dumps({**head, "texts": chosen()}))
    for name in names:
        file = name.replace("/", "__")
        put(cases / f"{file}.json", json.dumps({**head, "texts": chosen()}))
        frame = pd.DataFrame({"study_id": ids, "patient": ids} | {k: rng.random(n) for k in keys})
        path = folder / f"studies/{dataset}/{track}/{file}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(path, index=False)


def put(path: Path, text: str) -> None:
    """Writes a text, folders and all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
