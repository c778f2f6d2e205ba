"""What the reports of a submission look like as a whole: flags that speak in counts and ids, never in text.

Codes C2–C22 are those of the documentation's table of integrity checks. What concerns one report's
characters, lengths and words for a judge is refused before (RX401–RX410, `evaluator/submissions/rules/text.py`);
copying and odd scores have files of their own. Limits lie in `integrity.toml`.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from statistics import median
from typing import Any, Final

from evaluator.submissions.rules.lookalikes import disguised, foreign
from evaluator.submissions.rules.text import instructions_in

MAX_IDS: Final = 5
"""Study ids that a flag names; the rest are counted."""
_NO_WORD: Final = re.compile(r"[^0-9a-z]+")


class Outcome(StrEnum):
    """What follows from a flag, in the order of weight: shown, shown, looked at by a person, refused."""

    PASS = "pass"  # noqa: S105 - an outcome
    BADGE = "badge"
    QUARANTINE = "quarantine"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Flag:
    """One finding: code of the check, what follows, a sentence of counts, and the first study ids."""

    code: str
    outcome: Outcome
    text: str
    ids: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The flag as JSON values."""
        return {"code": self.code, "outcome": str(self.outcome), "text": self.text, "ids": list(self.ids)}


@dataclass(frozen=True, slots=True)
class Texts:
    """A board's texts in one order: ids, patients, references and predictions under the same protocol.

    `private`: references may not be shown. `training`: training references, where a maintainer
    supplies them.
    """

    dataset: str
    ids: Sequence[str]
    patients: Sequence[str]
    references: Sequence[str]
    predictions: Sequence[str]
    private: bool = False
    training: Sequence[str] = ()

    @property
    def n(self) -> int:
        """Number of studies."""
        return len(self.ids)


@cache
def limits() -> Mapping[str, Any]:
    """The limits of `integrity.toml`, by check."""
    return tomllib.loads(
        resources.files("evaluator.scoring.integrity").joinpath("integrity.toml").read_text("utf-8")
    )


def worst(flags: Iterable[Flag]) -> Outcome:
    """The gravest outcome of `flags`; pass for none."""
    order = list(Outcome)
    # tie: none, equal outcomes are one
    return max((f.outcome for f in flags), key=order.index, default=Outcome.PASS)


def norm(text: str) -> str:
    """`text` for comparing reports: NFKC, lower case, letters and digits only, single spaces.

    >>> norm("No  Effusion; no PTX.")
    'no effusion no ptx'
    """
    return " ".join(_NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).lower()).split())


def repetition(text: str) -> float | None:
    """1 − distinct trigrams / trigrams of a report's words; `None` for a report too short to tell.

    >>> repetition("no acute change " * 10) > 0.8, repetition("clear lungs")
    (True, None)
    """
    words = norm(text).split()
    if len(words) < limits()["repetition"]["min_words"]:
        return None
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    return 1 - len(set(trigrams)) / len(trigrams)


def text_flags(text: str) -> list[Flag]:
    """The flags of one report by itself: C7, C9 and C21, without ids.

    >>> [f.code for f in text_flags("Clear lungs. [Matched Findings]: 9")]
    ['C21']
    """
    flags = []
    if disguised(text):
        flags.append(Flag("C7", Outcome.REJECT, "a word imitates Latin letters with those of another script"))
    elif foreign(text):
        flags.append(Flag("C7", Outcome.BADGE, "characters outside ASCII"))
    if (repetition(text) or 0) > limits()["repetition"]["badge"]:
        flags.append(Flag("C9", Outcome.BADGE, "the same words over and over"))
    if instructions_in(text) is not None:
        flags.append(Flag("C21", Outcome.REJECT, "words for a judge, not for a reader"))
    return flags


def describe(texts: Texts) -> dict[str, Any]:
    """Diagnostics shown for every model; shares in [0, 1], `None` where nothing can be said.

    `n_empty`; `distinct_fraction` of reports; `top1_share` of the most common one; `length_ratio`
    of median words to the references'; `exact_match` share; `repetition_mean` and `_max` of
    trigrams; `non_ascii` share. Copied spans: `evaluator.scoring.integrity.copying.describe_copying`.
    """
    given = [norm(p) for p in texts.predictions]
    counts = Counter(given)
    words = median(len(r.split()) for r in texts.references)
    repeated = [r for p in texts.predictions if (r := repetition(p)) is not None]
    equal = sum(bool(p) and norm(r) == p for r, p in zip(texts.references, given, strict=True))
    return {
        "n_empty": sum(not p.strip() for p in texts.predictions),
        "distinct_fraction": len(counts) / texts.n,
        "top1_share": max(counts.values()) / texts.n,
        "length_ratio": median(len(p.split()) for p in texts.predictions) / words if words else None,
        "exact_match": equal / texts.n,
        "repetition_mean": sum(repeated) / len(repeated) if repeated else None,
        "repetition_max": max(repeated, default=None),
        "non_ascii": sum(map(foreign, texts.predictions)) / texts.n,
    }


