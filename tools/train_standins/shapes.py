"""What the stand-ins share: sizes, vocabularies, batches, a training loop, deterministic files."""

from __future__ import annotations

import json
import math
import string
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from evaluator.core.files import write_text
from evaluator.datasets.sandbox.grammar import sentence_table
from evaluator.models.weights import STAND_IN_MARK
from tools.train_standins.labels import words_of

SEED: Final = 7
HIDDEN: Final = 64
HEADS: Final = 4
MAX_WORDS: Final = 512
_NOTE: Final = """\
A small stand-in for rehearsals, trained on the sandbox's generator (tools/train_standins).
Scores made with it are not results. CC0 1.0.
"""


def corpus_words() -> list[str]:
    """Every word of the grammar in lower case, sorted, with the section headers."""
    words = {w for s in sentence_table().values() for w in words_of(s.text.lower())}
    return sorted((words | {"findings", "impression", "comparison"}) - set(string.punctuation))


def wordpieces(special: Iterable[str]) -> list[str]:
    """A WordPiece vocabulary: the special tokens, letters and marks to spell any word, the grammar's words."""
    letters = [*string.ascii_lowercase, *string.digits]
    return [
        *special,
        *string.punctuation,
        *letters,
        *(f"##{c}" for c in letters),
        *(w for w in corpus_words() if len(w) > 1),
    ]


def bert_settings(vocabulary: int, layers: int) -> dict[str, Any]:
    """The `config.json` of a BERT encoder of the stand-ins' size."""
    return {
        "architectures": ["BertForMaskedLM"],
        "attention_probs_dropout_prob": 0.0,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "hidden_size": HIDDEN,
        "initializer_range": 0.05,
        "intermediate_size": 2 * HIDDEN,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 512,
        "model_type": "bert",
        "num_attention_heads": HEADS,
        "num_hidden_layers": layers,
        "pad_token_id": 0,
        "type_vocab_size": 2,
        "vocab_size": vocabulary,
    }


def roberta_settings(kind: str, layers: int, vocabulary: int, **own: Any) -> dict[str, Any]:
    """The `config.json` of an encoder with RoBERTa's special tokens, of the stand-ins' size: RoBERTa's and MPNet's."""
    return {
        "attention_probs_dropout_prob": 0.0,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "hidden_size": HIDDEN,
        "initializer_range": 0.05,
        "intermediate_size": 2 * HIDDEN,
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": 514,
        "model_type": kind,
        "num_attention_heads": HEADS,
        "num_hidden_layers": layers,
        "pad_token_id": 1,
        "vocab_size": vocabulary,
        **own,
    }


def padded(rows: list[list[int]], pad: int) -> tuple[Any, Any]:
    """(ids, mask), both of shape (rows, longest)."""
    import torch

    width = max(len(r) for r in rows)
    ids = torch.tensor([r + [pad] * (width - len(r)) for r in rows])
    mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows])
    return ids, mask


def batches(items: list[Any], size: int, steps: int) -> Iterator[list[Any]]:
    """`steps` batches of items of like length, drawn without end in a seeded order."""
    import random

    rng = random.Random(SEED)  # noqa: S311
    order: list[list[Any]] = []
    for _ in range(steps):
        if not order:
            shuffled = sorted(items, key=lambda i: (len(i[0]), rng.random()))
            order = [shuffled[i : i + size] for i in range(0, len(shuffled), size)]
            rng.shuffle(order)
        yield order.pop()


def fit(
    parameters: Iterable[Any],
    stream: Iterator[Any],
    loss_of: Callable[[Any], Any],
    *,
    steps: int,
    rate: float,
) -> float:
    """The mean loss of the last tenth of `steps`, after AdamW with warm-up and cosine decay."""
    import torch

    parameters = list(parameters)
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01)
    warm = steps // 20 + 1
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda i: min(1.0, (i + 1) / warm) * 0.5 * (1.02 + math.cos(math.pi * min(i, steps) / steps)),
    )
    losses: list[float] = []
    for batch in stream:
        optimiser.zero_grad()
        loss = loss_of(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    tail = losses[-max(1, len(losses) // 10) :]
    return sum(tail) / len(tail)


def plain_state(module: Any) -> dict[str, Any]:
    """A module's tensors as float32, contiguous, without buffers of positions."""
    return {
        k: v.detach().float().contiguous().clone()
        for k, v in module.state_dict().items()
        if not k.endswith(("position_ids", "token_type_ids"))
    }


def write_json(path: Path, value: Any) -> None:
    """Write `value` as sorted JSON."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def write_mark(folder: Path) -> None:
    """Mark a model's folder as a stand-in."""
    write_text(folder / STAND_IN_MARK, _NOTE)
