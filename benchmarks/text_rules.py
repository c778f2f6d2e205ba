"""How often each rule on texts fires on honest reports: `python benchmarks/text_rules.py [--iu-xray FOLDER] [--write]`.

Prints the tables of `site/integrity.md`, and writes them there with `--write`. On the corpus of chat-model
reports, a rule that fires on a report without debris of its kind is a false positive; on IU X-ray, every
firing is. Only counts are printed.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from evaluator.datasets.protocol import scored_part
from evaluator.submissions.rules.characters import REFUSED_CHARACTERS, character_codes
from evaluator.submissions.rules.degeneration import (
    length_flags,
    median_words,
    repetition,
    set_flags,
)
from evaluator.submissions.rules.limits import text_limits
from evaluator.submissions.rules.lookalikes import disguised, other_script
from evaluator.submissions.rules.text_rules import TEXT_RULES, rules_hit

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "tests/data/chat_reports/reports.jsonl"
PAGE = ROOT / "site/integrity.md"
START, END = "<!-- text rules: begin -->", "<!-- text rules: end -->"
HALVES = ("tuned", "held out")
LONG_TOKEN = 60


def corpus() -> list[dict[str, object]]:
    """The corpus's rows."""
    return [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]


def iu_xray(folder: Path) -> list[str]:
    """Every reference section of the test and validation files, and MoERad's predictions with theirs."""
    texts = []
    for path in sorted(folder.glob("ReXRank_IUXray_*.json")):
        for study in json.loads(path.read_text("utf-8")).values():
            texts += [study["section_findings"], study["section_impression"]]
    for path in sorted((folder / "moerad").glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            texts += [max(row.values(), key=lambda v: len(v or "")) or "" for row in csv.DictReader(file)]
    return texts


def rules() -> list[tuple[str, str, str, str, Callable[[str], bool]]]:
    """(key, code, description, consequence, test) of every rule on a single text."""
    refused, warned = "refused", "warning"
    listed = [
        (code, code, f"contain {what}", refused, lambda text, c=code: c in character_codes(text))
        for code, (what, _) in REFUSED_CHARACTERS.items()
    ]
    listed.append(("lookalike", "RX411, C7", "imitate Latin letters with another script", refused, disguised))
    for rule in TEXT_RULES:
        follows = refused if rule.code == "RX409" else f"{warned}, badge" if rule.check else warned
        code = f"{rule.code}, {rule.check}" if rule.check else rule.code
        listed.append((rule.key, code, rule.what, follows, lambda text, k=rule.key: k in rules_hit(text)))
    badge = text_limits().repetition.badge
    return [
        *listed,
        ("other_script", "RX415, C7", "contain letters that are neither Latin nor Greek", f"{warned}, badge", other_script),
        ("repetition", "RX415, C9", "repeat the same words", f"{warned}, badge", lambda t: (repetition(t) or 0) > badge),
        ("long_token", "RX405", f"contain a word of more than {LONG_TOKEN} characters", warned, lambda t: max(map(len, t.split()), default=0) > LONG_TOKEN),
        ("long_section", "RX406", "have a section longer than the scored part", warned, lambda t: scored_part(t) is not t),
    ]  # fmt: skip


def rates(fires: Iterable[bool], debris: Iterable[bool]) -> str:
    """`found of debris; false of the rest`, as counts and a percentage."""
    hit = all_debris = false = clean = 0
    for fired, there in zip(fires, debris, strict=True):
        all_debris, hit = all_debris + there, hit + (there and fired)
        clean, false = clean + (not there), false + (fired and not there)
    return f"{hit} of {all_debris} | {false} of {clean} ({100 * false / max(clean, 1):.1f} %)"


def rule_table(texts: list[str] | None) -> list[str]:
    """One row per rule."""
    lines = [
        "| Code | Reports that | Consequence | Debris found, tuned families | False positives | Debris found, held-out families | False positives | IU X-ray |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = corpus()
    for key, code, what, follows, test in rules():
        cells = []
        for half in HALVES:
            part = [r for r in rows if r["half"] == half]
            cells.append(rates((test(str(r["findings"])) for r in part), (key in r["debris"] for r in part)))  # type: ignore[operator]
        found = (
            "–"
            if texts is None
            else f"{(n := sum(map(test, texts)))} of {len(texts):,} ({100 * n / len(texts):.1f} %)"
        )
        lines.append(f"| {code} | {what} | {follows} | {cells[0]} | {cells[1]} | {found} |")
    return lines


def family_table() -> list[str]:
    """The integrity checks' outcome for each family as its own submission."""
    lines = [
        "| Family | Reports | Median words | Most 5-grams shared | Refused or held | Badges |",
        "|---|---|---|---|---|---|",
    ]
    rows = corpus()
    grams = [five_grams(str(r["findings"])) for r in rows]
    for family in dict.fromkeys(str(r["family"]) for r in rows):
        own = [i for i, r in enumerate(rows) if r["family"] == family]
        texts = [str(rows[i]["findings"]) for i in own]
        shared = max(
            len(grams[i] & g) / min(len(grams[i]), len(g)) for i in own for j, g in enumerate(grams) if i != j
        )
        # Three times the references' length, which by itself would hold the submission.
        flags = [
            *set_flags([str(rows[i]["id"]) for i in own], texts, "iu-xray"),
            *length_flags(3.5, median_words(texts)),
        ]
        grave = [f.check for f in flags if f.outcome in {"quarantine", "reject"}]
        badges = [f.check for f in flags if f.outcome == "badge"]
        half = rows[own[0]]["half"]
        lines.append(
            f"| {family} ({half}) | {len(own)} | {median_words(texts):g} | {100 * shared:.0f} % | {', '.join(grave) or 'none'} | {', '.join(badges) or 'none'} |"
        )
    return lines  # fmt: skip


def five_grams(text: str) -> set[tuple[str, ...]]:
    """Runs of five words, letters and digits only."""
    words = re.findall(r"[^\W_]+", text.lower())
    return set(zip(*(words[i:] for i in range(5)), strict=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--iu-xray", type=Path, help="folder with ReXrank's IU X-ray files and MoERad's predictions"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into site/integrity.md")
    arguments = parser.parse_args()
    texts = iu_xray(arguments.iu_xray) if arguments.iu_xray else None
    tables = "\n".join([*rule_table(texts), "", *family_table()])
    print(tables)
    if arguments.write:
        page = PAGE.read_text("utf-8")
        before, _, rest = page.partition(START)
        _, _, after = rest.partition(END)
        box = '<div class="rx-plain" tabindex="0" role="region" aria-label="Rules on texts" markdown>'
        PAGE.write_text(f"{before}{START}\n\n{box}\n\n{tables}\n\n</div>\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
