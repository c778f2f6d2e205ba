"""The model card of a submission, `model.yaml`, as typed values; `model-card-v1` is generated from it.

Rules that a schema cannot express, and the messages about invalid cards, are in `rules/card.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from evaluator.core.typed import CONFIG, END, Given, Typed, absent, given, never_null

_ONE_LINE: Final = (
    r"^[^\s\u0000-\u001f\u007f](?:[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*[^\s\u0000-\u001f\u007f])?" + END
)
_SIZE: Final = rf"^[0-9]+(\.[0-9]+)?[KMBT]{END}"
ORCID: Final = f"^[0-9]{{4}}-[0-9]{{4}}-[0-9]{{4}}-[0-9]{{3}}[0-9X]{END}"
"""The form of an ORCID iD: https://support.orcid.org/hc/en-us/articles/360006897674; its last digit is a check."""
_PART: Final = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
IMAGE: Final = (
    rf"^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]{{1,5}})?/{_PART}(?:/{_PART})*@sha256:[0-9a-f]{{64}}{END}"
)
"""An image by its digest, with its registry: the grammar of https://pkg.go.dev/github.com/distribution/reference."""
_SLUG: Final = "[a-z0-9][a-z0-9.-]{0,39}"


def _line(longest: int) -> Any:
    words: JsonDict = {"x-form": "text on one line, without leading or trailing spaces"}
    return Field(min_length=1, max_length=longest, pattern=_ONE_LINE, json_schema_extra=words)


def _prose(longest: int) -> Any:
    words: JsonDict = {"x-form": "text that is not blank"}
    return Field(min_length=1, max_length=longest, pattern=r"\S", json_schema_extra=words)


def _choice(schema: JsonSchemaValue) -> None:
    """Keeps only the choices, so that a wrong type is one violation instead of two."""
    schema.pop("type", None)
    schema.pop("default", None)


def _described(words: str) -> Any:
    """Never null, and described in the field as well as in its type."""

    def change(schema: JsonSchemaValue) -> None:
        never_null(schema)
        schema["description"] = words

    return change


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("distinct", "every entry once")
    return values


_UNIQUE: Final[JsonDict] = {"uniqueItems": True}
Link = TypeAliasType(
    "Link", Annotated[str, Field(max_length=300, title="Link", description="An https address.")]
)
Handle = Annotated[
    str,
    Field(
        pattern=f"^[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){{0,38}}{END}",
        title="Handle",
        description="A GitHub handle: letters, digits and single hyphens, at most 39, without @.",
        json_schema_extra={"x-form": "a handle without spaces or line breaks"},
    ),
]
TrainingSet = Annotated[
    str, _line(120), Field(title="Training set", description="A name of the registry, or other:<text>.")
]


class CardLinks(Typed):
    """Links to more information; https only."""

    paper: Annotated[Link | None, Given] = given("Paper", "Paper or preprint.")
    code: Annotated[Link | None, Given] = given("Code", "Source code.")
    weights: Annotated[Link | None, Given] = given("Weights", "Published weights; marks the model as open.")


class Author(Typed):
    """An author of the model: a person, with an ORCID iD if they have one."""

    name: Annotated[str, _line(100)] = Field(
        title="Name", description="The author's name as it should be cited."
    )
    orcid: Annotated[Annotated[str, Field(pattern=ORCID)] | None, Given] = given(
        "ORCID iD", "The author's ORCID iD, such as 0000-0002-1825-0097, without an address before it."
    )
    affiliation: Annotated[Annotated[str, _line(200)] | None, Given] = given(
        "Affiliation", "Where the author works."
    )


class CardInference(Typed):
    """How the organisers can run the model on images that cannot be shared."""

    image: Annotated[
        str,
        Field(
            max_length=400,
            pattern=IMAGE,
            json_schema_extra={"x-form": "REGISTRY/NAME@sha256:DIGEST, the digest in 64 hexadecimal digits"},
        ),
    ] = Field(
        title="Image",
        description="Container image (OCI) by its digest, such as ghcr.io/team/model@sha256:…; never a tag.",
    )


class CardImport(Typed):
    """The source of predictions that maintainers imported: made and published elsewhere, earlier."""

    date: Annotated[
        str,
        Field(
            pattern=f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{END}",
            json_schema_extra={"x-form": "a day, YYYY-MM-DD"},
        ),
    ] = Field(title="Date", description="Date on which the predictions were first published, YYYY-MM-DD.")
    source: Annotated[str, _line(200)] = Field(
        title="Source", description="Where they were first published, in a few words."
    )


