"""Starting, waiting for and stopping an engine, with a small server in its place."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evaluator.cli.machine import run_judge_serve
from evaluator.core.problems import RexrankError
from evaluator.core.stopping import Stopped
from evaluator.models.judges.identity import JudgeVoid
from evaluator.models.judges.serve import ServeOptions, base_url, command, served

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
    ("argv", "wait", "message"),
    [
        ([sys.executable, "-c", "raise SystemExit(3)"], 240.0, "status 3"),
        ([sys.executable, "-c", "import time; time.sleep(3600)"], 0.5, "did not answer within"),
        (["/nonexistent/engine"], 240.0, "cannot be started"),
    ],
)
def test_engine_that_does_not_come_up(
    options: ServeOptions, argv: list[str], wait: float, message: str
) -> None:
    with pytest.raises(JudgeVoid, match=message), served(options, argv, wait_seconds=wait):
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


def test_transformers_share_passes_on_a_gpu_only() -> None:
    on_cpu = command(ServeOptions("a", "j", engine="transformers"))
    on_gpu = command(ServeOptions("a", "j", engine="transformers", device="cuda"))
    assert "--continuous-batching" not in on_cpu
    assert on_gpu[-5:] == ["--device", "cuda", "--dtype", "float16", "--continuous-batching"]


def test_a_revision_is_the_hubs_not_a_folders(tmp_path: Path) -> None:
    assert "--revision" in command(ServeOptions("team/model", "j", revision="r"))
    assert "--revision" not in command(ServeOptions(str(tmp_path), "j", revision="r"))


@pytest.mark.parametrize("named", ["green", "folder"])
def test_green_is_served_without_its_repositorys_code(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models = tmp_path / "models"
    shutil.copytree(Path(__file__).parents[2] / "data/parity/models/green", models / "green")
    with pytest.raises(RexrankError, match="not its weights"):
        run_judge_serve(ServeOptions("green", "j"), models, None)
    (models / "green" / "config.json").write_text("{}")
    (models / "green" / "tokenization_chexagent.py").write_text("raise SystemExit\n")
    seen: list[ServeOptions] = []

    @contextmanager
    def up(options: ServeOptions, **_: float) -> Iterator[str]:
        files = {p.name for p in Path(options.tokenizer).iterdir()}
        assert files == {"tokenizer.model", "tokenizer_config.json"}
        seen.append(options)
        yield ""

    monkeypatch.setattr("evaluator.models.judges.config.served", up)
    monkeypatch.setattr("evaluator.cli.machine.Event", StoppedEvent)
    model = "green" if named == "green" else str(models / "green")
    with pytest.raises(Stopped):
        run_judge_serve(ServeOptions(model, "j", port=9), models, None)
    assert (seen[0].model, seen[0].max_model_len) == (str(models / "green"), 2048)
    said = capsys.readouterr().out
    assert "--judge-url http://127.0.0.1:9/v1 --judge-model j --judge-revision 7adba1f3" in said


class StoppedEvent:
    def wait(self) -> None:
        raise Stopped(15)


def test_a_file_that_starts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "judges.toml"
    path.write_text('[green]\nmodel = "m"\nbase_url = "http://127.0.0.1:1/v1"\n')
    with pytest.raises(RexrankError, match="starts no engine"):
        run_judge_serve(ServeOptions("", "j"), None, path)
