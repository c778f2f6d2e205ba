"""The challenge's name, addresses and own rules, inserted into the hand-written pages and the configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from evaluator.core.problems import RexrankError
from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import dataset_ids, example_dataset, get_dataset
from evaluator.site.words import TRACK_TITLES

_PLACE: Final = re.compile(r"\{\{ ([a-z_]+) \}\}")
"""A placeholder in a hand-written page."""

_MERGE_SCORES: Final = (
    "**In this challenge a merge scores.** A maintainer reviews the predictions and merges the pull request; they are then scored "
    "against the references on `main`, and within a quarter of an hour the rows are on the leaderboard. `rexrank/score` is green as soon "
    "as the submission is valid, and there is no second comment. The rest of this section describes challenges with a scoring machine "
    "of their own."
)
"""What the page on submitting says first about scoring in a small challenge."""


def config(words: str, site_url: str) -> str:
    """The text of `mkdocs.yml`, preceded by the challenge's name and addresses."""
    settings = challenge()
    lines = {
        "site_name": settings.name,
        "site_description": settings.about,
        "site_url": site_url,
        "repo_url": settings.repository_url,
        "repo_name": settings.repository,
    }
    # JSON strings are valid YAML.
    return "".join(f"{k}: {json.dumps(v, ensure_ascii=False)}\n" for k, v in lines.items()) + words


def fill(docs: Path, *, reported: bool) -> None:
    """Inserts the challenge's own words into the hand-written pages below `docs`.

    Raises `RexrankError` for an unknown name. `reported`: whether there is a page of rows that ReXrank itself
    published.
    """
    values = {**places(), "reported": "[reported](leaderboards/reported.md)" if reported else "reported"}
    for path in docs.rglob("*.md"):
        old = path.read_text("utf-8")
        try:
            new = _PLACE.sub(lambda place: values[place[1]], old)
        except KeyError as error:
            name = error.args[0]
            raise RexrankError(
                f"{path.relative_to(docs)}: {{{{ {name} }}}} is unknown. Known: {', '.join(values)}."
            ) from error
        if new != old:
            path.write_text(new, "utf-8")


def places() -> Mapping[str, str]:
    """The value of each placeholder in a hand-written page."""
    settings = challenge()
    quota, rules = settings.quota, settings.rules
    shown = get_dataset(example_dataset())
    track = next(iter(shown.tracks))
    by_access: dict[str, list[str]] = {"withheld": [], "restricted": [], "public": []}
    for dataset in map(get_dataset, dataset_ids()):
        by_access[dataset.access].append(dataset.title)
    return {
        "name": settings.name,
        "short": settings.short,
        "about": settings.about,
        "repository": settings.repository,
        "repository_name": settings.repository.partition("/")[2],
        "repository_url": settings.repository_url,
        "site_url": settings.site,
        "contact_url": settings.contact_url,
        "steward": settings.steward,
        "bot": settings.bot,
        "scoring": _MERGE_SCORES if settings.scores_after_merge else "",
        "quota": f"{quota.runs} in {quota.window_days} days and {quota.runs_per_year} in a year",
        "example": shown.id,
        "example_board": f"{shown.id}.{track}",
        "example_label": f"{shown.title} {TRACK_TITLES.get(track, track).lower()}",
        "datasets": ", ".join(f"`{d}`" for d in dataset_ids()),
        "rules_entry": rules.entry.strip(),
        "rules_predictions": rules.predictions.strip(),
        "rules_conflicts": rules.conflicts.strip(),
        **{k: ", ".join(v) or "none here" for k, v in by_access.items()},
    }
