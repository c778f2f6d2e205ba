"""What people read below a pull request: validation for the participant, facts for the maintainer, scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from evaluator.github.facts import COMPARED, chosen, file_facts, nearest
from evaluator.github.intake import Intake
from evaluator.problems import visible
from evaluator.rendering import as_markdown, code_span
from evaluator.submission import Predictions, StudyReport
from evaluator.tables import display_text, markdown_text

VALIDATION_MARK: Final = "<!-- rexrank:validation v1 -->"
SCORE_MARK: Final = "<!-- rexrank:score v1 -->"
SAMPLES: Final = 3
Others = Mapping[str, Mapping[str, Mapping[str, StudyReport]]]
MAX_SAMPLE: Final = 600


def validation_comment(intake: Intake, others: Others | None = None) -> str:
    """The comment on a pull request that is a submission or withdraws one.

    `others`: per dataset the reports of main's other submissions, for the maintainer's comparison.
    """
    if intake.objection is not None:
        return (
            f"### ❌ Not valid: not yours to change\n\n{markdown_text(intake.objection)}.\n"
            + (as_markdown(intake.report) if not intake.report.problems.ok else "")
            + f"\nCommit {code_span(intake.sha)}.\n"
        )
    if intake.kind == "withdrawal" and intake.ok:
        return (
            f"### ✅ Withdrawal\n\nThis pull request takes {code_span(intake.folder)} out of the ranking. When it is "
            "merged, the model's rows leave the tables; the history keeps that it was there.\n\n"
            f"Commit {code_span(intake.sha)}.\n"
        )
    body = as_markdown(intake.report)
    if not intake.ok:
        return body.replace("### ✅", "### ❌", 1) + _what_next_when_wrong(intake)
    return (
        body.split("\nNext: open a pull request", 1)[0]
        + _what_next()
        + _for_maintainers(intake, others or {})
    )


def _what_next_when_wrong(intake: Intake) -> str:
    verdict = (
        "" if "not valid" in as_markdown(intake.report).lower() else "\n**Not valid** as a pull request.\n"
    )
    return f"{verdict}\nPush the mended files to this branch and this comment is renewed. Commit {code_span(intake.sha)}.\n"


def _what_next() -> str:
    return (
        "\n\n**What happens next.** A maintainer looks at the reports and releases them for scoring beside the private "
        "references. The scores appear below this pull request; merging it puts the row on the leaderboard. Of a "
        "private set one run in 30 days is scored for a team.\n"
    )


def _for_maintainers(intake: Intake, others: Others) -> str:
    """Statistics, samples chosen by hash, and the line to paste."""
    lines = ["", "<details><summary>For maintainers</summary>", ""]
    submission = intake.report.found[0].submission if intake.report.found else None
    for predictions in submission.files.values() if submission else ():
        lines += [
            "",
            f"{code_span(predictions.dataset)}, SHA-256 {code_span(predictions.sha256)}",
            "",
            *(f"- {markdown_text(line)}" for line in file_facts(predictions)),
            f"- {_resemblance(predictions, others)}",
            "",
            f"{SAMPLES} reports chosen by hash:",
            "",
        ]
        for study in chosen(predictions, SAMPLES):
            report = predictions.reports[study]
            text = visible(" ".join(f"{report.findings} {report.impression or ''}".split()), MAX_SAMPLE)
            lines += ["```text", text.replace("```", "'''"), "```"]
    lines += [
        "",
        "To score exactly this commit, paste:",
        "",
        "```text",
        f"/score {intake.sha}",
        "```",
        "</details>",
        "",
    ]
    return "\n".join(lines)


def _resemblance(predictions: Predictions, others: Others) -> str:
    found = nearest(predictions, others.get(predictions.dataset, {}))
    if not found:
        return "equal reports with another submission on main: none"
    shares = ", ".join(f"{code_span(name)} {share:.0%}" for name, share in found)
    return f"equal reports with another submission on main (up to {COMPARED} studies by hash): {shares}"


def score_comment(result: Mapping[str, Any]) -> str:
    """The comment with the scores of a pull request, or with what kept it from them."""
    lines = [f"### Scores at {code_span(result['sha'])}", ""]
    if result["error"]:
        lines += [f"**Not scored**: {markdown_text(result['error'])}", ""]
    for name in result["not_scored"]:
        lines.append(f"- {code_span(name)} is not scored: this runner does not hold its references.")
    for board in result["boards"]:
        lines += _board_lines(board)
    if result["boards"]:
        lines += [
            "",
            (
                "Intervals hold 95 %, patients resampled. Ranks are ranges: what no test separates shares them. "
                "The row is on the leaderboard once this pull request is merged."
            ),
        ]
    return "\n".join(lines) + "\n"


def _board_lines(board: Mapping[str, Any]) -> list[str]:
    step = f", shown in steps of {board['step']:.3g}" if board["step"] else ""
    lines = [
        "",
        f"#### {markdown_text(board['title'])}, {board['track']} track",
        "",
        f"{board['n']} studies of {board['n_clusters']} patients{step}; ranked by {code_span(board['primary'])}.",
        "",
    ]
    if board["why"]:
        lines += [f"**No rank**: {markdown_text(board['why'])}.", ""]
    row = board["row"]
    if row is None:
        return lines
    titles = " | ".join(markdown_text(m["title"]) for m in board["metrics"])
    lines += [f"| | Rank | {titles} |", "|---|---|" + "---:|" * len(board["metrics"])]
    for other in (row, *board["others"]):
        cells = [display_text(_entry(other, m["key"])) for m in board["metrics"]]
        name = f"**{markdown_text(other['id'])}**" if other is row else markdown_text(other["id"])
        name += " (baseline)" if other["kind"] == "null" else ""
        lines.append(f"| {name} | {_rank(other)} | {' | '.join(cells)} |")
    lines += ["", *(f"- {b['code']}: {markdown_text(b['text'])} ({b['outcome']})" for b in row["badges"])]
    if row["missing"]:
        lines.append(f"- not computed: {', '.join(code_span(k) for k in row['missing'])}")
    return lines


def _entry(row: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    found = row["metrics"].get(key)
    return None if found is None else {"display": found}


def _rank(row: Mapping[str, Any]) -> str:
    if row["rank_low"] is None:
        return "–"
    low, high = row["rank_low"], row["rank_high"]
    return f"{low}" if low == high else f"{low}–{high}"
