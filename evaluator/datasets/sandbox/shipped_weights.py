"""Small stand-in weights in the real file formats, trained on the sandbox's grammar and shipped with it.

They let every step run offline: the loading code is the real one, but the numbers are not results. Each
folder has a file named `STAND-IN`, so that everything computed with it says so in its signature. Train them
again with `python -m tools.train_standins.train FOLDER`.
"""

from __future__ import annotations

from pathlib import Path


def shipped_models() -> Path:
    """The shipped models directory, laid out as `evaluator/models/weights.py` describes."""
    return Path(__file__).parent / "models"
