"""CheXbert: report vectors and 14 labels from the published `chexbert.pth`.

Smit et al., EMNLP 2020: a BERT encoder and 14 linear heads on the vector of [CLS] (13 with the
classes blank, positive, negative, uncertain; "No Finding" with two).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from evaluator.models.batches import encode_rows
from evaluator.models.loading import (
    check_ids,
    fitted,
    namespace,
    read_config,
    read_state,
    reading,
    wordpiece_tokenizer,
)
from evaluator.models.runtime import Run
from evaluator.models.ties import first_best
from evaluator.models.unique_texts import encode_unique
from evaluator.models.weights import damaged, model_directory, weights_digest

MODEL: Final = "chexbert"
LABELS: Final = (
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    "No Finding",
)
CLASSES: Final = ("blank", "positive", "negative", "uncertain")
N_CLASSES: Final = (4,) * 13 + (2,)
MAX_IDS: Final = 512
"""The official code truncates here, whatever the encoder's limit."""


def prepare(text: str) -> str:
    r"""The official preparation: strip, collapse whitespace to single spaces, strip.

    >>> prepare(" a\n b ")
    'a b'
    """
    return re.sub(r"\s+", " ", text.strip().replace("\n", " ")).strip()


@dataclass(frozen=True, slots=True)
class Reading:
    """CheXbert's output: the [CLS] vector, float32 of shape (hidden,), and a class per head, by `LABELS`."""

    vector: NDArray[np.float32]
    labels: tuple[int, ...]

    def named_labels(self) -> dict[str, str]:
        """Class names by label; "No Finding" is positive or blank."""
        return {label: CLASSES[c] for label, c in zip(LABELS, self.labels, strict=True)}


class Encoder:
    """The network with its tokenizer, on one device."""

    def __init__(self, folder: Path, digest: str, device: str) -> None:
        self.model, self.heads = _network(folder, digest, device)
        self.tokenizer = wordpiece_tokenizer(folder, MODEL)
        check_ids(self.tokenizer.get_vocab(), self.model, folder / "vocab.txt", MODEL)
        self.begin, self.end = (self.tokenizer.token_to_id(t) for t in ("[CLS]", "[SEP]"))
        self.limit = min(MAX_IDS, int(self.model.config.max_position_embeddings))
        self.device = device

    def ids(self, text: str) -> list[int]:
        """Word-piece ids of a prepared text; too long: the first `limit - 1` ids and [SEP]."""
        inner = self.tokenizer.encode(text, add_special_tokens=False).ids if text else []
        ids = [self.begin, *inner, self.end]
        return ids if len(ids) <= self.limit else [*ids[: self.limit - 1], self.end]

    def __call__(self, texts: list[str]) -> list[Any]:
        """Per text one float32 array: the [CLS] vector, followed by the 14 classes."""
        import torch

        def forward(ids: Any, mask: Any) -> Any:
            return self.model(input_ids=ids, attention_mask=mask).last_hidden_state

        rows = [self.ids(t) for t in texts]
        with torch.inference_mode():
            hidden = encode_rows(forward, rows, pad=0, device=self.device, limit=self.limit)
            cls = torch.stack([h[0] for h in hidden])
            labels = torch.stack([first_best(head(cls)) for head in self.heads], dim=1)
        return list(np.concatenate([cls.numpy(), labels.numpy().astype(np.float32)], axis=1))


@lru_cache(maxsize=2)
def _network(folder: Path, digest: str, device: str) -> Any:  # noqa: ARG001 - the digest keys the memo
    import torch
    from transformers import BertConfig, BertModel

    with reading(folder / "config.json", MODEL):
        config = BertConfig(**{k: v for k, v in read_config(folder, MODEL).items() if k != "architectures"})
    path = folder / "chexbert.pth"
    checkpoint = read_state(path, MODEL).get("model_state_dict")
    if not isinstance(checkpoint, dict):
        raise damaged(path, MODEL, "it is not a CheXbert checkpoint: it has no model_state_dict")
    state = {str(k).removeprefix("module."): v for k, v in checkpoint.items()}
    bert = {k.removeprefix("bert."): v for k, v in state.items() if k.startswith("bert.")}
    linear = {k.removeprefix("linear_heads."): v for k, v in state.items() if not k.startswith("bert.")}
    ignorable = ("position_ids", "token_type_ids", "pooler.dense.weight", "pooler.dense.bias")
    model = fitted(lambda: BertModel(config, add_pooling_layer=True), bert, path, MODEL, may_lack=ignorable)

    def make_heads() -> Any:
        return torch.nn.ModuleList(torch.nn.Linear(config.hidden_size, n) for n in N_CLASSES)

    return model.to(device), fitted(make_heads, linear, path, MODEL)


def encoder(run: Run) -> Encoder:
    """The encoder of the run's models directory. Raises `MetricUnavailable` if it is missing."""
    folder = model_directory(MODEL, run.models)
    return Encoder(folder, weights_digest(MODEL, run.models), run.device)


def read_texts(texts: list[str], run: Run) -> dict[str, Reading]:
    """CheXbert's output for each distinct text, by the text as given."""
    network = encoder(run)
    prepared = {t: prepare(t) for t in set(texts)}
    raw = encode_unique(list(prepared.values()), namespace(MODEL, "chexbert", run), network, run, MODEL)
    n = len(LABELS)
    return {
        t: Reading(raw[p][:-n].astype(np.float32), tuple(int(c) for c in raw[p][-n:]))
        for t, p in prepared.items()
    }
