"""Starts the engine that serves a judge, waits until it answers, and stops it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from evaluator.models.judges.identity import JudgeVoid

Engine = Literal["vllm", "transformers"]
STOP_SECONDS: Final = 20.0
GREEN_TEMPLATE: Final = (
    "<s>{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n</s>\n<|assistant|>\n</s>{% endif %}"
)
"""GREEN's turns as the official code sends them: an empty assistant turn, and an end of turn before the
answer."""


@dataclass(frozen=True)
class ServeOptions:
    """What to serve and how; `model` is a folder or hub id, `gpu_memory` a fraction.

    Parallel sizes, context, tokenizer and memory apply to vLLM only, `device` to transformers.
    """

    model: str
    served_name: str
    engine: Engine = "vllm"
    revision: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    tensor_parallel: int = 1
    data_parallel: int = 1
    max_model_len: int | None = None
    dtype: str = "float16"
    gpu_memory: float = 0.9
    seed: int = 0
    python: str = sys.executable
    """Interpreter of the engine's environment, which need not be this one."""
    tokenizer: str = ""
    """Folder of a tokenizer other than the model's own; see `plain_tokenizer`."""
    device: str = "cpu"


def command(options: ServeOptions) -> list[str]:
    """The engine's command line as an argument list; nothing passes through a shell."""
    if options.engine == "transformers":
        argv = [
            *(options.python, "-m", "transformers.cli.transformers", "serve", options.model),
            *("--host", options.host, "--port", str(options.port), "--device", options.device),
        ]
        # Requests share passes on a GPU; a CPU gains nothing from that, and half precision is slow there.
        fast = ["--dtype", options.dtype, "--continuous-batching"]
        return argv if options.device == "cpu" else argv + fast
    argv = [
        *(options.python, "-m", "vllm.entrypoints.openai.api_server", "--model", options.model),
        *("--served-model-name", options.served_name, "--host", options.host, "--port", str(options.port)),
        *("--dtype", options.dtype, "--seed", str(options.seed), "--enable-prefix-caching"),
        *("--tensor-parallel-size", str(options.tensor_parallel)),
        *("--data-parallel-size", str(options.data_parallel)),
        *("--gpu-memory-utilization", f"{options.gpu_memory:g}", "--generation-config", "vllm"),
    ]
    if options.max_model_len is not None:
        argv += ["--max-model-len", str(options.max_model_len)]
    if options.revision and not Path(options.model).is_dir():
        argv += ["--revision", options.revision]
    if options.tokenizer:
        argv += ["--tokenizer", options.tokenizer]
    return argv


def plain_tokenizer(source: Path, folder: Path) -> str:
    """`folder`, which then holds GREEN's SentencePiece model as a Llama tokenizer without code of its own.

    The published repository's tokenizer is Python code that would run on the runner; the library's gives the
    same ids and text. The model's configuration is put next to it, without the entries that name code: an
    engine reads from it which kind of tokenizer to load. The chat template gives the tokens of
    `green.prompt_ids`.
    """
    shutil.copyfile(source / "tokenizer.model", folder / "tokenizer.model")
    config = {
        "tokenizer_class": "LlamaTokenizer",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "legacy": True,
        "chat_template": GREEN_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    model = json.loads((source / "config.json").read_text("utf-8"))
    plain = {k: v for k, v in model.items() if k != "auto_map"} if isinstance(model, dict) else {}
    (folder / "config.json").write_text(json.dumps(plain), "utf-8")
    return str(folder)


def base_url(options: ServeOptions) -> str:
    """The URL at which clients find the judge."""
    return f"http://{options.host}:{options.port}/v1"


def _answers(options: ServeOptions) -> bool:
    root = f"http://{options.host}:{options.port}"
    for path in ("/health", "/v1/models"):
        try:
            with urllib.request.urlopen(root + path, timeout=5) as response:  # noqa: S310 - http only, see above
                if response.status == 200:
                    return True
        except (urllib.error.URLError, OSError, TimeoutError):
            continue
    return False


@dataclass(frozen=True)
class RunningEngine:
    """A running engine: its URL, and the process that leads its group."""

    url: str
    process: subprocess.Popen[bytes]

    def check(self) -> None:
        """Nothing; raises `JudgeVoid` when the engine has ended."""
        if (status := self.process.poll()) is not None:
            raise JudgeVoid(f"the engine at {self.url} ended with status {status}; see its log above.")


@contextmanager
def served(
    options: ServeOptions, argv: list[str] | None = None, wait_seconds: float = 900.0
) -> Iterator[RunningEngine]:
    """A running engine, which is stopped with all its processes when the block ends.

    `argv` replaces the engine's command line. Raises `JudgeVoid` if the port is taken, or the engine ends or
    does not respond in time.
    """
    if _answers(options):
        raise JudgeVoid(
            f"something is already listening on port {options.port}. Stop it, or choose another --port."
        )
    line = argv or command(options)
    try:
        # A group of its own: an engine starts workers, which would outlive it if only the engine were
        # stopped.
        process = subprocess.Popen(line, start_new_session=True)  # noqa: S603 - a list of our own making
    except OSError as error:
        raise JudgeVoid(
            f"{line[0]} cannot be started: {error.strerror}. Install the engine there."
        ) from error
    try:
        deadline = time.monotonic() + wait_seconds
        while not _answers(options):
            if process.poll() is not None:
                raise JudgeVoid(
                    f"the engine ended with status {process.returncode} before it was ready; see its log above."
                )
            if time.monotonic() > deadline:
                raise JudgeVoid(
                    f"the engine did not respond within {wait_seconds:g} seconds; see its log above."
                )
            time.sleep(0.1)
        yield RunningEngine(base_url(options), process)
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and its group: terminated first, killed after `STOP_SECONDS`."""
    _signal(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
        deadline = time.monotonic() + STOP_SECONDS
        while _signal(process.pid, 0) and time.monotonic() < deadline:
            time.sleep(0.1)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal(process.pid, signal.SIGKILL)
        process.wait()


def _signal(group: int, number: int) -> bool:
    """Whether any process of the group received the signal."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
