"""The commands that take results elsewhere: `export boards`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evaluator.cli.options import Leaderboard
from evaluator.core.workspace import LEADERBOARD

export_app = typer.Typer(
    no_args_is_help=True, help="Take results and the evaluator elsewhere.", rich_markup_mode=None
)


@export_app.command("boards")
def boards(
    leaderboard: Leaderboard = LEADERBOARD,
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path("release"),
) -> None:
    """Write the whole leaderboard as one archive that can be cited, with digests and metadata for Zenodo."""
    from evaluator.cli.export import run_boards

    raise typer.Exit(run_boards(leaderboard, out))
