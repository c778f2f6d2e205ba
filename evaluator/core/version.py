"""The evaluator's version, which every record names."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
