"""A real engine on a CPU: started, asked through the client, stopped."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest
from support.hangs import HANG
from support.needs import reason

from evaluator.models.judges.client import Judge
from evaluator.models.judges.serve import ServeOptions, served
from evaluator.models.judges.settings import JudgeSettings
from evaluator.models.judges.transcripts import Request

for module in ("torch", "transformers", "accelerate", "fastapi", "uvicorn", "openai"):
    pytest.importorskip(module, reason=reason("serve", module))

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "judge.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama in GREEN's format with only two layers, as the benchmark builds it."""
    spec = importlib.util.spec_from_file_location("benchmark_judge", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    folder = tmp_path_factory.mktemp("llama")
    benchmark.build(folder, benchmark.prompts(4), layers=2, width=128, device="cpu")
    return folder


def test_transformers_serve_answers_the_client(model: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ServeOptions(str(model), "judge", engine="transformers", port=port)
    with served(options, wait_seconds=120) as engine:
        settings = JudgeSettings(engine.url, str(model), cache_dir=tmp_path, timeout=HANG, max_retries=1)
        requests = [
            Request(messages=(("user", words),), max_tokens=5) for words in ("Lungs clear.", "Effusion.")
        ]
        answers = Judge(settings).ask(requests)
        assert [a.error for a in answers] == ["", ""]
        assert [a.completion_tokens for a in answers] == [5, 5]
        assert all(a.prompt_tokens > 5 and a.finish_reason == "length" for a in answers)
        assert all("Lungs" not in str(a.text) for a in answers)  # only new tokens
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    # With the engine gone the transcripts still answer.
    replies = Judge(settings).ask(requests)
    assert [(a.text, a.cached) for a in replies] == [(a.text, True) for a in answers]
