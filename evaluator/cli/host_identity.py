"""What a new host says about the challenge, and the text of its `challenge.toml`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Final

from evaluator.core.files import write_text
from evaluator.core.host_files import read_host_file
from evaluator.core.problems import InputError
from evaluator.datasets.challenge import NAME, Challenge
from evaluator.datasets.tasks.task import get_task


@dataclass(frozen=True, slots=True)
class Identity:
    """What a new host says about the challenge; empty for what was not given."""

    name: str = ""
    repository: str = ""
    steward: str = ""
    maintainers: str = ""
    site: str = ""
    short: str = ""
    about: str = ""
    contact: str = ""
    security: str = ""
    runner: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """The datasets of a new challenge: their ids, the folder of their references, who may read them, and their task."""

    ids: Sequence[str]
    references: Path | None
    access: str
    task: str


WORDS: Final = tuple(f.name for f in fields(Identity) if f.name != "runner")
"""The text fields of an identity."""
RUNNER: Final = (
    "# Labels of the one trusted machine that scores; without this line GitHub's own do.\nrunner = {}\n"
)
QUESTIONS: Final = {
    "name": "The challenge's name, as shown to readers",
    "repository": "The repository on GitHub, OWNER/NAME",
    "steward": "Who decides and is responsible for the data",
    "maintainers": "Who reviews every change: @account or @organisation/team, separated by spaces",
}
"""What to ask for if it was not given; everything else follows from it."""


def at_terminal() -> bool:
    """Whether there is a user at a terminal who can be asked."""
    return sys.stdin.isatty()


def asked(given: Identity, data: Data) -> Identity:
    """The given answers and, on a terminal, those asked for; raises `InputError` that names everything missing."""
    values = {k: str(getattr(given, k)).strip() for k in WORDS}
    missing = [q for q in QUESTIONS if not values[q]]
    if missing and at_terminal():
        for question in missing:
            values[question] = input(f"{QUESTIONS[question]}: ").strip()
        missing = [q for q in QUESTIONS if not values[q]]
    lacking = [f"--{q} ({QUESTIONS[q].lower()})" for q in missing]
    lacking += ["--dataset (an id, such as my-set)"] * (not data.ids)
    lacking += ["--references (the folder with ID.json of each dataset)"] * (data.references is None)
    if lacking:
        raise InputError(f"also needed: {'; '.join(lacking)}.")
    check_ids(data.ids)
    owner, _, name = values["repository"].partition("/")
    values["site"] = values["site"] or f"https://{owner.lower()}.github.io/{name}/"
    values["short"] = values["short"] or values["name"].split()[0][:20]
    values["about"] = values["about"] or f"{values['name']}: an open leaderboard, run from one repository."
    values["contact"] = values["contact"] or "issues"
    values["security"] = values["security"] or values["maintainers"]
    return Identity(**values, runner=given.runner)


def check_ids(ids: Sequence[str]) -> None:
    """Nothing; raises `InputError` for an invalid dataset id, and for one given twice."""
    for d in ids:
        if not re.fullmatch("[a-z0-9][a-z0-9-]{0,39}", d):
            raise InputError(f"--dataset {d!r}: lower-case letters, digits and hyphens, at most 40.")
        if ids.count(d) > 1:
            raise InputError(f"--dataset {d} appears twice.")


def new_challenge(said: Identity, data: Data, profile: str) -> tuple[Challenge, str]:
    """The new challenge and the text of its file, which is checked by reading it."""
    task, several = get_task(data.task), len(data.ids) > 1
    primary = task.ranks_by or next(iter((*task.metrics, *task.stand_by)), "")
    block = f'[[overall.blocks]]\ntitle = "All datasets"\ndatasets = {json.dumps([*data.ids])}\n'
    overall = (
        f"\n# One order over several datasets.\n[overall]\nboards = {json.dumps([*data.ids])}\n\n{block}"
    )
    values = {k: json.dumps(getattr(said, k), ensure_ascii=False) for k in WORDS}
    values |= {k: json.dumps(getattr(said, k).split()) for k in ("maintainers", "security")}
    values |= {
        "bot": json.dumps(f"{re.sub('[^a-z0-9]+', '-', said.short.lower()).strip('-')[:36] or 'my'}-bot"),
        "profile": json.dumps(profile),
        "runner": RUNNER.format(json.dumps([*said.runner])) if said.runner else "",
        "tasks": json.dumps([data.task]),
        "datasets": json.dumps([*data.ids]),
        "primary": f'{data.task} = "{primary}"',
        "overall": overall if several else "",
    }
    template = resources.files("evaluator.cli").joinpath("templates", "challenge.txt").read_text("utf-8")
    text = Template(template).substitute(values)
    return read_draft(text, data.ids), text


def read_draft(text: str, new: Collection[str]) -> Challenge:
    """The challenge in the text of a `challenge.toml`, with datasets that have no file yet.

    Raises `InvalidFile` with every problem of it.
    """
    with TemporaryDirectory() as scratch:
        draft = Path(scratch) / NAME
        write_text(draft, text)
        return read_host_file(draft, _with_datasets(new), name=NAME)


def _with_datasets(new: Collection[str]) -> type[Challenge]:
    """The model of a challenge whose new datasets have no file yet."""

    class Planned(Challenge):
        """A challenge whose datasets are written with it."""

        @classmethod
        def known_datasets(cls) -> tuple[str, ...]:
            """Ids of the datasets that have a file, or will have one."""
            return tuple(sorted({*super().known_datasets(), *new}))

    return Planned
