"""A crowded leaderboard of made-up numbers, in the form the pipeline writes, with every oddity a board can show.

Ranks, tests and sensitivity come from the real statistics over drawn per-study scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.core.files import dump_json, write_bytes
from evaluator.datasets.challenge import OverallSetting, challenge
from evaluator.datasets.registry import Dataset, get_dataset
from evaluator.datasets.tasks.report_generation import TASK
from evaluator.leaderboard.history import Event, append_history
from evaluator.leaderboard.overall import PrimaryScores, make_overall
from evaluator.leaderboard.overall_files import overall_files, pairwise_name
from evaluator.leaderboard.overall_table import having
from evaluator.leaderboard.pairwise import MetricPair, Pairwise, overall_pairwise
from evaluator.leaderboard.pairwise_file import pairwise_bytes, pairwise_digest
from evaluator.leaderboard.ranking import overview
from evaluator.leaderboard.table import TABLE_SCHEMA, Table, better_counts, read_tables
from evaluator.leaderboard.table_files import table_csv, table_json, table_markdown
from evaluator.metrics.registry import fits, get_metric, task_metrics
from evaluator.scoring.intervals import display
from evaluator.statistics.board_analysis import BoardAnalysis, BoardScores, analyse
from evaluator.statistics.bootstrap import clusters_of
from evaluator.statistics.rounding import coarse, six_decimals
from support.tables import typed

NAMES = (
    "CheXplain",
    "MedScribe-4B",
    "A model whose name takes every one of the sixty letters given",
    "RadWriter",
    "Übersicht-CXR",
    "胸片报告",
    "x",
)
INSTITUTIONS = (
    "Department of Radiology and Nuclear Medicine, University Hospital of a City with a Long Name",
    "Institute",
    "A company",
)
VIEWS = ("all", "frontal", "all", "none")
CONTEXTS = ("none", "indication", "indication+history", "indication+prior", "all")
BADGES = (
    {"code": "C10", "outcome": "badge", "text": "template collapse: one report serves 31 % of the studies", "ids": []},
    {"code": "C22", "outcome": "badge", "text": "falls more than the cohort from readable to withheld datasets", "ids": []},
)  # fmt: skip


def make_crowd(
    folder: Path,
    datasets: Sequence[str],
    *,
    n_models: int,
    n_studies: int = 120,
    n_public: int | None = None,
    rehearsal: bool = False,
    setting: OverallSetting | None = None,
) -> list[dict[str, Any]]:
    """The tables of both tracks of `datasets`, written with records, pairs, overview, overall tables and history.

    They are added to those in `folder`. A public board says that it has `n_public` studies, if given.

    Scores of `n_studies` studies are drawn once per track; every dataset shows the same models, so that a
    large crowd is made in seconds.
    """
    tables = []
    by_board: dict[str, dict[str, PrimaryScores]] = {}
    for number, track in enumerate(("findings", "report")):
        scores = draw(n_models, n_studies, np.random.default_rng(number), board_keys(track))
        analysis = analyse(scores, seed=number)
        tables += [
            _board(folder, get_dataset(d), track, scores, analysis, n_public=n_public, rehearsal=rehearsal)
            for d in datasets
        ]
        values = {name: of["radcliq_v1"] for name, of in scores.values.items()}
        patients = [f"p{i:04d}" for i in range(n_studies)]
        by_board[track] = {d: PrimaryScores(values, patients, seed) for seed, d in enumerate(datasets)}
    every = list(read_tables(folder / "tables"))
    _put(folder / "overview.json", dump_json(overview(every).view()))
    _overall(folder, setting or challenge().overall, every, by_board)
    events = [_event(t, r) for t in tables for r in t["rows"]]
    append_history(folder, sorted(events, key=lambda e: (e.date, e.id)))
    return tables


def _overall(
    folder: Path,
    setting: OverallSetting,
    tables: Sequence[Table],
    drawn: Mapping[str, Mapping[str, PrimaryScores]],
) -> None:
    """Writes the overall tables; with boards of other crowds no model is complete that this one did not draw."""
    for track in ("findings", "report"):
        here = {t.dataset: t for t in tables if t.track == track and t.dataset in having(setting, track)}
        if here:
            overall = make_overall(track, setting, here, drawn[track])
            for name, text in overall_files(overall).items():
                _put(folder / name, text)
            if overall.pairs:
                write_bytes(folder / pairwise_name(track), pairwise_bytes(overall_pairwise(overall)))


def board_keys(track: str) -> tuple[str, ...]:
    """The metrics of a board of this track, in table order."""
    return tuple(k for k in task_metrics(TASK.id) if fits(k, TASK, track))


def draw(n_models: int, n_studies: int, rng: np.random.Generator, keys: Sequence[str]) -> BoardScores:
    """Per-study scores of models from good to bad: neighbours can hardly be separated, two are equal.

    The best two reach the pole of 1/RadCliQ-v1; every ninth model lacks the judges' metrics.
    """
    skill = np.linspace(1.0, 0.0, n_models)
    easy = rng.normal(0, 0.5, n_studies)
    values: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(_ids(n_models)):
        noise = rng.normal(0, 0.9, n_studies)
        radcliq = 1.4 - 1.42 * skill[i] - 0.4 * easy + 0.5 * noise
        scores = {"radcliq_v1": radcliq}
        for k, key in enumerate(keys):
            if key == "radcliq_v1" or (i % 9 == 8 and key in {"green", "crimson"}):
                continue
            own = 0.25 + 0.5 * skill[i] + 0.1 * easy - 0.1 * noise + rng.normal(0, 0.04 + 0.01 * k)
            scores[key] = np.clip(own, 0, 1)
        values[name] = scores
    if n_models > 5:
        a, b = list(values)[3:5]
        values[b] = dict(values[a])
    return BoardScores(
        values=values,
        clusters=clusters_of([f"p{i:04d}" for i in range(n_studies)]),
        primary="radcliq_v1",
        direction={k: 1 if get_metric(k).higher_is_better else -1 for k in keys},
        families={k: get_metric(k).family for k in TASK.aggregated if k in keys},
        band=get_metric("radcliq_v1").equivalence or 0.0,
    )


def _ids(n_models: int) -> list[str]:
    return [f"team{i:02d}/model" for i in range(n_models)]


def _board(
    folder: Path,
    dataset: Dataset,
    track: str,
    scores: BoardScores,
    found: BoardAnalysis,
    *,
    n_public: int | None,
    rehearsal: bool,
) -> dict[str, Any]:
    n = (n_public if dataset.exposure.studies else None) or dataset.tracks[track] or dataset.n_studies
    step = dataset.exposure.step(n)
    order = sorted(scores.values, key=lambda i: (scores.values[i]["radcliq_v1"].mean(), i))
    rows = [
        _row(dataset, track, name, i, scores.values[name], n, place=found.places[name])
        for i, name in enumerate(order)
    ]
    # What stands in the baselines' and held rows has every metric, whichever model comes last.
    last = next(scores.values[i] for i in reversed(order) if len(scores.values[i]) == len(board_keys(track)))
    unranked = [
        _row(dataset, track, f"held/model-{i}", 60 + i, last, n, why=why)
        for i, why in enumerate(
            (
                "null-like: one report is used for at least nine in ten studies; enter it as a baseline",
                "lacks radcliq_v1 under the board's signature",
            )
        )
    ]
    unranked[1]["metrics"].pop("radcliq_v1")
    gone = {**_row(dataset, track, "gone/model", 70, {}, n), "status": "withdrawn"}
    nulls = [
        {**_row(dataset, track, f"baseline/{key}", 80, _worse(last, by), n), "kind": "null", "name": name,
         "institution": None, "inputs": {}, "badges": [], "training_data": [], "open_weights": False,
         "trained_on_dataset": False}
        for key, name, by in (
            ("normal-template", "Normal template", 0.02),
            ("shuffled-references", "Another patient's reference", 0.1),
        )
    ]  # fmt: skip
    for row in rows:
        _add_null_tests(row, nulls)
    pairs = [six_decimals(asdict(p)) for p in found.pairs]
    if step:
        for pair in pairs:
            pair.update({k: coarse(pair[k], step) for k in ("difference", "low", "high")})
    table = {
        "schema": TABLE_SCHEMA, "dataset": dataset.id, "track": track, "title": dataset.title,
        "access": dataset.access, "n": n, "n_clusters": min(n, dataset.n_patients or n),
        "protocol": "clean", "primary": "radcliq_v1", "rule": "primary/v2",
        "step": step, "rehearsal": rehearsal,
        "metrics": [_column(k) for k in sorted(board_keys(track), key=lambda k: k != "radcliq_v1")],
        "rows": rows, "incomplete": unranked, "withdrawn": [gone], "nulls": nulls, "notes": list(dataset.notes),
        "resolution": dict(found.resolution), "sensitivity": dict(found.sensitivity),
        "stability": dict(found.stability), "subgroups": _subgroups(rows), "pairs": pairs,
    }  # fmt: skip
    plain = [{k: v for k, v in p.items() if k not in {"better", "matters"}} for p in pairs]
    by_metric = {k: tuple(MetricPair(**p, q=p["p"]) for p in plain) for k in board_keys(track)}
    by_metric["radcliq_v1"] = tuple(
        replace(typed_pair, p_adjusted=p["p"], better=p["better"], matters=p["matters"])
        for typed_pair, p in zip(by_metric["radcliq_v1"], pairs, strict=True)
    )
    behind = better_counts(typed(table).pairs)
    for row in rows:
        row["worse_than"] = behind[row["id"]]
    pairwise = Pairwise(by_metric)
    table["pairwise_sha256"] = pairwise_digest(pairwise)
    name = f"{dataset.id}.{track}"
    for suffix, render in (("json", table_json), ("csv", table_csv), ("md", table_markdown)):
        _put(folder / f"tables/{name}.{suffix}", render(typed(table)))
    write_bytes(folder / f"pairwise/{name}.parquet", pairwise_bytes(pairwise))
    for row in (*rows, *unranked, gone):
        _put(folder / row["record"], dump_json(_record(dataset, track, row)))
    return table


def _add_null_tests(row: dict[str, Any], nulls: Sequence[Mapping[str, Any]]) -> None:
    """Adds the row's gains over the baselines, with intervals as wide as its own."""
    for key, cell in row["metrics"].items():
        sign = 1 if get_metric(key).higher_is_better else -1
        best = max(nulls, key=lambda n: sign * n["metrics"][key]["mean"])
        gain, width = sign * (cell["mean"] - best["metrics"][key]["mean"]), 2.8 * cell["se"]
        cell["gain_over_null"] = {"null": best["id"], "gain": gain, "low": gain - width, "high": gain + width}
        if key == "radcliq_v1":
            row["against_nulls"] = [
                {"null": n["id"], "gain": gain, "low": gain - width, "high": gain + width,
                 "p": 0.001 if gain > width else 0.2, "outcome": "clears" if gain > width else "not_shown"}
                for n in nulls
            ]  # fmt: skip


