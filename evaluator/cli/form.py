"""`rexrank pr form` and `pr open`, called by the form's workflow."""

from __future__ import annotations

from pathlib import Path

from evaluator.cli.output import result
from evaluator.github import api


def run_form(folder: Path) -> int:
    """0 after reading the form of this event's issue; passes on its files, or the answer that says what is wrong."""
    from evaluator.github.form_submission import prepare
    from evaluator.github.issue_form import is_form
    from evaluator.github.ownership import Person

    issue = api.event()["issue"]
    body = str(issue.get("body") or "")
    if not is_form(body):
        result({"issue": None})
        print("Not a submission form.")
        return 0
    number, user = int(issue["number"]), issue["user"]
    repo = api.repository()
    person = Person(str(user["login"]), int(user["id"]), api.may_score(repo, str(user["login"])))
    folder.mkdir(parents=True, exist_ok=True)
    prepared = prepare(body, number, person, folder)
    print("The form can be submitted." if prepared.files else "The form cannot be submitted; see the reply.")
    api.write_output("form", str(number))
    result({"issue": number, "sendable": bool(prepared.files)})
    return 0


def run_open(folder: Path) -> int:
    """0 after opening or updating the form's pull request and the single answer to its issue."""
    from evaluator.github.form_submission import FORM_MARK, read_form_result, send

    prepared, files = read_form_result(folder)
    repo = api.repository()
    author = str(repo.get_issue(prepared.issue).user.login)
    api.sticky(repo, prepared.issue, FORM_MARK, send(repo, prepared, files, author))
    result({"issue": prepared.issue, "files": [*sorted(files)]})
    return 0
