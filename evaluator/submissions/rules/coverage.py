"""Whether exactly the dataset's studies are present (RX302–RX305)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from functools import partial
from typing import Final

from evaluator.core.problems import Problems, Severity, pointer
from evaluator.datasets.registry import Dataset
from evaluator.datasets.tasks.task import Task, get_task
from evaluator.submissions.parsing import line_of

SHOWN: Final = 5
"""Ids listed of each kind; the rest are counted."""
MAX_SLIPS: Final = 20
"""Unknown ids that are compared with all missing ones to find typos."""


def loose(study: str) -> str:
    """An id without case, spaces, punctuation, file endings and leading zeros.

    >>> loose(" CXR_0042.png") == loose("cxr-42")
    True
    """
    bare = re.sub(r"\.(png|jpe?g|dcm|txt|json)$", "", study.strip().lower())
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[^a-z0-9]+", "-", bare))


def near_misses(unknown: Collection[str], missing: Collection[str]) -> dict[str, str]:
    """Unknown ids that most likely mean a missing one, with that one."""
    by_loose = {loose(m): m for m in missing}
    matches = {u: by_loose[loose(u)] for u in sorted(unknown) if loose(u) in by_loose}
    rest = [u for u in sorted(unknown) if u not in matches]
    for study in rest[:MAX_SLIPS]:
        if len(study) <= 100 and (near := difflib.get_close_matches(study, missing, n=1, cutoff=0.9)):
            matches[study] = near[0]
    return matches


def check_coverage(
    file: str,
    ids: Iterable[str],
    wanted: Collection[str] | None,
    dataset: Dataset,
    problems: Problems,
    *,
    text: str = "",
) -> None:
    """RX302–RX304 against the manifest's ids, or RX305 if there is none.

    `text` is the file's text, for line numbers. Unless the dataset is public, its ids that the submission
    lacks are counted and never shown: validation reports are public.
    """
    present, show_ids, task = set(ids), dataset.exposure.studies, get_task(dataset.task)
    if wanted is None:
        _without_manifest(file, len(present), dataset, problems)
        return
    missing, unknown = sorted(set(wanted) - present), sorted(present - set(wanted))
    near = near_misses(unknown, missing)
    for study in list(near)[:SHOWN]:
        problems.add(
            "RX304",
            file,
            pointer=pointer(study),
            line=partial(line_of, text, study),
            found=f"the id {study!r} is unknown, and {repr(near[study]) if show_ids else 'one much like it'} "
            f"is missing ({len(near)} such ids)",
            wanted=f"{near[study]!r}" if show_ids else "the dataset's spelling",
            fix="write the ids exactly as in the dataset",
        )
    strangers = [u for u in unknown if u not in near]
    if strangers:
        problems.add(
            "RX303",
            file,
            pointer=pointer(strangers[0]),
            line=partial(line_of, text, strangers[0]),
            found=f"{len(strangers)} {_are(len(strangers), task)} not in the dataset: {_first(strangers)}",
            wanted=f"exactly the {len(wanted)} {task.items} of the dataset",
            fix="remove them; check that the predictions are for the right split",
        )
    meant = set(near.values())
    lost = [m for m in missing if m not in meant]
    if lost:
        problems.add(
            "RX302",
            file,
            severity=_severity(task),
            found=f"{len(lost)} of {len(wanted)} {task.items} are missing"
            + (f": {_first(lost)}" if show_ids else " (the ids of this dataset are not public)"),
            wanted=_every(task),
            fix=f"add them, with {task.empty} where the model produced nothing",
        )


def _without_manifest(file: str, n_given: int, dataset: Dataset, problems: Problems) -> None:
    task = get_task(dataset.task)
    size = dataset.size
    if size is not None and n_given != size:
        more = n_given > size
        problems.add(
            "RX302",
            file,
            severity=Severity.ERROR if more else _severity(task),
            found=f"{n_given} {task.items}",
            wanted=f"the {size} {task.items} of the dataset",
            fix="remove those from other datasets"
            if more
            else f"give every {task.item}, with {task.empty} where the model produced nothing",
        )
        return
    problems.add(
        "RX305",
        file,
        severity=Severity.WARNING,
        found="the ids of this dataset are not public, so only their number was checked",
        wanted="the ids of the dataset",
        fix="nothing to do: the ids are checked before scoring. If you have the data, give --references DIR; its host "
        "writes the ids with: rexrank data manifest DIR",
    )


def _severity(task: Task) -> Severity:
    """How bad a missing item is: a warning where leaving it out counts as unanswered and gains nothing."""
    return Severity.ERROR if task.complete else Severity.WARNING


def _every(task: Task) -> str:
    if task.complete:
        return f"every {task.item}; one left out counts as the worst score, so none may be"
    return f"every {task.item}; one left out counts as wrong"


def _are(n: int, task: Task) -> str:
    return f"{task.item} is" if n == 1 else f"{task.items} are"


def _first(ids: list[str]) -> str:
    return ", ".join(ids[:SHOWN]) + (", …" if len(ids) > SHOWN else "")
