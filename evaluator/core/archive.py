"""ZIP archives whose bytes depend on nothing but their contents."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Final

WHEN: Final = (1980, 1, 1, 0, 0, 0)
"""The date of every file in an archive: the oldest that a ZIP can have."""


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """A ZIP of files by name, sorted and uncompressed: the same bytes with every version of every library."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as bundle:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, WHEN)
            entry.create_system = 3  # Unix, on every platform
            entry.external_attr = 0o100644 << 16
            bundle.writestr(entry, files[name])
    return out.getvalue()
