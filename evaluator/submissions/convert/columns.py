"""Which column has the text and which the ids. A column that may contain references is never chosen automatically."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any, Final

from evaluator.core.problems import visible
from evaluator.submissions.convert.table import KEY, MISSING, VALUE, Refused, Table, listed, names

_WORDS: Final = re.compile(r"[a-z]+|\d+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
MIN_WORDS: Final = 3
"""From this many words, a cell of a column with an unknown name counts as text."""
TEXT_SHARE: Final = 0.2


class Role(IntEnum):
    """What a column's name says about its content."""

    PREDICTED = 1
    PLAIN = 2
    REFERENCE = 3
    INPUT = 4
    ID = 5
    OTHER = 6


# Words of names. The first kind that fits decides; `section_findings` is ReXrank's name for a reference.
_PREDICTED: Final = names(
    "prediction predictions predicted predict predicts pred preds generated generation generations "
    "generate gen gens hypothesis hypotheses hyp hyps hypo candidate candidates decoded inferred"
)
_REFERENCE: Final = names(
    "reference references ref refs gt gts ground groundtruth truth target targets tgt label labels gold "
    "golden section original actual true human expert radiologist annotated annotation annotations real"
)
_PLAIN: Final = names(
    "report reports text texts findings finding impression impressions conclusion caption captions content "
    "description output outputs response responses completion completions answer answers inference result "
    "results"
)
_INPUT: Final = names(
    "prompt prompts query question questions instruction instructions context indication indications "
    "history technique techniques comparison comparisons examination exam prior clinical input inputs "
    "conversations messages metadata system user view views split subset fold"
)
_ID: Final = names(
    "id ids uid uids study image images img path paths file filename filenames files dicom key case "
    "accession index name patient subject"
)
_CERTAIN_ID: Final = frozenset({"id", "ids", "uid", "path", "paths", "filename", "file", "dicom"})
_KINDS: Final = (
    (Role.ID, _CERTAIN_ID),
    (Role.PREDICTED, _PREDICTED),
    (Role.REFERENCE, _REFERENCE),
    (Role.INPUT, _INPUT),
    (Role.PLAIN, _PLAIN),
    (Role.ID, _ID),
)
"""The roles in the order in which a word of a name decides."""
_CERTAIN: Final = frozenset(
    ["report", "reports", "text", "texts", "finding", "findings", "impression", "impressions"]
)
"""Names of text columns whatever the cells contain: a number there is a problem to report, not a reason to
skip the column."""
_REXRANK: Final = frozenset({"section_findings", "section_impression"})
_FINDINGS: Final = frozenset({"finding", "findings"})
_IMPRESSION: Final = frozenset({"impression", "impressions", "conclusion"})
_SPLITS: Final = frozenset({"split", "subset", "fold"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """The columns named on the command line; `None` where the column names decide."""

    id: str | None = None
    text: str | None = None
    findings: str | None = None
    impression: str | None = None


@dataclass(frozen=True, slots=True)
class TextColumns:
    """Positions of the columns with the text, or with the sections; the others are `None`."""

    text: int | None = None
    findings: int | None = None
    impression: int | None = None

    @property
    def used(self) -> tuple[int, ...]:
        """The positions that are read."""
        return tuple(i for i in (self.text, self.findings, self.impression) if i is not None)


@cache
def words_of(name: str) -> tuple[str, ...]:
    """The words of a column's name, in lower case.

    >>> words_of(" Generated_Report "), words_of("groundTruth")
    (('generated', 'report'), ('ground', 'truth'))
    """
    return tuple(_WORDS.findall(_CAMEL.sub(" ", name[:200]).casefold()))


def role_of(name: str) -> Role:
    """What a column's name says about its content.

    >>> [role_of(n).name for n in ("Generated Report", "report", "gt_findings", "image_path", "x")]
    ['PREDICTED', 'PLAIN', 'REFERENCE', 'ID', 'OTHER']
    """
    if name in {KEY, VALUE}:
        return Role.ID if name == KEY else Role.PREDICTED
    words = set(words_of(name))
    if not words & _CERTAIN_ID and words & _PREDICTED and words & (_REFERENCE - {"section"}):
        return Role.OTHER  # "predicted_reference" says nothing
    return next((role for role, names in _KINDS if words & names), Role.OTHER)


def is_known(name: str) -> bool:
    """Whether a name is a known column name of such files."""
    return role_of(name) is not Role.OTHER


def is_text_name(name: str) -> bool:
    """Whether a name says that the column contains texts."""
    return role_of(name) in {Role.PREDICTED, Role.PLAIN, Role.REFERENCE}


def find_column(table: Table, wanted: str, option: str) -> int:
    """The position of a column named by an option: by its name, ignoring case, or by its number from 1.

    Raises `Refused` for a name that does not exist or appears twice.
    """
    exact = [i for i, c in enumerate(table.columns) if c == wanted]
    loose = [i for i, c in enumerate(table.columns) if c.strip().casefold() == wanted.strip().casefold()]
    matches = exact or loose
    if len(matches) == 1:
        return matches[0]
    if not matches and wanted.isdecimal() and len(wanted) < 6 and 1 <= int(wanted) <= len(table.columns):
        return int(wanted) - 1
    if matches:
        numbers = " or ".join(str(i + 1) for i in matches)
        raise Refused(
            f"{option}: {len(matches)} columns are named '{visible(wanted)}'; use {option} {numbers}."
        )
    raise Refused(
        f"{option}: there is no column '{visible(wanted)}'; there are: {listed(table.columns, 20)}."
    )


def choose_texts(table: Table, wanted: Wanted, taken: Iterable[int] = ()) -> TextColumns:
    """The columns with the prediction. `taken`: positions of ids.

    Raises `Refused` if there is none, or if more than one column could be meant: the message names them and
    the option to use.
    """
    if wanted.text is not None and (wanted.findings is not None or wanted.impression is not None):
        raise Refused("--text-column is for whole reports; leave it out with --findings-column.")
    if wanted.text is not None:
        return TextColumns(text=find_column(table, wanted.text, "--text-column"))
    if wanted.findings is not None:
        impression = wanted.impression and find_column(table, wanted.impression, "--impression-column")
        return TextColumns(
            findings=find_column(table, wanted.findings, "--findings-column"),
            impression=None if impression is None or impression == "" else int(impression),
        )
    if wanted.impression is not None:
        raise Refused("--impression-column needs --findings-column.")
    roles = _text_roles(table, set(taken))
    predicted = [i for i, r in roles.items() if r is Role.PREDICTED]
    plain = [i for i, r in roles.items() if r in {Role.PLAIN, Role.OTHER}]
    candidates = predicted or plain
    if not candidates:
        raise Refused(_none_found(table, roles))
    columns = _sections_or_text(table, candidates)
    if columns is None:
        raise Refused(_ambiguous(table, candidates))
    if not predicted:
        _refuse_classes(table, columns, roles)
        _refuse_annotations(table, columns)
    return columns


def _text_roles(table: Table, taken: set[int]) -> dict[int, Role]:
    """The columns with texts or references, by position."""
    names = {"_".join(words_of(c)) for c in table.columns}
    roles = {}
    for index, name in enumerate(table.columns):
        role = role_of(name)
        if index in taken or role in {Role.INPUT, Role.ID}:
            continue
        if role is Role.PLAIN and names & _REXRANK and set(words_of(name)) & {"report", "reports"}:
            role = Role.REFERENCE  # ReXrank's data files have the whole reference as `report`
        certain = name == VALUE or (bool(words_of(name)) and set(words_of(name)) <= _CERTAIN)
        if certain or _holds_text(table.column(index), strict=role is Role.OTHER):
            roles[index] = role
    return roles


def _holds_text(values: Iterable[Any], *, strict: bool) -> bool:
    """Whether cells are texts. `strict`, for a name that says nothing: one in five has several words."""
    n = texts = long = 0
    for value in values:
        if value is MISSING or value is None or value == "" or value != value:  # noqa: PLR0124 - NaN
            continue
        n += 1
        texts += isinstance(value, list | dict) or (isinstance(value, str) and not _is_number(value))
        long += isinstance(value, str) and len(value.split()) >= MIN_WORDS
    if strict:
        return n > 0 and long >= TEXT_SHARE * n
    return texts > 0 or n == 0


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"\s*[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?\s*", text))


