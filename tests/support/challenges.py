"""Another challenge than the repository's own, for one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from evaluator.core.typed import view
from evaluator.datasets import challenge as module
from evaluator.datasets.challenge import Challenge, challenge


def changed(**changes: Any) -> Challenge:
    """The challenge in force with other fields."""
    return Challenge.model_validate({**view(challenge()), **changes})


def use(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Challenge:
    """The challenge in force with other fields, in force until the test ends."""
    challenge = changed(**changes)
    monkeypatch.setattr(module, "_loaded", lambda: challenge)
    return challenge


def use_sandbox(monkeypatch: pytest.MonkeyPatch) -> Challenge:
    """The challenge in force with an overall rank over the sandbox alone."""
    block = {"title": "Made up", "datasets": ["sandbox"]}
    return use(
        monkeypatch,
        datasets=[*challenge().datasets, *({"sandbox"} - {*challenge().datasets})],
        overall={"boards": ["sandbox"], "blocks": [block]},
    )


@contextmanager
def sandbox_counts() -> Iterator[None]:
    """As `use_sandbox`, for what outlives a test."""
    with pytest.MonkeyPatch.context() as now:
        use_sandbox(now)
        yield
