"""A model card on the model hub as the start of ours. Its contents are untrusted until checked."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from typing import Final

from pydantic import JsonValue

from evaluator.core.problems import InputError, Problems, RexrankError, first_line
from evaluator.submissions.card_draft import CardDraft
from evaluator.submissions.parsing import decode, parse_yaml
from evaluator.submissions.rules.card import training_names

HUB: Final = "https://huggingface.co"
MAX_BYTES: Final = 500_000
SECONDS: Final = 15.0
_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_FRONT: Final = re.compile(r"---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_NO_PROSE: Final = re.compile(r"[#<>|!\[`{*\-=]|\d+\.")
_MARKUP: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*_`]{1,3}")


def hub_draft(name: str) -> CardDraft:
    """The draft made from the hub's card of the model `owner/name`.

    Raises `InputError` for an invalid model name, `RexrankError` if the hub cannot be reached or has no card.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"--hub-model {name!r}: wanted owner/model, as in its model hub URL.")
    return draft_of(name, _fetched(name))


def _fetched(name: str) -> str:
    hub = (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    if not hub.startswith(("https://", "http://")):
        raise InputError(f"HF_ENDPOINT is {hub!r}: wanted an address that begins with https://.")
    address = f"{hub}/{name}/raw/main/README.md"
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:  # noqa: S310 - the scheme was looked at
            data: bytes = answer.read(MAX_BYTES + 1)
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise RexrankError(
            f"the card of {name} cannot be read from {hub} ({first_line(error)}). Leave out --hub-model to continue without it."
        ) from error
    if len(data) > MAX_BYTES:
        raise RexrankError(f"the card of {name} is larger than {MAX_BYTES:,} bytes. Leave --hub-model out.")
    return data.decode("utf-8", "replace")


def draft_of(name: str, text: str) -> CardDraft:
    """The draft from a hub card: name, licence, training data, description, address of the weights."""
    front, body = {}, text
    if match := _FRONT.match(text):
        problems = Problems()
        content = decode("README.md", match[1].encode("utf-8", "replace"), problems)
        value = parse_yaml("README.md", content, problems) if content is not None else None
        front, body = (value if isinstance(value, dict) else {}), text[match.end() :]
    licence = _line(
        front.get("license_name") if front.get("license") == "other" else front.get("license"), 60
    )
    return CardDraft(
        name=_line(name.partition("/")[2], 60),
        institution=_line(name.partition("/")[0], 100),
        description=_prose(body),
        weights=f"{HUB}/{name}",
        license=licence,
        training_data=_training(front.get("datasets")),
    )


def _line(value: JsonValue, longest: int) -> str | None:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return text[:longest].strip() if text and text.isprintable() else None


def _training(value: JsonValue) -> tuple[str, ...] | None:
    """The datasets under our registry's names, matched by the last part of their hub names; others as `other:`."""
    sets = value if isinstance(value, list) else [value]
    known = [_line(v, 100) for v in sets[:40]]
    names = [v.lower().rpartition("/")[2].replace("_", "-") for v in known if v]
    whole = [v for v in known if v]
    entries = [n if n in training_names() else f"other:{w}" for n, w in zip(names, whole, strict=True)]
    return tuple(dict.fromkeys(entries)) or None


def _prose(body: str) -> str | None:
    """The first paragraph of plain sentences, without markup, at most 1,000 characters."""
    for paragraph in re.split(r"\r?\n[ \t]*\r?\n", body[:50_000]):
        text = " ".join(paragraph.split())
        if text and not _NO_PROSE.match(text):
            plain = _MARKUP.sub(r"\1", text)
            if len(plain.split()) >= 5 and plain.isprintable():
                return plain if len(plain) <= 1000 else plain[:999].rsplit(" ", 1)[0] + "…"
    return None
