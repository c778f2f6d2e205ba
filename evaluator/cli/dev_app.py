"""The commands for contributors: starting files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evaluator.cli.options import MetricKind

dev_app = typer.Typer(
    no_args_is_help=True, help="For developers: scaffolding for new code.", rich_markup_mode=None
)


@dev_app.command("new-metric")
def new_metric(
    key: Annotated[str, typer.Argument(help="Key in code, files and addresses, e.g. word_recall.")],
    kind: Annotated[
        MetricKind,
        typer.Option(
            "--kind", help="A mean over studies, a figure of the whole set, or a language model's view."
        ),
    ] = "mean",
) -> None:
    """Create a metric, its tests and its registry entry in this checkout."""
    from evaluator.cli.dev import new_metric, say

    say(new_metric(Path.cwd(), key, kind))


@dev_app.command("new-dataset")
def new_dataset(
    dataset: Annotated[str, typer.Argument(help="Id in files and addresses, e.g. my-set.")],
    references: Annotated[
        Path | None, typer.Option("--references", help="Folder with ID.json, to count its studies.")
    ] = None,
) -> None:
    """Create a dataset file in this checkout."""
    from evaluator.cli.dev import new_dataset, say

    say(new_dataset(Path.cwd(), dataset, references))


@dev_app.command("schemas")
def dev_schemas(
    out: Annotated[Path, typer.Option("--out", help="Folder of the schemas.")] = Path("evaluator/schemas"),
) -> None:
    """Write the JSON Schemas generated from the typed models."""
    from evaluator.cli.schemas import run_schemas

    raise typer.Exit(run_schemas(out))
