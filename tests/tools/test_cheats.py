"""The tables of simulated cheats on the site are what the command prints."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from support.needs import has_data, reason

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "site" / "integrity.md").read_text("utf-8")


@pytest.fixture(scope="module")
def cheats():
    spec = importlib.util.spec_from_file_location("cheats", ROOT / "benchmarks" / "cheats.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["cheats"] = module  # dataclasses look up their module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["cheats"]


def holds(rows):
    """Whether no honest report is held, and no copy passes."""
    for kind, what, _, outcome in rows:
        copied = "reference" in what or "copied" in what or "appended" in what
        assert outcome.startswith("held") == (kind == "cheat" and (copied or "three times" in what)), what


def test_the_table_of_the_sandbox(cheats):
    rows = cheats.rows(*cheats.sandbox())
    holds(rows)
    assert cheats.table(rows) in PAGE


@pytest.mark.slow
@pytest.mark.skipif(not has_data(), reason=reason("data"))
def test_the_table_of_iu_xray(cheats):
    rows = cheats.rows(*cheats.iu_xray(Path(os.environ["REXRANK_SHARED"]) / "data" / "iu_xray"))
    holds(rows)
    assert cheats.table(rows) in PAGE
