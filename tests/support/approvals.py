"""GitHub's answers about runs of score.yml and who approved them, on loopback, to be forged by a test."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

REPOSITORY = "rexrank/challenge"


def run(number: int, sha: str, **other: Any) -> dict[str, Any]:
    """A run of score.yml in progress for a pull request at a commit."""
    return {
        "id": number,
        "path": ".github/workflows/score.yml",
        "event": "workflow_dispatch",
        "head_branch": "main",
        "status": "in_progress",
        "conclusion": None,
        "display_title": f"score PR #{number} @ {sha}",
        "repository": {"full_name": REPOSITORY},
        "head_repository": {"full_name": REPOSITORY},
        **other,
    }


def review(state: str = "approved", environment: str = "scoring") -> dict[str, Any]:
    """An entry of a run's review history."""
    return {"state": state, "comment": "", "user": {"login": "a"}, "environments": [{"name": environment}]}


class Approvals:
    """The server; `runs` and `reviews` (by run) may be changed meanwhile, `answer` replaces every answer."""

    def __init__(self) -> None:
        self.runs: list[Any] = []
        self.reviews: dict[int, Any] = {}
        self.answer: tuple[int, bytes] | None = None
        self.asked: list[str] = []
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        self.asked.append(path)
        if self.answer is not None:
            return self.answer
        actions = f"/repos/{REPOSITORY}/actions"
        if path.partition("?")[0] == f"{actions}/workflows/score.yml/runs":
            return 200, json.dumps({"total_count": len(self.runs), "workflow_runs": self.runs}).encode()
        if match := re.fullmatch(rf"{re.escape(actions)}/runs/(\d+)/approvals", path):
            return 200, json.dumps(self.reviews.get(int(match[1]), [])).encode()
        return 404, b"{}"


class _Handler(BaseHTTPRequestHandler):
    api: Approvals

    def do_GET(self) -> None:
        status, body = self.api.reply(self.path)
        self.send_response(status)
        if status in (301, 302, 307):
            self.send_header("Location", body.decode())
            body = b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Does nothing."""
