"""The commands that send submissions and show their status: `submit`, `status` and `import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evaluator.cli.options import References
from evaluator.core.workspace import SUBMISSIONS

Repository = Annotated[
    str,
    typer.Option(
        "--repository",
        help="OWNER/NAME on GitHub (or REXRANK_REPOSITORY); defaults to the official repository.",
    ),
]

Source = Annotated[
    Path, typer.Argument(help="Prediction file, or a submission folder: submissions/TEAM/MODEL.")
]
DatasetId = Annotated[str, typer.Option("--dataset", help="Id of the dataset the predictions are for.")]
Team = Annotated[str, typer.Option("--team", help="Team slug: lower-case letters, digits, dots, hyphens.")]
ModelSlug = Annotated[str, typer.Option("--model", help="Model slug.")]
Root = Annotated[Path, typer.Option("--root", help="Folder containing the submissions.")]
HubModel = Annotated[
    str,
    typer.Option("--hub-model", help="OWNER/MODEL on the model hub, whose card is used as a starting point."),
]
Name = Annotated[str | None, typer.Option("--name", help="Card: the model's name.")]
Institution = Annotated[str | None, typer.Option("--institution", help="Card: who made it.")]
Contact = Annotated[
    list[str] | None, typer.Option("--contact", help="Card: GitHub handle that may change it; repeatable.")
]
Year = Annotated[int | None, typer.Option("--year", help="Card: year of the model.")]
Description = Annotated[
    str | None, typer.Option("--description", help="Card: what it is, in a few sentences.")
]
Authors = Annotated[
    list[str] | None,
    typer.Option(
        "--author", help="Card: NAME (AFFILIATION) ORCID as cited, the last two optional; repeatable."
    ),
]
Image = Annotated[
    str | None,
    typer.Option("--image", help="Card: container image for private images: REGISTRY/NAME@sha256:DIGEST."),
]
Paper = Annotated[str | None, typer.Option("--paper", help="Card: address of the paper.")]
Code = Annotated[str | None, typer.Option("--code", help="Card: address of the code.")]
Weights = Annotated[str | None, typer.Option("--weights", help="Card: address of the weights.")]
License = Annotated[str | None, typer.Option("--license", help="Card: licence of the model, or proprietary.")]
Parameters = Annotated[
    str | None, typer.Option("--parameters", help="Card: number of parameters, such as 7B.")
]
Views = Annotated[str | None, typer.Option("--views", help="Card: frontal, all or none.")]
Context = Annotated[
    str | None,
    typer.Option("--context", help="Card: text read in addition to the images: none, indication, …"),
]
TrainingData = Annotated[
    list[str] | None,
    typer.Option("--training-data", help="Card: a dataset the model has seen, or none; repeatable."),
]
ExternalLlm = Annotated[
    bool | None,
    typer.Option("--external-llm/--no-external-llm", help="Card: was a hosted language model used?"),
]
Deterministic = Annotated[
    bool | None,
    typer.Option(
        "--deterministic/--no-deterministic", help="Card: does a second run produce the same reports?"
    ),
]
IdColumn = Annotated[str | None, typer.Option("--id-column", help="Column with the study ids.")]
TextColumn = Annotated[
    str | None, typer.Option("--text-column", help="Column with the full predicted reports.")
]
FindingsColumn = Annotated[
    str | None, typer.Option("--findings-column", help="Column with the predicted findings.")
]
ImpressionColumn = Annotated[
    str | None, typer.Option("--impression-column", help="Column with the predicted impressions.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Do everything except submit; write nothing locally.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Submit without asking; it becomes public.")]


def submit(
    source: Source,
    dataset: DatasetId = "",
    team: Team = "",
    model: ModelSlug = "",
    root: Root = SUBMISSIONS,
    hub_model: HubModel = "",
    name: Name = None,
    institution: Institution = None,
    contact: Contact = None,
    year: Year = None,
    description: Description = None,
    author: Authors = None,
    paper: Paper = None,
    code: Code = None,
    weights: Weights = None,
    license: License = None,  # noqa: A002 - the card's own word
    parameters: Parameters = None,
    views: Views = None,
    context: Context = None,
    image: Image = None,
    training_data: TrainingData = None,
    external_llm: ExternalLlm = None,
    deterministic: Deterministic = None,
    id_column: IdColumn = None,
    text_column: TextColumn = None,
    findings_column: FindingsColumn = None,
    impression_column: ImpressionColumn = None,
    references: References = None,
    repository: Repository = "",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Go from a file of predictions to an open pull request; run it again to resume or update."""
    from evaluator.cli.contribute import Sending, run_submit
    from evaluator.submissions.card_draft import CardDraft, author_list, split_list
    from evaluator.submissions.convert import Wanted

    handles = split_list(",".join(contact)) if contact else None
    training_sets = split_list(",".join(training_data)) if training_data else None
    draft = CardDraft(
        *(name, institution, handles, year, description),
        author_list(author),
        *(paper, code, weights, license, parameters, views, context, image),
        *(training_sets, external_llm, deterministic),
    )
    columns = Wanted(id_column, text_column, findings_column, impression_column)
    how = (references, columns, hub_model, dry_run, yes)
    raise typer.Exit(run_submit(Sending(source, dataset, team, model, root, repository, *how), draft))


def status(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="Your TEAM/MODEL, or a pull request number.")],
    repository: Repository = "",
) -> None:
    """Show the status of a submission: validation, the bot's comments, scores, what to do next."""
    from evaluator.cli.contribute import run_status

    raise typer.Exit(run_status(what, repository))


def import_predictions(
    manifest: Annotated[
        Path,
        typer.Argument(
            help="CSV, JSON or TOML: a row for each file, with team, model, dataset, file, card, date, source."
        ),
    ],
    root: Annotated[Path, typer.Option("--root", help="Folder containing the submissions.")] = SUBMISSIONS,
    skip_invalid: Annotated[
        bool,
        typer.Option("--skip-invalid", help="Leave out models with a problem instead of writing nothing."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything; write nothing.")] = False,
    references: References = None,
) -> None:
    """For maintainers: import a lab's existing predictions in bulk, with dates and cards, as one change to review."""
    from evaluator.cli.import_predictions import run_import

    raise typer.Exit(run_import(manifest, root, references, skip_invalid=skip_invalid, dry_run=dry_run))
