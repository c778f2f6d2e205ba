"""How long the site takes to build, and how heavy a board is: 60 models, 4 datasets, 2 tracks, 5,000 public studies.

    python benchmarks/site.py [--models 60] [--studies 5000] [--site FOLDER]

The leaderboard is made up, in the form the pipeline writes (`tests/support/crowd.py`). The studies stand on the one
public dataset of the four; the others are not public and have none, as in the challenge. Weights are what Chromium
fetches when it opens a page with nothing kept from before, each answer gzipped; they need Playwright and Chromium. Sorting
and the figures in Lighthouse's terms are timed at a fourth of the processor's speed, on a server on this machine: LCP when the
largest text stands, TBT how long tasks beyond their first 50 ms hold back a reader after the first text, CLS how much moves.
Times are those of the machine: let it rest. `--site` measures a site that was built before.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gzip
import http.server
import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from evaluator.metrics.registry import get_metric
from evaluator.scoring.case_texts import CASES_SCHEMA
from evaluator.site.build import build

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.crowd import make_crowd  # noqa: E402 - the tests' own made-up leaderboard

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
PAGES = {
    "overview": "",
    "board": "leaderboards/iu-xray/findings/",
    "withheld board": "leaderboards/rexgradient/findings/",
    "models": "models/",
    "model page": "models/team00/model/",
    "compare": "compare/",
}


def main() -> None:
    """Prints build time, number of files, and the weight of the first load of some pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=60)
    parser.add_argument("--studies", type=int, default=5000)
    parser.add_argument("--site", type=Path)
    given = parser.parse_args()
    if given.site:
        report(given.site)
        return
    with tempfile.TemporaryDirectory(prefix="rexrank-bench-") as scratch:
        board, out = Path(scratch) / "leaderboard", Path(scratch) / "site"
        make(board, given.models, given.studies)
        started = time.perf_counter()
        build(board, ROOT / "mkdocs.yml", out)
        seconds = time.perf_counter() - started
        print(f"strict build: {seconds:.1f} s")
        report(out)


def report(site: Path) -> None:
    """Prints how heavy a built site is, and how fast its pages are."""
    files = [p for p in site.rglob("*") if p.is_file()]
    size = sum(p.stat().st_size for p in files)
    print(f"{len(files):,} files, {size / 1e6:.0f} MB")
    for name, weight in first_loads(site).items():
        print(f"first load, gzipped: {name} {weight / 1000:.0f} kB")
    for name, v in vitals(site).items():
        print(f"at a fourth of the speed: {name} LCP {v.lcp:.0f} ms, TBT {v.tbt:.0f} ms, CLS {v.cls:.3f}")
    times = ", ".join(f"{t:.0f}" for t in sorting(site))
    print(f"sorting a board at a fourth of the speed: {times} ms")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *args: Any) -> None:
        """Nothing is told."""


@contextlib.contextmanager
def opened(site: Path) -> Iterator[tuple[Any, str]]:
    """A browser, and the address at which a built site is served to it."""
    from playwright.sync_api import sync_playwright

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as play:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        yield browser, f"http://127.0.0.1:{server.server_port}/"
        browser.close()
        server.shutdown()


class Vitals(NamedTuple):
    """How a page loads, in Lighthouse's terms; times in milliseconds."""

    lcp: float
    tbt: float
    cls: float


WATCH = """
const seen = (window.rxSeen = { "largest-contentful-paint": [], longtask: [], "layout-shift": [], paint: [] });
for (const [type, entries] of Object.entries(seen)) {
  new PerformanceObserver((list) => entries.push(...list.getEntries())).observe({ type, buffered: true });
}
"""
VITALS = """() => {
  const first = rxSeen.paint.find((e) => e.name === "first-contentful-paint").startTime;
  const after = (task) => Math.min(task.duration, task.startTime + task.duration - first);
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  return [
    rxSeen["largest-contentful-paint"].at(-1).startTime,
    sum(rxSeen.longtask.map((task) => Math.max(0, after(task) - 50))),
    sum(rxSeen["layout-shift"].map((shift) => shift.value)),
  ];
}"""


