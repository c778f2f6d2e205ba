#!/usr/bin/python3
"""Whether a reviewer approved a pull request at a commit: isolate.sh asks GitHub before anything is fetched.

    released.py API-ADDRESS OWNER/REPOSITORY NUMBER SHA

The proof is GitHub's own record, queried without a credential: a run of score.yml, dispatched on main, whose title
names this pull request at this commit, which is in progress or succeeded, and whose review history says that the
environment `scoring` was approved and nothing rejected. The caller cannot influence it: the address comes from root's
configuration, the run is looked up instead of being named by the caller, and only GitHub writes its review history. A
moved head means another title and needs another approval; asking again within a run, or after it, scores the approved
bytes. Exits with 0 if approved, 1 if not, and 2 if GitHub did not answer, with a message on standard error.
"""

import http.client
import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any, NoReturn

WORKFLOW = ".github/workflows/score.yml"
ENVIRONMENT = "scoring"
MAX_BYTES = 8_000_000
SECONDS = 30
TRIES = 3
PAUSE = 2
CANDIDATES = 5


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: the answer would come from an address other than the configured one."""

    def redirect_request(self, *_: object) -> None:
        return None


# No proxy from the environment either.
OPENER = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def stop(status: int, words: str) -> NoReturn:
    """Exits with a fixed message; nothing that GitHub sent is repeated."""
    sys.stderr.write(f"released: {words}\n")
    sys.exit(status)


def ask(url: str) -> Any:
    """GitHub's answer; a busy or silent server is asked up to `TRIES` times."""
    headers = {
        "Accept": "application/vnd.github+json",
        "User-Agent": "rexrank-runner",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    why = "no answer"
    for number in range(TRIES):
        if number:
            time.sleep(PAUSE)
        try:
            request = urllib.request.Request(url, headers=headers)  # noqa: S310 - root's own configuration
            with OPENER.open(request, timeout=SECONDS) as answer:
                body = answer.read(MAX_BYTES + 1)
            if len(body) > MAX_BYTES:
                stop(2, "GitHub's answer is too long.")
            return json.loads(body)
        except urllib.error.HTTPError as error:
            why = f"status {error.code}"
            if error.code < 500:
                break
        except (OSError, http.client.HTTPException):
            why = "no answer"
        except (ValueError, RecursionError):
            why = "not JSON"
    if why in {"status 403", "status 429"}:
        why += ", its rate limit for this address: try again in an hour"
    stop(2, f"GitHub does not say whether this was approved ({why}).")


def is_of(run: Any, repository: str, title: str) -> bool:
    """Whether a run is of main's score.yml, for this pull request at this commit, and is in progress or succeeded."""
    if not isinstance(run, dict) or not isinstance(run.get("id"), int):
        return False
    wanted = {"event": "workflow_dispatch", "head_branch": "main", "display_title": title}
    places = [(run.get(k) or {}).get("full_name") for k in ("repository", "head_repository")]
    return (
        all(run.get(k) == v for k, v in wanted.items())
        and str(run.get("path")).partition("@")[0] == WORKFLOW
        and places == [repository, repository]
        and (run.get("status") == "in_progress" or run.get("conclusion") == "success")
    )


def is_approved(history: Any) -> bool:
    """Whether a run's review history approves it for the environment, and nobody rejected it."""
    if not isinstance(history, list):
        return False
    states = [
        review.get("state")
        for review in history
        if ENVIRONMENT in [e.get("name") for e in review.get("environments") or []]
    ]
    return "approved" in states and set(states) == {"approved"}


def main() -> None:
    """Exits with the status described above."""
    api, repository, number, sha = sys.argv[1:]
    runs = f"{api}/repos/{repository}/actions"
    query = "event=workflow_dispatch&branch=main&per_page=100"
    found = ask(f"{runs}/workflows/score.yml/runs?{query}")
    what = f"pull request {number} at commit {sha}"
    title = f"score PR #{number} @ {sha}"
    try:
        named = [r["id"] for r in found["workflow_runs"] if is_of(r, repository, title)]
        if not named:
            stop(
                1,
                f"nobody requested scoring of {what}: no run of score on main names it and is in progress or succeeded.",
            )
        if not any(is_approved(ask(f"{runs}/runs/{i}/approvals")) for i in named[:CANDIDATES]):
            stop(1, f"nobody approved {what}: no reviewer approved its run in the environment {ENVIRONMENT}.")
    except (AttributeError, KeyError, TypeError):
        stop(2, "GitHub's answer has an unexpected form.")


if __name__ == "__main__":
    main()
