"""The texts of public datasets as they were scored, for the case browser; of others nothing.

`<leaderboard>/cases/<dataset>/<track>/references.json` and `<team>__<model>.json` hold
`{"schema", "dataset", "track", "protocol", "references_sha256", "texts": {study: text}}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evaluator.core.files import dump_json, load_json, write_text
from evaluator.core.problems import RexrankError
from evaluator.datasets.protocol import ProtocolName
from evaluator.scoring.records import Board, score_again

if TYPE_CHECKING:
    from evaluator.core.types import Pair
    from evaluator.datasets.references import References

CASES_SCHEMA: Final = "rexrank/cases/v1"


def cases_folder(leaderboard: Path, board: Board) -> Path:
    """Where the texts of a board lie."""
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

    None for a restricted or withheld dataset: nothing of a study of it leaves the runner.
    """
    if not board.dataset.exposure.studies:
        return []
    head = {
        "schema": CASES_SCHEMA,
        "dataset": board.dataset.id,
        "track": board.track,
        "protocol": protocol,
        "references_sha256": references.digest,
    }
    folder = cases_folder(leaderboard, board)
    files = {
        folder / "references.json": {p.id: p.reference for p in pairs},
        folder / f"{team}__{model}.json": {p.id: p.prediction for p in pairs},
    }
    for path, texts in files.items():
        write_text(path, dump_json({**head, "texts": texts}))
    return list(files)


def read_references(leaderboard: Path, board: Board) -> dict[str, Any] | None:
    """The reference texts of a public board in the form of their file; `None` where there are none.

    Raises `RexrankError` for a file that cannot be read or is of another board.
    """
    path = cases_folder(leaderboard, board) / "references.json"
    return _read(path, board) if board.dataset.exposure.studies and path.is_file() else None


def read_predictions(
    leaderboard: Path, board: Board, references: Mapping[str, Any], team: str, model: str
) -> dict[str, str] | None:
    """A model's texts by study; `None` where there are none, or none that belong to these references."""
    path = cases_folder(leaderboard, board) / f"{team}__{model}.json"
    if not path.is_file():
        return None
    found = _read(path, board)
    same = all(found[k] == references[k] for k in ("protocol", "references_sha256"))
    return found["texts"] if same and found["texts"].keys() == references["texts"].keys() else None


def _read(path: Path, board: Board) -> dict[str, Any]:
    team, _, model = path.stem.partition("__")
    again = score_again(board, team, model) if model else "Score any submission to the data set again."
    try:
        value: dict[str, Any] = load_json(path)
        here = (value["schema"], value["dataset"], value["track"])
        strings = all(isinstance(t, str) for t in value["texts"].values())
        said = all(isinstance(value[k], str) for k in ("protocol", "references_sha256"))
        if here != (CASES_SCHEMA, board.dataset.id, board.track) or not strings or not said:
            raise ValueError("it is of another board or version")  # noqa: TRY301
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RexrankError(f"cannot read the texts {path}: {error}. {again}") from error
    return value
