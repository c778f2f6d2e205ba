"""A small grammar of chest X-ray language: the facts of every sentence it writes are known.

A sentence consists of spans with roles, so that labels of any kind (entities, relations, findings) can be
derived instead of guessed. Written for this project; CC0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

Status = Literal["present", "absent", "uncertain"]
Role = Literal["observation", "anatomy", "modifier", "side", "change", ""]
"""The role of a span: `side` modifies the anatomy or replaces it, `change` compares with a prior."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement of a sentence; empty strings for what it does not say."""

    finding: str
    status: Status
    location: str = ""
    severity: str = ""
    change: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a sentence and its role."""

    text: str
    role: Role = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as spans, and the facts it states."""

    spans: tuple[Span, ...]
    facts: tuple[Fact, ...]

    @property
    def text(self) -> str:
        """The words, the first one capitalised, with a full stop."""
        words = " ".join(s.text for s in self.spans if s.text)
        return words[0].upper() + words[1:] + "."


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of the grammar.

    `terms` are synonyms; `places` where it can be; `severities` mild to severe; `label` is the CheXbert class
    it belongs to; `weight` how often it is drawn.
    """

    key: str
    terms: tuple[str, ...]
    places: tuple[str, ...]
    severities: tuple[str, ...]
    label: str
    weight: int = 2


SIDES: Final = ("right", "left", "bilateral")
LOBES: Final = (
    "right lower lobe",
    "left lower lobe",
    "right upper lobe",
    "left upper lobe",
    "right middle lobe",
)
BASES: Final = ("right lung base", "left lung base")

FINDINGS: Final[dict[str, Finding]] = {
    f.key: f
    for f in (
        Finding("effusion", ("pleural effusion", "pleural fluid"), SIDES, ("small", "moderate", "large"), "Pleural Effusion", 5),
        Finding("pneumothorax", ("pneumothorax",), ("right apical", "left apical"), ("small", "moderate", "large"), "Pneumothorax", 2),
        Finding("consolidation", ("consolidation", "airspace consolidation"), LOBES, ("patchy", "dense"), "Consolidation", 4),
        Finding("edema", ("pulmonary edema", "interstitial edema"), (), ("mild", "moderate", "severe"), "Edema", 3),
        Finding("atelectasis", ("atelectasis", "volume loss"), BASES, ("subsegmental", "mild", "moderate"), "Atelectasis", 4),
        Finding("opacity", ("opacity", "airspace opacity"), LOBES, ("faint", "patchy", "dense"), "Lung Opacity", 3),
        Finding("nodule", ("pulmonary nodule", "lung nodule"), LOBES, ("small", "large"), "Lung Lesion", 2),
        Finding("cardiomegaly", ("cardiomegaly", "cardiac enlargement"), (), ("mild", "moderate", "severe"), "Cardiomegaly", 4),
        Finding("fracture", ("rib fracture",), ("right", "left"), ("acute", "healed"), "Fracture", 1),
        Finding("tube", ("central venous catheter", "central venous line"), (), (), "Support Devices", 2),
    )
}  # fmt: skip

CHANGES: Final[dict[str, str]] = {
    "unchanged": "unchanged since the prior study",
    "increased": "increased since the prior study",
    "decreased": "decreased since the prior study",
    "new": "new since the prior study",
}

NORMAL: Final[tuple[tuple[str, tuple[tuple[tuple[str, Role], ...], ...]], ...]] = (
    ("lungs", (
        (("the", ""), ("lungs", "anatomy"), ("are", ""), ("clear", "observation")),
        (("both", ""), ("lungs", "anatomy"), ("are", ""), ("well expanded and", ""), ("clear", "observation")),
        (("clear", "observation"), ("lungs", "anatomy")),
    )),
    ("heart", (
        (("the", ""), ("heart size", "anatomy"), ("is", ""), ("normal", "observation")),
        (("the", ""), ("cardiac silhouette", "anatomy"), ("is", ""), ("normal", "observation"), ("in size", "")),
        (("normal", "observation"), ("heart size", "anatomy")),
    )),
    ("mediastinum", (
        (("the", ""), ("mediastinal contours", "anatomy"), ("are", ""), ("normal", "observation")),
        (("the", ""), ("mediastinum", "anatomy"), ("is", ""), ("unremarkable", "observation")),
    )),
    ("bones", (
        (("the", ""), ("osseous structures", "anatomy"), ("are", ""), ("intact", "observation")),
        (("the", ""), ("bones", "anatomy"), ("are", ""), ("unremarkable", "observation")),
    )),
)  # fmt: skip

NO_DISEASE: Final[tuple[tuple[tuple[str, Role], ...], ...]] = (
    (("no acute", ""), ("cardiopulmonary", "anatomy"), ("abnormality", "observation")),
    (("no acute", ""), ("cardiopulmonary", "anatomy"), ("disease", "observation")),
    (("no acute", ""), ("cardiopulmonary", "anatomy"), ("process", "observation")),
)


def changes_of(finding: str) -> tuple[str, ...]:
    """The changes a finding can show: a device does not grow or shrink."""
    return tuple(c for c in CHANGES if finding != "tube" or c in {"unchanged", "new"})


N_VARIANTS: Final = 3
"""Phrasings of each kind of sentence."""


def say(fact: Fact, variant: int = 0) -> Sentence:
    """A sentence that states `fact`, in one of `N_VARIANTS` phrasings."""
    finding = FINDINGS[fact.finding]
    term = Span(finding.terms[variant % len(finding.terms)], "observation")
    if fact.status == "absent":
        lead = ("no", "there is no", "no evidence of")[variant % N_VARIANTS]
        return Sentence((Span(lead), term), (fact,))
    if fact.status == "uncertain":
        return Sentence(_uncertain(fact, term, variant), (fact,))
    return Sentence(_present(fact, term, variant), (fact,))


def _place(fact: Fact) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Spans before the term (a side) and after it (an anatomy)."""
    if not fact.location:
        return (), ()
    if fact.location in {*SIDES, "right apical", "left apical"}:
        return (Span(fact.location, "side"),), ()
    return (), (Span("in the"), Span(fact.location, "anatomy"))


