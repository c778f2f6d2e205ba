"""Malicious pull requests and comments."""

from __future__ import annotations

import re
import subprocess

import pytest
from rehearsal.git import Change, commit, git
from rehearsal.machines import runner_environment
from rehearsal.safety import unmoved
from rehearsal.state import Pull
from rehearsal.steps import SYSTEM_PATH
from rehearsal.submissions import card, changed, noise, submission
from rehearsal.world import World
from support.comments import inert
from support.hangs import HANG

FOLDER = "submissions/strangers/careful"
GOOD = submission()
SANDBOX = f"{FOLDER}/sandbox.json"
TEXT = GOOD[SANDBOX]
assert isinstance(TEXT, bytes)
DEEP = b'{"sandbox-0001": ' + b'{"findings": ' * 60_000 + b'"x"' + b"}" * 60_001
DUPLICATE = TEXT.replace(b'"sandbox-0002"', b'"sandbox-0001"', 1)
HUGE = b'{"sandbox-0001": {"findings": "' + b"a" * 26_000_000 + b'"}}'

REFUSED: dict[str, dict[str, Change]] = {
    "symlink": {**GOOD, SANDBOX: ("120000", b"/etc/passwd")},
    "symlink beside": {
        **GOOD,
        f"{FOLDER}/private-set.json": ("120000", b"../../../../references/private-set.json"),
    },
    "submodule": {**GOOD, f"{FOLDER}/code": ("160000", "1" * 40)},
    "executable": {**GOOD, SANDBOX: ("100755", TEXT)},
    "code and data": {**GOOD, "evaluator/metrics/bleu.py": b"raise SystemExit\n"},
    "workflow and data": {**GOOD, ".github/workflows/score.yml": b"on: push\n"},
    "attributes and data": {**GOOD, ".gitattributes": b"* filter=lfs\n"},
    "leaderboard and data": {**GOOD, "leaderboard/tables/sandbox.findings.json": b"{}\n"},
    "two submissions": {**GOOD, **submission(team="others")},
    "shell in a path": {**GOOD, f"{FOLDER}/$(touch pwned).json": TEXT},
    "semicolon in a path": {**GOOD, "submissions/strangers/a;rm -rf ~;b/sandbox.json": TEXT},
    "newline in a path": {**GOOD, f"{FOLDER}/x\n::set-output name=ok::true.json": TEXT},
    "markdown in a path": {**GOOD, f"{FOLDER}/![x](https:evil.example) @everyone.json": TEXT},
    "upper case": submission(team="Strangers"),
    "look-alike": submission(team="str\u0430ngers"),
    "duplicate keys": {**GOOD, SANDBOX: DUPLICATE},
    "25 MB": {**GOOD, SANDBOX: HUGE},
    "25 MB of noise": {**GOOD, f"{FOLDER}/weights.bin": noise(26_000_000)},
    "deep nesting": {**GOOD, SANDBOX: DEEP},
    "alias bomb": {
        **GOOD,
        f"{FOLDER}/model.yaml": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 108)),
    },
    "lfs pointer": {**GOOD, SANDBOX: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"},
    "missing studies": {
        **GOOD,
        SANDBOX: b'{"sandbox-0001": {"findings": "Clear.", "impression": "Clear."}}\n',
    },
    "references inside": {
        **GOOD,
        SANDBOX: b'{"sandbox-0001": {"gt_findings": "a", "model_prediction": "b"}}\n',
    },
}


def refused_by_the_runner(world: World, p: Pull) -> None:
    """Someone with write access dispatches the run by hand: the machine with the references never reads the
    pull request."""
    before = len(world.runs("score"))
    world.dispatch("score", {"pr": str(p.number), "sha": p.head_sha})
    (run,) = world.runs("score")[before:]
    assert run.conclusion == "failure", run.log
    assert not run.waiting
    assert not any(j.self_hosted and j.steps for j in run.jobs.values())
    assert "success" not in [s.state for s in world.state.statuses if s.sha == p.head_sha]
    unmoved(world)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_safe_comment(rehearsal: World, name: str) -> None:
    before = rehearsal.main
    p = rehearsal.open_pull(REFUSED[name], branch="attack")
    assert rehearsal.last("comment").conclusion == "success", rehearsal.last("comment").log
    (comment,) = rehearsal.bot_comments(p)
    assert "Not valid" in comment.body, comment.body
    inert(comment.body)
    assert [s.state for s in rehearsal.state.statuses] == ["failure"]
    unmoved(rehearsal)
    assert rehearsal.main == before
    refused_by_the_runner(rehearsal, p)