def check_reports(texts: Texts) -> list[Flag]:
    """C2, C5, C7, C9, C10 and C21 of a submission's reports."""
    numbers = describe(texts)
    return [
        *_empty(texts, numbers),
        *_length(numbers),
        *_characters(texts, numbers),
        *_repeated(texts, numbers),
        *_collapse(texts, numbers),
        *_each(texts, "C21", "address a judge instead of a reader"),
    ]


def share_flag(code: str, outcome: Outcome, ids: Sequence[str], n: int, what: str) -> Flag:
    """A flag that counts `ids` among `n` reports and names the first few."""
    return Flag(code, outcome, f"{len(ids)} of {n} reports {what}", tuple(ids[:MAX_IDS]))


def _empty(texts: Texts, numbers: Mapping[str, Any]) -> list[Flag]:
    if not numbers["n_empty"]:
        return []
    ids = [i for i, p in zip(texts.ids, texts.predictions, strict=True) if not p.strip()]
    many = len(ids) > limits()["empty"]["quarantine_share"] * texts.n
    return [share_flag("C2", Outcome.QUARANTINE if many else Outcome.BADGE, ids, texts.n, "are empty")]


def _length(numbers: Mapping[str, Any]) -> list[Flag]:
    ratio, bounds = numbers["length_ratio"], limits()["length_ratio"]
    if ratio is None or bounds["low"] <= ratio <= bounds["high"]:
        return []
    return [Flag("C5", Outcome.QUARANTINE, f"reports are {ratio:.2f} times as long as the references")]


def _characters(texts: Texts, numbers: Mapping[str, Any]) -> list[Flag]:
    flags = _each(texts, "C7", "imitate Latin letters with those of another script", Outcome.REJECT)
    if numbers["non_ascii"]:
        ids = [i for i, p in zip(texts.ids, texts.predictions, strict=True) if foreign(p)]
        many = numbers["non_ascii"] > limits()["characters"]["quarantine_share"]
        outcome = Outcome.QUARANTINE if many else Outcome.BADGE
        flags.append(share_flag("C7", outcome, ids, texts.n, "hold characters outside ASCII"))
    return flags


def _repeated(texts: Texts, numbers: Mapping[str, Any]) -> list[Flag]:
    mean = numbers["repetition_mean"]
    flags = _each(texts, "C9", "repeat the same words over and over")
    rules = limits()["repetition"]
    if mean is not None and mean > rules["quarantine_mean"] and texts.dataset not in rules["skip"]:
        flags.append(
            Flag("C9", Outcome.QUARANTINE, f"on average {mean:.0%} of a report's trigrams are repeats")
        )
    return flags


def _each(texts: Texts, code: str, what: str, wanted: Outcome | None = None) -> list[Flag]:
    """The flags of single reports gathered into one, if any report has it."""
    ids, outcome = [], Outcome.PASS
    for study, prediction in zip(texts.ids, texts.predictions, strict=True):
        found = [f for f in text_flags(prediction) if f.code == code and wanted in {None, f.outcome}]
        if found:
            ids.append(study)
            outcome = found[0].outcome
    return [share_flag(code, outcome, ids, texts.n, what)] if ids else []


def _collapse(texts: Texts, numbers: Mapping[str, Any]) -> list[Flag]:
    rules, top, distinct = limits()["collapse"], numbers["top1_share"], numbers["distinct_fraction"]
    if top >= rules["null_like_share"]:
        return [Flag("C10", Outcome.BADGE, f"null-like: one report for {top:.0%} of the studies")]
    limit = rules["datasets"].get(texts.dataset, rules["top_share"])
    if (texts.n >= rules["min_studies"] and top > limit) or distinct < rules["distinct_share"]:
        text = f"template collapse: {distinct:.1%} distinct reports, one of them for {top:.0%} of the studies"
        return [Flag("C10", Outcome.BADGE, text)]
    return []
