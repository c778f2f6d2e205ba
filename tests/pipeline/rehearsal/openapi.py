"""Requests, responses and webhook payloads checked against GitHub's own OpenAPI description."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT4

DOCUMENT: Final = Path(__file__).parent.parent / "vendor" / "openapi" / "api.github.com.json.gz"
MAX_ERRORS: Final = 3
# PyGithub and the prose of the documentation send a bare list of label names; the schema does not know it.
DEVIATIONS: Final = {("post", "/repos/{owner}/{repo}/issues/{issue_number}/labels", "request")}
WHEN: Final = "2026-01-02T03:04:05Z"
NUMBERS_OF_NOTHING: Final = {"integer": 0, "number": 0, "boolean": False, "string": ""}


@dataclass(frozen=True)
class Operation:
    """One method of one path of the description, and the values that the path of a request gave."""

    method: str
    path: str
    parameters: dict[str, str]

    @property
    def name(self) -> str:
        """The operation as `get /repos/{owner}/{repo}`."""
        return f"{self.method} {self.path}"


@cache
def document() -> dict[str, Any]:
    """The trimmed description."""
    value: dict[str, Any] = json.loads(gzip.decompress(DOCUMENT.read_bytes()))
    return value


@cache
def _routes() -> list[tuple[re.Pattern[str], str]]:
    """Path patterns, the most literal first; only `{path}` and `{ref}` may contain slashes."""
    routes = []
    for path in sorted(document()["paths"], key=lambda p: (p.count("{"), -len(p))):
        pattern = re.sub(
            r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] in {'path', 'ref'} else '[^/]+'})", path
        )
        routes.append((re.compile(pattern), path))
    return routes


@cache
def _validator(pointer: str) -> OAS30Validator:
    registry: Registry[Any] = Registry().with_resource("urn:github", DRAFT4.create_resource(document()))
    return OAS30Validator(
        {"$ref": f"urn:github#{pointer}"}, registry=registry, format_checker=oas30_format_checker
    )


def find_operation(method: str, path: str) -> Operation | None:
    """The operation that serves `method path`, or `None` if the rehearsal knows none."""
    for pattern, name in _routes():
        match = pattern.fullmatch(path)
        if match and method.lower() in document()["paths"][name]:
            return Operation(method.lower(), name, {k: unquote(v) for k, v in match.groupdict().items()})
    return None


def check_request(operation: Operation, query: dict[str, str], body: Any) -> list[str]:
    """Violations of GitHub's description in a request's query and body."""
    spec = document()["paths"][operation.path][operation.method]
    known, wrong = {}, []
    for raw in spec.get("parameters", []):
        parameter = resolve(raw)
        if parameter["in"] == "query":
            known[parameter["name"]] = parameter
            if parameter.get("required") and parameter["name"] not in query:
                wrong.append(f"query {parameter['name']} is missing")
    for name, value in query.items():
        if name not in known:
            wrong.append(f"query {name} is unknown")
        elif "enum" in (schema := resolve(known[name]["schema"])) and value not in schema["enum"]:
            wrong.append(f"query {name}={value!r} is not one of {schema['enum']}")
    if "requestBody" not in spec:
        return wrong + ([f"a body where none is wanted: {str(body)[:80]}"] if body not in (None, {}) else [])
    if (operation.method, operation.path, "request") in DEVIATIONS and isinstance(body, list):
        return wrong + [f"label {b!r} is not a text" for b in body if not isinstance(b, str)]
    if body is None:
        return [*wrong, "the body is missing"] if resolve(spec["requestBody"]).get("required") else wrong
    return wrong + _errors(_pointer(operation, "requestBody", "content", "application/json", "schema"), body)


def check_response(operation: Operation, status: int, body: Any) -> list[str]:
    """Violations of GitHub's description in an answer."""
    spec = document()["paths"][operation.path][operation.method]["responses"]
    if str(status) not in spec:
        # 4xx and 5xx are often left out of the description; a success never is.
        return [] if status >= 400 else [f"status {status} is not described"]
    content = resolve(spec[str(status)]).get("content", {})
    if "application/json" not in content:
        return [] if body is None else [f"a body where none is described for {status}"]
    return _errors(_response_pointer(operation, status), body)


