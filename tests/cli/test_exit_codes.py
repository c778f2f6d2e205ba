"""Exit codes of every command: 0 done, 1 your input, 2 an internal or machine error, 3 partial."""

from __future__ import annotations

import errno
import json

import pytest
from support.commands import COMMANDS, COPY, MISTAKES

from evaluator.cli.exit_codes import each
from evaluator.core.files import write_text
from evaluator.core.problems import ExitCode, InputError, RexrankError
from evaluator.datasets.registry import get_dataset, study_ids

SCORED = ("score", COPY, "--dataset", "sandbox")


@pytest.mark.parametrize(
    ("args", "message"), MISTAKES, ids=lambda x: " ".join(x) if isinstance(x, tuple) else ""
)
def test_a_user_s_mistake_exits_1(run, repository, args, message):
    (repository / "bad.jsonl").write_text('{"id": 1}\n')
    (repository / "bad.csv").write_text("a,b\n1,2\n")
    write_text(repository / "references/iu-xray.json", "{")
    status, output, errors = run(*args)
    assert status == ExitCode.INPUT, output + errors
    assert message in output + errors
    assert "Traceback" not in errors
    assert "unexpected internal error" not in errors
    assert not list(repository.rglob("*.tmp"))


def test_every_command_has_a_mistake_in_the_table():
    tried = {args[: len(c)] for args, _ in MISTAKES for c in COMMANDS if args[: len(c)] == c}
    assert tried == set(COMMANDS)


def test_help_lists_the_exit_codes(run):
    text = " ".join(run("--help")[1].split())
    for words in ("0 success", "1 a problem with your input", "2 an internal or machine error", "3 partial"):
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
    (wrong_weights, ("models", "verify", "--models", "models"), "cannot be used. Fetch again"),
]


@pytest.mark.parametrize(
    ("prepare", "args", "message"), FAULTS, ids=lambda x: " ".join(x) if isinstance(x, tuple) else ""
)
def test_an_internal_or_machine_error_exits_2(run, repository, prepare, args, message):
    if prepare:
        prepare(repository)
    status, output, errors = run(*args)
    assert status == ExitCode.FAILURE, output + errors
    assert message in output + errors


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("boom"), "an unexpected internal error (RuntimeError: boom)"),
        (FileNotFoundError(2, "No such file", "x"), "an unexpected internal error (FileNotFoundError: "),
        (
            OSError(errno.EMFILE, "Too many open files", "x"),
            "cannot continue: Too many open files (x). Once the",
        ),
        (MemoryError(), "cannot continue: out of memory. Once the machine has space again"),
    ],
    ids=repr,
)
def test_an_unexpected_error_exits_2(run, monkeypatch, error, words):
    def fail(*_args, **_more):
        raise error

    monkeypatch.setattr("evaluator.cli.submit.run_new", fail)
    status, _, errors = run("new", "a", "b")
    assert (status, f"rexrank: {words}" in errors) == (ExitCode.FAILURE, True), errors


def test_a_refusal_before_a_command_s_own_json_is_json_too(run):
    status, output, errors = run("validate", "nowhere", "--format", "json")
    value = json.loads(output)
    assert (status, value["exit_code"]) == (ExitCode.INPUT, 1)
    assert "nowhere is not a folder" in errors
    assert "nowhere is not a folder" in value["errors"][0]


@pytest.mark.parametrize(
    ("named", "status"),
    [(("--metrics", "bleu_2,bertscore"), ExitCode.PARTIAL), (("--metrics", "bleu_2"), ExitCode.DONE)],
)
@pytest.mark.parametrize(
    "command", [SCORED, (*SCORED, "--shard", "1/2"), ("baseline", "sandbox")], ids=" ".join
)
def test_a_requested_metric_that_was_not_computed_is_partial(run, command, named, status):
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
    # IU X-ray's manifest is public, so a file with exactly its ids is valid; its references are not
    # available.
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
        with pytest.raises(RexrankError) as failure:
            each(outcomes, work)
        assert failure.value is status
    else:
        assert each(outcomes, work) is status
    assert capsys.readouterr().err == printed