def _sections_or_text(table: Table, candidates: list[int]) -> TextColumns | None:
    """One column of whole reports, or one of findings with one of impressions; `None` for anything else."""
    findings = [i for i in candidates if _is_section(table.columns[i], _FINDINGS)]
    impression = [i for i in candidates if _is_section(table.columns[i], _IMPRESSION)]
    if len(candidates) == 1:
        if impression:
            raise Refused(
                f"the only text is '{visible(table.columns[candidates[0]])}', an impression without findings. "
                "Name the columns: --findings-column NAME --impression-column NAME, or --text-column NAME."
            )
        return TextColumns(text=candidates[0])
    if len(candidates) == 2 and len(findings) == len(impression) == 1:
        return TextColumns(findings=findings[0], impression=impression[0])
    return None


def _is_section(name: str, words: frozenset[str]) -> bool:
    own = set(words_of(name))
    return bool(own & words) and not (own & _FINDINGS and own & _IMPRESSION)


def _none_found(table: Table, roles: dict[int, Role]) -> str:
    references = [table.columns[i] for i, r in roles.items() if r is Role.REFERENCE]
    if references:
        return f"no prediction found: {listed(references)} is named like references, and references are never written as predictions. Of {listed(table.columns, 20)}, if one is the prediction, use --text-column NAME."
    return f"no prediction found among the columns {listed(table.columns, 20)}; use --text-column NAME."


