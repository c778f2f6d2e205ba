"""The plan of a rescoring: which units go to which job. Made by a hosted job that has nothing but main.

Only the scorer, with the references, weights and judges, knows what is out of date; it says so in
`rescoring.json`. The plan orders and bounds that list. The machines that execute it treat it as data.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from evaluator.core.files import load_json
from evaluator.core.problems import RexrankError, first_line
from evaluator.core.typed import Typed, form
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.scoring.records import NULL_TEAM
from evaluator.scoring.units import RESCORING, Rescoring, Unit, metric_groups

MAX_JOBS: Final = 256
"""Most jobs that GitHub creates from one matrix."""
MAX_PER_JOB: Final = 16
"""Most units of one job: the rest of a longer list is planned afterwards."""


class Preview(Typed):
    """A run of `score.yml` that was requested and has not ended."""

    pull_request: Annotated[int, Field(ge=1, le=9_999_999)]
    sha: Annotated[str, form("[0-9a-f]{40}", "a full commit id")]


class Plan(Typed):
    """The scoring machines' work, in order: previews, which have their own runs, then jobs."""

    schema_: Literal["rexrank/plan/v1"] = Field(alias="schema")
    previews: tuple[Preview, ...]
    jobs: tuple[tuple[Unit, ...], ...]


def plan(leaderboard: Path, previews: Sequence[Preview] = ()) -> Plan:
    """The jobs for what main's boards are waiting for; the same list gives the same plan.

    A dataset's units are adjacent, so that its boards change one after the other, the cheapest group first.
    Units whose dataset or group this version does not know are left out. Raises `RexrankError` for a damaged
    list.
    """
    units = _waiting(leaderboard / RESCORING)
    order = [
        (dataset, group)
        for dataset in dataset_ids()
        for group in metric_groups(get_task(get_dataset(dataset).task))
    ]
    known = {u for u in units if (u.dataset, u.group) in order}
    by_place = sorted(
        known, key=lambda u: (order.index((u.dataset, u.group)), u.submission != NULL_TEAM, u.submission)
    )  # tie: none, units differ
    chosen = by_place[: MAX_JOBS * MAX_PER_JOB]
    size = max(1, -(-len(chosen) // MAX_JOBS))
    jobs = tuple(tuple(chosen[i : i + size]) for i in range(0, len(chosen), size))
    return Plan(schema="rexrank/plan/v1", previews=tuple(previews), jobs=jobs)


def _waiting(path: Path) -> tuple[Unit, ...]:
    if not os.path.lexists(path):
        return ()
    try:
        return Rescoring.model_validate(load_json(path)).units
    except (OSError, ValueError) as error:
        raise RexrankError(
            f"cannot read {path}: {first_line(error)}. Start publish.yml: it rewrites the file."
        ) from error


_TITLE: Final = re.compile(r"score PR #([1-9][0-9]{0,6}) @ ([0-9a-f]{40})")


def previews_of(titles: Sequence[str]) -> list[Preview]:
    """The previews made by runs of `score.yml` with these titles, without repeats, oldest first.

    Other titles are skipped.
    """
    matches = [m for t in reversed(titles) if (m := _TITLE.fullmatch(t))]
    return list(dict.fromkeys(Preview(pull_request=int(m[1]), sha=m[2]) for m in matches))
