"""What the challenge is and where it lives: `challenge.toml` at the top of the repository, in typed form.

Everything that names the challenge, its addresses, tasks, datasets or limits reads them here. A checkout
reads its own file, an installed package the one it was built with.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, GetPydanticSchema, StringConstraints, model_validator
from pydantic_core import core_schema

from evaluator.core.host_files import Openable, read_host_file
from evaluator.core.typed import Line, Typed, Wrong, absent, disagreement, form, line

NAME: Final = "challenge.toml"
ISSUES: Final = "issues"
"""The value of `contact` that stands for the repository's issues."""
_DATASETS: Final = re.compile(r'^datasets = \[(?:\s*"[a-z0-9-]*"\s*,?)*\s*\]', re.MULTILINE)
_NO_TASK: Final = frozenset({"__init__", "task"})
"""Modules in the folder of tasks that do not declare one."""


@cache
def task_files() -> tuple[str, ...]:
    """Ids of all tasks with a file in the package: report generation first, the others by name."""
    names = (p.name for p in resources.files("evaluator.datasets.tasks").iterdir())
    modules = {n.removesuffix(".py") for n in names if n.endswith(".py")} - _NO_TASK
    ids = (m.replace("_", "-") for m in modules)
    return tuple(sorted(ids, key=lambda i: (i != "report-generation", i)))  # tie: none, ids differ


