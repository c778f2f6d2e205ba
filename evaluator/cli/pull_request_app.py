"""`rexrank pr …`: the commands called by workflows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

pr_app = typer.Typer(
    no_args_is_help=True, help="Commands the workflows run on pull requests.", rich_markup_mode=None
)
Folder = Annotated[Path, typer.Argument(help="Folder of the fetched pull request.")]
Handed = Annotated[Path, typer.Argument(help="Folder for what one job passes to the next.")]
Bundle = Annotated[Path, typer.Argument(help="Folder of leaderboard files that may leave the runner.")]


@pr_app.command("validate")
def pr_validate() -> None:
    """Validate the pull request of this event; feedback only."""
    from evaluator.cli.pull_request import run_validate

    raise typer.Exit(run_validate())


@pr_app.command("recheck")
def pr_recheck(folder: Handed) -> None:
    """Re-validate, with main's code, the pull requests the event concerns."""
    from evaluator.cli.pull_request import run_recheck

    raise typer.Exit(run_recheck(folder))


@pr_app.command("comment")
def pr_comment(folder: Handed) -> None:
    """Create or update the validation comment on each checked pull request."""
    from evaluator.cli.pull_request import run_comment

    raise typer.Exit(run_comment(folder))


@pr_app.command("form")
def pr_form(folder: Handed) -> None:
    """Read the form in this event's issue, including the attached file, and validate the result."""
    from evaluator.cli.form import run_form

    raise typer.Exit(run_form(folder))


@pr_app.command("open")
def pr_open(folder: Handed) -> None:
    """Open or update the pull request for a form, and reply to its issue."""
    from evaluator.cli.form import run_open

    raise typer.Exit(run_open(folder))


@pr_app.command("look")
def pr_look() -> None:
    """Check what a push added to main before it is scored."""
    from evaluator.cli.pull_request import run_look

    raise typer.Exit(run_look())


@pr_app.command("request")
def pr_request() -> None:
    """Handle a `/score` comment: check the author and the commit, and dispatch scoring."""
    from evaluator.cli.pull_request import run_request

    raise typer.Exit(run_request())


@pr_app.command("answer")
def pr_answer() -> None:
    """Create or update the reply to `/score` comments on a pull request."""
    from evaluator.cli.pull_request import run_answer

    raise typer.Exit(run_answer())


@pr_app.command("authorise")
def pr_authorise() -> None:
    """Check number, commit and files before the runner starts."""
    from evaluator.cli.pull_request import run_authorise

    raise typer.Exit(run_authorise())


@pr_app.command("fetch")
def pr_fetch(folder: Folder) -> None:
    """Fetch the pull request's trees at its commit, without a working tree."""
    from evaluator.cli.pull_request import run_fetch

    raise typer.Exit(run_fetch(folder))


@pr_app.command("score")
def pr_score(folder: Folder) -> None:
    """Score a fetched pull request; only a checked result leaves the runner."""
    from evaluator.cli.pull_request import run_score

    raise typer.Exit(run_score(folder))


@pr_app.command("report")
def pr_report(folder: Handed) -> None:
    """Write the comment with the scores, and the commit's status."""
    from evaluator.cli.pull_request import run_report

    raise typer.Exit(run_report(folder))


@pr_app.command("refresh")
def pr_refresh(
    bundle: Bundle,
    everything: Annotated[
        bool, typer.Option("--all", help="Score everything now; list nothing for a rescoring.")
    ] = False,
) -> None:
    """Score submissions without a row, rank, list what needs rescoring, and collect what may leave the runner."""
    from evaluator.cli.pull_request import run_refresh

    raise typer.Exit(run_refresh(bundle, at_once=everything))


@pr_app.command("plan")
def pr_plan() -> None:
    """List what main's boards are waiting for, in scoring order."""
    from evaluator.cli.rescoring import run_plan

    raise typer.Exit(run_plan())


@pr_app.command("fill")
def pr_fill() -> None:
    """Score a job's units into the store; nothing leaves the machine."""
    from evaluator.cli.rescoring import run_fill

    raise typer.Exit(run_fill())


@pr_app.command("finish")
def pr_finish() -> None:
    """Publish what a rescoring has completed."""
    from evaluator.cli.rescoring import run_finish

    raise typer.Exit(run_finish())


@pr_app.command("publish")
def pr_publish(
    bundle: Bundle, out: Annotated[Path, typer.Argument(help="New folder for what is to be pushed.")]
) -> None:
    """Verify a bundle against main, and prepare the leaderboard for the job that pushes it."""
    from evaluator.cli.pull_request import run_publish

    raise typer.Exit(run_publish(bundle, out))


@pr_app.command("withdraw")
def pr_withdraw(
    model: Annotated[str, typer.Argument(help="TEAM/MODEL.")],
    reason: Annotated[str, typer.Option("--reason", help="One sentence, shown in place of the model.")],
    root: Annotated[Path, typer.Option("--root", help="Folder containing the submissions.")] = Path(
        "submissions"
    ),
) -> None:
    """Mark a model as withdrawn in its card, for a pull request."""
    from evaluator.cli.pull_request import run_withdraw

    raise typer.Exit(run_withdraw(root, model, reason))
