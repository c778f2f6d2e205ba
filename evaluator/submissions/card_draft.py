"""A draft of a model card: what is known so far, what is missing, and the file it becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import yaml
from pydantic import JsonValue

from evaluator.core.problems import InputError, Problem, Problems
from evaluator.submissions.parsing import decode, parse_yaml
from evaluator.submissions.rules.card import check_card
from evaluator.submissions.template import schema_line

VIEWS: Final = ("frontal", "all", "none")
CONTEXTS: Final = ("none", "indication", "indication+history", "indication+prior", "all")


@dataclass(frozen=True, slots=True)
class CardDraft:
    """The answers to a card's questions; `None` for one not answered yet."""

    name: str | None = None
    institution: str | None = None
    contact: tuple[str, ...] | None = None
    year: int | None = None
    description: str | None = None
    authors: tuple[str, ...] | None = None
    """Each as typed: a name, the affiliation in brackets, and an ORCID iD; see `author_of`."""
    paper: str | None = None
    code: str | None = None
    weights: str | None = None
    license: str | None = None
    parameters: str | None = None
    views: str | None = None
    context: str | None = None
    image: str | None = None
    training_data: tuple[str, ...] | None = None
    uses_external_llm: bool | None = None
    deterministic: bool | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One field of a card: what is asked, the option that answers it, and its place in the file."""

    field: str
    option: str
    words: str
    place: str
    needed: bool = True


QUESTIONS: Final = (
    Question("name", "--name", "The model's display name", "/name"),
    Question("institution", "--institution", "Who made it", "/institution"),
    Question("contact", "--contact", "GitHub handles that may change it, separated by commas", "/contact"),
    Question("year", "--year", "Year of the model", "/year"),
    Question("description", "--description", "What it is, in a few sentences", "/description"),
    Question("authors", "--author", "Authors as cited, separated by semicolons: NAME (AFFILIATION) ORCID (optional)", "/authors", needed=False),
    Question("paper", "--paper", "Address of the paper (https, optional)", "/links/paper", needed=False),
    Question("code", "--code", "Address of the code (https, optional)", "/links/code", needed=False),
    Question("weights", "--weights", "Address of the weights (https, optional)", "/links/weights", needed=False),
    Question("license", "--license", "Licence of the model, or proprietary", "/license"),
    Question("parameters", "--parameters", "Number of parameters, such as 7B (optional)", "/parameters", needed=False),
    Question("views", "--views", f"Images it reads: {', '.join(VIEWS)}", "/inputs/views"),
    Question("context", "--context", f"Text it reads in addition: {', '.join(CONTEXTS)}", "/inputs/context"),
    Question("image", "--image", "Container image to run it on private images: REGISTRY/NAME@sha256:DIGEST (optional)", "/inference/image", needed=False),
    Question(
        "training_data",
        "--training-data",
        "Every dataset it has seen, separated by commas (mimic-cxr, chexpert, …, other:<text>), or none",
        "/training_data",
    ),
    Question("uses_external_llm", "--external-llm/--no-external-llm", "Did a hosted language model help write the reports (y/n)", "/uses_external_llm"),
    Question("deterministic", "--deterministic/--no-deterministic", "Does a second run produce the same reports (y/n)", "/deterministic"),
)  # fmt: skip
"""Every question, in the order of the file."""
_AUTHOR: Final = re.compile(
    r"(?P<name>[^();]+?)(?: ?\((?P<affiliation>[^()]*)\))?(?: (?:https?://orcid\.org/)?(?P<orcid>[0-9-]{15,}[0-9Xx]))?"
)
"""One author as typed."""
_LISTS: Final = frozenset({"contact", "training_data"})
_ANSWERS: Final = {"y": True, "yes": True, "true": True, "n": False, "no": False, "false": False}


def unanswered(draft: CardDraft) -> list[Question]:
    """The questions that a card must answer and the draft does not."""
    return [q for q in QUESTIONS if q.needed and getattr(draft, q.field) is None]


def answered(draft: CardDraft, question: Question, text: str) -> CardDraft:
    """The draft with an answer as typed. Raises `ValueError`, with what was wanted, for an invalid answer."""
    text = " ".join(text.split())
    value: Any = text or None
    if question.field in _LISTS:
        value = split_list(text)
    elif question.field == "authors":
        value = split_authors(text) or None
    elif question.field == "year":
        if not re.fullmatch(r"\d{4}", text):
            raise ValueError("wanted a year of four digits")
        value = int(text)
    elif question.field in {"uses_external_llm", "deterministic"}:
        if text.lower() not in _ANSWERS:
            raise ValueError("wanted y or n")
        value = _ANSWERS[text.lower()]
    if value is None and question.needed:
        raise ValueError("this one is needed")
    return replace(draft, **{question.field: value})


def split_list(text: str) -> tuple[str, ...]:
    """The distinct parts of a list separated by commas, without `@` before handles; empty for `none`.

    >>> split_list("@me, you,me"), split_list("none")
    (('me', 'you'), ())
    """
    parts = dict.fromkeys(part.strip().removeprefix("@") for part in text.split(",") if part.strip())
    return () if list(parts) == ["none"] else tuple(parts)


def split_authors(text: str) -> tuple[str, ...]:
    """The authors of a list separated by semicolons, as typed. Raises `ValueError` for an invalid one."""
    authors = tuple(part.strip() for part in text.split(";") if part.strip())
    for author in authors:
        author_of(author)
    return authors


def author_list(options: Sequence[str] | None) -> tuple[str, ...] | None:
    """The authors of options that may be repeated; `None` without any. Raises `InputError` for an invalid one."""
    try:
        return split_authors(";".join(options)) if options else None
    except ValueError as error:
        raise InputError(f"--author: {error}.") from error


def author_of(text: str) -> dict[str, JsonValue]:
    """An author in the card's form, from `NAME (AFFILIATION) ORCID`, the last two optional. Raises `ValueError`.

    >>> author_of("Ada Lovelace (A university) https://orcid.org/0000-0002-1825-0097")
    {'name': 'Ada Lovelace', 'affiliation': 'A university', 'orcid': '0000-0002-1825-0097'}
    """
    parts = _AUTHOR.fullmatch(" ".join(text.split()))
    if parts is None or re.search(r"[0-9]-[0-9]|orcid", parts["name"]):
        raise ValueError(
            "wanted NAME (AFFILIATION) ORCID, such as Ada Lovelace (A university) 0000-0002-1825-0097"
        )
    return {
        key: value.strip().upper() if key == "orcid" else value.strip()
        for key, value in parts.groupdict().items()
        if value and value.strip()
    }


def filled(draft: CardDraft, start: CardDraft) -> CardDraft:
    """The draft, with missing answers taken from another."""
    lacking = {f.name for f in fields(draft) if getattr(draft, f.name) is None}
    return replace(draft, **{name: getattr(start, name) for name in lacking})


def card_text(draft: CardDraft, team: str, model: str) -> str:
    """The file `model.yaml` of a draft; unanswered fields are left out."""
    links = {k: v for k in ("paper", "code", "weights") if (v := getattr(draft, k))}
    value: dict[str, JsonValue] = {
        "name": draft.name,
        "institution": draft.institution,
        "contact": list(draft.contact or ()),
        "year": draft.year,
        "description": draft.description,
        **({"authors": [author_of(a) for a in draft.authors]} if draft.authors else {}),
        "links": links,
        "license": draft.license,
        "parameters": draft.parameters,
        "inputs": {"views": draft.views, "context": draft.context},
        **({"inference": {"image": draft.image}} if draft.image else {}),
        "training_data": list(draft.training_data or ()),
        "uses_external_llm": draft.uses_external_llm,
        "deterministic": draft.deterministic,
        "status": "active",
    }
    body = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return f"# Model card of {team}/{model}.\n{schema_line()}\n\n{body}"


def card_problems(text: str, file: str = "model.yaml") -> list[Problem]:
    """Everything that is wrong with a card's text."""
    problems = Problems()
    content = decode(file, text.encode("utf-8", "surrogatepass"), problems)
    card = parse_yaml(file, content, problems) if content is not None else None
    if content is not None and isinstance(card, dict):
        check_card(file, content, card, problems)
    return list(problems)


def problems_of(question: Question, draft: CardDraft) -> Iterator[Problem]:
    """The problems of the draft's answer to one question under the card's rules."""
    for problem in card_problems(card_text(draft, "team", "model")):
        if problem.pointer == question.place or problem.pointer.startswith(f"{question.place}/"):
            yield problem


def differing(draft: CardDraft, text: str) -> list[str]:
    """The options of a draft whose answers differ from a card's."""
    problems = Problems()
    card = parse_yaml("model.yaml", text, problems)
    if not isinstance(card, dict):
        return []
    wrong = []
    for question in QUESTIONS:
        wanted: Any = getattr(draft, question.field)
        if question.field == "authors" and wanted:
            wanted = tuple(map(author_of, wanted))
        there: Any = card
        for part in question.place.strip("/").split("/"):
            there = there.get(part) if isinstance(there, dict) else None
        if wanted is not None and (list(wanted) if isinstance(wanted, tuple) else wanted) != there:
            wrong.append(question.option)
    return wrong
