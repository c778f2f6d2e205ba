"""`rexrank pr …`, called by the workflows. All input comes from the job's environment and event."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from evaluator.cli.job import Job, read_job, text_of
from evaluator.cli.output import result
from evaluator.core.counts import count_text
from evaluator.core.files import write_text
from evaluator.core.markdown import markdown_text
from evaluator.core.problems import RexrankError
from evaluator.core.workspace import LEADERBOARD, SUBMISSIONS, read_workspace, references_directory
from evaluator.github import api
from evaluator.github.job_files import MAX_RESULT_BYTES, RESULT, Feedback, read_feedback, read_json
from evaluator.github.ownership import Person
from evaluator.github.pull_request import Intake, read_pull_request
from evaluator.github.score_result import ScoreResult, check_result, failure
from evaluator.github.validation_comment import VALIDATION_MARK, RepositoryFacts, validation_comment, verdict

if TYPE_CHECKING:
    from github.PullRequest import PullRequest
    from github.Repository import Repository

    from evaluator.core.workspace import Workspace
    from evaluator.submissions.reading import PredictionFiles


def _intake(number: int, sha: str, author: Person | None) -> Intake:
    # Not from a whole workspace: this job's machine may have no folder for a store.
    references = references_directory(None)
    with tempfile.TemporaryDirectory() as scratch:
        return read_pull_request(api.clone_url(), number, sha, Path(scratch), references, author)


def _said(intake: Intake) -> str:
    """One line without any untrusted text."""
    if intake.kind == "other":
        return "This pull request does not change a submission."
    errors, warnings = intake.report.problems.n_errors, intake.report.problems.n_warnings
    return f"{intake.kind}: {'valid' if intake.ok else 'not valid'}, {count_text(errors, 'error')}, {count_text(warnings, 'warning')}"


def _facts(intake: Intake) -> dict[str, JsonValue]:
    """The same for a program."""
    problems = intake.report.problems
    counts: dict[str, JsonValue] = {"errors": problems.n_errors, "warnings": problems.n_warnings}
    return {"kind": intake.kind, "valid": intake.ok, "sha": intake.sha, **counts}


def run_validate() -> int:
    """0 for a valid submission or a pull request that is not one, 1 otherwise. Feedback only: it can be forged."""
    pull = api.event()["pull_request"]
    intake = _intake(int(pull["number"]), str(pull["head"]["sha"]), api.author_of_event(pull))
    print(_said(intake))
    result(_facts(intake))
    if intake.kind == "other":
        return 0
    api.write_summary(validation_comment(intake))
    return 0 if intake.ok else 1


def run_recheck(folder: Path) -> int:
    """0 after passing on the feedback on the pull requests that the event concerns, recomputed with main's code."""
    from evaluator.github.job_files import write_feedback
    from evaluator.github.recheck import concerned

    repo = api.repository()
    pulls = concerned(repo, api.event_name(), api.event())
    messages, failed = [], 0
    for pull in pulls:
        try:
            messages.append(_feedback(pull, repo))
        except RexrankError as error:
            if len(pulls) == 1:
                raise
            failed += 1
            print(f"pull request {pull.number}: {error}")
    print(f"{count_text(len(messages), 'pull request')} checked; {failed} could not be checked.")
    result([{"pull_request": m.number, "sha": m.sha, "state": m.state} for m in messages])
    if messages:
        write_feedback(folder, messages)
        api.write_output("pr", str(messages[0].number) if len(messages) == 1 else "several")
    return 0


def _feedback(pull: PullRequest, repo: Repository) -> Feedback:
    from evaluator.github.recheck import misdirected

    elsewhere = misdirected(pull)
    if elsewhere is not None:
        return elsewhere
    intake = _intake(pull.number, pull.head.sha, api.author_of(pull, repo))
    print(_said(intake))
    comment = (
        "" if intake.kind == "other" else validation_comment(intake, _repository_facts(intake, pull, repo))
    )
    return Feedback(pull.number, intake.sha, *verdict(intake), comment)