def _worse(values: Mapping[str, Any], step: float) -> dict[str, Any]:
    return {k: v - step if get_metric(k).higher_is_better else v + step for k, v in values.items()}


def _column(key: str) -> dict[str, Any]:
    m = get_metric(key)
    return {
        "key": key, "title": m.title, "display_title": m.display_title or m.title, "family": m.family,
        "higher_is_better": m.higher_is_better, "reciprocal": m.reciprocal, "equivalence": m.equivalence, "signature": f"{key}|v1|" + "x" * 80 + "|protocol:clean",
        **({"skill": asdict(m.skill)} if m.skill else {}),
        **({"corpus": True} if m.corpus else {}),
    }  # fmt: skip


def _row(
    dataset: Dataset,
    track: str,
    name: str,
    i: int,
    values: Mapping[str, Any],
    n: int,
    *,
    place: Any = None,
    why: str | None = None,
) -> dict[str, Any]:
    team, _, model = name.partition("/")
    metrics = {}
    for key, own_mean in values.items():
        mean, error = float(own_mean.mean()), float(own_mean.std(ddof=1) / np.sqrt(len(own_mean)))
        numbers = {"mean": mean, "low": mean - 1.96 * error, "high": mean + 1.96 * error}
        if (step := dataset.exposure.step(n)) is not None:
            numbers = {k: coarse(v, step) for k, v in numbers.items()}
        entry = {**numbers, "se": error, "n": n, "n_failed": 3 * (i == 2 and key == "green")}
        figures = display(get_metric(key), numbers["mean"], numbers["low"], numbers["high"])
        metrics[key] = {**entry, "display": figures.fields(), "gain_over_null": None}
    training = dataset.training_names[0] if dataset.training_names and i % 3 == 1 else "other:in-house"
    return {
        "id": name, "team": team, "model": model, "name": NAMES[i] if i < len(NAMES) else f"Model {i:02d}",
        "institution": INSTITUTIONS[i % 3], "year": 2026, "status": "superseded" if i == 9 else "active",
        "kind": "submission", **({"rank_low": place.rank_low, "rank_high": place.rank_high} if place else {}), "tied_with_best": bool(place and place.tied_with_best),
        "cluster": place and place.cluster, "missing": [k for k in board_keys(track) if k not in values],
        "why_unranked": why, "badges": [BADGES[i % 2]] if i % 7 == 4 else [],
        "inputs": {"views": VIEWS[i % 4], "context": CONTEXTS[i % 5]}, "training_data": [training],
        "trained_on_dataset": training in dataset.training_names, "open_weights": i % 2 == 0,
        "uses_external_llm": False, "parameters": "7B", "links": {}, "metrics": metrics, "diagnostics": {},
        "submitted": f"2026-{max(1, 10 - i // 5):02d}-{1 + i * 11 % 28:02d}", "pull_request": i + 1, "commit": None,
        "record": f"records/{dataset.id}/{track}/{team}__{model}.json",
    }  # fmt: skip


