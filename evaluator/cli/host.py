"""`rexrank host init` and `rexrank host addresses`: a repository as a challenge of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Final

from evaluator.cli.host_addresses import mend_addresses, other_addresses
from evaluator.cli.host_dataset import MeasuredDataset, measure
from evaluator.cli.output import result
from evaluator.core.files import dump_json, write_text
from evaluator.core.host_files import InvalidFile, read_host_file
from evaluator.core.problems import InputError
from evaluator.core.stopping import unbroken
from evaluator.core.typed import view
from evaluator.datasets.challenge import NAME, Challenge, read_challenge
from evaluator.datasets.references import load_references, manifest

OWNERS: Final = Path(".github/CODEOWNERS")
FORM: Final = Path(".github/ISSUE_TEMPLATE/submission.yml")
TRAINING: Final = Path("evaluator/submissions/rules/training_data.txt")
SYNTHETIC: Final = {"report-generation": ("sandbox",), "vqa": ("sandbox-vqa",)}
"""The made-up datasets by task: they are offered in every challenge."""
_CHOICE: Final = re.compile(r"(  id: dataset\n(?:  .*\n)*?    options:\n)(?:    - .*\n)+")
"""The datasets in the form of submissions."""
PRIMARY: Final = {"report-generation": "radcliq_v1", "vqa": "accuracy_macro"}
"""What ranks a task's boards until its host decides otherwise."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a new host says of the challenge; empty where it was not said."""

    name: str = ""
    repository: str = ""
    steward: str = ""
    maintainers: str = ""
    site: str = ""
    short: str = ""
    about: str = ""
    contact: str = ""
    security: str = ""


QUESTIONS: Final = {
    "name": "The challenge's name, as readers see it",
    "repository": "The repository on GitHub, OWNER/NAME",
    "steward": "Who decides, and answers for the data",
    "maintainers": "Who reviews every change, @account or @organisation/team, with spaces between",
}
"""What is asked for where nobody said it; everything else follows from it."""


@dataclass(frozen=True, slots=True)
class Data:
    """The datasets of a new challenge: their ids, where their references lie, who may read them, and their task."""

    ids: Sequence[str]
    references: Path | None
    access: str
    task: str


def run_init(root: Path, given: Identity, data: Data, profile: str) -> int:
    """0 after writing the files of a new challenge and saying what is next; nothing of a host's is overwritten.

    Raises `InputError` outside a checkout, and for everything that is missing or wrong, before anything is written.
    """
    if not (root / "evaluator/datasets").is_dir():
        raise InputError(
            f"{root} is not a checkout of the project: run it in the folder with pyproject.toml."
        )
    if profile == "small" and data.access != "public":
        raise InputError(
            "the small profile hides no references: it is for --access public. Choose --profile fortress."
        )
    identity = _asked(given, data)
    old = _present(root, identity.repository)
    measured = {d: _measured(root, d, data) for d in data.ids}
    files: dict[Path, str] = {root / f"evaluator/datasets/{d}.yaml": m.text for d, m in measured.items() if m}
    results = _challenge(identity, data, profile, files)
    files |= _owners(root, old, results[0])
    files[root / NAME] = results[1]
    files |= _manifests(root, measured, data)
    files |= _lists(root, results[0])
    with unbroken():  # some of them alone would stand in the way of the next try
        for path, text in files.items():
            write_text(path, text)
            print(f"wrote {path.relative_to(root)}")
    result({"files": [path.relative_to(root).as_posix() for path in files]})
    for d, m in measured.items():
        print(f"  {d}: {m.words if m else 'has a file already, which is left as it is'}")
    print("\n".join(_next(results[0], data)))
    return 0


