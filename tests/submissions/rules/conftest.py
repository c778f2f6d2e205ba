"""A small good submission in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.submissions import GOOD_CARD, dump, good_studies


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    folder = tmp_path / "acme" / "m1"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(GOOD_CARD)
    (folder / "sandbox.json").write_text(dump(good_studies()))
    return folder
