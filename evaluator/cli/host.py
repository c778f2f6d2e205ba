"""`rexrank host init` and `rexrank host addresses`: turn a repository into its own challenge."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluator.cli.host_addresses import mend_addresses, other_addresses
from evaluator.cli.host_dataset import MeasuredDataset, measure
from evaluator.cli.host_identity import WORDS, Data, Identity, asked, check_ids, new_challenge, read_draft
from evaluator.cli.output import result
from evaluator.core.counts import count_text
from evaluator.core.files import dump_json, write_text
from evaluator.core.host_files import InvalidFile
from evaluator.core.problems import InputError
from evaluator.core.stopping import unbroken
from evaluator.core.typed import view
from evaluator.datasets.challenge import NAME, Challenge, listed_datasets, read_challenge, with_dataset
from evaluator.datasets.references import load_references, manifest
from evaluator.hosting.names import FORM, OWNERS, TRAINING, choices, owners, training_names

REGISTER: Final = "register the machine that scores, with the labels"
SYNTHETIC: Final = {"report-generation": ("sandbox",), "vqa": ("sandbox-vqa",)}
"""The synthetic datasets by task, which every challenge offers."""


@dataclass(frozen=True, slots=True)
class Start:
    """The starting point: the checkout's challenge with the text of its file, and whether it is already the host's."""

    challenge: Challenge | None
    text: str
    own: bool


def run_init(root: Path, given: Identity, data: Data, profile: str) -> int:
    """0 after writing the files of a new challenge, or those still missing for its `challenge.toml`; prints next steps.

    None of a host's own files are overwritten. Raises `InputError` outside a checkout, and for everything
    that is missing or wrong, before anything is written.
    """
    if not (root / "evaluator/datasets").is_dir():
        raise InputError(
            f"{root} is not a checkout of the project: run it in the folder with pyproject.toml."
        )
    start = _start(root, given, data)
    if start.own and start.challenge is not None:
        return _complete(root, start.challenge, start.text, given, data)
    profile = profile or ("small" if data.access == "public" else "fortress")
    _fits(profile, data)
    if given.runner and profile != "small":
        raise InputError(
            "--runner names the machine of a small challenge; a fortress has a runner of its own."
        )
    identity = asked(given, data)
    if start.challenge is not None and start.challenge.repository.lower() == identity.repository.lower():
        return _complete(root, start.challenge, start.text, identity, data)
    if start.text and (changes := _changes(root, NAME)) != "":
        why = (
            "holds changes that git does not have; commit or undo them"
            if changes
            else "is not in a git checkout"
        )
        raise InputError(f"{NAME} {why}, nothing was written.")
    measured = {d: _measured(root, d, data) for d in data.ids}
    challenge, text = new_challenge(identity, data, profile)
    return _write(root, challenge, {root / NAME: text}, start.challenge, measured, data)


def _start(root: Path, given: Identity, data: Data) -> Start:
    """The starting point from the checkout's `challenge.toml`; raises `InputError` if it cannot be used.

    It is the host's own if the host says so, if it differs from git and no other repository is named, or if
    it lists a dataset without a file, as no published one does.
    """
    path = root / NAME
    if not path.exists():
        return Start(None, "", own=False)
    try:
        text = path.read_text("utf-8")
        listed = listed_datasets(text)
        challenge = read_draft(text, (*listed, *data.ids))
    except (InvalidFile, UnicodeDecodeError) as error:
        raise InputError(f"{NAME} already exists and cannot be used; fix or remove it.\n{error}") from error
    missing = [d for d in listed if not (root / f"evaluator/datasets/{d}.yaml").exists()]
    said = given.repository.strip().lower()
    own = bool(missing) or _changes(root, NAME) == NAME
    return Start(challenge, text, own=said == challenge.repository.lower() if said else own)


def _complete(root: Path, challenge: Challenge, text: str, given: Identity, data: Data) -> int:
    """0 after writing the files that a host's own `challenge.toml` requires and the checkout lacks."""
    values = {k: str(getattr(given, k)).strip() for k in WORDS} | {"runner": " ".join(given.runner)}
    own = {k: getattr(challenge, k) for k in values}
    own |= {k: " ".join(own[k]) for k in ("maintainers", "security", "runner")}
    wrong = [f"--{k} is {v!r}, {NAME} says {own[k]!r}" for k, v in values.items() if v and v != own[k]]
    if wrong:
        raise InputError(
            f"{NAME} describes {challenge.repository} already; edit it there: {'; '.join(wrong)}."
        )
    check_ids(data.ids)
    ids = tuple(dict.fromkeys((*challenge.datasets, *data.ids)))
    missing = [d for d in ids if not (root / f"evaluator/datasets/{d}.yaml").exists()]
    if missing and data.references is None:
        raise InputError(
            f"say also: --references (the folder with {', '.join(f'{d}.json' for d in missing)})."
        )
    if missing:
        _fits(challenge.profile, data)
    if data.task not in challenge.tasks and missing:
        raise InputError(f"{NAME} lists no task {data.task}: add it to tasks, with a metric under [primary].")
    measured = {d: _measured(root, d, data) for d in missing}
    longer = text
    for d in data.ids:
        if d not in challenge.datasets:
            longer = with_dataset(longer, d) or ""
            if not longer:
                raise InputError(f"put {d} into datasets of {NAME} first: its list is not in the plain form.")
    files = {root / NAME: longer} if longer != text else {}
    return _write(root, read_draft(longer, ids), files, challenge, measured, data)


