"""One board as a value: the source of pages, comments, CSV, JSON and Markdown.

A table file is validated once, when it is read (`read_table`); tables derived from it are copied without
validating again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic.json_schema import SkipJsonSchema

from evaluator.core.counts import count_text
from evaluator.core.files import load_json
from evaluator.core.problems import Problems, RexrankError
from evaluator.core.typed import Sha256, add_violations, disagreement
from evaluator.datasets.registry import TrackName
from evaluator.leaderboard.rank_types import Ranks, Resolution, Sensitivity, Stability
from evaluator.leaderboard.row import (
    Display,
    Entry,
    MetricKey,
    ModelId,
    RankedRow,
    Row,
    RowRanks,
    Slug,
    Texts,
    WithdrawnRow,
)
from evaluator.leaderboard.subgroup_types import Subgroups
from evaluator.metrics.base import SkillScale

TABLE_SCHEMA: Final = "rexrank/table/v2"
OVERVIEW_SCHEMA: Final = "rexrank/overview/v1"
GROUPS: Final = ("rows", "incomplete", "withdrawn", "nulls")
"""The fields of a table that contain rows."""
Standing = Literal["better", "better_by_less", "open", "worse_by_less", "worse"]
"""The outcome of the ranking test between two models; `…_by_less`: significant, but within the margin."""


class SkillColumn(Entry):
    """The scale on which readers see the mean of a loss: (zero − mean) / (zero − perfect), unclipped."""

    key: MetricKey = Field(description="Name of the scale's columns in CSV.")
    zero: float = Field(description="The mean if nothing is right; skill 0.")
    perfect: float = Field(description="The mean if everything is right; skill 1.")


class Column(Entry):
    """A metric of a board."""

    key: MetricKey
    title: str
    display_title: str
    family: str = ""
    higher_is_better: bool = Field(description="For the stored mean, not for a displayed reciprocal.")
    reciprocal: bool = Field(description="Whether readers see 1/mean, alone or next to the skill.")
    corpus: bool = Field(
        default=False,
        description="Whether it is one value for the whole dataset, not a mean over studies; such a column is not tested.",
    )
    skill: SkillColumn | None = Field(None, description="The scale that readers see, if it is not the mean.")
    equivalence: float | None = Field(
        None, description="Means closer than this count as practically equal; a convention."
    )
    signature: str

    def drawn(self, mean: float) -> float:
        """A mean on the scale of the figures: its skill, else itself."""
        s = self.skill
        return mean if s is None else SkillScale(s.key, s.zero, s.perfect).at(mean)

    @property
    def drawn_title(self) -> str:
        """The title of the figures' scale."""
        return self.title if self.skill is None else self.display_title

    @property
    def drawn_higher(self) -> bool:
        """Whether higher is better on the scale of the figures."""
        return self.higher_is_better or self.skill is not None


class PairTest(Entry):
    """Two models on the ranking metric: mean of a minus mean of b, its interval, p adjusted for all pairs."""

    a: ModelId
    b: ModelId
    difference: float
    low: float | None
    high: float | None
    p: float = Field(
        ge=0,
        le=1,
        description="On a withheld dataset one of 0.0009 (below 0.001), 0.0099 (below 0.01), 0.0499 (below 0.05), 1.",
    )
    better: Literal["a", "b"] | None = Field(description="Which of the two the test shows to be better.")
    matters: bool = Field(
        description="Whether the means differ by at least the equivalence margin; only then does the pair separate ranks.",
    )

    @property
    def separates(self) -> bool:
        """Whether the pair is separated in the ranks: one is significantly better, beyond the margin."""
        return self.better is not None and self.matters

    def standing(self, model: str) -> Standing:
        """The outcome from the point of view of one of the two."""
        if self.better is None:
            return "open"
        ahead = model == (self.a if self.better == "a" else self.b)
        if self.matters:
            return "better" if ahead else "worse"
        return "better_by_less" if ahead else "worse_by_less"


def better_counts(pairs: Sequence[PairTest]) -> Counter[str]:
    """By model, how many others are significantly better, beyond the margin."""
    return Counter(p.b if p.better == "a" else p.a for p in pairs if p.separates)


