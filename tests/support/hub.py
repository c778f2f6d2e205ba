"""A small model hub on loopback: metadata, redirects to large files, range requests, gates, and faults on demand."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
INFO = re.compile(r"/api/models/([^/]+/[^/]+?)(?:/revision/([^/?]+))?(?:\?.*)?")


def blob_id(data: bytes) -> str:
    """Git's blob id of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Repository:
    """A repository at one commit: its files by name, and the names of those in large-file storage."""

    commit: str
    files: dict[str, bytes]
    large: frozenset[str] = frozenset()
    gated: bool = False


@dataclass
class FakeHub:
    """The hub's contents and behaviour; `log` has every request as (method, path, range).

    `served`: bytes sent instead of the true ones, by name. `cut`: connections that close after this many
    bytes, one per number. `statuses`: answers to the next downloads. `deaf`: range requests are ignored.
    """

    repositories: dict[str, Repository]
    served: dict[str, bytes] = field(default_factory=dict)
    cut: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    deaf: bool = False
    sends_commit: str | None = None
    log: list[tuple[str, str, str]] = field(default_factory=list)
    address: str = ""

    def downloads(self) -> list[tuple[str, str, str]]:
        """The requests for bytes."""
        return [row for row in self.log if row[0] == "GET" and not row[1].startswith("/api/")]


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """The hub, answering at `address` until the block ends."""

    class Handler(_Handler):
        state = hub

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        hub.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FakeHub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub = self.state
        hub.log.append((self.command, self.path, self.headers.get("range", "")))
        if match := INFO.fullmatch(self.path):
            self._info(match[1], match[2])
        elif match := RESOLVE.fullmatch(self.path):
            self._resolve(match[1], match[2], match[3])
        elif self.path.startswith("/storage/"):
            _, _, repository, name = self.path.split("/", 3)
            self._bytes(hub.repositories[repository.replace("--", "/")].files[name], name)
        else:
            self._refuse(404, "EntryNotFound")

    def _known(self, name: str, revision: str | None) -> Repository | None:
        repository = self.state.repositories.get(name)
        if repository is None:
            self._refuse(401, "RepoNotFound", "Repository not found")
        elif revision not in {None, "main", repository.commit}:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        else:
            return repository
        return None

    def _info(self, name: str, revision: str | None) -> None:
        repository = self._known(name, revision)
        if repository is None:
            return
        siblings = [
            {
                "rfilename": n,
                "size": len(data),
                "blobId": blob_id(data if n not in repository.large else b"pointer"),
            }
            | (
                {"lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}}
                if n in repository.large
                else {}
            )
            for n, data in repository.files.items()
        ]
        commit = self.state.sends_commit or repository.commit
        body = {
            "id": name,
            "modelId": name,
            "sha": commit,
            "siblings": siblings,
            "tags": [],
            "private": False,
        }
        data = json.dumps(body).encode()
        self._head(200, {"content-type": "application/json", "content-length": str(len(data))})
        self.wfile.write(data)

    def _resolve(self, name: str, revision: str, file: str) -> None:
        repository = self._known(name, revision)
        if repository is None:
            return
        if repository.gated and self.headers.get("authorization") != "Bearer secret":
            self._refuse(401, "GatedRepo", f"Access to model {name} is restricted.")
        elif file not in repository.files:
            self._refuse(404, "EntryNotFound", "Entry not found")
        elif file in repository.large:
            digest = hashlib.sha256(repository.files[file]).hexdigest()
            linked = {"x-linked-etag": f'"{digest}"', "x-linked-size": str(len(repository.files[file]))}
            place = f"/storage/{name.replace('/', '--')}/{file}"
            self._head(
                302, {"location": place, "x-repo-commit": repository.commit, "content-length": "0", **linked}
            )
        else:
            self._bytes(repository.files[file], file, {"x-repo-commit": repository.commit})

    def _bytes(self, data: bytes, name: str, headers: dict[str, str] | None = None) -> None:
        hub = self.state
        if hub.statuses:
            self._refuse(hub.statuses.pop(0), "")
            return
        data = hub.served.get(name, data)
        start, status, more = 0, 200, dict(headers or {})
        request = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        if request and not hub.deaf:
            start = int(request[1])
            if start >= len(data):
                self._refuse(416, "")
                return
            status, more["content-range"] = 206, f"bytes {start}-{len(data) - 1}/{len(data)}"
        etag = f'"{blob_id(data)}"'
        self._head(
            status, {"content-length": str(len(data) - start), "etag": etag, "accept-ranges": "bytes", **more}
        )
        if self.command == "HEAD":
            return
        if hub.cut and (keep := hub.cut.pop(0)) < len(data) - start:
            self.wfile.write(data[start : start + keep])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)
            return
        self.wfile.write(data[start:])

    def _refuse(self, status: int, code: str, message: str = "refused") -> None:
        self._head(status, {"x-error-code": code, "x-error-message": message, "content-length": "0"})

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            if value:
                self.send_header(key, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Requests are in the hub's log."""
