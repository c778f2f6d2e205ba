"""Commands, identities, outputs and the one comment."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from github import UnknownObjectException
from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.problems import RexrankError
from evaluator.github import api

SHA = "0123456789abcdef0123456789abcdef01234567"
MARK = "<!-- test -->"

COMMANDS = [
    (f"/score {SHA}", SHA),
    (f"/score {SHA}\n", SHA),
    (f"/score {SHA} \r\n", SHA),
    (f"/score  {SHA}", None),
    (f" /score {SHA}", None),
    (f"/score {SHA[:12]}", None),
    (f"/score {SHA.upper()}", None),
    (f"/score {SHA}0", None),
    (f"/score {SHA}; touch x", None),
    (f"/score {SHA}\n/score {SHA}", None),
    (f"/score\n{SHA}", None),
    (f"/score {SHA}\x00", None),
    (f"/score {SHA}\u2028", None),
    (f"/rescore {SHA}", None),
    ("/score ", None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("body", "wanted"), COMMANDS)
def test_commands(body, wanted):
    assert api.score_command({"body": body}) == (None if wanted is None else (wanted, False))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (" quota grant", True),
        (" quota grant\n", True),
        ("  quota grant", None),
        (" quota  grant", None),
        (" Quota grant", None),
        (" quota", None),
        (" grant", None),
        (" quota grant now", None),
    ],
)
def test_a_grant_is_said_in_full(text, wanted):
    command = api.score_command({"body": f"/score {SHA}{text}"})
    assert command == (None if wanted is None else (SHA, wanted))


@given(st.text())
def test_no_other_text_is_a_command(text):
    command = api.score_command({"body": f"/score {SHA}{text}"})
    assert (command == (SHA, False)) == (text.strip(" \t\r\n") == "")


@pytest.mark.parametrize(
    ("number", "sha"),
    [
        ("0", SHA),
        ("01", SHA),
        ("-1", SHA),
        ("1;id", SHA),
        ("0x1", SHA),
        ("12345678", SHA),
        ("١", SHA),
        ("", SHA),
    ]
    + [("1", s) for s in (SHA[:39], SHA + "0", SHA.upper(), f"{SHA}\n", "", "main")],
)
def test_numbers_and_commits_of_another_form(number, sha):
    with pytest.raises(RexrankError):
        api.number_and_sha(number, sha)


def test_number_and_commit():
    assert api.number_and_sha("17", SHA) == (17, SHA)


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "x\nname<<EOF"])
def test_an_output_is_one_line(tmp_path, monkeypatch, value):
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "out"))
    with pytest.raises(RexrankError):
        api.write_output("x", value)
    api.write_output("x", "1")
    assert (tmp_path / "out").read_text() == "x=1\n"


class Comment:
    def __init__(self, issue, number, login, body):
        self.issue, self.id, self.body = issue, number, body
        self.user = SimpleNamespace(login=login) if login else None

    def edit(self, body):
        self.issue.writes.append(("edit", self.id))
        self.body = body

    def delete(self):
        self.issue.writes.append(("delete", self.id))
        if self.id in self.issue.vanished:
            raise UnknownObjectException(404, {}, {})
        self.issue.comments.remove(self)


class Issue:
    def __init__(self, *rows):
        self.writes, self.vanished = [], set()
        self.comments = [Comment(self, i, login, body) for i, (login, body) in enumerate(rows, start=1)]

    def get_comments(self):
        return list(self.comments)

    def create_comment(self, body):
        self.writes.append(("create", None))
        self.comments.append(Comment(self, len(self.comments) + 1, api.BOT, body))


def keep(issue, body="new"):
    api.sticky(SimpleNamespace(get_issue=lambda _: issue), 1, MARK, body)
    return issue.writes


STICKY = [
    ([], [("create", None)]),
    ([(api.BOT, f"{MARK}\nold")], [("edit", 1)]),
    ([(api.BOT, f"{MARK}\nnew")], []),
    ([("stranger", f"{MARK}\nold")], [("create", None)]),
    ([(None, f"{MARK}\nold")], [("create", None)]),
    ([(api.BOT, f"<!-- other -->\n{MARK}\nold")], [("create", None)]),
    ([(api.BOT, f"{MARK}\na"), ("x", "y"), (api.BOT, f"{MARK}\nb")], [("edit", 3), ("delete", 1)]),
    ([(api.BOT, f"{MARK}\na"), (api.BOT, f"{MARK}\nnew")], [("delete", 1)]),
]


@pytest.mark.parametrize(("before", "writes"), STICKY)
def test_one_comment_is_kept(before, writes):
    issue = Issue(*before)
    assert keep(issue) == writes
    ours = [c for c in issue.comments if c.user and c.user.login == api.BOT and c.body.startswith(MARK)]
    assert [c.body for c in ours] == [f"{MARK}\nnew"]
    issue.writes.clear()
    assert keep(issue) == []


def test_a_comment_removed_meanwhile_is_not_an_error():
    issue = Issue((api.BOT, f"{MARK}\na"), (api.BOT, f"{MARK}\nb"))
    issue.vanished = {1}
    assert keep(issue) == [("edit", 2), ("delete", 1)]


def test_a_long_comment_is_cut_at_a_line():
    issue = Issue()
    keep(issue, "\n".join(["`@everyone` and more words"] * 4000))
    (body,) = [c.body for c in issue.comments]
    assert len(body) <= api.MAX_BODY
    assert all(line.count("`") == 2 for line in body.split("\n") if "everyone" in line)


def pull(sha=SHA, repo_id=5, state="open", base="main"):
    repo = SimpleNamespace(id=repo_id) if repo_id else None
    return SimpleNamespace(
        head=SimpleNamespace(sha=sha, repo=repo), state=state, base=SimpleNamespace(ref=base), number=3
    )


@pytest.mark.parametrize(
    ("pulls", "found"),
    [
        ([pull()], True),
        ([], False),
        ([pull(sha="f" * 40)], False),
        ([pull(repo_id=6)], False),
        ([pull(repo_id=None)], False),
        ([pull(), pull()], False),
    ],
    ids=["its own", "none", "moved", "another fork", "fork deleted", "two"],
)
def test_the_pull_request_of_a_run(pulls, found):
    arguments = {}

    def get_pulls(**query):
        arguments.update(query)
        return pulls

    run = {
        "head_repository": {"id": 5, "owner": {"login": "them"}},
        "head_branch": "b;$(id)",
        "head_sha": SHA,
    }
    assert (api.pull_of_run(SimpleNamespace(get_pulls=get_pulls), run) is not None) is found
    assert arguments == {"state": "open", "base": "main", "head": "them:b;$(id)"}


@pytest.mark.parametrize("run", [{}, {"head_repository": None}, {"head_repository": {"owner": None}}])
def test_a_run_without_a_repository_has_no_pull_request(run):
    assert api.pull_of_run(SimpleNamespace(), run) is None


@pytest.mark.parametrize(
    "wrong", [{"state": "closed"}, {"base": "other"}, {"sha": "f" * 40}], ids=["closed", "base", "head"]
)
def test_commits_that_may_not_be_scored(wrong):
    with pytest.raises(RexrankError):
        api.open_pull(SimpleNamespace(get_pull=lambda _: pull(**wrong)), 3, SHA)


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("admin", True),
        ("maintain", True),
        ("write", True),
        ("triage", False),
        ("read", False),
        ("none", False),
    ],
)
def test_permission_decides_and_not_the_event(role, may):
    repo = SimpleNamespace(get_collaborator_permission=lambda _: role)
    assert api.may_score(repo, "x") is may


@pytest.mark.parametrize("handle", ["a/b", "../x", "", "a--b", "-a", "a" * 40, "a?x=1", "a\n"])
def test_no_odd_handle_reaches_an_address(handle):
    assert api.user_id(SimpleNamespace(), handle) is None


class Commit:
    def __init__(self):
        self.made = []

    def create_status(self, state, description, context):
        self.made.append((state, description, context))


def status(state, description="x", context=api.STATUS, login=api.BOT):
    creator = SimpleNamespace(login=login) if login else None
    return SimpleNamespace(state=state, description=description, context=context, creator=creator)


@pytest.mark.parametrize(
    ("known", "written"),
    [
        ([], True),
        ([status("success", api.SCORED)], False),
        ([status("success", "a withdrawal: nothing to score")], True),
        ([status("failure"), status("success")], True),
        ([status("pending", "valid")], False),
        ([status("pending", "other")], True),
        ([status("success", login="somebody")], True),
        ([status("success", login=None)], True),
        ([status("success", context="ci")], True),
    ],
)
def test_the_first_status_takes_nothing_back(monkeypatch, known, written):
    commit = Commit()
    monkeypatch.setattr(api, "statuses", lambda *_: known)
    api.set_first_status(SimpleNamespace(get_commit=lambda _: commit), SHA, "pending", "valid")
    assert commit.made == ([("pending", "valid", api.STATUS)] if written else [])


def test_what_became_invalid_loses_its_green(monkeypatch):
    commit = Commit()
    monkeypatch.setattr(api, "statuses", lambda *_: [status("success", api.SCORED)])
    api.set_first_status(SimpleNamespace(get_commit=lambda _: commit), SHA, "failure", "not valid")
    assert commit.made == [("failure", "not valid", api.STATUS)]


@pytest.mark.parametrize("state", ["", "error", "SUCCESS"])
def test_no_other_state_is_set(state):
    with pytest.raises(RexrankError):
        api.set_first_status(SimpleNamespace(), SHA, state, "x")


class Workflow:
    """Runs of a workflow, newest first, and the requested dispatches."""

    def __init__(self, *runs):
        self.runs = [
            SimpleNamespace(display_title=t, status=s, html_url=f"https://github.com/x/y/actions/runs/{n}")
            for n, (t, s) in enumerate(runs)
        ]
        self.asked = []

    def get_runs(self, event):
        assert event == "workflow_dispatch"
        return self.runs

    def create_dispatch(self, ref, inputs, **options):
        self.asked.append((ref, inputs, options))
        return SimpleNamespace(html_url="https://github.com/x/y/actions/runs/new")


@pytest.mark.parametrize(
    ("runs", "url", "fresh"),
    [
        ([], "new", True),
        ([("score 1", "completed")], "new", True),
        ([("score 2", "waiting")], "new", True),
        ([("score 1", "waiting")], "0", False),
        ([("score 2", "queued"), ("score 1", "in_progress")], "1", False),
    ],
)
def test_a_run_is_started_once_and_a_failure_is_loud(runs, url, fresh):
    workflow = Workflow(*runs)
    start = api.start_once(
        SimpleNamespace(get_workflow=lambda _: workflow), "score.yml", "score 1", {"pr": "1"}
    )
    assert start == (f"https://github.com/x/y/actions/runs/{url}", fresh)
    assert workflow.asked == (
        [("main", {"pr": "1"}, {"throw": True, "return_run_details": True})] if fresh else []
    )


def test_an_answer_may_keep_the_previous_one():
    issue = Issue((api.BOT, f"{MARK}\nold"))
    api.sticky(SimpleNamespace(get_issue=lambda _: issue), 1, MARK, "new", renew=False)
    assert [c.body for c in issue.comments] == [f"{MARK}\nold"]
    assert issue.writes == []


def test_with_two_repositories_the_named_one_counts(monkeypatch):
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "rexrank/evaluator")
    monkeypatch.delenv("REXRANK_REPOSITORY", raising=False)
    monkeypatch.delenv("REXRANK_BOT", raising=False)
    assert (api.clone_url(), api.bot()) == ("https://github.com/rexrank/evaluator", "github-actions[bot]")
    monkeypatch.setenv("REXRANK_REPOSITORY", "rexrank/challenge")
    monkeypatch.setenv("REXRANK_BOT", "rexrank-reporter[bot]")
    assert (api.clone_url(), api.bot()) == ("https://github.com/rexrank/challenge", "rexrank-reporter[bot]")
