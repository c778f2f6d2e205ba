"""A small GitHub on loopback: REST checked against GitHub's description, git over HTTP on a real repository."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from rehearsal import (
    endpoints_apply,
    endpoints_forks,
    endpoints_git,
    endpoints_runs,
    endpoints_settings,
    objects,
    openapi,
)
from rehearsal.endpoints import TABLE, Call, Refusal
from rehearsal.git import git
from rehearsal.state import REPOSITORY, Fault, Request, State, Token

DENIED: Final = "Resource not accessible by integration"
GIT_PATH: Final = re.compile(
    rf"/{re.escape(REPOSITORY)}(?:\.git)?(/info/refs|/git-upload-pack|/git-receive-pack)"
)
ROOMS: Final = (endpoints_apply, endpoints_forks, endpoints_git, endpoints_runs, endpoints_settings)
"""Each registers its operations in `TABLE` when imported."""
SETTINGS: Final = endpoints_settings.settings
"""Settings of the repository that a test may change."""
ANYONE: Final = Token(
    "anonymous",
    dict.fromkeys(("actions", "checks", "contents", "issues", "pull-requests"), "read"),
    "anonymous",
)
"""Anyone may read files, runs, checks and pull requests of a public repository."""


class GitHubServer:
    """The server and its thread; `state` may be read and changed by the test meanwhile."""

    def __init__(self, state: State) -> None:
        self.state = state
        handler = type("Handler", (_Handler,), {"state": state})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        state.base_url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state: State

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Does nothing: requests are kept in the state."""

    def _serve(self) -> None:
        body = self._body()
        url = urlsplit(self.path)
        if match := GIT_PATH.fullmatch(url.path):
            self._git(match[1], url.query, body)
            return
        if url.path in self.state.attachments:
            self._attachment(self.state.attachments[url.path])
            return
        if not url.path.startswith(objects.API):
            self._answer(404, {"message": "Not Found"})
            return
        path = url.path.removeprefix(objects.API)
        for hook in [h for h in self.state.before_request if h[0] == self.command and re.search(h[1], path)]:
            self.state.before_request.remove(hook)
            hook[2]()
        fault = next((f for f in self.state.faults if f.matches(self.command, path)), None)
        if fault is not None:
            fault.times -= 1
        if fault is not None and fault.kind != "lost":
            self._refuse(fault, path)
            return
        status, answer, headers = self._rest(path, dict(parse_qsl(url.query)), body)
        if fault is not None and status < 400:
            status, answer, headers = 502, {"message": "Server Error"}, {}
        self._note(path, status)
        self._answer(status, answer, headers)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - the base class looks for these names

    def _attachment(self, content: bytes | str) -> None:
        """Serves a file attached to an issue, or GitHub's redirect; ignores tokens."""
        sent_on = isinstance(content, str)
        self._note("attachment", 302 if sent_on else 200)
        self.send_response(302 if sent_on else 200)
        if isinstance(content, str):
            self.send_header("Location", content)
        data = b"" if isinstance(content, str) else content
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _rest(  # noqa: PLR0911 - one refusal a line
        self, path: str, query: dict[str, str], body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        token = self._token()
        if token is None:
            return 401, {"message": "Bad credentials"}, {}
        operation = openapi.find_operation(self.command, path)
        if operation is None or operation.name not in TABLE:
            self._violation(f"{self.command} {path}: not an operation that the rehearsal knows")
            return 404, {"message": "Not Found"}, {}
        repository = f"{operation.parameters.get('owner', '')}/{operation.parameters.get('repo', '')}"
        of_fork = repository in self.state.forks and operation.name in endpoints_forks.OF_FORKS
        if repository not in (REPOSITORY, "/") and not of_fork:
            return 404, {"message": "Not Found"}, {}
        try:
            content = json.loads(body) if body else None
        except ValueError:
            return 400, {"message": "Problems parsing JSON"}, {}
        wrong = openapi.check_request(operation, query, content)
        if wrong:
            self._violation(f"request {operation.name}: {wrong}")
            return 422, {"message": "Validation Failed", "errors": wrong}, {}
        status, needs, handler = TABLE[operation.name]
        if not any(token.may(scope, level) for scope, level in needs):
            self.state.denials.append(f"{operation.name} by {token.actor} with {dict(token.permissions)}")
            return 403, {"message": DENIED}, {}
        with self.state.lock:
            try:
                known = handler(Call(self.state, token, operation.parameters, query, content))
            except Refusal as refusal:
                return refusal.status, {"message": refusal.message}, {}
        if known is None:
            return 204, None, {}
        known, headers = self._page(known, path, query)
        reply = _filled(operation, status, known)
        wrong = openapi.check_response(operation, status, reply)
        if wrong:
            self._violation(f"response {operation.name}: {wrong}")
        return status, reply, headers

    def _page(self, known: Any, path: str, query: dict[str, str]) -> tuple[Any, dict[str, str]]:
        key = next(
            (k for k in ("workflow_runs", "check_runs") if isinstance(known, dict) and k in known), None
        )
        rows = known[key] if key else known
        if not isinstance(rows, list):
            return known, {}
        size = min(int(query.get("per_page", 30)), 100)
        page = int(query.get("page", 1))
        last = max(1, -(-len(rows) // size))
        part = rows[(page - 1) * size : page * size]
        links = []
        base = f"{self.state.base_url}{objects.API}{path}?"
        rest = "".join(f"&{k}={v}" for k, v in query.items() if k != "page")
        if page < last:
            links += [f'<{base}page={page + 1}{rest}>; rel="next"', f'<{base}page={last}{rest}>; rel="last"']
        if page > 1:
            links += [f'<{base}page={page - 1}{rest}>; rel="prev"', f'<{base}page=1{rest}>; rel="first"']
        return ({**known, key: part} if key else part), ({"Link": ", ".join(links)} if links else {})

    def _refuse(self, fault: Fault, path: str) -> None:
        if fault.kind == "rate":
            reset = str(int(time.time()) + 1)
            headers = {"x-ratelimit-limit": "1000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
            self._note(path, 403)
            self._answer(403, {"message": "API rate limit exceeded for installation."}, headers)
            return
        self._note(path, 503)
        self._answer(503, {"message": "Service Unavailable"})

    def _token(self) -> Token | None:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return ANYONE
        if scheme.lower() == "basic":
            value = base64.b64decode(value).decode().partition(":")[2]
        return self.state.tokens.get(value)

    def _unruled(self, token: Token) -> bool:
        """Whether a job's own token may push: main has no rule that asks for a pull request."""
        rules = SETTINGS(self.state)["/rules/branches/main"]
        return token.kind == "job" and not any(r["type"] == "pull_request" for r in rules)

    def _git(self, service: str, query: str, body: bytes) -> None:
        """Answer as GitHub's git service: anyone reads, only an app that may write contents pushes."""
        token = self._token()
        push = service == "/git-receive-pack" or "service=git-receive-pack" in query
        if token is None or (push and token is ANYONE):
            self._answer(401, {"message": "Bad credentials"}, {"WWW-Authenticate": 'Basic realm="GitHub"'})
            return
        if push and not (token.may("contents", "write") and (token.kind == "app" or self._unruled(token))):
            self.state.denials.append(f"git push by {token.actor} with {dict(token.permissions)}")
            self._answer(403, {"message": "Permission denied; the ruleset lets only the app push."})
            return
        writes = service == "/git-receive-pack"
        fault = next((f for f in self.state.faults if f.method == "GIT" and f.matches("GIT", service)), None)
        if fault is not None:
            fault.times -= 1
            self._refuse(fault, f"git{service}")
            return
        if writes and self.state.before_push:
            self.state.before_push.pop(0)()
        before = self._main() if writes else ""
        process = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            check=False,
            env=self._cgi(service, query, body, token),
        )
        head, _, content = process.stdout.partition(b"\r\n\r\n")
        status, headers = 200, []
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name == "Status":
                status = int(value.split()[0])
            elif name:
                headers.append((name, value))
        if writes and self._main() != before:
            event = {"before": before, "after": self._main(), "actor": token.actor}
            self.state.events.append(("push", event))
        self._note(f"git{service}", status)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _main(self) -> str:
        return git(self.state.bare, "rev-parse", "refs/heads/main")

    def _cgi(self, service: str, query: str, body: bytes, token: Token) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.state.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PATH_INFO": f"/{REPOSITORY}.git{service}",
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": token.actor,
            "REMOTE_ADDR": "127.0.0.1",
        }

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _note(self, path: str, status: int) -> None:
        token = self._token()
        actor = token.actor if token else "?"
        with self.state.lock:
            self.state.requests.append(Request(actor, self.command, unquote(path), status))

    def _violation(self, text: str) -> None:
        with self.state.lock:
            self.state.violations.append(text)


def _filled(operation: openapi.Operation, status: int, known: Any) -> Any:
    """`known` merged into the smallest response that GitHub's description allows."""
    responses = openapi.document()["paths"][operation.path][operation.method]["responses"]
    schema = openapi.resolve(openapi.resolve(responses[str(status)])["content"]["application/json"]["schema"])
    if "oneOf" in schema and not openapi.check_response(operation, status, known):
        return known
    return fill(schema, known)


def fill(schema: dict[str, Any], known: Any) -> Any:
    """`known` with other required fields of the schema filled in neutrally, through objects and arrays."""
    schema = openapi.resolve(schema)
    if isinstance(known, list):
        items = schema.get("items")
        return [fill(items, k) for k in known] if items else known
    if not isinstance(known, dict):
        return known
    alternatives = schema.get("oneOf") or schema.get("anyOf") or schema.get("allOf") or []
    properties = dict(schema.get("properties", {}))
    for part in alternatives[:1] if "allOf" not in schema else alternatives:
        properties |= openapi.resolve(part).get("properties", {})
    skeleton = openapi.skeleton({**schema, "nullable": False})
    base = skeleton if isinstance(skeleton, dict) else {}
    return {**base, **{k: fill(properties[k], v) if k in properties else v for k, v in known.items()}}
