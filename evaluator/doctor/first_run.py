"""The first live run, followed: what the rehearsal cannot prove, seen on GitHub, step by step.

It only looks. Each step that is behind is judged; the first one ahead says what to do next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from evaluator.doctor.findings import Finding, Section, bad, good, judged, unsettled
from evaluator.github.api import BOT, STATUS, score_command
from evaluator.github.score_comment import SCORE_MARK
from evaluator.github.validation_comment import VALIDATION_MARK

Json = Mapping[str, Any]
INSIDE: Final = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
HOOKS: Final = ("Set up runner", "Complete runner")
"""The steps under which the runner shows its hooks."""
RUNNER_NAME: Final = "rexrank-"
PUBLISHER: Final = "rexrank-bot"


EYES: Final = (
    ("RD721", "nothing private in what is public", "open every log of these runs: the job Score says `Done.` and no more, tokens read ***"),
    ("RD722", "comments as GitHub draws them", "both comments, on a desktop and on a phone: tables, code, no mention of anybody"),
    ("RD723", "two merges at once", "merge two sandbox submissions within a minute: two runs of publish, one after the other, both rows live"),
    ("RD724", "a job that is cancelled", "cancel a run of score half-way: the private log ends, `ps -u rexscore` is empty, the next run works"),
    ("RD725", "the nightly run", "the day after: rescore ran, at its odd minute or later, and changed nothing"),
    ("RD726", "a merge without the status", "on another pull request: GitHub must not let you, nor an administrator, merge it"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Walk:
    """What GitHub knows of the sandbox submission's pull request, and of the probe's.

    Runs, jobs and approvals are those of the newest run of each kind; `record` is the row on main;
    `site` the text of the built site's sandbox board.
    """

    pull: Json
    comments: Sequence[Json] = ()
    statuses: Sequence[Json] = ()
    validations: Sequence[Json] = ()
    scorings: Sequence[Json] = ()
    approvals: Sequence[Json] = ()
    score_jobs: Sequence[Json] = ()
    publications: Sequence[Json] = ()
    publish_jobs: Sequence[Json] = ()
    record: Json | None = None
    last_commit: Json | None = None
    site: str | None = None
    title: str = ""
    probe_jobs: Sequence[Json] = ()
    probe_notes: Sequence[str] = field(default_factory=tuple)

    @property
    def sha(self) -> str:
        """The head of the pull request."""
        return str(self.pull["head"]["sha"])


def check_walk(walk: Walk) -> list[Section]:
    """Every step, behind or ahead."""
    return [
        Section("In", (_pull(walk), *_validation(walk))),
        Section("Scored", (_outsider(walk), _asked(walk), _approved(walk), _runner(walk), _scored(walk))),
        Section("Published", (_merged(walk), _published(walk), _row(walk), _site(walk))),
        Section("Refused", (_probe(walk),)),
        Section(
            "For your own eyes", tuple(unsettled(c, what, "look yourself", look) for c, what, look in EYES)
        ),
    ]


def _pull(walk: Walk) -> Finding:
    source = (walk.pull["head"].get("repo") or {}).get("full_name")
    wrong = ["it comes from this repository"] if source == walk.pull["base"]["repo"]["full_name"] else []
    wrong += ["its author may write here"] if walk.pull["author_association"] in INSIDE else []
    who = walk.pull["user"]["login"]
    return judged(
        "RD701", "pull request", wrong, f"{walk.pull['number']} by {who}, from {source}",
        "one from a fork, by an account that has no rights here",
        "open it from a second account's fork: only that shows what a stranger can do",
    )  # fmt: skip


def _validation(walk: Walk) -> Iterator[Finding]:
    what = "the stranger's run waits for an approval, then checks"
    newest = next(iter(walk.validations), None)
    if newest is None:
        yield unsettled(
            "RD702",
            what,
            "no run of validate yet",
            "the pull request's page; a run should show there within a minute",
        )
    elif newest["conclusion"] == "action_required" or newest["status"] in {"waiting", "action_required"}:
        yield good("RD702", what, "it waits; approve it on the pull request's page")
    else:
        found = f"it is {newest['conclusion'] or newest['status']}"
        yield unsettled(
            "RD702", what, found, "had it to be approved? If not: RD624 of rexrank doctor --github"
        )
    comment = _ours(walk, VALIDATION_MARK)
    if comment is None:
        yield unsettled(
            "RD703",
            "comment on the files",
            "none yet",
            "the runs of comment; it follows validate within a minute",
        )
    else:
        yield judged(
            "RD703", "comment on the files", [] if walk.sha in comment["body"] else ["it names another commit"],
            f"by {BOT}, on {walk.sha[:12]}", "the head's commit", "the runs of comment",
        )  # fmt: skip


def _ours(walk: Walk, mark: str) -> Json | None:
    return next((c for c in walk.comments if c["user"]["login"] == BOT and c["body"].startswith(mark)), None)


def _commands(walk: Walk, *, inside: bool) -> list[Json]:
    return [
        c
        for c in walk.comments
        if score_command(dict(c)) == walk.sha and (c["author_association"] in INSIDE) == inside
    ]


def _outsider(walk: Walk) -> Finding:
    what, asked, told = (
        "an outsider's /score starts nothing",
        _commands(walk, inside=False),
        _commands(walk, inside=True),
    )
    if not asked:
        return unsettled(
            "RD704",
            what,
            "none has tried",
            f"from the second account, before anything else: /score {walk.sha}",
        )
    extra = len(walk.scorings) - len(told)
    return judged(
        "RD704",
        what,
        [f"{extra} runs that no maintainer asked for"] if extra > 0 else [],
        "no run came of it",
        "no run",
        "the runs of request-score",
    )


def _asked(walk: Walk) -> Finding:
    what = "a maintainer's /score starts one run of that commit"
    if not _commands(walk, inside=True):
        return unsettled("RD705", what, "nobody has asked", f"look at the comment, then: /score {walk.sha}")
    if not walk.scorings:
        return unsettled("RD705", what, "no run yet", "the runs of request-score")
    return good("RD705", what, f"{walk.scorings[0]['display_title']}")


def _approved(walk: Walk) -> Finding:
    what = "the environment lets it in when somebody else says so"
    if not walk.scorings:
        return unsettled("RD706", what, "nothing to let in yet")
    allowed = [
        a
        for a in walk.approvals
        if a["state"] == "approved" and any(e["name"] == "scoring" for e in a["environments"])
    ]
    if not allowed:
        if any(
            j["name"] == "Score"
            and j["status"] in {"in_progress", "completed"}
            and j["conclusion"] != "skipped"
            for j in walk.score_jobs
        ):
            return bad(
                "RD706",
                what,
                "it ran, and nobody was asked",
                "a reviewer of the environment scoring",
                "RD611 of rexrank doctor --github",
            )
        return unsettled(
            "RD706",
            what,
            "it waits",
            "the run's page: Review deployments; compare the commit in its name with the one you looked at",
        )
    who = {a["user"]["login"] for a in allowed}
    asked = {c["user"]["login"] for c in _commands(walk, inside=True)}
    return judged(
        "RD706", what, [f"{n} asked and approved" for n in sorted(who & asked)], f"approved by {', '.join(sorted(who))}",
        "two people", "nothing is broken: agree on who asks and who approves; GitHub takes the asking for the bot's",
    )  # fmt: skip


def _runner(walk: Walk) -> Finding:
    what = "the scoring runner took it, hooks and post steps included"
    job = next((j for j in walk.score_jobs if j["name"] == "Score"), None)
    if job is None or job["status"] != "completed":
        return unsettled(
            "RD707", what, "not yet", "keep-registered.sh's output, and the runner's private log"
        )
    steps = {s["name"]: s["conclusion"] for s in job["steps"]}
    wrong = [f"it ran on {job['runner_name']}"] if not str(job["runner_name"]).startswith(RUNNER_NAME) else []
    wrong += [f"no step {name}: the hook did not run" for name in HOOKS if name not in steps]
    wrong += [f"{name}: {end}" for name, end in steps.items() if end not in {"success", "skipped"}]
    wrong += ["no post step of the checkout"] * (not any(n.startswith("Post ") for n in steps))
    return judged(
        "RD707",
        what,
        wrong,
        f"{job['runner_name']}, {len(steps)} steps",
        "both hooks, every step a success",
        "the job's log; rexrank doctor on the runner",
    )


def _scored(walk: Walk) -> Finding:
    what = "scores as a comment, and the status that main asks for"
    status = next((s for s in walk.statuses if s["context"] == STATUS), None)
    comment = _ours(walk, SCORE_MARK)
    if status is None or comment is None or status["state"] == "pending":
        return unsettled("RD708", what, "not yet", "the job Report of the run")
    wrong = [f"the status is {status['state']}"] if status["state"] != "success" else []
    wrong += [f"the status is by {status['creator']['login']}"] if status["creator"]["login"] != BOT else []
    return judged(
        "RD708",
        what,
        wrong,
        f"{STATUS} is {status['state']}, by {BOT}",
        "success, set by GitHub Actions",
        "the comment says why; the runner's private log says more",
    )


def _merged(walk: Walk) -> Finding:
    what = "main takes it"
    if not walk.pull.get("merged"):
        return unsettled(
            "RD709", what, "not merged yet", "approve and merge; without the status the button must be grey"
        )
    return good("RD709", what, f"as {str(walk.pull['merge_commit_sha'])[:12]}")


def _published(walk: Walk) -> Finding:
    what = "publish scores, commits and deploys"
    if not walk.publications or walk.publications[0]["status"] != "completed":
        return unsettled(
            "RD710", what, "not yet", "the runs of publish; a merge below submissions/ starts one"
        )
    ends = {j["name"]: j["conclusion"] for j in walk.publish_jobs}
    wrong = [f"{name}: {end}" for name, end in ends.items() if end != "success"]
    return judged(
        "RD710",
        what,
        wrong,
        f"{len(ends)} jobs, all successes",
        "every job a success",
        "the run's page; run it again: it is safe to",
    )


def _row(walk: Walk) -> Finding:
    what = "the row on main is of these predictions, committed by the App"
    if walk.record is None or walk.last_commit is None:
        return unsettled("RD711", what, "not yet", "leaderboard/records/ on main")
    author = walk.last_commit["commit"]["author"]["name"]
    origin = walk.record["provenance"].get("pull_request")
    wrong = [f"the last commit there is {author}'s"] if author != PUBLISHER else []
    wrong += [f"the record names pull request {origin}"] if origin != walk.pull["number"] else []
    return judged(
        "RD711",
        what,
        wrong,
        f"from pull request {origin}, by {author}",
        f"a record of this pull request, by {PUBLISHER}",
        "git log -- leaderboard; the bypass list (RD605)",
    )


def _site(walk: Walk) -> Finding:
    what = "the site shows it"
    if walk.record is None or walk.site is None:
        return unsettled("RD712", what, "not yet", "the run of pages; then the sandbox board")
    return judged(
        "RD712",
        what,
        [] if walk.title in walk.site else ["the sandbox board does not name it"],
        f"{walk.title} on the sandbox board",
        "the model's name on the board",
        "the run of pages; a page may be cached for ten minutes",
    )


def _probe(walk: Walk) -> Finding:
    what = "a workflow that dresses up as score.yml is refused"
    if not walk.probe_jobs:
        return unsettled(
            "RD713", what, "not tried", "runner/probe.yml says how; then name its pull request with --probe"
        )
    job = walk.probe_jobs[0]
    if job["status"] != "completed":
        return unsettled(
            "RD713", what, f"it is {job['status']}", "approve its run; the scoring runner has to pick it up"
        )
    ran = [
        s["name"]
        for s in job["steps"]
        if "must not run" in s["name"] and s["conclusion"] in {"success", "failure"}
    ]
    wrong = [f"it ran: {name}" for name in ran]
    wrong += ["the job was a success"] if job["conclusion"] == "success" else []
    said = any("Refused by the scoring runner" in note for note in walk.probe_notes)
    return judged(
        "RD713", what, wrong, f"{job['conclusion']}, no step of it ran" + ("; the hook said why" if said else ""),
        "no step of it runs, not even one with always()", "take the runner off the network now; setup.sh; rexrank doctor (RD104)",
    )  # fmt: skip
