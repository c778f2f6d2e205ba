"""A submission by form: an issue with an attached file becomes a pull request whose opener is the issue's author."""

from __future__ import annotations

import json

from rehearsal.git import file_at, git
from rehearsal.state import ACTIONS_BOT, Issue
from rehearsal.submissions import reports
from rehearsal.world import World
from support.comments import inert

from evaluator.datasets.report import dump_predictions

ANSWERS = {
    "Team": "formers",
    "Model": "quiet",
    "Dataset": "sandbox",
    "Predictions": "",
    "Name": "Quiet model",
    "Institution": "A university",
    "Contact": "stranger",
    "Year": "2026",
    "Description": "It looks at frontal views.",
    "Licence": "MIT",
    "Images": "frontal",
    "Other text": "none",
    "Training data": "none",
    "External language model": "no",
    "Deterministic": "yes",
    "Parameters": "_No response_",
    "Consent": "- [x] I agree",
}


def attach(world: World, content: bytes | str, name: str = "preds.json") -> str:
    """What GitHub writes into the text for a file that was dragged in."""
    path = f"/user-attachments/files/{len(world.state.attachments) + 1}/{name}"
    world.state.attachments[path] = content
    return f"[{name}]({world.state.base_url}{path})"


def body(world: World, seed: int = 7, **changes: str) -> str:
    answers = ANSWERS | {"Predictions": attach(world, dump_predictions(reports(seed=seed)).encode())}
    answers |= {k.replace("_", " "): v for k, v in changes.items()}
    return "\n\n".join(f"### {k}\n\n{v}" for k, v in answers.items())


def answer(world: World, issue: Issue) -> str:
    """The one answer to an issue, by our bot, in which no untrusted text has an effect."""
    (comments,) = [c for c in world.state.comments.values() if c.issue == issue.number]
    assert comments.author == ACTIONS_BOT
    inert(comments.body, world.state.base_url)
    return comments.body


def branches(world: World) -> list[str]:
    return git(world.state.bare, "for-each-ref", "--format=%(refname)", "refs/heads").split()


def test_a_form_becomes_a_pull_request_of_its_author(rehearsal: World) -> None:
    world = rehearsal
    # If jobs may not open pull requests, the author has to click once; once allowed, an edit sends it.
    world.state.settings["jobs open pulls"] = False
    issue = world.file_issue("Submission: formers/quiet", body(world), labels=("submission",))
    assert f"/compare/main...form/{issue.number}?expand=1" in answer(world, issue)
    assert world.state.pulls == {}
    world.state.settings["jobs open pulls"] = True
    world.edit_issue(issue, body(world))
    (p,) = world.state.pulls.values()
    assert "was opened for you" in answer(world, issue)
    assert (p.author, p.head_branch) == (ACTIONS_BOT, f"form/{issue.number}")
    names = git(world.state.bare, "diff", "--name-only", "main", p.head_sha).split()
    assert names == ["submissions/formers/quiet/model.yaml", "submissions/formers/quiet/sandbox.json"]
    # The same check, from main's code; the owner is the issue's author, not the bot.
    (comment,) = world.bot_comments(p)
    assert "Valid submission" in comment.body
    assert f"opened by `stranger`, account {world.state.user_id('stranger')}" in comment.body

    # Others' edits change nothing, the author's update the same pull request.
    before = p.head_sha
    runs = len(world.runs("submission-form"))
    world.edit_issue(issue, body(world, seed=8), by="maintainer")
    assert (p.head_sha, world.last("submission-form").jobs["read"].result) == (before, "skipped")
    world.edit_issue(issue, body(world, seed=8))
    assert p.head_sha != before
    assert (list(world.state.pulls.values()), len(world.runs("submission-form"))) == ([p], runs + 2)
    assert f"/pull/{p.number}" in answer(world, issue)
    assert p.head_sha in world.bot_comments(p)[0].body
    # A fourth: a fork's branch named like a form's does not make its owner the issue's author.
    files = {n: file_at(world.state.bare, p.head_sha, n) for n in names}
    forged = world.open_pull(files, author="mallory", branch=p.head_branch)
    assert "Not yours to change" in world.bot_comments(forged)[0].body
    # No secret of any environment was within reach, and only one of the jobs could write.
    raw = world.last("submission-form").workflow.raw
    assert "secrets" not in json.dumps(raw)
    writes = {n for n, j in raw["jobs"].items() if "write" in j["permissions"].values()}
    assert writes == {"open"}


def test_three_attacks_on_the_form(published: World) -> None:
    """A file from elsewhere; another team's folder; a path out of it, a forged heading and commands for a machine."""
    world = published
    before, pulls = branches(world), dict(world.state.pulls)

    def refused(text: str, *words: str) -> None:
        issue = world.file_issue("Submission: x", text, author="mallory")
        reply = answer(world, issue).replace("\\", "").replace("\u200b", "")
        assert [w for w in ("Not submitted", *words) if w not in reply] == []
        assert (branches(world), world.state.pulls) == (before, pulls)

    metadata = attach(world, "http://169.254.169.254/latest/meta-data")
    refused(body(world, Contact="mallory", Predictions=metadata), "points outside GitHub's own storage")
    other = body(world, Contact="mallory", Team="strangers", Model="careful")
    refused(other, "mallory is not a contact of strangers/careful")
    evil = (
        "$(touch /tmp/x)`id`${{ secrets.X }} ::set-output name=form::9 <img src=x> @maintainer [a](http://x)"
    )
    refused(
        body(
            world,
            Contact="mallory",
            Team="../../.github",
            Model="workflows\n\n### Team\n\nstrangers",
            Year=evil,
        ),
        "Team is '../../.github'",
        "the heading 'Team' appears twice",
        "wanted a year of four digits",
    )
    assert world.state.denials == []
