"""The stand-in for RadGraph: a small DyGIE++ with its two heads, packed as the published archive."""

from __future__ import annotations

import gzip
import io
import json
import math
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evaluator.core.files import write_bytes, write_text
from evaluator.models.loading import wordpiece_tokenizer
from tools.train_standins.corpus import held_out_sentences, reports
from tools.train_standins.labels import Annotation, annotate
from tools.train_standins.shapes import (
    HIDDEN,
    batches,
    bert_settings,
    fit,
    padded,
    plain_state,
    wordpieces,
    write_json,
    write_mark,
)

NER_LABELS: Final = ("", "ANAT-DP", "OBS-DP", "OBS-DA", "OBS-U")
RELATION_LABELS: Final = ("modify", "located_at", "suggestive_of")
STEPS: Final = 1200
TEXTS: Final = 30_000
_SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_LAYERS: Final = 3
_WIDTH: Final = 3
_FEATURES: Final = 8
_MLP: Final = 64
_SPANS_PER_WORD: Final = 0.8
_BERT_PREFIX: Final = "_embedder.token_embedder_bert._matched_embedder.transformer_model."


@dataclass(frozen=True)
class _Network:
    """The parts of DyGIE++ that are trained; shapes in reference to a span vector of size D."""

    bert: Any
    width: Any
    ner: Any
    ner_scorer: Any
    pruner: Any
    pruner_scorer: Any
    pair: Any
    pair_scorer: Any

    def modules(self) -> dict[str, Any]:
        """State-dict prefix in the archive to module."""
        ner, rel = "None__ner_labels", "None__relation_labels"
        return {
            _BERT_PREFIX: self.bert,
            "_endpoint_span_extractor._span_width_embedding.": self.width,
            f"_ner._ner_scorers.{ner}.0._module._linear_layers.": self.ner,
            f"_ner._ner_scorers.{ner}.1._module.": self.ner_scorer,
            f"_relation._mention_pruners.{rel}._scorer.0._module._linear_layers.": self.pruner,
            f"_relation._mention_pruners.{rel}._scorer.1._module.": self.pruner_scorer,
            f"_relation._relation_feedforwards.{rel}._linear_layers.": self.pair,
            f"_relation._relation_scorers.{rel}.": self.pair_scorer,
        }


def train(folder: Path, steps: int = STEPS, texts: int = TEXTS) -> dict[str, float]:
    """Figures of the test set, after `steps` on `texts` reports and writing the model to `folder`."""
    import torch

    write_text(folder / "encoder/vocab.txt", "\n".join(wordpieces(_SPECIAL)) + "\n")
    tokenizer = wordpiece_tokenizer(folder / "encoder", "radgraph")
    settings = bert_settings(tokenizer.get_vocab_size(), _LAYERS)
    network = _network(settings)
    items = [i for t in reports(texts) if (i := _item(tokenizer, t)) is not None]
    parameters = [p for m in network.modules().values() for p in m.parameters()]
    loss = fit(parameters, batches(items, 16, steps), lambda b: _loss(network, b), steps=steps, rate=1.5e-3)
    network.bert.eval()
    figures = {"loss": loss}
    with torch.no_grad():
        for name, tests in (
            ("reports", reports(min(300, texts), test=True)),
            ("held_out", held_out_sentences()),
        ):
            test = [i for t in tests if (i := _item(tokenizer, t)) is not None]
            figures |= {f"{name}_{k}": v for k, v in _measure(network, test).items()}
    _write(folder, settings, network)
    return figures


def _network(settings: dict[str, Any]) -> _Network:
    from torch import nn
    from transformers import BertConfig, BertModel

    size = 2 * HIDDEN + _FEATURES

    def mlp(inputs: int) -> Any:
        return nn.ModuleList([nn.Linear(inputs, _MLP), nn.Linear(_MLP, _MLP)])

    return _Network(
        bert=BertModel(BertConfig(**settings)),
        width=nn.Embedding(_WIDTH, _FEATURES),
        ner=mlp(size),
        ner_scorer=nn.Linear(_MLP, len(NER_LABELS) - 1),
        pruner=mlp(size),
        pruner_scorer=nn.Linear(_MLP, 1),
        pair=mlp(3 * size),
        pair_scorer=nn.Linear(_MLP, len(RELATION_LABELS)),
    )


def _item(tokenizer: Any, text: str) -> tuple[list[int], Annotation] | None:
    """(ids with the two special tokens, gold), for a text whose words are all in the vocabulary."""
    gold = annotate(text)
    ids: list[int] = tokenizer.encode(f"[CLS] {' '.join(gold.words)} [SEP]").ids
    return (ids, gold) if gold.words and len(ids) == len(gold.words) + 2 else None


def _apply(layers: Any, values: Any) -> Any:
    for layer in layers:
        values = layer(values).relu()
    return values


def _spans(network: _Network, batch: list[Any]) -> list[tuple[list[tuple[int, int]], Any]]:
    """Per document: its spans (start, end inclusive) and their vectors, shape (spans, D)."""
    import torch

    ids, mask = padded([i for i, _ in batch], 0)
    hidden = network.bert(input_ids=ids, attention_mask=mask).last_hidden_state
    out = []
    for row, (pieces, _) in enumerate(batch):
        n = len(pieces) - 2
        spans = [(s, e) for s in range(n) for e in range(s, min(s + _WIDTH, n))]
        start, end = torch.tensor(spans).T
        words = hidden[row, 1 : n + 1]
        out.append((spans, torch.cat([words[start], words[end], network.width(end - start)], 1)))
    return out


def _with_null(scores: Any) -> Any:
    import torch

    return torch.cat([torch.zeros_like(scores[..., :1]), scores], -1)


