"""Judges' answers, stored by the content of the request: nothing is paid for twice."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from evaluator.core.files import dump_json, sha256_bytes, write_text
from evaluator.core.problems import visible

FORMAT: Final = 2


@dataclass(frozen=True, slots=True)
class Request:
    """One question: chat `messages`, or a completion of `prompt_ids`.

    `attempt` distinguishes repetitions of the same question; `purpose` separates controls from studies.
    """

    messages: tuple[tuple[str, str], ...] = ()
    prompt_ids: tuple[int, ...] = ()
    max_tokens: int = 1024
    attempt: int = 0
    purpose: str = ""
    schema: str = ""
    """A JSON schema as text, for servers that constrain their output."""

    def key(self, model: str, judge: str, seed: int) -> str:
        """SHA-256 over the model, who answers for it (`Identity.digest`), the prompt and every parameter."""
        content = asdict(self) | {"model": model, "judge": judge, "seed": seed}
        content |= {"format": FORMAT, "temperature": 0}
        return sha256_bytes(json.dumps(content, sort_keys=True, ensure_ascii=True).encode())


@dataclass(frozen=True, slots=True)
class Answer:
    """A judge's answer. `text` is `None` if there was none (`error` says why)."""

    text: str | None
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str = ""
    cached: bool = False

    @property
    def why_unusable(self) -> str:
        """Why the answer could not be used: the error, or how the text begins."""
        if self.text is None:
            return self.error or "there was no answer"
        ending = " and was cut off" if self.finish_reason == "length" else ""
        return f"the answer could not be read: it begins with {visible(self.text.strip(), 40)!r}{ending}"


_STORED: Final = {"text": str, "finish_reason": str, "prompt_tokens": int, "completion_tokens": int}
"""The fields of a stored answer that are read back, with their types."""


class Transcripts:
    """A folder of answers, one atomic file per request; a damaged file counts as absent."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """The file of one request."""
        return self.root / key[:2] / f"{key[2:]}.json"

    def last(self, place: str) -> str | None:
        """The judge that last answered at a place (a digest of address, model and pin), or `None`."""
        try:
            return (self.root / "engines" / place).read_text("ascii")
        except (OSError, ValueError):
            return None

    def remember(self, place: str, judge: str) -> None:
        """Nothing; stores which judge answers at a place (a digest, as in `last`)."""
        write_text(self.root / "engines" / place, judge)

    def get(self, key: str) -> Answer | None:
        """The stored answer, or `None`."""
        path = self.path(key)
        try:
            if not path.is_file():  # opening a pipe would block
                return None
            entry: Any = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        sound = isinstance(entry, dict) and all(type(entry.get(k)) is t for k, t in _STORED.items())
        if not sound or any(entry[k] < 0 for k, t in _STORED.items() if t is int):
            return None
        return Answer(**{k: entry[k] for k in _STORED}, cached=True)

    def put(self, key: str, request: Request, answer: Answer, model: str) -> None:
        """Nothing; stores an answer that has text, with its request."""
        if answer.text is None:
            return
        record = {"model": model, "request": asdict(request), **asdict(answer)}
        write_text(self.path(key), dump_json(record))
