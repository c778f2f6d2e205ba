"""ReXrank as a pull-request challenge: validate, score, rank and publish chest X-ray reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evaluator.core.version import __version__

__all__ = ["__version__", "score_pairs"]

if TYPE_CHECKING:
    from evaluator.scoring.engine import score_pairs


def __getattr__(name: str) -> Any:
    """`score_pairs`, imported on first use so that `import evaluator` stays instant."""
    if name == "score_pairs":
        from evaluator.scoring.engine import score_pairs

        return score_pairs
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
