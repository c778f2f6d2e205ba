"""Exit codes of every command: 0 done, 1 your input, 2 our fault or the machine's, 3 partial."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from evaluator.cli import main
from evaluator.cli.app import app
from evaluator.cli.exit_codes import each
from evaluator.core.files import write_text
from evaluator.core.problems import ExitCode, InputError, RexrankError
from evaluator.core.version import __version__
from evaluator.datasets.registry import get_dataset, study_ids
from evaluator.datasets.sandbox.generate import submission_files

COPY = "submissions/rexrank-sandbox/near-copy"
DIGEST = "0" * 64
SCORED = ("score", COPY, "--dataset", "sandbox")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name, text in submission_files().items():
        write_text(tmp_path / "submissions" / name, text)
    (tmp_path / "leaderboard").mkdir()
    (tmp_path / "pairs.jsonl").write_text('{"id": "1", "reference": "a b", "prediction": "a b"}\n')
    (tmp_path / "empty").mkdir()
    for name in ("REFERENCES", "MODELS", "STORE", "JUDGES", "SALT", "DEBUG", "REPOSITORY"):
        monkeypatch.delenv(f"REXRANK_{name}", raising=False)
    for name in ("EVENT_PATH", "REPOSITORY", "TOKEN", "OUTPUT"):
        monkeypatch.delenv(f"GITHUB_{name}", raising=False)
    for name in ("PR", "SHA", "FIRST", "STATE", "WORDS", "COMMENT", "ANSWER", "RENEW", "RESULT", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    # No gh of this machine answers for somebody.
    monkeypatch.setattr("evaluator.cli.contribute.shutil.which", lambda _name: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(repository, monkeypatch, capsys):
    """Runs the command as the console script does; the status, standard output and standard error."""

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["rexrank", *map(str, args)])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), *capsys.readouterr()

    return call


def commands(group=app, prefix=()):
    """The names of every command, as a user types them."""
    for name, command in typer.main.get_command(group).commands.items():
        if hasattr(command, "commands"):
            yield from ((*prefix, name, inner) for inner in command.commands)
        else:
            yield (*prefix, name)


ROOT = Path(__file__).parents[2]
COMMANDS = list(commands())
OWN_FORMAT = {("validate",), ("metric",), ("metrics",)}
"""Commands whose JSON has a form of its own."""
MISTAKES = [
    ((), "Usage: rexrank"),
    (("vaildate", COPY), "Did you mean 'validate'?"),
    (("models", "verfiy"), "Did you mean 'verify'?"),
    (("validate",), "Missing argument"),
    (("validate", COPY, "--format", "yml"), "'yml' is not one of"),
    (("validate", "nowhere"), "nowhere is not a folder"),
    (("convert", "pairs.jsonl", "--dataset", "mimic", "--out", "x"), "there is no dataset 'mimic'"),
    (("convert", "nowhere.json", "--dataset", "iu-xray", "--out", "x"), "cannot read nowhere.json"),
    (("convert", "pairs.txt", "--dataset", "iu-xray", "--out", "x"), "pairs.txt"),
    (("new", "Acme Labs", "m1"), ""),
    (("submit", "nowhere.json"), "there is no nowhere.json"),
    (("submit", "pairs.jsonl"), "--dataset is missing"),
    (("submit", "pairs.jsonl", "--team", "Acme Labs"), "Try 'acme-labs'"),
    (
        ("submit", "pairs.jsonl", "--dataset", "mimic", "--team", "a", "--model", "b"),
        "there is no dataset 'mimic'",
    ),
    (("submit", "pairs.jsonl", "--dataset", "sandbox", "--team", "a", "--model", "b"), "Nothing was written"),
    (("submit", COPY, "--team", "acme"), "is the folder of rexrank-sandbox/near-copy"),
    (("submit", COPY), "A token is needed"),
    (("submit", COPY, "--year", "1"), "says something else than --year"),
    (("submit", COPY, "--hub-model", "x", "--format", "yml"), "'yml' is not one of"),
    (("status", "1", "--repository", "nobody"), "wanted OWNER/NAME"),
    (("status", "a/b/c"), "wanted a pull request's number or TEAM/MODEL"),
    (("status", "a/b"), "a token is needed"),
    (("metric", "blue_2", "--pairs", "pairs.jsonl"), "Did you mean bleu_2?"),
    (("metric", "bleu_2", "--pairs", "nowhere.jsonl"), "cannot read nowhere.jsonl"),
    (("metric", "bleu_2", "--pairs", "empty"), "empty is a folder"),
    (("metric", "bleu_2", "--pairs", "bad.jsonl"), "bad.jsonl: no reference"),
    (("metric", "bleu_2", "--pairs", "bad.csv"), "bad.csv: no id, reference, prediction"),
    (("metric", "bleu_2", "--pairs", "pairs.jsonl", "--out", "x.xml"), "wanted a name that ends in .json"),
    (("metric", "--pairs", "pairs.jsonl"), "name the metrics"),
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
        "there is no dataset 'iu-xary'",
    ),
    (("score", COPY, "--metrics", "blue_2"), "there is no metric 'blue_2'"),
    (("score", COPY, "--dataset", "iu-xray"), "has no predictions for iu-xray"),
    (("score", COPY, "--shard", "3/2"), "wanted i/n"),
    (("score", "submissions"), "holds 5 submissions"),
    (("score", "empty"), ""),
    (("score", COPY, "--judges", "nowhere.toml"), "nowhere.toml cannot be used"),
    (("baseline", "sandbx"), "there is no dataset 'sandbx'"),
    (("baseline", "sandbox", "--metrics", "blue_2"), "there is no metric 'blue_2'"),
    (("baseline", "iu-xray"), "no directory is given"),
    (("baseline", "iu-xray", "--references", "empty"), "cannot read the references"),
    (("merge", COPY, "--dataset", "sandbox"), "Score the shards first"),
    (("merge", COPY, "--dataset", "mimic"), "has no predictions for mimic"),
    (("rank",), "no record under leaderboard/records"),
    (("rank", "--leaderbord", "x"), "No such option: --leaderbord"),
    (("compare", "a/b", "c/d", "--dataset", "sandbx"), "there is no dataset 'sandbx'"),
    (("compare", "a/b", "c/d", "--dataset", "sandbox"), "a/b, c/d: no record"),
    (("compare", "a/b", "c/d", "--dataset", "sandbox", "--track", "finding"), "no track 'finding'"),
    (("doctor", "--role", "root"), "'root' is not one of"),
    (("doctor", "--github"), "name the repository"),
    (("doctor", "--github", "--repository", "a/b"), "a maintainer's token is needed"),
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
    (("quota", "show", "--leaderboard", "badly"), "policy.json cannot be used"),
    (("quota", "grant", "acme", "rexgradient", "abc"), "64 hexadecimal digits"),
    (("quota", "grant", "acme", "rexgradiant", DIGEST), "there is no dataset 'rexgradiant'"),
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
    (("pr", "refresh"), "Missing argument"),
    (("pr", "publish", "x", "y"), "this command runs in a workflow"),
    (("pr", "withdraw", "a/b", "--reason", "x"), "there is no submissions/a/b/model.yaml"),
    (("dev", "new-metric", "Word Recall"), "is no checkout"),
    (("dev", "new-dataset", "Mine!"), "is no checkout"),
    (("dev", "schemas", "x"), "unexpected extra argument"),
]

FAILING = {c: args[len(c) :] for args, _ in reversed(MISTAKES) for c in COMMANDS if args[: len(c)] == c}
"""Per command the arguments of its first mistake in the table."""


@pytest.mark.parametrize(
    ("args", "message"), MISTAKES, ids=lambda x: " ".join(x) if isinstance(x, tuple) else ""
)
def test_a_user_s_mistake_exits_1(run, repository, args, message):
    (repository / "bad.jsonl").write_text('{"id": 1}\n')
    (repository / "bad.csv").write_text("a,b\n1,2\n")
    write_text(repository / "badly/policy.json", '{"runs": "1"}')
    write_text(repository / "references/iu-xray.json", "{")
    status, output, errors = run(*args)
    assert status == ExitCode.INPUT, output + errors
    assert message in output + errors
    assert "Traceback" not in errors
    assert "failure of ours" not in errors
    assert not list(repository.rglob("*.tmp"))


def test_every_command_has_a_mistake_in_the_table():
    tried = {args[: len(c)] for args, _ in MISTAKES for c in COMMANDS if args[: len(c)] == c}
    assert tried == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_exits_1_for_an_option_that_does_not_exist(run, command):
    status, _, errors = run(*command, "--no-such-option")
    assert (status, "No such option: --no-such-option" in errors) == (ExitCode.INPUT, True)


GROUPS = sorted({c[:-1] for c in COMMANDS})


@pytest.mark.parametrize("command", [*GROUPS, *COMMANDS], ids=" ".join)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_exits_0_for_help_with_an_example(run, command, option):
    status, text, _ = run(*command, option)
    assert (status, "Example: rexrank " in text) == (ExitCode.DONE, True)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_prints_json_and_keeps_quiet(run, command):
    """Also where it fails: one object on standard output, with the status that the process has."""
    if command not in OWN_FORMAT:
        status, text, errors = run(*command, *FAILING.get(command, ()), "--format", "json")
        value = json.loads(text)
        assert (value["exit_code"], value["command"]) == (status, " ".join(command))
        assert status == 0 or value["errors"] or value["output"], text
        assert "Traceback" not in errors
    assert "No such option: -q" not in run(*command, *FAILING.get(command, ()), "-q")[2]


def test_a_quiet_command_says_nothing_but_what_went_wrong(run):
    assert run("new", "acme", "m1", "--quiet") == (ExitCode.DONE, "", "")
    status, text, errors = run("new", "acme", "m1", "-q")
    assert (status, text, "is there already" in errors) == (ExitCode.INPUT, "", True)
    assert "Valid" in run("validate", COPY, "-q")[1]


def test_json_holds_what_was_made(run):
    value = json.loads(run("new", "acme", "m1", "--format", "json")[1])
    assert value["result"] == {"file": "submissions/acme/m1/model.yaml"}
    assert value["output"][0] == "wrote submissions/acme/m1/model.yaml"


def test_the_version_and_the_module(run, repository):
    assert run("--version") == (0, f"rexrank {__version__}\n", "")
    done = subprocess.run(
        [sys.executable, "-m", "evaluator", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"rexrank {__version__}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands_and_options(shell):
    def complete(**words):
        done = subprocess.run(
            [sys.executable, "-m", "evaluator"],
            cwd=ROOT,
            env={**os.environ, "_REXRANK_COMPLETE": f"complete_{shell}", **words},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    assert "submit" in complete(
        COMP_WORDS="rexrank sub",
        COMP_CWORD="1",
        _TYPER_COMPLETE_ARGS="rexrank sub",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )


def test_no_colour_is_printed_where_none_is_wanted(run, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    for args in (("--help",), ("validate", COPY), ("metrics",), ("vaildate",)):
        _, output, errors = run(*args)
        assert "\x1b" not in output + errors


def test_the_docs_list_the_exit_codes_and_every_command():
    page = (ROOT / "site/commands.md").read_text("utf-8")
    for code in ExitCode:
        assert f"| {code.value} |" in page
    named = {f"`rexrank {' '.join(c)}`" for c in COMMANDS if c[0] != "dev"}
    assert {name for name in named if name not in page} == set()


def test_help_lists_the_exit_codes(run):
    text = " ".join(run("--help")[1].split())
    for words in ("0 done", "1 your input", "2 our fault or the machine's", "3 partial"):
        assert words in text


def not_a_folder(repository):
    (repository / "file").write_text("")


def broken_record(repository):
    write_text(repository / "leaderboard/records/sandbox/findings/a__b.json", "{")


def wrong_weights(repository):
    write_text(repository / "models/distilroberta-base/config.json", "{}")


FAULTS = [
    (not_a_folder, ("new", "acme", "m1", "--root", "file"), "cannot write file/acme/m1"),
    (
        not_a_folder,
        ("metric", "bleu_2", "--pairs", "pairs.jsonl", "--out", "file/x.json"),
        "cannot write file/x.json",
    ),
    (None, ("metric", "bertscore", "--pairs", "pairs.jsonl"), "Fetch them with: rexrank models fetch"),
    (broken_record, ("rank",), "cannot read the record"),
    (wrong_weights, ("models", "verify", "--models", "models"), "models cannot be used"),
]


@pytest.mark.parametrize(
    ("prepare", "args", "message"), FAULTS, ids=lambda x: " ".join(x) if isinstance(x, tuple) else ""
)
def test_our_fault_or_the_machine_s_exits_2(run, repository, prepare, args, message):
    if prepare:
        prepare(repository)
    status, output, errors = run(*args)
    assert status == ExitCode.FAILURE, output + errors
    assert message in output + errors


def test_what_was_not_foreseen_exits_2(run, monkeypatch):
    def fail(*_args, **_more):
        raise RuntimeError("boom")

    monkeypatch.setattr("evaluator.cli.submit.run_new", fail)
    status, _, errors = run("new", "a", "b")
    assert (status, "an unexpected failure of ours (RuntimeError: boom)" in errors) == (
        ExitCode.FAILURE,
        True,
    )


@pytest.mark.parametrize(
    ("named", "status"),
    [(("--metrics", "bleu_2,bertscore"), ExitCode.PARTIAL), (("--metrics", "bleu_2"), ExitCode.DONE)],
)
@pytest.mark.parametrize(
    "command", [SCORED, (*SCORED, "--shard", "1/2"), ("baseline", "sandbox")], ids=" ".join
)
def test_a_metric_named_and_not_computed_is_partial(run, command, named, status):
    code, output, errors = run(*command, "--models", "none", *named)
    assert code == status, errors
    assert ("not computed: the weights of distilroberta-base" in output + errors) == (
        status == ExitCode.PARTIAL
    )


def test_pairs_without_one_of_several_metrics_are_partial(run):
    status, output, errors = run("metric", "bleu_2", "bertscore", "--pairs", "pairs.jsonl")
    assert (status, "bleu_2" in json.loads(output)["scores"]) == (ExitCode.PARTIAL, True)
    assert "rexrank: bertscore was not computed" in errors


def test_a_dataset_that_cannot_be_scored_leaves_the_others(run, repository):
    # IU X-ray's manifest is public, so a file of its very ids is valid; its references are not at hand.
    reports = {
        i: {"findings": f"Study {i} shows no effusion."} for i in sorted(study_ids(get_dataset("iu-xray")))
    }
    (repository / COPY / "iu-xray.json").write_text(json.dumps(reports))
    status, output, errors = run("score", COPY, "--metrics", "bleu_2")
    assert status == ExitCode.PARTIAL, output + errors
    assert "bleu_2" in output
    assert "rexrank: the references of iu-xray do not ship" in errors
    assert (repository / "leaderboard/records/sandbox/findings/rexrank-sandbox__near-copy.json").is_file()
    assert run("score", COPY, "--metrics", "bleu_2", "--dataset", "iu-xray")[0] == ExitCode.INPUT


A, B = InputError("a"), RexrankError("b")


@pytest.mark.parametrize(
    ("outcomes", "status", "printed"),
    [
        ([], ExitCode.DONE, ""),
        ([ExitCode.DONE, ExitCode.DONE], ExitCode.DONE, ""),
        ([ExitCode.DONE, ExitCode.PARTIAL], ExitCode.PARTIAL, ""),
        ([A, ExitCode.DONE, B], ExitCode.PARTIAL, "rexrank: a\nrexrank: b\n"),
        ([A, B], A, "rexrank: b\n"),
        ([B], B, ""),
    ],
)
def test_each(capsys, outcomes, status, printed):
    def work(item):
        if isinstance(item, RexrankError):
            raise item
        return item

    if isinstance(status, RexrankError):
        with pytest.raises(RexrankError) as raised:
            each(outcomes, work)
        assert raised.value is status
    else:
        assert each(outcomes, work) is status
    assert capsys.readouterr().err == printed
