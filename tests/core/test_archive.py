"""An archive's bytes depend only on its contents."""

from __future__ import annotations

import io
import stat
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.archive import zip_bytes

NAMES = st.text("abc/.", min_size=1, max_size=12)


@given(st.dictionaries(NAMES, st.binary(max_size=40), max_size=6))
def test_contents_are_preserved_in_any_order(files):
    data = zip_bytes(files)
    assert data == zip_bytes(dict(reversed(files.items())))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {n: archive.read(n) for n in archive.namelist()} == files
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert stat.S_ISREG(entry.external_attr >> 16)
