"""What the hand-written pages say about rules and limits is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from evaluator.datasets.challenge import challenge
from evaluator.scoring.integrity.limits import limits
from evaluator.site.identity import places
from evaluator.statistics.disclosure import MIN_PATIENTS, MIN_STUDIES
from evaluator.submissions.rules.limits import text_limits
from evaluator.submissions.rules.text_rules import TEXT_RULES

ROOT = Path(__file__).parents[2]
SITE = ROOT / "site"


def test_every_integrity_check_is_explained():
    page = (SITE / "integrity.md").read_text("utf-8")
    explained = re.findall(r'^\| <span id="c(\d+)">C\1</span> ', page, re.MULTILINE)
    folders = (ROOT / "evaluator/submissions/rules", ROOT / "evaluator/scoring/integrity")
    code = "".join(p.read_text("utf-8") for folder in folders for p in folder.glob("*.py"))
    codes = set(re.findall(r'(?:Flag\(|flag\(|texts, )\s*"C(\d+)"', code)) | {
        r.check[1:] for r in TEXT_RULES if r.check
    }
    assert set(explained) == codes
    assert explained == sorted(explained, key=int)


def test_limits_on_the_page_are_those_in_force():
    page = (SITE / "integrity.md").read_text("utf-8")
    rows = dict(re.findall(r'^\| <span id="c(\d+)">.*?\| (.*?) \|[^|]*\|$', page, re.MULTILINE))
    rules, texts = limits(), text_limits()

    def percent(value):
        return f"{100 * value:g} %"

    copies = [
        f"more than {percent(rules.copies.share)}",
        f"{rules.copies.studies} studies",
        percent(rules.copies.reject_share),
    ]
    wanted = {
        "2": [percent(texts.empty.quarantine_share)],
        "3": [percent(rules.failed.quarantine_share)],
        "5": [
            f"{texts.length_ratio.low:g}",
            f"{texts.length_ratio.high:g} times",
            f"{texts.length_ratio.common_low} to {texts.length_ratio.common_high} words",
        ],
        "7": [percent(texts.characters.quarantine_share)],
        "9": [percent(texts.repetition.badge), percent(texts.repetition.quarantine_mean)],
        "10": [
            percent(texts.collapse.top_share),
            percent(texts.collapse.datasets["iu-xray"]),
            percent(texts.collapse.distinct_share),
            percent(texts.collapse.null_like_share),
        ],
        "11": [*copies, f"at least {rules.copies.min_words} words"],
        "12": [*copies, f"IU X-ray {percent(rules.copies.all_share['iu-xray'])}"],
        "13": [
            *copies,
            f"{rules.own_reference.span_words} consecutive",
            f"up to {rules.own_reference.examined}",
        ],
        "14": [f"{rules.signal.permutations:,} permutations", f"p above {rules.signal.p:g}"],
        "15": [f"{rules.too_good.errors:g} standard errors", "a quarter"],
        "16": [f"{rules.identity.exact:.4f}"],
        "17": [f"{rules.self_reported.deterministic:g}", f"{rules.self_reported.judged:g}"],
        "18": [
            f"{percent(rules.duplicate.share)} of up to {rules.duplicate.drawn}",
            f"at least {rules.duplicate.min_words} words",
            percent(rules.duplicate.reject_share),
            f"{rules.duplicate.correlation:g}",
        ],
        "19": [percent(rules.probing.share)],
        "23": [percent(rules.judge_outliers.badge_share)],
        "22": [
            f"{rules.contamination.deviations:g} robust",
            f"{rules.contamination.min_models} models",
        ],
    }
    assert rules.too_good.headroom == 0.25  # "a quarter"
    for code, words in wanted.items():
        for word in words:
            assert word in rows[code], (code, word, rows[code])


def test_the_rules_give_the_policy_in_force():
    page = (SITE / "rules.md").read_text("utf-8")
    usual, site = challenge().quota, places()
    assert site["quota"] == f"{usual.runs} in {usual.window_days} days and {usual.runs_per_year} in a year"
    assert "{{ quota }}" in page
    assert f"at least {MIN_STUDIES} studies and {MIN_PATIENTS} patients" in page


def test_the_citation_on_the_page_is_that_of_the_citation_file():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    page = (SITE / "about.md").read_text("utf-8")
    title = cited["preferred-citation"]["title"].replace("AI-", "{AI}-").replace("ReXrank:", "{ReXrank}:")
    assert title in page
    for author in cited["preferred-citation"]["authors"]:
        assert author["family-names"] in page
    assert f"version = {{{cited['version']}}}" in page
