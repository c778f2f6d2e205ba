"""What the fuzzers share: a command run in this process, seeded damage, and an account of what happened.

A fuzzer makes input number i from the text "<name>/<seed>/<i>" alone, so that a failure can be reproduced.
Its oracle says what must happen to an input without asking the code under test: `True` it must be accepted,
`False` it must be refused, `None` either is fine.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import shutil
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from evaluator.cli import main

SHOWN = 12
"""Failures that a report lists."""
LONGEST = 2_000
"""Most characters of a failure that are kept."""


class Outcome(NamedTuple):
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


def command(*argv: object) -> Outcome:
    """`rexrank` with these arguments, in this process."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        mock.patch.object(sys, "argv", ["rexrank", *map(str, argv)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Outcome(code, out.getvalue(), err.getvalue())


class Verdict(NamedTuple):
    """The code's verdict on one input: accepted or refused, and its message."""

    taken: bool
    words: str = ""


@dataclass
class Account:
    """Inputs by outcome, and every failure with the input's name."""

    name: str
    seen: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def fail(self, where: str, what: str) -> None:
        """Records one failure: what was wrong with the outcome, shortened in the middle if long."""
        text = what if len(what) <= LONGEST else f"{what[: LONGEST // 2]} […] {what[-LONGEST // 2 :]}"
        self.failures.append(f"{where}: {text}")

    def __str__(self) -> str:
        counts = ", ".join(f"{n} {what}" for what, n in sorted(self.seen.items()))
        return f"{self.name}: {counts}; {len(self.failures)} failures"


def fuzz(
    name: str,
    n: int,
    seed: int,
    one: Callable[[random.Random], tuple[Verdict, bool | None, str]],
) -> Account:
    """The account of `n` inputs. `one` makes and tries an input: verdict, the oracle's answer, description.

    Raises `AssertionError` that lists what went wrong; every exception of `one` is a failure.
    """
    account = Account(name)
    for i in range(n):
        where = f"{name}/{seed}/{i}"
        try:
            verdict, wanted, what = one(random.Random(where))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - not even what is no `Exception` may leave the code under test
            account.seen["crashed"] += 1
            account.fail(where, f"{type(error).__name__}: {error}")
            continue
        account.seen["taken" if verdict.taken else "refused"] += 1
        if wanted is not None and wanted != verdict.taken:
            account.fail(
                where,
                f"{'wrongly taken' if verdict.taken else 'wrongly refused'}: {what}. {verdict.words}",
            )
        elif not verdict.taken and (fault := unexplained(verdict.words)):
            account.fail(where, f"{fault}: {what}. {verdict.words}")
    print(account)  # noqa: T201 - shown by -s: a long run's figures
    assert not account.failures, "\n".join([str(account), *account.failures[:SHOWN]])
    return account


def unexplained(words: str) -> str | None:
    """What is wrong with a refusal's message, or `None`: it must be a sentence without internals of the program."""
    if "unexpected internal error" in words or "Traceback" in words:
        return "an unexpected internal error"
    if words.startswith("no file: ") or not re.search(r"\w{2,} \w{2,}", words):
        return "no words"
    if any(len(line) > 2000 for line in words.splitlines()):
        return "an endless line"
    return None


# --- seeded damage ---------------------------------------------------------------------------------

ODD_VALUES = (
    None, True, False, 0, -1, 1, 1.5, -0.0, 1e400, float("nan"), 10**9, 10**30, 1e12, "", "x", "nan", "\x00", "\ud800",
    "\u202e", "../../etc", [], {}, [[]], ["x"], [None], {"x": 1}, {"": {}},
)  # fmt: skip


def damage_bytes(rng: random.Random, data: bytes) -> bytes:  # noqa: PLR0911 - one a kind
    """`data` cut, blanked, flipped, repeated, mixed with itself or with odd bytes."""
    if not data:
        return rng.randbytes(rng.randrange(1, 20))
    a, b = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    near = min(len(data), a + rng.randrange(1, 9))
    kind = rng.randrange(9)
    if kind == 0:
        return data[:a]
    if kind == 1:
        return data[:a] + b"\0" * (b - a) + data[b:]
    if kind == 2:
        return bytes(flipped(rng, data, 0, min(200, len(data))))
    if kind == 3:
        return bytes(flipped(rng, data, 0, len(data)))
    if kind == 4:
        return data[:a] + data[b:]
    if kind == 5:
        return data[:b] + data[a:b][:50_000] + data[b:]
    if kind == 6:
        return (
            data[:a]
            + rng.choice(
                [
                    b"\xff",
                    b"\xef\xbb\xbf",
                    b"\0",
                    b"\r",
                    b"\n",
                    b'"',
                    b"{",
                    b"\\",
                    b",",
                    b"NaN",
                    b"\xed\xa0\x80",
                    b"1e999",
                ]
            )
            + data[a:]
        )
    if kind == 7:
        return data[:a] + rng.randbytes(near - a) + data[near:]
    return b""


def flipped(rng: random.Random, data: bytes, start: int, stop: int) -> bytearray:
    """`data` with one to eight bits changed between two places."""
    copy = bytearray(data)
    for _ in range(rng.randrange(1, 9)):
        copy[rng.randrange(start, stop)] ^= 1 << rng.randrange(8)
    return copy


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every value inside a JSON value, the whole first."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def damage_value(rng: random.Random, value: object) -> object:
    """A JSON value with one place replaced, removed or doubled; `value` itself is unchanged."""
    path = rng.choice(list(places(value)))
    return _changed(rng, value, path)


def _changed(rng: random.Random, value: object, path: tuple[str | int, ...]) -> object:
    if not path:
        return rng.choice(ODD_VALUES)
    key, rest = path[0], path[1:]
    if isinstance(value, dict):
        copy = dict(value)
        if rest or rng.random() < 0.6:
            copy[key] = _changed(rng, value[key], rest)
        elif rng.random() < 0.7:
            del copy[key]
        else:
            copy[rng.choice(["x", "", "$schema", f"{key} ", str(key).upper()])] = copy.pop(key)
        return copy
    items = list(value)
    if rest or rng.random() < 0.6:
        items[key] = _changed(rng, items[key], rest)
    elif rng.random() < 0.7:
        del items[key]
    else:
        items.insert(key, items[key])
    return items


def obstruct(rng: random.Random, path: Path) -> str:
    """Replaces a file by something that is not a file, or by nothing; returns what."""
    remove(path)
    kind = rng.choice(["nothing", "a folder", "a pipe", "a link to nothing", "a link to itself"])
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a link to nothing":
        path.symlink_to(path.with_name("nowhere"))
    elif kind == "a link to itself":
        path.symlink_to(path)
    return kind


def remove(path: Path) -> None:
    """Removes whatever is at a path."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Runs as a user who owns nothing, if this process may become one: root can read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
