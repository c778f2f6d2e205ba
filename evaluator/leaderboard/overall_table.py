"""The overall table as a value, and the committed setting that says which boards it covers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from evaluator.core.host_files import read_host_file
from evaluator.core.typed import Line, Typed, Wrong, disagreement
from evaluator.datasets.registry import TrackName, dataset_ids, get_dataset
from evaluator.leaderboard.row import Entry, ModelId, Slug, Texts
from evaluator.leaderboard.table import PairTest, parse_entry, read_entry

OVERALL_SCHEMA: Final = "rexrank/overall/v1"
SETTING_FILE: Final = "overall-boards.json"
"""In the leaderboard; see `OverallSetting`."""
Slugs = Annotated[tuple[Slug, ...], Field(strict=False, min_length=1)]
Range = Annotated[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]], Field(strict=False)]


class Block(Entry):
    """Datasets of similar populations, whose columns stand together."""

    title: Line = Field(description="What their studies have in common, as a column head.")
    datasets: Slugs = Field(description="Ids of datasets.")


_BLOCKS: Final = (
    Block(title="Mostly normal, outpatients", datasets=("iu-xray", "rexgradient")),
    Block(title="Hospital patients, mostly abnormal", datasets=("mimic-cxr", "chexpert-plus")),
    Block(title="Multiple-choice questions", datasets=("rexvqa", "rexvqa-public")),
)


class OverallSetting(Typed):
    """Which boards the overall rank covers: `<leaderboard>/overall-boards.json`, each field optional."""

    boards: Annotated[
        Slugs, Field(description="Datasets that count; a model is complete that is ranked on all of them.")
    ] = ("iu-xray", "mimic-cxr", "chexpert-plus", "rexvqa", "rexvqa-public")
    blocks: Annotated[
        tuple[Block, ...],
        Field(strict=False, description="Datasets of similar populations, in the order of the columns."),
    ] = _BLOCKS

    @model_validator(mode="after")
    def _known(self) -> OverallSetting:
        wrongs: list[Wrong] = []
        names = [d for b in self.blocks for d in b.datasets]
        for i, name in enumerate(self.boards):
            if name not in dataset_ids():
                wanted = f"one of {', '.join(dataset_ids())}"
                wrongs.append((("boards", i), f"no dataset {name!r}", wanted, "name a dataset's id"))
            elif self.boards.index(name) < i:
                wrongs.append((("boards", i), f"{name!r} a second time", "every dataset once", "remove it"))
            elif names.count(name) != 1:
                found = f"{name!r} stands in {names.count(name)} blocks"
                wrongs.append((("boards", i), found, "each board in one block", "put it into one of blocks"))
        if wrongs:
            raise disagreement(wrongs)
        return self

    def having(self, track: str) -> tuple[str, ...]:
        """The datasets that count in a track, in the order of the blocks: those that have it, and so belong to its task."""
        datasets = (d for b in self.blocks for d in b.datasets if d in self.boards)
        return tuple(d for d in datasets if track in get_dataset(d).tracks)


def read_setting(leaderboard: Path) -> OverallSetting:
    """The leaderboard's setting, the usual one without a file. Raises `InvalidFile` with every problem of it."""
    path = leaderboard / SETTING_FILE
    return read_host_file(path, OverallSetting) if os.path.lexists(path) else OverallSetting()


class OverallBoard(Entry):
    """One of the boards that count."""

    dataset: Slug
    title: str
    block: str = Field(description="What its population is like.")
    n: int = Field(ge=0, description="Studies.")
    n_clusters: int = Field(ge=0, description="Patients.")
    n_models: int = Field(ge=0, description="Ranked models.")
    scale: float | None = Field(
        None,
        description="Unit of its differences, in the ranking metric: of the complete models; null without two.",
    )


class BoardPlace(Entry):
    """A model's place on one board."""

    rank_low: Annotated[int, Field(ge=1)]
    rank_high: Annotated[int, Field(ge=1)]
    worse_than: int = Field(
        ge=0, description="How many models the board's tests show to be better, by as much as matters."
    )


class OverallRow(Entry):
    """A model over all boards that count."""

    id: ModelId
    name: str = Field(max_length=200)
    rank_low: Annotated[int, Field(ge=1)] | None = None
    rank_high: Annotated[int, Field(ge=1)] | None = None
    tied_with_best: bool = False
    score: float | None = Field(
        None,
        description="Equal-weight mean over the boards of the standardised lead over the mean of the complete models; "
        "higher is better.",
    )
    never_worse: bool = Field(description="Complete, and on no board shown to be worse than another model.")
    boards: Mapping[Slug, BoardPlace] = Field(description="By dataset the place there.")
    lacks: Mapping[Slug, str] = Field(
        description="By dataset why there is no rank there; empty for a complete model."
    )
    without: Mapping[Slug, Range] = Field(
        {}, description="By dataset the overall range of ranks when it is left out."
    )


class OverallTable(Entry):
    """One order over several boards of a track. Fields may be added within a version; none is removed or changes its meaning."""

    schema_: Literal["rexrank/overall/v1"] = Field(
        alias="schema", description="Name and version of this format."
    )
    track: TrackName = Field(description="The task's track, as `findings` or `answers`.")
    rule: str = Field(description="Name and version of the rule.")
    primary: str = Field(description="The metric that ranks every one of the boards.")
    rehearsal: bool = Field(description="True where stand-ins took part: these are not results.")
    boards: Annotated[tuple[OverallBoard, ...], Field(strict=False)] = Field(
        description="The boards that count, in blocks of similar populations."
    )
    step: float = Field(gt=0, description="What scores, differences and their intervals are multiples of.")
    band: float | None = Field(
        description="Scores closer than this count as practically equal; a convention."
    )
    rows: Annotated[tuple[OverallRow, ...], Field(strict=False)] = Field(
        description="Complete models, best first; without a rank where there are fewer than two."
    )
    incomplete: Annotated[tuple[OverallRow, ...], Field(strict=False)] = Field(
        description="Models without a rank on at least one of the boards, those that lack fewest first."
    )
    pairs: Annotated[tuple[PairTest, ...], Field(strict=False)] = Field(
        description="The tests that rank: score of a minus score of b, interval, p adjusted for all pairs."
    )
    notes: Texts = Field(description="What readers should know.")

    def place_texts(self, row: OverallRow) -> dict[str, str]:
        """By dataset a row's range of ranks there in words, a dash where it has none."""
        return {
            b.dataset: range_text(p.rank_low, p.rank_high) if (p := row.boards.get(b.dataset)) else "–"
            for b in self.boards
        }


def range_text(low: int | None, high: int | None) -> str:
    """A range of ranks as shown; a dash without one.

    >>> range_text(1, 3), range_text(2, 2), range_text(None, None)
    ('1–3', '2', '–')
    """
    if low is None:
        return "–"
    return f"{low}" if low == high else f"{low}–{high}"


def parse_overall(value: Any, name: str) -> OverallTable:
    """The overall table that a JSON value holds; raises `RexrankError` that names every field of the wrong form."""
    return parse_entry(OverallTable, value, f"overall table {name}")


def read_overall(path: Path) -> OverallTable:
    """The overall table in a file; raises `RexrankError` for one that is damaged or keeps no schema."""
    return read_entry(OverallTable, path, "overall table")
