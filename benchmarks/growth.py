"""What grows with the number of models: bytes, processor seconds and memory of ranking, publishing and site.

    python benchmarks/growth.py [--models 31 62 125 250] [--studies 10000] [--out FILE.json] [--folder DIR] [--table FILE.json]

Two boards of the findings track are made up (`tests/support/grown.py`): a withheld one of as many studies as asked
for, and the public IU X-ray of 590, with per-study scores and texts. All models but the last are ranked and committed;
then the last one enters, and what its publication costs is measured, each step in a process of its own. Exponents
are slopes over the logarithms of the sizes: over all of them, and over the last two, where fixed costs count least.
`--table` prints a table of figures that were kept.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

Figures = dict[str, float]
UNITS: Final = {"MB": 1e6, "kB": 1e3, "s": 1.0, "": 1.0}
ROWS: Final = (
    ("leaderboard", "Leaderboard in git, files [120 MB]", "MB"),
    ("tables", "of these tables and overall tables", "MB"),
    ("packed", "Packed growth of a publication, branch main [the same]", "kB"),
    ("pairwise", "Pairwise differences, newest state alone", "MB"),
    ("bundle", "Bundle from the runner", "MB"),
    ("site", "Site [200 MB]", "MB"),
    ("site_files", "Files of the site", ""),
    ("rank_cpu", "Rank, one board changed: processor [120 s]", "s"),
    ("rank_peak", "Rank: peak memory [1,500 MB]", "MB"),
    ("gather_cpu", "Gather and check the bundle: processor", "s"),
    ("gather_peak", "Gather: peak memory", "MB"),
    ("publish_cpu", "Publisher, checks and lays out: processor", "s"),
    ("publish_peak", "Publisher: peak memory", "MB"),
    ("site_cpu", "Build the site: processor", "s"),
    ("site_peak", "Build the site: peak memory", "MB"),
    ("asked", "Accounts that the publisher asks GitHub for", ""),
)
"""Key, title and unit of every figure."""


def main() -> None:
    """Prints the table, and saves the figures as JSON if requested."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, nargs="+", default=[31, 62, 125, 250])
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument(
        "--out", type=Path, help="JSON file of the figures; sizes that it holds already are kept"
    )
    parser.add_argument("--folder", type=Path, help="where to work, kept afterwards; else a temporary folder")
    parser.add_argument("--table", type=Path, help="print the table of a JSON file, and measure nothing")
    parser.add_argument("--step", choices=[*STEPS], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(STEPS[given.step](given.folder, given.models[0], given.studies)))
        return
    if given.table:
        print(table(json.loads(given.table.read_text("utf-8"))))
        return
    figures = json.loads(given.out.read_text("utf-8")) if given.out and given.out.exists() else {}
    for models in given.models:
        with tempfile.TemporaryDirectory(prefix="rexrank-growth-") as scratch:
            folder = given.folder / str(models) if given.folder else Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            figures[str(models)] = measure(folder, models, given.studies)
        if given.out:
            given.out.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    print(table(figures))


def table(figures: Mapping[str, Figures]) -> str:
    """The figures as a Markdown table with their exponents."""
    sizes = sorted(figures, key=int)
    lines = [f"| models | {' | '.join(sizes)} | exponent | last two |", "|---|" + "---:|" * (len(sizes) + 2)]
    for key, title, unit in ROWS:
        values = [figures[s].get(key) for s in sizes]
        known = [(int(s), v) for s, v in zip(sizes, values, strict=True) if v is not None]
        cells = ["–" if v is None else f"{_short(v / UNITS[unit])} {unit}".strip() for v in values]
        lines.append(f"| {title} | {' | '.join(cells)} | {exponent(known)} | {exponent(known[-2:])} |")
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def exponent(points: Sequence[tuple[int, float]]) -> str:
    """The slope of a figure over the number of models, both in logarithms; a dash where there is none."""
    logs = [(math.log(n), math.log(v)) for n, v in points if v > 0]
    if len(logs) < 2:
        return "–"
    x, y = (sum(c) / len(logs) for c in zip(*logs, strict=True))
    return f"{sum((a - x) * (b - y) for a, b in logs) / sum((a - x) ** 2 for a, _ in logs):.2f}"


def measure(folder: Path, models: int, studies: int) -> Figures:
    """Every figure of one size."""
    figures: Figures = {}

    def step(name: str, key: str = "") -> None:
        used = child(folder, name, models, studies)
        told = {f"{key}_{k}": v for k, v in used.items() if k in {"cpu", "peak"}} if key else {}
        figures.update(told | {k: v for k, v in used.items() if k not in {"cpu", "peak", "wall"}})
        print(f"{models} models: {name} {used}", file=sys.stderr, flush=True)

    for name in ("make", "rank", "commit", "enter-withheld"):
        step(name)
    step("rank", "rank")
    for name in ("enter-public", "rank"):
        step(name)
    step("gather", "gather")
    step("publish", "publish")
    step("push")
    step("site", "site")
    step("weigh")
    return figures


