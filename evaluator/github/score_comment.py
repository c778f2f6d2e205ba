"""The comment with the scores of a pull request, or with the reason why there are none."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

from evaluator.core.counts import count_text
from evaluator.core.markdown import code_span, markdown_text, quiet
from evaluator.datasets.challenge import challenge
from evaluator.datasets.tasks.task import baseline_title, task_of, track_title
from evaluator.github.quota_status import readable
from evaluator.github.score_result import (
    BoardResult,
    Lead,
    RowBefore,
    ScoreResult,
    ShownColumn,
    ShownRow,
)
from evaluator.leaderboard.table_files import digits_of, display_text
from evaluator.scoring.quota import Standing

SCORE_MARK: Final = "<!-- rexrank:score v1 -->"
OUTCOMES: Final = {
    "pass": "passed",
    "badge": "badge next to the model",
    "quarantine": "held: no rank until a maintainer has reviewed it",
    "reject": "refused: no rank",
}
NULL_WORDS: Final = {"clears": ", clears it", "not_shown": ", does not clear it", "below": ", below it"}
LEAD: Final = "Lead: how far this model is ahead in the mean of the ranking metric (below 0: behind), with its 95 % interval and p."
SURE: Final = 0.05
OPEN: Final = 2
"""How many boards have their details unfolded."""
NBSP: Final = "\u00a0"


def score_comment(result: ScoreResult, repository: str) -> str:
    """The comment for a checked result; `repository` is its address, for links."""
    name = f" {code_span(result.submission)}" if result.submission else ""
    if result.error:
        lines = [
            f"### ❌ Not scored:{name or ' this pull request'}",
            "",
            f"Commit {code_span(result.sha)}. **Why:** {_sentence(result.error)}",
            "",
            *_after_failure(result),
        ]
        return "\n".join(lines) + "\n"
    lines = [
        f"### ✅ Scored:{name}",
        "",
        f"Commit {code_span(result.sha)}.",
        "",
        *_summary(result.boards),
    ]
    for dataset in result.not_scored:
        lines += ["", f"{code_span(dataset)} is not scored: this runner does not have its references."]
    for number, board in enumerate(result.boards):
        lines += [
            "",
            f"<details{' open' if number < OPEN else ''}><summary>{_title(board)}: neighbouring rows, all metrics</summary>",
            *_board_lines(board),
            "",
            "</details>",
        ]
    lines += ["", *_what_next(result, repository)]
    return "\n".join(lines) + "\n"


def _title(board: BoardResult) -> str:
    """A board's title inside HTML."""
    return f"<b>{quiet(html.escape(' '.join(board.title.split())))}, {track_title(board.track)}</b>"


def _summary(boards: Sequence[BoardResult]) -> list[str]:
    """One line per board: the model's rank and the metric that ranks."""
    if not boards:
        return []
    lines = ["| Board | Rank | Ranked by | Currently on main |", "|---|:---:|---|---|"]
    for board in boards:
        url = f"{challenge().site}leaderboards/{board.dataset}/{board.track}/"
        row, before, metric = board.row, board.before, board.ranked_by
        rank = "none" if row is None or row.rank_low is None else f"**{_range(row)}** of {board.models}"
        digits = digits_of(board.step)
        value = "–" if row is None else _value(row, metric.key, digits)
        lines.append(
            f"| [{markdown_text(board.title)}, {track_title(board.track)}]({url}) | {rank} | {_head(metric)} {value} "
            f"| {_was(before, digits)} |"
        )
    unranked = [
        f"- **No rank on {markdown_text(b.title)}, {track_title(b.track)}:** {_sentence(b.why)}"
        for b in boards
        if b.why
    ]
    return [*lines, "", *unranked] if unranked else lines


def _was(before: RowBefore | None, digits: int) -> str:
    if before is None:
        return "not on the board"
    place = f"rank {_range(before)}" if before.rank_low else "no rank"
    return place if before.value is None else f"{place}, {before.value:.{digits}f}"


def _sentence(words: str) -> str:
    text = markdown_text(words)
    return text if words.endswith(".") else f"{text}."


def _after_failure(result: ScoreResult) -> list[str]:
    if result.quota:
        return [
            (
                "Nothing is wrong with the submission. A maintainer can request scoring again at the time given, or grant an extra run now by adding ` quota grant` to the same line. Predictions that were scored before can be rescored at any time, and so can datasets that are not withheld: without the withheld files this pull request can be scored now."
            )
        ]
    return [
        "The run did not count against the team's quota. A maintainer can request scoring again with the same line."
    ]


