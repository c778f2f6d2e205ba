"""Whether an overall table follows from its boards' tables and its own tests, which needs no scores."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from evaluator.datasets.challenge import OverallSetting
from evaluator.leaderboard.overall import STEP, skeleton, with_ranks
from evaluator.leaderboard.overall_table import OverallTable
from evaluator.leaderboard.pairwise import Pairwise, overall_pairwise, with_pairs
from evaluator.leaderboard.pairwise_file import pairwise_digest
from evaluator.leaderboard.table import PairTest, Table
from evaluator.statistics.ranks import ALPHA
from evaluator.statistics.rounding import coarse

TOLERANCE = 1e-9


def objection(
    table: OverallTable, setting: OverallSetting, tables: Mapping[str, Table], pairwise: Pairwise | None
) -> str | None:
    """Why a table cannot be the overall one of these boards, by dataset; `None` if it can.

    `pairwise`: the contents of its file of pairs. Without it, the ranks that depend on it are taken as given.
    """
    if pairwise is None:
        return _objection(table, setting, tables, tested=False)
    if pairwise_digest(pairwise) != table.pairwise_sha256:
        return "has a different digest from its pairs"
    table = with_pairs(table, pairwise)
    if overall_pairwise(table) != pairwise:
        return "has different pairs from its tests"
    return _objection(table, setting, tables, tested=True)


def _objection(
    table: OverallTable, setting: OverallSetting, tables: Mapping[str, Table], *, tested: bool
) -> str | None:
    again = skeleton(table.track, setting, tables)
    ids = sorted(r.id for r in again.rows)
    scores = {r.id: r.score for r in table.rows if r.score is not None}
    ranked = len(ids) > 1 and not again.notes
    if sorted(scores) != (ids if ranked else []) or sorted(r.id for r in table.rows) != ids:
        return "ranks models other than those complete on its boards"
    if (table.pairwise_sha256 is not None) != ranked:
        return "has a digest of pairs without ranks, or ranks without a digest"
    if tested and [(p.a, p.b) for p in table.pairs] != list(combinations(ids, 2)):
        return "has pairs that do not match its models"
    if ranked:
        if not table.ranks.low:
            return "has scores without ranks"
        why = _tests(table, scores)
        if why:
            return why
        scales = {b.dataset: b.scale for b in table.boards}
        boards = tuple(b.model_copy(update={"scale": scales.get(b.dataset)}) for b in again.boards)
        same = {k: getattr(table, k) for k in ("band", "pairs", "pairwise_sha256")}
        own = again.model_copy(update={**same, "boards": boards})
        without = {r.id: dict(r.without) for r in table.rows}
        ranks = None if tested else {r.id: r for r in table.rows}
        again = with_ranks(own, scores, without, ranks)
    return None if again.view() == table.view() else "contradicts its boards' tables or its tests"


def _tests(table: OverallTable, scores: Mapping[str, float]) -> str | None:
    numbers = [
        *scores.values(),
        *(v for p in table.pairs for v in (p.difference, p.low, p.high) if v is not None),
    ]
    if any(abs(coarse(v, STEP) - v) > TOLERANCE for v in numbers):
        return "contains numbers finer than its step"
    if not all(_sound(p, scores, table.band or 0.0) for p in table.pairs):
        return "has a pair that contradicts its scores or its p"
    n, datasets = len(scores), {b.dataset for b in table.boards}
    for row in table.rows:
        if row.without.keys() != (datasets if len(datasets) > 1 else set()):
            return "leaves out datasets that are not its own"
        if not all(low <= high <= n for low, high in row.without.values()):
            return "has an impossible rank range"
    return None


def _sound(pair: PairTest, scores: Mapping[str, float], band: float) -> bool:
    """Whether a pair's parts are consistent, as far as rounding allows to say."""
    lead = scores[pair.a] - scores[pair.b]
    if abs(lead - pair.difference) > 1.5 * STEP + TOLERANCE:
        return False
    # p may be a class, above its exact value.
    if (pair.better is not None) != (pair.p < ALPHA) and abs(pair.p - ALPHA) > TOLERANCE:
        return False
    if pair.better is not None and lead * (1 if pair.better == "a" else -1) < -TOLERANCE:
        return False
    # The band is shown with two digits.
    return (
        pair.matters == (abs(pair.difference) >= band)
        or abs(abs(pair.difference) - band) <= STEP + 0.06 * band
    )
