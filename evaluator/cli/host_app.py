"""The commands for a challenge's host: its files, its addresses, its settings on GitHub."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from evaluator.cli.options import References

host_app = typer.Typer(no_args_is_help=True, help="Run a challenge of your own.", rich_markup_mode=None)


class Profile(StrEnum):
    """How much a challenge protects itself."""

    small = "small"
    fortress = "fortress"


class Reader(StrEnum):
    """Who may read the references."""

    withheld = "withheld"
    restricted = "restricted"
    public = "public"


@host_app.command("init")
def init(
    name: Annotated[str, typer.Option("--name", help="The challenge's name, as shown to readers.")] = "",
    repository: Annotated[str, typer.Option("--repository", help="OWNER/NAME on GitHub.")] = "",
    steward: Annotated[
        str, typer.Option("--steward", help="Who decides and is responsible for the data.")
    ] = "",
    maintainers: Annotated[
        str, typer.Option("--maintainers", help="Who reviews every change: @account or @organisation/team.")
    ] = "",
    security: Annotated[
        str, typer.Option("--security", help="Who reviews the trust boundary as well (default: maintainers).")
    ] = "",
    site: Annotated[
        str, typer.Option("--site", help="URL of the site (default: the repository's Pages).")
    ] = "",
    short: Annotated[str, typer.Option("--short", help="The name in a word (default: its first).")] = "",
    about: Annotated[str, typer.Option("--about", help="What it is, in a sentence.")] = "",
    contact: Annotated[
        str,
        typer.Option("--contact", help="issues, an https address or an e-mail address (default: issues)."),
    ] = "",
    dataset: Annotated[list[str] | None, typer.Option("--dataset", help="Id of a dataset, in order.")] = None,
    references: References = None,
    access: Annotated[
        Reader, typer.Option("--access", help="Who can read the references of the datasets.")
    ] = Reader.withheld,
    task: Annotated[str, typer.Option("--task", help="What models do with a study.")] = "report-generation",
    profile: Annotated[
        Profile | None,
        typer.Option("--profile", help="small or fortress (default: small if references are public)."),
    ] = None,
    runner: Annotated[
        list[str] | None,
        typer.Option(
            "--runner", help="In the small profile a label of the one trusted machine that scores; repeat it."
        ),
    ] = None,
) -> None:
    """Write a challenge's files in this checkout, measuring each dataset from its references; ask for missing values."""
    from evaluator.cli.host import run_init
    from evaluator.cli.host_identity import Data, Identity
    from evaluator.core.workspace import references_directory
    from evaluator.datasets.tasks.task import get_task

    data = Data(tuple(dataset or ()), references_directory(references), access.value, get_task(task).id)
    identity = Identity(
        name, repository, steward, maintainers, site, short, about, contact, security, tuple(runner or ())
    )
    raise typer.Exit(run_init(Path.cwd(), identity, data, profile.value if profile else ""))


@host_app.command("addresses")
def addresses(
    write: Annotated[bool, typer.Option("--write", help="Fix what can be fixed.")] = False,
) -> None:
    """List every line of this checkout that points to a challenge other than the one in challenge.toml."""
    from evaluator.cli.host import run_addresses

    raise typer.Exit(run_addresses(Path.cwd(), write=write))


@host_app.command("github")
def github(
    apply: Annotated[bool, typer.Option("--apply", help="Apply the plan.")] = False,
    reviewer: Annotated[
        list[str] | None,
        typer.Option("--reviewer", help="GitHub account that approves scoring runs, one to six."),
    ] = None,
    profile: Annotated[
        Profile | None, typer.Option("--profile", help="small or fortress (default: challenge.toml's).")
    ] = None,
) -> None:
    """Plan the changes to the repository's settings on GitHub, and apply them; needs GITHUB_TOKEN or GH_TOKEN."""
    from evaluator.cli.host_github import run_github

    choice = profile.value if profile is not None else ""
    raise typer.Exit(run_github(Path.cwd(), tuple(reviewer or ()), choice, apply=apply))
