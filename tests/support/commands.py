"""Every command of the program, and mistakes that users make with them."""

from __future__ import annotations

import sys

import pytest
import typer

from evaluator.cli import main
from evaluator.cli.app import app

COPY = "submissions/rexrank-sandbox/near-copy"


DIGEST = "0" * 64


def commands(group=app, prefix=()):
    """The names of every command, as a user types them."""
    for name, command in typer.main.get_command(group).commands.items():
        if hasattr(command, "commands"):
            yield from ((*prefix, name, inner) for inner in command.commands)
        else:
            yield (*prefix, name)


COMMANDS = list(commands())


MISTAKES = [
    ((), "Usage: rexrank"),
    (("vaildate", COPY), "Did you mean 'validate'?"),
    (("models", "verfiy"), "Did you mean 'verify'?"),
    (("validate",), "Missing argument"),
    (("validate", COPY, "--format", "yml"), "'yml' is not one of"),
    (("validate", "nowhere"), "nowhere is not a folder"),
    (("convert", "pairs.jsonl", "--dataset", "mimic", "--out", "x"), "unknown dataset 'mimic'"),
    (("convert", "nowhere.json", "--dataset", "iu-xray", "--out", "x"), "cannot read nowhere.json"),
    (("convert", "pairs.txt", "--dataset", "iu-xray", "--out", "x"), "pairs.txt"),
    (("new", "Acme Labs", "m1"), ""),
    (("submit", "nowhere.json"), "there is no nowhere.json"),
    (("submit", "pairs.jsonl"), "--dataset is missing"),
    (("submit", "pairs.jsonl", "--team", "Acme Labs"), "Try 'acme-labs'"),
    (
        ("submit", "pairs.jsonl", "--dataset", "mimic", "--team", "a", "--model", "b"),
        "unknown dataset 'mimic'",
    ),
    (("submit", "pairs.jsonl", "--dataset", "sandbox", "--team", "a", "--model", "b"), "Nothing was written"),
    (("submit", COPY, "--team", "acme"), "is the folder of rexrank-sandbox/near-copy"),
    (("submit", COPY), "A token is required"),
    (("submit", COPY, "--year", "1"), "contradicts --year"),
    (("submit", COPY, "--hub-model", "x", "--format", "yml"), "'yml' is not one of"),
    (("status", "1", "--repository", "nobody"), "wanted OWNER/NAME"),
    (("status", "a/b/c"), "wanted a pull request's number or TEAM/MODEL"),
    (("status", "a/b"), "rexrank status 123"),
    (("metric", "blue_2", "--pairs", "pairs.jsonl"), "Did you mean bleu_2?"),
    (("metric", "bleu_2", "--pairs", "nowhere.jsonl"), "cannot read nowhere.jsonl"),
    (("metric", "bleu_2", "--pairs", "empty"), "empty is a folder"),
    (("metric", "bleu_2", "--pairs", "bad.jsonl"), "bad.jsonl: no reference"),
    (("metric", "bleu_2", "--pairs", "bad.csv"), "bad.csv: no id, reference, prediction"),
    (("metric", "bleu_2", "--pairs", "pairs.jsonl", "--out", "x.xml"), "wanted a name that ends in .json"),
    (("metric", "--pairs", "pairs.jsonl"), "choose metrics"),
    (("metrics", "--format", "yml"), "'yml' is not one of"),
    (("agreement", "nowhere"), "nowhere"),
    (("metric", "bleu_2", "--pairs", "pairs.jsonl", "--protocol", "raw"), "'raw' is not one of"),
    (("metric", "bleu_2", "--pairs", "pairs.jsonl", "--device", "cudda"), "'cudda' is not cpu"),
    (("metric", "bleu_2", "--pairs", "pairs.jsonl", "--variant", "bleu_2"), "wanted KEY=NAME"),
    (("metric", "bleu_2", "--pairs", "pairs.jsonl", "--variant", "blue_2=x"), "there is no metric 'blue_2'"),
    (("metric", "bleu_2", "--pairs", "pairs.jsonl", "--variant", "bleu_2=x"), "has no variant 'x'"),
    (("metric", "bleu_2", "--pairs", "pairs.jsonl", "--judge-url", "http://x"), "needs both"),
    (
        ("metric", "green", "--pairs", "pairs.jsonl", "--judge-url", "x", "--judge-model", "m"),
        "--judge-url 'x': wanted an address",
    ),
    (
        (
            *("metric", "green", "--pairs", "pairs.jsonl", "--judge-url", "http://x", "--judge-model", "m"),
            *("--hosted-ok", "iu-xary"),
        ),
        "unknown dataset 'iu-xary'",
    ),
    (("score", COPY, "--metrics", "blue_2"), "there is no metric 'blue_2'"),
    (("score", COPY, "--dataset", "iu-xray"), "has no predictions for iu-xray"),
    (("score", COPY, "--shard", "3/2"), "wanted i/n"),
    (("score", "submissions"), "contains 5 submissions"),
    (("score", "empty"), ""),
    (("score", COPY, "--judges", "nowhere.toml"), "nowhere.toml cannot be used"),
    (("baseline", "sandbx"), "unknown dataset 'sandbx'"),
    (("baseline", "sandbox", "--metrics", "blue_2"), "there is no metric 'blue_2'"),
    (("baseline", "iu-xray"), "no directory is given"),
    (("baseline", "iu-xray", "--references", "empty"), "cannot read the references"),
    (("merge", COPY, "--dataset", "sandbox"), "Score the shards first"),
    (("merge", COPY, "--dataset", "mimic"), "has no predictions for mimic"),
    (("rank",), "no records in leaderboard/records"),
    (("rank", "--leaderbord", "x"), "No such option: --leaderbord"),
    (("export", "boards", "--out", "x"), "is not a checkout"),
    (("export", "codabench", "mimic", "--image", "r/x:1", "--out", "x"), "unknown dataset 'mimic'"),
    (("infer",), "Missing argument"),
    (("import", "nowhere.csv"), "nowhere.csv cannot be used"),
    (("compare", "a/b", "c/d", "--dataset", "sandbx"), "unknown dataset 'sandbx'"),
    (("compare", "a/b", "c/d", "--dataset", "sandbox"), "a/b, c/d: no record"),
    (("compare", "a/b", "c/d", "--dataset", "sandbox", "--track", "finding"), "no track 'finding'"),
    (("doctor", "--role", "root"), "'root' is not one of"),
    (("doctor", "--github"), "name the repository"),
    (("doctor", "--github", "--repository", "a/b"), "a maintainer's token is required"),
    (("demo",), "this folder is not a checkout"),
    (("site", "build", "--config", "nowhere.yml"), "there is no nowhere.yml here"),
    (("site", "build", "--leaderboard", "nowhere"), "nowhere is not a folder"),
    (("site", "serve", "--leaderboard", "nowhere"), "nowhere is not a folder"),
    (("site", "serve", "--port", "http"), "valid integer"),
    (("data", "check", "nowhere"), "no reference file in nowhere"),
    (("data", "check", "references"), "iu-xray.json is not JSON"),
    (("data", "manifest", "nowhere"), "no reference file in nowhere"),
    (("models", "fetch", "radgraf"), "there is no model 'radgraf'"),
    (("models", "compare", "nowhere.json"), "nowhere.json cannot be used"),
    (("models", "record", "x"), "unexpected extra argument"),
    (("models", "fetch", "chexbert", "--lock", "pairs.jsonl"), "pairs.jsonl cannot be used"),
    (("models", "list", "--model", "x"), "No such option: --model"),
    (("models", "verify", "x"), "unexpected extra argument"),
    (("cache", "info", "--stor", "x"), "No such option: --stor"),
    (("cache", "prune", "--max-gb", "much"), "valid number"),
    (("quota", "show", "--leaderboard", "badly"), "No such option: --leaderboard"),
    (("quota", "grant", "acme", "rexgradient", "abc"), "64 hexadecimal digits"),
    (("quota", "grant", "acme", "rexgradiant", DIGEST), "unknown dataset 'rexgradiant'"),
    (("quota", "grant", "acme", "sandbox", DIGEST), "its runs are not counted"),
    (("judge", "serve"), "name a model"),
    (("judge", "serve", "m", "--engine", "llama"), "'llama' is not one of"),
    (("judge", "serve", "m", "--device", "gpu"), "'gpu' is not cpu"),
    (("judge", "serve", "--judges", "nowhere.toml"), "nowhere.toml cannot be used"),
    (("pr", "validate"), "this command runs in a workflow"),
    (("pr", "recheck", "x"), "this command runs in a workflow"),
    (("pr", "comment", "x"), "this command runs in a workflow"),
    (("pr", "form", "x"), "this command runs in a workflow"),
    (("pr", "open"), "Missing argument"),
    (("pr", "look", "x"), "unexpected extra argument"),
    (("pr", "request"), "this command runs in a workflow"),
    (("pr", "answer"), "wanted a pull request's number"),
    (("pr", "authorise"), "wanted a pull request's number"),
    (("pr", "fetch", "x"), "wanted a pull request's number"),
    (("pr", "score", "x"), "wanted a pull request's number"),
    (("pr", "report", "x"), "wanted a pull request's number"),
    (("pr", "plan"), "this command runs in a workflow"),
    (("pr", "fill"), "wanted 1 to 16 units"),
    (("pr", "finish"), "this command runs in a workflow"),
    (("pr", "refresh"), "Missing argument"),
    (("pr", "publish", "x", "y"), "this command runs in a workflow"),
    (("pr", "withdraw", "a/b", "--reason", "x"), "there is no submissions/a/b/model.yaml"),
    (("infer",), "Missing argument"),
    (("import",), "Missing argument"),
    (("export", "boards", "x"), "unexpected extra argument"),
    (("export", "codabench"), "Missing argument"),
    (("host", "init"), "is not a checkout"),
    (("host", "github"), "challenge.toml cannot be used"),
    (("host", "addresses"), "challenge.toml cannot be used"),
    (("dev", "new-metric", "Word Recall"), "is not a checkout"),
    (("dev", "new-dataset", "Mine!"), "is not a checkout"),
    (("dev", "schemas", "x"), "unexpected extra argument"),
]


FAILING = {c: args[len(c) :] for args, _ in reversed(MISTAKES) for c in COMMANDS if args[: len(c)] == c}
"""Per command the arguments of its first mistake in the table."""


def console(monkeypatch, capsys):
    """Runs the command as the console script does; its status, standard output and standard error."""

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["rexrank", *map(str, args)])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), *capsys.readouterr()

    return call
