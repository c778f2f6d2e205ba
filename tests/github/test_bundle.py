"""What may leave the runner, and every way a bundle can lie."""

from __future__ import annotations

import json
import re
import weakref
from itertools import pairwise

import pandas as pd
import pytest

from evaluator.core.files import dump_json, dump_table, write_text
from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import get_dataset
from evaluator.github import bundle as module
from evaluator.github import bundle_content
from evaluator.github import bundle_rules as rules
from evaluator.github.bundle import ALLOWED, check_bundle
from evaluator.github.bundle_content import Bundle
from evaluator.github.bundle_table_rules import check_pairwise

WORDS = "quillwort text of a reference"
RECORD = "records/sandbox/findings/strangers__careful.json"
NULL = "records/sandbox/findings/baseline__normal-template.json"
TABLE = "tables/sandbox.findings.json"
PAIRWISE = "pairwise/sandbox.findings.parquet"
SANITY = "sanity/sandbox.findings.json"
CASES = "cases/sandbox/findings/strangers__careful.json"
STUDIES = "studies/sandbox/findings/strangers__careful.parquet"


def refused(folder, why):
    """The bundle is refused for this reason, in words that quote nothing from it."""
    with pytest.raises(RexrankError, match=why) as error:
        check_bundle(folder)
    assert WORDS not in str(error.value)


def test_a_real_bundle_passes(bundle):
    names = check_bundle(bundle)
    assert {RECORD, NULL, TABLE, PAIRWISE, SANITY, CASES, STUDIES, "overview.json", "history.jsonl"} <= set(
        names
    )
    assert "bundle.json" not in names


REFUSED = [
    "x.txt",
    "bundle.py",
    "releases.json",
    "challenge.toml",
    "owners.json",
    "reported/2024.csv",
    "records/sandbox/findings/a__b.txt",
    "records/sandbox/other/a__b.json",
    "records/Sandbox/findings/a__b.json",
    "tables/sandbox.findings.html",
    "sanity/sandbox.findings.csv",
    "studies/sandbox/findings/a__b.csv",
    "records/sandbox/findings/a__b.json\n",
    "../x.json",
]


@pytest.mark.parametrize("name", REFUSED)
def test_only_the_publishers_own_files(tmp_path, name):
    assert not ALLOWED.fullmatch(name)
    if not name.startswith(".."):
        write_text(tmp_path / name, "{}")
        refused(tmp_path, "does not write")


@pytest.mark.parametrize("where", ["file", "folder", "dangling"])
def test_no_link_leaves(tmp_path, where):
    target = {"file": "/etc/passwd", "folder": "/etc", "dangling": "/nowhere/at/all"}[where]
    (tmp_path / "overview.json").symlink_to(target)
    refused(tmp_path, "not a regular file")


def test_sizes_are_bounded(bundle, monkeypatch):
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 10)
    refused(bundle, "larger")
    monkeypatch.undo()
    monkeypatch.setattr(module, "MAX_FILES", 3)
    refused(bundle, "larger")


def change(folder, name, act):
    """Rewrites one file after `act` changed its value; tables stay JSON if asked."""
    path = folder / name
    value = json.loads(path.read_text())
    act(value)
    path.write_text((dump_table if name.startswith(("tables/", "overall.")) else dump_json)(value))


def put(*path):
    """Sets a value deep inside: the last of `path`."""
    *keys, last, value = path

    def act(node):
        for key in keys:
            node = node[key]
        node[last] = value

    return act


def first_row(act):
    return lambda table: act(table["rows"][0])


def subgroup_ranks(group, low, high):
    """Sets the rank ranges in a group of the first axis, by default its first group."""

    def act(table):
        axis = table["subgroups"]["axes"][0]
        steps = {
            end: [b - a for a, b in pairwise([0, *ranks])] for end, ranks in (("low", low), ("high", high))
        }
        axis["rank_steps"] = {group or axis["groups"][0]["name"]: steps}

    return act


