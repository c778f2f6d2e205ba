"""Starting, waiting for and stopping an engine, with a small server in its place."""

from __future__ import annotations

import socket
import sys

import pytest

from evaluator.judges.client import JudgeVoid
from evaluator.judges.serve import ServeOptions, base_url, command, served

SERVER = """
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/v1/models" else 404); self.end_headers()
    def log_message(self, *a): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
"""


@pytest.fixture
def options() -> ServeOptions:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return ServeOptions(model="some/model", served_name="judge", port=probe.getsockname()[1])


def test_engine_is_awaited_and_stopped(options: ServeOptions) -> None:
    argv = [sys.executable, "-c", SERVER, str(options.port)]
    with served(options, argv) as url:
        assert url == base_url(options)
        with pytest.raises(JudgeVoid, match="already answers"), served(options, argv):
            pass
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", options.port)) != 0


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([sys.executable, "-c", "raise SystemExit(3)"], "status 3"),
        ([sys.executable, "-c", "import time; time.sleep(30)"], "did not answer within"),
        (["/nonexistent/engine"], "cannot be started"),
    ],
)
def test_engine_that_does_not_come_up(options: ServeOptions, argv: list[str], message: str) -> None:
    with pytest.raises(JudgeVoid, match=message), served(options, argv, wait_seconds=2.0):
        pass


def test_command_line_is_built_from_the_options() -> None:
    line = command(
        ServeOptions("a/b; rm -rf", "j", tensor_parallel=2, data_parallel=4, max_model_len=2048, revision="r")
    )
    joined = " ".join(line)
    assert "a/b; rm -rf" in line
    for flag in (
        "--enable-prefix-caching",
        "--tensor-parallel-size 2",
        "--data-parallel-size 4",
        "--max-model-len 2048",
    ):
        assert flag in joined
    assert "serve" in command(ServeOptions("a", "j", engine="transformers"))
