"""A ranked leaderboard of the sandbox, made once."""

from __future__ import annotations

import pytest
from support.boards import make_leaderboard


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The ranked leaderboard; tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("board") / "leaderboard"
    return make_leaderboard(folder, ("near-copy", "template"), "Somewhere", "Clear lungs.")
