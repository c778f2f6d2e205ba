"""The owners of a submission: the handles on its card on main, checked against their numeric ids at publication.

A login can be given up and registered by somebody else; a numeric id cannot. `leaderboard/owners.json`
contains `{"team/model": {"handle": id}}` and is written only by the publisher.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evaluator.core.files import dump_json, write_text
from evaluator.core.problems import Problems, RexrankError, visible
from evaluator.github.git_objects import git
from evaluator.submissions.parsing import decode, parse_yaml
from evaluator.submissions.rules.files import CARD_NAME, MAX_CARD_BYTES

OWNERS: Final = "owners.json"
MAX_OWNERS_BYTES: Final = 10_000_000
Owners = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Person:
    """The opener of a pull request: login and numeric id, and whether they are a maintainer."""

    login: str
    id: int
    maintainer: bool = False


def objection(git_dir: Path, folder: str, person: Person, handles: Sequence[str] = ()) -> str | None:
    """Why a person may not change the submission on main, or `None`; plain text, to be escaped.

    `handles`: the contacts on the pull request's card. A new model of an existing team needs one of the
    team's people; a new team needs one from its own card.
    """
    if person.maintainer:
        return None
    _, team, model = folder.split("/")
    known = _owners(git_dir)
    own = _handles(git_dir, folder)
    if own is not None:
        return _refusal(person, own, known.get(f"{team}/{model}", {}), f"{team}/{model}")
    others = [p for p in _folders(git_dir, team) if p != folder]
    if not others:
        return _newcomer(person, handles, team)
    words = [
        _refusal(person, _handles(git_dir, p) or [], known.get(p.partition("/")[2], {}), f"the team {team}")
        for p in others
    ]
    return None if None in words else words[0]


def import_objection(
    before: bytes | None, after: bytes | None, person: Person, *, other_predictions: bool
) -> str | None:
    """Why a person may not change a card's `imported` this way, or `None`.

    `before`, `after`: the card on main and the new one. Only maintainers write the field, because they vouch
    for its date. Anyone who may change the model may remove it, which is required when the predictions
    change.
    """
    origin = _imported(after)
    if person.maintainer or origin is None:
        return None
    if origin != _imported(before):
        return "only maintainers may write imported in model.yaml: it records where predictions come from, and when. Leave it as on main, or remove it"
    if other_predictions:
        return "these predictions are not the imported ones: remove imported from model.yaml"
    return None


def _imported(card: bytes | None) -> Any:
    """The field `imported` of a card's bytes; `None` without one, and for a card that cannot be read."""
    problems = Problems()
    content = decode(CARD_NAME, card, problems) if card is not None else None
    value = parse_yaml(CARD_NAME, content, problems) if content is not None else None
    return value.get("imported") if isinstance(value, dict) else None


def card_on_main(git_dir: Path, folder: str) -> bytes | None:
    """The bytes of a submission's card on main; `None` if there is none."""
    return _blob(git_dir, f"{folder}/{CARD_NAME}", MAX_CARD_BYTES)


def is_published(git_dir: Path, folder: str) -> bool:
    """Whether main has a card of the submission."""
    return _handles(git_dir, folder) is not None


def _newcomer(person: Person, handles: Sequence[str], team: str) -> str | None:
    if person.login.lower() in {h.lower() for h in handles}:
        return None
    login = visible(person.login)
    return f"{login} is not listed under contact in the model.yaml of this pull request, and only a contact may open a new team's folder ({visible(team)}). Add the handle to contact, or have one of the contacts open it"


def _refusal(person: Person, handles: list[str], ids: Mapping[str, int], what: str) -> str | None:
    logins = {h.lower() for h in handles}
    owners = {h.lower(): i for h, i in ids.items()}
    login = visible(person.login)
    if person.login.lower() not in logins:
        return f"{login} is not a contact of {what}: only the handles under contact in its model.yaml on main may change it. Ask one of them to open the pull request, or to add you to contact first"
    expected = owners.get(person.login.lower())
    if expected is not None and expected != person.id:
        return f"the account {login} is not the one that was a contact of {what} when it was published (its numeric id differs). Ask a maintainer"
    return None


def _blob(git_dir: Path, path: str, limit: int) -> bytes | None:
    """A file of main, `None` where there is none; raises `RexrankError` if it is too large."""
    if not git(git_dir, "ls-tree", "refs/rex/base", "--", path):
        return None
    if int(git(git_dir, "cat-file", "-s", f"refs/rex/base:{path}")) > limit:
        raise RexrankError(f"{path} on main is larger than {limit:,} bytes.")
    return git(git_dir, "cat-file", "blob", f"refs/rex/base:{path}")


def _handles(git_dir: Path, folder: str) -> list[str] | None:
    """The contacts of a card on main; `None` without a card, empty for one that cannot be read."""
    path = f"{folder}/{CARD_NAME}"
    data = _blob(git_dir, path, MAX_CARD_BYTES)
    return None if data is None else contacts(path, data)


def contacts(path: str, data: bytes) -> list[str]:
    """The handles of a card's bytes; empty for a card that cannot be read."""
    problems = Problems()
    content = decode(path, data, problems)
    card = parse_yaml(path, content, problems) if content is not None else None
    handles = card.get("contact") if isinstance(card, dict) else None
    return [h.strip() for h in handles if isinstance(h, str)] if isinstance(handles, list) else []


def _folders(git_dir: Path, team: str) -> list[str]:
    raw = git(git_dir, "ls-tree", "-d", "-z", "--name-only", "refs/rex/base", "--", f"submissions/{team}/")
    return [p.decode("utf-8", "backslashreplace") for p in raw.split(b"\0")[:-1]]


def _owners(git_dir: Path) -> Owners:
    data = _blob(git_dir, f"leaderboard/{OWNERS}", MAX_OWNERS_BYTES)
    return {} if data is None else parse_owners(data)


def parse_owners(data: bytes) -> Owners:
    """The recorded ids; raises `RexrankError` for a file of another form: ownership would be unknown."""
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RexrankError(f"leaderboard/{OWNERS} is not JSON ({error}). Restore it from git.") from error
    entries = value.values() if isinstance(value, dict) else [None]
    if not all(isinstance(e, dict) and all(type(i) is int for i in e.values()) for e in entries):
        raise RexrankError(f'leaderboard/{OWNERS}: wanted {{"team/model": {{"handle": id}}}}.')
    owners: Owners = value
    return owners


def record_owners(root: Path, id_of: Callable[[str], int | None], leaderboard: Path | None = None) -> bool:
    """Whether `owners.json` of the leaderboard (by default, the work tree's) changed: adds ids of handles without one.

    A recorded id stays as long as its handle is a contact; `id_of` gives `None` for what it cannot find.
    """
    path = (leaderboard or root / "leaderboard") / OWNERS
    known = parse_owners(path.read_bytes()) if path.exists() else {}
    new: dict[str, dict[str, int]] = {}
    for card in sorted((root / "submissions").glob(f"*/*/{CARD_NAME}")):
        name = f"{card.parent.parent.name}/{card.parent.name}"
        ids = {}
        for handle in contacts(name, card.read_bytes()[:MAX_CARD_BYTES]):
            number = known.get(name, {}).get(handle)
            number = id_of(handle) if number is None else number
            if number is not None:
                ids[handle] = number
        if ids:
            new[name] = ids
    return (bool(new) or path.exists()) and write_text(path, dump_json(new))
