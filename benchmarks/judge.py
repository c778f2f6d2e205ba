"""Throughput of GREEN's engine, through the same client, at the published model's size with random weights.

    python benchmarks/judge.py [--engine vllm] [--python PYTHON] [--device cuda] [--studies 256] [--answer 400]

PYTHON is the interpreter of the engine's environment. The model (Llama, 32 layers of 4,096; `--layers`
and `--width` make it smaller) and a byte-level tokenizer of 32,000 pieces, trained on the prompts, are built
once in DIR. Random weights never end an answer, so that every study gets `--answer` tokens; GREEN's answers
have about 400. Prints studies and tokens a second, what 10,000 studies would take, and how much that is of what the
same engine does when it is asked directly, in rounds that take turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from evaluator.metrics.green import prompt
from evaluator.models.judges.client import Judge
from evaluator.models.judges.serve import ServeOptions, served
from evaluator.models.judges.settings import JudgeSettings
from evaluator.models.judges.transcripts import Request

VOCABULARY = 32_000
TEMPLATE = "{% for m in messages %}<|user|>\n{{ m['content'] }}\n<|assistant|>\n{% endfor %}"
SUBMISSIONS = Path(__file__).parents[1] / "submissions" / "rexrank-sandbox"


def prompts(studies: int) -> list[str]:
    """GREEN's prompts for pairs of the sandbox's reports, all different."""
    folders = sorted(p for p in SUBMISSIONS.iterdir() if (p / "sandbox.json").is_file())
    reports = [json.loads((p / "sandbox.json").read_text("utf-8")) for p in folders]
    texts = sorted({v["findings"] for r in reports for v in r.values()})
    pairs = ((texts[i % len(texts)], texts[(i + 1 + i // len(texts)) % len(texts)]) for i in range(studies))
    return [prompt(f"Findings: {a}", f"Findings: {b}") for a, b in pairs]


def build(folder: Path, texts: list[str], layers: int, width: int, device: str) -> None:
    """A Llama of the published shape with random weights in half precision, and its tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=2_000, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(texts, trainer)
    state = json.loads(tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    vocabulary |= {f"x{i}": i for i in range(len(vocabulary), VOCABULARY)}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)), unk_token="<unk>", chat_template=TEMPLATE
    )
    fast.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=width * 11_008 // 4_096,
        num_hidden_layers=layers,
        num_attention_heads=width // 128,
        num_key_value_heads=width // 128,
        eos_token_id=None,
        pad_token_id=0,
        dtype="float16",
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float16)
    with torch.device(device):
        model = LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)


def direct(url: str, model: str, texts: list[str], answer: int, concurrency: int) -> None:
    """The same questions without the client: plain requests with the same concurrency."""

    def one(text: str) -> None:
        body = {"model": model, "temperature": 0, "seed": 0, "max_tokens": answer}
        data = json.dumps(body | {"messages": [{"role": "user", "content": text}]}).encode()
        request = urllib.request.Request(
            f"{url}/chat/completions", data, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=600) as response:
            json.loads(response.read())

    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(one, texts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("vllm", "transformers"), default="vllm")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--studies", type=int, default=256)
    parser.add_argument("--answer", type=int, default=400)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--width", type=int, default=4_096)
    parser.add_argument("--dtype", default="float16")
    parser.add_argument("--gpu-memory", type=float, default=0.9)
    parser.add_argument("--port", type=int, default=8_000)
    parser.add_argument("--weights", type=Path, default=Path.home() / ".cache/rexrank/benchmark-judge")
    options = parser.parse_args()
    texts = prompts(options.studies)
    folder = options.weights / f"{options.layers}x{options.width}"
    if not (folder / "config.json").is_file():
        started = time.perf_counter()
        build(folder, texts, options.layers, options.width, options.device)
        print(f"built in {time.perf_counter() - started:.0f} s", flush=True)
    serve = ServeOptions(
        model=str(folder),
        served_name="judge",
        engine=options.engine,
        port=options.port,
        python=options.python,
        device=options.device,
        max_model_len=2_048,
        dtype=options.dtype,
        gpu_memory=options.gpu_memory,
    )
    name = "judge" if options.engine == "vllm" else str(folder)
    started = time.perf_counter()
    with served(serve) as engine:
        print(f"up in {time.perf_counter() - started:.0f} s", flush=True)
        settings = JudgeSettings(
            engine.url,
            name,
            concurrency=options.concurrency,
            max_tokens=options.answer,
            timeout=600,
            max_retries=0,
        )
        judge = Judge(settings)
        asked_for = [Request(messages=(("user", t),), max_tokens=options.answer) for t in texts]
        judge.ask(asked_for)  # compiled or cached once, for both
        clients, directs = [], []
        for _ in range(options.rounds):
            started = time.perf_counter()
            answers = judge.ask(asked_for)
            clients.append(time.perf_counter() - started)
            started = time.perf_counter()
            direct(engine.url, name, texts, options.answer, options.concurrency)
            directs.append(time.perf_counter() - started)
        seconds = statistics.median(clients)
    failed = [a.error for a in answers if a.text is None]
    asked, told = (sum(getattr(a, k) for a in answers) for k in ("prompt_tokens", "completion_tokens"))
    print(
        f"{len(answers)} studies in {seconds:.1f} s, {len(failed)} failed {failed[:1]}: {len(answers) / seconds:.2f} studies/s, "
        f"{asked / len(answers):.0f} + {told / len(answers):.0f} tokens each, {told / seconds:.0f} new tokens/s; "
        f"10,000 studies: {10_000 * seconds / len(answers) / 60:.0f} min"
    )
    print(
        f"the same engine asked directly: {len(answers) / statistics.median(directs):.2f} studies/s; the client has "
        f"{100 * statistics.median(directs) / seconds:.0f} % of it (medians of {options.rounds} rounds in turn)"
    )


if __name__ == "__main__":
    main()
