"""Options that several commands share."""

from __future__ import annotations

import re
from typing import Annotated, Final

import typer

_DEVICE: Final = re.compile(r"(?:cpu|cuda|mps|xpu)(?::\d{1,3})?")


def device_name(name: str) -> str:
    """The name of a Torch device as it was given; raises `typer.BadParameter` for what is none."""
    if not _DEVICE.fullmatch(name):
        raise typer.BadParameter(f"{name!r} is not cpu, cuda, mps or xpu, alone or with a number (cuda:1).")
    return name


Device = Annotated[
    str, typer.Option("--device", callback=device_name, help="Torch device: cpu, cuda, cuda:1, …")
]
