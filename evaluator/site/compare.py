"""The compare page, and the files it fetches: one a model and board, with its differences to all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.pairwise import Pairwise
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import PairTest, Table
from evaluator.site.board.page import TRACK_TITLES
from evaluator.site.content import Content
from evaluator.site.html import inputs_of, text
from evaluator.site.model.cases import compact, has_texts

_NOTES: Final = (
    "- The sentence in bold rests on the test that ranks the board: on the ranking metric alone, by patient, counted over",
    "  all pairs of the board, so that the chance of any wrong separation is about 5 %.",
    "- A difference can be shown and still be too small to matter: closer than 0.01 on metrics from 0 to 1, or than 0.03 in mean",
    "  RadCliQ-v1, two models count as practically equal. That is a convention; such a pair separates no ranks.",
    "- Intervals are those of the difference on the same studies; they resample patients. Two models whose own intervals",
    "  overlap may still differ.",
    "- The other metrics explore. Their q counts the false discoveries over all pairs of the board on that metric; below",
    "  0.05 a row names the better model and its dot is full.",
    "- RadCliQ-v1 is made of RadGraph-F1, BERTScore and SembScore: these are no further evidence beside it.",
    "- The figures of a table share one scale: differences as shares of the distance between the board's lowest and",
    "  highest mean, baselines included. To the right is better for the first model, whatever the metric's direction.",
)


def compare_page(content: Content) -> str:
    """The page; without a script it leads to each board's own table of differences."""
    lines = [
        "---",
        "title: Compare models",
        "description: Two or three models of a board side by side, with paired differences and their intervals.",
        "hide: [navigation, toc]",
        "---",
        "# Compare models",
        "",
        "Whether one model is better than another, and by how much: two or three models of a board on the same studies.",
        "",
    ]
    rows = "".join(
        f'<li><a href="../leaderboards/{d}/{t}/">{text(get_dataset(d).title)}, {TRACK_TITLES[t]}</a>'
        f' (<a href="../data/pairwise/{d}.{t}.json">all pairs as JSON</a>)</li>'
        for d, t in content.pairwise
        if len(content.tables[d, t].rows) > 1
    )
    if rows:
        lines.append(
            '<div class="rx-compare" data-rx="compare" data-rx-base="../data/compare/">'
            "<p>Choosing models needs JavaScript. Without it, each board shows who is better than whom:</p>"
            f"<ul>{rows}</ul><p>On your own machine: <code>rexrank compare TEAM/MODEL TEAM/MODEL</code>.</p></div>"
        )
    else:
        lines.append("No board has two ranked models yet.")
    lines += ["", "## How to read it", "", *_NOTES]
    return "\n".join(lines) + "\n"


def compare_files(content: Content) -> Iterator[tuple[str, str]]:
    """Name below the site's sources and text of every file that the page fetches."""
    boards = []
    for (dataset, track), pairs in content.pairwise.items():
        table = content.tables[dataset, track]
        yield f"data/pairwise/{dataset}.{track}.json", compact(_ordered(pairs.view()))
        if len(table.rows) < 2:
            continue
        boards.append(_board(table, content))
        others, tests = _versus(pairs), _tests(table)
        for row in table.rows:
            name = f"data/compare/{dataset}.{track}/{row.id.replace('/', '__')}.json"
            yield name, compact(_model(row, others.get(row.id, {}), tests.get(row.id, {})))
    yield "data/compare/index.json", compact({"schema": "rexrank/compare-index/v1", "boards": boards})


def _board(table: Table, content: Content) -> dict[str, Any]:
    keys = ("key", "title", "display_title", "higher_is_better", "reciprocal", "equivalence")
    entries = (e for found in content.models.values() for e in found if e.table is table)
    with_cases = {e.row.id for e in entries if has_texts(content, e)}
    return {
        "id": f"{table.dataset}.{table.track}",
        "title": f"{table.title}, {TRACK_TITLES[table.track]}",
        "primary": table.primary,
        "n": table.n,
        "n_clusters": table.n_clusters,
        "rehearsal": table.rehearsal,
        "mde_all_pairs": table.resolution.mde_all_pairs,
        "p_classes": table.p_classes,
        "spread": {m.key: _spread(table, m.key) for m in table.metrics},
        "metrics": [{k: getattr(m, k) for k in keys} for m in table.metrics],
        "models": [{"id": r.id, "name": r.name} for r in table.rows],
        "cases": [r.id for r in table.rows if r.id in with_cases],
    }


def _ordered(value: Any) -> Any:
    """A JSON value with the keys of its objects in the order of the alphabet, as files have them."""
    if isinstance(value, list):
        return [_ordered(v) for v in value]
    return {k: _ordered(value[k]) for k in sorted(value)} if isinstance(value, dict) else value


def _spread(table: Table, key: str) -> float:
    """From the lowest to the highest mean of a board, baselines included; the scale of the page's figures."""
    means = [r.metrics[key].mean for r in (*table.rows, *table.nulls) if key in r.metrics]
    return float(f"{max(means) - min(means):.6g}") if means else 0.0


def _tests(table: Table) -> dict[str, dict[str, PairTest]]:
    """By model and other model the test by which the board ranks, adjusted for all its pairs."""
    found: dict[str, dict[str, PairTest]] = {}
    for pair in table.pairs:
        found.setdefault(pair.a, {})[pair.b] = pair
        found.setdefault(pair.b, {})[pair.a] = pair
    return found


def _versus(pairs: Pairwise) -> dict[str, dict[str, dict[str, list[float | None]]]]:
    """By model, other model and metric: difference (own minus other), low, high, p, q."""
    found: dict[str, dict[str, dict[str, list[float | None]]]] = {}
    for key, rows in pairs.metrics.items():
        for r in rows:
            d, low, high = r.difference, r.low, r.high
            found.setdefault(r.a, {}).setdefault(r.b, {})[key] = [d, low, high, r.p, r.q]
            back = [0 - d, None if high is None else 0 - high, None if low is None else 0 - low, r.p, r.q]
            found.setdefault(r.b, {}).setdefault(r.a, {})[key] = back
    return found


def _model(row: Row, versus: Mapping[str, Any], tests: Mapping[str, PairTest]) -> dict[str, Any]:
    return {
        "schema": "rexrank/compare/v1",
        "id": row.id,
        "name": row.name,
        "institution": row.institution,
        "rank": [row.rank_low, row.rank_high],
        "inputs": _ordered(row.inputs.view()),
        "reads": inputs_of(row.inputs),
        "trained_on_dataset": row.trained_on_dataset,
        "metrics": {
            k: {"mean": e.mean, "low": e.low, "high": e.high, "display": _ordered(e.display.view())}
            for k, e in row.metrics.items()
        },
        "ranked_against": {other: pair.p for other, pair in tests.items()},
        "standing": {other: pair.standing(row.id) for other, pair in tests.items()},
        "versus": versus,
    }
