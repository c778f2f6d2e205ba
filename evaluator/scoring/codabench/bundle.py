"""A Codabench bundle of one board: `competition.yaml`, pages, scoring program, and references or a placeholder.

Format: https://docs.codabench.org/latest/Organizers/Benchmark_Creation/Yaml-Structure/ (fields, which are required) and
https://docs.codabench.org/latest/Organizers/Benchmark_Creation/Competition-Bundle-Structure/ (files, `metadata.yaml`).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from typing import Final

import yaml
from PIL import Image
from pydantic import JsonValue

from evaluator.core.archive import zip_bytes
from evaluator.core.files import dump_json
from evaluator.core.version import __version__
from evaluator.datasets.challenge import Policy, challenge
from evaluator.datasets.tasks.task import track_title
from evaluator.metrics.registry import get_metric
from evaluator.scoring.codabench.program import SETTINGS, Settings
from evaluator.scoring.records import Board

PROGRAM: Final = '''"""Scores a submission with the evaluator of the image."""

import sys
from pathlib import Path

from evaluator.scoring.codabench.program import main

sys.exit(main(Path(__file__).parent, Path(sys.argv[1]), Path(sys.argv[2])))
'''
PLACE: Final = """\
# References of {title}

Put `{id}.json` here, in the format of `rexrank data check`, before you upload the bundle.
"""
OVERVIEW: Final = """\
# {title}, {track}

{about}

A submission is a ZIP archive with `{id}.json` at its root: one prediction for each of the {size} {items}. `rexrank convert`
writes it, and `rexrank validate` finds every problem before you upload it.

{how_to_get}
"""
EVALUATION: Final = """\
# Evaluation

Scored by rexrank {version} under the protocol `{protocol}`. A {item} without a prediction, and one that a metric
cannot score, count as the metric's worst value.

| Metric | Better |
|---|---|
{rows}

{remark}
"""
TERMS: Final = """\
# Terms

{licence} Predictions are made from the images alone: no reference text of the test set may be read, copied or used for training.
"""


def bundle(
    board: Board,
    metrics: tuple[str, ...],
    *,
    image: str,
    start: date,
    references: bytes | None,
    policy: Policy,
) -> bytes:
    """The bundle as a ZIP archive; without `references`, a placeholder says what belongs there.

    `image`: the container image in which the scoring program runs, with this version of the evaluator and its
    weights.
    """
    dataset = board.dataset
    settings = Settings(
        dataset=dataset.id,
        track=track_title(board.track),
        metrics=metrics,
        protocol="clean",
        evaluator_version=__version__,
    )
    program = {
        "metadata.yaml": b"command: python3 /app/program/scoring.py /app/input /app/output\n",
        "scoring.py": PROGRAM.encode(),
        SETTINGS: dump_json(settings.model_dump(mode="json")).encode(),
    }
    place = PLACE.format(title=dataset.title, id=dataset.id).encode()
    data = {"README.md": place} if references is None else {f"{dataset.id}.json": references}
    files = {
        "competition.yaml": _yaml(competition(board, metrics, image=image, start=start, policy=policy)),
        "scoring_program.zip": zip_bytes(program),
        "reference_data.zip": zip_bytes(data),
        "logo.png": logo(),
        **_pages(board, metrics),
    }
    return zip_bytes(files)


def competition(
    board: Board, metrics: tuple[str, ...], *, image: str, start: date, policy: Policy
) -> dict[str, JsonValue]:
    """The value of `competition.yaml`."""
    dataset = board.dataset
    public = dataset.access == "public"
    phase: dict[str, JsonValue] = {
        "index": 0,
        "name": dataset.split,
        "description": dataset.about,
        "start": f"{start:%Y-%m-%d} 00:00:00",
        "accepts_only_result_submissions": True,
        "execution_time_limit": 86_400,
        # The program's output names study ids, which only a public dataset may show.
        "hide_output": not public,
        "tasks": [0],
    }
    if dataset.exposure.limited_runs:
        phase |= {"max_submissions_per_day": 1, "max_submissions": policy.runs_per_year}
    return {
        "version": 2,
        "title": f"{challenge().short}: {dataset.title}, {track_title(board.track)}",
        "description": dataset.about,
        "image": "logo.png",
        "terms": "terms.md",
        "docker_image": image,
        "registration_auto_approve": public,
        "make_programs_available": True,
        "pages": [
            {"title": "Overview", "file": "overview.md"},
            {"title": "Evaluation", "file": "evaluation.md"},
        ],
        "tasks": [
            {
                "index": 0,
                "name": board.name,
                "description": f"{dataset.title}, {track_title(board.track)}",
                "scoring_program": "scoring_program.zip",
                "reference_data": "reference_data.zip",
            }
        ],
        "phases": [phase],
        "leaderboards": [
            {
                "title": "Results",
                "key": "main",
                "submission_rule": "Force_Last",
                "columns": [_column(i, key) for i, key in enumerate(metrics)],
            }
        ],
    }


def _column(index: int, key: str) -> dict[str, JsonValue]:
    metric = get_metric(key)
    sorting = "desc" if metric.higher_is_better else "asc"
    return {"title": metric.title, "key": key, "index": index, "sorting": sorting, "precision": 3}


def _pages(board: Board, metrics: tuple[str, ...]) -> Mapping[str, bytes]:
    dataset = board.dataset
    task = board.task
    rows = "\n".join(
        f"| {m.title} | {'higher' if m.higher_is_better else 'lower'} |" for m in map(get_metric, metrics)
    )
    public = dataset.access == "public"
    remark = (
        ""
        if public
        else "Numbers are rounded to steps, so that no prediction can be used to learn a reference."
    )
    size = f"{dataset.size:,}" if dataset.size else "test"
    overview = OVERVIEW.format(
        title=dataset.title,
        track=track_title(board.track),
        about=dataset.about,
        id=dataset.id,
        size=size,
        items=task.items,
        how_to_get=dataset.how_to_get,
    )
    evaluation = EVALUATION.format(
        version=__version__, protocol="clean", item=task.item, rows=rows, remark=remark
    )
    texts = {
        "overview.md": overview,
        "evaluation.md": evaluation,
        "terms.md": TERMS.format(licence=dataset.licence),
    }
    return {name: text.rstrip("\n").encode() + b"\n" for name, text in texts.items()}


def _yaml(value: JsonValue) -> bytes:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)).encode()


def logo() -> bytes:
    """A plain square as PNG: Codabench requires a logo, which the organiser can change there."""
    out = io.BytesIO()
    Image.new("RGB", (256, 256), "#14405c").save(out, "PNG")
    return out.getvalue()
