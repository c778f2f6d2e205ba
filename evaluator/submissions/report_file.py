"""The contents of a prediction file of report generation, as in its JSON Schema."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, Field, RootModel, model_validator

from evaluator.core.typed import Given, Typed, disagreement, given
from evaluator.datasets.tasks.report_generation import TASK

SECTIONS: Final = ("findings", "impression")


def _sections_of_tracks(schema: dict[str, Any]) -> None:
    """Adds to the schema the sections that each track needs: at least one track's must be present."""
    schema["anyOf"] = [
        {
            "title": f"{track.id} track",
            "description": track.about
            + (" Only of datasets that have this track." if track.optional else ""),
            "required": list(track.needs),
        }
        for track in TASK.tracks
    ]


class Study(Typed):
    """The predicted report of one study; every study of a file has the same sections, those that a track needs."""

    model_config = ConfigDict(json_schema_extra=_sections_of_tracks)

    findings: Annotated[str | None, Given] = given(
        "Findings", "The findings section; an empty string where the model produced nothing."
    )
    impression: Annotated[str | None, Given] = given(
        "Impression", "The impression section; an empty string where the model produced nothing."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            wanted = "findings, and impression for the findings + impression track"
            raise disagreement([((), "neither findings nor impression", wanted, "add the field")])
        return self


class ReportFile(RootModel[Annotated[dict[str, Study], Field(min_length=1)]]):
    """One dataset's predicted reports by study id. Keys sorted, one study per line, UTF-8.

    References are never included.
    """

    model_config = ConfigDict(frozen=True, strict=True)
