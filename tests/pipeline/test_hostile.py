"""Pull requests and comments by people who mean harm."""

from __future__ import annotations

import re

import pytest
from rehearsal.git import Change, git
from rehearsal.submissions import card, changed, noise, submission
from rehearsal.world import World

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


def safe(body: str) -> None:
    """A comment that mentions nobody, shows no image, runs no HTML and links only to this repository."""
    prose = re.sub(r"```.*?```", "", body, flags=re.DOTALL)
    prose = re.sub(r"(`+)(?:(?!\1).)+?\1", "", prose)
    assert not re.search(r"(?<![\w`])@[A-Za-z]", prose), prose
    assert not re.search(r"!\[", prose), prose
    assert not re.search(
        r"<(?!!--|/?(?:details|summary|br|sub|sup|b|code|kbd|p|strong|em|table|tr|td|th)\b)[a-zA-Z/]", prose
    ), prose
    assert "evil.example" not in re.sub(r"[^\n]*`[^\n]*", "", body), body
    assert len(body) <= 65_536


def unmoved(world: World) -> None:
    """Nothing was obeyed: no command on a log that the project does not give itself, no file touched."""
    for run in world.executor.runs:
        for job in run.jobs.values():
            names = {c.name for c in job.commands}
            assert names <= {"error", "warning", "notice", "group", "endgroup", "stop-commands"}, names
            assert not list(job.workspace.rglob("pwned*"))
            assert "ok" not in {
                k for s in job.steps.values() for k in s["outputs"] if s["outputs"][k] == "forged"
            }


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_safe_comment(rehearsal: World, name: str) -> None:
    before = rehearsal.main
    p = rehearsal.open_pull(REFUSED[name], branch="attack")
    assert rehearsal.last("comment").conclusion == "success", rehearsal.last("comment").log
    (comment,) = rehearsal.bot_comments(p)
    assert "not valid" in comment.body.lower(), comment.body
    safe(comment.body)
    unmoved(rehearsal)
    assert rehearsal.main == before
    # Refused again where it counts: the machine with the references never reads it.
    rehearsal.say(p, f"/score {p.head_sha}")
    for run in rehearsal.runs("score"):
        if run.waiting:
            rehearsal.approve(run)
        assert run.conclusion != "success", run.log
    assert "success" not in [s.state for s in rehearsal.state.statuses if s.sha == p.head_sha]
    unmoved(rehearsal)


def test_a_change_of_code_alone_is_no_submission(rehearsal: World) -> None:
    p = rehearsal.open_pull({"evaluator/metrics/bleu.py": b"raise SystemExit\n"}, branch="code")
    for comment in rehearsal.bot_comments(p):
        safe(comment.body)
    rehearsal.say(p, f"/score {p.head_sha}")
    for run in rehearsal.runs("score"):
        if run.waiting:
            rehearsal.approve(run)
        assert run.conclusion != "success"
    assert not any(
        job.self_hosted and job.result == "success"
        for r in rehearsal.executor.runs
        for job in r.jobs.values()
    )


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
    assert "not valid" in comment.body.lower()
    safe(comment.body)
    unmoved(rehearsal)