def test_a_refused_pull_request_is_not_scored_on_request(rehearsal: World) -> None:
    p = rehearsal.open_pull(REFUSED["code and data"], branch="attack")
    rehearsal.say(p, f"/score {p.head_sha}")
    assert rehearsal.runs("score") == []
    assert "not valid" in rehearsal.bot_comments(p)[-1].body


def test_a_history_with_merges_cannot_undo_a_fix_on_main(rehearsal: World) -> None:
    """Two merges cross: the second head has the first one's old tree and an edit in its own folder.

    Against the merge base that git names first (by date), it changes only its own folder.
    """
    bare = rehearsal.state.bare

    def woven(tree: str, *parents: str, date: int = 1_700_000_000) -> str:
        who = f"stranger <s@example.org> {date} +0000"
        text = "\n".join(
            [f"tree {tree}", *(f"parent {p}" for p in parents), f"author {who}", f"committer {who}", "", "x"]
        )
        return git(bare, "hash-object", "-t", "commit", "-w", "--stdin", data=text.encode())

    def tree(sha: str) -> str:
        return git(bare, "rev-parse", f"{sha}^{{tree}}")

    start = rehearsal.main
    first = woven(tree(commit(bare, start, GOOD, "first", "stranger")), start, date=4_000_000_000)
    later = commit(
        bare, start, {"evaluator/mended.py": b"# mended\n", **submission(team="others")}, "fix", "admin"
    )
    both = commit(bare, later, GOOD, "both", "admin")
    git(bare, "update-ref", "refs/heads/main", woven(tree(both), later, first))
    edit = changed(GOOD, "model.yaml", "A university", "An institute")
    head = woven(tree(commit(bare, first, edit, "edit", "stranger")), first, later)
    p = rehearsal.open_pull({}, commit_sha=head, branch="woven")
    (comment,) = rehearsal.bot_comments(p)
    assert "Cannot be merged" in comment.body, comment.body
    assert [s.state for s in rehearsal.state.statuses] == ["failure"]
    rehearsal.say(p, f"/score {head}")
    assert rehearsal.runs("score") == []
    refused_by_the_runner(rehearsal, p)


def test_a_change_of_only_code_is_not_a_submission(rehearsal: World) -> None:
    p = rehearsal.open_pull({"evaluator/metrics/bleu.py": b"raise SystemExit\n"}, branch="code")
    assert rehearsal.bot_comments(p) == []
    assert [s.description for s in rehearsal.state.statuses] == ["no submission changed: nothing to score"]
    rehearsal.say(p, f"/score {p.head_sha}")
    assert rehearsal.runs("score") == []
    assert "does not change a submission" in rehearsal.bot_comments(p)[-1].body
    rehearsal.dispatch("score", {"pr": str(p.number), "sha": p.head_sha})
    run = rehearsal.last("score")
    assert run.conclusion == "failure"
    assert not any(j.self_hosted and j.steps for j in run.jobs.values())


def test_a_tree_that_climbs_out_of_its_folder(rehearsal: World) -> None:
    """`..` as a name in a tree: git refuses to write it, so it is written as a raw object."""
    bare = rehearsal.state.bare
    blob = git(bare, "hash-object", "-w", "--stdin", data=TEXT)
    climb = git(bare, "mktree", data=f"100644 blob {blob}\tsandbox.json\n".encode())
    up = git(bare, "mktree", data=f"040000 tree {climb}\t..\n".encode())
    entries = git(bare, "ls-tree", "main").splitlines()
    root = "\n".join(
        [e for e in entries if not e.endswith("\tsubmissions")] + [f"040000 tree {up}\tsubmissions"]
    )
    tree = git(bare, "mktree", data=(root + "\n").encode())
    sha = git(bare, "commit-tree", tree, "-p", "main", "-m", "climb")
    p = rehearsal.open_pull({}, commit_sha=sha, branch="climb")
    (comment,) = rehearsal.bot_comments(p)
    assert "Not valid" in comment.body
    inert(comment.body)
    unmoved(rehearsal)


WORDS = {
    # The workflow command must begin its line; what the shell might run is at the end.
    "machine": '::set-output name=ok::forged %0A::add-mask::x "; touch pwned; $(touch pwned2) `touch pwned3` #',
    # The marker begins the comment; an open fence at the end hides nothing before it.
    "reader": (
        "<!-- rexrank:comment --> <img src=x onerror=alert(1)><script>alert(1)</script> "
        "@everyone [click](https://evil.example) ![i](https://evil.example/a.png) ``` # Valid"
    ),
}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_untrusted_text_is_inert(rehearsal: World, words: str) -> None:
    """In the title, the body, the branch, the author's commit, a report and every free field of the card."""
    files = changed(GOOD, "sandbox.json", "Lung", words.replace('"', "'").replace("\\", ""))
    branch = re.sub(r"[^\w$();@!/-]", "-", words)[:60].strip("-./")
    quoted = "'" + words.replace("'", "''") + "'"
    files[f"{FOLDER}/model.yaml"] = card(name=quoted, institution=quoted, description=quoted)
    p = rehearsal.open_pull(files, title=words, body=words, branch=branch, author="stranger")
    (comment,) = rehearsal.bot_comments(p)
    inert(comment.body)
    rehearsal.say(p, f"/score {p.head_sha}\n{words}")
    rehearsal.say(p, f"/score {p.head_sha}")
    for run in rehearsal.runs("score"):
        rehearsal.approve(run)
    for comment in rehearsal.bot_comments(p):
        inert(comment.body, rehearsal.state.base_url)
    unmoved(rehearsal)


