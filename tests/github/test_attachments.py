"""A file from GitHub's store: bounded, redirects followed to the store only, and without any token."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from evaluator.core.problems import InputError, RexrankError
from evaluator.github.attachments import STORE, fetch_attachment


@pytest.fixture
def store(monkeypatch):
    """A server; its answers by path: bytes, or a redirect's target; and the headers it saw."""
    answers: dict[str, bytes | str] = {}
    requests: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(dict(self.headers))
            answer = answers.get(self.path)
            self.send_response(404 if answer is None else 302 if isinstance(answer, str) else 200)
            if isinstance(answer, str):
                self.send_header("Location", answer)
            self.end_headers()
            if isinstance(answer, bytes):
                self.wfile.write(answer)

        def log_message(self, *_):
            """Silent."""

    monkeypatch.setenv("GITHUB_TOKEN", "secret-token")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", answers, requests
        server.shutdown()


def test_the_file_is_read_without_a_token(store):
    server, answers, requests = store
    answers.update({"/a": "/b", "/b": b"data"})
    assert fetch_attachment(f"{server}/a", server) == b"data"
    assert not any("authorization" in {k.lower() for k in headers} for headers in requests)
    assert "secret-token" not in str(requests)


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/",
        "https://example.org/x",
        "file:///etc/passwd",
        "http://objects.githubusercontent.com/x",
    ],
)
def test_it_is_followed_nowhere_else(store, target):
    server, answers, _ = store
    answers["/a"] = target
    with pytest.raises(InputError, match="points outside"):
        fetch_attachment(f"{server}/a", server)


def test_it_is_bounded_and_ends(store):
    server, answers, _ = store
    answers.update({"/big": b"x" * 101, "/a": "/b", "/b": "/a"})
    assert len(fetch_attachment(f"{server}/big", server, 101)) == 101
    with pytest.raises(InputError, match="larger than"):
        fetch_attachment(f"{server}/big", server, 100)
    with pytest.raises(InputError, match="points outside"):
        fetch_attachment(f"{server}/a", server)
    with pytest.raises(InputError, match="answer 404"):
        fetch_attachment(f"{server}/none", server)
    with pytest.raises(RexrankError, match="does not respond"):
        fetch_attachment("http://127.0.0.1:1/x", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("objects.githubusercontent.com", True),
        ("github-production-user-asset-6210df.s3.amazonaws.com", True),
        ("githubusercontent.com.example.org", False),
        ("evilgithubusercontent.com", False),
        ("github-production-x.s3.amazonaws.com.example.org", False),
        ("objects.githubusercontent.com:8080", False),
    ],
)
def test_hosts_of_the_store(host, ours):
    assert bool(STORE.fullmatch(host)) == ours