def _record(dataset: Dataset, track: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """What a model page reads from a record."""
    card = {k: row[k] for k in ("name", "institution", "year", "inputs", "training_data", "links", "status")}
    facts = ("evaluator_version", "evaluator_commit", "device", "platform", "python")
    numbers = ("mean", "se", "low", "high", "n", "n_failed")
    return {
        "schema": "rexrank/record/v1", "kind": "submission", "protocol": "clean", "n": 120, "n_clusters": 120, "stand_in": False,
        "diagnostics": {}, "integrity": {"outcome": "pass", "badges": []},
        "dataset": dataset.id, "track": track, "team": row["team"], "model": row["model"], "card": {**card, "description": "Made up.", "reason": "Asked for."},
        "metrics": {k: {**{f: e[f] for f in numbers}, "signature": f"{k}|v1|" + "x" * 80 + "|protocol:clean"} for k, e in row["metrics"].items()}, "missing": {},
        "submitted": row["submitted"],
        "provenance": {**dict.fromkeys(facts, "x"), "packages": {}, "predictions_sha256": "0" * 64,
                       "references_sha256": "0" * 64, "pull_request": row["pull_request"]},
    }  # fmt: skip


def _subgroups(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Two axes on the ranking metric: one whose gap mixes in the kind of studies, one too small for intervals."""

    def estimate(value: float, width: float | None = 0.05) -> dict[str, float | None]:
        return {"value": value, "low": width and value - width, "high": width and value + width}

    def model(row: Mapping[str, Any], width: float | None) -> dict[str, Any]:
        mean = row["metrics"]["radcliq_v1"]["mean"]
        parts = ("a", "b") if width else ("younger than 40", "80 and older")
        groups = {g: estimate(mean + d, width) for g, d in zip(parts, (0.1, -0.1), strict=True)}
        gap = {"a": parts[0], "b": parts[1], "raw": estimate(0.2, width), "standardised": estimate(0.03, width) if width else None,
               "covered": 0.94 if width else None, "beyond_null": estimate(-0.02, width)}  # fmt: skip
        return {
            "groups": groups,
            "worst": parts[0] if width else None,
            "p": 0.03,
            "q": 0.048 if width else None,
            "gaps": [gap],
        }

    axes = [
        {
            "axis": axis,
            "groups": [{"name": g, "studies": 400, "patients": 380} for g in names],
            "models": {r["id"]: model(r, width) for r in rows},
            "rank_steps": {
                g: {"low": [1] + [0] * (len(rows) - 1), "high": [len(rows)] + [0] * (len(rows) - 1)}
                for g in names
            },
        }
        for axis, names, width in (
            ("sex", ("a", "b"), 0.05),
            ("age_group", ("younger than 40", "80 and older"), None),
        )
    ]
    return {
        "metric": "radcliq_v1",
        "standardised_by": ["normal", "length"],
        "null": "baseline/normal-template",
        "axes": axes,
    }


def _event(table: Mapping[str, Any], row: Mapping[str, Any]) -> Event:
    value = row["metrics"][table["primary"]]["display"]["value"]
    return Event.model_validate({
        "date": row["submitted"], "id": row["id"], "name": row["name"], "event": "entered", "dataset": table["dataset"],
        "track": table["track"], "rank": [row["rank_low"], row["rank_high"]], "primary": table["primary"],
        "shown": value, "previous": None, "pull_request": row["pull_request"],
    })  # fmt: skip


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
