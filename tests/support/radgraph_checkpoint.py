"""Small RadGraph-XL checkpoints in the published file format, the same on every machine and with every release."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DATASET = "radgraph-xl"
WORDS = [
    "no",
    "evidence",
    "of",
    "acute",
    "pneumonia",
    "effusion",
    "is",
    "are",
    "was",
    "pleural",
    "small",
    "moderate",
    "large",
    "left",
    "right",
    "lower",
    "upper",
    "lobe",
    "heart",
    "size",
    "normal",
    "mildly",
    "enlarged",
    "unchanged",
    "new",
    "increased",
    "opacity",
    "atelectasis",
    "edema",
    "pneumothorax",
    "mediastinum",
    "lungs",
    "clear",
    "tube",
    "tip",
    "cm",
    "above",
    "carina",
    "there",
    "a",
    "the",
    "in",
    "and",
    "with",
    "without",
    "mild",
    "severe",
    "stable",
    "since",
    "prior",
    "study",
    "base",
    "bases",
    "consolidation",
    "findings",
    "impression",
    "none",
    "2",
    "5",
    "50",
    "cardiac",
    "silhouette",
]
MARKS = [*".,;:()-%/'\"?!`&", "n", "s", "x", "\u2122"]
ENTITIES = (
    "Anatomy::definitely present", "Anatomy::measurement::definitely present", "Observation::definitely present",
    "Observation::uncertain", "Observation::definitely absent", "Observation::measurement::definitely present",
)  # fmt: skip
RELATIONS = ("modify", "located_at", "suggestive_of")


@dataclass(frozen=True)
class Shape:
    """Sizes of a checkpoint, all different between the two that are used."""

    hidden: int
    layers: int
    heads: int
    width: int
    features: int
    feedforward: int
    depth: int
    window: int
    spans_per_word: float
    entities: tuple[str, ...]
    relations: tuple[str, ...]


SHAPES = {
    "six-labels": Shape(32, 2, 4, 4, 6, 24, 2, 64, 0.6, ENTITIES, RELATIONS),
    "two-labels": Shape(24, 1, 3, 3, 4, 16, 1, 12, 0.4, ENTITIES[:1] + ENTITIES[2:3], RELATIONS[::-1]),
}


def numbers(name: str, shape: tuple[int, ...], scale: float) -> np.ndarray:
    """Numbers in (-scale, scale) that follow from a name alone."""
    count = int(np.prod(shape))
    raw = np.frombuffer(hashlib.shake_256(name.encode()).digest(4 * count), dtype="<u4")
    return ((raw / 2**31 - 1) * scale).astype(np.float32).reshape(shape)


def vocabulary() -> list[str]:
    """The word pieces: special ones, words, marks, and single letters as continuations."""
    letters = [f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz0123456789"] + list("abcdefghijklmopqrtuvwyz")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *MARKS, *letters]
    return list(dict.fromkeys(pieces))


def encoder_config(shape: Shape) -> dict[str, Any]:
    """The encoder's `config.json`."""
    return {
        "architectures": ["BertForMaskedLM"], "model_type": "bert", "vocab_size": len(vocabulary()),
        "hidden_size": shape.hidden, "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads,
        "intermediate_size": 2 * shape.hidden, "max_position_embeddings": 80, "type_vocab_size": 2,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
        "layer_norm_eps": 1e-12, "initializer_range": 0.02, "pad_token_id": 0,
    }  # fmt: skip


def config(shape: Shape, encoder: str) -> dict[str, Any]:
    """The archive's `config.json`; `encoder` is where the package looks for the encoder."""
    bert = {"max_length": shape.window, "model_name": encoder}
    return {
        "dataset_reader": {
            "type": "dygie", "max_span_width": shape.width,
            "token_indexers": {"bert": {"type": "pretrained_transformer_mismatched", **bert}},
        },
        "model": {
            "type": "dygie",
            "embedder": {"token_embedders": {"bert": {"type": "pretrained_transformer_mismatched", **bert}}},
            "feature_size": shape.features,
            "feedforward_params": {"num_layers": shape.depth, "hidden_dims": shape.feedforward, "dropout": 0.4},
            "initializer": {}, "module_initializer": {},
            "loss_weights": {"coref": 0, "events": 0, "ner": 0.2, "relation": 1},
            "max_span_width": shape.width,
            "modules": {
                "coref": {"coref_prop": 0, "max_antecedents": 100, "spans_per_word": 0.3},
                "events": {"loss_weights": {"arguments": 1.0, "trigger": 1.0}},
                "ner": {},
                "relation": {"spans_per_word": shape.spans_per_word},
            },
            "target_task": "relation",
        },
    }  # fmt: skip


