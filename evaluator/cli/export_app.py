"""The commands that export results and the evaluator: `export boards` and `export codabench`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from evaluator.cli.options import Leaderboard, Metrics
from evaluator.core.workspace import LEADERBOARD

export_app = typer.Typer(
    no_args_is_help=True, help="Take results and the evaluator elsewhere.", rich_markup_mode=None
)


@export_app.command("boards")
def boards(
    leaderboard: Leaderboard = LEADERBOARD,
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path("release"),
) -> None:
    """Write the whole leaderboard as one citable archive, with digests and metadata for Zenodo."""
    from evaluator.cli.export import run_boards

    raise typer.Exit(run_boards(leaderboard, out))


@export_app.command("codabench")
def codabench(
    dataset: Annotated[str, typer.Argument(help="Dataset id.")],
    image: Annotated[
        str,
        typer.Option("--image", help="Container image with this evaluator and its weights, in a registry."),
    ],
    track: Annotated[str, typer.Option("--track", help="Track of the dataset; its first by default.")] = "",
    metrics: Metrics = "",
    references: Annotated[
        Path | None,
        typer.Option(
            "--references", help="Put DATASET.json of this folder into the bundle, for its organiser."
        ),
    ] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--start", formats=["%Y-%m-%d"], help="First day of the phase (default: today)."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="File to write.")] = Path("codabench.zip"),
) -> None:
    """Write a Codabench bundle of one board, whose scoring program is this evaluator."""
    from evaluator.cli.export import run_codabench

    keys = tuple(k.strip() for k in metrics.split(",") if k.strip())
    day = start.date() if start else datetime.now(UTC).date()
    raise typer.Exit(run_codabench(dataset, track, keys, image, references, day, out))
