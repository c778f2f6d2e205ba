"""`rexrank submit` and `rexrank status`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.cli.output import result
from evaluator.cli.submit import run_convert, warn_of_copies
from evaluator.core.files import write_text
from evaluator.core.problems import ExitCode, InputError, RexrankError
from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import example_dataset
from evaluator.submissions import outcome
from evaluator.submissions.card_draft import (
    QUESTIONS,
    CardDraft,
    Question,
    answered,
    card_problems,
    card_text,
    differing,
    filled,
    problems_of,
    unanswered,
)
from evaluator.submissions.convert import Wanted
from evaluator.submissions.reading import validate_paths
from evaluator.submissions.rules.files import CARD_NAME, MAX_PREDICTIONS_BYTES, name_wanted, suggest_slug

if TYPE_CHECKING:
    from github.Repository import Repository

PUBLIC = "Everything you submit is public immediately and cannot be taken back: no report may contain text from a real patient's report."


@dataclass(frozen=True, slots=True)
class Sending:
    """The arguments of `rexrank submit`: the file or folder, team and model, and how to send it."""

    source: Path
    dataset: str
    team: str
    model: str
    root: Path
    repository: str
    references: Path | None = None
    wanted: Wanted = field(default_factory=Wanted)
    hub_model: str = ""
    dry_run: bool = False
    sure: bool = False


def run_submit(sending: Sending, draft: CardDraft) -> int:
    """0 once the pull request is open (with `--dry-run`: could be opened); 1 after saying what to fix."""
    with ExitStack() as stack:
        folder = place = _folder(sending)
        if sending.dry_run:
            folder = _aside(folder, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        if sending.source.is_file():
            print("1. The predictions")
            code = run_convert(
                sending.source,
                sending.dataset,
                folder,
                sending.wanted,
                sending.references,
                then=False,
                shown=place if sending.dry_run else None,
            )
            if code:
                return code
        print("2. The model card")
        token = github_token()
        repo = _repository(token, sending.repository)
        login = _login_if_reachable(repo, token) if sending.dry_run else _login(repo, token)
        _card(folder, draft, sending, login)
        print("3. The check")
        report = validate_paths([folder], sending.references)
        warn_of_copies(report, sending.references)
        text = outcome.as_text(report, colour=False)
        if not report.ok:
            sys.stdout.write(text)
            return ExitCode.INPUT
        # The next step is already under way.
        print(text.removesuffix("\n").rpartition("\n")[0])
        print("4. The pull request")
        return _send(sending, folder, repo, login)


def _folder(sending: Sending) -> Path:
    """The submission's folder below the root.

    Raises `InputError` with everything that is missing or not a valid name.
    """
    if not sending.source.exists():
        raise InputError(f"there is no {sending.source}. Give a prediction file or a submission folder.")
    team, model = names_of(sending)
    wrong = []
    if sending.source.is_file() and not sending.dataset:
        example = f"--dataset {example_dataset()}"
        wrong.append(f"--dataset is missing: the dataset the predictions are for, such as {example}.")
    for option, name in (("--team", team), ("--model", model)):
        if not name:
            wrong.append(f"{option} is missing: a folder name, such as {option} my-{option[2:]}.")
        elif (wanted := name_wanted(name)) is not None:
            wrong.append(f"{option} {name!r}: wanted {wanted}. Try {suggest_slug(name)!r}.")
    if wrong:
        raise InputError("\n  ".join(["fix the command:", *wrong]) if len(wrong) > 1 else wrong[0])
    return sending.source if sending.source.is_dir() else sending.root / team / model


def names_of(sending: Sending) -> tuple[str, str]:
    """Team and model: as given, else the last two parts of the submission's folder.

    Raises `InputError` with every mistake in the command, and if the two sources differ.
    """
    if not sending.source.is_dir():
        return sending.team, sending.model
    parts = sending.source.resolve().parts
    team, model = sending.team or parts[-2], sending.model or parts[-1]
    if (team, model) != parts[-2:]:
        raise InputError(f"{sending.source} is the folder of {parts[-2]}/{parts[-1]}, not of {team}/{model}.")
    return team, model


def _aside(folder: Path, scratch: Path) -> Path:
    """A copy of the folder that a dry run may write to."""
    copy = scratch / "submissions" / folder.resolve().parent.name / folder.resolve().name
    if folder.is_dir():
        shutil.copytree(folder, copy, symlinks=True)
    return copy


def github_token() -> str:
    """The submitter's token: from `GH_TOKEN` or `GITHUB_TOKEN`, else from `gh`; empty without any.

    Raises `InputError` for a variable without a token, and never quotes its value.
    """
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        if value := os.environ.get(name, "").strip():
            if not re.fullmatch(r"[\x21-\x7e]+", value):
                raise InputError(
                    f"{name} contains a space, a line break or a character that no token has: copy the token again."
                )
            return value
    gh = shutil.which("gh")
    if gh is None:
        return ""
    process = subprocess.run([gh, "auth", "token"], capture_output=True, text=True, check=False)  # noqa: S603
    return process.stdout.strip() if process.returncode == 0 else ""


def _repository(token: str, name: str) -> Repository:
    from evaluator.github import api

    name = name or os.environ.get("REXRANK_REPOSITORY", "") or challenge().repository
    if not re.fullmatch(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", name):
        raise InputError(f"--repository {name!r}: wanted OWNER/NAME, as in its address on GitHub.")
    return api.repository(token, name, anonymous=True)


def _login(repo: Repository, token: str) -> str:
    """The account of the token; empty without one."""
    from evaluator.github.contribution import asking_github, login_of

    if not token:
        return ""
    with asking_github():
        return login_of(repo)


def _login_if_reachable(repo: Repository, token: str) -> str:
    """As `_login`; if GitHub cannot be reached, which a dry run does not need, empty after saying so."""
    try:
        return _login(repo, token)
    except InputError:
        raise
    except RexrankError as error:
        print(f"  {error}", file=sys.stderr)
        return ""


# --- the card -------------------------------------------------------------------------------------------------------


def _card(folder: Path, draft: CardDraft, sending: Sending, login: str) -> None:
    """Writes a card to the folder, from options, the hub's card and questions, unless it already has one.

    Raises `InputError` for options that an existing card contradicts and, without a terminal, for missing
    answers.
    """
    path = folder / CARD_NAME
    if path.exists():
        wrong = differing(draft, path.read_text("utf-8", "replace"))
        if wrong:
            raise InputError(
                f"{path} contradicts {', '.join(wrong)}. Edit the file, or run the command again without these options."
            )
        print(f"{path} already exists and is kept.")
        return
    team, model = names_of(sending)
    draft = filled(draft, CardDraft(contact=(login,) if login and draft.contact is None else None))
    start = CardDraft(name=model)
    if sending.hub_model:
        start = filled(_hub(sending.hub_model), start)
    draft = _asked(draft, start) if sys.stdin.isatty() else filled(draft, start)
    missing = unanswered(draft)
    if missing:
        lines = "\n".join(f"  {q.option:<34} {q.words}" for q in missing)
        raise InputError(
            f"the model card is incomplete, and prompting is not possible here. Add these options, or create {CARD_NAME} with rexrank new:\n{lines}"
        )
    text = card_text(draft, team, model)
    problems = card_problems(text)
    if problems:
        lines = "\n".join(f"  {p.pointer}: {p.found}. Wanted: {p.wanted}" for p in problems)
        raise InputError(f"the model card would not be valid; fix the options:\n{lines}")
    write_text(path, text)
    print(f"{'would write' if sending.dry_run else 'wrote'} {CARD_NAME if sending.dry_run else path}")
    if sending.dry_run:
        print("".join(f"  | {line}\n" for line in text.splitlines()), end="")


def _hub(name: str) -> CardDraft:
    """The draft of the hub's card, or an empty one after saying why."""
    from evaluator.submissions.hub_card import hub_draft

    try:
        return hub_draft(name)
    except InputError:
        raise
    except RexrankError as error:
        print(f"  {error}", file=sys.stderr)
        return CardDraft()


