"""Pages on disk, then a plain `mkdocs build --strict`."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from evaluator.core.files import TEMPORARY
from evaluator.core.problems import InputError, RexrankError
from evaluator.core.stopping import unbroken
from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.site import (
    api as endpoints,
)
from evaluator.site import (
    compare,
    datasets,
    identity,
    metrics,
    overall,
)
from evaluator.site import (
    feeds as news,
)
from evaluator.site import (
    home as overview,
)
from evaluator.site import (
    reported as published,
)
from evaluator.site import (
    rule_codes as codes,
)
from evaluator.site.blocks import put_back, set_aside
from evaluator.site.board import page as boards
from evaluator.site.cards import write_cards
from evaluator.site.content import Content, read_content
from evaluator.site.csp import add_policies
from evaluator.site.head import with_head
from evaluator.site.model import page as models
from evaluator.site.model.cases import case_files
from evaluator.site.model.index import models_index
from evaluator.site.navigation import navigation
from evaluator.site.search import lighten
from evaluator.site.served import served
from evaluator.site.styles import joined
from evaluator.site.weight import lose_weight

GENERATED: Final = (
    "leaderboards",
    "models",
    "data",
    "datasets",
    "index.md",
    "codes.md",
    "compare.md",
    "changelog.md",
    "feed.xml",
    "feed.json",
    "robots.txt",
)


def pages(leaderboard: Path, site_url: str | None = None) -> dict[str, str]:
    """Path below the MkDocs sources to text, for every generated page and data file except those of `large_files`."""
    return pages_of(read_content(leaderboard, site_url or challenge().site))


def pages_of(content: Content) -> dict[str, str]:
    """`pages` of a leaderboard that was read already."""
    known = [get_dataset(d) for d in dataset_ids()]
    out = {
        "index.md": overview.overview_page(known, content),
        "leaderboards/index.md": overview.boards_index(known, content),
        "leaderboards/overall.md": overall.overall_page(content),
        "codes.md": codes.codes_page(),
        "compare.md": compare.compare_page(content),
        "changelog.md": news.changelog_page(content),
        "feed.xml": news.atom(content),
        "feed.json": news.json_feed(content),
        "robots.txt": news.robots(content),
        "datasets/index.md": datasets.datasets_index(known),
        "models/index.md": models_index(content),
    }
    if content.reported:
        out["leaderboards/reported.md"] = published.reported_page(content.reported)
    for dataset in known:
        out[f"datasets/{dataset.id}.md"] = datasets.dataset_page(dataset, content)
        for track in dataset.tracks:
            out[f"leaderboards/{dataset.id}/{track}.md"] = boards.board_page(dataset, track, content, known)
    for name in content.models:
        out[f"models/{name}.md"] = models.model_page(name, content)
    return with_head(out, content) | dict(endpoints.small_files(content))


def write_pages(leaderboard: Path, docs: Path, site_url: str | None = None) -> None:
    """The generated pages below `docs`: changed ones written, stale ones removed."""
    _write(pages(leaderboard, site_url), docs)


def _write(texts: Mapping[str, str], docs: Path) -> None:
    for name, body in texts.items():
        _put(docs / name, body.encode())
    for folder in ("leaderboards", "models", "data", "datasets"):
        for path in (docs / folder).rglob("*.*"):
            if path.is_file() and path.relative_to(docs).as_posix() not in texts:
                path.unlink()


def write_large(leaderboard: Path, site: Path) -> None:
    """Writes the files that bypass the builder below a built site: pairs by model, cases, and the index of all data."""
    content = read_content(leaderboard, challenge().site)
    _write_large(content, dict(endpoints.small_files(content)), site)


def _write_large(content: Content, small: Mapping[str, str], site: Path) -> None:
    for name, data in endpoints.large_files(content, small):
        _put(site / name, data)
    for name, body in case_files(content):
        _put(site / name, served(name, body))


def _put(path: Path, data: bytes) -> None:
    """Writes what changed; these files can be regenerated and need not survive a crash."""
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def build(leaderboard: Path, config: Path, out: Path, site_url: str | None = None) -> None:
    """Builds the static site in `out`, from the leaderboard and the hand-written sources next to `config`.

    The sources are copied to a temporary folder, so that nothing is written into the checkout, and the site
    is built next to `out` and replaces it when complete. `site_url` replaces the challenge's. Raises
    `RexrankError` with MkDocs' own words when the strict build fails, and for an `out` that contains anything
    but a built site.
    """
    out = out.resolve()
    if out.exists() and not _replaceable(out):
        raise RexrankError(
            f"{out} contains something other than a built site. Choose another folder with --out."
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="rexrank-site-") as scratch,
        tempfile.TemporaryDirectory(prefix=f".{out.name}.", suffix=TEMPORARY, dir=out.parent) as beside,
    ):
        source = _source(config)
        content = read_content(leaderboard, site_url or challenge().site)
        texts = pages_of(content)
        light, blocks = set_aside(texts)
        settings = _workspace(content, light, source, Path(scratch))
        site, large = Path(beside) / "new", Path(beside) / "large"
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(_mkdocs, settings, site)
            # Next to MkDocs's folder, which it empties first.
            _write_large(content, texts, large)
            write_cards(content, source.docs, large)
            process = running.result()
        if process.returncode:
            raise RexrankError(f"the site did not build:\n{(process.stderr or process.stdout)[-3000:]}")
        sys.stderr.write(process.stderr)  # the builder's own output, for example if it fails
        shutil.copytree(large, site, dirs_exist_ok=True, copy_function=shutil.move)
        lighten(site)
        put_back(site, blocks)
        lose_weight(site)
        add_policies(site)
        with unbroken():
            if out.exists():
                out.rename(Path(beside) / "old")
            site.rename(out)


def _mkdocs(settings: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """The result of the strict build of a configuration into `site`."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    return subprocess.run(  # noqa: S603 - fixed words and our own paths
        [*command, "--config-file", str(settings), "--site-dir", str(site)],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        # Its coloured notice on the generator's future is of no use to users of the demo.
        env={"NO_MKDOCS_2_WARNING": "1", **os.environ, "PYTHONUTF8": "1"},
    )


