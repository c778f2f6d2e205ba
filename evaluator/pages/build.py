"""Pages on disk, then a plain `mkdocs build --strict`."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from evaluator.datasets.registry import TRACKS, dataset_ids, get_dataset
from evaluator.files import write_text
from evaluator.pages import boards, details
from evaluator.problems import RexrankError
from evaluator.reported import load_reported
from evaluator.tables import all_rows

GENERATED: Final = ("leaderboards", "models", "data", "index.md", "codes.md", "datasets.md")


def pages(leaderboard: Path) -> dict[str, str]:
    """Path below the MkDocs sources to text, for every generated page and data file."""
    datasets = [get_dataset(d) for d in dataset_ids()]
    reported = load_reported(leaderboard / "reported")
    tables = {
        (t["dataset"], t["track"]): t for t in map(_json, sorted((leaderboard / "tables").glob("*.json")))
    }
    overview = _json(leaderboard / "overview.json") if (leaderboard / "overview.json").is_file() else {}
    out = {
        "index.md": boards.overview_page(datasets, overview, _history(leaderboard)),
        "leaderboards/index.md": boards.boards_index(datasets),
        "leaderboards/reported.md": boards.reported_page(reported),
        "codes.md": details.codes_page(),
        "datasets.md": details.datasets_page(datasets),
    }
    for dataset in datasets:
        for track in TRACKS:
            table = tables.get((dataset.id, track))
            out[f"leaderboards/{dataset.id}/{track}.md"] = boards.board_page(dataset, track, table, reported)
    for path in sorted((leaderboard / "tables").glob("*.*.*")):
        if path.suffix in {".csv", ".json"}:
            out[f"data/{path.name}"] = path.read_text("utf-8")
    models = _models(leaderboard, tables)
    out["models/index.md"] = details.models_index(models)
    for name, rows in models.items():
        out[f"models/{name}.md"] = details.model_page(rows)
    return out


def _models(
    leaderboard: Path, tables: Mapping[tuple[str, str], Mapping[str, Any]]
) -> dict[str, list[tuple[Any, Any, Any]]]:
    models: dict[str, list[tuple[Any, Any, Any]]] = {}
    for table in tables.values():
        for row in all_rows(table):
            if row["kind"] == "submission":
                models.setdefault(row["id"], []).append((table, row, _json(leaderboard / row["record"])))
    return dict(sorted(models.items()))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RexrankError(
            f"cannot read {path}: {error}. Make the tables again with: rexrank rank"
        ) from error


def _history(leaderboard: Path) -> list[dict[str, Any]]:
    path = leaderboard / "history.jsonl"
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def write_pages(leaderboard: Path, docs: Path) -> None:
    """The generated pages below `docs`: changed ones written, stale ones removed."""
    made = pages(leaderboard)
    for name, content in made.items():
        write_text(docs / name, content)
    for folder in ("leaderboards", "models", "data"):
        for path in (docs / folder).rglob("*.*"):
            if path.is_file() and path.relative_to(docs).as_posix() not in made:
                path.unlink()


def build(leaderboard: Path, config: Path, out: Path) -> None:
    """The static site in `out`, from the hand-written sources beside `config` and the leaderboard.

    The sources are copied to a temporary folder, so that nothing is written into the checkout.
    Raises `RexrankError` with MkDocs' own words when the strict build fails.
    """
    with tempfile.TemporaryDirectory(prefix="rexrank-site-") as scratch:
        made = _workspace(leaderboard, config, Path(scratch))
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(made)]
        done = subprocess.run(  # noqa: S603 - fixed words and our own paths
            [*command, "--site-dir", str(out.resolve())],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        )
    if done.returncode:
        raise RexrankError(f"the site did not build:\n{(done.stderr or done.stdout)[-3000:]}")


def _workspace(leaderboard: Path, config: Path, scratch: Path) -> Path:
    """A copy of the sources with the generated pages, and the configuration to build it."""
    if not config.is_file():
        raise RexrankError(
            f"there is no {config} here. Run this in a checkout of the project, or give --config."
        )
    source = config.resolve().parent
    settings = yaml.safe_load(config.read_text("utf-8"))
    docs = source / settings["docs_dir"]

    def generated(folder: str, names: list[str]) -> set[str]:
        return set(GENERATED) & set(names) if Path(folder) == docs else set()

    shutil.copytree(docs, scratch / "site", ignore=generated)
    shutil.copytree(source / "overrides", scratch / "overrides")
    shutil.copy(config, scratch / "mkdocs.yml")
    write_pages(leaderboard, scratch / "site")
    return scratch / "mkdocs.yml"


def serve(leaderboard: Path, config: Path, port: int) -> None:
    """Build into a temporary folder and serve it on this machine until stopped."""
    with tempfile.TemporaryDirectory(prefix="rexrank-site-") as scratch:
        build(leaderboard, config, Path(scratch) / "out")
        serve_folder(Path(scratch) / "out", port)


def serve_folder(folder: Path, port: int) -> None:
    """Serve a built site on this machine until stopped."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/  (Ctrl-C stops it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped")
