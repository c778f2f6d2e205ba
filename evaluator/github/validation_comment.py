"""The comment that says whether a pull request is valid: first for its author, then facts for the maintainer."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from evaluator.core.counts import count_text
from evaluator.core.markdown import code_span, markdown_text
from evaluator.core.problems import visible
from evaluator.datasets.challenge import Policy, challenge
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import Prediction, get_task
from evaluator.github.pull_request import Intake
from evaluator.github.quota_status import QuotaNotes, readable
from evaluator.github.review_facts import COMPARED, chosen, file_facts, nearest, task_of, text_of
from evaluator.submissions.outcome import MAX_COMMENT, MAX_FOLDERS, problem_lines, tracks_text
from evaluator.submissions.reading import Items
from evaluator.submissions.submission import Predictions, Submission
from evaluator.submissions.task_predictions import predictions_of
from evaluator.submissions.validate import FileSummary

VALIDATION_MARK: Final = "<!-- rexrank:validation v1 -->"
SAMPLES: Final = 3
Others = Mapping[str, Mapping[str, Items]]
MAX_SAMPLE: Final = 600
SAMPLE_WIDTH: Final = 88


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """What main and GitHub know about a submission.

    `others`: per dataset the predictions of main's other submissions, by `team/model`. `noted`: the quota's
    notes. `people`: lines on the accounts behind the pull request. `limits`: limits that main would exceed
    after the merge.
    """

    others: Others = field(default_factory=dict)
    noted: QuotaNotes = field(default_factory=QuotaNotes)
    policy: Policy = field(default_factory=lambda: challenge().quota)
    people: Sequence[str] = ()
    limits: Sequence[str] = ()


def withdrawn(intake: Intake) -> bool:
    """Whether a pull request removes a model from the ranking, by its folder or its card; an import never does."""
    if intake.kind == "import":
        return False
    submission = _submission(intake)
    return intake.kind == "withdrawal" or (submission is not None and submission.card.status == "withdrawn")


def verdict(intake: Intake) -> tuple[str, str]:
    """State and description of the status `rexrank/score` before any scoring."""
    if intake.kind == "other":
        return "success", "no submission changed: nothing to score"
    if not intake.ok:
        return "failure", "not valid: see the comment"
    if withdrawn(intake):
        return "success", "a withdrawal: nothing to score"
    if intake.kind == "import":
        return (
            "success",
            f"an import of {count_text(len(intake.report.found), 'submission')}: scored once it is merged",
        )
    if challenge().scores_after_merge:
        return "success", "valid: scored once it is merged"
    return "pending", "valid; waiting for a maintainer to review it and request scoring"


def validation_comment(intake: Intake, around: RepositoryFacts | None = None) -> str:
    """The comment on a pull request that is a submission or withdraws one, as Markdown.

    Raises `ValueError` for a valid intake that is neither.
    """
    if not intake.ok:
        return _refusal(intake)
    if withdrawn(intake):
        return _withdrawal(intake)
    if intake.kind == "import":
        return _import(intake)
    submission = _submission(intake)
    if submission is None:
        raise ValueError("a valid submission was read")
    return _valid(intake, submission, around or RepositoryFacts())


def _submission(intake: Intake) -> Submission | None:
    return intake.report.found[0].submission if intake.report.found else None


def _refusal(intake: Intake) -> str:
    """All problems, after what to do about them."""
    problems = intake.report.problems
    counts = [count_text(problems.n_errors, "problem")] * bool(problems.n_errors)
    counts += [count_text(problems.n_warnings, "warning")] * bool(problems.n_warnings)
    where = f"{code_span(intake.folder)} at commit" if intake.folder else "Commit"
    lines = [
        f"### ❌ Not valid{': ' if counts else ''}{', '.join(counts)}",
        "",
        f"{where} {code_span(intake.sha)}.",
        "",
    ]
    if intake.unmerged is not None:
        lines += [f"**Cannot be merged.** {_sentence(intake.unmerged)}", ""]
    if intake.objection is not None:
        lines += [f"**Not yours to change.** {markdown_text(intake.objection)}.", ""]
    if not problems.ok:
        warned = " Items marked ⚠️ may stay." if problems.n_warnings else ""
        lines += [
            (
                f"**What to do.** Fix everything marked ❌ and push to this branch; this comment will then be updated.{warned} "
                f"Each code links to its explanation; {_own_check(intake)}"
            ),
        ]
    room = MAX_COMMENT - sum(len(line) + 1 for line in lines)
    return "\n".join([*lines, *problem_lines(problems, room)]) + "\n"


def _sentence(words: str) -> str:
    text = markdown_text(words)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _own_check(intake: Intake) -> str:
    return f"to check on your own machine, run {code_span(f'rexrank validate {intake.folder}')}."


def _withdrawal(intake: Intake) -> str:
    ending = (
        "the history still records it"
        if intake.kind == "withdrawal"
        else "a line with the reason takes their place"
    )
    return (
        f"### ✅ Withdrawal\n\nThis pull request removes {code_span(intake.folder)} from the ranking at commit "
        f"{code_span(intake.sha)}.\n\n**What happens next.** A maintainer merges it; nothing is scored. The model's rows "
        f"are then removed from the tables, and {ending}. What was published before stays in git history.\n"
    )


def _import(intake: Intake) -> str:
    """The contents of an import, for reviewers of it as one change."""
    entries = intake.report.found
    problems = intake.report.problems
    warned = f" with {count_text(problems.n_warnings, 'warning')}" if problems.n_warnings else ""
    lines = [
        f"### ✅ Valid import{warned}: {count_text(len(entries), 'submission')}",
        "",
        f"At commit {code_span(intake.sha)}, by a maintainer.",
        "",
    ]
    for entry in entries[:MAX_FOLDERS]:
        card = entry.submission.card if entry.submission else None
        origin = card.imported if card else None
        source = (
            f"predictions of {origin.date}, from {markdown_text(origin.source)}"
            if origin
            else "**its card lacks the field imported**"
        )
        sets = ", ".join(f.dataset for f in entry.files)
        lines.append(f"- {code_span(f'{entry.team}/{entry.model}')}: {sets}; {source}")
    if len(entries) > MAX_FOLDERS:
        lines.append(f"- … and {len(entries) - MAX_FOLDERS:,} more")
    withheld = sorted(
        {f.dataset for e in entries for f in e.files if get_dataset(f.dataset).exposure.limited_runs}
    )
    lines += [
        "",
        (
            "**What happens next.** A second maintainer reviews the files and merges; the next run of `publish` scores all of them, and each enters its boards with that day's date. The dates above are shown next to it as the original dates."
        ),
    ]
    if withheld:
        names = ", ".join(map(code_span, withheld))
        lines += ["", f"Each file of {names} counts as a run of its team."]
    room = MAX_COMMENT - sum(len(line) + 1 for line in lines)
    return "\n".join([*lines, *problem_lines(problems, room)]) + "\n"


def _valid(intake: Intake, submission: Submission, around: RepositoryFacts) -> str:
    problems = intake.report.problems
    warned = f" with {count_text(problems.n_warnings, 'warning')}" if problems.n_warnings else ""
    lines = [
        f"### ✅ Valid submission{warned}",
        "",
        f"{code_span(intake.folder)} at commit {code_span(intake.sha)}.",
        "",
        *(_file_line(file) for file in intake.report.found[0].files),
    ]
    if problems.n_warnings:
        lines += ["", "**Warnings.** They do not block the submission; check whether they are intended."]
    tail = [*_next_steps(submission, around), *_for_maintainers(intake, submission, around)]
    room = MAX_COMMENT - sum(len(line) + 1 for line in (*lines, *tail))
    return "\n".join([*lines, *problem_lines(problems, room), *tail]) + "\n"


def _file_line(file: FileSummary) -> str:
    """The contents of a prediction file."""
    dataset = get_dataset(file.dataset)
    task = get_task(dataset.task)
    empty = f", {file.empty:,} empty" if file.empty else ""
    of = "" if dataset.size is None else f" of {dataset.size:,}"
    words = "" if file.median_words is None else f", {count_text(file.median_words, 'word')} (median)"
    return (
        f"- **[{dataset.title}]({challenge().site}datasets/{dataset.id}/)**: {file.studies:,}{of} {task.items}; "
        f"{tracks_text(file.tracks)}; {file.distinct:,} distinct "
        f"{task.prediction if file.distinct == 1 else task.predictions}{words}{empty}"
    )


def _merge_first() -> list[str]:
    """What happens in a small challenge, whose workflow scores after the merge."""
    return [
        "",
        "**What happens next.** You do not need to do anything.",
        "",
        "1. A maintainer reviews the predictions and merges this pull request.",
        "2. They are then scored, and within a quarter of an hour the model is [on the leaderboard]("
        + challenge().site
        + "leaderboards/): every metric with its interval, and your rank.",
        "",
        "If you push to this branch before that, this comment is updated and the new commit is what counts.",
    ]


def _next_steps(submission: Submission, around: RepositoryFacts) -> list[str]:
    if challenge().scores_after_merge:
        more = f"More: [how submitting works]({challenge().site}submit/)."
        return [*_limits(around), *_merge_first(), "", more]
    lines = [
        *_limits(around),
        "",
        "**What happens next.** You do not need to do anything.",
        "",
        "1. A maintainer reviews the predictions and requests scoring of exactly this commit; a second person approves the run.",
        "2. The scores appear in a separate comment: every metric with its interval, your rank and the neighbouring rows.",
        "3. When it is merged, the model is [on the leaderboard](" + challenge().site + "leaderboards/).",
        "",
        "If you push to this branch, this comment is updated and only the new commit can be scored.",
    ]
    withheld = [d for d in submission.files if get_dataset(d).exposure.limited_runs]
    if withheld:
        policy = around.policy
        lines += [
            "",
            f"**Quota.** On a withheld dataset a team is scored {_times(policy.runs)} in {policy.window_days} days and {_times(policy.runs_per_year)} in a year. For {code_span(submission.team)}: "
            + "; ".join(_slot(d, around.noted.waits.get(d)) for d in withheld)
            + ". A run also counts for the account that opens the pull request and for every contact, across all their teams.",
        ]
    return [*lines, "", f"More: [how submitting works]({challenge().site}submit/)."]


def _limits(around: RepositoryFacts) -> list[str]:
    """What prevents publication, for the maintainer who merges; empty if main has room."""
    if not around.limits:
        return []
    head = "**Do not merge yet.** Nothing is wrong with the submission, but main has no room to publish it:"
    return ["", head, "", *(f"- {line}" for line in around.limits)]


def _times(n: int) -> str:
    return {1: "once", 2: "twice"}.get(n, f"{n:,} times")


def _slot(dataset: str, when: str | None) -> str:
    return f"{code_span(dataset)} " + ("now" if when is None else f"**from {readable(when)}**")


def _for_maintainers(intake: Intake, submission: Submission, around: RepositoryFacts) -> list[str]:
    """People, statistics, similar models, reports chosen by hash, and the line to paste."""
    small = challenge().scores_after_merge
    what = "review facts" if small else "review facts and the line to paste"
    lines = ["", f"<details><summary>For maintainers: {what}</summary>", ""]
    lines += [f"- {line}" for line in around.people]
    for name, predictions in submission.files.items():
        lines += [
            "",
            f"**{get_dataset(name).title}**, SHA-256 {code_span(predictions.sha256)}",
            "",
            *(f"- {markdown_text(line)}" for line in file_facts(predictions)),
            f"- {_resemblance(predictions, around.others)}",
            "",
        ]
        if predictions_of(task_of(predictions)).free_text:
            lines += _samples(predictions)
    if small:
        merging = "Merge it to score it: the workflow `publish` does the rest."
        return [*lines, "", merging, "", "</details>"]
    return [
        *lines,
        "",
        "To score exactly this commit, paste:",
        "",
        "```text",
        f"/score {intake.sha}",
        "```",
        "",
        "</details>",
    ]


def _samples(predictions: Predictions) -> list[str]:
    lines = [
        f"{count_text(min(SAMPLES, len(predictions.items)), task_of(predictions).prediction)} chosen by hash:"
    ]
    for item in chosen(predictions, SAMPLES):
        lines += ["", "```text", _sample(predictions.items[item]), "```"]
    return lines


def _sample(prediction: Prediction) -> str:
    text = visible(" ".join(text_of(prediction).split()), MAX_SAMPLE)
    return textwrap.fill(text.replace("```", "'''"), SAMPLE_WIDTH)


def _resemblance(predictions: Predictions, others: Others) -> str:
    neighbours = nearest(predictions, others.get(predictions.dataset, {}))
    task = task_of(predictions)
    close = "close" if predictions_of(task).free_text else "equal"
    if not neighbours:
        return f"{task.predictions} {close} to those of another submission on main: none"
    shares = ", ".join(f"{code_span(name)} {share:.0%}" for name, share in neighbours)
    return f"**{task.predictions} {close} to those of another submission on main** (out of up to {COMPARED} {task.items}): {shares}"
