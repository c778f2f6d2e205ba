"""The model card (RX502–RX504), by its JSON Schema and the rules a schema cannot say."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from evaluator.checks.structure import schema
from evaluator.checks.text import character_codes
from evaluator.problems import Problems, pointer, visible

SCHEMA = "model-card-v1.schema.json"


@cache
def training_names() -> frozenset[str]:
    """The registry of training sets."""
    text = resources.files("evaluator.checks").joinpath("training_data.txt").read_text("utf-8")
    return frozenset(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema(SCHEMA))


def check_card(file: str, card: Any, problems: Problems) -> bool:
    """Whether the card may be used, after naming every problem."""
    before = problems.n_errors
    for error in _validator().iter_errors(card):
        _report(file, error, problems)
    if isinstance(card, dict):
        _check_characters(file, card, problems)
        _check_links(file, card.get("links"), problems)
        _check_training(file, card.get("training_data"), problems)
    return problems.n_errors == before


def _report(file: str, error: Any, problems: Problems) -> None:
    field = error.schema.get("title") or error.validator
    wanted = error.schema.get("description") or ""
    found, ask = visible(error.message, 200), ""
    if error.validator == "required":
        name = next(k for k in error.validator_value if k not in error.instance)
        found, ask = f"the field {name!r} is missing", f"add {name}"
        wanted = schema(SCHEMA)["properties"].get(name, {}).get("description", wanted)
    elif error.validator == "additionalProperties":
        known = error.schema["properties"]
        extra = [str(k) for k in error.instance if k not in known]
        found, wanted = f"unknown fields: {', '.join(extra[:5])}", f"only {', '.join(known)}"
        ask = "remove them"
    elif error.validator == "type":
        kinds = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        found = f"{field}: {'nothing' if error.instance is None else repr(visible(error.instance))}"
        wanted = f"a value of type {' or '.join(kinds)}: {wanted}"
        ask = f"fill in {'.'.join(map(str, error.path))}"
    elif error.validator == "minItems":
        found = f"{field}: an empty list"
    elif error.validator == "enum":
        found = f"{field}: {visible(error.instance)!r}"
        wanted = "one of " + ", ".join(map(str, error.validator_value))
    problems.add(
        "RX502",
        file,
        pointer=pointer(*error.path),
        found=found,
        wanted=wanted or "what the card's schema says",
        fix=ask or f"mend the field {'.'.join(map(str, error.path)) or 'named'}",
    )


def _check_characters(file: str, card: Mapping[str, Any], problems: Problems) -> None:
    """Names and descriptions are shown on pages: no hidden or reversing characters."""
    for path, text in _strings(card, ()):
        for code, character in character_codes(text).items():
            problems.add(
                code,
                file,
                pointer=pointer(*path),
                found=f"the character U+{ord(character):04X} in the model card",
                wanted="visible characters only",
                fix="remove it",
            )


def _strings(value: Any, path: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        return [(path, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in _strings(item, (*path, key))]


def public_https(address: str) -> bool:
    """Whether an address is https, names a public host and carries no user or odd character.

    >>> public_https("https://arxiv.org/abs/2411.15122"), public_https("http://arxiv.org")
    (True, False)
    """
    if any(c.isspace() or c in "<>\"'`\\" or not c.isprintable() for c in address):
        return False
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or "." not in host or "@" in parts.netloc or port not in {None, 443}:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return not host.endswith((".local", ".localhost", ".internal"))
    return False


def _check_links(file: str, links: Any, problems: Problems) -> None:
    """RX503."""
    for name, address in links.items() if isinstance(links, dict) else ():
        if isinstance(address, str) and not public_https(address):
            problems.add(
                "RX503",
                file,
                pointer=pointer("links", name),
                found=f"the address {visible(address)!r}",
                wanted="https:// and a public host name",
                fix="give the https address, or remove the link",
            )


def _check_training(file: str, names: Any, problems: Problems) -> None:
    """RX504."""
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str) and name not in training_names() and not name.startswith("other:"):
            problems.add(
                "RX504",
                file,
                pointer=pointer("training_data", index),
                found=f"the training set {visible(name)!r} is not in the registry",
                wanted=f"one of {', '.join(sorted(training_names()))}, or other:<text>",
                fix=f"write {visible('other: ' + name)!r} if it is none of them",
            )
