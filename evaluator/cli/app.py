"""The `rexrank` command: a thin layer over the functions that do the work.

Exit codes are those of `ExitCode`: 0 done, 1 your input, 2 an internal or machine error, 3 partial.
Nothing heavy is imported before a command needs it, so that `rexrank --help` is instant.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from evaluator.cli.contribute_app import import_predictions, status, submit
from evaluator.cli.dev_app import dev_app
from evaluator.cli.export_app import export_app
from evaluator.cli.host_app import host_app
from evaluator.cli.machine_app import (
    cache_app,
    data_app,
    doctor,
    infer,
    judge_app,
    models_app,
    quota_app,
)
from evaluator.cli.metric_app import metric, metrics
from evaluator.cli.options import (
    Device,
    HostedOk,
    JudgeKeyEnv,
    JudgeModel,
    JudgeRevision,
    JudgesFile,
    JudgeUrl,
    Leaderboard,
    Metrics,
    Models,
    OverQuota,
    OwnCluster,
    Protocol,
    Ray,
    References,
    Store,
    Variants,
    split_names,
)
from evaluator.cli.pull_request_app import pr_app
from evaluator.core.workspace import LEADERBOARD

EXIT_CODES: Final = "Exit codes: 0 success; 1 a problem with your input, including mistyped names and options; 2 an internal or machine error; 3 partial success: the output lists what was not done."

app = typer.Typer(
    name="rexrank",
    help="Validate, score, rank and publish AI-written chest X-ray reports.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
site_app = typer.Typer(
    no_args_is_help=True, help="Build or serve the leaderboard site.", rich_markup_mode=None
)
app.add_typer(judge_app, name="judge")
app.add_typer(data_app, name="data")
app.add_typer(models_app, name="models")
app.add_typer(site_app, name="site")
app.add_typer(export_app, name="export")
app.add_typer(cache_app, name="cache")
app.add_typer(host_app, name="host")
app.add_typer(dev_app, name="dev")
app.add_typer(quota_app, name="quota")
app.add_typer(pr_app, name="pr")


class OutputFormat(StrEnum):
    """How `validate` reports."""

    text = "text"
    json = "json"
    github = "github"
    markdown = "markdown"


def _version(value: bool) -> None:
    if value:
        from evaluator.core.version import __version__

        typer.echo(f"rexrank {__version__}")
        raise typer.Exit


@app.callback()
def rexrank(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Validate, score, rank and publish AI-written chest X-ray reports."""


@app.command()
def validate(
    paths: Annotated[list[Path], typer.Argument(help="Submission folders, or a folder containing them.")],
    format: Annotated[OutputFormat, typer.Option("--format", help="Output format.")] = OutputFormat.text,  # noqa: A002
    references: References = None,
) -> None:
    """Check a submission and report every problem in one pass."""
    from evaluator.cli.submit import run_validate

    raise typer.Exit(run_validate(paths, format.value, references))


@app.command()
def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="File of predictions: JSON, JSON Lines, CSV, TSV, Parquet, .xlsx, or gzip of one."
        ),
    ],
    dataset: Annotated[str, typer.Option("--dataset", help="Id of the dataset.")],
    out: Annotated[Path, typer.Option("--out", help="Submission folder or file to write.")],
    id_column: Annotated[
        str | None,
        typer.Option("--id-column", help="Column with the study ids: its name, or its number from 1."),
    ] = None,
    text_column: Annotated[
        str | None, typer.Option("--text-column", help="Column with the full predicted reports.")
    ] = None,
    findings_column: Annotated[
        str | None, typer.Option("--findings-column", help="Column with the predicted findings.")
    ] = None,
    impression_column: Annotated[
        str | None, typer.Option("--impression-column", help="Column with the predicted impressions.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep invisible characters and decoder tokens in the texts.")
    ] = False,
    references: References = None,
) -> None:
    """Convert predictions from another format into a submission file, and report what was done."""
    from evaluator.cli.submit import run_convert
    from evaluator.submissions.convert import Wanted

    wanted = Wanted(id_column, text_column, findings_column, impression_column)
    raise typer.Exit(run_convert(source, dataset, out, wanted, references, keep=keep))