def check_webhook(name: str, payload: Any) -> list[str]:
    """Violations of GitHub's description in the payload of a webhook, e.g. `issue-comment-created`."""
    return _errors(_webhook_pointer(name), payload)


def response_skeleton(operation: Operation, status: int) -> Any:
    """A smallest response that fits the description: neutral values, to be merged with known ones."""
    return skeleton({"$ref": f"#{_response_pointer(operation, status)}"})


def webhook_skeleton(name: str) -> Any:
    """A smallest payload of a webhook that fits the description."""
    return skeleton({"$ref": f"#{_webhook_pointer(name)}"})


def component_skeleton(name: str) -> Any:
    """A smallest instance of a named schema."""
    return skeleton({"$ref": f"#/components/schemas/{name}"})


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """The node behind a chain of local references."""
    while "$ref" in node:
        found: Any = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")]
        node = found
    return node


def skeleton(schema: dict[str, Any]) -> Any:  # noqa: C901, PLR0911 - one kind of schema a line
    """A smallest value of a schema: required properties only, nulls where allowed, else neutral values."""
    schema = resolve(schema)
    if schema.get("nullable") and not {"oneOf", "anyOf", "enum"} & set(schema):
        return None
    for key in ("oneOf", "anyOf"):
        if key in schema and "properties" not in schema:
            return skeleton(schema[key][0])
    if "allOf" in schema:
        parts = [skeleton(s) for s in schema["allOf"]]
        if not isinstance(parts[0], dict):
            return parts[0]
        merged: dict[str, Any] = {}
        for part in parts:
            merged |= {k: v for k, v in part.items() if v is not None or k not in merged}
        return merged
    if "enum" in schema:
        return next(v for v in schema["enum"] if v is not None)
    kind = schema.get("type") or ("object" if "properties" in schema else None)
    if kind == "object" or kind is None:
        wanted = schema.get("required", [])
        return {k: skeleton(schema["properties"][k]) for k in wanted if k in schema.get("properties", {})}
    if kind == "array":
        return [skeleton(schema["items"]) for _ in range(schema.get("minItems", 0))]
    if kind == "string":
        return _neutral_text(schema)
    return NUMBERS_OF_NOTHING[kind]


def overlay(base: Any, known: Any) -> Any:
    """`base` with `known` merged into it, objects key by key."""
    if isinstance(base, dict) and isinstance(known, dict):
        return {**base, **{k: overlay(base.get(k), v) for k, v in known.items()}}
    return known


def _neutral_text(schema: dict[str, Any]) -> str:
    if schema.get("format") == "date-time":
        return WHEN
    if schema.get("format") in {"uri", "uri-template"}:
        return "https://github.invalid/"
    return "x" * int(schema.get("minLength", 0))


def _response_pointer(operation: Operation, status: int) -> str:
    spec = document()["paths"][operation.path][operation.method]["responses"][str(status)]
    if "$ref" in spec:
        return f"{spec['$ref'].removeprefix('#')}/content/application~1json/schema"
    return _pointer(operation, "responses", str(status), "content", "application/json", "schema")


def _webhook_pointer(name: str) -> str:
    return f"/webhooks/{name}/post/requestBody/content/application~1json/schema"


def _pointer(operation: Operation, *rest: str) -> str:
    parts = ("paths", operation.path, operation.method, *rest)
    escaped = (p.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D") for p in parts)
    return "/" + "/".join(escaped)


def _errors(pointer: str, value: Any) -> list[str]:
    errors = []
    for error in _validator(pointer).iter_errors(value):
        where = "/".join(str(p) for p in error.absolute_path)
        errors.append(f"{where or '(whole)'}: {error.message[:200]}")
        if len(errors) == MAX_ERRORS:
            break
    return errors
