"""Main's next leaderboard: a checked bundle combined with hand-written files, in a folder for the job that pushes.

That job (`.github/push.py`) has the token and runs none of this code; this one runs this code and has no
token.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from evaluator.core.files import dump_json, sha256_bytes, write_bytes, write_text
from evaluator.core.problems import Problems, RexrankError
from evaluator.core.typed import view
from evaluator.datasets.tasks.task import all_tracks
from evaluator.github.bundle import ALLOWED, BUNDLE_SCHEMA, PUBLISHED, checked_bundle
from evaluator.github.bundle_content import Bundle
from evaluator.github.bundle_rules import HISTORY
from evaluator.github.git_objects import SHA
from evaluator.github.ownership import record_owners
from evaluator.leaderboard.history import sound_bytes
from evaluator.leaderboard.overall_files import pairwise_name
from evaluator.leaderboard.overall_table import read_overall
from evaluator.leaderboard.pairwise_file import pairwise_bytes, read_pairwise
from evaluator.leaderboard.table import read_table
from evaluator.scoring.records import typed_record
from evaluator.submissions.parsing import parse_yaml
from evaluator.submissions.rules.files import CARD_NAME

PAIRWISE: Final = "pairwise"
"""The bundle's folder that is not part of main's leaderboard: it goes to its own branch, in one commit."""

PUBLISHED_SCHEMA: Final = "rexrank/published/v1"


def prepare(root: Path, bundle: Path, out: Path, id_of: Callable[[str], int | None] | None = None) -> bool:
    """Whether there is anything to publish, after writing `out/base.json`, `out/leaderboard/` and `out/pairwise/`.

    `root`: a checkout of main. A bundle of other submissions than main's is not used at all: merging them
    starts its own run. `id_of` gives the numeric id of a handle, for `leaderboard/owners.json`. Raises
    `RexrankError` for a row that does not belong to the prediction file in main's tree, and for a history
    that does not continue main's.
    """
    out.mkdir(parents=True, exist_ok=True)
    if submissions_of(root) != bundle_of(bundle):
        write_text(out / "base.json", "null\n")
        return False
    known = checked_bundle(bundle, root)
    base = {name: _git(root, "ls-tree", "HEAD", name).strip() for name in ("submissions", "leaderboard")}
    target = out / "leaderboard"
    if (root / "leaderboard").is_dir():
        shutil.copytree(root / "leaderboard", target)
    _lay(target, known)
    note = {"schema": PUBLISHED_SCHEMA, "submissions": submissions_of(root)}
    write_text(target / PUBLISHED, dump_json(note))
    if id_of is not None:
        record_owners(root, id_of, target)
    write_text(out / "base.json", dump_json(base))
    return True


def submissions_of(root: Path) -> str:
    """The object id of `submissions/` in the checked-out commit: the same bytes, the same id."""
    return _git(root, "rev-parse", "HEAD:submissions").strip()


def bundle_of(bundle: Path) -> str:
    """The id of the submissions from which a bundle was made; raises `RexrankError` without one."""
    try:
        value = json.loads((bundle / "bundle.json").read_text("utf-8"))
        source = value["submissions"] if value["schema"] == BUNDLE_SCHEMA else ""
    except (OSError, ValueError, KeyError, TypeError):
        source = ""
    if not isinstance(source, str) or not SHA.fullmatch(source):
        raise RexrankError("the bundle does not say which submissions it was built from.")
    return source


def _lay(leaderboard: Path, bundle: Bundle) -> None:
    """Replaces what the publisher wrote before by the bundle; refuses a row for predictions that main does not have."""
    for path in [p for p in leaderboard.rglob("*") if p.is_file()]:
        name = path.relative_to(leaderboard).as_posix()
        if ALLOWED.fullmatch(name) and name != HISTORY:
            path.unlink()
    shutil.rmtree(leaderboard / PAIRWISE, ignore_errors=True)  # not on main
    for name in bundle.names:
        if name == HISTORY:
            _append_only(leaderboard / name, bundle.folder / name)
        if not live(bundle, name):
            raise RexrankError(
                "the bundle has a row that is not for the predictions on main. Run the job again."
            )
        apart = name.startswith(f"{PAIRWISE}/")
        write_bytes(
            (leaderboard.parent if apart else leaderboard) / name, published_bytes(bundle.folder, name)
        )
    for folder in sorted((p for p in leaderboard.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            shutil.rmtree(folder)


def published_bytes(bundle: Path, name: str) -> bytes:
    """The bytes to publish: Parquet files are rewritten from their rows, since they can contain more than rows."""
    path = bundle / name
    if name.startswith(f"{PAIRWISE}/"):
        track = next((t for t in all_tracks() if pairwise_name(t) == name), None)
        table = (
            read_table(bundle / "tables" / f"{path.stem}.json")
            if track is None
            else read_overall(bundle / f"overall.{track}.json")
        )
        return pairwise_bytes(read_pairwise(path, table))
    if not name.startswith("studies/"):
        return path.read_bytes()
    import pyarrow.parquet as pq

    from evaluator.scoring.records import SUBGROUP_PREFIX, studies_bytes

    frame = pq.read_table(path).to_pandas(ignore_metadata=True)
    groups = [c for c in frame.columns if str(c).startswith(SUBGROUP_PREFIX)]
    return studies_bytes(frame.astype(dict.fromkeys(groups, "string")))


def _append_only(old: Path, new: Path) -> None:
    """Raises `RexrankError` unless the new history only adds to the old one; a torn last line may be dropped."""
    if old.exists() and not new.read_bytes().startswith(sound_bytes(old)):
        raise RexrankError("the bundle's history does not continue main's. Run the job again.")


def live(bundle: Bundle, name: str) -> bool:
    """Whether a record is for the predictions and card on main; true for a record without a submission."""
    main = bundle.submissions
    if not name.startswith("records/") or main is None:
        return True
    record = typed_record(bundle.folder / name)
    if record.kind == "null":
        return True
    folder = f"submissions/{record.team}/{record.model}"
    source, card = f"{folder}/{record.dataset}.json", main.read(f"{folder}/{CARD_NAME}")
    if card is None or not main.has(source):
        return False
    of_main = parse_yaml(CARD_NAME, card.decode("utf-8"), Problems())
    if view(record.card) != json.loads(json.dumps(of_main, default=str)):
        return False
    if bundle.is_settled(name, source):
        return True
    predictions = main.read(source)
    return predictions is not None and sha256_bytes(predictions) == record.provenance.predictions_sha256


def _git(root: Path, *args: str) -> str:
    process = subprocess.run(  # noqa: S603 - an argument list
        ["git", "-C", str(root), *args],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if process.returncode:
        raise RexrankError(f"git {args[0]} failed with status {process.returncode}. Run the job again.")
    return process.stdout
