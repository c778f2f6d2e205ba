"""The texts of public datasets as they were scored, for the case browser; nothing for other datasets.

`<leaderboard>/cases/<dataset>/<track>/references.json` and `<team>__<model>.json` hold
`{"schema", "dataset", "track", "protocol", "references_sha256", "texts": {study: text}}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from evaluator.core.files import dump_json, load_json, write_text
from evaluator.core.problems import RexrankError, first_line
from evaluator.core.typed import Typed, view
from evaluator.datasets.protocol import ProtocolName
from evaluator.datasets.registry import TrackName
from evaluator.scoring.records import Board, score_again

if TYPE_CHECKING:
    from evaluator.core.types import Pair
    from evaluator.datasets.references import References

CASES_SCHEMA: Final = "rexrank/cases/v1"


class CaseTexts(Typed):
    """The content of a file of texts: the references of a board, or a model's reports, by study."""

    schema_: Literal["rexrank/cases/v1"] = Field(alias="schema")
    dataset: str
    track: TrackName
    protocol: ProtocolName
    references_sha256: str
    texts: Mapping[str, str]

    def beside(self, references: CaseTexts) -> bool:
        """Whether these texts are of the same studies and were written with these references."""
        return (
            self.protocol == references.protocol
            and self.references_sha256 == references.references_sha256
            and self.texts.keys() == references.texts.keys()
        )


def cases_folder(leaderboard: Path, board: Board) -> Path:
    """The folder of a board's texts."""
    return leaderboard / "cases" / board.dataset.id / board.track


def write_cases(
    leaderboard: Path,
    board: Board,
    references: References,
    pairs: Sequence[Pair],
    protocol: ProtocolName,
    *,
    team: str,
    model: str,
) -> list[Path]:
    """The files written: the board's references and the model's reports, both as the metrics saw them.

    None for a restricted or withheld dataset: nothing from its studies leaves the runner.
    """
    if not board.dataset.exposure.studies:
        return []
    folder = cases_folder(leaderboard, board)
    files = {
        folder / "references.json": {p.id: p.reference for p in pairs},
        folder / f"{team}__{model}.json": {p.id: p.prediction for p in pairs},
    }
    for path, texts in files.items():
        cases = CaseTexts(
            schema=CASES_SCHEMA,
            dataset=board.dataset.id,
            track=board.track,
            protocol=protocol,
            references_sha256=references.digest,
            texts=texts,
        )
        write_text(path, dump_json(view(cases)))
    return list(files)


def read_references(leaderboard: Path, board: Board) -> CaseTexts | None:
    """The reference texts of a public board; `None` if there are none.

    Raises `RexrankError` for a file that cannot be read or belongs to another board.
    """
    path = cases_folder(leaderboard, board) / "references.json"
    return _read(path, board) if board.dataset.exposure.studies and path.is_file() else None


def read_predictions(
    leaderboard: Path, board: Board, references: CaseTexts, team: str, model: str
) -> Mapping[str, str] | None:
    """A model's texts by study; `None` if there are none, or none that belong to these references."""
    path = cases_folder(leaderboard, board) / f"{team}__{model}.json"
    if not path.is_file():
        return None
    reports = _read(path, board)
    return reports.texts if reports.beside(references) else None


def _read(path: Path, board: Board) -> CaseTexts:
    team, _, model = path.stem.partition("__")
    again = score_again(board, team, model) if model else "Rescore any submission to the dataset."
    try:
        cases = CaseTexts.model_validate(load_json(path))
        if (cases.dataset, cases.track) != (board.dataset.id, board.track):
            raise ValueError("it belongs to another board or version")  # noqa: TRY301
    except (OSError, ValueError) as error:
        raise RexrankError(f"cannot read the texts {path}: {first_line(error)}. {again}") from error
    return cases
