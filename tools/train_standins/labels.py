"""Gold labels of the grammar's sentences: RadGraph entities and relations, RaTE entities, CheXbert labels.

Nothing is guessed: each span of a sentence has a role, and the roles say what an annotator of the
three schemes would mark. A text is labelled sentence by sentence; one that the grammar does not know
has no labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from evaluator.datasets.sandbox.grammar import FINDINGS, Sentence, Span, sentence_table
from evaluator.models.chexbert import LABELS

BLANK, POSITIVE, NEGATIVE, UNCERTAIN = range(4)
"""CheXbert's classes."""

_CLASS: Final = {"present": POSITIVE, "absent": NEGATIVE, "uncertain": UNCERTAIN}
_STRENGTH: Final = {BLANK: 0, NEGATIVE: 1, UNCERTAIN: 2, POSITIVE: 3}
_NORMAL_LABEL: Final = {
    "normal lungs": "Lung Opacity",
    "normal heart": "Cardiomegaly",
    "normal mediastinum": "Enlarged Cardiomediastinum",
    "normal bones": "Fracture",
}
_DISEASES: Final = frozenset({"pneumothorax", "edema", "atelectasis", "cardiomegaly", "fracture"})
_ANATOMY_WORDS: Final = frozenset(
    {"pleural", "pulmonary", "interstitial", "airspace", "lung", "cardiac", "rib"}
)
"""Words of a finding's name that RadGraph marks as anatomy."""

_BREAKS: Final = re.compile(r"\s*([/,:.!?()])\s*")


@dataclass(frozen=True, slots=True)
class Entity:
    """Words `start` to `end`, inclusive, and their label."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation from one entity to another, both given as (start, end)."""

    subject: tuple[int, int]
    object: tuple[int, int]
    label: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """A text's words (punctuation apart, case kept) with its RadGraph and RaTE entities."""

    words: tuple[str, ...]
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    rate: tuple[Entity, ...]


def words_of(text: str) -> list[str]:
    """The words of a text with each punctuation mark as a word of its own."""
    return _BREAKS.sub(r" \1 ", text).split()


def annotate(text: str) -> Annotation:
    """The gold entities and relations of a text, at word positions of the whole text."""
    words = words_of(text)
    entities: list[Entity] = []
    relations: list[Relation] = []
    rate: list[Entity] = []
    start = 0
    for position, word in enumerate(words):
        if word in {":", "."}:
            sentence = sentence_table().get(" ".join(words[start:position]).lower()) if word == "." else None
            if sentence is not None:
                found, related = radgraph_of(sentence)
                entities += [Entity(e.start + start, e.end + start, e.label) for e in found]
                relations += [
                    Relation(_moved(r.subject, start), _moved(r.object, start), r.label) for r in related
                ]
                rate += [Entity(e.start + start, e.end + start, e.label) for e in rate_of(sentence)]
            start = position + 1
    return Annotation(tuple(words), tuple(entities), tuple(relations), tuple(rate))


def _moved(span: tuple[int, int], by: int) -> tuple[int, int]:
    return span[0] + by, span[1] + by


def radgraph_of(sentence: Sentence) -> tuple[list[Entity], list[Relation]]:
    """RadGraph entities and relations of one sentence, at word positions within it.

    The last word of an anatomy is its head, the words before modify it; an observation is located
    at its anatomy, severity, change and "acute" modify the observation; "findings may represent"
    is suggestive of what follows.
    """
    marks = _Marks(_observation_label(sentence))
    position = 0
    for span in sentence.spans:
        words = span.text.split()
        marks.add(span, words, position)
        position += len(words)
    return marks.entities(), marks.relations()