def child(folder: Path, step: str, models: int, studies: int) -> Figures:
    """A step's output, with the processor seconds and the peak memory of its process and its children."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder)]
    command += ["--models", str(models), "--studies", str(studies)]
    # One thread: threads waiting for each other would count as work.
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    salt = {"REXRANK_SALT": "a salt of the benchmark"}
    started = time.monotonic()
    with (folder / "told").open("w+b") as told:
        process = subprocess.Popen(command, env={**os.environ, **threads, **salt}, stdout=told)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{step} of {models} models failed")
        told.seek(0)
        last = told.read().splitlines()[-1]
    found: Figures = json.loads(last)
    wall = time.monotonic() - started
    return found | {
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * 1024.0,
        "wall": round(wall, 1),
    }


def _make(folder: Path, models: int, studies: int) -> Figures:
    from support.grown import PUBLIC, WITHHELD, Grown

    grown = Grown(folder / "main", folder / "store", studies)
    grown.add_baselines()
    for number in range(models - 1):
        grown.add_model(number, WITHHELD, PUBLIC)
    return {}


def _enter(*boards: str) -> Callable[[Path, int, int], Figures]:
    def enter(folder: Path, models: int, studies: int) -> Figures:
        from support import grown

        # Neither the best nor the last: a model in the middle moves half of the others.
        made = grown.Grown(folder / "main", folder / "store", studies)
        made.add_model(models - 1, *(getattr(grown, b) for b in boards), place=models / 2 - 0.25)
        return {}

    return enter


def _rank(folder: Path, models: int, studies: int) -> Figures:  # noqa: ARG001 - a step like the others
    from evaluator.leaderboard.rank import rank_all

    rank_all(folder / "main/leaderboard", folder / "store", rehearsal=False)
    return {}


def _git(folder: Path, *args: str) -> str:
    settings = ("-c", "user.name=b", "-c", "user.email=b@example.org", "-c", "gc.auto=0")
    done = subprocess.run(
        ["git", *settings, *args], cwd=folder / "main", check=True, capture_output=True, text=True
    )
    return done.stdout


def _commit(folder: Path, models: int, studies: int) -> Figures:  # noqa: ARG001 - a step like the others
    """Commits main's state before the last model: the leaderboard without the pairwise differences, and submissions."""
    from evaluator.github.ownership import record_owners

    record_owners(folder / "main", len)
    (folder / "main/.gitignore").write_text("leaderboard/pairwise/\n", "utf-8")
    _git(folder, "init", "-q", "-b", "main")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "Before")
    return {}


def _gather(folder: Path, models: int, studies: int) -> Figures:  # noqa: ARG001 - a step like the others
    from evaluator.github.refresh import gather

    _git(folder, "add", "-A", "submissions")
    _git(folder, "commit", "-q", "-m", "A submission is merged")
    gather(folder / "main/leaderboard", folder / "bundle", folder / "main/submissions")
    return {}


def _publish(folder: Path, models: int, studies: int) -> Figures:  # noqa: ARG001 - a step like the others
    from evaluator.github.publish import prepare

    # The publisher's checkout has main's leaderboard, not what was ranked next to the references.
    checkout = folder / "checkout"
    _git(folder, "worktree", "add", "-q", "--detach", str(checkout))
    asked: list[str] = []

    def id_of(handle: str) -> int:
        asked.append(handle)
        return len(asked)

    prepare(checkout, folder / "bundle", folder / "out", id_of)
    return {"asked": len(asked)}


def _push(folder: Path, models: int, studies: int) -> Figures:  # noqa: ARG001 - a step like the others
    """What the commit of `.github/push.py` adds to a repository that keeps what is pushed as it comes and is then packed."""
    from support.publication import push

    server = folder / "server/owner/name"
    _git(folder, "clone", "-q", "--bare", "--no-local", ".", str(server))
    _git(folder, "-C", str(server), "config", "receive.unpackLimit", "1")
    before = _packed(folder, server)
    shutil.rmtree(folder / "pushing", ignore_errors=True)
    _git(folder, "clone", "-q", "--depth=1", server.as_uri(), str(folder / "pushing"))
    if push(folder / "pushing", folder / "out", server.as_uri()) is None:
        raise SystemExit("nothing was published")
    # Pairwise differences have no history: what counts is what stays.
    _git(folder, "-C", str(server), "update-ref", "-d", "refs/heads/pairwise")
    return {"packed": _packed(folder, server) - before}


def _packed(folder: Path, repository: Path) -> int:
    # From scratch and by one thread: earlier packs, other gits and the order of threads move the figure by a tenth and more.
    _git(folder, "-C", str(repository), "-c", "pack.threads=1", "repack", "-adfq")
    return sum(p.stat().st_size for p in (repository / "objects/pack").glob("*.pack"))


def _site(folder: Path, models: int, studies: int) -> Figures:  # noqa: ARG001 - a step like the others
    from evaluator.site.build import build

    whole = folder / "published"
    shutil.copytree(folder / "out/leaderboard", whole)
    shutil.copytree(folder / "out/pairwise", whole / "pairwise")
    shutil.copytree(ROOT / "leaderboard/reported", whole / "reported", dirs_exist_ok=True)
    build(whole, ROOT / "mkdocs.yml", folder / "site")
    return {}


def _weigh(folder: Path, models: int, studies: int) -> Figures:  # noqa: ARG001 - a step like the others
    def size(*paths: Path) -> int:
        return sum(p.stat().st_size for path in paths for p in path.rglob("*") if p.is_file())

    board = folder / "out/leaderboard"
    return {
        "leaderboard": size(board),
        "tables": size(board / "tables") + sum(p.stat().st_size for p in board.glob("over*")),
        "pairwise": size(folder / "out/pairwise"),
        "bundle": size(folder / "bundle"),
        "site": size(folder / "site"),
        "site_files": sum(p.is_file() for p in (folder / "site").rglob("*")),
    }


STEPS: Final[Mapping[str, Callable[[Path, int, int], Figures]]] = {
    "make": _make,
    "rank": _rank,
    "commit": _commit,
    "enter-withheld": _enter("WITHHELD"),
    "enter-public": _enter("PUBLIC"),
    "gather": _gather,
    "publish": _publish,
    "push": _push,
    "site": _site,
    "weigh": _weigh,
}

if __name__ == "__main__":
    main()