def vitals(site: Path) -> dict[str, Vitals]:
    """By page how it loads at a fourth of the processor's speed: the median of three loads by its blocking time."""
    found = {}
    with opened(site) as (browser, address):
        for name, path in PAGES.items():
            loads = []
            for _ in range(3):
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.add_init_script(WATCH)
                page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
                settled(page, f"{address}{path}")
                page.wait_for_timeout(1000)
                loads.append(Vitals(*page.evaluate(VITALS)))
                page.close()
            found[name] = sorted(loads, key=lambda v: v.tbt)[1]
    return found


def settled(page: Any, address: str) -> None:
    """Opens a page and waits until it is as its reader will have it."""
    page.goto(address, wait_until="load")
    page.wait_for_selector("html[data-rx-mounted]", state="attached")
    page.wait_for_load_state("networkidle")


def first_loads(site: Path) -> dict[str, int]:
    """By page the gzipped bytes of everything that a browser fetches when it opens it."""
    found = {}
    with opened(site) as (browser, address):
        for name, path in PAGES.items():
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            answers: dict[str, Any] = {}
            page.on("response", lambda r, kept=answers: kept.setdefault(r.url, r))
            settled(page, f"{address}{path}")
            found[name] = sum(len(gzip.compress(r.body(), 6)) for r in list(answers.values()) if r.ok)
            page.close()
    return found


def sorting(site: Path) -> list[float]:
    """Milliseconds from a click on a heading to the next frame, at a fourth of the processor's speed, all rows shown."""
    measure = """heading => new Promise((done) => {
        const start = performance.now();
        heading.querySelector('button.rx-sort').click();
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
    })"""
    with opened(site) as (browser, address):
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        settled(page, f"{address}{PAGES['board']}")
        more = page.locator(".rx-more-rows")
        if more.is_visible():
            more.click()
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
        times = []
        for key in ("bleu_2", "bertscore", "green", "rank", "rouge_l", "rank"):
            times.append(page.locator(f'th[data-rx-key="{key}"]').evaluate(measure))
            page.wait_for_timeout(1500)  # until all rows are where they belong
        return times


def make(folder: Path, n_models: int, n_studies: int) -> None:
    """A leaderboard of made-up numbers in `folder`, with the studies of the public dataset and what ReXrank reported."""
    tables = make_crowd(folder, DATASETS, n_models=n_models, n_studies=400, n_public=n_studies)
    shutil.copytree(ROOT / "leaderboard/reported", folder / "reported")
    names = [r["id"] for r in tables[0]["rows"]]
    rng = np.random.default_rng(0)
    for track in ("findings", "report"):
        make_studies(folder, "iu-xray", track, names, n_studies, rng)


def make_studies(
    folder: Path, dataset: str, track: str, names: list[str], n: int, rng: np.random.Generator
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
    cases.mkdir(parents=True)
    (cases / "references.json").write_text(json.dumps({**head, "texts": chosen()}), "utf-8")
    for name in names:
        file = name.replace("/", "__")
        (cases / f"{file}.json").write_text(json.dumps({**head, "texts": chosen()}), "utf-8")
        record_path = folder / f"records/{dataset}/{track}/{file}.json"
        record = json.loads(record_path.read_text("utf-8"))
        # Figures of the whole set rest on counts, which made-up scores have none of.
        record["metrics"] = {k: m for k, m in record["metrics"].items() if get_metric(k).corpus is None}
        record["n"] = n
        record_path.write_text(json.dumps(record), "utf-8")
        columns: dict[str, Any] = {"study_id": ids, "patient": ids}
        for key, metric in record["metrics"].items():
            spread = rng.normal(0, 0.1, n)
            columns |= {
                key: metric["mean"] + spread - spread.mean(),
                f"failed:{key}": np.zeros(n, dtype=bool),
            }
        path = folder / f"studies/{dataset}/{track}/{file}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(columns).to_parquet(path, index=False)


if __name__ == "__main__":
    main()
