"""Signatures: everything that can move a metric's numbers, with one text form and a parser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from evaluator.models.judges.identity import JudgeLabel
from evaluator.models.weights import WeightsLabel

_JUDGE: Final = "judge:"
_PROTOCOL: Final = "protocol:"


@dataclass(frozen=True, slots=True)
class CompositeSignatures:
    """The signatures of a composite's parts, all under its protocol."""

    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"({'+'.join(s.body for s in self.signatures)})"


Part = str | WeightsLabel | JudgeLabel | CompositeSignatures


@dataclass(frozen=True, slots=True)
class Signature:
    """How a metric computed a number: `metric|version|part|…|protocol:clean`.

    `parts` are in the order of the text: settings as text, weights, the judge, and the parts of a composite.
    Equal signatures mean comparable numbers.

    >>> str(Signature("bleu_2", "v1", ("fast-bleu",), "clean"))
    'bleu_2|v1|fast-bleu|protocol:clean'
    >>> Signature.parse("green|v1|judge:green@unpinned|protocol:clean").trusted
    False
    """

    metric: str
    version: str
    parts: tuple[Part, ...]
    protocol: str

    @property
    def body(self) -> str:
        """The text form without the protocol."""
        parts = (f"{_JUDGE}{p}" if isinstance(p, JudgeLabel) else str(p) for p in self.parts)
        return "|".join((self.metric, self.version, *parts))

    def __str__(self) -> str:
        return f"{self.body}|{_PROTOCOL}{self.protocol}"

    @property
    def weights(self) -> tuple[WeightsLabel, ...]:
        """The weights it was computed with, those of its parts included."""
        return tuple(p for p in _settings(self) if isinstance(p, WeightsLabel))

    @property
    def judges(self) -> tuple[JudgeLabel, ...]:
        """The judges that answered."""
        return tuple(p for p in _settings(self) if isinstance(p, JudgeLabel))

    @property
    def trusted(self) -> bool:
        """Whether all weights are the published ones and every judge is pinned."""
        return all(w.trusted for w in self.weights) and all(j.trusted for j in self.judges)

    @property
    def stale(self) -> bool:
        """Whether it names a judge in a form that does not distinguish engines."""
        return any(j.stale for j in self.judges)

    @classmethod
    def parse(cls, text: str) -> Signature:
        """The signature parsed from a text form. Raises `ValueError` for any other text."""
        body, bar, protocol = text.rpartition(f"|{_PROTOCOL}")
        if not bar or not protocol or "|" in protocol:
            raise ValueError("a signature must end with its protocol")
        return _parse_body(body, protocol)


def _settings(signature: Signature) -> Iterator[str | WeightsLabel | JudgeLabel]:
    """The parts of a signature, including those of its components."""
    for part in signature.parts:
        if isinstance(part, CompositeSignatures):
            for inner in part.signatures:
                yield from _settings(inner)
        else:
            yield part


def _parse_body(body: str, protocol: str) -> Signature:
    metric, version, *parts = [*_split(body, "|"), ""] if "|" not in body else _split(body, "|")
    if not metric or not version:
        raise ValueError("a signature must start with its metric and version")
    return Signature(metric, version, tuple(_part(p, protocol) for p in parts), protocol)


def _part(text: str, protocol: str) -> Part:
    if text.startswith(_JUDGE):
        return JudgeLabel.parse(text.removeprefix(_JUDGE))
    if text.startswith("(") and text.endswith(")"):
        return CompositeSignatures(
            tuple(_parse_body(inner, protocol) for inner in _split(text[1:-1], "+", whole=True))
        )
    return WeightsLabel.parse(text) or text


def _split(text: str, mark: str, *, whole: bool = False) -> list[str]:
    """The pieces between marks outside brackets; `whole`: only at marks after which a signature begins."""
    pieces, depth, start = [], 0, 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            raise ValueError("a closing bracket in the signature has no opening one")
        if character == mark and depth == 0 and (not whole or _begins(text[i + 1 :])):
            pieces.append(text[start:i])
            start = i + 1
    if depth:
        raise ValueError("a bracket in the signature is not closed")
    return [*pieces, text[start:]]


def _begins(text: str) -> bool:
    """Whether a signature begins here: `metric|v1`. RadGraph's `entities+relations/2` holds a plus too."""
    metric, bar, rest = text.partition("|")
    return bool(bar) and metric.isidentifier() and rest[:1] == "v" and rest[1:2].isdigit()