def tensors(shape: Shape, seed: str) -> OrderedDict[str, Any]:
    """Every tensor that annotations depend on, under its published name."""
    import torch
    from transformers import BertConfig, BertModel

    state: OrderedDict[str, Any] = OrderedDict()
    with torch.device("meta"):
        bert = BertModel(
            BertConfig(**{k: v for k, v in encoder_config(shape).items() if k != "architectures"})
        )
    prefix = "_embedder.token_embedder_bert._matched_embedder.transformer_model."
    for name, tensor in bert.state_dict().items():
        if tensor.is_floating_point():
            value = numbers(f"{seed}/{name}", tuple(tensor.shape), 0.35)
            state[prefix + name] = torch.from_numpy(value + (1 if name.endswith("LayerNorm.weight") else 0))
    span = 2 * shape.hidden + shape.features

    def put(name: str, size: tuple[int, ...], scale: float, shift: float = 0.0) -> None:
        state[name] = torch.from_numpy(numbers(f"{seed}/{name}", size, scale) + np.float32(shift))

    put("_endpoint_span_extractor._span_width_embedding.weight", (shape.width, shape.features), 1.0)

    def head(layers: str, last: str, size: int, outputs: int, shift: float) -> None:
        for i in range(shape.depth):
            inner = size if i == 0 else shape.feedforward
            put(f"{layers}._linear_layers.{i}.weight", (shape.feedforward, inner), 0.4)
            put(f"{layers}._linear_layers.{i}.bias", (shape.feedforward,), 0.2)
        put(f"{last}.weight", (outputs, shape.feedforward), 0.5)
        put(f"{last}.bias", (outputs,), 0.5, shift)

    ner, relation = f"{DATASET}__ner_labels", f"{DATASET}__relation_labels"
    scorers, pruner = f"_ner._ner_scorers.{ner}", f"_relation._mention_pruners.{relation}._scorer"
    head(f"{scorers}.0._module", f"{scorers}.1._module", span, len(shape.entities), -1.5)
    head(f"{pruner}.0._module", f"{pruner}.1._module", span, 1, 0.0)
    forward = f"_relation._relation_feedforwards.{relation}"
    head(forward, f"_relation._relation_scorers.{relation}", 3 * span, len(shape.relations), -2.0)
    return state


def members(shape: Shape, state: OrderedDict[str, Any], encoder: str) -> dict[str, bytes]:
    """The archive's files by name."""
    import torch

    weights = io.BytesIO()
    torch.save(state, weights)
    return {
        "config.json": json.dumps(config(shape, encoder)).encode(),
        "weights.th": weights.getvalue(),
        "vocabulary/non_padded_namespaces.txt": b"*tags\n*labels",
        f"vocabulary/{DATASET}__ner_labels.txt": ("\n".join(["", *shape.entities]) + "\n").encode(),
        f"vocabulary/{DATASET}__relation_labels.txt": ("\n".join(shape.relations) + "\n").encode(),
    }


def build(name: str, folder: Path) -> Path:
    """The models directory `folder` with the checkpoint `name` in it, laid out as `rexrank` takes it."""
    shape = SHAPES[name]
    place = folder / "radgraph-xl"
    (place / "encoder").mkdir(parents=True)
    (place / "encoder/config.json").write_text(json.dumps(encoder_config(shape)))
    (place / "encoder/vocab.txt").write_text("\n".join(vocabulary()) + "\n")
    with tarfile.open(place / "model.tar.gz", "w:gz") as archive:
        for file, data in members(shape, tensors(shape, name), "encoder").items():
            info = tarfile.TarInfo(file)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return folder