def _repository_facts(intake: Intake, pull: PullRequest, repo: Repository) -> RepositoryFacts | None:
    """What main and GitHub know about a valid submission."""
    from evaluator.datasets.challenge import challenge
    from evaluator.github import quota_status as slots
    from evaluator.github.people import accounts_of, people_lines
    from evaluator.github.size_limits import exceeded

    is_one = intake.ok and intake.kind == "submission" and intake.report.found
    submission = intake.report.found[0].submission if is_one else None
    if submission is None:
        return None
    accounts, team, since = (
        accounts_of(repo, pull, submission.card.contact),
        submission.team,
        api.opener(pull, repo).created_at,
    )
    status = slots.notes_on(repo, intake.first, submission, accounts.values(), datetime.now(UTC))
    return RepositoryFacts(
        _others(f"{team}/{submission.model}", submission.files),
        status,
        challenge().quota,
        people_lines(accounts, since, team, status.teams, SUBMISSIONS, LEADERBOARD),
        exceeded(LEADERBOARD, pull.base.repo.size * 1_000, submission),
    )


def _others(own: str, datasets: Iterable[str]) -> dict[str, PredictionFiles]:
    """Per dataset, the predictions of main's other submissions, by `team/model`; each file is read on demand."""
    from evaluator.datasets.registry import get_dataset
    from evaluator.github.main_files import main_files

    main = main_files(Path())
    return {d: main.others(get_dataset(d), own) for d in datasets}


def run_comment(folder: Path) -> int:
    """0 after updating the single comment on each pull request that is a submission, and its commit's status."""
    repo, messages = api.repository(), read_feedback(folder)
    result([{"pull_request": m.number, "sha": m.sha, "state": m.state} for m in messages])
    for message in messages:
        if message.comment:
            api.sticky(repo, message.number, VALIDATION_MARK, message.comment)
        if message.state:
            api.set_first_status(repo, message.sha, message.state, message.description)
    return 0


def run_look() -> int:
    """0 if the pushed changes may be published automatically, 1 if a maintainer has to look first."""
    from evaluator.github.git_objects import fetch_main
    from evaluator.github.push_check import objections

    if api.event_name() != "push":
        result({"objections": []})
        print("Nothing was pushed: this run was started manually or on schedule.")
        return 0
    happened, repo = api.event(), api.repository()
    with tempfile.TemporaryDirectory() as scratch:
        git_dir = fetch_main(api.clone_url(), Path(scratch))
        before, after = str(happened["before"]), str(happened["after"])
        reasons = objections(git_dir, before, after, lambda sha: api.authors_of_commit(repo, sha))
    result({"objections": [*reasons]})
    for line in reasons:
        print(f"- {line}")
    if reasons:
        print("Nothing is published. Once a maintainer has reviewed or fixed it, run publish manually.")
        api.write_summary(
            "### Nothing is published\n\n" + "".join(f"- {markdown_text(w)}\n" for w in reasons)
        )
    return 1 if reasons else 0


def run_request() -> int:
    """0 after reading a `/score` comment (or finding none); passes the action on to the job that may perform it."""
    from evaluator.github.score_request import answer

    repo = api.repository()

    def take(pull: PullRequest) -> Intake:
        return _intake(pull.number, pull.head.sha, api.author_of(pull, repo))

    reply = answer(repo, api.event(), take)
    if reply is None:
        result({"pull_request": None, "sha": None})
        print("Not a scoring request.")
        return 0
    result({"pull_request": reply.number, "sha": reply.sha})
    print("The commit may be scored." if reply.sha else "Nothing was started; see the reply.")
    api.write_output("pr", str(reply.number))
    api.write_output("sha", reply.sha or "")
    api.write_output("answer", json.dumps(reply.body))
    api.write_output("renew", "true" if reply.weighty else "false")
    api.write_output("grant", " ".join(f"{d}:{digest}" for d, digest in reply.grant.items()))
    api.write_output("first", reply.first)
    return 0


