"""Boards as last ranked, in the store: unchanged boards are not recomputed.

A board is stored under a digest of all its inputs: records, per-study scores, releases, sanity probes, the
salt of its draws and the program itself. With another digest, or a damaged file, it counts as missing. The
digest stays in the store: on the leaderboard it would reveal whether any score on a withheld dataset changed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from evaluator.core.files import dump_json, load_json, sha256_bytes, write_derived
from evaluator.core.problems import RexrankError
from evaluator.leaderboard.overall import PrimaryScores
from evaluator.leaderboard.table import Table
from evaluator.scoring.baselines import sanity_path
from evaluator.scoring.records import Board, record_path, studies_path

RANKED_SCHEMA: Final = "rexrank/ranked/v4"


class RankedBoard(NamedTuple):
    """What ranking makes of one board: its table, the file of all pairs of its models, and their scores."""

    table: Table
    pairwise: bytes
    scores: PrimaryScores | None = None


def inputs_digest(board: Board, leaderboard: Path, store: Path, *, rehearsal: bool) -> str:
    """SHA-256 over all inputs of a board's ranking; independent of where the folders are."""
    digest = hashlib.sha256()

    def add(name: str, data: bytes) -> None:
        for part in (name.encode(), data):
            digest.update(len(part).to_bytes(8, "big") + part)

    add("board", f"{board.name} {rehearsal} {program_digest()} numpy {np.__version__}".encode())
    add("salt", os.environ.get("REXRANK_SALT", "").encode())
    for name, path in _files(board, leaderboard, store):
        with suppress(OSError):
            # Reading a pipe would never end; anything but a file is reported when the board is read.
            add(name, path.read_bytes() if path.is_file() else b"no file")
    return digest.hexdigest()


def _files(board: Board, leaderboard: Path, store: Path) -> Iterator[tuple[str, Path]]:
    """Every file that a board's ranking reads, with a name that says what it is."""
    yield "releases", leaderboard / "releases.json"
    yield "sanity", sanity_path(leaderboard, board)
    # Subgroups of a dataset that is not public depend on those shown on its other track.
    tracks = (board.track,) if board.dataset.exposure.small_groups else (*board.dataset.tracks,)
    for root, kind in ((leaderboard, "leaderboard"), (store, "store")):
        for place, track in product((record_path, studies_path), tracks):
            folder = place(root, board.dataset.id, track, "x", "x").parent
            for path in sorted(folder.glob("*")):
                yield f"{kind} {place.__name__} {track} {path.name}", path


@cache
def program_digest() -> str:
    """SHA-256 over the program's own files: another version may rank differently."""
    digest = hashlib.sha256()

    def visit(folder: Traversable, name: str) -> None:
        for entry in sorted(folder.iterdir(), key=lambda e: e.name):  # tie: none, names differ
            if entry.is_dir():
                visit(entry, f"{name}/{entry.name}")
            elif entry.name.endswith((".py", ".yaml", ".toml", ".json")):
                digest.update(f"{name}/{entry.name}\0".encode() + hashlib.sha256(entry.read_bytes()).digest())

    visit(resources.files("evaluator"), "")
    return digest.hexdigest()


def read_ranked(store: Path, board: Board, inputs: str) -> RankedBoard | None:
    """The stored board with the same inputs (`inputs_digest`); `None` if it is missing or damaged."""
    path = store / _name(board, "json")
    try:
        whole = load_json(path) if path.is_file() else {}
        if (whole["schema"], whole["inputs"]) != (RANKED_SCHEMA, inputs):
            return None
        table = Table.model_validate(whole["table"])
        pairs = store / _name(board, "parquet")
        pairwise = pairs.read_bytes() if pairs.is_file() else b""
        # A digit that a bad disk changed must not become a rank.
        sound = (whole["content"], whole["pairwise"]) == (_digest(table), sha256_bytes(pairwise))
    except (OSError, ValueError, LookupError, TypeError, RexrankError):
        return None
    return RankedBoard(table, pairwise) if sound else None


def keep_ranked(store: Path, board: Board, inputs: str, ranked: RankedBoard) -> None:
    """Nothing; stores a ranked board. If the store cannot be written, the next ranking recomputes it."""
    content = {
        "schema": RANKED_SCHEMA,
        "inputs": inputs,
        "content": _digest(ranked.table),
        "pairwise": sha256_bytes(ranked.pairwise),
        "table": ranked.table.view(),
    }
    with suppress(RexrankError):
        write_derived(store, _name(board, "parquet"), ranked.pairwise)
        write_derived(store, _name(board, "json"), dump_json(content))


def _digest(table: Table) -> str:
    return hashlib.sha256(dump_json(table.view()).encode()).hexdigest()


def _name(board: Board, suffix: str) -> str:
    return f"ranked/{board.name}.{suffix}"
