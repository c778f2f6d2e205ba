"""A pull-request challenge for chest X-ray reports: validate, score, rank and publish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evaluator.core.version import __version__

__all__ = ["Scorer", "__version__", "score_pairs"]

if TYPE_CHECKING:
    from evaluator.scoring.scorer import Scorer, score_pairs


def __getattr__(name: str) -> Any:
    """`Scorer` and `score_pairs`, imported on first use so that `import evaluator` stays instant."""
    if name in {"Scorer", "score_pairs"}:
        from evaluator.scoring import scorer

        return getattr(scorer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