def _asked(draft: CardDraft, start: CardDraft) -> CardDraft:
    """The draft with missing answers from the user at the terminal; Enter accepts the default in brackets."""
    print("Press Enter to accept the value in [brackets]. Every answer can be changed in the file later.")
    for question in QUESTIONS:
        if getattr(draft, question.field) is None:
            draft = _answer(draft, question, _shown(getattr(start, question.field)))
    return draft


def _answer(draft: CardDraft, question: Question, proposal: str) -> CardDraft:
    while True:
        reply = _typed(f"  {question.words}{f' [{proposal}]' if proposal else ''}: ") or proposal
        try:
            attempt = answered(draft, question, reply)
        except ValueError as error:
            print(f"    {error}")
            continue
        wrong = [p for p in problems_of(question, attempt) if reply]
        if not wrong:
            return attempt
        print("".join(f"    {p.found}; wanted: {p.wanted}\n" for p in wrong), end="")


def _typed(prompt: str) -> str:
    try:
        return input(prompt).strip()
    except EOFError as error:
        raise InputError("no answer; nothing was sent.") from error


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


# --- the pull request -----------------------------------------------------------------------------------------------


def _send(sending: Sending, folder: Path, repo: Repository, login: str) -> int:
    from evaluator.github.contribution import SCOPE, asking_github, branch_of, contribute

    name = "/".join(names_of(sending))
    files = _files(folder, name)
    print(f"to {repo.full_name}{f' as {login}' if login else ''}, branch {branch_of(*name.split('/'))}:")
    for path, data in files.items():
        print(f"  {path}  {len(data):,} bytes")
    if sending.dry_run:
        print("Nothing was sent (--dry-run)." + ("" if login else f" Submitting requires a token: {SCOPE}."))
        result({"submission": name, "sent": False, "files": {p: len(d) for p, d in files.items()}})
        return ExitCode.DONE
    if not login:
        raise InputError(f"GH_TOKEN is not set, and gh is not logged in. A token is required: {SCOPE}.")
    _agree(sending)
    with asking_github():
        contribution = contribute(
            repo, login, name, files, _body(name, files), lambda words: print(f"  {words}")
        )
    words = {
        "opened": "Opened",
        "updated": "Updated the open pull request:",
        "unchanged": "The open pull request already has exactly these files:",
    }
    print(f"{words[contribution.done]} {contribution.url}")
    print(f"Next: rexrank status {name}   (the first comment appears within minutes)")
    result({"submission": name, "sent": True, **asdict(contribution)})
    return ExitCode.DONE


