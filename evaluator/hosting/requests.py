"""A request that sets something on GitHub, and what a host wishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

Method = Literal["PATCH", "PUT", "POST", "DELETE"]
Body = Mapping[str, JsonValue] | None


@dataclass(frozen=True, slots=True)
class Request:
    """A request that sets something: for which rows of the table, what it does in words, and what is sent where."""

    codes: tuple[str, ...]
    what: str
    method: Method
    path: str
    body: Body = None


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What the table does not know.

    The profile, the publisher's App by its slug, who reviews, by numeric ids, and the labels of the machine that scores.
    """

    profile: Literal["small", "fortress"]
    bot: str
    reviewers: tuple[int, ...] = ()
    runner: tuple[str, ...] = ()