def run_answer() -> int:
    """0 after starting the scoring of an eligible commit and updating the single answer to requests."""
    from evaluator.github.score_request import REQUEST_MARK, start

    job = read_job()
    number = job.number()
    repo = api.repository()
    grant = job.granted()
    first = job.first_commit() if grant else ""
    body = start(repo, number, job.sha, grant, first, job.by) if job.sha else text_of(job.answer)
    api.sticky(repo, number, REQUEST_MARK, body, renew=job.renew)
    result({"pull_request": number, "started": bool(job.sha)})
    return 0


def run_authorise() -> int:
    """0 after passing on number, commit and people of a valid submission whose head is still that commit."""
    from evaluator.github.people import accounts_of

    number, sha = read_job().pull()
    repo = api.repository()
    pull = api.open_pull(repo, number, sha)
    intake = _intake(number, sha, api.author_of(pull, repo))
    print(_said(intake))
    result({"pull_request": number, **_facts(intake)})
    if intake.kind != "submission" or not intake.ok:
        return 1
    api.write_output("pr", str(number))
    api.write_output("sha", sha)
    api.write_output("first", intake.first)
    submission = intake.report.found[0].submission
    people = accounts_of(repo, pull, submission.card.contact if submission else ())
    api.write_output("accounts", " ".join(map(str, sorted(set(people.values())))))
    return 0


def run_fetch(folder: Path) -> int:
    """0 after fetching the pull request's trees and the people behind it; fails if its head has moved."""
    from evaluator.github import quota_status as slots
    from evaluator.github.git_objects import fetch, first_commit
    from evaluator.github.people import accounts_of, write_github_facts
    from evaluator.github.pull_request import fetch_blobs

    number, sha = read_job().pull()
    git_dir = fetch(api.clone_url(), number, sha, folder)
    brought = fetch_blobs(git_dir)
    # There is no token inside the isolation: GitHub is asked only for what anyone may read.
    repo = api.repository(anonymous=True)
    people = accounts_of(repo, api.open_pull(repo, number, sha), brought.contacts)
    granted = slots.granted(repo, first_commit(git_dir), brought.limited)
    write_github_facts(folder, people.values(), granted)
    result({"pull_request": number, "sha": sha, "folder": str(folder)})
    return 0


def run_score(folder: Path) -> int:
    """0 after scoring; in any case, only a checked result leaves, and the rest goes to a private log."""
    from evaluator.github import preview

    number, sha = read_job().pull()
    workspace = read_workspace()
    log = workspace.store / "logs" / f"score-{number}-{sha}.log"
    with preview.private_log(log):
        scored = _scored(folder, number, sha, workspace)
    result({"pull_request": number, "sha": sha, "scored": scored.error is None})
    text = json.dumps(check_result(scored.view()).view(), separators=(",", ":"))
    if api.in_a_job():
        write_text(folder / RESULT, text)
    else:
        # Inside the isolation between job and scorer, which lets one line out.
        api.write_output("result", text)
    print("Scored." if scored.error is None else "Not scored; the report says why.")
    return 0 if scored.error is None else 1


def _scored(folder: Path, number: int, sha: str, workspace: Workspace) -> ScoreResult:
    import traceback

    from evaluator.github import preview
    from evaluator.github.people import read_github_facts
    from evaluator.github.pull_request import read_fetched
    from evaluator.scoring.quota import QuotaError

    name = ""
    try:
        people = read_github_facts(folder)
        intake = read_fetched(folder, number, sha, workspace.references)
        submission = intake.report.found[0].submission if intake.ok and intake.report.found else None
        if submission is None:
            return failure(number, sha, "the submission is not valid")
        name = f"{submission.team}/{submission.model}"
        earlier = _others(name, submission.files)
        return preview.preview(submission, workspace, earlier, number=number, sha=sha, people=people)
    except QuotaError as error:
        return failure(
            number,
            sha,
            str(error),
            submission=name,
            quota=error.standings,
        )
    except Exception:  # noqa: BLE001 - a traceback may quote a reference; it stays in the private log
        traceback.print_exc()
        return failure(number, sha, "internal failure; see the runner's private log")


