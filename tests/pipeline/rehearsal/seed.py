"""The rehearsal's repository: this working tree, and a private dataset with a canary in every reference."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

from evaluator.datasets.challenge import with_dataset
from evaluator.datasets.registry import ids_digest
from evaluator.datasets.sandbox import generate
from rehearsal.git import git
from rehearsal.state import REPOSITORY

CANARY: Final = "quillwort9137"
PRIVATE: Final = "private-set"
N_PRIVATE: Final = 40
ROOT: Final = Path(__file__).parents[3]
# The stand-in weights are most of the bytes and nothing here runs a model.
LEFT_OUT: Final = ("tests/", "benchmarks/", ".hypothesis/", "evaluator/datasets/sandbox/models/")

NO_FORCE: Final = """#!/bin/sh
# The ruleset of main: no force push. Other branches have none.
[ "$1" != refs/heads/main ] || git merge-base --is-ancestor "$2" "$3" || { echo "GH013: Repository rule violations found for $1" >&2; exit 1; }
"""


def bare_repository(folder: Path) -> Path:
    """An empty bare repository below `folder` that serves partial clones, as GitHub does."""
    bare = folder / f"{REPOSITORY}.git"
    bare.mkdir(parents=True)
    git(bare, "init", "-q", "--bare", "-b", "main")
    for key, value in {
        "http.receivepack": "true",
        "uploadpack.allowFilter": "true",
        "uploadpack.allowAnySHA1InWant": "true",
        "receive.fsckObjects": "true",
        "gc.auto": "0",
        "core.compression": "0",
        "pack.window": "0",
    }.items():
        git(bare, "config", key, value)
    rule = bare / "hooks/update"
    rule.write_text(NO_FORCE)
    rule.chmod(0o755)
    return bare


def commit_tree(bare: Path, tree: Path, message: str) -> str:
    """The first commit of main: all files of a folder."""
    git(tree, f"--git-dir={bare}", "--work-tree=.", "add", "-A", "-f")
    git(tree, f"--git-dir={bare}", "--work-tree=.", "commit", "-q", "-m", message)
    return git(bare, "rev-parse", "main")


def project_tree(target: Path) -> None:
    """Copies the project's current files, except those that no workflow reads."""
    process = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"],
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in process.split("\0")[:-1]:
        source = ROOT / name
        if name.startswith(LEFT_OUT) or not source.is_file():
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target / name)


def private_references() -> dict[str, dict[str, Any]]:
    """The private dataset: studies of the sandbox's generator under other ids, the canary in every section."""
    studies = json.loads((Path(generate.__file__).parent / "sandbox.json").read_text("utf-8"))
    copies = {}
    for number, study in enumerate(list(studies.values())[:N_PRIVATE]):
        fields = dict(study)
        for name in ("section_findings", "section_impression"):
            if isinstance(fields.get(name), str):
                fields[name] = f"{fields[name].rstrip()} Marked {CANARY}."
        copies[f"prv{number:04d}"] = fields
    return copies


def private_dataset(target: Path, references: Path) -> None:
    """Adds the private dataset to a copy of the project, its ids but not its texts, and writes the texts separately."""
    studies = private_references()
    ids = sorted(studies)
    registry = yaml.safe_load((target / "evaluator/datasets/sandbox.yaml").read_text("utf-8"))
    sections = {
        name: sum(isinstance(s.get(f"section_{name}"), str) for s in studies.values())
        for name in ("findings", "impression")
    }
    registry |= {
        "title": "Private dataset",
        "n_studies": len(ids),
        "ids_digest": ids_digest(ids),
        "access": "withheld",
        "synthetic": False,
        "tracks": {"findings": sections["findings"], "report": len(ids)},
        "sections": sections,
        "n_patients": None,
        "licence": "None: a rehearsal.",
        "how_to_get": "Nobody's.",
        "about": "Synthetic studies that the rehearsal treats as private.",
    }
    (target / f"evaluator/datasets/{PRIVATE}.yaml").write_text(yaml.safe_dump(registry, sort_keys=False))
    whole = target / "challenge.toml"
    text = with_dataset(whole.read_text("utf-8"), PRIVATE)
    assert text is not None
    whole.write_text(text, "utf-8")
    manifest = {
        "schema": "rexrank/manifest/v1",
        "dataset": PRIVATE,
        "ids": ids,
        "ids_digest": ids_digest(ids),
        "n": len(ids),
    }
    shelf = target / "evaluator/datasets/manifests"
    shelf.mkdir(exist_ok=True)
    (shelf / f"{PRIVATE}.manifest.json").write_text(json.dumps(manifest))
    references.mkdir(parents=True, exist_ok=True)
    (references / f"{PRIVATE}.json").write_text(json.dumps(studies))


def seed(folder: Path) -> Path:
    """A folder with the bare repository (`<owner>/<name>.git`) and the runner's `references`."""
    tree = folder / "tree"
    tree.mkdir(parents=True)
    project_tree(tree)
    private_dataset(tree, folder / "references")
    bare = bare_repository(folder)
    commit_tree(bare, tree, "The project")
    # Each job checks this out: one file with all objects is read in two thirds of the time.
    git(bare, "repack", "-a", "-d", "-q")
    shutil.rmtree(tree)
    return folder
