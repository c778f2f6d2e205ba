"""What no untrusted text may cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rehearsal.world import World

OWN: Final = {"error", "warning", "notice", "group", "endgroup", "stop-commands"}


def unmoved(world: World) -> None:
    """Asserts that nothing was obeyed: no foreign workflow command in a log, no file touched."""
    for run in world.executor.runs:
        for job in run.jobs.values():
            names = {c.name for c in job.commands}
            assert names <= OWN, names
            assert not list(job.workspace.rglob("pwned*"))
            outputs = [value for step in job.steps.values() for value in step["outputs"].values()]
            assert "forged" not in outputs