def _present(fact: Fact, term: Span, variant: int) -> tuple[Span, ...]:
    before, after = _place(fact)
    severity = (Span(fact.severity, "modifier"),) if fact.severity else ()
    core = (*severity, *before, term, *after)
    if fact.change:
        return (*core, Span("is"), Span(CHANGES[fact.change], "change"))
    return (
        (Span("there is"), *core),
        (*core, Span("is present")),
        (*core, Span("is noted")),
    )[variant % N_VARIANTS]


def _uncertain(fact: Fact, term: Span, variant: int) -> tuple[Span, ...]:
    before, after = _place(fact)
    core = (*before, term, *after)
    return (
        (Span("possible"), *core),
        (*core, Span("cannot be excluded")),
        (Span("findings may represent"), *core),
    )[variant % N_VARIANTS]


def normal_sentence(topic: str, variant: int = 0) -> Sentence:
    """A sentence that calls `lungs`, `heart`, `mediastinum` or `bones` normal."""
    phrasings = dict(NORMAL)[topic]
    spans = tuple(Span(t, r) for t, r in phrasings[variant % len(phrasings)])
    return Sentence(spans, (Fact(f"normal {topic}", "present"),))


def no_disease(variant: int = 0) -> Sentence:
    """An impression without any abnormality."""
    spans = tuple(Span(t, r) for t, r in NO_DISEASE[variant % len(NO_DISEASE)])
    return Sentence(spans, (Fact("acute disease", "absent"),))


def all_sentences() -> Iterator[Sentence]:
    """Every sentence the grammar can write."""
    for variant in range(N_VARIANTS):
        yield no_disease(variant)
        for topic, _ in NORMAL:
            yield normal_sentence(topic, variant)
        for finding in FINDINGS.values():
            yield say(Fact(finding.key, "absent"), variant)
            for place in finding.places or ("",):
                yield say(Fact(finding.key, "uncertain", place), variant)
                for severity in finding.severities or ("",):
                    for change in ("", *changes_of(finding.key)):
                        yield say(Fact(finding.key, "present", place, severity, change), variant)


@cache
def sentence_table() -> dict[str, Sentence]:
    """Every sentence by its text in lower case without the full stop."""
    return {s.text.lower().rstrip("."): s for s in all_sentences()}
