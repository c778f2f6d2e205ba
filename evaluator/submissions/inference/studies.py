"""What a container is given for the studies: ids, images and the texts that its card says it reads.

No reference text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from evaluator.core.files import dump_json
from evaluator.core.host_files import UNREADABLE, InvalidFile, read_host_file
from evaluator.core.problems import Problems, pointer, visible
from evaluator.core.typed import DISAGREE, Given, Line, Typed, form, given, view
from evaluator.submissions.model_card import CardInputs

SCHEMA: Final = "rexrank/studies/v1"
MAX_BYTES: Final = 100_000_000
IMAGES: Final = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".dcm", ".dicom"})
"""Extensions of images. Nothing else may be in the image folder: a report next to them would be read."""
TEXTS: Final = {
    "none": (),
    "indication": ("indication",),
    "indication+history": ("indication", "history"),
    "indication+prior": ("indication", "prior_report"),
    "all": ("indication", "history", "prior_report"),
}
"""The texts of a study that a model gets, by the inputs on its card."""
Text = Annotated[Annotated[str, Field(max_length=20_000)] | None, Given]
ImagePath = Annotated[str, form(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,399}", "a path inside the images folder")]


class StudyImage(Typed):
    """An image of a study."""

    path: ImagePath = Field(description="Path relative to the images folder.")
    view: Literal["frontal", "lateral", "other"] = Field(description="The projection.")


class ImagedStudy(Typed):
    """A study with its images, and what was known before they were read."""

    id: Line = Field(description="The study's id.", max_length=200)
    images: Annotated[tuple[StudyImage, ...], Field(strict=False, min_length=1, max_length=100)] = Field(
        description="Its images."
    )
    indication: Text = given("Indication", "Why the study was made.")
    history: Text = given("History", "What was known about the patient.")
    prior_report: Text = given("Prior report", "The report of an earlier study.")


class StudiesFile(Typed):
    """The studies of a dataset for inference: the organisers' own file, and the one a container finds in /input."""

    schema_: Literal["rexrank/studies/v1"] = Field(
        alias="schema", description="Name and version of this format."
    )
    dataset: Line = Field(description="Dataset id.")
    studies: Annotated[tuple[ImagedStudy, ...], Field(strict=False, min_length=1, max_length=100_000)] = (
        Field(description="A study each.")
    )


def read_studies(path: Path, images: Path, dataset: str) -> StudiesFile:
    """The studies in a file, whose images are all below a folder that contains nothing else.

    Raises `InvalidFile` with every problem: of the file, missing images, and files that are not images.
    """
    studies = read_host_file(path, StudiesFile, name=path.name, limit=MAX_BYTES)
    problems = Problems()
    if studies.dataset != dataset:
        found = f"studies of {studies.dataset}"
        problems.add(
            DISAGREE, path.name, pointer="/dataset", found=found, wanted=dataset, fix="name the right file"
        )
    ids: set[str] = set()
    for index, study in enumerate(studies.studies):
        if study.id in ids:
            place = pointer("studies", index, "id")
            problems.add(
                DISAGREE,
                path.name,
                pointer=place,
                found=f"{visible(study.id)} a second time",
                wanted="each study once",
                fix="remove one",
            )
        ids.add(study.id)
        for number, image in enumerate(study.images):
            if not is_image(images, image.path):
                place = pointer("studies", index, "images", number, "path")
                found = f"{image.path} is not an image inside the folder"
                problems.add(
                    UNREADABLE,
                    path.name,
                    pointer=place,
                    found=found,
                    wanted="a regular file with an image extension",
                    fix="correct the path",
                )
    for stray in strays(images):
        found, fix = (
            f"{visible(stray)} is not an image",
            "keep only images there: everything in it can be read by the model",
        )
        problems.add(UNREADABLE, str(images), found=found, wanted=", ".join(sorted(IMAGES)), fix=fix)
    if not problems.ok:
        raise InvalidFile(path.name, problems)
    return studies


def is_image(images: Path, path: str) -> bool:
    """Whether a path leads, without a link, to a regular file with an image's extension below the folder."""
    place = images / path
    inside = place.resolve() == images.resolve() / path
    return inside and place.is_file() and place.suffix.lower() in IMAGES


def strays(images: Path) -> list[str]:
    """Everything below the folder that is neither a folder nor an image: links and other files."""
    return [
        p.relative_to(images).as_posix()
        for p in sorted(images.rglob("*"))
        if p.is_symlink() or not (p.is_dir() or (p.is_file() and p.suffix.lower() in IMAGES))
    ]


def handed(studies: StudiesFile, inputs: CardInputs) -> str:
    """The text of /input/studies.json: for each study, the views and texts that the card says the model reads."""
    texts = ("id", "images", *TEXTS[inputs.context])
    made = []
    for study in studies.studies:
        value = {k: v for k, v in view(study).items() if k in texts}
        if inputs.views == "frontal":
            value["images"] = [i for i in value["images"] if i["view"] == "frontal"]
        elif inputs.views == "none":
            value["images"] = []
        made.append(value)
    return dump_json({"schema": SCHEMA, "dataset": studies.dataset, "studies": made})
