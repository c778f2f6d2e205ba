"""From a filled-in form to a pull request, in two jobs: one that reads untrusted input, and one that may write.

The second gets names and bytes, does not look at content, and makes a commit that is compared with main
before it is put on a branch. The pull request is then checked again with main's code, like any other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, ValidationError

from evaluator.core.files import write_bytes, write_text
from evaluator.core.markdown import code_span, markdown_text
from evaluator.core.problems import InputError, RexrankError
from evaluator.core.typed import Typed, form
from evaluator.datasets.references import known_ids
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.github import api
from evaluator.github.attachments import fetch_attachment
from evaluator.github.contribution import make_commit, move_branch, open_pull
from evaluator.github.git_objects import fetch_main
from evaluator.github.issue_form import Form, FormError, read_form
from evaluator.github.ownership import Person, contacts, objection
from evaluator.submissions import outcome
from evaluator.submissions.card_draft import card_text
from evaluator.submissions.convert import Refused, Wanted
from evaluator.submissions.reading import validate_paths
from evaluator.submissions.rules.files import CARD_NAME, MAX_CARD_BYTES, MAX_PREDICTIONS_BYTES, name_wanted
from evaluator.submissions.task_predictions import predictions_of

if TYPE_CHECKING:
    from github.Repository import Repository

FORM_MARK: Final = "<!-- rexrank:form v1 -->"
FORM: Final = "form.json"
NO_BRANCH: Final = "### Not submitted\n\nThe form is valid, but this repository does not allow the bot to create branches, so submissions cannot be made this way. Use `rexrank submit` instead (see the *Submit* page), or ask a maintainer.\n"
"""The answer if the ruleset of the other branches does not exclude `form/**` (site/maintainers/settings.md)."""
MAX_FORM_BYTES: Final = 100_000


class FormResult(Typed):
    """What the reading job passes on: the issue's author, and the folder's files or the answer that says why not."""

    issue: Annotated[int, Field(ge=1, lt=10_000_000)]
    name: Annotated[str, form(r"[a-z0-9.-]+/[a-z0-9.-]+|", "team/model, or nothing")] = ""
    files: Annotated[tuple[str, ...], Field(strict=False, max_length=2)] = ()
    answer: Annotated[str, Field(max_length=api.MAX_BODY)] = ""


def prepare(body: str, number: int, person: Person, folder: Path) -> FormResult:
    """A form's contents, read and checked, and written to the folder for the job that may write.

    An unusable form is not a failure: its problems become the answer to the issue.
    """
    try:
        wanted = read_form(body, api.server())
        files = _files(wanted, person)
    except FormError as error:
        prepared = FormResult(issue=number, answer=_refusal(error.problems))
    except (InputError, Refused) as error:
        prepared = FormResult(issue=number, answer=_refusal(str(error).splitlines()))
    except _NotValid as error:
        prepared = FormResult(issue=number, answer=error.comment)
    else:
        for name, data in files.items():
            write_bytes(folder / name, data)
        prepared = FormResult(issue=number, name=f"{wanted.team}/{wanted.model}", files=tuple(files))
    write_text(folder / FORM, prepared.model_dump_json())
    return prepared


class _NotValid(Exception):
    """A submission with problems, as a comment."""

    def __init__(self, comment: str) -> None:
        super().__init__()
        self.comment = comment


def _files(wanted: Form, person: Person) -> Mapping[str, bytes]:
    """The card and the predictions, checked like any submission's."""
    dataset = get_dataset(wanted.dataset)
    data = fetch_attachment(wanted.attachment, api.server())
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / f"predictions{Path(wanted.attachment).suffix}"
        source.write_bytes(data)
        columns = Wanted(wanted.id_column, wanted.text_column)
        plugs = predictions_of(get_task(dataset.task))
        known = known_ids(dataset, None) or frozenset()
        predictions, _ = plugs.convert(source, dataset, known, wanted=columns, references=None, keep=False)
        files = {
            CARD_NAME: card_text(wanted.draft, wanted.team, wanted.model).encode(),
            f"{dataset.id}.json": plugs.dump(predictions).encode(),
        }
        place = Path(scratch) / "submissions" / wanted.team / wanted.model
        for name, content in files.items():
            write_bytes(place / name, content)
        report = validate_paths([place], None)
        if not report.ok:
            raise _NotValid(outcome.as_markdown(report).replace(scratch, ""))
        _owned(wanted, person, files[CARD_NAME], Path(scratch))
    return files


