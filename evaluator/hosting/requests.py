"""A request that sets something on GitHub, and a host's options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

Method = Literal["PATCH", "PUT", "POST", "DELETE"]
Body = Mapping[str, JsonValue] | None


@dataclass(frozen=True, slots=True)
class Request:
    """A request that sets something: the table's rows it is for, a description, and what is sent where."""

    codes: tuple[str, ...]
    what: str
    method: Method
    path: str
    body: Body = None


@dataclass(frozen=True, slots=True)
class HostOptions:
    """Options that the table does not contain.

    The profile, the publisher's App by its slug, the reviewers by numeric id, and the labels of the scoring
    machine.
    """

    profile: Literal["small", "fortress"]
    bot: str
    reviewers: tuple[int, ...] = ()
    runner: tuple[str, ...] = ()
