"""`rexrank doctor`: whether runner and repository meet the requirements of the trust boundary."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from evaluator.cli.output import result
from evaluator.core.problems import InputError
from evaluator.doctor.findings import Section, as_json, as_text, exit_status

NAME: Final = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")


def run_doctor(prefix: Path, workflows: Path | None, *, json: bool, strict: bool) -> int:
    """0 if nothing on this runner is bad, else 1; raises `RexrankError` if not run as root."""
    from evaluator.doctor.host.checks import ask_inside, check_machine, nothing_installed
    from evaluator.doctor.host.machine import open_machine

    if not prefix.is_dir():
        return _say([Section("The kit", (nothing_installed(str(prefix)),))], json=json, strict=strict)
    sections = check_machine(open_machine(prefix, workflows))
    return _say([*sections, *ask_inside(prefix)], json=json, strict=strict)


def run_inside(*, json: bool, strict: bool) -> int:
    """0 if nothing is bad from the scorer's point of view; called by `isolate.sh doctor`."""
    from evaluator.doctor.host.machine import Machine
    from evaluator.doctor.scorer.checks import check_inside

    return _say(check_inside(Machine()), json=json, strict=strict)


def run_settings(repository: str, *, json: bool, strict: bool) -> int:
    """0 if nothing in the repository's settings is bad, else 1; raises `RexrankError` without a token."""
    from evaluator.datasets.challenge import challenge
    from evaluator.doctor.repository.answers import Answers
    from evaluator.doctor.repository.settings import check_settings, check_small
    from evaluator.github.answers import asker
    from evaluator.github.workflows import Workflows, checkout, read_workflows
    from evaluator.hosting.apply import of_profile

    name, token = _repository(repository)
    root = checkout()
    flows = read_workflows(root) if root is not None else Workflows()
    settings = challenge()
    profile = settings.profile if name.lower() == settings.repository.lower() else "fortress"
    answers = Answers(asker(name, token), flows)
    sections = of_profile(check_settings(answers), profile)
    if profile == "small":
        sections.append(Section("A small challenge", tuple(check_small(answers, settings.runner))))
    return _say(sections, json=json, strict=strict)


def _repository(given: str) -> tuple[str, str]:
    name = given or os.environ.get("GITHUB_REPOSITORY", "")
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN", "")
    if not NAME.fullmatch(name):
        raise InputError("name the repository: --repository OWNER/NAME.")
    if not token:
        raise InputError(
            "a maintainer's token is required: GH_TOKEN=$(gh auth token) rexrank doctor --github …"
        )
    return name, token


def _say(sections: Sequence[Section], *, json: bool, strict: bool) -> int:
    result([{"title": s.title, "findings": [{**f.to_dict()} for f in s.findings]} for s in sections])
    sys.stdout.write(as_json(sections) if json else as_text(sections))
    return exit_status(sections, strict=strict)
