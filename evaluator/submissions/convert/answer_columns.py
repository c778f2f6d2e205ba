"""Which column of a table has the answers and which the question ids. The key is never taken for answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from evaluator.core.counts import count_text
from evaluator.core.problems import visible
from evaluator.submissions.convert.columns import Role, Wanted, find_column, role_of, words_of
from evaluator.submissions.convert.ids import id_text, single
from evaluator.submissions.convert.table import KEY, VALUE, Refused, Table, listed, names
from evaluator.submissions.rules.answers import holds_truth

_TRUTH: Final = names(
    "correct right solution key gold truth gt label labels target targets reference references ref"
)
_PLAIN: Final = names(
    "answer answers response responses output outputs completion letter choice choices selected chosen text content"
)
_NO_LETTER: Final = names(
    "explanation explanations reason reasons reasoning rationale confidence probability prob score scores"
)
_IDS: Final = (
    ("question", "id"), ("qid",), ("id",), ("key",), ("custom", "id"), ("uid",), ("question", "uid"), ("study", "id"),
)  # fmt: skip
"""Names of columns with question ids, the likeliest first, for when ids are not known."""
MAX_PROBLEMS: Final = 20


@dataclass(frozen=True, slots=True)
class QuestionIds:
    """The question of every row, by its number, the column it was read from, and how it was found, in words.

    `left_out`: ids of rows that are not questions of the dataset.
    """

    column: int
    questions: Mapping[int, str]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def choose_answers(table: Table, wanted: Wanted, taken: int) -> int:
    """The position of the column with the answers; `taken` has the ids.

    Raises `Refused` if there is none, or if more than one could be meant.
    """
    if wanted.findings is not None or wanted.impression is not None:
        raise Refused(
            "--findings-column and --impression-column are for reports; answers have --text-column."
        )
    if wanted.text is not None:
        return find_column(table, wanted.text, "--text-column")
    places = [i for i in range(len(table.columns)) if i != taken]
    predicted = [
        i for i in places if _is_answer(table.columns[i]) and role_of(table.columns[i]) is Role.PREDICTED
    ]
    plain = [i for i in places if _is_answer(table.columns[i]) and set(words_of(table.columns[i])) & _PLAIN]
    candidates = predicted or plain
    if len(candidates) == 1:
        return candidates[0]
    choice = listed(table.columns, 20)
    if candidates:
        options = " or ".join(f"--text-column {visible(table.columns[i])}" for i in candidates[:4])
        what = listed([table.columns[i] for i in candidates], 20)
        raise Refused(f"more than one column may contain the answers: {what}. Use {options}.")
    if truth := [c for c in table.columns if _is_truth(c)]:
        raise Refused(
            f"no answers of a model found: {listed(truth, 20)} contains the correct answers, which are never written as predictions. "
            f"Of {choice}, if one contains the model's answers, use --text-column NAME."
        )
    raise Refused(f"no answers found among the columns {choice}; use --text-column NAME.")


def _is_truth(name: str) -> bool:
    """Whether a column's name marks it as the key; ReXrank's `model_prediction` does not."""
    words = set(words_of(name))
    return role_of(name) is not Role.PREDICTED and (holds_truth(name) or bool(words & _TRUTH))


def _is_answer(name: str) -> bool:
    if name == VALUE:
        return True
    words = set(words_of(name))
    return not _is_truth(name) and not words & _NO_LETTER and not words & {"options", "question", "questions"}


def identify_questions(
    table: Table, known: frozenset[str], wanted: Wanted, studies: Mapping[str, list[str]]
) -> QuestionIds:
    """The question of every row: by the ids if they are known, else by the column's name.

    `studies`: the questions of each study, for files that are keyed by study. Raises `Refused` if no column
    has ids, or if a study has several questions and its row does not say which.
    """
    if not table.rows or not table.columns:
        raise Refused("the file contains no questions.")
    column = None if wanted.id is None else find_column(table, wanted.id, "--id-column")
    if not known:
        return _by_name(table, column)
    columns = range(len(table.columns)) if column is None else (column,)
    best: QuestionIds | None = None
    for index in columns:
        matches = {
            n: i for n, v in enumerate(table.column(index)) if (i := id_text(single(v))) in known and i
        }
        if matches and (best is None or len(matches) > len(best.questions)):
            rest = tuple(
                str(id_text(single(v))) for n, v in enumerate(table.column(index)) if n not in matches
            )
            best = QuestionIds(index, matches, rest)
    if best is not None:
        return best
    return _by_study(table, known, columns, studies)


def _by_study(
    table: Table, known: frozenset[str], columns: Iterable[int], studies: Mapping[str, list[str]]
) -> QuestionIds:
    """Rows keyed by study, as in ReXrank's example file: a study with one question means that question."""
    for index in columns:
        rows = {n: i for n, v in enumerate(table.column(index)) if (i := id_text(single(v))) in studies and i}
        if not rows:
            continue
        several = sorted({s for s in rows.values() if len(studies[s]) > 1})
        if several:
            example = studies[several[0]]
            raise Refused(
                f"'{visible(table.columns[index])}' contains study ids, and {len(several):,} of the studies have several questions "
                f"('{visible(several[0])}' has {len(example)}), so that a row does not say which it answers. Write question ids, "
                f"such as '{visible(example[0])}'."
            )
        rest = tuple(str(id_text(single(v))) for n, v in enumerate(table.column(index)) if n not in rows)
        note = f"{count_text(len(rows), 'study id stands', 'study ids stand')} for the only question of the study"
        return QuestionIds(index, {n: studies[s][0] for n, s in rows.items()}, rest, (note,))
    raise Refused(
        f"no question id of the dataset is in any of the columns {listed(table.columns, 20)}; its ids look like "
        f"'{visible(min(known))}'. Is it the right file, split and --dataset? Otherwise name the column: --id-column NAME."
    )


def _by_name(table: Table, column: int | None) -> QuestionIds:
    if column is None:
        id_columns = [i for i, c in enumerate(table.columns) if c == KEY or words_of(c) in _IDS]
        # tie: the file's order
        id_columns.sort(
            key=lambda i: _IDS.index(words_of(table.columns[i])) if table.columns[i] != KEY else 3
        )
        unique = [i for i in id_columns if _is_unique(table, i)]
        if not unique:
            what = (
                f"{listed([table.columns[i] for i in id_columns])} repeat"
                if id_columns
                else "no column is named like"
            )
            raise Refused(f"{what} question ids among {listed(table.columns, 20)}. Use --id-column NAME.")
        column = unique[0]
    ids = [id_text(single(v)) for v in table.column(column)]
    empty = [row.where for row, i in zip(table.rows, ids, strict=True) if i is None]
    if empty:
        raise Refused(*(f"{where}: the question id is empty." for where in empty[:MAX_PROBLEMS]))
    return QuestionIds(column, {n: i for n, i in enumerate(ids) if i is not None})


def _is_unique(table: Table, index: int) -> bool:
    ids = [id_text(single(v)) for v in table.column(index)]
    return None not in ids and len(set(ids)) == len(ids)
