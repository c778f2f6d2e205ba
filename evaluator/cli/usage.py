"""What every command has: an example in its help, `-h`, `--quiet`, `--format json`, shell completion of options."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Final

import typer

from evaluator.cli.output import ask_for_json, ask_for_quiet

EXAMPLES: Final = {
    "validate": "rexrank validate submissions/my-team/my-model",
    "convert": "rexrank convert predictions.csv --dataset my-set --out submissions/my-team/my-model",
    "new": "rexrank new my-team my-model",
    "submit": "rexrank submit predictions.csv --dataset my-set --team my-team --model my-model --dry-run",
    "status": "rexrank status my-team/my-model",
    "metric": "rexrank metric bleu_2 rouge_l --pairs pairs.csv",
    "metrics": "rexrank metrics --format json",
    "score": "rexrank score submissions/my-team/my-model --references /srv/references --models /srv/models",
    "baseline": "rexrank baseline my-set --references /srv/references --models /srv/models",
    "agreement": "rexrank agreement CRIMSON/data --models /srv/models",
    "merge": "rexrank merge submissions/my-team/my-model --dataset my-set --references /srv/references",
    "export boards": "rexrank export boards --out release",
    "export codabench": "rexrank export codabench my-set --image registry.example.org/rexrank:0.1.0",
    "infer": "rexrank infer submissions/my-team/my-model --dataset my-set --studies studies.json --images /srv/images",
    "import": "rexrank import lab/manifest.csv --dry-run",
    "rank": "rexrank rank --leaderboard leaderboard",
    "compare": "rexrank compare my-team/my-model other-team/other-model --dataset my-set --track findings",
    "doctor": "rexrank doctor --github --repository my-org/challenge",
    "demo": "rexrank demo --out demo --serve",
    "judge serve": "rexrank judge serve green --models /srv/models",
    "data check": "rexrank data check /srv/references",
    "data manifest": "rexrank data manifest /srv/references",
    "models list": "rexrank models list --models /srv/models",
    "models fetch": "rexrank models fetch chexbert radgraph --models /srv/models",
    "models record": "rexrank models record --models /srv/models",
    "models compare": "rexrank models compare theirs.json",
    "models verify": "rexrank models verify --models /srv/models",
    "site build": "rexrank site build --out _site",
    "site serve": "rexrank site serve --port 8000",
    "cache info": "rexrank cache info --store /srv/store",
    "cache prune": "rexrank cache prune --max-gb 20",
    "quota show": "rexrank quota show",
    "quota grant": f"rexrank quota grant my-team my-set {'0' * 64}",
    "pr validate": "rexrank pr validate",
    "pr recheck": "rexrank pr recheck feedback",
    "pr comment": "rexrank pr comment feedback",
    "pr form": "rexrank pr form form",
    "pr open": "rexrank pr open form",
    "pr look": "rexrank pr look",
    "pr request": "rexrank pr request",
    "pr answer": "rexrank pr answer",
    "pr authorise": "rexrank pr authorise",
    "pr fetch": "rexrank pr fetch pull",
    "pr score": "rexrank pr score pull",
    "pr report": "rexrank pr report result",
    "pr plan": "rexrank pr plan",
    "pr fill": "rexrank pr fill",
    "pr finish": "rexrank pr finish",
    "pr refresh": "rexrank pr refresh bundle",
    "pr publish": "rexrank pr publish bundle out",
    "pr withdraw": 'rexrank pr withdraw my-team/my-model --reason "The decoder had a fault."',
    "host init": "rexrank host init --dataset my-set --references /srv/references",
    "host github": "rexrank host github --apply --reviewer octocat",
    "host addresses": "rexrank host addresses --write",
    "dev new-metric": "rexrank dev new-metric word_recall",
    "dev new-dataset": "rexrank dev new-dataset my-set --references /srv/references",
    "dev schemas": "rexrank dev schemas --out evaluator/schemas",
}
"""An example call of each command for its help; a test checks each against the command's own options."""
SPEAKING: Final = frozenset(
    {
        *("validate", "metric", "metrics", "status", "compare", "doctor", "agreement"),
        *("data check", "models list", "models compare", "models verify", "cache info", "quota show"),
    }
)
"""Commands whose output is their result: `--quiet` suppresses only their progress."""


class TextOrJson(StrEnum):
    """How a command prints."""

    text = "text"
    json = "json"


class Call:
    """The called command: filled in as the command line is read."""

    command = ""
    json = False


def _name(context: typer.Context) -> str:
    """The command as a user types it, without `rexrank`."""
    return context.command_path.partition(" ")[2]


def _quiet(context: typer.Context, value: bool) -> bool:
    if value:
        ask_for_quiet(speaks=_name(context) in SPEAKING)
    return value


def _form(context: typer.Context, value: TextOrJson) -> TextOrJson:
    Call.command, Call.json = _name(context), value is TextOrJson.json
    if Call.json:
        ask_for_json()
    return value


def _shared(
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            callback=_quiet,
            is_eager=True,
            expose_value=False,
            help="No progress or notes: only results and errors.",
        ),
    ] = False,
    form: Annotated[
        TextOrJson,
        typer.Option(
            "--format",
            callback=_form,
            is_eager=True,
            expose_value=False,
            help="text, or json: one object with results, output and errors.",
        ),
    ] = TextOrJson.text,
) -> None:
    """Nothing: a command with only the shared options."""


def ordered(arguments: Sequence[str]) -> list[str]:
    """The arguments with the shared options (`--quiet`, `--format`) moved behind the command.

    >>> ordered(["--quiet", "--format", "json", "metric", "bleu_2", "--", "x"])
    ['metric', 'bleu_2', '--quiet', '--format', 'json', '--', 'x']
    """
    n = 0
    while n < len(arguments) and arguments[n].partition("=")[0] in {"-q", "--quiet", "--format"}:
        n += 2 if arguments[n] == "--format" else 1
    first, rest = arguments[:n], arguments[n:]
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *first, *rest[end:]]


def commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its name as a user types it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


@cache
def furnished(app: typer.Typer) -> Any:
    """The tree of an app's commands, each with the shared features: an example, `-h`, `--quiet`, `--format`.

    Built once per process: Typer reads every signature of the program for it, which takes longer than most
    commands.
    """
    group = typer.main.get_command(app)
    shared = typer.Typer(add_completion=False)
    shared.command()(_shared)
    quiet, form = (p for p in typer.main.get_command(shared).params if p.name in {"quiet", "form"})
    _furnish_groups(group, "")
    for name, command in commands(group):
        options = {option for parameter in command.params for option in parameter.opts}
        command.params += [quiet] if "--format" in options else [quiet, form]
        command.context_settings["help_option_names"] = ["-h", "--help"]
        command.epilog = f"Example: {EXAMPLES.get(name, f'rexrank {name} --help')}"
    return group


def _furnish_groups(group: Any, prefix: str) -> None:
    group.context_settings["help_option_names"] = ["-h", "--help"]
    first = next(name for name, _ in commands(group, prefix))
    example = f"Example: {EXAMPLES.get(first, f'rexrank {first} --help')}"
    group.epilog = f"{example}\n\n{group.epilog}" if group.epilog else example
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            _furnish_groups(command, f"{prefix}{name} ")