def run_report(folder: Path) -> int:
    """0 after writing comment, status and quota of a scored submission, 1 after those of one that was not scored."""
    from evaluator.github import quota_status as slots
    from evaluator.github.score_comment import SCORE_MARK, score_comment
    from evaluator.scoring.ledger import Entrant

    job = read_job()
    (number, sha), first = job.pull(), job.first_commit()
    repo = api.repository()
    scored = _result(folder / RESULT, job, number, sha, repo)
    ok = scored.error is None
    result({"pull_request": number, "sha": sha, "scored": ok})
    api.sticky(repo, number, SCORE_MARK, score_comment(scored, api.clone_url()))
    api.set_status(repo, sha, ok=ok, description=api.SCORED if ok else "not scored: see the comment")
    entrant = Entrant(scored.submission.partition("/")[0], job.account_ids())
    slots.write_notes(repo, first, entrant, scored.quota)
    return 0 if ok else 1


def _result(path: Path, job: Job, number: int, sha: str, repo: Repository) -> ScoreResult:
    """The runner's result, checked again; a failure with the reason if there is no valid one."""
    try:
        scored = check_result(read_json(path, MAX_RESULT_BYTES))
    except RexrankError:
        if job.approved == "failure":
            return failure(number, sha, "a reviewer did not approve the run")
        if repo.get_pull(number).head.sha != sha:
            return failure(number, sha, "the head of the pull request moved before scoring began")
        return failure(number, sha, "scoring ended without a result; a maintainer will look into it")
    if (scored.pull_request, scored.sha) != (number, sha):
        return failure(number, sha, "the result is of another commit")
    return scored


def run_refresh(bundle: Path, *, at_once: bool = False) -> int:
    """0 after updating the records to main's submissions and collecting what may leave."""
    from evaluator.github import preview
    from evaluator.github.refresh import refresh

    workspace = read_workspace()
    log = workspace.store / "logs" / "refresh.log"
    with preview.private_log(log):
        counts = _guarded(lambda: refresh(workspace, bundle, at_once=at_once))
    if counts is None:
        print("Internal failure; see the runner's own log.")
        return 2
    print(f"scored {counts['scored']}, removed {counts['removed']}, waiting {counts['waiting']}")
    result({**counts})
    return 0


def _guarded(work: Callable[[], dict[str, int]]) -> dict[str, int] | None:
    """The result of the work, or `None` after writing a traceback, which may quote a reference, to the log."""
    import traceback

    try:
        return work()
    except Exception:  # noqa: BLE001 - see above
        traceback.print_exc()
        return None


def run_publish(bundle: Path, out: Path) -> int:
    """0 after preparing the leaderboard for the job with the token to push."""
    from evaluator.github.publish import prepare

    repo = api.repository()
    is_new = prepare(Path.cwd(), bundle, out, lambda handle: api.user_id(repo, handle))
    result({"folder": str(out), "changed": is_new})
    print("The leaderboard is staged." if is_new else "Nothing to publish: main contains other submissions.")
    return 0


def run_withdraw(root: Path, name: str, reason: str) -> int:
    """0 after marking the model's card as withdrawn, with the reason."""
    from evaluator.github.withdraw import withdraw

    card = withdraw(root, name, reason)
    result({"file": str(card)})
    print(f"changed {card}")
    print("Next: open a pull request with this change, as one of the model's contacts or as a maintainer.")
    return 0
