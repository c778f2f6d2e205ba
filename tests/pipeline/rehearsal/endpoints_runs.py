"""Commits with their statuses and check runs, and the runs of workflows."""

from __future__ import annotations

from typing import Any

from rehearsal import objects
from rehearsal.endpoints import Call, Refusal, serves
from rehearsal.objects import api
from rehearsal.state import Check, Status


@serves("post REPO/statuses/{sha}", (("statuses", "write"),), 201)
def _set_status(call: Call) -> Any:
    sha = call.commit("sha")
    if len(call.body.get("description") or "") > 140:
        raise Refusal(422, "description is too long (maximum is 140 characters)")
    status = Status(
        id=call.state.next_id(),
        sha=sha,
        context=call.body.get("context", "default"),
        state=call.body["state"],
        description=call.body.get("description"),
        target_url=call.body.get("target_url"),
        author=call.token.actor,
        created=call.state.now(),
    )
    call.state.statuses.append(status)
    return objects.status(call.state, status)


@serves("get REPO/commits/{ref}/statuses", (("statuses", "read"),))
def _statuses(call: Call) -> Any:
    sha = call.commit("ref")
    return [objects.status(call.state, s) for s in reversed(call.state.statuses) if s.sha == sha]


@serves("post REPO/check-runs", (("checks", "write"),), 201)
def _add_check(call: Call) -> Any:
    if call.token.kind == "user":
        raise Refusal(403, "You must authenticate via a GitHub App.")
    call.values["sha"] = call.body["head_sha"]
    check = Check(
        id=call.state.next_id(),
        sha=call.commit("sha"),
        name=call.body["name"],
        title=call.body["output"]["title"],
        author=call.token.actor,
        created=call.state.now(),
    )
    call.state.checks.append(check)
    return objects.check(call.state, check)


@serves("get REPO/commits/{ref}/check-runs", (("checks", "read"),))
def _checks(call: Call) -> Any:
    sha, name = call.commit("ref"), call.query.get("check_name")
    checks = [c for c in call.state.checks if c.sha == sha and name in (None, c.name)]
    if call.query.get("filter", "latest") == "latest":
        checks = list({c.name: c for c in checks}.values())
    return {"total_count": len(checks), "check_runs": [objects.check(call.state, c) for c in checks]}


@serves("get REPO/commits/{ref}/status", (("statuses", "read"),))
def _combined(call: Call) -> Any:
    sha = call.commit("ref")
    latest = {s.context: s for s in call.state.statuses if s.sha == sha}
    states = {s.state for s in latest.values()}
    overall = (
        "failure" if states & {"failure", "error"} else "pending" if states != {"success"} else "success"
    )
    return {
        "state": overall,
        "statuses": [objects.status(call.state, s) for s in latest.values()],
        "sha": sha,
        "total_count": len(latest),
        "url": api(call.state, f"/commits/{sha}/status"),
    }


@serves("get REPO/actions/workflows/{workflow_id}", (("actions", "read"),))
def _workflow(call: Call) -> Any:
    name = call.values["workflow_id"]
    for path, known in call.state.workflows.items():
        if name in (str(known["id"]), path.rsplit("/", 1)[-1]):
            url = api(call.state, f"/actions/workflows/{known['id']}")
            return {"id": known["id"], "name": known["name"], "path": path, "state": "active", "url": url}
    raise Refusal(404, "Not Found")


@serves("post REPO/actions/workflows/{workflow_id}/dispatches", (("actions", "write"),))
def _dispatch(call: Call) -> Any:
    path = _workflow(call)["path"]
    known = call.state.workflows[path]
    if known["dispatch"] is None:
        raise Refusal(422, "Workflow does not have 'workflow_dispatch' trigger")
    inputs = call.body.get("inputs") or {}
    unexpected = sorted(set(inputs) - set(known["dispatch"]))
    if unexpected:
        raise Refusal(422, f"Unexpected inputs provided: {unexpected}")
    missing = [
        n
        for n, i in known["dispatch"].items()
        if i.get("required") and "default" not in i and n not in inputs
    ]
    if missing:
        raise Refusal(422, f"Required input '{missing[0]}' not provided")
    number = call.state.next_id()
    event = {
        "path": path,
        "ref": call.body["ref"],
        "inputs": inputs,
        "actor": call.token.actor,
        "run": number,
    }
    call.state.events.append(("workflow_dispatch", event))
    if not call.body.get("return_run_details"):
        return None
    run = f"/actions/runs/{number}"
    return {
        "workflow_run_id": number,
        "run_url": api(call.state, run),
        "html_url": objects.page(call.state, run),
    }


@serves("get REPO/actions/runs", (("actions", "read"),))
def _runs(call: Call) -> Any:
    return _runs_of(call, list(call.state.runs.values()))


@serves("get REPO/actions/workflows/{workflow_id}/runs", (("actions", "read"),))
def _workflow_runs(call: Call) -> Any:
    path = _workflow(call)["path"]
    return _runs_of(call, [r for r in call.state.runs.values() if r["path"] == path])


def _runs_of(call: Call, found: list[dict[str, Any]]) -> Any:
    for name, field in (("event", "event"), ("head_sha", "head_sha"), ("branch", "head_branch")):
        if name in call.query:
            found = [r for r in found if r[field] == call.query[name]]
    if "status" in call.query:
        found = [r for r in found if call.query["status"] in (r["status"], r["conclusion"])]
    runs = [objects.run(call.state, r) for r in sorted(found, key=lambda r: -int(r["id"]))]
    return {"total_count": len(runs), "workflow_runs": runs}


@serves("post REPO/actions/runs/{run_id}/cancel", (("actions", "write"),), 202)
def _cancel(call: Call) -> Any:
    """Cancels a waiting run: its waiting jobs are cancelled at once, and those that need them are skipped."""
    run = call.state.runs.get(int(call.values["run_id"]))
    if run is None:
        raise Refusal(404, "Not Found")
    if run["status"] == "completed":
        raise Refusal(409, "Cannot cancel a workflow run that is completed.")
    call.state.events.append(("cancel", {"run": run["id"]}))
    return {}


@serves("get REPO/actions/runs/{run_id}", (("actions", "read"),))
def _run(call: Call) -> Any:
    run = call.state.runs.get(int(call.values["run_id"]))
    if run is None:
        raise Refusal(404, "Not Found")
    return objects.run(call.state, run)


@serves("get REPO/actions/runs/{run_id}/approvals", (("actions", "read"),))
def _reviews(call: Call) -> Any:
    reviews = call.state.reviews.get(int(call.values["run_id"]), [])
    return [
        {
            "state": r["state"],
            "comment": "",
            "user": objects.user(call.state, r["user"]),
            "environments": [{"id": 1, "name": r["environment"]}],
        }
        for r in reviews
    ]
