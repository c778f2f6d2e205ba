"""The judges of a machine, in one TOML file: which model answers for which metric, and what starts it.

    [green]
    model = "green"
    revision = "7adba1f37836459369f9ab574aa382581679f7fa"
    token_ids = true
    [green.serve]
    weights = "/srv/rexrank/models/green"
    python = "/srv/vllm/bin/python"
    port = 8001
    gpu_memory = 0.4

    [fineradscore]
    base_url = "http://127.0.0.1:8002/v1"
    model = "judge"
    max_cost = 50.0

A table has the fields of `JudgeSettings`; `base_url` follows from `serve`, which has those of `ServeOptions`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import MISSING, Field, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

from evaluator.core.problems import RexrankError, visible
from evaluator.models.judges.serve import ServeOptions, base_url, served
from evaluator.models.judges.settings import JUDGED, JudgeSettings

MAX_BYTES: Final = 65_536
_NOT_SET_HERE: Final = frozenset({"cache_dir", "dataset", "stand_in", "served", "backoff", "host"})
"""Fields that follow from what is scored, or belong to tests."""
_RENAMED: Final = {"weights": "model"}
"""A table's name of a field, where it differs: in `serve` the model is a folder or hub id."""


@dataclass(frozen=True)
class Judges:
    """Settings per metric key, and the engines to start, by metric key."""

    settings: Mapping[str, JudgeSettings]
    engines: Mapping[str, ServeOptions]


def read_judges(path: Path) -> Judges:
    """The judges of a file. Raises `RexrankError` that names everything wrong with it, with its cure."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RexrankError(f"{path} is larger than {MAX_BYTES} bytes; it is no file of judges.")
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RexrankError(f"{path} is no readable file of judges: {error}.") from error
    wrong: list[str] = []
    settings: dict[str, JudgeSettings] = {}
    engines: dict[str, ServeOptions] = {}
    for key, table in tables.items():
        if key not in JUDGED or not isinstance(table, dict):
            wrong.append(f"[{visible(key)}]: no judged metric; wanted {' or '.join(JUDGED)}")
            continue
        given = dict(table)
        serve = given.pop("serve", None)
        engine = None
        if serve is not None:
            engine = _filled(
                ServeOptions, f"{key}.serve", serve, wrong, served_name=str(given.get("model", key))
            )
            given.setdefault("base_url", base_url(engine) if engine else "-")
            given.setdefault("revision", engine.revision if engine else "")
        judge = _filled(JudgeSettings, key, given, wrong)
        if judge and engine:
            judge = replace(judge, served=engine.model)
        if judge:
            settings[key] = judge
        if engine:
            engines[key] = engine
    ports = [e.port for e in engines.values()]
    if len(set(ports)) < len(ports):
        wrong.append("two engines have one port: give each [….serve] its own port")
    if wrong:
        raise RexrankError(f"{path}: " + "; ".join(wrong) + ".")
    return Judges(settings, engines)


def _filled(kind: type[Any], name: str, table: Any, wrong: list[str], **known: Any) -> Any:
    """An object of `kind` from a table, or `None` after saying in `wrong` why not."""
    if not isinstance(table, dict):
        wrong.append(f"[{name}]: wanted a table")
        return None
    hints, before = get_type_hints(kind), len(wrong)
    names = {f.name: f for f in fields(kind) if f.name not in _NOT_SET_HERE | set(known)}
    if kind is ServeOptions:
        names = {shown: names[_RENAMED.get(shown, shown)] for shown in {"weights", *names} - {"model"}}
    values = dict(known)
    for key, value in table.items():
        if key not in names:
            wrong.append(f"[{name}] {visible(key)}: unknown; wanted one of {', '.join(sorted(names))}")
        elif not _fits(value, hints[names[key].name]):
            wrong.append(f"[{name}] {key}: {visible(value)!r} is no {_said(hints[names[key].name])}")
        else:
            values[names[key].name] = frozenset(value) if isinstance(value, list) else value
    wrong += [f"[{name}] {k}: missing" for k, f in names.items() if _required(f) and k not in table]
    return None if len(wrong) > before else kind(**values)


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _fits(value: Any, hint: Any) -> bool:
    if hint is float or float in get_args(hint):
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if hint is int or int in get_args(hint):
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if hint == frozenset[str]:
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    if hint in {str, bool}:
        return isinstance(value, hint)
    return value in get_args(hint)


def _said(hint: Any) -> str:
    if hint is float or float in get_args(hint):
        return "number from 0"
    if hint is int or int in get_args(hint):
        return "whole number from 0"
    if hint == frozenset[str]:
        return "list of texts"
    return {str: "text", bool: "true or false"}.get(hint) or f"one of {', '.join(map(str, get_args(hint)))}"


@contextmanager
def running(judges: Judges, wait_seconds: float = 900.0) -> Iterator[None]:
    """Every engine of the file, one after the other so that none takes the memory another counts on.

    All are stopped when the block ends. Raises `JudgeVoid` when one does not come up.
    """
    with ExitStack() as stack:
        for options in judges.engines.values():
            stack.enter_context(served(options, wait_seconds=wait_seconds))
        yield


__all__ = ["Judges", "read_judges", "running"]
