"""The compare page, and the files it fetches: one a model and board, with its differences to all others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from evaluator.datasets.registry import get_dataset
from evaluator.pages.boards import TRACK_TITLES
from evaluator.pages.entries import Content
from evaluator.pages.markup import text


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
        "Two or three models of one board side by side: their means, and the difference on the same studies, with 95 %",
        "intervals that resample patients. Ranks rest on the ranking metric's own tests alone; everything here is",
        "exploratory, and q counts the false discoveries over all pairs of the board on that metric.",
        "",
    ]
    rows = "".join(
        f'<li><a href="../leaderboards/{d}/{t}/">{text(get_dataset(d).title)}, {TRACK_TITLES[t]}</a>'
        f' (<a href="../data/pairwise/{d}.{t}.json">all pairs as JSON</a>)</li>'
        for d, t in content.pairwise
        if len(content.tables[d, t]["rows"]) > 1
    )
    if rows:
        lines.append(
            '<div class="rx-compare" data-rx="compare" data-rx-base="../data/compare/">'
            "<p>Choosing models needs JavaScript. Without it, each board shows who is better than whom:</p>"
            f"<ul>{rows}</ul></div>"
        )
    else:
        lines.append("No board has two ranked models yet.")
    return "\n".join(lines) + "\n"


def compare_files(content: Content) -> Iterator[tuple[str, str]]:
    """Name below the site's sources and text of every file that the page fetches."""
    boards = []
    for (dataset, track), pairs in content.pairwise.items():
        table = content.tables[dataset, track]
        yield f"data/pairwise/{dataset}.{track}.json", _compact(pairs)
        if len(table["rows"]) < 2:
            continue
        boards.append(_board(table))
        others = _versus(pairs)
        for row in table["rows"]:
            name = f"data/compare/{dataset}.{track}/{row['id'].replace('/', '__')}.json"
            yield name, _compact(_model(row, others.get(row["id"], {})))
    yield "data/compare/index.json", _compact({"schema": "rexrank/compare-index/v1", "boards": boards})


def _board(table: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("key", "title", "display_title", "higher_is_better", "reciprocal")
    return {
        "id": f"{table['dataset']}.{table['track']}",
        "title": f"{table['title']}, {TRACK_TITLES[table['track']]}",
        "primary": table["primary"],
        "n": table["n"],
        "n_clusters": table["n_clusters"],
        "rehearsal": table["rehearsal"],
        "metrics": [{k: m[k] for k in keys} for m in table["metrics"]],
        "models": [{"id": r["id"], "name": r["name"]} for r in table["rows"]],
    }


def _versus(pairs: Mapping[str, Any]) -> dict[str, dict[str, dict[str, list[float | None]]]]:
    """By model, other model and metric: difference (own minus other), low, high, p, q."""
    found: dict[str, dict[str, dict[str, list[float | None]]]] = {}
    for key, rows in pairs["metrics"].items():
        for r in rows:
            d, low, high = r["difference"], r["low"], r["high"]
            found.setdefault(r["a"], {}).setdefault(r["b"], {})[key] = [d, low, high, r["p"], r["q"]]
            back = [-d, None if high is None else -high, None if low is None else -low, r["p"], r["q"]]
            found.setdefault(r["b"], {}).setdefault(r["a"], {})[key] = back
    return found


def _model(row: Mapping[str, Any], versus: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema": "rexrank/compare/v1",
        "id": row["id"],
        "name": row["name"],
        "institution": row["institution"],
        "rank": [row["rank_low"], row["rank_high"]],
        "inputs": row["inputs"],
        "trained_on_dataset": row["trained_on_dataset"],
        "metrics": {
            k: {"mean": e["mean"], "low": e["low"], "high": e["high"], "display": e["display"]}
            for k, e in row["metrics"].items()
        },
        "versus": versus,
    }


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"
