"""The form of `.github/ISSUE_TEMPLATE/submission.yml` as GitHub writes it into an issue: data, read strictly.

The author of the form controls all of the text, including headings: a repeated heading is refused instead of
choosing one, and the answers are checked like any other submission.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from evaluator.core.problems import InputError, visible
from evaluator.datasets.registry import dataset_ids
from evaluator.submissions.card_draft import QUESTIONS, CardDraft, answered
from evaluator.submissions.rules.files import name_wanted, suggest_slug

MAX_BODY: Final = 65_536
HEADINGS: Final = {
    "Team": "team",
    "Model": "model",
    "Dataset": "dataset",
    "Predictions": "predictions",
    "Name": "name",
    "Institution": "institution",
    "Contact": "contact",
    "Year": "year",
    "Description": "description",
    "Licence": "license",
    "Images": "views",
    "Other text": "context",
    "Training data": "training_data",
    "External language model": "uses_external_llm",
    "Deterministic": "deterministic",
    "Parameters": "parameters",
    "Authors": "authors",
    "Container image": "image",
    "Paper": "paper",
    "Code": "code",
    "Weights": "weights",
    "ID column": "id_column",
    "Text column": "text_column",
    "Consent": "consent",
}
"""The heading of each answer, and the field it fills."""
_HEADING: Final = re.compile(r"^### (.+?)[ \t]*$", re.MULTILINE)
_NOTHING: Final = "_No response_"


class FormError(InputError):
    """All problems of a form, in words for its author: plain text, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Form:
    """The contents of a form; team, model and dataset are valid names, the attachment is an address."""

    team: str
    model: str
    dataset: str
    attachment: str
    draft: CardDraft
    id_column: str | None = None
    text_column: str | None = None


def is_form(body: str) -> bool:
    """Whether a text has the form's first headings: any other issue is ignored."""
    headings = _HEADING.findall(body[:MAX_BODY].replace("\r\n", "\n"))
    return {"Team", "Model", "Dataset", "Predictions"} <= set(headings)


def read_form(body: str, server: str) -> Form:
    """The form of an issue's text. Raises `FormError` with every problem; `server`: GitHub's own address."""
    answers, problems = _answers(body[:MAX_BODY])
    for name in ("team", "model"):
        if (wanted := name_wanted(answers.get(name, ""))) is not None:
            answer = visible(answers.get(name, ""))
            problems.append(f"{name.title()} is {answer!r}. Wanted: {wanted}. Try: {suggest_slug(answer)}")
    if answers.get("dataset") not in dataset_ids():
        problems.append(f"Dataset: wanted one of {', '.join(dataset_ids())}")
    attachment = ""
    try:
        attachment = attachment_of(answers.get("predictions", ""), server)
    except InputError as error:
        problems.append(f"Predictions: {error}")
    if "[x]" not in answers.get("consent", "").lower():
        problems.append("Consent: tick the box")
    draft = _draft(answers, problems)
    if problems:
        raise FormError(problems)
    return Form(
        answers["team"],
        answers["model"],
        answers["dataset"],
        attachment,
        draft,
        answers.get("id_column") or None,
        answers.get("text_column") or None,
    )


def _answers(body: str) -> tuple[dict[str, str], list[str]]:
    """The text below each heading of the form, and repeated headings."""
    parts = _HEADING.split(body.replace("\r\n", "\n"))
    answers: dict[str, str] = {}
    problems = []
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        name = HEADINGS.get(heading)
        if name is None:
            continue
        if name in answers:
            problems.append(
                f"the heading {heading!r} appears twice: do not start a line of your own with ###"
            )
        answers.setdefault(name, "" if text.strip() == _NOTHING else text.strip())
    return answers, problems


def _draft(answers: dict[str, str], problems: list[str]) -> CardDraft:
    draft = CardDraft()
    headings = {field: heading for heading, field in HEADINGS.items()}
    for question in QUESTIONS:
        try:
            draft = answered(draft, question, answers.get(question.field, ""))
        except ValueError as error:
            problems.append(f"{headings[question.field]}: {error}")
    return draft


def attachment_of(text: str, server: str) -> str:
    """The address of the one file in GitHub's own store that a text links to. Raises `InputError` for none or several."""
    store = re.compile(
        rf"{re.escape(server)}/user-attachments/files/[0-9]{{1,15}}/[A-Za-z0-9][A-Za-z0-9._-]{{0,150}}(?![\w./?#%-])"
    )
    addresses = list(dict.fromkeys(store.findall(text)))
    links = set(re.findall(r"https?://[^\s)\]>\"]+", text))
    if len(addresses) != 1 or links - set(addresses):
        raise InputError("drag exactly one file into the field; only files stored by GitHub are read")
    return str(addresses[0])