def tied(*ties):
    """Adds a ranking rule with these ties, groups of models by their place in its order."""

    def act(table):
        order = [row["id"] for row in table["rows"]]
        groups = [[order[i] if i < len(order) else "no/body" for i in group] for group in ties]
        rule = {"tau": 1.0, "order": order, "ties": groups, "moved": 0.5}
        table["sensitivity"] = {"metrics": ["bleu_2"], "rules": {"borda": rule}}

    return act


FORGED = {
    "a record with more": (RECORD, put("study", WORDS), "schema of record"),
    "words for a mean": (RECORD, put("metrics", "bleu_2", "mean", WORDS), "schema of record"),
    "more in an entry": (RECORD, put("metrics", "bleu_2", "worst", WORDS), "schema of record"),
    "words in the diagnostics": (RECORD, put("diagnostics", "example", WORDS), "schema of record"),
    "words in the provenance": (RECORD, put("provenance", "log", WORDS), "schema of record"),
    "a long reason": (RECORD, put("missing", "green", WORDS * 40), "schema of record"),
    "a control character": (RECORD, put("missing", "green", "a\nb"), "schema of record"),
    "ids beside a mark": (
        RECORD,
        put("integrity", "badges", [{"code": "C2", "outcome": "badge", "text": "x", "ids": [WORDS * 9]}]),
        "schema of record",
    ),
    "another team": (RECORD, put("team", "others"), "a model that does not match its path"),
    "a board that does not match its path": (RECORD, put("track", "report"), "a board that does not match its path"),
    "another dataset": (RECORD, put("dataset", "iu-xray"), "a board that does not match its path"),
    "a model as a null row": (RECORD, put("kind", "null"), "confuses a model with a baseline"),
    "a null row as a model": (NULL, put("kind", "submission"), "confuses a model with a baseline"),
    "fewer studies": (RECORD, put("n", 59), "number of studies"),
    "another mean": (RECORD, put("metrics", "bleu_2", "mean", 0.99), "whose numbers differ|means in its record"),
    "a table with more": (TABLE, put("texts", {"s": WORDS}), "schema of table"),
    "more in a row": (TABLE, first_row(put("report", WORDS)), "schema of table"),
    "a long note": (TABLE, put("notes", [WORDS * 40]), "schema of table"),
    "another title": (TABLE, put("title", WORDS), "about its dataset"),
    "withheld called public": (TABLE, put("access", "withheld"), "about its dataset"),
    "another name": (TABLE, first_row(put("name", WORDS)), "contradicts its record"),
    "another pull request": (TABLE, first_row(put("pull_request", 77)), "contradicts its record"),
    "another number": (TABLE, first_row(put("metrics", "bleu_2", "mean", 0.9)), "whose numbers differ"),
    "another display": (TABLE, first_row(put("metrics", "bleu_2", "display", "value", 0.9)), "whose numbers differ"),
    "a mark of its own": (
        TABLE,
        first_row(put("badges", [{"code": "C2", "outcome": "badge", "text": WORDS, "ids": []}])),
        "a badge that",
    ),
    "a metric less": (TABLE, first_row(lambda r: r["metrics"].popitem()), "whose numbers differ"),
    "another gain over the baselines": (
        TABLE,
        first_row(put("metrics", "bleu_2", "gain_over_null", {"null": "baseline/normal-template", "gain": 0.9})),
        "whose numbers differ",
    ),
    "weights called open": (TABLE, first_row(lambda r: r.update(open_weights=not r["open_weights"])), "contradicts its record"),
    "training on the set denied": (TABLE, first_row(lambda r: r.update(trained_on_dataset=not r["trained_on_dataset"])), "contradicts its record"),
    "a mark of the record left out": (TABLE, first_row(put("badges", [])), "without a badge"),
    "a row of nobody": (TABLE, first_row(put("model", "nobody")), "without a record"),
    "a model twice": (TABLE, lambda t: t["incomplete"].append(t["rows"][0]), "a model twice"),
    "pairs in the table": (TABLE, lambda t: t.update(pairs=[]), "schema of table"),
    "more that are better than the tests show": (TABLE, put("ranks", "worse_than", [7, 7]), "about which models are better"),
    "ranks in a subgroup that is none": (TABLE, subgroup_ranks("nobody", [1, 1], [2, 2]), "ranks in subgroups"),
    "ranks of fewer models in a subgroup": (TABLE, subgroup_ranks("", [1], [2]), "ranks in subgroups"),
    "a range of ranks that is no pair": (TABLE, subgroup_ranks("", [1, 1], [2]), "ranks in subgroups"),
    "a range of ranks that ends before it starts": (TABLE, subgroup_ranks("", [1, 2], [2, 1]), "ranks in subgroups"),
    "ties backwards": (TABLE, tied([1, 0]), "ties are not neighbours"),
    "ties in two groups": (TABLE, tied([0, 1], [1]), "ties are not neighbours"),
    "a tie with nobody": (TABLE, tied([1, 2]), "ties are not neighbours"),
    "a tie of none": (TABLE, tied([]), "ties are not neighbours"),
    "ranks of fewer models": (TABLE, put("ranks", {"low": [1], "high": [2], "worse_than": [0]}), "schema of table"),
    "a rank in its row": (TABLE, first_row(put("rank_low", 1)), "schema of table"),
    "a last rank beyond the rows": (TABLE, put("ranks", "high", [1, 3]), "ranks that its rows cannot have"),
    "ranks that end before they start": (TABLE, put("ranks", "low", [2, 2]), "ranks that its rows cannot have"),
    "a rank beyond the last": (TABLE, subgroup_ranks("", [1, 1], [2, 7]), "ranks in subgroups"),
    "sanity with more": (SANITY, put("metrics", "bleu_2", "text", WORDS), "schema of sanity"),
    "a probe without a signature": (SANITY, put("metrics", "bleu_2", "signature", "x"), "schema of sanity"),
    "a record without a signature": (RECORD, put("metrics", "bleu_2", "signature", ""), "schema of record"),
    "a day of no calendar": (RECORD, put("submitted", "2026-02-30"), "schema of record"),
    "a row's day of no calendar": (TABLE, first_row(put("submitted", "2026-13-45")), "schema of table"),
    "sanity of its own metric": (
        SANITY,
        put("metrics", "mine", {"signature": "mine|v1|protocol:clean", "itself": 1, "empty": 0, "shuffled": 0}),
        "does not have",
    ),
    "cases with more": (CASES, put("names", WORDS), "schema of cases"),
    "a case that is no text": (CASES, put("texts", "sandbox-0001", [WORDS]), "schema of cases"),
    "a case too many": (CASES, put("texts", WORDS, "x"), "different references"),
    "cases of other references": (CASES, put("references_sha256", "0" * 64), "different references"),
    "low digits of a mean": (RECORD, lambda r: r["metrics"]["bleu_2"].update(mean=r["metrics"]["bleu_2"]["mean"] + 1e-12), "6 decimals"),
    "low digits in the diagnostics": (RECORD, put("diagnostics", "length_ratio", 0.123456789012345), "6 decimals"),
    "low digits of a row": (TABLE, first_row(lambda r: r["metrics"]["bleu_2"].update(low=r["metrics"]["bleu_2"]["low"] + 1e-11)), "6 decimals"),
    "low digits of a probe": (SANITY, put("metrics", "bleu_2", "shuffled", 0.1234567891), "6 decimals"),
    "low digits of the overview": ("overview.json", put("odd", 0.1234567), "6 decimals"),
    "another overview": ("overview.json", put("boards", 0, "n_models", 9), "not match the tables"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_forged_bundles_are_refused(bundle, name):
    path, act, why = FORGED[name]
    change(bundle, path, act)
    refused(bundle, why)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        (TABLE, "{", "not JSON"),
        (RECORD, "NaN", "not JSON"),
        (SANITY, "[" * 100_000, "not JSON"),
        ("tables/sandbox.findings.csv", WORDS, "table's JSON"),
        ("tables/sandbox.findings.md", WORDS, "table's JSON"),
        ("tables/iu-xray.findings.csv", WORDS, "table's JSON"),
        ("tables/nowhere.findings.json", "{}\n", "does not have"),
        ("overview.csv", WORDS, "not match the tables"),
        ("history.jsonl", WORDS, "not JSON"),
        ("history.jsonl", dump_json({"event": WORDS}).replace("\n", ""), "schema of event"),
        (STUDIES, WORDS, "not a table"),
        (PAIRWISE, WORDS, "the runner's format|the runner's JSON format"),
    ],
)  # fmt: skip
def test_files_of_another_kind_are_refused(bundle, name, text, why):
    (bundle / name).write_text(text)
    refused(bundle, why)


