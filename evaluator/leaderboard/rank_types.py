"""The typed ranks of a table: its own, those under other rules, their stability, and what a board can resolve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from evaluator.leaderboard.row import Entry, Texts


class Resolution(Entry):
    """The smallest difference that a board can resolve."""

    design_effect: float | None = None
    n_eff: float | None = None
    mde: float | None = None
    mde_all_pairs: float | None = None


class RuleOrder(Entry):
    """The board under another ranking rule, without ranks, of which one more model would move half."""

    tau: float | None = Field(description="Kendall's tau with the board's order.")
    order: Texts = Field(description="Models, best first.")
    ties: Annotated[tuple[Texts, ...], Field(strict=False)] = Field(
        description="Neighbours in `order` that are equal and share their mean rank."
    )
    moved: float = Field(ge=0, description="The largest change of any model's rank.")

    def ranks(self) -> dict[str, float]:
        """The rank of each model."""
        ranks = {model: float(i) for i, model in enumerate(self.order, 1)}
        for tied in self.ties:
            known = [model for model in tied if model in ranks]
            ranks |= dict.fromkeys(known, sum(map(ranks.__getitem__, known)) / max(1, len(known)))
        return ranks


class Sensitivity(Entry):
    """Orders under other ranking rules, over `metrics`."""

    metrics: Texts = ()
    rules: Mapping[str, RuleOrder] = {}


class Shares(Entry):
    """The share of bootstrap draws in which a model is first, and among the first three."""

    first: float
    top3: float


class Stability(Entry):
    """How stable the order is over bootstrap draws; `tau`: quantiles of Kendall's tau with the board's order."""

    tau: Annotated[tuple[float, ...], Field(strict=False)] = ()
    models: Mapping[str, Shares] = {}


Places = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)]


class Ranks(Entry):
    """The ranks of the models in `rows`, in their order.

    They stand apart from the rows because one more model moves half of them, but changes no other row.
    """

    low: Places = Field(description="The best rank that the tests allow.")
    high: Places = Field(description="The worst rank that the tests allow.")
    worse_than: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(strict=False)] = Field(
        description="How many models the tests show to be better by more than the equivalence margin."
    )
