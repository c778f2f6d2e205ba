"""Which files are allowed: names, kinds, sizes, encodings (RX101–RX108)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Final
from unicodedata import combining, normalize

from evaluator.core.problems import Problems
from evaluator.datasets.registry import example_dataset
from evaluator.submissions.tree import Entry, Tree

SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,38}[a-z0-9-])?")
RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
)
"""Names that Windows reserves for devices, with any extension: a clone there would fail."""
TAKEN: Final = frozenset({"index", "readme", "baseline"})
"""Names of pages and files next to the folders, and of rows that are not submissions, with any extension."""
CARD_NAME: Final = "model.yaml"
MAX_PREDICTIONS_BYTES: Final = 20_000_000
MAX_CARD_BYTES: Final = 64_000
LFS_START: Final = b"version https://git-lfs.github.com/spec/"


def check_slugs(folder: str, problems: Problems) -> None:
    """RX101: the last two parts of the folder are valid names of a team and a model."""
    for part, what in zip(folder.split("/")[-2:], ("team", "model"), strict=False):
        wanted = name_wanted(part)
        if wanted is not None:
            problems.add(
                "RX101",
                folder,
                found=f"the {what} folder is named {part!r}",
                wanted=wanted,
                fix=f"rename it, for example to {suggest_slug(part)!r}",
            )


def name_wanted(name: str) -> str | None:
    """What is wanted instead of an invalid team or model name; `None` for a valid one.

    >>> name_wanted("con-v2"), name_wanted("con.v2")
    (None, "a name that Windows does not reserve for a device ('con')")
    """
    stem = name.partition(".")[0]
    if not SLUG.fullmatch(name):
        return "lower-case letters, digits, dots and hyphens, 1 to 40 characters, a letter or digit first and no dot last"
    if stem in RESERVED:
        return f"a name that Windows does not reserve for a device ({stem!r})"
    if stem in TAKEN:
        return f"a name that is not used elsewhere on the site or in the repository ({stem!r})"
    return None


def suggest_slug(text: str) -> str:
    """The valid team or model name nearest to `text`.

    >>> suggest_slug("My Model_v2"), suggest_slug("con.v2"), suggest_slug("index"), suggest_slug("Größe")
    ('my-model-v2', 'con-v2', 'index-model', 'grosse')
    """
    letters = "".join(c for c in normalize("NFKD", text.casefold()) if not combining(c))
    slug = re.sub(r"[^a-z0-9.]+", "-", letters).strip("-.")[:40].rstrip("-.") or "my-model"
    if name_wanted(slug) is not None:
        slug = slug.replace(".", "-")
    return slug if name_wanted(slug) is None else f"{slug}-model"


def check_kinds(tree: Tree, folder: str, problems: Problems) -> None:
    """RX104 and RX107: regular files only, directly in the folder."""
    for entry in tree.below(folder):
        if entry.kind == "directory":
            problems.add(
                "RX107",
                entry.path,
                found="a folder inside a submission",
                wanted="files only: model.yaml and <dataset>.json",
                fix="move its files up, or remove it",
            )
        elif entry.kind == "file" and entry.parent != folder:
            problems.add(
                "RX107",
                entry.path,
                found="a file in a folder inside a submission",
                wanted="files directly in submissions/<team>/<model>/",
                fix="move it up, or remove it",
            )
        elif entry.kind != "file":
            problems.add(
                "RX104",
                entry.path,
                found=f"a {entry.kind}",
                wanted="a regular file",
                fix="commit the file itself instead",
            )


def check_names(tree: Tree, folder: str, dataset_ids: tuple[str, ...], problems: Problems) -> None:
    """RX102 and RX301: a model card and files named after datasets, nothing else."""
    for entry in tree.children(folder):
        if entry.kind != "file" or entry.name == CARD_NAME:
            continue
        stem, dot, suffix = entry.name.rpartition(".")
        if dot and suffix == "json":
            if stem not in dataset_ids:
                problems.add(
                    "RX301",
                    entry.path,
                    found=f"unknown dataset {stem!r}",
                    wanted=f"one of {', '.join(f'{d}.json' for d in dataset_ids)}",
                    fix=_rename(stem, dataset_ids),
                )
        else:
            problems.add(
                "RX102",
                entry.path,
                found="a file that is not part of a submission",
                wanted="model.yaml and <dataset>.json only",
                fix="remove it; code, weights and images are linked from the model card",
            )


def _rename(stem: str, dataset_ids: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(stem[:80].lower().replace("_", "-"), dataset_ids, n=1, cutoff=0.5)
    return f"rename it to {near[0]}.json if that is meant" if near else "rename the file after its dataset"


def check_strays(tree: Tree, folders: Collection[str], problems: Problems) -> None:
    """RX102 and RX104: there is nothing but a README.md in `submissions/` or in a team's folder."""
    for entry in tree.values():
        parts = entry.path.split("/")
        loose = entry.kind != "directory" and parts[0] == "submissions" and len(parts) <= 3
        if loose and entry.path != "submissions/README.md" and entry.path not in folders:
            problems.add(
                "RX102" if entry.kind == "file" else "RX104",
                entry.path,
                found=f"a {entry.kind} outside a submission folder",
                wanted="submissions/<team>/<model>/ with model.yaml and <dataset>.json",
                fix="move it into the model's folder, or remove it",
            )


def check_present(tree: Tree, folder: str, problems: Problems) -> None:
    """RX108: a card, and at least one prediction file."""
    names = {e.name for e in tree.children(folder)}
    if CARD_NAME not in names:
        problems.add(
            "RX108",
            folder,
            found="no model.yaml",
            wanted="a model card",
            fix="write one from the template: rexrank new TEAM MODEL",
        )
    if not any(n.endswith(".json") for n in names):
        problems.add(
            "RX108",
            folder,
            found="no prediction file",
            wanted="at least one <dataset>.json",
            fix=f"write one with: rexrank convert PREDICTIONS --dataset {example_dataset()} --out {folder}",
        )


def read_bounded(entry: Entry, limit: int, problems: Problems) -> bytes | None:
    """The bytes of a file of at most `limit`, or `None` after reporting the problem (RX103, RX105)."""
    # Reading one byte more than allowed reveals a false size (or a file that has grown).
    data = entry.read(limit + 1) if entry.size <= limit else b""
    if entry.size > limit or len(data) > limit:
        problems.add(
            "RX103",
            entry.path,
            found=f"{max(entry.size, len(data)):,} bytes",
            wanted=f"at most {limit:,} bytes",
            fix="remove everything that is not a prediction; 10,000 reports take about 5 MB",
        )
        return None
    if data.startswith(LFS_START):
        problems.add(
            "RX105",
            entry.path,
            line=1,
            found="a Git LFS pointer, not the file",
            wanted="the file's own content",
            fix=f"run: git lfs untrack '{entry.name}' && git rm --cached '{entry.name}' && git add '{entry.name}'",
        )
        return None
    return data
