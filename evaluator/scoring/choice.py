"""Multiple choice's part of scoring: baselines, probes, diagnostics and integrity checks of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, cast

from evaluator.core.types import Pair
from evaluator.datasets.answer import Answer
from evaluator.datasets.question_references import Question
from evaluator.datasets.references import References
from evaluator.datasets.tasks.task import Prediction
from evaluator.datasets.tasks.vqa import TASK
from evaluator.scoring.bands import Band
from evaluator.scoring.integrity import answers as checks
from evaluator.scoring.integrity import plausibility
from evaluator.scoring.integrity.flags import Flag
from evaluator.scoring.null_answers import null_answers, probe_answers
from evaluator.scoring.record import Diagnostics
from evaluator.scoring.task_scoring import Entry, TaskScoring


class ChoiceScoring(TaskScoring[Answer]):
    """Answers are letters: the checks look at how often each is given and where models are wrong together."""

    bands = dict.fromkeys(TASK.metrics, Band((1.0, 1.0), (0.0, 0.0), (0.0, 0.75)))

    probed: ClassVar[int] = 1_000_000
    """All of them: a sample might lack a rare skill, and comparing letters is cheap."""

    def nulls(
        self,
        references: References,
        training: Sequence[Any],  # noqa: ARG002
        seed: str,
    ) -> Mapping[str, Mapping[str, Answer]]:
        """Constant letters, a random one, and rules that read only the options."""
        return null_answers(_questions(references), seed=seed)

    def probes(self, references: References, seed: str) -> Mapping[str, Mapping[str, Answer]]:
        """The correct answers, none, and those of other questions."""
        return probe_answers(_questions(references), seed)

    def describe(self, references: References, pairs: Sequence[Pair]) -> Diagnostics:  # noqa: ARG002
        """Unanswered questions, the share of each letter, and accuracy by the correct letter."""
        letters, key = [p.prediction for p in pairs], [p.reference for p in pairs]
        shares = checks.letter_shares(letters)
        return Diagnostics(
            n_empty=sum(not a for a in letters),
            top1_share=max(shares.values(), default=0.0),
            letter_shares=shares or None,
            position_accuracy=checks.position_accuracy(letters, key),
        )

    def diagnose(self, entry: Entry[Answer]) -> tuple[Diagnostics, list[Flag]]:
        """C2, C15, C19 and C24 to C26; `shared_wrong` is the highest agreement with another model's wrong answers."""
        ids = [p.id for p in entry.pairs]
        letters, key = [p.prediction for p in entry.pairs], [p.reference for p in entry.pairs]
        others = {
            name: _letters(ids, predictions) for name, predictions in sorted(entry.earlier.others.items())
        }
        flags = [
            *checks.check_unanswered(ids, letters),
            *plausibility.check_too_good(entry.board, entry.scored),
            *_probing(entry, ids, letters),
            *checks.check_letters(letters, key),
            *(f for name, theirs in others.items() for f in _shared(entry, ids, name, letters, theirs, key)),
            *checks.check_positions(letters, key),
        ]
        kappas = [
            k for theirs in others.values() if (k := checks.wrong_kappa(letters, theirs, key)) is not None
        ]
        numbers = self.describe(entry.references, entry.pairs)
        return numbers.model_copy(update={"shared_wrong": max(kappas, default=None)}), flags


CHOICE: Final = ChoiceScoring()
"""Multiple choice's part of scoring."""


def _questions(references: References) -> Mapping[str, Question]:
    return cast("Mapping[str, Question]", references.studies)


def _letters(ids: Sequence[str], predictions: Mapping[str, Prediction]) -> list[str]:
    """A model's answers in the order of the questions; an empty text for a missing one."""
    return [predictions[i].fields["answer"] if i in predictions else "" for i in ids]


def _shared(
    entry: Entry[Answer],
    ids: Sequence[str],
    name: str,
    letters: Sequence[str],
    theirs: Sequence[str],
    key: Sequence[str],
) -> list[Flag]:
    """C25 against one other model; answers that the team had before that model existed are not held against it."""
    same_team = name.partition("/")[0] == entry.name.partition("/")[0]
    since = entry.earlier.submitted(name)
    own = [f for f in entry.earlier.own if not same_team and since is not None and f.submitted < since]
    before = [_letters(ids, f.predictions) for f in own]
    return checks.check_shared_wrong(letters, theirs, key, name=name, same_team=same_team, own=before)


def _probing(entry: Entry[Answer], ids: Sequence[str], letters: Sequence[str]) -> list[Flag]:
    """C19 on a withheld dataset: against every earlier file of the team, once."""
    if entry.board.dataset.exposure.membership_counts:
        return []
    team = entry.name.partition("/")[0]
    own = [p for name, p in sorted(entry.earlier.others.items()) if name.partition("/")[0] == team]
    own += [f.predictions for f in entry.earlier.own]
    now = dict(zip(ids, letters, strict=True))
    flags = [f for p in own for f in checks.check_probing(dict(zip(ids, _letters(ids, p), strict=True)), now)]
    return flags[:1]
