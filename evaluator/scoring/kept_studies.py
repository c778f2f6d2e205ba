"""Which per-study scores belong to a stored record, so that neither a crash nor another writer mixes two.

The scores are written first, under a name derived from the record's bytes; renaming the record then switches
both.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from evaluator.core.files import TEMPORARY, sha256_bytes

DAY: Final = 86_400


def kept_path(plain: Path, record: bytes) -> Path:
    """Where the scores of one version of a record lie; `plain`: the name of stores that kept only one."""
    return plain.with_name(f"{plain.stem}@{sha256_bytes(record)[:16]}.parquet")


def kept_file(plain: Path, record: Path) -> Path:
    """The scores that belong to a record's current file, existing or not; `plain` if it has none of its own."""
    if not record.is_file():
        return plain
    own = kept_path(plain, record.read_bytes())
    return own if own.exists() else plain


def clear(plain: Path, kept: Path) -> None:
    """Removes the scores of earlier versions except `kept`, once they are too old to be in use."""
    for path in (plain, *plain.parent.glob(f"{plain.stem}@*.parquet")):
        with suppress(OSError):
            if path != kept and path.stat().st_mtime < time.time() - DAY:
                path.unlink()


def copy_rows(store: Path, target: Path, dataset: str) -> None:
    """Copies a dataset's full-precision records and their scores, consistently even while they are being written.

    Records first: each one's scores existed before it, and stay.
    """
    for kind in ("records", "studies"):
        source = store / kind / dataset
        if source.is_dir():
            unfinished = shutil.ignore_patterns(f".*{TEMPORARY}")
            shutil.copytree(source, target / kind / dataset, ignore=unfinished, dirs_exist_ok=True)