Slug = Annotated[str, form("[a-z0-9][a-z0-9-]{0,39}", "lower-case letters, digits and hyphens, at most 40")]
Slugs = Annotated[tuple[Slug, ...], Field(strict=False)]
TaskName = Annotated[str, GetPydanticSchema(lambda _, __: core_schema.literal_schema(list(task_files())))]
"""The id of a task."""
Repository = Annotated[
    str, form(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", "OWNER/NAME on GitHub")
]
_HOST: Final = r"https://[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z]{2,}"
SiteAddress = Annotated[
    str,
    form(
        rf"{_HOST}/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*/)*",
        "an https address that ends with a slash",
        longest=200,
    ),
]
Contact = Annotated[
    str,
    form(
        rf"issues|{_HOST}(?:/[A-Za-z0-9._~/-]*)?|[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
        "issues, an https address, or an e-mail address",
        longest=200,
    ),
]
Handle = Annotated[
    str,
    form(
        r"@[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}(?:/[A-Za-z0-9][A-Za-z0-9_-]{0,99})?",
        "@account or @organisation/team on GitHub",
    ),
]
Label = Annotated[
    str,
    form(
        r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?", "a label of a runner, such as self-hosted or gpu"
    ),
]
HubOwner = Annotated[
    str, form(r"[A-Za-z0-9](?:[._-]?[A-Za-z0-9]){0,41}", "an account of the Hugging Face Hub")
]
_PLAIN: Final = r"\x00-\x1f\x7f\u2028\u2029<>&"


def _plain_line(longest: int) -> StringConstraints:
    words = "text on one line, not blank, without <, > and &: themes print a site's name as it is"
    return form(rf"[^\s{_PLAIN}](?:[^{_PLAIN}]*[^\s{_PLAIN}])?", words, longest=longest)


Handles = Annotated[tuple[Handle, ...], Field(strict=False, min_length=1)]
Text = Annotated[
    str,
    form(
        r"\s*[^\s\x00-\x1f\x7f\u2028\u2029](?:[^\x00-\x09\x0b-\x1f\x7f\u2028\u2029])*",
        "text that is not blank",
        longest=4_000,
    ),
]
"""Markdown of one or more lines, not blank."""


class Policy(Typed):
    """How often a team may be scored on a withheld dataset; the usual limits by default."""

    runs: Annotated[int, Field(ge=1, le=1_000, description="Runs of a team on a dataset in a window.")] = 1
    window_days: Annotated[int, Field(ge=1, le=3_650, description="Days of the window.")] = 30
    runs_per_year: Annotated[
        int, Field(ge=1, le=10_000, description="Runs of a team on a dataset in 365 days.")
    ] = 6

    @property
    def window(self) -> timedelta:
        """The time in which `runs` are allowed."""
        return timedelta(days=self.window_days)


class Block(Typed):
    """Datasets of similar populations, whose columns are shown together."""

    title: Line = Field(description="What their studies have in common, as a column head.")
    datasets: Annotated[Slugs, Field(min_length=1, description="Ids of datasets.")]


class OverallSetting(Typed):
    """Which boards the overall rank covers; none by default."""

    boards: Annotated[
        Slugs, Field(description="Datasets that count; a model is complete that is ranked on all of them.")
    ] = ()
    blocks: Annotated[
        tuple[Block, ...],
        Field(strict=False, description="Datasets of similar populations, in the order of the columns."),
    ] = ()

    @property
    def ordered(self) -> tuple[str, ...]:
        """The datasets that count, in block order."""
        return tuple(d for b in self.blocks for d in b.datasets if d in self.boards)


class Rules(Typed):
    """A challenge's own decisions, as Markdown for the page of rules."""

    entry: Text = Field(description="Who may enter.")
    predictions: Text = Field(description="Terms for the use of submitted predictions.")
    conflicts: Text = Field(description="How the maintainers' own models are treated.")


class Challenge(Typed):
    """What a challenge is, where it lives and what it decides for itself: `challenge.toml`."""

    name: Annotated[str, _plain_line(60)] = Field(description="The challenge's name.")
    short: Annotated[str, _plain_line(20)] = Field(
        description="The name where it must be a word: badges, citations."
    )
    about: Annotated[str, _plain_line(200)] = Field(description="What it is, in a sentence.")
    repository: Repository = Field(description="OWNER/NAME on GitHub, which takes the submissions.")
    site: SiteAddress = Field(description="Where the site is published.")
    contact: Contact = Field(
        description="Who answers questions: issues, an https address or an e-mail address."
    )
    steward: Annotated[str, line(120)] = Field(description="Who decides, and answers for the data.")
    maintainers: Handles = Field(description="Who reviews every change, as CODEOWNERS names them.")
    security: Handles = Field(description="Who reviews what touches the trust boundary as well.")
    bot: Slug = Field(description="The name that the leaderboard is committed under.")
    hub: HubOwner | None = absent(
        "Hub",
        "Owner of the benchmarks of public boards on the Hugging Face Hub; absent where there are none.",
    )
    profile: Literal["small", "fortress"] = Field(
        default="fortress",
        description="small: public datasets, a hosted runner or one trusted machine, no App; fortress: an isolated "
        "scoring runner, an App that publishes, rules for main.",
    )
    runner: Annotated[tuple[Label, ...], Field(strict=False, max_length=8)] = Field(
        default=(),
        description="In the small profile the labels of the one trusted machine that scores; GitHub's own where none are named.",
    )
    tasks: Annotated[tuple[TaskName, ...], Field(strict=False, min_length=1)] = Field(
        description="What models may be entered for, in order."
    )
    datasets: Annotated[Slugs, Field(min_length=1)] = Field(description="Ids of its datasets, in order.")
    primary: Mapping[TaskName, Line] = Field(description="By task the metric that ranks its boards.")
    overall: OverallSetting = Field(
        default=OverallSetting(), description="Which boards the overall rank covers."
    )
    quota: Policy = Field(default=Policy(), description="How often a team is scored on a withheld dataset.")
    rules: Rules = Field(description="What the challenge decides for itself.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        wrongs = [*_repeated("tasks", self.tasks), *_repeated("datasets", self.datasets)]
        there = self.known_datasets()
        wrongs += [
            (("datasets", i), f"there is no definition of the dataset {d!r}", f"one of {', '.join(there)}",
             f"write its file with: rexrank host init --dataset {d} --references DIR; or {_near(d, there, 'remove it')}")
            for i, d in enumerate(self.datasets) if d not in there
        ]  # fmt: skip
        wrongs += _misplaced(self.overall, self.datasets)
        if self.runner and self.profile != "small":
            fix = 'remove it, or write profile = "small"'
            wrongs.append(
                (
                    ("runner",),
                    f"labels with profile {self.profile}",
                    "none: its runner has labels of its own",
                    fix,
                )
            )
        for task in self.tasks:
            if task not in self.primary:
                fix = f"add {task} under [primary]"
                wrongs.append((("primary",), f"nothing ranks {task}", "a metric for each of the tasks", fix))
        if wrongs:
            raise disagreement(wrongs)
        return self

    @classmethod
    def known_datasets(cls) -> tuple[str, ...]:
        """Ids of the datasets that have a file."""
        return dataset_files()

    @property
    def repository_url(self) -> str:
        """The repository's address on GitHub, without a slash at its end."""
        return f"https://github.com/{self.repository}"

    @property
    def scores_after_merge(self) -> bool:
        """Whether submissions are scored only after they are merged: a small challenge."""
        return self.profile == "small"

    @property
    def contact_url(self) -> str:
        """The address for questions: https, or `mailto:` with an e-mail address."""
        if self.contact == ISSUES:
            return f"{self.repository_url}/issues"
        return self.contact if self.contact.startswith("https:") else f"mailto:{self.contact}"


def _repeated(field: str, names: Sequence[str]) -> Iterator[Wrong]:
    for i, name in enumerate(names):
        if names.index(name) < i:
            yield (field, i), f"{name!r} a second time", "each once", "remove it"


def _misplaced(overall: OverallSetting, datasets: Sequence[str]) -> Iterator[Wrong]:
    """The problems of the boards of the overall rank and their blocks."""
    blocks = [d for b in overall.blocks for d in b.datasets]
    places: list[tuple[tuple[str | int, ...], str]] = [
        (("boards", i), name) for i, name in enumerate(overall.boards)
    ]
    for k, block in enumerate(overall.blocks):
        places += [(("blocks", k, "datasets", i), name) for i, name in enumerate(block.datasets)]
    for path, name in places:
        if name not in datasets:
            fix = f"add it to datasets, or {_near(name, datasets, 'remove it')}"
            yield ("overall", *path), f"no dataset {name!r}", f"one of {', '.join(datasets)}", fix
    for i, name in enumerate(overall.boards):
        if overall.boards.index(name) < i:
            yield ("overall", "boards", i), f"{name!r} a second time", "every dataset once", "remove it"
        elif name in datasets and blocks.count(name) != 1:
            found = f"{name!r} stands in {blocks.count(name)} blocks"
            yield ("overall", "boards", i), found, "each board in one block", "put it into one of blocks"


def _near(name: str, known: Sequence[str], otherwise: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else otherwise


@cache
def dataset_files() -> tuple[str, ...]:
    """Ids of all datasets with a file in the package, by name."""
    files = resources.files("evaluator.datasets").iterdir()
    return tuple(sorted(p.name.removesuffix(".yaml") for p in files if p.name.endswith(".yaml")))


def challenge_file() -> Openable:
    """The description of the challenge in force: inside an installed package, else next to it in its checkout."""
    inside = resources.files("evaluator.datasets") / NAME
    return inside if inside.is_file() else Path(__file__).parents[2] / NAME


def read_challenge(path: Openable) -> Challenge:
    """The challenge that a file describes. Raises `InvalidFile` with every problem of it."""
    return read_host_file(path, Challenge, name=NAME)


def listed_datasets(text: str) -> tuple[str, ...]:
    """The ids under `datasets` in the text of a `challenge.toml`, with or without files; none if it is invalid."""
    try:
        datasets = tomllib.loads(text).get("datasets", ())
    except tomllib.TOMLDecodeError:
        return ()
    return tuple(d for d in datasets if isinstance(d, str)) if isinstance(datasets, list) else ()


def with_dataset(text: str, dataset: str) -> str | None:
    """The text of a `challenge.toml` with one more dataset; `None` if its list is not in the plain form."""
    match = _DATASETS.search(text)
    if match is None:
        return None
    names = [*tomllib.loads(match[0])["datasets"], dataset]
    return f"{text[: match.start()]}datasets = {json.dumps(names)}{text[match.end() :]}"


@cache
def _loaded() -> Challenge:
    return read_challenge(challenge_file())


def challenge() -> Challenge:
    """The challenge in force, read once. Raises `InvalidFile` with every problem of its file."""
    return _loaded()
