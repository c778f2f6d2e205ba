"""The overall table as a value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, PrivateAttr, model_validator
from pydantic.json_schema import SkipJsonSchema

from evaluator.core.typed import Sha256, disagreement
from evaluator.datasets.challenge import OverallSetting
from evaluator.datasets.registry import TrackName, get_dataset
from evaluator.leaderboard.rank_types import Places
from evaluator.leaderboard.row import Entry, ModelId, RowRanks, Slug, Texts
from evaluator.leaderboard.table import PairTest, parse_entry, read_entry

OVERALL_SCHEMA: Final = "rexrank/overall/v1"
PlacesOrNone = Annotated[tuple[Annotated[int, Field(ge=1)] | None, ...], Field(strict=False)]


def having(setting: OverallSetting, track: str) -> tuple[str, ...]:
    """The datasets that count in a track, in block order: those that have it, and so belong to its task."""
    return tuple(d for d in setting.ordered if track in get_dataset(d).tracks)


class OverallRanks(Entry):
    """Overall ranks of the models in `rows`, in their order; empty if there is no overall rank."""

    low: Places = Field(description="The best rank that the tests allow.")
    high: Places = Field(description="The worst rank that the tests allow.")

    def are_of(self, rows: int) -> bool:
        """Whether they are the ranks of this number of rows, or none."""
        return len(self.low) == len(self.high) and len(self.low) in {0, rows}

    def ranges(self) -> list[tuple[int, int]]:
        """The best and the worst rank of each row."""
        return [*zip(self.low, self.high, strict=True)]


class BoardRanks(Entry):
    """Ranks on one dataset of the models in `rows`, then of those in `incomplete`, in their order; null without one."""

    low: PlacesOrNone = Field(description="The best rank that the board's tests allow.")
    high: PlacesOrNone = Field(description="The worst rank that the board's tests allow.")
    worse_than: Annotated[tuple[Annotated[int, Field(ge=0)] | None, ...], Field(strict=False)] = Field(
        description="How many models the board's tests show to be better by more than the equivalence margin.",
    )

    def are_of(self, rows: int) -> bool:
        """Whether they are the ranks of this number of rows, each whole or null."""
        return {len(self.low), len(self.high), len(self.worse_than)} == {rows} and all(
            None not in place or place == (None, None, None)
            for place in zip(self.low, self.high, self.worse_than, strict=True)
        )

    def places(self) -> list[RowRanks | None]:
        """The ranks of each row; `None` without one."""
        return [
            None if low is None or high is None or worse is None else RowRanks(low, high, worse)
            for low, high, worse in zip(self.low, self.high, self.worse_than, strict=True)
        ]


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
    ranks: BoardRanks = Field(description="Of the models in `rows`, then in `incomplete`, in their order.")
    without: OverallRanks = Field(
        description="Overall ranks of the models in `rows`, in their order, if this dataset is left out."
    )


class OverallPlaces(NamedTuple):
    """A model's range of overall ranks, its ranks on each dataset, and its range with a dataset left out, by dataset."""

    overall: tuple[int, int] | None = None
    boards: Mapping[str, RowRanks] = {}
    without: Mapping[str, tuple[int, int]] = {}


class OverallRow(Entry):
    """A model over all boards that count; a file has its ranks in `ranks` and in each of `boards`."""

    id: ModelId
    name: str = Field(max_length=200)
    tied_with_best: bool = False
    score: float | None = Field(
        None,
        description="Equal-weight mean over the boards of the standardised lead over the mean of the complete models; "
        "higher is better.",
    )
    never_worse: bool = Field(
        description="Complete, and not shown to be worse than another model on any board."
    )
    lacks: Mapping[Slug, str] = Field(
        description="Why there is no rank, by dataset; empty for a complete model."
    )
    _places: OverallPlaces = PrivateAttr(default=OverallPlaces())

    def take(self, places: OverallPlaces) -> None:
        """Gives the row its places, when its table is made."""
        self._places = places

    @property
    def places(self) -> OverallPlaces:
        """Its ranks overall, on each dataset, and with a dataset left out."""
        return self._places

    @property
    def rank_low(self) -> int | None:
        """The best overall rank that the tests allow; `None` without a rank."""
        return self._places.overall and self._places.overall[0]

    @property
    def rank_high(self) -> int | None:
        """The worst overall rank that the tests allow; `None` without a rank."""
        return self._places.overall and self._places.overall[1]

    @property
    def boards(self) -> Mapping[str, RowRanks]:
        """The ranks on each dataset that has one."""
        return self._places.boards

    @property
    def without(self) -> Mapping[str, tuple[int, int]]:
        """The range of overall ranks if a dataset is left out, by dataset."""
        return self._places.without


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
    ranks: OverallRanks = Field(
        description="Overall ranks of `rows`, in their order; those on each dataset are in `boards`."
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

    @model_validator(mode="after")
    def _rows_take_their_places(self) -> OverallTable:
        ranked, listed = len(self.rows), len(self.rows) + len(self.incomplete)
        whole: dict[tuple[str | int, ...], bool] = {("ranks",): self.ranks.are_of(ranked)}
        for i, board in enumerate(self.boards):
            whole["boards", i, "ranks"] = board.ranks.are_of(listed)
            whole["boards", i, "without"] = board.without.are_of(ranked)
        wrongs = [
            (p, "lists that do not match the rows", "a rank for each row", "correct the lists")
            for p, w in whole.items()
            if not w
        ]
        if wrongs:
            raise disagreement(wrongs)
        own = {b.dataset: b.ranks.places() for b in self.boards}
        without = {b.dataset: b.without.ranges() for b in self.boards if b.without.low}
        overall = self.ranks.ranges()
        for i, row in enumerate((*self.rows, *self.incomplete)):
            boards = {d: place for d, places in own.items() if (place := places[i]) is not None}
            first = i < len(overall)
            row.take(
                OverallPlaces(
                    overall[i] if first else None, boards, {d: r[i] for d, r in without.items() if i < ranked}
                )
            )
        return self

    def view(self) -> Any:
        """The JSON value, without the pairs."""
        return {k: v for k, v in super().view().items() if k != "pairs"}

    def place_texts(self, row: OverallRow) -> dict[str, str]:
        """By dataset, a row's rank range in words, a dash if it has none."""
        return {
            b.dataset: range_text(p.low, p.high) if (p := row.boards.get(b.dataset)) else "–"
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
