"""The base of every typed file, and violations reported as `Problems`.

A typed model is frozen and closed, never converts a value to another type (`"1"` is not a number, 1 is not a
boolean), and takes only finite numbers.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    RootModel,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import ErrorDetails, PydanticCustomError

from evaluator.core.problems import Problems, pointer, visible

END: Final = r"$(?!\n)"
"""The end of a text in a pattern: a bare `$` also matches before a final line break in Python, though not in
ECMAScript."""
CONFIG: Final = ConfigDict(
    frozen=True, extra="forbid", strict=True, allow_inf_nan=False, regex_engine="python-re"
)
FIELD: Final = "RX603"
DISAGREE: Final = "RX604"

_PRINTABLE: Final = r"[^\x00-\x1f\x7f\u2028\u2029]"
_BLACK: Final = r"[^\s\x00-\x1f\x7f\u2028\u2029]"
_FORMS: Final[dict[str, str]] = {}
"""What each pattern asks for, in words."""


def form(pattern: str, words: str, *, longest: int = 1_000) -> StringConstraints:
    """The constraint that a whole text has this form; `words` describe it to a reader."""
    whole = f"^(?:{pattern}){END}"
    _FORMS[whole] = words
    return StringConstraints(max_length=longest, pattern=whole)


def line(longest: int = 1_000) -> StringConstraints:
    """The constraint that a text is one line of at most `longest` characters."""
    words = "text on one line, not blank and without spaces at its ends"
    return form(f"{_BLACK}(?:{_PRINTABLE}*{_BLACK})?", words, longest=longest)


Line = Annotated[str, line()]
"""A text on one line, not blank, without spaces at its ends."""
Sha256 = Annotated[str, form("[0-9a-f]{64}", "64 lower-case hexadecimal digits")]
"""A SHA-256 digest."""


def is_day(text: str) -> bool:
    """Whether a text of the form YYYY-MM-DD is a day of the calendar.

    >>> is_day("2024-02-29"), is_day("2024-02-30")
    (True, False)
    """
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _in_calendar(text: str) -> str:
    if not is_day(text):
        raise PydanticCustomError("day", "a day of the calendar, YYYY-MM-DD")
    return text


Day = Annotated[
    str,
    form("[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day of the calendar, YYYY-MM-DD"),
    AfterValidator(_in_calendar),
]
"""A day of the calendar."""
Count = Annotated[int, Field(ge=1, le=10_000_000)]
"""A number of things."""
Lines = Annotated[tuple[Line, ...], Field(strict=False)]
"""A list of lines; files have lists where Python has tuples."""


class Typed(BaseModel):
    """A frozen, closed and strict model."""

    model_config = CONFIG


_K = TypeVar("_K")
_V = TypeVar("_V")


class TypedTable(RootModel[dict[_K, _V]], Generic[_K, _V]):
    """A file whose keys are names: a mapping of typed keys to typed values, in `root`."""

    # A mapping has no fields of its own that could be closed; its keys' pattern is all that closes it.
    model_config = ConfigDict(
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        regex_engine="python-re",
        json_schema_extra={"additionalProperties": False},
    )


def _given(value: _V | None) -> _V:
    if value is None:
        raise PydanticCustomError("given", "a value, or no such field")
    return value


Given = BeforeValidator(_given)
"""Marks a field made with `given`: never null when present."""


def no_default(schema: JsonSchemaValue) -> None:
    """Removes the default from a field's JSON Schema: what is absent from a file stays absent."""
    schema.pop("default", None)


def never_null(schema: JsonSchemaValue) -> None:
    """As `no_default`, and removes null as well."""
    no_default(schema)
    (inner,) = (o for o in schema.pop("anyOf") if o.get("type") != "null")
    for key, value in inner.items():
        schema.setdefault(key, value)


NAMED: Final[dict[str, JsonValue]] = {"additionalProperties": False}
"""For a mapping whose keys have a form: no other keys."""


def absent(title: str, description: str) -> Any:
    """A field that may be null or absent from the file; both are `None` in memory."""
    return Field(default=None, title=title, description=description, json_schema_extra=no_default)


def given(title: str, description: str) -> Any:
    """A field that may be absent from the file and is never null there; its type is marked with `Given`."""
    return Field(default=None, title=title, description=description, json_schema_extra=never_null)


def view(value: BaseModel) -> Any:
    """A model as the JSON value that it was read from: fields that were not given stay out."""
    return value.model_dump(mode="json", by_alias=True, exclude_unset=True)


@cache
def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of what a file of the model holds."""
    return TypeAdapter(model).json_schema()


Wrong = tuple[Sequence[str | int], str, str, str]
"""A disagreement between fields: path, what was found, what is wanted, how to fix it."""


def disagreement(wrongs: Sequence[Wrong]) -> PydanticCustomError:
    """The error that a model's validator raises when sound fields do not fit together."""
    return PydanticCustomError("disagreement", "fields disagree", {"wrongs": list(wrongs)})