HIDDEN = {
    "digits that no number has": (
        RECORD,
        lambda t: re.sub(r'"n": 60', '"n": 60.000000000000000000001', t, count=1),
    ),
    "another order": (SANITY, lambda t: json.dumps(dict(reversed(json.loads(t).items())), indent=2) + "\n"),
    "zeros behind": (TABLE, lambda t: t.replace('"mean": 0.', '"mean": 0.0000000000000000000001', 1)),
    "spaces": (RECORD, lambda t: t.replace(": ", ":   ", 1)),
    "a space behind": (SANITY, lambda t: t + " "),
    "a key twice": (RECORD, lambda t: t.replace("{", '{\n  "card": "a text",', 1)),
    "letters written as codes": (CASES, lambda t: t.replace("No ", "\\u004eo ", 1)),
    "a line of the history": ("history.jsonl", lambda t: t.replace(": ", ":  ", 1)),
    "an empty line of it": ("history.jsonl", lambda t: t.replace("\n", "\n\n", 1)),
    "low digits of the history": (
        "history.jsonl",
        lambda t: re.sub(r'"shown": (0\.\d+)', r'"shown": 0.12345678901', t, count=1),
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_nothing_is_hidden_in_how_a_file_is_written(bundle, name):
    path, act = HIDDEN[name]
    before = (bundle / path).read_text()
    after = act(before)
    assert after != before
    (bundle / path).write_text(after)
    refused(bundle, "the runner's JSON format|is not JSON|6 decimals")


class Counted(dict):
    """The content of a file that can be checked for still being in memory."""


def test_few_files_are_in_memory_at_a_time(bundle, monkeypatch):
    """However many files a bundle has: a leaderboard of hundreds of models has thousands."""
    references: list[weakref.ref[Counted]] = []
    most = []
    parse = bundle_content.parsed

    def counted(path, name):
        value = Counted(parse(path, name))
        references.append(weakref.ref(value))
        most.append(sum(h() is not None for h in references))
        return value

    monkeypatch.setattr(bundle_content, "parsed", counted)
    names = check_bundle(bundle)
    assert max(most) <= bundle_content.HELD + 2
    assert len([n for n in names if n.endswith(".json")]) > bundle_content.HELD + 2


GONE = {
    PAIRWISE: "no pairwise differences next to it",
    RECORD: "without a record",
    STUDIES: "no per-study scores",
    TABLE: "table's JSON|without a table",
    "overview.csv": "without their overview",
    "cases/sandbox/findings/references.json": "different references",
}


@pytest.mark.parametrize("name", GONE)
def test_a_bundle_is_whole(bundle, name):
    (bundle / name).unlink()
    refused(bundle, GONE[name])


STUDY_LIES = {
    "a column of its own": (lambda f: f.assign(text="x"), "columns or studies that"),
    "a study left out": (lambda f: f.iloc[:-1], "columns or studies of its record"),
    "a study twice": (lambda f: f.assign(study_id=f["study_id"].iloc[0]), "a study twice"),
    "other scores": (lambda f: f.assign(bleu_2=f["bleu_2"] / 2), "means in its record"),
    "no numbers": (lambda f: f.assign(bleu_2=float("nan")), "means in its record"),
    "low digits": (lambda f: f.assign(bleu_2=f["bleu_2"] + 1e-9), "6 decimals"),
    "other failures": (lambda f: f.assign(**{"failed:bleu_2": True}), "failures in its record"),
}


PAIR_LIES = {
    "a column of its own": (lambda f: f.assign(text=WORDS), "the runner's format|the runner's JSON format"),
    "a column less": (lambda f: f.drop(columns="q"), "the runner's format|the runner's JSON format"),
    "numbers as texts": (lambda f: f.assign(p="0.5"), "the runner's format|the runner's JSON format"),
    "a difference that is not a number": (
        lambda f: f.assign(difference=float("inf")),
        "the runner's format|the runner's JSON format",
    ),
    "more rows than pairs": (lambda f: pd.concat([f] * 3), "the runner's format|the runner's JSON format"),
    "a long text": (lambda f: f.assign(a="x" * 1_000), "the runner's format|the runner's JSON format"),
    "models of nobody": (lambda f: f.assign(b="a/nobody"), "does not rank"),
    "a metric of its own": (lambda f: f.assign(metric="mine"), "does not have"),
    "a test turned round": (lambda f: f.assign(better="a", matters=True), "match the digest"),
    "a test of neither": (lambda f: f.assign(better="c"), "the runner's format|the runner's JSON format"),
    "a share beyond one": (
        lambda f: f.assign(p_adjusted=1.5),
        "the runner's format|the runner's JSON format",
    ),
    "low digits": (lambda f: f.assign(q=f["q"] + 1e-9), "the runner's format|the runner's JSON format"),
    "other differences": (lambda f: f.assign(difference=f["difference"].round(2)), "match the digest"),
    "a pair less": (lambda f: f.iloc[:-1], "match the digest"),
    "no pairs": (lambda f: f.iloc[:0], "match the digest"),
}


@pytest.mark.parametrize("name", PAIR_LIES)
def test_pairs_are_those_that_the_table_names(bundle, name):
    act, why = PAIR_LIES[name]
    # With Arrow's own types an empty column stays a text column under every version of pandas.
    frame = pd.read_parquet(bundle / PAIRWISE, dtype_backend="pyarrow")
    act(frame).to_parquet(bundle / PAIRWISE, index=False)
    refused(bundle, why)


@pytest.mark.parametrize("name", STUDY_LIES)
def test_per_study_scores_give_the_record(bundle, name):
    act, why = STUDY_LIES[name]
    act(pd.read_parquet(bundle / STUDIES)).to_parquet(bundle / STUDIES, index=False)
    refused(bundle, why)


def test_no_study_and_no_fine_number_of_a_withheld_dataset_leaves(bundle, monkeypatch):
    """The same files, if main said that the dataset is withheld."""
    monkeypatch.setattr(
        bundle_content, "get_dataset", lambda d: get_dataset(d).model_copy(update={"access": "withheld"})
    )
    for kind in ("studies", "cases"):
        for path in sorted((bundle / kind).rglob("*.*")):
            name = path.relative_to(bundle).as_posix()
            with pytest.raises(RexrankError, match="not public"):
                rules.RULES[kind](Bundle(bundle, [name], {}), name)
            path.unlink()
    refused(bundle, "finer than its dataset's step")
    table = json.loads((bundle / TABLE).read_text())
    small = Bundle(bundle, [PAIRWISE, SANITY], {TABLE: table})
    with pytest.raises(RexrankError, match="finer than its dataset's step"):
        check_pairwise(small, PAIRWISE)
    small = Bundle(bundle, [SANITY], {SANITY: json.loads((bundle / SANITY).read_text())})
    with pytest.raises(RexrankError, match="finer than its dataset's step"):
        rules.check_sanity(small, SANITY)