@app.command()
def new(
    team: Annotated[str, typer.Argument(help="Team slug: lower-case letters, digits, dots, hyphens.")],
    model: Annotated[str, typer.Argument(help="Model slug.")],
    root: Annotated[Path, typer.Option("--root", help="Folder containing the submissions.")] = Path(
        "submissions"
    ),
) -> None:
    """Create a template folder for a new submission."""
    from evaluator.cli.submit import run_new

    raise typer.Exit(run_new(root, team, model))


app.command("import")(import_predictions)
app.command()(submit)
app.command()(status)
app.command()(metric)
app.command()(metrics)


@app.command()
def score(
    submission: Annotated[Path, typer.Argument(help="Submission folder: submissions/TEAM/MODEL.")],
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", help="Dataset id; all in the folder by default.")
    ] = None,
    metrics: Metrics = "",
    protocol: Annotated[Protocol, typer.Option("--protocol", help="Text protocol.")] = Protocol.clean,
    references: References = None,
    models: Models = None,
    leaderboard: Leaderboard = LEADERBOARD,
    store: Store = None,
    device: Device = "cpu",
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", min=1, help="Texts per forward pass.")
    ] = None,
    judge_url: JudgeUrl = "",
    judge_model: JudgeModel = "",
    judge_revision: JudgeRevision = "",
    judge_key_env: JudgeKeyEnv = "",
    hosted_ok: HostedOk = None,
    judges: JudgesFile = None,
    shard: Annotated[
        str, typer.Option("--shard", help="i/n: score one part; combine with `rexrank merge`.")
    ] = "",
    over_quota: OverQuota = False,
    ray: Ray = "",
    own_cluster: OwnCluster = False,
) -> None:
    """Score a submission: per-study scores and a record for each track it enters."""
    from evaluator.cli.score import judge_settings, run_score
    from evaluator.scoring.run import ScoreSettings

    settings = ScoreSettings(
        metrics=split_names(metrics),
        protocol=protocol.value,
        models=models,
        device=device,
        batch_size=batch_size,
        store=store,
        judges=judge_settings(judge_url, judge_model, judge_revision, judge_key_env, hosted_ok or [], judges),
    )
    raise typer.Exit(
        run_score(
            submission,
            dataset or [],
            references,
            leaderboard,
            settings,
            shard,
            over_quota=over_quota,
            named=bool(metrics),
            ray=ray,
            own_cluster=own_cluster,
        )
    )


@app.command()
def baseline(
    dataset: Annotated[str, typer.Argument(help="Dataset id.")],
    metrics: Metrics = "",
    references: References = None,
    models: Models = None,
    leaderboard: Leaderboard = LEADERBOARD,
    store: Store = None,
    device: Device = "cpu",
    judge_url: JudgeUrl = "",
    judge_model: JudgeModel = "",
    judge_revision: JudgeRevision = "",
    judge_key_env: JudgeKeyEnv = "",
    hosted_ok: HostedOk = None,
    judges: JudgesFile = None,
) -> None:
    """Score the baselines of a dataset and sanity-check its metrics."""
    from evaluator.cli.score import judge_settings, run_baseline
    from evaluator.scoring.run import ScoreSettings

    settings = ScoreSettings(
        metrics=split_names(metrics),
        models=models,
        device=device,
        store=store,
        judges=judge_settings(judge_url, judge_model, judge_revision, judge_key_env, hosted_ok or [], judges),
    )
    raise typer.Exit(run_baseline(dataset, references, leaderboard, settings, named=bool(metrics)))