def _owned(wanted: Form, person: Person, card: bytes, scratch: Path) -> None:
    """Raises `InputError` unless the issue's author may send this submission."""
    folder = f"submissions/{wanted.team}/{wanted.model}"
    git_dir = fetch_main(api.clone_url(), scratch / "git")
    words = objection(git_dir, folder, person, contacts(CARD_NAME, card))
    if words is not None:
        raise InputError(f"{words}.")


def _refusal(problems: list[str]) -> str:
    lines = [f"- {markdown_text(p)}" for p in problems[:50]]
    return "\n".join([
        "### ❌ Not submitted",
        "",
        "**What to do.** Fix what is listed: edit the text of this issue (⋯, then Edit), and the bot tries again.",
        "",
        *lines,
    ])  # fmt: skip


def read_form_result(folder: Path) -> tuple[FormResult, Mapping[str, bytes]]:
    """What the previous job passed on. Raises `RexrankError` for anything with another form, name or size."""
    path = folder / FORM
    try:
        if path.is_symlink() or path.stat().st_size > MAX_FORM_BYTES:
            raise RexrankError(f"{FORM} of the previous job is larger than {MAX_FORM_BYTES:,} bytes.")
        prepared = FormResult.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RexrankError(f"{FORM} of the previous job cannot be read. Run the job again.") from error
    team, _, model = prepared.name.partition("/")
    if prepared.name and (name_wanted(team) or name_wanted(model)):
        raise RexrankError("the previous job passed on a name that is not allowed.")
    limits = {CARD_NAME: MAX_CARD_BYTES, **{f"{d}.json": MAX_PREDICTIONS_BYTES for d in dataset_ids()}}
    files = {}
    for name in prepared.files:
        file = folder / name
        if (
            name not in limits
            or file.is_symlink()
            or not file.is_file()
            or file.stat().st_size > limits[name]
        ):
            raise RexrankError("the previous job passed on a file that is not part of a submission.")
        files[name] = file.read_bytes()
    return prepared, files


def send(repo: Repository, prepared: FormResult, files: Mapping[str, bytes], author: str) -> str:
    """The answer to the issue, after opening or updating its pull request; passes on PyGithub's errors."""
    from github import GithubException

    if prepared.answer:
        return prepared.answer
    path, branch = f"/repos/{repo.full_name}", f"{api.FORM_BRANCH}{prepared.issue}"
    earlier = api.pull_of_branch(repo, branch)
    _, ref = repo.requester.requestJsonAndCheck("GET", f"{path}/git/ref/heads/main")
    parent = earlier.head.sha if earlier is not None else str(ref["object"]["sha"])
    contents = {f"submissions/{prepared.name}/{name}": data for name, data in files.items()}
    commit = make_commit(repo, path, parent, contents, f"Add {prepared.name}")
    if commit is None:
        return "### Nothing new\n\nThe files have not changed.\n"
    try:
        move_branch(repo, path, branch, commit, force=earlier is None)
    except GithubException as error:
        if error.status not in {403, 422}:
            raise
        return NO_BRANCH
    if earlier is not None:
        return f"### ✅ Submitted\n\n[Pull request {earlier.number}]({earlier.html_url}) has been updated with your changes. It will be checked within the hour.\n"
    body = f"Submission {code_span(prepared.name)}, from the form in #{prepared.issue} by {code_span(author)}, who counts as its author. Closes #{prepared.issue}."
    return _opened(repo, branch, f"Add {prepared.name}", body)


def _opened(repo: Repository, branch: str, title: str, body: str) -> str:
    from github import GithubException

    try:
        pull = open_pull(repo, repo.full_name.partition("/")[0], branch, title, body)
    except GithubException as error:
        if error.status != 403:
            raise
        # The setting that lets jobs open pull requests is off: the author has to click once.
        address = f"{api.clone_url()}/compare/main...{branch}?expand=1"
        return f"### One click left\n\nOpen [this page]({address}) and click *Create pull request*.\n"
    return f"### ✅ Submitted\n\n[Pull request {pull.number}]({pull.html_url}) was opened for you. Validation results appear there within the hour.\n"