def _ner_scores(network: _Network, vectors: Any) -> Any:
    return _with_null(network.ner_scorer(_apply(network.ner, vectors)))


def _mentions(network: _Network, vectors: Any) -> Any:
    return network.pruner_scorer(_apply(network.pruner, vectors))[:, 0]


def _pair_scores(network: _Network, vectors: Any, mentions: Any) -> Any:
    """Shape (k, k, relations + 1), from k kept spans."""
    import torch

    k = len(vectors)
    left, right = vectors[:, None].expand(k, k, -1), vectors[None].expand(k, k, -1)
    hidden = _apply(network.pair, torch.cat([left, right, left * right], -1))
    return _with_null(network.pair_scorer(hidden) + mentions[:, None, None] + mentions[None, :, None])


def _kept(n_words: int, mentions: Any) -> list[int]:
    k = min(max(1, math.ceil(n_words * _SPANS_PER_WORD)), len(mentions))
    kept: list[int] = sorted(mentions.topk(k).indices.tolist())
    return kept


def _loss(network: _Network, batch: list[Any]) -> Any:
    import torch
    from torch.nn import functional

    total = torch.zeros(())
    for (spans, vectors), (_, gold) in zip(_spans(network, batch), batch, strict=True):
        place = {span: i for i, span in enumerate(spans)}
        labels = torch.zeros(len(spans), dtype=torch.long)
        for entity in gold.entities:
            labels[place[entity.start, entity.end]] = NER_LABELS.index(entity.label)
        mentions = _mentions(network, vectors)
        total = total + functional.cross_entropy(_ner_scores(network, vectors), labels, reduction="sum")
        total = total + functional.binary_cross_entropy_with_logits(
            mentions, (labels > 0).float(), reduction="sum"
        )
        kept = sorted({*_kept(len(gold.words), mentions.detach()), *labels.nonzero()[:, 0].tolist()})
        where = {spans[i]: n for n, i in enumerate(kept)}
        wanted = torch.zeros(len(kept), len(kept), dtype=torch.long)
        for relation in gold.relations:
            wanted[where[relation.subject], where[relation.object]] = 1 + RELATION_LABELS.index(
                relation.label
            )
        scores = _pair_scores(network, vectors[kept], mentions[kept])
        total = total + functional.cross_entropy(scores.flatten(0, 1), wanted.flatten(), reduction="sum")
    return total / sum(len(gold.words) for _, gold in batch)


def _measure(network: _Network, items: list[Any]) -> dict[str, float]:
    """Micro F1 of entities and relations, at positions."""
    counts = {"entity": [0, 0], "relation": [0, 0]}
    for item in items:
        gold: Annotation = item[1]
        [(spans, vectors)] = _spans(network, [item])
        labels = _ner_scores(network, vectors).argmax(-1).tolist()
        entities = {(*s, NER_LABELS[label]) for s, label in zip(spans, labels, strict=True) if label}
        mentions = _mentions(network, vectors)
        kept = _kept(len(gold.words), mentions)
        table = _pair_scores(network, vectors[kept], mentions[kept]).argmax(-1).tolist()
        relations = {
            (spans[a], spans[b], RELATION_LABELS[table[i][j] - 1])
            for i, a in enumerate(kept)
            for j, b in enumerate(kept)
            if table[i][j]
        }
        for name, found, true in (
            ("entity", entities, {(e.start, e.end, e.label) for e in gold.entities}),
            ("relation", relations, {(r.subject, r.object, r.label) for r in gold.relations}),
        ):
            counts[name][0] += 2 * len(found & true)
            counts[name][1] += len(found) + len(true)
    return {f"{name}_f1": hit / max(1, all_) for name, (hit, all_) in counts.items()}


def _write(folder: Path, settings: dict[str, Any], network: _Network) -> None:
    import torch

    state = {
        prefix + name: value
        for prefix, module in network.modules().items()
        for name, value in plain_state(module).items()
    }
    weights = io.BytesIO()
    torch.save(state, weights)
    members = {
        "config.json": (json.dumps(_archive_config(), indent=2, sort_keys=True) + "\n").encode(),
        "vocabulary/None__ner_labels.txt": "".join(f"{x}\n" for x in NER_LABELS).encode(),
        "vocabulary/None__relation_labels.txt": "".join(f"{x}\n" for x in RELATION_LABELS).encode(),
        "vocabulary/non_padded_namespaces.txt": b"*labels\n*tags\n",
        "weights.th": weights.getvalue(),
    }
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    # No time stamp and no file name in the header: the same weights give the same bytes.
    write_bytes(folder / "model.tar.gz", gzip.compress(plain.getvalue(), 9, mtime=0))
    write_json(folder / "encoder/config.json", settings)
    write_json(folder / "encoder/tokenizer_config.json", {"do_lower_case": True, "model_max_length": 512})
    write_mark(folder)


def _archive_config() -> dict[str, Any]:
    bert = {
        "max_length": 512,
        "model_name": "microsoft/BiomedNLP-PubMedBERT-base-uncased-abstract",
        "type": "pretrained_transformer_mismatched",
    }
    return {
        "dataset_reader": {"max_span_width": _WIDTH, "token_indexers": {"bert": bert}, "type": "dygie"},
        "model": {
            "embedder": {"token_embedders": {"bert": bert}},
            "feature_size": _FEATURES,
            "feedforward_params": {"dropout": 0.0, "hidden_dims": _MLP, "num_layers": 2},
            "loss_weights": {"coref": 0, "events": 0, "ner": 1, "relation": 1},
            "max_span_width": _WIDTH,
            "modules": {
                "coref": {"coref_prop": 0, "spans_per_word": 0.3},
                "ner": {},
                "relation": {"spans_per_word": _SPANS_PER_WORD},
            },
            "target_task": "relation",
            "type": "dygie",
        },
    }
