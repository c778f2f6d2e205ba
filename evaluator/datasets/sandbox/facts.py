"""The facts of a sandbox report, read back from its sentences."""

from __future__ import annotations

import re

from evaluator.datasets.sandbox.grammar import FINDINGS, Fact, sentence_table

_SENTENCES = re.compile(r"[^.!?]+")
_HEADER = re.compile(r"^\s*(findings|impression)\s*:\s*", re.IGNORECASE)
_NEGATED = re.compile(r"\b(no|without|negative for|free of)\b")
_HEDGED = re.compile(r"\b(possible|may|might|cannot be excluded|probable|suspected)\b")


def sentences_of(text: str) -> list[str]:
    """A text's sentences in lower case, without section headers and full stops."""
    parts = re.sub(r"\b(findings|impression)\s*:", ". ", text, flags=re.IGNORECASE)
    return [" ".join(m.group().split()).lower() for m in _SENTENCES.finditer(parts) if m.group().strip()]


def facts_of(text: str) -> list[Fact]:
    """The facts of a text, in order, without repeats.

    Sentences of the grammar are looked up; another sentence yields what its words name: a finding
    by one of its terms, negated or hedged as its words say.
    """
    facts: dict[Fact, None] = {}
    for sentence in sentences_of(text):
        known = sentence_table().get(sentence)
        for fact in known.facts if known else _guess(sentence):
            facts.setdefault(fact)
    return list(facts)


def _guess(sentence: str) -> list[Fact]:
    status = "absent" if _NEGATED.search(sentence) else "uncertain" if _HEDGED.search(sentence) else "present"
    facts = []
    for finding in FINDINGS.values():
        if any(term in sentence for term in finding.terms):
            location = next((p for p in finding.places if p in sentence), "")
            severity = next((s for s in finding.severities if s in sentence), "")
            if status == "present":
                facts.append(Fact(finding.key, "present", location, severity))
            elif status == "uncertain":
                facts.append(Fact(finding.key, "uncertain", location))
            else:
                facts.append(Fact(finding.key, "absent"))
    return facts
