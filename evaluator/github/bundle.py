"""What the runner may pass to the publisher: a closed list of paths, with a closed schema for each.

The job with access to the references is trusted less than main. Its output is checked against main and the
bundle itself (`evaluator/github/bundle_rules.py`), byte by byte: numbers have at most six decimals and JSON
has one canonical form, so that nothing can be hidden where nobody looks. A row must match its record, a
table's CSV and Markdown its JSON, and a mean its per-study scores, and unless a dataset is public nothing is
finer than its step. The overall table is recomputed from the boards' tables and its own tests.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from evaluator.core.problems import RexrankError
from evaluator.datasets.tasks.task import all_tracks
from evaluator.github.bundle_content import Bundle, Contents, check_form, refuse
from evaluator.github.bundle_rules import RULES, check_history
from evaluator.github.bundle_table_rules import check_overview
from evaluator.github.git_objects import git
from evaluator.github.main_files import main_files
from evaluator.github.overall_rules import check_overall
from evaluator.github.rescoring_rules import check_rescoring

BUNDLE_SCHEMA: Final = "rexrank/bundle/v1"
PUBLISHED: Final = "published.json"
"""Main's note of the submissions against which its leaderboard was last checked by the publisher; not part of
a bundle."""
MAX_FILES: Final = 20_000
MAX_FILE_BYTES: Final = 64_000_000
MAX_BYTES: Final = 1_000_000_000
_SLUG: Final = r"[a-z0-9][a-z0-9.-]{0,39}"
_TRACK: Final = "|".join(all_tracks())
_PLACE: Final = rf"{_SLUG}/({_TRACK})/{_SLUG}__{_SLUG}"
_BOARD: Final = rf"{_SLUG}\.({_TRACK})"
ALLOWED: Final = re.compile(
    rf"records/{_PLACE}\.json|studies/{_PLACE}\.parquet|cases/{_PLACE}\.json"
    rf"|cases/{_SLUG}/({_TRACK})/references\.json"
    rf"|tables/{_BOARD}\.(json|csv|md)|sanity/{_BOARD}\.json|pairwise/({_BOARD}|overall-({_TRACK}))\.parquet"
    rf"|overview\.(json|csv)|overall\.({_TRACK})\.(json|csv|md)|history\.jsonl|rescoring\.json"
)
"""The files that the publisher writes, and nothing else."""


def check_bundle(folder: Path, root: Path | None = None) -> list[str]:
    """The names of a bundle's files, after checking all rules (`checked_bundle`)."""
    return [*checked_bundle(folder, root).names]


def checked_bundle(folder: Path, root: Path | None = None) -> Bundle:
    """The bundle in a folder; raises `RexrankError` for one that is not allowed to leave.

    `root`: a checkout of main; without one, nothing is compared with its submissions and leaderboard.
    """
    names = _names(folder)
    content = Contents(folder, [n for n in names if n.endswith(".json")])
    bundle = Bundle(folder, names, content) if root is None else _beside(root, folder, names, content)
    for name in content:
        check_form(bundle, name)
    # Records first, because the rest is checked against them; JSON before its derived forms.
    for name in sorted(names, key=lambda n: (not n.startswith("records/"), not n.endswith(".json"), n)):
        rule = RULES.get(name.partition("/")[0])
        if rule is not None:
            rule(bundle, name)
    check_overview(bundle)
    check_overall(bundle)
    check_history(bundle)
    check_rescoring(bundle)
    return bundle


def _beside(root: Path, folder: Path, names: list[str], content: Contents) -> Bundle:
    """The bundle with a checkout of main, after fetching the predictions to compare it with."""
    submissions, on_main = main_files(root), _files_of(root)
    changed = submissions.changed_since(published_tree(root)) if submissions.is_sparse else None
    bundle = Bundle(folder, names, content, root, on_main, submissions, changed)
    sources = {n: _source(n) for n in names if n.startswith(("records/", "cases/"))}
    submissions.fetch({s for n, s in sources.items() if not bundle.is_settled(n, s)})
    return bundle


def _source(name: str) -> str:
    """The predictions on main from which a record or a file of texts is made."""
    _, dataset, _, file = name.split("/")
    team, _, model = file.removesuffix(".json").partition("__")
    return f"submissions/{team}/{model}/{dataset}.json"


def published_tree(root: Path) -> str:
    """Git's id of `submissions/` at the last publication; empty if main does not record it."""
    try:
        value = json.loads((root / "leaderboard" / PUBLISHED).read_text("utf-8"))
        return str(value["submissions"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def _files_of(root: Path) -> dict[str, str]:
    """Git's ids of the leaderboard's files in a checkout's commit, by path; empty outside a checkout."""
    if not (root / ".git").exists():
        return {}
    lines = git(root / ".git", "ls-tree", "-r", "-z", "HEAD", "leaderboard/").decode().split("\0")
    return {path: meta.split()[2] for meta, _, path in (line.partition("\t") for line in lines) if path}


def _names(folder: Path) -> list[str]:
    """The files except the bundle's own note, after checking their paths, sizes and kinds."""
    paths = sorted(p for p in folder.rglob("*") if p.is_symlink() or not p.is_dir())
    if any(p.is_symlink() or not p.is_file() for p in paths):
        raise RexrankError("the bundle contains something that is not a regular file.")
    sizes = {p: p.lstat().st_size for p in paths}
    large = next((p for p, size in sizes.items() if size > MAX_FILE_BYTES), None)
    if large is not None:
        name = large.relative_to(folder).as_posix()
        refuse(
            name,
            f"takes {sizes[large]:,} bytes, more than {MAX_FILE_BYTES:,}: larger than a leaderboard can be",
        )
    if len(paths) > MAX_FILES or sum(sizes.values()) > MAX_BYTES:
        raise RexrankError(
            f"the bundle is larger than a leaderboard can be: {len(paths):,} files of at most {MAX_FILES:,}, "
            f"{sum(sizes.values()):,} bytes of at most {MAX_BYTES:,}. Remove the folders of withdrawn and superseded models."
        )
    names = [p.relative_to(folder).as_posix() for p in paths]
    names = [n for n in names if n != "bundle.json"]
    if not all(ALLOWED.fullmatch(n) for n in names):
        raise RexrankError("the bundle contains a file that the publisher does not write.")
    return names