def _board_lines(board: BoardResult) -> list[str]:
    """One board: the rows around the model, every metric, the predictions as a whole."""
    task = task_of(board.track)
    step = f" Scores are rounded to steps of {board.step:.3g}." if board.step else ""
    lines = [
        "",
        f"{count_text(board.n, task.item, task.items)} of {count_text(board.n_clusters, 'patient')}.{step}",
    ]
    own = board.row
    if own is None:
        return lines
    if board.metrics and own.metrics:
        lines += ["", *_around(board, own), "", *_metrics(board, own)]
    return [*lines, *_predictions(board, own)]


def _around(board: BoardResult, own: ShownRow) -> list[str]:
    """The model with the best row, its neighbours and the baselines, by the ranking metric."""
    key, digits = board.primary, digits_of(board.step)
    leads = {d.id: d for d in board.differences}
    ranked = [r for r in (*board.others, own) if r.kind != "null"]
    ranked.sort(key=lambda r: (r.rank_low is None, r.rank_low or 0, r.rank_high or 0, r.id))
    nulls = [r for r in board.others if r.kind == "null"]
    lines = [f"| Rank | Model | {_head(board.ranked_by)} | Lead |", "|:---:|---|---:|---:|"]
    for row in (*ranked, *nulls):
        name = f"**{code_span(row.id)}**, this one" if row.id == own.id else _name(row)
        lead = "" if row.id == own.id else _lead(leads.get(row.id), digits)
        lines.append(f"| {_range(row)} | {name} | {_value(row, key, digits)} | {lead} |")
    lines += ["", LEAD, *(["Rows in italics see no images."] if nulls else [])]
    moves = [f"{code_span(m.id)} from {_span(m.before)} to {_span(m.after)}" for m in board.moved]
    if moves:
        rest = board.n_moved - len(moves)
        more = f" and {rest} more" if rest else ""
        lines += ["", f"Other rank changes: {', '.join(moves)}{more}."]
    return lines


def _head(metric: ShownColumn) -> str:
    return f"{markdown_text(metric.title)} {'↑' if metric.better == 'higher' else '↓'}"


def _name(row: ShownRow) -> str:
    """A model with a link to its page; a baseline in words."""
    if row.kind == "null":
        title = baseline_title(row.id)
        return f"*{markdown_text(title)}*"
    return f"[{code_span(row.id)}]({challenge().site}models/{row.id}/)"


def _lead(pair: Lead | None, digits: int) -> str:
    if pair is None:
        return "–"
    low, high = pair.low, pair.high
    ends = "" if low is None or high is None else f" [{_signed(low, digits)}, {_signed(high, digits)}]"
    p = "p < 0.001" if pair.p < 0.001 else f"p = {pair.p:.3f}"
    remark = ", not separated"
    if pair.outcome is not None:
        remark = NULL_WORDS[pair.outcome]
    elif pair.p < SURE:
        remark = ", within the margin" if pair.matters is False else ""
    return (
        f"{_signed(pair.difference, digits)}{ends}".replace(" ", NBSP) + f", {p.replace(' ', NBSP)}{remark}"
    )


def _signed(value: float, digits: int) -> str:
    """A difference with its sign; no sign if it is shown as zero."""
    text = f"{value:+.{digits}f}"
    return f"{0:.{digits}f}" if float(text) == 0 else text.replace("-", "−")


