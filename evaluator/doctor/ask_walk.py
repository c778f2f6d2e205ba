"""Asks GitHub what the first live run has left so far."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final

from evaluator.core.problems import RexrankError
from evaluator.doctor.answers import Answer
from evaluator.doctor.first_run import Walk
from evaluator.doctor.settings import asker

Ask = Callable[..., Answer]
RECORD: Final = "leaderboard/records/sandbox/findings/{team}__{model}.json"
BOARD: Final = "leaderboards/sandbox/findings/"
MAX_PAGE: Final = 5_000_000


def ask_walk(name: str, token: str, number: int, probe: int | None) -> Walk:
    """What GitHub knows now; raises `RexrankError` for a pull request that is not there."""
    ask = asker(name, token)
    pull = _must(ask(f"/pulls/{number}"), f"pull request {number}")
    sha = pull["head"]["sha"]
    scorings = [
        run
        for run in _runs(ask, "score.yml", {"event": "workflow_dispatch"})
        if run["display_title"] == f"score PR #{number} @ {sha}"
    ]
    merged = pull.get("merge_commit_sha") if pull.get("merged") else None
    publications = _runs(ask, "publish.yml", {"head_sha": merged}) if merged else []
    record = _record(ask, number)
    probe_jobs = _probe_jobs(ask, probe) if probe is not None else []
    return Walk(
        pull=pull,
        comments=_list(ask(f"/issues/{number}/comments", {"per_page": "100"})),
        statuses=_list(ask(f"/commits/{sha}/statuses", {"per_page": "100"})),
        validations=_runs(ask, "validate.yml", {"head_sha": sha}),
        scorings=scorings,
        approvals=_list(ask(f"/actions/runs/{scorings[0]['id']}/approvals")) if scorings else (),
        score_jobs=_jobs(ask, scorings[0]["id"]) if scorings else (),
        publications=publications,
        publish_jobs=_jobs(ask, publications[0]["id"]) if publications else (),
        record=record,
        last_commit=next(iter(_list(ask("/commits", {"path": "leaderboard", "per_page": "1"}))), None),
        site=_site(ask) if record is not None else None,
        title=str(record["card"]["name"]) if record is not None else "",
        probe_jobs=probe_jobs,
        probe_notes=_notes(ask, probe_jobs[0]["id"]) if probe_jobs else (),
    )


def _must(answer: Answer, what: str) -> Any:
    if answer.status != 200:
        raise RexrankError(
            f"GitHub answers {answer.status} for {what}. Check its number, the repository's name and the token."
        )
    return answer.body


def _list(answer: Answer) -> list[Any]:
    return list(answer.body) if answer.status == 200 else []


def _runs(ask: Ask, workflow: str, query: dict[str, str]) -> list[Any]:
    answer = ask(f"/actions/workflows/{workflow}/runs", {**query, "per_page": "100"})
    return list(answer.body["workflow_runs"]) if answer.status == 200 else []


def _jobs(ask: Ask, run: int) -> list[Any]:
    answer = ask(f"/actions/runs/{run}/jobs", {"per_page": "100"})
    return list(answer.body["jobs"]) if answer.status == 200 else []


def _record(ask: Ask, number: int) -> Any:
    """The sandbox record of the submission that the pull request adds, `None` before it is there."""
    names = [f["filename"].split("/") for f in _list(ask(f"/pulls/{number}/files", {"per_page": "100"}))]
    folders = {(n[1], n[2]) for n in names if len(n) == 4 and n[0] == "submissions"}
    if len(folders) != 1:
        return None
    team, model = folders.pop()
    answer = ask(f"/contents/{RECORD.format(team=team, model=model)}", {"ref": "main"})
    if answer.status != 200 or answer.body.get("encoding") != "base64":
        return None
    return json.loads(base64.b64decode(answer.body["content"]))


def _probe_jobs(ask: Ask, number: int) -> list[Any]:
    sha = _must(ask(f"/pulls/{number}"), f"pull request {number}")["head"]["sha"]
    answer = ask("/actions/runs", {"head_sha": sha, "event": "pull_request", "per_page": "100"})
    runs = [r for r in (answer.body or {}).get("workflow_runs", ()) if r["name"] == "probe"]
    return _jobs(ask, runs[0]["id"]) if runs else []


def _notes(ask: Ask, job: int) -> list[str]:
    found = _list(ask(f"/check-runs/{job}/annotations", {"per_page": "100"}))
    return [f"{n.get('title') or ''}: {n.get('message') or ''}" for n in found]


def _site(ask: Ask) -> str | None:
    page = ask("/pages")
    address = (page.body or {}).get("html_url", "") if page.status == 200 else ""
    if not address.startswith("https://"):
        return None
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/{BOARD}", timeout=20) as response:  # noqa: S310 - https, see above
            text: str = response.read(MAX_PAGE).decode("utf-8", "replace")
    except (urllib.error.URLError, OSError):
        return None
    return text
