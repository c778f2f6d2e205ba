"""From a file of a model's answers in any known form to one letter per question, and what was done, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from evaluator.core.counts import count_text
from evaluator.core.problems import visible
from evaluator.datasets.answer import Answer
from evaluator.datasets.question_references import Question
from evaluator.submissions.convert.answer_columns import QuestionIds, choose_answers, identify_questions
from evaluator.submissions.convert.columns import Wanted
from evaluator.submissions.convert.conversion import read_table
from evaluator.submissions.convert.letters import read_letter
from evaluator.submissions.convert.source import read_source
from evaluator.submissions.convert.table import MISSING, Refused, Row, Table, first_ids
from evaluator.submissions.convert.values import Sections, text_of

LISTED: Final = 20
MIN_EQUAL: Final = 20
"""A column with at least this many answers, all of them correct, is taken for the key."""
UNREAD_SHARE: Final = 0.5
"""Above this share of texts without a letter, a column is not one of answers."""


@dataclass
class Texts:
    """What happened to the texts, by question id: without a text, without one letter (and why), repeated."""

    empty: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    in_words: int = 0


@dataclass(frozen=True, slots=True)
class ConvertedAnswers:
    """The answers of a source by question, and notes on how they were read."""

    answers: Mapping[str, Answer]
    notes: tuple[str, ...]


def convert_answers(
    path: Path,
    known: frozenset[str] = frozenset(),
    *,
    wanted: Wanted | None = None,
    questions: Mapping[str, Question] | None = None,
) -> ConvertedAnswers:
    """The answers of a file: JSON, JSON Lines, CSV, Excel or Parquet, a letter or a text with one in each row.

    `known`: the dataset's question ids, empty if they are not known. `questions`: the references, if
    available, to read files keyed by study and to make sure that the key is not taken for a model's answers.
    A text without exactly one letter becomes an empty answer, and is listed. Raises `Refused` with a sentence
    and a location for each problem; nothing is written then.
    """
    source = read_source(path)
    wanted = wanted or Wanted()
    by_id = questions or {}
    studies: dict[str, list[str]] = {}
    for question in sorted(by_id):
        studies.setdefault(by_id[question].study, []).append(question)
    table = read_table(source, known | studies.keys())
    lookup = identify_questions(table, known, wanted, studies)
    column = choose_answers(table, wanted, lookup.column)
    texts = Texts()
    answers = _answers(table, lookup, column, texts)
    _refuse_no_letters(table, column, answers, texts)
    _refuse_key(table, column, answers, by_id)
    packed = "gzip of " if source.packed else ""
    encoding = f" in {source.encoding}" if source.encoding else ""
    notes = [
        f"read {packed}{table.how}{encoding}: {count_text(len(table.rows), 'row')}",
        *table.notes,
        f"question ids: {table.named(lookup.column)}",
        *lookup.notes,
        f"answers: {table.named(column)}",
        *_coverage(answers, lookup, known),
        *_account(texts),
    ]
    return ConvertedAnswers(answers, tuple(notes))


def _answers(table: Table, lookup: QuestionIds, column: int, texts: Texts) -> dict[str, Answer]:
    """The answer of every question.

    Raises `Refused` for two different answers to one question, and for a value that is not text.
    """
    problems: list[str] = []
    rows: dict[str, tuple[str, str]] = {}
    for number, question in lookup.questions.items():
        row = table.rows[number]
        try:
            text = _text(row, column, table.columns[column])
        except Refused as error:
            problems += error.problems
            continue
        if question not in rows:
            rows[question] = (text, row.where)
        elif rows[question][0] == text:
            texts.repeated.append(question)
        else:
            problems.append(
                f"{row.where}: the question '{visible(question)}' appeared before, with a different text "
                f"({rows[question][1]}). Keep one answer per question."
            )
    if problems:
        more = len(problems) - LISTED
        raise Refused(*problems[:LISTED], *([f"… and {more:,} more."] if more > 0 else []))
    if not rows:
        raise Refused("the file contains no questions of the dataset.")
    return {question: _answer(question, text, texts) for question, (text, _) in rows.items()}


def _text(row: Row, column: int, name: str) -> str:
    value = row.cells[column]
    if value is MISSING:
        raise Refused(f"{row.where}: no field '{visible(name)}', which the other rows have.")
    content = text_of(value, row.where)
    if isinstance(content, Sections):
        raise Refused(
            f"{row.where}: the answer is a report in sections; name the column with --text-column NAME."
        )
    return content or ""


def _answer(question: str, text: str, texts: Texts) -> Answer:
    reading = read_letter(text)
    texts.in_words += bool(reading.letter) and reading.letter != text
    if reading.why == "no text":
        texts.empty.append(question)
    elif reading.why:
        texts.unread[question] = f"{reading.why} in '{visible(text.strip(), 60)}'"
    return Answer(reading.letter)


def _refuse_no_letters(table: Table, column: int, answers: Mapping[str, Answer], texts: Texts) -> None:
    """Refuses a column in which most texts have no letter: it does not contain answers."""
    n_texts = len(answers) - len(texts.empty)
    if texts.unread and len(texts.unread) > UNREAD_SHARE * n_texts:
        raise Refused(
            f"{table.named(column)} contains no letter, or several, in {len(texts.unread):,} of {n_texts:,} texts; is it the "
            "column of the answers? Otherwise use --text-column NAME.",
            *(f"'{visible(q)}': {why}." for q, why in list(texts.unread.items())[:5]),
        )


def _refuse_key(
    table: Table, column: int, answers: Mapping[str, Answer], questions: Mapping[str, Question]
) -> None:
    """Refuses a column that contains the key."""
    both = [answers[q].value == questions[q].answer for q in answers if q in questions]
    if len(both) >= MIN_EQUAL and all(both):
        raise Refused(
            f"{table.named(column)} contains the correct answers: all {len(both):,} answers equal the references. The references are "
            "never written as answers; name the column of the model's answers with --text-column NAME."
        )


def _coverage(answers: Mapping[str, Answer], lookup: QuestionIds, known: frozenset[str]) -> list[str]:
    lines = [
        f"{count_text(len(answers), 'question')}; the dataset's ids are not known here (if you have the data: --references DIR)"
    ]
    if known:
        missing = sorted(known - answers.keys())
        lines = [f"{len(answers):,} of {len(known):,} questions"]
        if missing:
            lines[0] += (
                f"; missing {first_ids(missing)}{', …' if len(missing) > 5 else ''} (each counts as wrong)"
            )
    if lookup.left_out:
        first = first_ids(lookup.left_out)
        lines.append(
            f"{count_text(len(lookup.left_out), 'row')} left out, with an id that is not in the dataset (first: {first})"
        )
    return lines


def _account(texts: Texts) -> list[str]:
    lines = []
    if texts.repeated:
        distinct = list(dict.fromkeys(texts.repeated))
        lines.append(
            f"{count_text(len(distinct), 'question appears', 'questions appear')} twice with the same text (first: {first_ids(distinct)})"
        )
    if texts.in_words:
        lines.append(f"{count_text(texts.in_words, 'letter was', 'letters were')} extracted from text")
    if texts.empty:
        lines.append(
            f"{count_text(len(texts.empty), 'question without a text counts', 'questions without a text count')} as unanswered and wrong (first: {first_ids(texts.empty)})"
        )
    if texts.unread:
        kinds = Counter(why.partition(" in ")[0].partition(":")[0] for why in texts.unread.values())
        counts = ", ".join(f"{kind} in {n:,}" for kind, n in sorted(kinds.items()))
        lines.append(
            f"{count_text(len(texts.unread), 'text does', 'texts do')} not contain exactly one letter ({counts}): unanswered, counted as wrong:"
        )
        examples = list(texts.unread.items())[:LISTED]
        lines += [f"  {visible(question)}: {why}" for question, why in examples]
        if len(texts.unread) > LISTED:
            lines.append(f"  … and {len(texts.unread) - LISTED:,} more")
    return lines
