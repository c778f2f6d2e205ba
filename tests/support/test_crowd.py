"""The made-up crowd is whole at every size."""

from __future__ import annotations

from pathlib import Path

from support.crowd import make_crowd


def test_a_crowd_is_made_whichever_model_comes_last(tmp_path: Path) -> None:
    """Every ninth model lacks the judges' metrics; the baselines behind the last model have them all the same."""
    tables = make_crowd(tmp_path, ("iu-xray",), n_models=9, n_studies=30)
    assert [len(t["rows"]) for t in tables] == [9, 9]
    assert all(
        set(null["metrics"]) == {c["key"] for c in t["metrics"]} for t in tables for null in t["nulls"]
    )
