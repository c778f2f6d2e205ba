"""Starting, waiting for and stopping an engine, with a small server in its place."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jinja2
import pytest

from evaluator.cli.machine import run_judge_serve
from evaluator.core.problems import RexrankError
from evaluator.core.stopping import Stopped
from evaluator.metrics.green import rendered
from evaluator.models.judges import serve
from evaluator.models.judges.identity import JudgeVoid
from evaluator.models.judges.serve import RunningEngine, ServeOptions, base_url, command, served

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
    with served(options, argv) as engine:
        assert engine.url == base_url(options)
        engine.check()
        with pytest.raises(JudgeVoid, match="already listening"), served(options, argv):
            pass
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", options.port)) != 0


FAMILY = """
import signal, subprocess, sys
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(3600)"
worker = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE)
worker.stdout.readline()
open(sys.argv[2], "w").write(str(worker.pid))
"""


def test_workers_of_an_engine_do_not_outlive_it(
    options: ServeOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vLLM's are separate processes that may even ignore a signal."""
    monkeypatch.setattr(serve, "STOP_SECONDS", 0.5)
    pid = tmp_path / "pid"
    with served(options, [sys.executable, "-c", FAMILY + SERVER, str(options.port), str(pid)]):
        worker = int(pid.read_text())
        os.kill(worker, 0)
    while runs(worker):  # the kernel takes a moment after the signal; the test's own limit ends this
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process is alive; a zombie that its new parent has not reaped is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_engine_that_ends_while_it_serves_ends_the_command(
    options: ServeOptions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dying = SERVER.replace("import http.server, sys", "import http.server, sys, threading, os").replace(
        "http.server.HTTPServer", "threading.Timer(0.5, os._exit, (7,)).start()\nhttp.server.HTTPServer"
    )
    monkeypatch.setattr(serve, "command", lambda _: [sys.executable, "-c", dying, str(options.port)])
    with pytest.raises(RexrankError, match="ended with status 7"):
        run_judge_serve(options, tmp_path, None)


@pytest.mark.parametrize(
    ("argv", "wait", "message"),
    [
        ([sys.executable, "-c", "raise SystemExit(3)"], 240.0, "status 3"),
        ([sys.executable, "-c", "import time; time.sleep(3600)"], 0.5, "did not respond within"),
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
    config = {"model_type": "llama", "auto_map": {"AutoModel": "modeling.Code"}}
    (models / "green" / "config.json").write_text(json.dumps(config))
    (models / "green" / "tokenization_chexagent.py").write_text("raise SystemExit\n")
    calls: list[ServeOptions] = []

    @contextmanager
    def up(options: ServeOptions, **_: float) -> Iterator[str]:
        files = {p.name for p in Path(options.tokenizer).iterdir()}
        assert files == {"tokenizer.model", "tokenizer_config.json", "config.json"}
        folder = Path(options.tokenizer)
        assert json.loads((folder / "config.json").read_text()) == {"model_type": "llama"}
        template = json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
        turn = {"messages": [{"role": "user", "content": "q"}], "add_generation_prompt": True}
        assert (
            jinja2.Template(template, keep_trailing_newline=True).render(**turn) == f"<s>{rendered('q')}</s>"
        )
        calls.append(options)
        yield RunningEngine("", None)

    monkeypatch.setattr("evaluator.models.judges.config.served", up)
    monkeypatch.setattr("evaluator.cli.machine.Event", StoppedEvent)
    model = "green" if named == "green" else str(models / "green")
    with pytest.raises(Stopped):
        run_judge_serve(ServeOptions(model, "j", port=9), models, None)
    assert (calls[0].model, calls[0].max_model_len) == (str(models / "green"), 2048)
    output = capsys.readouterr().out
    assert "--judge-url http://127.0.0.1:9/v1 --judge-model j --judge-revision 7adba1f3" in output


class StoppedEvent:
    def wait(self, _seconds: float) -> None:
        raise Stopped(15)


def test_a_file_that_starts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "judges.toml"
    path.write_text('[green]\nmodel = "m"\nbase_url = "http://127.0.0.1:1/v1"\n')
    with pytest.raises(RexrankError, match="starts no engine"):
        run_judge_serve(ServeOptions("", "j"), None, path)
