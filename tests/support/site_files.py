"""The data files of a site as their readers have them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from evaluator.site.api import large_files, small_files
from evaluator.site.content import Content


def unpacked(name: str, data: bytes) -> str:
    """The text of a file as served."""
    return (gzip.decompress(data) if name.endswith(".gz") else data).decode()


def json_of(path: Path) -> Any:
    """The value of a file of a built site."""
    return json.loads(unpacked(path.name, path.read_bytes()))


def data_files(content: Content) -> dict[str, str]:
    """Name below the site and text of every data file but the cases, the index last."""
    small = dict(small_files(content))
    return small | {name: unpacked(name, data) for name, data in large_files(content, small)}