def _ambiguous(table: Table, candidates: list[int]) -> str:
    names = [table.columns[i] for i in candidates]
    if len({n.strip().casefold() for n in names}) < len(names):
        numbers = " or ".join(str(i + 1) for i in candidates)
        return (
            f"several columns have the same name and may contain the prediction: {listed(names, 20)} (columns {numbers}). "
            f"Rename one, or use --text-column with its number: --text-column {candidates[0] + 1}."
        )
    options = " or ".join(f"--text-column {_quoted(n)}" for n in names[:4])
    both = ""
    if any(_is_section(n, _FINDINGS) for n in names) and any(_is_section(n, _IMPRESSION) for n in names):
        both = ", or --findings-column NAME --impression-column NAME"
    return f"more than one column may contain the prediction: {listed(names, 20)}. One of them may be the reference, so none is used. Use {options}{both}."


def _quoted(name: str) -> str:
    text = visible(name)
    return f"'{text}'" if re.search(r"[^\w.-]", text) or not text else text


def _refuse_classes(table: Table, columns: TextColumns, roles: dict[int, Role]) -> None:
    """Refuses `report` next to a `prediction` that is a number or a class: it is what the model was asked about."""
    classes = [
        c
        for i, c in enumerate(table.columns)
        if i not in roles and words_of(c) and set(words_of(c)) <= _PREDICTED
    ]
    if classes:
        names = [table.columns[i] for i in columns.used]
        raise Refused(
            f"{listed(classes)} contains no text, and {listed(names)} next to it may be the reference. "
            f"If it is the prediction, use --text-column {_quoted(names[0])}."
        )


def _refuse_annotations(table: Table, columns: TextColumns) -> None:
    """Refuses a table of `report` and `split`: it is often the dataset's own file of references."""
    splits = [c for c in table.columns if _SPLITS & set(words_of(c))]
    if splits:
        names = [table.columns[i] for i in columns.used]
        option = "--text-column" if columns.text is not None else "--findings-column"
        raise Refused(
            f"the column {listed(splits)} beside {listed(names)} is typical of a dataset's own file, whose texts are the references. If {listed(names)} is the prediction, use {option} {_quoted(names[0])}."
        )