class CardInputs(Typed):
    """What the model reads from a study."""

    views: Literal["frontal", "all", "none"] = Field(
        title="Views",
        description="Frontal image only, all images, or none (a baseline).",
        json_schema_extra=_choice,
    )
    context: Literal["none", "indication", "indication+history", "indication+prior", "all"] = Field(
        title="Context",
        description="Text the model reads in addition to the images.",
        json_schema_extra=_choice,
    )


def _needed_with(status: str, field: str) -> JsonDict:
    return {
        "if": {"properties": {"status": {"const": status}}, "required": ["status"]},
        "then": {"required": [field]},
    }


class ModelCard(Typed):
    """model.yaml of a submission: what the model is, what it reads and what it was trained on."""

    model_config = ConfigDict(
        **CONFIG,
        json_schema_extra={
            "allOf": [_needed_with("superseded", "superseded_by"), _needed_with("withdrawn", "reason")]
        },
    )

    name: Annotated[str, _line(60)] = Field(title="Name", description="The model's display name.")
    institution: Annotated[str, _line(100)] = Field(title="Institution", description="Who made it.")
    contact: Annotated[
        tuple[Handle, ...],
        Field(strict=False, min_length=1, max_length=10, json_schema_extra=_UNIQUE),
        AfterValidator(_distinct),
    ] = Field(title="Contact", description="GitHub handles, without @, that may change this submission.")
    year: Annotated[int, Field(ge=2015, le=2100)] = Field(title="Year", description="Year of the model.")
    description: Annotated[str, _prose(1000)] = Field(
        title="Description", description="What it is, in a few sentences of plain text."
    )
    authors: Annotated[
        Annotated[tuple[Author, ...], Field(strict=False, min_length=1, max_length=100)] | None, Given
    ] = given("Authors", "Who made the model, in the order in which they should be cited.")
    links: Annotated[CardLinks | None, Given] = Field(
        default=None, title="Links", json_schema_extra=_described("Links to more information; https only.")
    )
    license: Annotated[str, _line(60)] = Field(
        title="License", description="Licence of the model, or proprietary."
    )
    parameters: Annotated[
        str | None,
        Field(max_length=20, pattern=_SIZE),
        WithJsonSchema({"type": ["string", "null"], "maxLength": 20, "pattern": _SIZE}),
    ] = absent("Parameters", "Number of parameters, such as 7B or 350M.")
    inputs: CardInputs = Field(
        title="Inputs", json_schema_extra={"description": "What the model reads from a study."}
    )
    inference: Annotated[CardInference | None, Given] = Field(
        default=None,
        title="Inference",
        json_schema_extra=_described("How the organisers can run the model on images that cannot be shared."),
    )
    training_data: Annotated[
        tuple[TrainingSet, ...],
        Field(strict=False, max_length=40, json_schema_extra=_UNIQUE),
        AfterValidator(_distinct),
    ] = Field(
        title="Training data", description="Names from the registry, or other:<text>; marks contamination."
    )
    uses_external_llm: bool = Field(
        title="Uses an external LLM",
        description="Whether a hosted language model took part in writing the reports.",
    )
    deterministic: bool = Field(
        title="Deterministic", description="Whether a second run produces the same reports."
    )
    status: Literal["active", "superseded", "withdrawn"] = Field(
        title="Status", description="Withdrawn models stay as a tombstone.", json_schema_extra=_choice
    )
    imported: Annotated[CardImport | None, Given] = Field(
        default=None,
        title="Imported",
        json_schema_extra=_described("Written by maintainers only: predictions from elsewhere."),
    )
    superseded_by: Annotated[Annotated[str, Field(pattern=f"^{_SLUG}/{_SLUG}{END}")] | None, Given] = given(
        "Superseded by", "team/model that takes its place."
    )
    reason: Annotated[Annotated[str, _prose(300)] | None, Given] = given("Reason", "Why it was withdrawn.")

    @model_validator(mode="after")
    def _status_explained(self) -> Self:
        """The card, if a model that is withdrawn or superseded says why or by which model."""
        if self.status == "superseded" and self.superseded_by is None:
            raise PydanticCustomError("superseded_by", "superseded_by is missing")
        if self.status == "withdrawn" and self.reason is None:
            raise PydanticCustomError("reason", "reason is missing")
        return self