def run_addresses(root: Path, *, write: bool) -> int:
    """0 when every line of the checkout leads to this challenge, 1 with the list of those that do not.

    `write`: mends them first; who owns which files is left to people.
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
        print(f"{len(left)} lines lead to another challenge. Fix them with: rexrank host addresses --write")
        return 1
    print(f"every address is one of {challenge.repository}")
    return 0


def at_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty()


def _asked(given: Identity, data: Data) -> Identity:
    """What was said, and on a terminal what was asked for; raises `InputError` that names everything missing."""
    values = {f.name: str(getattr(given, f.name)).strip() for f in fields(given)}
    missing = [q for q in QUESTIONS if not values[q]]
    if missing and at_terminal():
        for question in missing:
            values[question] = input(f"{QUESTIONS[question]}: ").strip()
        missing = [q for q in QUESTIONS if not values[q]]
    lacking = [f"--{q} ({QUESTIONS[q].lower()})" for q in missing]
    lacking += ["--dataset (an id, such as my-set)"] * (not data.ids)
    lacking += ["--references (the folder with ID.json of each dataset)"] * (data.references is None)
    if lacking:
        raise InputError(f"say also: {'; '.join(lacking)}.")
    for d in data.ids:
        if not re.fullmatch("[a-z0-9][a-z0-9-]{0,39}", d):
            raise InputError(f"--dataset {d!r}: lower-case letters, digits and hyphens, at most 40.")
    owner, _, name = values["repository"].partition("/")
    values["site"] = values["site"] or f"https://{owner.lower()}.github.io/{name}/"
    values["short"] = values["short"] or values["name"].split()[0][:20]
    values["about"] = values["about"] or f"{values['name']}: an open leaderboard, run from one repository."
    values["contact"] = values["contact"] or "issues"
    values["security"] = values["security"] or values["maintainers"]
    return Identity(**values)


def _present(root: Path, repository: str) -> Challenge | None:
    """The challenge that the checkout was forked from; raises `InputError` where `challenge.toml` is a host's own work."""
    path = root / NAME
    if not path.exists():
        return None
    try:
        old = read_challenge(path)
    except InvalidFile as error:
        raise InputError(f"{NAME} already exists and cannot be used; fix or remove it.\n{error}") from error
    if old.repository.lower() == repository.lower():
        raise InputError(f"{NAME} describes {old.repository} already; edit it, nothing was written.")
    if not _committed(root, NAME):
        raise InputError(
            f"{NAME} holds changes that git does not have; commit or undo them, nothing was written."
        )
    return old


def _committed(root: Path, name: str) -> bool:
    """Whether git holds a file as it is, so that replacing it loses nothing."""
    command = ["git", "-C", str(root), "status", "--porcelain", "--ignored", "--", name]
    process = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words and our own path
    return process.returncode == 0 and not process.stdout.strip()


def _measured(root: Path, dataset: str, data: Data) -> MeasuredDataset | None:
    """A dataset's file by its references; `None` where there is one, which is not touched."""
    if (root / f"evaluator/datasets/{dataset}.yaml").exists() or data.references is None:
        return None
    return measure(dataset, data.references, data.access, data.task)


def _challenge(said: Identity, data: Data, profile: str, files: Mapping[Path, str]) -> tuple[Challenge, str]:
    """The new challenge and the text of its file, checked as it will be read."""
    several = len(data.ids) > 1
    block = f'[[overall.blocks]]\ntitle = "All datasets"\ndatasets = {json.dumps([*data.ids])}\n'
    overall = (
        f"\n# One order over several datasets.\n[overall]\nboards = {json.dumps([*data.ids])}\n\n{block}"
    )
    values = {f.name: json.dumps(getattr(said, f.name), ensure_ascii=False) for f in fields(said)}
    values |= {k: json.dumps(getattr(said, k).split()) for k in ("maintainers", "security")}
    values |= {
        "bot": json.dumps(f"{re.sub('[^a-z0-9]+', '-', said.short.lower()).strip('-')[:36] or 'my'}-bot"),
        "profile": json.dumps(profile),
        "tasks": json.dumps([data.task]),
        "datasets": json.dumps([*data.ids]),
        "primary": f'{data.task} = "{PRIMARY[data.task]}"',
        "overall": overall if several else "",
    }
    template = resources.files("evaluator.cli").joinpath("templates", "challenge.txt").read_text("utf-8")
    text = Template(template).substitute(values)
    new = {path.stem for path in files}
    with TemporaryDirectory() as scratch:
        draft = Path(scratch) / NAME
        write_text(draft, text)
        return read_host_file(draft, _with_datasets(new), name=NAME), text


