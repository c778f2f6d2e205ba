"""The table of problem codes that `rexrank validate` and the bot link to."""

from __future__ import annotations

from evaluator.core.host_files import HOST_RULES
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
    lines += ["## Files of the host", ""]
    lines += [
        "What every command says of a dataset, policy, releases, judges or weights file that is no good; it exits 1. The",
        "files' JSON Schemas lie in [`data/schemas/`](api.md).",
        "",
    ]
    for code, (title, about) in HOST_RULES.items():
        lines += [f"### {code}: {title} {{ #{anchor(code)} }}", "", about, ""]
    return "\n".join(lines) + "\n"