@app.command()
def agreement(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder with RadPref's and RadJudge's files (rajpurkarlab/CRIMSON, MIT)."),
    ],
    metrics: Metrics = "",
    protocol: Annotated[
        Protocol,
        typer.Option("--protocol", help="Text protocol; the published figures use unmodified texts."),
    ] = Protocol.compat,
    models: Models = None,
    leaderboard: Leaderboard = LEADERBOARD,
    store: Store = None,
    device: Device = "cpu",
    judges: JudgesFile = None,
    variant: Variants = None,
) -> None:
    """Measure how well each metric that runs here agrees with radiologists; prints numbers only, no texts."""
    from evaluator.cli.agreement import run_agreement
    from evaluator.cli.metric import parse_variants
    from evaluator.cli.score import judge_settings
    from evaluator.metrics.registry import task_metrics
    from evaluator.models.runtime import Run

    run = Run(
        protocol=protocol.value,
        models=models,
        device=device,
        judges=judge_settings("", "", "", "", [], judges),
        variants=parse_variants(variant or []),
    )
    keys = split_names(metrics)
    raise typer.Exit(
        run_agreement(
            folder, keys or task_metrics("report-generation"), run, leaderboard, store, named=bool(keys)
        )
    )


@app.command()
def merge(
    submission: Annotated[Path, typer.Argument(help="Submission folder whose shards were scored.")],
    dataset: Annotated[str, typer.Option("--dataset", help="Dataset id.")],
    references: References = None,
    models: Models = None,
    leaderboard: Leaderboard = LEADERBOARD,
    store: Store = None,
    over_quota: OverQuota = False,
) -> None:
    """Merge the shards of a submission into its records, identical to those of an unsharded run."""
    from evaluator.cli.score import run_merge
    from evaluator.scoring.run import ScoreSettings

    settings = ScoreSettings(models=models, store=store)
    raise typer.Exit(run_merge(submission, dataset, references, leaderboard, settings, over_quota=over_quota))


@app.command()
def rank(
    leaderboard: Leaderboard = LEADERBOARD,
    store: Store = None,
    rehearsal: Annotated[
        bool,
        typer.Option(
            "--rehearsal", help="Allow stand-in weights; every table is then marked as a rehearsal."
        ),
    ] = False,
) -> None:
    """Build the tables from the records: ranks, ranges, intervals; byte-identical every time."""
    from evaluator.cli.board import run_rank

    raise typer.Exit(run_rank(leaderboard, store, rehearsal=rehearsal))


@app.command()
def compare(
    a: Annotated[str, typer.Argument(help="TEAM/MODEL.")],
    b: Annotated[str, typer.Argument(help="TEAM/MODEL.")],
    dataset: Annotated[str, typer.Option("--dataset", help="Dataset id.")],
    track: Annotated[str, typer.Option("--track", help="Track of the dataset; its first by default.")] = "",
    leaderboard: Leaderboard = LEADERBOARD,
    store: Store = None,
) -> None:
    """Print paired differences between two models, per metric and subgroup, with intervals."""
    from evaluator.cli.board import run_compare

    raise typer.Exit(run_compare(a, b, dataset, track, leaderboard, store))


app.command()(doctor)
app.command()(infer)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the demo's leaderboard and site.")] = Path(
        "demo"
    ),
    serve: Annotated[bool, typer.Option("--serve", help="Serve the site locally when done.")] = False,
) -> None:
    """Run the whole pipeline on the sandbox, offline: validate, score, rank, build the site."""
    from evaluator.cli.demo import run_demo

    raise typer.Exit(run_demo(out, serve=serve))


@site_app.command("build")
def site_build(
    leaderboard: Leaderboard = LEADERBOARD,
    out: Annotated[Path, typer.Option("--out", help="Folder for the built site.")] = Path("_site"),
    config: Annotated[Path, typer.Option("--config", help="MkDocs configuration.")] = Path("mkdocs.yml"),
) -> None:
    """Write the pages from the leaderboard and build the static site."""
    from evaluator.cli.board import run_site_build

    raise typer.Exit(run_site_build(leaderboard, out, config))


@site_app.command("serve")
def site_serve(
    leaderboard: Leaderboard = LEADERBOARD,
    config: Annotated[Path, typer.Option("--config", help="MkDocs configuration.")] = Path("mkdocs.yml"),
    port: Annotated[int, typer.Option("--port", help="Local port.")] = 8000,
) -> None:
    """Build the site and serve it locally."""
    from evaluator.cli.board import run_site_serve

    raise typer.Exit(run_site_serve(leaderboard, config, port))
