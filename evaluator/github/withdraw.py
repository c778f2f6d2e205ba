"""A withdrawal as an edit of the model card: the row is removed, a line with the reason stays."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import yaml

from evaluator.core.files import write_text
from evaluator.core.problems import InputError, Problems
from evaluator.submissions.parsing import parse_yaml
from evaluator.submissions.rules.card import check_card
from evaluator.submissions.rules.files import CARD_NAME, SLUG

_STATUS: Final = re.compile(r"^status:.*$", re.MULTILINE)
_LATER: Final = re.compile(r"^(?:reason|superseded_by):.*\n?", re.MULTILINE)


def withdraw(root: Path, name: str, reason: str) -> Path:
    """The path of the card of `team/model` below `root`, marked as withdrawn with the reason; other lines are kept.

    Raises `InputError` for a name without a card, and for a card that would then be invalid.
    """
    team, _, model = name.partition("/")
    path = root / team / model / CARD_NAME
    if not (SLUG.fullmatch(team) and SLUG.fullmatch(model) and path.is_file()):
        raise InputError(f"there is no {root}/{name}/{CARD_NAME}. Give team/model as in the folder name.")
    text = withdrawn_card(path.read_text("utf-8"), reason)
    problems = Problems()
    check_card(str(path), text, parse_yaml(str(path), text, problems), problems)
    if not problems.ok:
        first = next(iter(problems))
        raise InputError(f"{path} would not be valid: {first.found}; wanted {first.wanted}.")
    write_text(path, text)
    return path


def withdrawn_card(text: str, reason: str) -> str:
    r"""A card's text with the status withdrawn and a reason, quoted so that it is only text.

    >>> withdrawn_card("name: A\nstatus: active\n", 'found a "bug"')
    'name: A\nstatus: withdrawn\nreason: "found a \\"bug\\""\n'
    """
    words = {"reason": " ".join(reason.split())}
    dumped = yaml.safe_dump(words, default_style='"', allow_unicode=True, width=10_000).strip()
    lines = "status: withdrawn\n" + dumped.replace('"reason"', "reason", 1)
    bare = _LATER.sub("", text)
    if _STATUS.search(bare):
        return _STATUS.sub(lambda _: lines, bare, count=1)
    return bare.rstrip("\n") + f"\n{lines}\n"
