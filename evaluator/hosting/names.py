"""Other files of a checkout that name the challenge and its people: their texts according to `challenge.toml`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from evaluator.core.files import parse_strict
from evaluator.datasets.challenge import Challenge
from evaluator.datasets.registry import dataset_ids, example_dataset, get_dataset

OWNERS: Final = Path(".github/CODEOWNERS")
FORM: Final = Path(".github/ISSUE_TEMPLATE/submission.yml")
TRAINING: Final = Path("evaluator/submissions/rules/training_data.txt")
STANDS_FOR: Final = "my-set"
"""The dataset in examples, to be replaced by the reader."""
_CHOICE: Final = re.compile(r"(  id: dataset\n(?:  .*\n)*?    options:\n)((?:    - .*\n)+)")
"""The datasets in the submission form."""
_AUTHORS: Final = re.compile(r"^authors:\n((?:[ -].*\n)*)", re.MULTILINE)


def other_names(root: Path, challenge: Challenge) -> dict[Path, str]:
    """By file below a checkout, the correct text of every file that differs; missing files are left out."""
    texts: dict[Path, str] = {}
    for name, revise in _REVISIONS.items():
        path = root / name
        if path.is_file() and not path.is_symlink():
            old = path.read_text("utf-8")
            new = revise(old, challenge)
            texts |= {path: new} if new != old else {}
    return texts


def owners(text: str, challenge: Challenge, gone: Collection[str] = ()) -> str:
    """CODEOWNERS with the challenge's people instead of others': of `gone`, and of another organisation's teams.

    Single accounts stay, because a host may name more people than `challenge.toml` does; if none of its
    people is in the file, all of it belongs to another challenge.
    """
    people = (*challenge.maintainers, *challenge.security)
    ours = bool({*people} & {*text.split()})
    organisation = challenge.repository.partition("/")[0].lower()

    def foreign(owner: str) -> bool:
        team = owner.startswith("@") and "/" in owner
        elsewhere = owner[1:].partition("/")[0].lower() != organisation if team else not ours
        return "@" in owner and owner not in people and (elsewhere or owner in gone)

    def line(match: re.Match[str]) -> str:
        revision: list[str] = []
        replacements = iter((challenge.maintainers,))
        for owner in match[2].split():
            revision += next(replacements, challenge.security) if foreign(owner) else [owner]
        if revision == match[2].split():
            return match[0]
        return match[1] + " ".join(dict.fromkeys(revision))

    return re.sub(r"^([^#\s]\S*[ \t]+)([^#\n]*[^#\s])", line, text, flags=re.MULTILINE)


def choices(text: str, ids: Iterable[str]) -> str:
    """The issue form with a choice of these datasets, in this order if it now has others."""
    wanted = [*ids]
    match = _CHOICE.search(text)
    if match is None or {line[6:] for line in match[2].splitlines()} == {*wanted}:
        return text
    return text.replace(match[2], "".join(f"    - {d}\n" for d in wanted), 1)


def training_names(text: str, names: Iterable[str]) -> str:
    """The list of training sets that a model card may name, with those of these datasets at its end."""
    missing = [n for n in dict.fromkeys(names) if n not in text.split()]
    return text.rstrip("\n") + "\n" + "".join(f"{n}\n" for n in missing) if missing else text


def _owners(text: str, challenge: Challenge) -> str:
    return owners(text, challenge)


def _choices(text: str, _: Challenge) -> str:
    return choices(text, dataset_ids())


def _training(text: str, challenge: Challenge) -> str:
    return training_names(text, (n for d in challenge.datasets for n in get_dataset(d).training_names))


def _readme(text: str, challenge: Challenge) -> str:
    """The README with the right title, and with a dataset that participants can use in its commands."""
    known = {*dataset_ids(), STANDS_FOR}
    whole = re.sub(r"\A# .*", lambda _: f"# {challenge.name}", text)
    return re.sub(r"(?<=--dataset )[a-z0-9-]+", lambda d: d[0] if d[0] in known else example_dataset(), whole)


def _citation(text: str, challenge: Challenge) -> str:
    """CITATION.cff with the right title, addresses and, if a single organisation is the author, steward."""
    fields = {"title": challenge.name, "repository-code": challenge.repository_url, "url": challenge.site}
    for key, value in fields.items():
        text = re.sub(rf"^{key}: .*", f"{key}: {_literal(value)}", text, count=1, flags=re.MULTILINE)
    authors = _AUTHORS.search(text)
    if authors and re.fullmatch(r"  - name: .*\n", authors[1]):
        steward = f"  - name: {json.dumps(challenge.steward, ensure_ascii=False)}\n"
        text = text.replace(authors[1], steward, 1)
    return text


def _deposit(text: str, challenge: Challenge) -> str:
    """Zenodo's title, description and single creator.

    The rest of the file stays, and all of it if it is not an object.
    """
    try:
        value = parse_strict(text.encode())
    except ValueError:
        return text
    if not isinstance(value, dict):
        return text
    pairs = [("title", value.get("title"), challenge.name)]
    if not str(value.get("description", "")).startswith(challenge.about):
        pairs.append(("description", value.get("description"), challenge.about))
    creators = value.get("creators")
    if isinstance(creators, list) and len(creators) == 1 and isinstance(creators[0], dict):
        pairs.append(("name", creators[0].get("name"), challenge.steward))
    for key, old, new in pairs:
        known = rf'("{key}":\s*){re.escape(json.dumps(old, ensure_ascii=False))}'
        text = re.sub(known, rf"\1{_literal(new)}", text, count=1)
    return text


def _container(text: str, challenge: Challenge) -> str:
    """The development container's configuration with the right name."""
    return re.sub(r'^(\s*"name": )".*"', rf"\1{_literal(challenge.name)}", text, count=1, flags=re.MULTILINE)


def _literal(words: str) -> str:
    """Words as a string of JSON and YAML, escaped for use as a regular expression's replacement."""
    return json.dumps(words, ensure_ascii=False).replace("\\", r"\\")


_REVISIONS: Final[Mapping[str, Callable[[str, Challenge], str]]] = {
    OWNERS.as_posix(): _owners,
    FORM.as_posix(): _choices,
    TRAINING.as_posix(): _training,
    "README.md": _readme,
    "CITATION.cff": _citation,
    ".zenodo.json": _deposit,
    ".devcontainer/devcontainer.json": _container,
}


def lines_that_differ(old: str, new: str) -> Sequence[tuple[int, str, str]]:
    """By line number of the old text, the current and the correct line; a missing line is reported at its place."""
    from difflib import SequenceMatcher
    from itertools import zip_longest

    before, after = old.splitlines(), new.splitlines()
    places = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            pairs = zip_longest(before[a:b], after[c:d], fillvalue="")
            places += [(a + i + 1, x.strip(), y.strip()) for i, (x, y) in enumerate(pairs)]
    return places
