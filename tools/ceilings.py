"""Writes the best reported means that integrity check C15 compares with: `python tools/ceilings.py`.

From `leaderboard/reported/`; a test checks that the file matches the rows. Increase the version of the
integrity limits with it.
"""

from __future__ import annotations

from pathlib import Path

from evaluator.leaderboard.reported import best_reported, load_reported
from evaluator.scoring.integrity import plausibility

ROOT = Path(__file__).parents[1]
HEAD = "# Best reported mean by board and metric (C15). Written by tools/ceilings.py; not to be edited by hand.\n"


def ceilings() -> str:
    """The text of `ceilings.toml`."""
    lines = [HEAD]
    for dataset, boards in sorted(best_reported(load_reported(ROOT / "leaderboard" / "reported")).items()):
        for track, best in sorted(boards.items()):
            lines += [f"\n[{dataset}.{track}]\n", *(f"{k} = {v:.4f}\n" for k, v in sorted(best.items()))]
    return "".join(lines)


if __name__ == "__main__":
    place = Path(plausibility.__file__).with_name("ceilings.toml")
    place.write_text(ceilings(), "utf-8")
    print(place)
