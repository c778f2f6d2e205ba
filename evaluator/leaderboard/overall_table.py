"""The overall table as a value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from evaluator.core.typed import Sha256
from evaluator.datasets.challenge import OverallSetting
from evaluator.datasets.registry import TrackName, get_dataset
from evaluator.leaderboard.row import Entry, ModelId, Slug, Texts
from evaluator.leaderboard.table import PairTest, parse_entry, read_entry

OVERALL_SCHEMA: Final = "rexrank/overall/v1"
Range = Annotated[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]], Field(strict=False)]


def having(setting: OverallSetting, track: str) -> tuple[str, ...]:
    """The datasets that count in a track, in block order: those that have it, and so belong to its task."""
    return tuple(d for d in setting.ordered if track in get_dataset(d).tracks)


class OverallBoard(Entry):
    """One of the boards that count."""

    dataset: Slug
    title: str
    block: str = Field(description="A description of its population.")
    n: int = Field(ge=0, description="Studies.")
    n_clusters: int = Field(ge=0, description="Patients.")
    n_models: int = Field(ge=0, description="Ranked models.")
    scale: float | None = Field(
        None,
        description="Unit of its differences, in the ranking metric, from the complete models; null with fewer than two.",
    )


class BoardPlace(Entry):
    """A model's place on one board."""

    rank_low: Annotated[int, Field(ge=1)]
    rank_high: Annotated[int, Field(ge=1)]
    worse_than: int = Field(
        ge=0,
        description="How many models the board's tests show to be better by more than the equivalence margin.",
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
    never_worse: bool = Field(
        description="Complete, and not shown to be worse than another model on any board."
    )
    boards: Mapping[Slug, BoardPlace] = Field(description="The place on each dataset.")
    lacks: Mapping[Slug, str] = Field(
        description="Why there is no rank, by dataset; empty for a complete model."
    )
    without: Mapping[Slug, Range] = Field(
        {}, description="The overall rank range if a dataset is left out, by dataset."
    )


class OverallTable(Entry):
    """One order over several boards of a track. Fields may be added within a version; none is removed or changes its meaning."""

    schema_: Literal["rexrank/overall/v1"] = Field(
        alias="schema", description="Name and version of this format."
    )
    track: TrackName = Field(description="The task's track, as `findings` or `answers`.")
    rule: str = Field(description="Name and version of the rule.")
    primary: str = Field(description="The ranking metric of all the boards.")
    rehearsal: bool = Field(description="True if stand-ins were used: these are not results.")
    boards: Annotated[tuple[OverallBoard, ...], Field(strict=False)] = Field(
        description="The boards that count, in blocks of similar populations."
    )
    step: float = Field(gt=0, description="Scores, differences and their intervals are multiples of this.")
    band: float | None = Field(
        description="Scores closer than this count as practically equal; a convention."
    )
    rows: Annotated[tuple[OverallRow, ...], Field(strict=False)] = Field(
        description="Complete models, best first; without a rank if there are fewer than two."
    )
    incomplete: Annotated[tuple[OverallRow, ...], Field(strict=False)] = Field(
        description="Models without a rank on at least one of the boards, the most complete first."
    )
    pairs: SkipJsonSchema[Annotated[tuple[PairTest, ...], Field(strict=False)]] = Field(
        (),
        description="The tests that rank: score of a minus score of b, interval, p adjusted for all pairs; of no file, "
        "like a board's.",
    )
    pairwise_sha256: Sha256 | None = Field(
        None,
        description="SHA-256 over the tests that rank, which are stored separately; null if no model has an overall rank.",
    )
    notes: Texts = Field(description="Notes for readers.")

    def view(self) -> Any:
        """The JSON value, without the pairs."""
        return {k: v for k, v in super().view().items() if k != "pairs"}

    def place_texts(self, row: OverallRow) -> dict[str, str]:
        """By dataset, a row's rank range in words, a dash if it has none."""
        return {
            b.dataset: range_text(p.rank_low, p.rank_high) if (p := row.boards.get(b.dataset)) else "–"
            for b in self.boards
        }


def range_text(low: int | None, high: int | None) -> str:
    """A rank range as shown; a dash without one.

    >>> range_text(1, 3), range_text(2, 2), range_text(None, None)
    ('1–3', '2', '–')
    """
    if low is None:
        return "–"
    return f"{low}" if low == high else f"{low}–{high}"


def parse_overall(value: Any, name: str) -> OverallTable:
    """The overall table in a JSON value; raises `RexrankError` that names every field of the wrong form."""
    return parse_entry(OverallTable, value, f"overall table {name}")


def read_overall(path: Path) -> OverallTable:
    """The overall table in a file; raises `RexrankError` for one that is damaged or violates its schema."""
    return read_entry(OverallTable, path, "overall table")
