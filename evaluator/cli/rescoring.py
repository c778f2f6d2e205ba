"""`rexrank pr plan`, `fill` and `finish`: a rescoring in units, spread over any number of machines."""

from __future__ import annotations

import json

from evaluator.cli.job import read_job
from evaluator.cli.output import result
from evaluator.core.files import dump_json
from evaluator.core.typed import view
from evaluator.core.workspace import LEADERBOARD, read_workspace


def run_plan() -> int:
    """0 after printing the plan and passing its jobs on as a matrix."""
    from evaluator.github import api
    from evaluator.github.plan import plan, previews_of

    previews = previews_of(api.unfinished(api.repository(), "score.yml"))
    made = plan(LEADERBOARD, previews)
    print(dump_json(view(made)), end="")
    result(view(made))
    api.write_output("jobs", json.dumps([" ".join(map(str, units)) for units in made.jobs]))
    return 0


def run_fill() -> int:
    """0 after scoring the job's units into the store, 2 if one failed; nothing else leaves."""
    from evaluator.github import preview
    from evaluator.github.fill import fill

    units = read_job().work()
    workspace = read_workspace()
    with preview.private_log(workspace.store / "logs" / "fill.log"):
        counts = fill(workspace, units)
    print(f"scored {counts['scored']}, unknown {counts['unknown']}, failed {counts['failed']}")
    result({**counts})
    return 2 if counts["failed"] else 0


def run_finish() -> int:
    """0 after starting the publication of finished units."""
    from evaluator.github import api

    api.start(api.repository(), "publish.yml")
    print("publish.yml is started: it ranks and publishes what is done.")
    result({"started": "publish.yml"})
    return 0