def _metrics(board: BoardResult, row: ShownRow) -> list[str]:
    """Every metric of the model, with the best row and the best baseline."""
    digits = digits_of(board.step)
    best = next((r for r in board.others if r.kind != "null" and r.rank_low == 1), None)
    nulls = [r for r in board.others if r.kind == "null"]
    heads = [
        "This model, 95 % interval",
        *([_name(best)] if best else []),
        *(["Best without images"] if nulls else []),
    ]
    lines = [f"| Metric | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for metric in board.metrics:
        key = metric.key
        entry = row.metrics.get(key)
        failed = f", {entry.n_failed:,} failed (worst score)" if entry and entry.n_failed else ""
        cells = [f"{_value(row, key, digits)}{failed}", *([_value(best, key, digits)] if best else [])]
        cells += [_best_null(nulls, metric, digits)] if nulls else []
        name = f"[{_head(metric)}]({challenge().site}metrics/{key}/)"
        lines.append(f"| {f'**{name}**' if key == board.primary else name} | {' | '.join(cells)} |")
    if row.missing:
        names = ", ".join(code_span(k) for k in row.missing)
        lines += ["", f"Not computed here: {names}. The record is marked as incomplete for these."]
    return lines


def _best_null(nulls: Sequence[ShownRow], metric: ShownColumn, digits: int) -> str:
    cells = [r.metrics[metric.key] for r in nulls if metric.key in r.metrics]
    values = [c.value for c in cells if c.value is not None]
    if not values:
        return "–"
    return f"{max(values) if metric.better == 'higher' else min(values):.{digits}f}"


def _value(row: ShownRow | None, key: str, digits: int) -> str:
    cell = None if row is None else row.metrics.get(key)
    display = None if cell is None else cell.display
    return display_text(display, digits).replace(" ", NBSP)


def _predictions(board: BoardResult, row: ShownRow) -> list[str]:
    """Diagnostics of the predictions, and the results of the integrity checks."""
    d, titles, task = board.diagnostics, {m.key: m.title for m in board.metrics}, task_of(board.track)
    facts = []
    if d.letter_shares:
        shares = ", ".join(f"{letter} {s or 0:.1%}" for letter, s in sorted(d.letter_shares.items()))
        facts.append(f"of the answers given: {shares}")
    if d.distinct_fraction is not None and d.top1_share is not None:
        facts.append(
            f"{d.distinct_fraction:.1%} are distinct; the most common one is used for {d.top1_share:.1%} of the {task.items}"
        )
    if d.length_ratio is not None:
        facts.append(f"{d.length_ratio:.2f} times as long as the references")
    if d.exact_match is not None:
        facts.append(f"{d.exact_match:.1%} identical to the reference")
    if d.copied_spans is not None:
        facts.append(f"{d.copied_spans:.1%} with a passage copied from it")
    if d.n_empty:
        facts.append(f"{d.n_empty:,} empty")
    facts += [
        f"{markdown_text(titles.get(key, key))} far above what RadGraph-F1 and RaTEScore predict in {far.above:,} studies, far below in {far.below:,}"
        for key, far in sorted((d.judge_outliers or {}).items())
    ]
    coarse = f" (rounded to steps of {board.step:.3g})" if board.step else ""
    lines = ["", f"**{task.predictions.capitalize()}**{coarse}: {'; '.join(facts)}."] if facts else []
    flags = [
        f"- [{b.code}]({challenge().site}integrity/#{b.code.lower()}): {markdown_text(b.text)} ({OUTCOMES[b.outcome]})"
        for b in row.badges
    ]
    if flags:
        return [*lines, "", "**Integrity checks:**", "", *flags]
    return [*lines, "", "**Integrity checks:** no findings."]


def _what_next(result: ScoreResult, repository: str) -> list[str]:
    lines = [
        (
            f"**What happens next.** A maintainer merges this pull request; the rows above then appear on the leaderboard, with a page for the model. Once ranked on every dataset that counts, it also enters the [overall ranking]({challenge().site}leaderboards/overall/). If you push to this branch before that, it must be scored again."
        ),
    ]
    if result.quota:
        lines += ["", "**Quota.** " + " ".join(_quota(q) for q in result.quota)]
    return [
        *lines,
        "",
        (
            f"A rank is a range: every rank the tests cannot rule out. Intervals aim at 95 % and resample patients. Something looks wrong? [Dispute it]({repository}/issues/new?template=dispute.yml)."
        ),
    ]


def _quota(standing: Standing) -> str:
    when = "now" if standing.next is None else f"from {readable(standing.next)}"
    kind, _, name = standing.holder.partition("/")
    whose = "" if kind == "team" else f" (by the GitHub account {name}, across all its teams)"
    return (
        f"{code_span(standing.dataset)}{whose}: {standing.used} of {standing.runs} used in {standing.window_days} days, "
        f"{standing.used_in_year} of {standing.runs_per_year} in a year; new predictions can be scored {when}."
    )


def _range(row: ShownRow | RowBefore) -> str:
    return "–" if row.rank_low is None else _span((row.rank_low, row.rank_high))


def _span(ends: tuple[int | None, int | None]) -> str:
    low, high = ends
    return f"{low}" if low == high else f"{low}–{high}"