def _with_datasets(new: set[str]) -> type[Challenge]:
    """The model of a challenge whose new datasets have no file yet."""

    class Planned(Challenge):
        """A challenge whose datasets are written with it."""

        @classmethod
        def known_datasets(cls) -> tuple[str, ...]:
            """Ids of the datasets that have a file, or will have one."""
            return tuple(sorted({*super().known_datasets(), *new}))

    return Planned


def _owners(root: Path, old: Challenge | None, new: Challenge) -> dict[Path, str]:
    """CODEOWNERS with the new challenge's people for the old one's; one of a host's own is left alone."""
    path = root / OWNERS
    if not path.exists():
        return {path: f"* {' '.join(new.maintainers)}\n"}
    text = path.read_text("utf-8")
    if old is None:
        return {}
    pairs = ((old.security, new.security), (old.maintainers, new.maintainers))
    revision = text
    for before, after in pairs:
        revision = revision.replace(" ".join(before), " ".join(after))
    lines = [_once(line) for line in revision.splitlines()]
    return {path: "\n".join(lines) + "\n"} if revision != text else {}


def _once(line: str) -> str:
    """A line of CODEOWNERS that names nobody twice."""
    match = re.match(r"([^#\s]\S*\s+)(.*)$", line)
    return match[1] + " ".join(dict.fromkeys(match[2].split())) if match else line


def _lists(root: Path, new: Challenge) -> dict[Path, str]:
    """The issue form's choice of datasets, and the training sets that a model card may name, with the new datasets."""
    texts: dict[Path, str] = {}
    form = root / FORM
    if form.is_file():
        old = form.read_text("utf-8")
        ids = [*new.datasets, *(d for d in SYNTHETIC.get(new.tasks[0], ()) if d not in new.datasets)]
        lines = "".join(f"    - {d}\n" for d in ids)
        revision = _CHOICE.sub(lambda place: place[1] + lines, old, count=1)
        texts |= {form: revision} if revision != old else {}
    names = root / TRAINING
    if names.is_file():
        text = names.read_text("utf-8")
        more = [d for d in new.datasets if d not in text.split()]
        texts |= {names: text.rstrip("\n") + "\n" + "".join(f"{d}\n" for d in more)} if more else {}
    return texts


def _manifests(root: Path, measured: Mapping[str, MeasuredDataset | None], data: Data) -> dict[Path, str]:
    """The id manifests of public datasets, which ship with the repository."""
    texts = {}
    for name, measurement in measured.items():
        if measurement is not None and measurement.dataset.exposure.studies:
            path = root / f"evaluator/datasets/manifests/{name}.manifest.json"
            texts[path] = dump_json(view(manifest(load_references(measurement.dataset, data.references))))
    return texts


def _next(made: Challenge, data: Data) -> list[str]:
    """What is left to do, in order."""
    steps = [
        "read evaluator/datasets/ID.yaml of each dataset: title, licence, how_to_get and about are yours to write",
        "rexrank host addresses --write: README and issue forms lead to this repository",
        f"rexrank data check {data.references}",
    ]
    if data.access != "public":
        steps += [
            f"rexrank data manifest {data.references}: the ids that coverage is checked with, kept beside the references",
            "set REXRANK_SALT where scores are computed, a long random text that stays secret and the same: openssl rand -hex 32",
        ]
    steps += [
        f"git add -A && git commit -m 'A challenge of our own' && git push: to {made.repository}",
        "GH_TOKEN=$(gh auth token) rexrank host github: the settings on GitHub as a plan; --apply makes them",
    ]
    return ["", "Next:", *(f"  {n}. {step}" for n, step in enumerate(steps, start=1))]