SHELL = '"; touch pwned; $(touch pwned2) `touch pwned3` #'
WORDS = [
    SHELL,
    "::set-output name=ok::forged",
    "%0A::add-mask::x",
    "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "@everyone [click](https://evil.example) ![i](https://evil.example/a.png)",
    "<!-- rexrank:comment --> ``` # Valid",
]


@pytest.mark.parametrize("words", WORDS, ids=["shell", "command", "escaped", "html", "markdown", "marker"])
def test_words_of_strangers_are_inert(rehearsal: World, words: str) -> None:
    files = changed(GOOD, "sandbox.json", "Lung", words.replace('"', "'").replace("\\", ""))
    branch = re.sub(r"[^\w$();@!/-]", "-", words)[:60].strip("-./")
    quoted = "'" + words.replace("'", "''") + "'"
    files[f"{FOLDER}/model.yaml"] = card(name=quoted, institution=quoted, description=quoted)
    p = rehearsal.open_pull(files, title=words, body=words, branch=branch, author="stranger")
    for comment in rehearsal.bot_comments(p):
        safe(comment.body)
    assert len(rehearsal.bot_comments(p)) == 1
    rehearsal.say(p, f"/score {p.head_sha}")
    for run in rehearsal.runs("score"):
        if run.waiting:
            rehearsal.approve(run)
    for comment in rehearsal.bot_comments(p):
        safe(comment.body)
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


def test_a_forged_validation_convinces_nobody(rehearsal: World) -> None:
    p = rehearsal.open_pull({**GOOD, ".github/workflows/validate.yml": FORGED.encode()}, branch="forged")
    assert "Valid submission" in rehearsal.last("validate").log
    assert rehearsal.last("validate").conclusion == "success"
    (comment,) = rehearsal.bot_comments(p)
    assert "not valid" in comment.body.lower()
    assert "everyone" not in comment.body
    assert ".github/workflows/validate.yml" in comment.body


@pytest.mark.parametrize(
    ("author", "command"),
    [
        ("stranger", "/score {sha}"),
        ("outsider", "/score {sha}"),
        ("triager", "/score {sha}"),
        ("maintainer", "/score {sha}; touch pwned"),
        ("maintainer", "/score {sha} --all"),
        ("maintainer", "/score {sha}\n/score {sha}"),
        ("maintainer", "please /score {sha}"),
        ("maintainer", "/score {short}"),
        ("maintainer", "/score {wrong}"),
        ("maintainer", "/score {upper}"),
        ("maintainer", "/score {main}"),
        ("maintainer", "/score"),
    ],
)
def test_score_commands_that_start_nothing(rehearsal: World, author: str, command: str) -> None:
    rehearsal.state.permissions["triager"] = "triage"
    p = rehearsal.open_pull(GOOD)
    values = {
        "sha": p.head_sha,
        "short": p.head_sha[:12],
        "wrong": "a" * 40,
        "upper": p.head_sha.upper() if not p.head_sha.isdigit() else "A" * 40,
        "main": rehearsal.main,
    }
    rehearsal.say(p, command.format(**values), author=author)
    assert rehearsal.runs("score") == []
    unmoved(rehearsal)
    for comment in rehearsal.bot_comments(p):
        safe(comment.body)


def test_an_edited_comment_starts_nothing(rehearsal: World) -> None:
    p = rehearsal.open_pull(GOOD)
    comment = rehearsal.say(p, "I will look at it.")
    rehearsal.edit(p, comment, f"/score {p.head_sha}")
    assert rehearsal.runs("score") == []


def test_the_head_moves_before_the_comment_is_read(rehearsal: World) -> None:
    p = rehearsal.open_pull(GOOD)
    reviewed = p.head_sha
    rehearsal.push_to_pull(p, {"evaluator/x.py": b"evil\n"})
    rehearsal.say(p, f"/score {reviewed}")
    assert rehearsal.runs("score") == []


def test_the_head_moves_after_the_request(rehearsal: World) -> None:
    """Between the dispatch and `authorise`: the run's own check of the head refuses."""
    p = rehearsal.open_pull(GOOD)
    reviewed = p.head_sha
    rehearsal.push_to_pull(p, {SANDBOX: TEXT.replace(b"Lung", b"Lungs", 1)}, quietly=True)
    (run,) = [
        r for r in rehearsal.dispatch("score", {"pr": str(p.number), "sha": reviewed}) if r.name == "score"
    ]
    assert not run.waiting
    assert run.conclusion == "failure"
    assert not any(j.self_hosted and j.result == "success" for j in run.jobs.values())


def test_the_head_moves_after_the_authorisation(rehearsal: World) -> None:
    """While the run waits for its reviewer: the fetch finds another head and stops."""
    p = rehearsal.open_pull(GOOD)
    rehearsal.say(p, f"/score {p.head_sha}")
    run = rehearsal.last("score")
    assert run.waiting == ["scoring"], run.log
    rehearsal.push_to_pull(p, {SANDBOX: TEXT.replace(b"Lung", b"Lungs", 1)}, quietly=True)
    rehearsal.approve(run)
    assert run.conclusion == "failure", run.log
    assert "success" not in [s.state for s in rehearsal.state.statuses]


@pytest.mark.parametrize(
    "inputs", [("1; touch pwned", "{sha}"), ("1", "{sha}; id"), ("99", "{sha}"), ("0x1", "{sha}")]
)
def test_a_dispatch_with_hostile_inputs(rehearsal: World, inputs: tuple[str, str]) -> None:
    p = rehearsal.open_pull(GOOD)
    number, sha = inputs
    runs = rehearsal.dispatch("score", {"pr": number, "sha": sha.format(sha=p.head_sha)})
    assert all(r.conclusion == "failure" and not r.waiting for r in runs if r.name == "score")
    unmoved(rehearsal)