def add_violations(
    error: ValidationError,
    file: str,
    problems: Problems,
    model: type[BaseModel],
    *,
    fixes: Mapping[str, str] | None = None,
) -> None:
    """Adds every violation of a model (RX603, RX604) to `problems`.

    The descriptions of the model's JSON Schema say what is wanted. `fixes`: by field name, what to do where
    the general advice is not enough (a renamed field).
    """
    root = _Node.of(model)
    for detail in error.errors(include_url=False):
        if detail["type"] == "disagreement":
            for path, found, wanted, fix in detail["ctx"]["wrongs"]:
                place = pointer(*detail["loc"], *path)
                problems.add(DISAGREE, file, pointer=place, found=found, wanted=wanted, fix=fix)
            continue
        path = tuple(part for part in detail["loc"] if part != "[key]")
        found, wanted, fix = _violation(detail, path, root)
        fix = (fixes or {}).get(str(path[-1]), fix) if path else fix
        problems.add(FIELD, file, pointer=pointer(*path), found=found, wanted=wanted, fix=fix)


def first_violation(error: ValidationError, model: type[BaseModel]) -> str:
    """The first violation of a model in a clause: where it is, what was found, what is wanted."""
    problems = Problems()
    add_violations(error, "", problems, model)
    first = next(iter(problems))
    return f"{first.pointer or '/'}: {first.found}; wanted {first.wanted.rstrip('.')}"


def _violation(detail: ErrorDetails, path: tuple[str | int, ...], root: _Node) -> tuple[str, str, str]:
    """What was found, what is wanted and how to fix it."""
    name = ".".join(map(str, path))
    about = root.at(path).description
    kind, value = detail["type"], detail["input"]
    if kind == "missing":
        return f"the field {name!r} is missing", f"{name}: {about or 'a value'}", f"add {path[-1]}"
    if kind == "extra_forbidden":
        known = root.at(path[:-1]).fields
        near = difflib.get_close_matches(str(path[-1])[:80], known, n=1)
        fix = f"did you mean {near[0]}? Otherwise remove it" if near else "remove it"
        return f"unknown field {name!r}", f"only {', '.join(known)}", fix
    if "[key]" in detail["loc"]:
        return f"the key {str(path[-1])!r}", _wanted(detail), "write it in that form"
    content = "empty" if value is None else visible(repr(value))
    found = f"the field {name!r} is {content}" if name else f"the file contains {content}"
    wanted = ". ".join(x for x in (_wanted(detail), about.rstrip(".") if name else "") if x)
    return found, wanted, f"{'fill in' if value is None else 'change'} {name or 'the file'}"


_WANTED: Final = {
    "string_type": "text, in quotes where it could be read as something else",
    "string_unicode": "whole characters",
    "int_type": "a whole number, without quotes",
    "int_from_float": "a whole number",
    "float_type": "a number, without quotes",
    "bool_type": "true or false",
    "finite_number": "a number that is not infinite",
    "none_required": "nothing",
    "string_too_short": "text that is not empty",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "model_type": "fields with values",
    "dict_type": "fields with values",
    "mapping_type": "fields with values",
    "list_type": "a list",
    "tuple_type": "a list",
    "frozen_set_type": "a list",
}


def _wanted(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if detail["type"] == "string_pattern_mismatch":
        return _FORMS.get(context["pattern"], "another form")
    return _WANTED.get(detail["type"], detail["msg"]).format(**context)


@dataclass(frozen=True, slots=True)
class _Node:
    """A part of a model's JSON Schema; its references point into `whole`."""

    part: Mapping[str, Any]
    whole: Mapping[str, Any]

    @classmethod
    def of(cls, model: type[BaseModel]) -> _Node:
        """The node of a whole model."""
        return cls(json_schema(model), json_schema(model)).resolved()

    @property
    def description(self) -> str:
        """The first line of its description."""
        return str(self.part.get("description") or "").partition("\n")[0]

    @property
    def fields(self) -> list[str]:
        """The names of its fields."""
        return list(self.part.get("properties", {}))

    def at(self, path: Sequence[str | int]) -> _Node:
        """The node that describes the value at a path, empty where there is none."""
        node = self
        for name in path:
            inner: Any = node.part.get("properties", {}).get(name) or node.part.get("additionalProperties")
            inner = inner or next(iter(node.part.get("patternProperties", {}).values()), None)
            inner = inner or node.part.get("items")
            if not isinstance(inner, dict):
                return _Node({}, self.whole)
            node = _Node(inner, self.whole).resolved()
        return node

    def resolved(self) -> _Node:
        """The node with its reference resolved, and of an optional value the alternative that is not null."""
        options = [o for o in self.part.get("anyOf", ()) if o.get("type") != "null"]
        inner = options[0] if len(options) == 1 else self.part
        if "$ref" in inner:
            inner = self.whole["$defs"][inner["$ref"].rpartition("/")[2]]
        about = {k: v for k, v in self.part.items() if k == "description"}
        return _Node({**inner, **about}, self.whole)
