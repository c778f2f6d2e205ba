"""A leaderboard of the sandbox by the real pipeline, one card and its reports hostile."""

from __future__ import annotations

import pytest
from support.boards import make_leaderboard

HOSTILE = "Evil <script>alert(1)</script> **[x](javascript:alert(1))** {{ config }} `|` \"'>"
HOSTILE_REPORT = f"{HOSTILE} </script><img src=x onerror=alert(1)>. No effusion."


@pytest.fixture(scope="session")
def leaderboard(tmp_path_factory):
    return make_leaderboard(
        tmp_path_factory.mktemp("board"), ("near-copy", "template"), HOSTILE, HOSTILE_REPORT
    )