FORGED = """
name: validate
on: {pull_request: {}}
jobs:
  validate:
    runs-on: ubuntu-24.04
    steps:
      - run: |
          echo '{"ok": true, "valid": true, "problems": [], "submission": "evil/@everyone <img src=x>"}' > report.json
          echo "::notice::Valid submission"
      - uses: actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1
        with: {name: report, path: report.json}
"""


def test_a_forged_validation_has_no_effect(rehearsal: World) -> None:
    p = rehearsal.open_pull({**GOOD, ".github/workflows/validate.yml": FORGED.encode()}, branch="forged")
    assert "Valid submission" in rehearsal.last("validate").log
    assert rehearsal.last("validate").conclusion == "success"
    (comment,) = rehearsal.bot_comments(p)
    assert "Not valid" in comment.body
    assert "everyone" not in comment.body
    assert ".github/workflows/validate.yml" in comment.body


def test_the_head_moves_after_the_request(opened: World) -> None:
    """Between the dispatch and `authorise`: the run's own check of the head refuses."""
    p = opened.state.pulls[1]
    reviewed = p.head_sha
    opened.push_to_pull(p, {SANDBOX: TEXT.replace(b"Lung", b"Lungs", 1)}, quietly=True)
    opened.dispatch("score", {"pr": str(p.number), "sha": reviewed})
    (run,) = opened.runs("score")
    assert not run.waiting
    assert run.conclusion == "failure"
    assert not any(j.self_hosted and j.steps for j in run.jobs.values())


def test_the_head_moves_after_the_authorisation(opened: World) -> None:
    """While the run waits for its reviewer: the fetch finds another head and stops."""
    p = opened.state.pulls[1]
    reviewed = p.head_sha
    opened.say(p, f"/score {reviewed}")
    run = opened.last("score")
    assert run.waiting == ["scoring"], run.log
    opened.push_to_pull(p, {SANDBOX: TEXT.replace(b"Lung", b"Lungs", 1)}, quietly=True)
    opened.approve(run)
    assert run.conclusion == "failure", run.log
    assert "success" not in [s.state for s in opened.state.statuses]
    assert "moved before scoring began" in opened.bot_comments(p)[-1].body


def test_the_runners_account_cannot_score_an_unapproved_commit(opened: World) -> None:
    """An attacker with the jobs' account calls the isolation directly; GitHub's record says who approved what."""
    p = opened.state.pulls[1]
    machine = opened.executor.runner
    assert machine is not None
    runner_environment(opened.executor)
    door = [
        f"{machine.folder}/sudo/sudo",
        "-n",
        f"{machine.folder}/opt/bin/isolate.sh",
        "score",
        "1",
        p.head_sha,
    ]

    def refused() -> None:
        job = {"PATH": SYSTEM_PATH, "GITHUB_RUN_ID": "1", "GITHUB_JOB": "score"}
        process = subprocess.run(door, env=job, capture_output=True, check=False, timeout=HANG)
        assert (process.returncode, process.stdout) == (2, b"")
        assert f"nobody requested scoring of pull request 1 at commit {p.head_sha}" in process.stderr.decode()

    refused()
    opened.say(p, f"/score {p.head_sha}")
    assert opened.last("score").waiting == ["scoring"], opened.last("score").log
    refused()
    paths = [r.path for r in opened.state.requests if r.actor == "anonymous" and "score.yml/runs" in r.path]
    assert len(paths) == 2, "without anybody's credential"


@pytest.mark.parametrize(
    "inputs", [("1; touch pwned", "{sha}"), ("1", "{sha}; id"), ("99", "{sha}"), ("0x1", "{sha}")]
)
def test_a_dispatch_with_hostile_inputs(opened: World, inputs: tuple[str, str]) -> None:
    p = opened.state.pulls[1]
    number, sha = inputs
    opened.dispatch("score", {"pr": number, "sha": sha.format(sha=p.head_sha)})
    (run,) = opened.runs("score")
    assert run.conclusion == "failure"
    assert not run.waiting
    unmoved(opened)
