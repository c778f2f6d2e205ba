"""The model card (RX502–RX505), by its JSON Schema and the rules a schema cannot express."""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from functools import cache, partial
from importlib import resources
from typing import Any, Final
from urllib.parse import urlsplit

from evaluator.core.problems import Problems, pointer, visible
from evaluator.core.typed import is_day
from evaluator.submissions.model_card import ORCID
from evaluator.submissions.parsing import yaml_line_of
from evaluator.submissions.rules.characters import character_codes

_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


@cache
def training_names() -> frozenset[str]:
    """The registry of training sets."""
    text = resources.files("evaluator.submissions.rules").joinpath("training_data.txt").read_text("utf-8")
    return frozenset(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


@cache
def _schema() -> Any:
    """The schema of a card as it is published; to generate it from the model would take longer than to check a card."""
    text = resources.files("evaluator.schemas").joinpath("model-card-v1.schema.json").read_text("utf-8")
    return json.loads(text)


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    # To JSON Schema 2026.0 is an integer; to a reader it is not, and pages would show the decimals.
    whole = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return extend(Draft202012Validator, type_checker=whole)(_schema())  # type: ignore[no-untyped-call]


def check_card(file: str, text: str, card: Any, problems: Problems) -> bool:
    """Whether the card may be used, after reporting every problem; `text` is the file's, for line numbers."""
    before = problems.n_errors
    # tie: the schema's order, with what only some cards need last
    for error in sorted(_validator().iter_errors(card), key=_place):
        _report(file, text, error, problems)
    if isinstance(card, dict):
        _check_characters(file, text, card, problems)
        _check_links(file, text, card.get("links"), problems)
        _check_training(file, text, card.get("training_data"), problems)
        _check_authors(file, text, card.get("authors"), problems)
        _check_import(file, text, card.get("imported"), problems)
    return problems.n_errors == before


def _place(error: Any) -> tuple[list[str], bool]:
    return [str(p) for p in error.path], "allOf" in error.schema_path


def _report(file: str, text: str, error: Any, problems: Problems) -> None:
    """RX502: one violation of the schema in words."""
    name = ".".join(map(str, error.path))
    found, wanted, fix = _violation(name, error)
    problems.add(
        "RX502",
        file,
        pointer=pointer(*error.path),
        line=partial(yaml_line_of, text, tuple(error.path)),
        found=found,
        wanted=wanted,
        fix=fix,
    )


def _violation(name: str, error: Any) -> tuple[str, str, str]:
    """What was found, what was wanted and how to fix it, for one schema error at the field `name`."""
    rule, limit, instance = error.validator, error.validator_value, error.instance
    about = str(error.schema.get("description") or "")
    field = f"the field {name!r}" if name else "the card"
    content = "empty" if instance is None else "an empty list" if instance == [] else _shown(instance)
    if rule == "required":
        # jsonschema gives one error for each missing field and names it in the message only.
        missing = next(k for k in limit if error.message.startswith(repr(k)))
        field_schema = error.schema.get("properties", _schema()["properties"]).get(missing, {})
        kind = _schema()["$defs"].get(field_schema.get("$ref", "").rpartition("/")[2], {})
        description = {**kind, **field_schema}
        full = f"{name}.{missing}" if name else missing
        wanted = f"{full}: {description.get('description', 'a value')}"
        return f"the field {full!r} is missing", wanted, f"add {full}"
    if rule == "additionalProperties":
        known = error.schema["properties"]
        extra = ", ".join(str(k) for k in [k for k in instance if k not in known][:5])
        return f"unknown fields: {extra}", f"only {', '.join(known)}", "remove them"
    if rule == "enum":
        return f"{field} is {content}", f"one of {', '.join(map(str, limit))}", "choose one of them"
    if rule == "type":
        kinds = " or ".join(_TYPES[k] for k in (limit if isinstance(limit, list) else [limit]))
        return (
            f"{field} is {content}",
            f"{kinds}. {about}".strip(),
            f"{'fill in' if instance is None else 'change'} {name or 'the card'}",
        )
    form = error.schema.get("x-form", "another form") if rule == "pattern" else None
    wanted = form or _LIMITS.get(rule, "a value that matches the schema").format(limit)
    return (
        f"{field} is {content}",
        f"{wanted}. {about}".strip(),
        f"{'fill in' if instance == [] else 'change'} {name or 'it'}",
    )


def _shown(value: Any) -> str:
    return visible(repr(value)) if isinstance(value, str) else repr(visible(value))


_TYPES: Final = {
    "string": "text (in quotes if it looks like a number or yes/no)",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "fields with values",
    "null": "nothing",
}
_LIMITS: Final = {
    "minLength": "text that is not empty",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entry",
    "maxItems": "at most {} entries",
    "uniqueItems": "every entry once",
    "minimum": "at least {}",
    "maximum": "at most {}",
}


def _check_characters(file: str, text: str, card: Any, problems: Problems) -> None:
    """Reports hidden and direction-changing characters: names and descriptions are shown on pages."""
    for path, content in _strings(card, ()):
        for code, character in character_codes(content).items():
            problems.add(
                code,
                file,
                pointer=pointer(*path),
                line=partial(yaml_line_of, text, path),
                found=f"the character U+{ord(character):04X} in the model card",
                wanted="visible characters only",
                fix="remove it",
            )


def _strings(value: Any, path: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        return [(path, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in _strings(item, (*path, key))]


def public_https(address: str) -> bool:
    """Whether an address is https, names a public host and contains no user name or odd character.

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


def _check_links(file: str, text: str, links: Any, problems: Problems) -> None:
    """RX503."""
    for name, address in links.items() if isinstance(links, dict) else ():
        if isinstance(address, str) and not public_https(address):
            problems.add(
                "RX503",
                file,
                pointer=pointer("links", name),
                line=partial(yaml_line_of, text, ("links", name)),
                found=f"the address {visible(address)!r}",
                wanted="https:// and a public host name",
                fix="give the https address, or remove the link",
            )


def _check_training(file: str, text: str, names: Any, problems: Problems) -> None:
    """RX504."""
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str) and not known_training(name):
            problems.add(
                "RX504",
                file,
                pointer=pointer("training_data", index),
                line=partial(yaml_line_of, text, ("training_data", index)),
                found=f"the training set {visible(name)!r} is not in the registry",
                wanted=f"one of {', '.join(sorted(training_names()))}, or other:<text>",
                fix=_training_fix(name),
            )


def known_training(name: str) -> bool:
    """Whether a training set is named from the registry or described as `other:<text>`.

    >>> known_training("mimic-cxr"), known_training("other: in-house"), known_training("other:")
    (True, True, False)
    """
    kind, colon, rest = name.partition(":")
    return name in training_names() or (kind == "other" and bool(colon) and bool(rest.strip()))


def _check_authors(file: str, text: str, authors: Any, problems: Problems) -> None:
    """RX505."""
    for index, author in enumerate(authors if isinstance(authors, list) else ()):
        orcid = author.get("orcid") if isinstance(author, dict) else None
        if isinstance(orcid, str) and re.match(ORCID, orcid) and orcid[-1] != orcid_check(orcid):
            problems.add(
                "RX505",
                file,
                pointer=pointer("authors", index, "orcid"),
                line=partial(yaml_line_of, text, ("authors", index, "orcid")),
                found=f"the ORCID iD {orcid} is invalid: its last digit is not the correct check digit",
                wanted="an ORCID iD as shown on its owner's page at orcid.org",
                fix="copy it from there, or remove the field",
            )


def _check_import(file: str, text: str, imported: Any, problems: Problems) -> None:
    """RX502: a date of the right form that is not a day of the calendar."""
    day = imported.get("date") if isinstance(imported, dict) else None
    if isinstance(day, str) and _DAY.fullmatch(day) and not is_day(day):
        problems.add(
            "RX502",
            file,
            pointer=pointer("imported", "date"),
            line=partial(yaml_line_of, text, ("imported", "date")),
            found=f"{day} is not a calendar date",
            wanted="a day, YYYY-MM-DD",
            fix="correct it",
        )


def orcid_check(orcid: str) -> str:
    """The check digit of an ORCID iD's first fifteen digits (ISO 7064, MOD 11-2): 0 to 9, or X.

    Source: https://support.orcid.org/hc/en-us/articles/360006897674

    >>> orcid_check("0000-0002-1825-0097"), orcid_check("0000-0002-1694-233X")
    ('7', 'X')
    """
    total = 0
    for digit in orcid.replace("-", "")[:15]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return "X" if check == 10 else str(check)


def _training_fix(name: str) -> str:
    plain = name[:80].lower().replace("_", "-").replace(" ", "-")
    near = [n for n in sorted(training_names()) if n.startswith(plain) and plain]
    near = near or difflib.get_close_matches(plain, sorted(training_names()), n=1, cutoff=0.7)
    other = f"write {visible('other: ' + name)!r} if it is not one of them"
    return f"write {near[0]!r} if that is meant; {other}" if near else other