def _fits(profile: str, data: Data) -> None:
    if profile == "small" and data.access != "public":
        raise InputError(
            "the small profile does not hide references: it is only for --access public. Choose --profile fortress."
        )


def _write(
    root: Path,
    challenge: Challenge,
    files: Mapping[Path, str],
    old: Challenge | None,
    measured: Mapping[str, MeasuredDataset | None],
    data: Data,
) -> int:
    """0 after writing the files and those derived from the challenge, and printing the next steps."""
    texts = {root / f"evaluator/datasets/{d}.yaml": m.text for d, m in measured.items() if m}
    texts |= {**files, **_manifests(root, measured, data), **_following(root, challenge, old, measured)}
    with unbroken():  # only some of them would block the next try
        for path, text in texts.items():
            write_text(path, text)
            print(f"wrote {path.relative_to(root)}")
    if not texts:
        print(
            f"nothing to write: {NAME} describes {challenge.repository} already, and nothing it names is missing"
        )
    result({"files": [path.relative_to(root).as_posix() for path in texts]})
    for d, m in measured.items():
        print(f"  {d}: {m.words if m else 'already has a file, which is kept'}")
    print("\n".join(_next(challenge, data, new=bool(measured))))
    return 0


def _following(
    root: Path, new: Challenge, old: Challenge | None, measured: Mapping[str, MeasuredDataset | None]
) -> dict[Path, str]:
    """CODEOWNERS, the form's choice of datasets, and the training sets a card may name, if they change."""
    path = root / OWNERS
    if not path.exists():
        texts = {path: f"* {' '.join(new.maintainers)}\n"}
    else:
        gone = {*old.maintainers, *old.security} if old is not None else set()
        texts = {path: owners(path.read_text("utf-8"), new, gone)}
    known = {d: m.dataset for d, m in measured.items() if m}
    synthetic = (d for task in new.tasks for d in SYNTHETIC.get(task, ()) if d not in new.datasets)
    form, training = root / FORM, root / TRAINING
    if form.is_file():
        texts[form] = choices(form.read_text("utf-8"), [*new.datasets, *synthetic])
    if training.is_file():
        names = (n for d in known.values() for n in d.training_names)
        texts[training] = training_names(training.read_text("utf-8"), names)
    return {p: text for p, text in texts.items() if not p.exists() or text != p.read_text("utf-8")}


def run_addresses(root: Path, *, write: bool) -> int:
    """0 if every line of the checkout points to this challenge, 1 with a list of those that do not.

    `write`: fixes them first.
    """
    challenge = read_challenge(root / NAME)
    if write:
        for a in mend_addresses(root, challenge):
            print(f"fixed {a.file}:{a.line}: {a.found} is now {a.wanted}")
    left = [*other_addresses(root, challenge)]
    result([{"file": a.file, "line": a.line, "found": a.found, "wanted": a.wanted} for a in left])
    for a in left:
        print(f"{a.file}:{a.line}: {a.found}; wanted: {a.wanted}")
    if left:
        print(
            f"{count_text(len(left), 'line leads', 'lines lead')} to another challenge, or name it. Fix them with: rexrank host addresses --write"
        )
        return 1
    print(f"every address points to {challenge.repository}")
    return 0


def _changes(root: Path, name: str) -> str | None:
    """The file's name if it differs from git, "" if replacing it loses nothing, `None` without git."""
    command = ["git", "-C", str(root), "status", "--porcelain", "--ignored", "--", name]
    process = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words and our own path
    if process.returncode:
        return None
    return name if process.stdout.strip() else ""


def _measured(root: Path, dataset: str, data: Data) -> MeasuredDataset | None:
    """A dataset's file from its references; `None` if one exists, which is left unchanged."""
    if (root / f"evaluator/datasets/{dataset}.yaml").exists() or data.references is None:
        return None
    return measure(dataset, data.references, data.access, data.task)


def _manifests(root: Path, measured: Mapping[str, MeasuredDataset | None], data: Data) -> dict[Path, str]:
    """The id manifests of public datasets, which ship with the repository."""
    texts = {}
    for name, measurement in measured.items():
        if measurement is not None and measurement.dataset.exposure.studies:
            path = root / f"evaluator/datasets/manifests/{name}.manifest.json"
            texts[path] = dump_json(view(manifest(load_references(measurement.dataset, data.references))))
    return texts


def _next(made: Challenge, data: Data, *, new: bool) -> list[str]:
    """The remaining steps, in order; `new`: datasets were measured."""
    steps = ["rexrank host addresses --write: README, citation and issue forms are those of this repository"]
    if new:
        about = "title, licence, how_to_get and about are yours to write"
        steps.insert(0, f"read evaluator/datasets/ID.yaml of each dataset: {about}")
        steps.append(f"rexrank data check {data.references}")
    if new and data.access != "public":
        steps += [
            f"rexrank data manifest {data.references}: writes the ids for coverage checks, kept next to the references",
            "set REXRANK_SALT where scores are computed, a long random text that stays secret and the same: openssl rand -hex 32",
        ]
    if made.runner:
        steps.append(f"{REGISTER} {', '.join(made.runner)}: site/maintainers/small.md says how")
    steps += [
        f"git add -A && git commit -m 'A challenge of our own' && git push: to {made.repository}",
        "GH_TOKEN=$(gh auth token) rexrank host github: plan the settings on GitHub; --apply sets them",
    ]
    return ["", "Next:", *(f"  {n}. {step}" for n, step in enumerate(steps, start=1))]