def _files(folder: Path, name: str) -> Mapping[str, bytes]:
    """The folder's files by their paths in the repository; the check has seen that there are no others."""
    files = {}
    for path in sorted(folder.iterdir()):  # tie: none, names differ
        with path.open("rb") as file:
            files[f"submissions/{name}/{path.name}"] = file.read(MAX_PREDICTIONS_BYTES + 1)
    return files


def _agree(sending: Sending) -> None:
    """Raises `InputError` unless the user agrees to publication."""
    if sending.sure:
        return
    if not sys.stdin.isatty():
        raise InputError(f"{PUBLIC} Add --yes to send it.")
    if _typed(f"{PUBLIC}\nSend it? [y/N] ").lower() not in {"y", "yes"}:
        raise InputError("nothing was sent. Run the same command again to resume.")


def _body(name: str, files: Mapping[str, bytes]) -> str:
    sets = ", ".join(p.rpartition("/")[2].removesuffix(".json") for p in files if p.endswith(".json"))
    return (
        f"The submission `{name}`: predictions for {sets}, and the model card.\n\n"
        "The reports were written by the model named in the card, without access to the references. No report contains text "
        "from a real patient's report.\n\nSubmitted with `rexrank submit`, which validated it."
    )


def run_status(what: str, repository: str) -> int:
    """0 after printing the status of a pull request."""
    from evaluator.github.contribution import asking_github
    from evaluator.github.submission_status import find_pull, plain_lines, status_of

    token = github_token()
    repo = _repository(token, repository)
    with asking_github():
        status = status_of(repo, find_pull(repo, what, _login(repo, token)))
    result(asdict(status))
    print(f"#{status.number} {status.title} ({status.state})")
    print(f"  {status.url}")
    print(f"  rexrank/score: {status.mark or 'nothing yet'}{f' - {status.words}' if status.words else ''}")
    for title, comment in (
        ("The check", status.check),
        ("The request", status.request),
        ("The scores", status.score),
    ):
        if comment:
            print(f"\n{title}")
            print("".join(f"  {line}\n" for line in plain_lines(comment)), end="")
    print(f"\nNext: {status.next}")
    return ExitCode.DONE
