"""Records for tests: complete ones from the few fields that a test is about."""

from __future__ import annotations

from typing import Any

from evaluator.scoring.record import Record


def entry(mean: float = 0.5, signature: str = "bleu_2|v1|protocol:clean", **fields: Any) -> dict[str, Any]:
    """A metric's entry as JSON."""
    numbers = {"mean": mean, "se": None, "low": None, "high": None, "n": 2, "n_failed": 0}
    return {**numbers, "signature": signature, **fields}


def record(**fields: Any) -> Record:
    """A record; `fields`, as JSON, replace its own."""
    return Record.model_validate(
        {
            "schema": "rexrank/record/v1", "kind": "submission", "dataset": "iu-xray", "track": "findings", "team": "t",
            "model": "m", "card": {}, "protocol": "clean", "n": 2, "n_clusters": 1, "metrics": {"bleu_2": entry()},
            "missing": {}, "stand_in": False, "diagnostics": {}, "integrity": {"outcome": "pass", "badges": []},
            "provenance": {"predictions_sha256": "p", "references_sha256": "d"}, "submitted": "2026-01-01",
        }
        | fields
    )  # fmt: skip