def _replaceable(out: Path) -> bool:
    """Whether a folder is empty or a built site, recognised by its site map."""
    return out.is_dir() and ((out / "sitemap.xml").is_file() or not any(out.iterdir()))


class _Source(NamedTuple):
    """The configuration to build from: its text, folder and hand-written pages."""

    words: str
    folder: Path
    docs: Path


def _source(config: Path) -> _Source:
    if not config.is_file():
        raise InputError(
            f"there is no {config} here. Run this command in a checkout of the project, or pass --config."
        )
    words, folder = config.read_text("utf-8"), config.resolve().parent
    settings = yaml.safe_load(words)
    docs = folder / settings["docs_dir"]
    return _Source(words, folder, docs)


def workspace(leaderboard: Path, config: Path, scratch: Path, site_url: str | None = None) -> Path:
    """The configuration to build, in a copy of the sources with the generated pages in `scratch`."""
    source = _source(config)
    content = read_content(leaderboard, site_url or challenge().site)
    return _workspace(content, pages_of(content), source, scratch)


def _workspace(content: Content, texts: Mapping[str, str], source: _Source, scratch: Path) -> Path:
    def generated(folder: str, names: list[str]) -> set[str]:
        return set(GENERATED) & set(names) if Path(folder) == source.docs else set()

    shutil.copytree(source.docs, scratch / "site", ignore=generated)
    shutil.copytree(source.folder / "overrides", scratch / "overrides")
    words = navigation(source.words, source.docs, reported=bool(content.reported))
    config = joined(identity.config(words, content.site_url), scratch / "site")
    (scratch / "mkdocs.yml").write_text(config, "utf-8")
    identity.fill(scratch / "site", reported=bool(content.reported))
    _write(texts, scratch / "site")
    metrics.fill(scratch / "site", content)
    endpoints.fill(scratch / "site")
    return scratch / "mkdocs.yml"


def serve(leaderboard: Path, config: Path, port: int) -> None:
    """Nothing; builds the site into a temporary folder and serves it on this machine until stopped."""
    with tempfile.TemporaryDirectory(prefix="rexrank-site-") as scratch:
        build(leaderboard, config, Path(scratch) / "out")
        serve_folder(Path(scratch) / "out", port)


def serve_folder(folder: Path, port: int) -> None:
    """Nothing; serves a built site on this machine until stopped."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/  (Ctrl-C stops it)", flush=True)
        server.serve_forever()