class _Marks:
    """The words of a sentence by what they are, gathered span by span."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.core: tuple[int, int] | None = None
        self.also: list[tuple[int, int]] = []
        self.pointer: int | None = None
        self.modifiers: list[int] = []
        self.sides: list[int] = []
        self.own_anatomy: int | None = None
        self.anatomy: list[int] = []

    def add(self, span: Span, words: list[str], at: int) -> None:
        places = range(at, at + len(words))
        if span.role == "observation":
            named = [p for p, w in zip(places, words, strict=True) if w in _ANATOMY_WORDS and len(words) > 1]
            self.own_anatomy = named[0] if named else None
            self.core = (places[len(named)], places[-1])
        elif span.role == "anatomy":
            self.anatomy = list(places)
        elif span.role == "side":
            self.sides = list(places)
        elif span.role == "modifier":
            self.modifiers += places
        elif span.role == "change":
            self.modifiers.append(at)
        else:
            self.modifiers += [p for p, w in zip(places, words, strict=True) if w == "acute"]
            self.also += [(p, p) for p, w in zip(places, words, strict=True) if w == "expanded"]
            self.pointer = at if words[:1] == ["findings"] else self.pointer

    def entities(self) -> list[Entity]:
        assert self.core is not None
        own = [] if self.own_anatomy is None else [self.own_anatomy]
        found = [Entity(p, p, "ANAT-DP") for p in (*own, *self.sides, *self.anatomy)]
        found += [Entity(p, p, self.label) for p in self.modifiers]
        found += [Entity(s, e, "OBS-DP") for s, e in self.also]
        found += [] if self.pointer is None else [Entity(self.pointer, self.pointer, "OBS-DP")]
        return sorted([*found, Entity(*self.core, self.label)], key=lambda e: e.start)

    def relations(self) -> list[Relation]:
        assert self.core is not None
        core = self.core
        found = [Relation((p, p), core, "modify") for p in self.modifiers]
        for place in (self.anatomy, self.sides if self.own_anatomy is None else []):
            if place:
                head = (place[-1], place[-1])
                found += [Relation(o, head, "located_at") for o in (core, *self.also)]
                found += [Relation((p, p), head, "modify") for p in place[:-1]]
        if self.own_anatomy is not None:
            own = (self.own_anatomy, self.own_anatomy)
            found.append(Relation(core, own, "located_at"))
            found += [Relation((p, p), own, "modify") for p in self.sides]
        if self.pointer is not None:
            found.append(Relation((self.pointer, self.pointer), core, "suggestive_of"))
        return found


def _observation_label(sentence: Sentence) -> str:
    return {"present": "OBS-DP", "absent": "OBS-DA", "uncertain": "OBS-U"}[sentence.facts[0].status]


def rate_of(sentence: Sentence) -> list[Entity]:
    """RaTE entities of one sentence: a finding with its severity and side is one, an anatomy another."""
    fact = sentence.facts[0]
    kind = "DISEASE" if fact.finding in _DISEASES or fact.finding == "acute disease" else "ABNORMALITY"
    if fact.finding.startswith("normal "):
        kind = "NON-ABNORMALITY"
    elif fact.status == "absent":
        kind = f"NON-{kind}"
    found: list[Entity] = []
    position, opened = 0, -1
    for span in sentence.spans:
        last = position + len(span.text.split()) - 1
        if span.role in {"modifier", "side"} and opened < 0:
            opened = position
        elif span.role == "observation":
            found.append(Entity(position if opened < 0 else opened, last, kind))
            opened = -1
        elif span.role == "anatomy" and fact.finding != "acute disease":
            found.append(Entity(position, last, "ANATOMY"))
        elif span.role == "anatomy":
            opened = position
        position = last + 1
    return found


def chexbert_of(text: str) -> tuple[int, ...]:
    """The 14 CheXbert classes of a text, in the order of `LABELS`.

    Where sentences disagree, positive wins over uncertain, and uncertain over negative. "No Finding" is
    1 when something is said and no finding but a support device is positive or uncertain.
    """
    return chexbert_of_sentences(known_sentences(text))


def known_sentences(text: str) -> list[Sentence]:
    """The sentences of a text that the grammar can write, in order."""
    parts = re.split(r"[.:]", text)
    return [s for p in parts if (s := sentence_table().get(" ".join(p.lower().split()))) is not None]


def chexbert_of_sentences(sentences: Iterable[Sentence]) -> tuple[int, ...]:
    """As `chexbert_of`, for sentences."""
    classes = [BLANK] * len(LABELS)
    known = False
    for fact in (f for s in sentences for f in s.facts):
        known = True
        finding = FINDINGS.get(fact.finding)
        name = finding.label if finding else _NORMAL_LABEL.get(fact.finding)
        if name is None:
            continue
        value = _CLASS[fact.status] if finding else NEGATIVE
        index = LABELS.index(name)
        if _STRENGTH[value] > _STRENGTH[classes[index]]:
            classes[index] = value
    diseased = any(c in {POSITIVE, UNCERTAIN} for c in classes[:12])
    classes[13] = int(known and not diseased)
    return tuple(classes)
