"""The whole leaderboard as one archive that can be cited, with its metadata for Zenodo; one commit gives the same bytes.

Zenodo's metadata: https://help.zenodo.org/docs/github/describe-software/zenodo-json, in the form of its legacy deposit
schema (`legacyrecord.json` of github.com/zenodo/zenodo).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, ValidationError

from evaluator.core.archive import zip_bytes
from evaluator.core.files import dump_json, sha256_bytes
from evaluator.core.problems import InputError, RexrankError
from evaluator.core.typed import Typed, absent, view
from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import track_title
from evaluator.leaderboard.table import Table, read_tables
from evaluator.scoring.record import RecordAuthor
from evaluator.scoring.records import Board, load_record

METADATA: Final = ".zenodo.json"
SUMS: Final = "SHA256SUMS"
ELSEWHERE: Final = "pairwise"
"""Parts of a leaderboard with their own branch, which are left out: they can be recomputed from the scores."""


class Creator(Typed):
    """A creator of a deposit."""

    name: str
    affiliation: str | None = absent("Affiliation", "")
    orcid: str | None = absent("ORCID iD", "")


class Contributor(Creator):
    """A further contributor, and their role."""

    type: str


class Related(Typed):
    """A related work of a deposit."""

    identifier: str
    relation: str
    scheme: str


class Deposit(Typed):
    """The metadata of a deposit for Zenodo."""

    title: str
    upload_type: str
    description: str
    creators: Annotated[tuple[Creator, ...], Field(strict=False)]
    access_right: str
    license: str
    keywords: Annotated[tuple[str, ...], Field(strict=False)]
    related_identifiers: Annotated[tuple[Related, ...], Field(strict=False)]
    contributors: Annotated[tuple[Contributor, ...], Field(strict=False)] = ()
    publication_date: str = ""


def read_deposit(root: Path) -> Deposit:
    """The metadata of the repository itself; raises `RexrankError` for a file that is missing or has another form."""
    path = root / METADATA
    try:
        return Deposit.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RexrankError(f"cannot use {path}: {error}") from error


def board_deposit(base: Deposit, date: str, authors: Iterable[RecordAuthor]) -> Deposit:
    """The metadata of the boards as of a day: the challenge's, with the authors of the models as contributors."""
    own = challenge()
    people: dict[tuple[str, str], Contributor] = {}
    for author in authors:
        details = {k: v for k, v in (("affiliation", author.affiliation), ("orcid", author.orcid)) if v}
        person = Contributor.model_validate({"name": author.name, "type": "Researcher", **details})
        people.setdefault((author.orcid or "", "" if author.orcid else author.name), person)
    # tie: none, a name and an iD appear once
    contributors = tuple(sorted(people.values(), key=lambda p: (p.name, p.orcid or "")))
    changes = {
        "title": f"{own.name}: the boards as of {date}",
        "creators": (Creator(name=own.steward),),
        "description": f"{own.about} Every table, the history and the records behind each row.",
        "upload_type": "dataset",
        "publication_date": date,
        **({"contributors": contributors} if contributors else {}),
    }
    return base.model_copy(update=changes)


def snapshot(root: Path, leaderboard: Path, date: str) -> dict[str, bytes]:
    """The files of a release by name: the archive, the digests, the metadata for Zenodo, and the release notes.

    Raises `InputError` if there is no table to release, and for rehearsals, which are not results.
    """
    tables = list(read_tables(leaderboard / "tables"))
    if not tables:
        raise InputError(f"{leaderboard} contains no table: nothing to release.")
    rehearsed = [t.name for t in tables if t.rehearsal]
    if rehearsed:
        raise InputError(f"rehearsals are not results and are not released: {', '.join(rehearsed)}.")
    deposit = board_deposit(read_deposit(root), date, _authors(leaderboard, tables))
    metadata = dump_json(view(deposit)).encode()
    notes = _notes(tables, deposit, date).encode()
    files = {**_contents(root, leaderboard), METADATA: metadata, "README.md": notes}
    files[SUMS] = sums(files)
    name = f"rexrank-boards-{date}"
    released = {
        f"{name}.zip": zip_bytes({f"{name}/{k}": v for k, v in files.items()}),
        "zenodo.json": metadata,
        "notes.md": notes,
    }
    return {**released, SUMS: sums({k: v for k, v in released.items() if k != "notes.md"})}


def sums(files: Mapping[str, bytes]) -> bytes:
    """The SHA-256 digests of files as `sha256sum -c` reads them, sorted by name."""
    return "".join(f"{sha256_bytes(files[name])}  {name}\n" for name in sorted(files)).encode()


def _contents(root: Path, leaderboard: Path) -> dict[str, bytes]:
    """The leaderboard's current files, with the licence and how to cite; raises `RexrankError` for a link."""
    contents = {}
    for path in sorted(leaderboard.rglob("*")):
        name = path.relative_to(leaderboard)
        if name.parts[0] == ELSEWHERE or any(p.startswith(".") for p in name.parts):
            continue
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise RexrankError(f"{path} is not a regular file. Remove it, then release again.")
        if path.is_file():
            contents[f"leaderboard/{name.as_posix()}"] = path.read_bytes()
    return {**contents, **{n: (root / n).read_bytes() for n in ("CITATION.cff", "LICENSE")}}


def _authors(leaderboard: Path, tables: Iterable[Table]) -> list[RecordAuthor]:
    """The authors whom the cards of the models on the tables name."""
    authors: list[RecordAuthor] = []
    for table in tables:
        board = Board(get_dataset(table.dataset), table.track)
        for row in (r for r in table.all_rows if r.kind == "submission"):
            authors += load_record(leaderboard / row.record, board).card.authors or ()
    return authors


def _notes(tables: Iterable[Table], deposit: Deposit, date: str) -> str:
    """The contents of a release and how to cite it, as Markdown, without any untrusted text."""
    lines = [f"# The boards as of {date}", "", "| Board | Models |", "|---|---|"]
    lines += [f"| {t.title}, {track_title(t.track)} | {len(t.rows)} |" for t in tables]
    maker = deposit.creators[0].name
    lines += [
        "",
        (
            "Tables (`leaderboard/tables`, JSON, CSV and Markdown), overall tables, the overview, the history and the records "
            f"behind every row. `{SUMS}` has the SHA-256 digest of every file: `sha256sum -c {SUMS}`."
        ),
        "",
        f"Cite as: {maker}, *{deposit.title}*; and the ReXrank paper (`CITATION.cff`).",
    ]
    return "\n".join(lines) + "\n"
