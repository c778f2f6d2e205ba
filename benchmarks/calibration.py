"""Random weights that find about as much as the published ones; otherwise the heads' share of the time is wrong."""

from __future__ import annotations

import random
from pathlib import Path

from evaluator.metrics.sentences import split_sentences
from evaluator.models.radgraph import Annotator, words_of
from evaluator.models.radgraph_network import Network


def radgraph(folder: Path, reports: list[str]) -> None:
    """Biases of RadGraph's heads: one span in twenty an entity, one pair of kept spans in forty a relation."""
    import torch

    network = Network(folder, "cpu")
    annotator = Annotator(folder, network)
    highest: dict[str, list[torch.Tensor]] = {"entity": [], "relation": []}
    chosen = random.Random(0).sample(distinct := sorted(set(reports)), min(20, len(distinct)))
    original = network._score  # noqa: SLF001 - the heads' own scores are what is calibrated

    def watched(head: tuple[str, str], x: torch.Tensor) -> torch.Tensor:
        scores = original(head, x)
        for kind, name in (("entity", network.entity_head), ("relation", network.relation_head)):
            if head == name:
                highest[kind].append(scores.max(dim=-1).values.flatten())
        return scores

    network._score = watched  # type: ignore[method-assign]  # noqa: SLF001
    # Relations are scored only between entities: for now, every span is one.
    bias = network.tensors[f"{network.entity_head[1]}.bias"]
    bias += 1_000
    annotator.annotate([" ".join(words_of(r)) for r in chosen])
    state = torch.load(folder / "weights.th", weights_only=True)
    for kind, head, share in (
        ("entity", network.entity_head, 1 / 20),
        ("relation", network.relation_head, 1 / 40),
    ):
        scores = torch.cat(highest[kind]) - (1_000 if kind == "entity" else 0)
        state[f"{head[1]}.bias"] -= scores.sort().values[int(len(scores) * (1 - share))]
    torch.save(state, folder / "weights.th")


def ratescore(folder: Path, reports: list[str]) -> None:
    """RaTE-NER's classifier: labels vary from piece to piece, half of the pieces belong to no entity."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import AutoModelForTokenClassification, PreTrainedTokenizerFast

    sentences = sorted({s for r in reports for s in split_sentences(r)})
    chosen = random.Random(0).sample(sentences, min(40, len(sentences)))
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    with torch.inference_mode():
        logits = torch.cat([model(**tokenizer(s, return_tensors="pt")).logits[0] for s in chosen])
    path = folder / "model.safetensors"
    state = load_file(path)
    mean, spread = logits.mean(dim=0), logits.std(dim=0)
    state["classifier.weight"] /= spread[:, None]
    state["classifier.bias"] = (state["classifier.bias"] - mean) / spread
    scaled = (logits - mean) / spread
    state["classifier.bias"][-1] += (scaled[:, :-1].max(dim=1).values - scaled[:, -1]).median()
    save_file(state, str(path), metadata={"format": "pt"})
