"""How the package is installed: beside the repository's files, or as a wheel somewhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

NAME: Final = "rexrank-challenge"


def in_checkout() -> bool:
    """Whether the package is inside the repository, next to the site, the tests and the stand-in weights."""
    return (Path(__file__).parents[2] / "pyproject.toml").is_file()


def install_hint(extra: str) -> str:
    """The command that installs an extra for this kind of installation.

    >>> install_hint("score")
    "pip install -e '.[score]'"
    """
    return f"pip install -e '.[{extra}]'" if in_checkout() else f"pip install '{NAME}[{extra}]'"
