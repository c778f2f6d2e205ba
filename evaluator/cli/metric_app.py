"""The commands for any pairs of texts: `metric` and `metrics`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from evaluator.cli.options import (
    Device,
    HostedOk,
    JudgeKeyEnv,
    JudgeModel,
    JudgeRevision,
    JudgesFile,
    JudgeUrl,
    Models,
    Protocol,
    Variants,
)


class ScoreFormat(StrEnum):
    """How `metric` and `metrics` print."""

    auto = "auto"
    table = "table"
    json = "json"


Pairs = Annotated[
    Path,
    typer.Option(
        "--pairs",
        help="Table of id, reference, prediction, and patient, age, indication where known: CSV, TSV, JSON, JSONL, Parquet, Excel; "
        "- for standard input.",
    ),
]
ProtocolOption = Annotated[
    Protocol,
    typer.Option(
        "--protocol",
        help="clean: both texts are normalised, as on the boards. compat: the texts unmodified, as in the official code, for comparison with published numbers.",
    ),
]
Keys = Annotated[
    list[str] | None,
    typer.Argument(help="Metric keys, for example bleu_2 bertscore; `rexrank metrics` lists them."),
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Output file for the scores: .json, .csv or .parquet.")
]
Everything = Annotated[bool, typer.Option("--all", help="All metrics listed by `rexrank metrics`.")]
Preset = Annotated[
    str,
    typer.Option(
        "--preset",
        help="A preset: rexrank-2026 (ReXrank's metrics on the boards) or paper-2024 (those of the ReXrank paper).",
    ),
]
BatchSize = Annotated[
    int | None, typer.Option("--batch-size", min=1, help="Texts encoded between two cache writes.")
]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", help="Folder for caching encoder results between runs."),
]
Details = Annotated[
    bool,
    typer.Option(
        "--details", help="Include what each metric found in the texts, or the judge's answer (JSON)."
    ),
]
Form = Annotated[ScoreFormat, typer.Option("--format", help="auto: a table in a terminal, JSON in a pipe.")]


def metric(
    keys: Keys = None,
    pairs: Pairs = Path("-"),
    out: Out = None,
    everything: Everything = False,
    preset: Preset = "",
    protocol: ProtocolOption = Protocol.clean,
    models: Models = None,
    device: Device = "cpu",
    batch_size: BatchSize = None,
    cache: Cache = None,
    variant: Variants = None,
    judge_url: JudgeUrl = "",
    judge_model: JudgeModel = "",
    judge_revision: JudgeRevision = "",
    judge_key_env: JudgeKeyEnv = "",
    hosted_ok: HostedOk = None,
    judges: JudgesFile = None,
    details: Details = False,
    form: Form = ScoreFormat.auto,
) -> None:
    """Score any file of (reference, prediction) pairs, without a submission.

    Example: rexrank metric bleu_2 rouge_l --pairs pairs.csv --out scores.csv
    """
    from evaluator.cli.metric import chosen_keys, run_metric
    from evaluator.cli.score import judge_settings

    settings = judge_settings(judge_url, judge_model, judge_revision, judge_key_env, hosted_ok or [], judges)
    raise typer.Exit(
        run_metric(
            chosen_keys(keys or [], preset, everything=everything),
            pairs,
            out,
            protocol.value,
            models,
            device,
            batch_size,
            variant or [],
            settings,
            cache,
            form.value,
            details=details,
        )
    )


def metrics(
    models: Models = None,
    form: Annotated[ScoreFormat, typer.Option("--format", help="table or json.")] = ScoreFormat.table,
) -> None:
    """List the metrics: what each is, what it needs, its variants and presets."""
    from evaluator.cli.metric import run_metrics

    raise typer.Exit(run_metrics(models, form.value))