class Table(Entry):
    """One board, a dataset and a track. Fields may be added within a version; none is removed or changes its meaning."""

    schema_: Literal["rexrank/table/v2"] = Field(
        alias="schema", description="Name and version of this format."
    )
    dataset: Slug = Field(description="Dataset id.")
    track: TrackName = Field(description="The task's track, as `findings` or `answers`.")
    title: str = Field(description="The dataset's name.")
    access: Literal["public", "restricted", "withheld"] = Field(
        description="Who can read the references; unless public, numbers are multiples of step."
    )
    n: int = Field(ge=0, description="Studies.")
    n_clusters: int = Field(ge=0, description="Patients, which intervals resample.")
    protocol: Literal["clean", "compat"] = Field(description="Text protocol.")
    primary: str = Field(description="The ranking metric.")
    rule: str = Field(description="Name and version of the ranking rule.")
    step: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Numbers are multiples of this; null on a public dataset."
    )
    rehearsal: bool = Field(description="True if stand-ins were used: these are not results.")
    metrics: Annotated[tuple[Column, ...], Field(strict=False)] = Field(
        description="Columns, the ranking metric first: key, titles, direction, signature."
    )
    rows: Annotated[tuple[RankedRow, ...], Field(strict=False)] = Field(
        description="Ranked models, best first: id, name, tied_with_best, badges, diagnostics, and by metric key mean, "
        "se, low, high, n, n_failed, display and gain_over_null."
    )
    ranks: Ranks = Field(description="The ranks of `rows`, in their order: low, high and worse_than.")
    incomplete: Annotated[tuple[Row, ...], Field(strict=False)] = Field(description="Listed without a rank.")
    withdrawn: Annotated[tuple[WithdrawnRow, ...], Field(strict=False)] = Field(
        description="Listed without scores."
    )
    nulls: Annotated[tuple[Row, ...], Field(strict=False)] = Field(
        description="Baselines that see no images."
    )
    notes: Texts = Field(description="Notes for readers of this board.")
    resolution: Resolution = Field(
        description="design_effect, n_eff, and the difference detected with 80 % power: mde for one pair, "
        "mde_all_pairs for all."
    )
    sensitivity: Sensitivity = Field(description="The order under other ranking rules.")
    stability: Stability = Field(
        Stability(), description="How often each model takes each place in bootstrap resamples."
    )
    subgroups: Subgroups | None = Field(None, description="Groups, means, ranks and gaps by variable.")
    pairs: SkipJsonSchema[Annotated[tuple[PairTest, ...], Field(strict=False)]] = Field(
        (),
        description="The tests that rank; of no file: they grow with the square of the models, and stand among the "
        "pairwise differences.",
    )
    pairwise_sha256: Sha256 | None = Field(
        None,
        description="SHA-256 over the board's pairwise differences on every metric, which are stored separately.",
    )

    @model_validator(mode="after")
    def _rows_take_their_ranks(self) -> Table:
        columns = (self.ranks.low, self.ranks.high, self.ranks.worse_than)
        if {len(column) for column in columns} != {len(self.rows)}:
            found = ", ".join(f"{len(column):,}" for column in columns)
            rows = count_text(len(self.rows), "row")
            wrong = (
                ("ranks",),
                f"{found} numbers for {rows}",
                "one for each row in each list",
                "correct the lists",
            )
            raise disagreement([wrong])
        for row, *ranks in zip(self.rows, *columns, strict=True):
            row.take(RowRanks(*ranks))
        return self

    def view(self) -> Any:
        """The JSON value, without the pairs."""
        return {k: v for k, v in super().view().items() if k != "pairs"}

    @property
    def p_classes(self) -> bool:
        """Whether p-values are in classes, which only say below which level they are."""
        return self.access == "withheld"

    @property
    def name(self) -> str:
        """`<dataset>.<track>`, as in file names."""
        return f"{self.dataset}.{self.track}"

    @property
    def ranked_by(self) -> Column | None:
        """The column of the ranking metric; `None` on a board that does not have it."""
        return self.column(self.primary)

    def column(self, key: str) -> Column | None:
        """The column of a metric; `None` on a board that does not have it."""
        return next((m for m in self.metrics if m.key == key), None)

    @property
    def all_rows(self) -> tuple[Row, ...]:
        """Ranked rows, then incomplete and withdrawn ones and baselines."""
        return (*self.rows, *self.incomplete, *self.withdrawn, *self.nulls)


class TableParts(NamedTuple):
    """The analysis of a board besides its rows; empty without one."""

    resolution: Resolution = Resolution()
    sensitivity: Sensitivity = Sensitivity()
    stability: Stability = Stability()
    pairs: tuple[PairTest, ...] = ()


class ModelName(Entry):
    """A model by id and name."""

    id: str = Field(description="team/model.")
    name: str


class BoardSummary(Entry):
    """One line of the overview."""

    dataset: str = Field(description="Dataset id.")
    track: TrackName = Field(description="The task's track, as `findings` or `answers`.")
    title: str = Field(description="The dataset's name.")
    n: int = Field(ge=0, description="Studies.")
    n_models: int = Field(ge=0, description="Ranked models.")
    rehearsal: bool = Field(description="True if stand-ins were used: these are not results.")
    best_group: Annotated[tuple[ModelName, ...], Field(strict=False)] = Field(
        description="Models that no test separates from the first."
    )
    best_display: Display | None = Field(
        description="The first model's ranking metric as shown: value, low, high and a note."
    )


class Overview(Entry):
    """Each board in one entry: how many models, and the group that no test shows to be worse than the first."""

    schema_: Literal["rexrank/overview/v1"] = Field(
        alias="schema", description="Name and version of this format."
    )
    boards: Annotated[tuple[BoardSummary, ...], Field(strict=False)] = Field(description="In table order.")


AGAIN: Final = "Rebuild it with: rexrank rank"


_M = TypeVar("_M", bound=Entry)


def parse_table(value: Any, name: str) -> Table:
    """The table in a JSON value; raises `RexrankError` that names every field of the wrong form."""
    return parse_entry(Table, value, f"table {name}")


def read_table(path: Path) -> Table:
    """The table in a file; raises `RexrankError` for one that is damaged or violates its schema."""
    return read_entry(Table, path, "table")


def read_tables(folder: Path) -> Iterator[Table]:
    """Every table of a folder, in the order of the files' names."""
    for path in sorted(folder.glob("*.*.json")):
        yield read_table(path)


def read_entry(model: type[_M], path: Path, kind: str) -> _M:
    """The contents of a file written by `rexrank rank`; raises `RexrankError` for a damaged one."""
    try:
        value = load_json(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RexrankError(f"cannot read {path}: {reason}. {AGAIN}") from error
    return parse_entry(model, value, f"{kind} {path}")


def parse_entry(model: type[_M], value: Any, name: str) -> _M:
    """The model in a JSON value; raises `RexrankError` that names every field of the wrong form."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = Problems()
        add_violations(error, name, problems, model)
        places = "; ".join(f"{p.pointer or '/'}: {p.found}" for p in problems)
        raise RexrankError(f"the {name} violates its schema at {places[:2_000]}. {AGAIN}") from error
