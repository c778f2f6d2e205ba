"""The table of problem codes that `rexrank validate` and the bot link to."""

from __future__ import annotations

from evaluator.submissions.rules.codes import RULES, anchor


def codes_page() -> str:
    """Every code that `rexrank validate` can print, with what it asks and why."""
    lines = ["---", "title: Codes of problems", "---", "# Codes of problems", ""]
    lines += ["What `rexrank validate` and the bot say, by code. A warning does not refuse a submission.", ""]
    for code, rule in RULES.items():
        lines += [
            f"## {code}: {rule.title} {{ #{anchor(code)} }}",
            "",
            rule.about,
            "",
            f"To mend it: {rule.cure}",
            "",
        ]
    return "\n".join(lines) + "\n"
