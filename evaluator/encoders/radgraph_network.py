"""The DyGIE++ network of RadGraph: entities and relations, from the published archive.

Jain et al., NeurIPS Datasets 2021; Wadden et al., EMNLP 2019. Only the entity and relation heads are
here, in plain PyTorch: span vectors from a BERT encoder, an entity scorer on every span, a pruner
that keeps the likeliest spans, and a relation scorer on their pairs. Every size is read from the
archive.
"""

from __future__ import annotations

import io
import json
import math
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evaluator.encoders.batches import encode_rows
from evaluator.encoders.loading import load_strictly, read_config
from evaluator.metrics.base import MetricUnavailable

if TYPE_CHECKING:
    import torch

_MAX_MEMBER: Final = 4 << 30
_BERT: Final = "_embedder.token_embedder_bert._matched_embedder.transformer_model."
_RELATION_ROWS: Final = 4_000_000
"""Numbers held at a time when pairs of spans are scored."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive's parts: configuration, labels in file order (entities start with the null), tensors."""

    config: dict[str, Any]
    entity_labels: tuple[str, ...]
    relation_labels: tuple[str, ...]
    dataset: str
    tensors: dict[str, Any]


def read_archive(folder: Path) -> Archive:
    """The archive of a model folder: `model.tar.gz`, or its contents unpacked.

    Members are read into memory by name, never unpacked to paths that an archive chooses; tensors are
    loaded with `weights_only`. Raises `MetricUnavailable` for anything else.
    """
    import torch

    members = _members(folder)
    try:
        config = json.loads(members["config.json"])
        namespaces = [n for n in members if n.startswith("vocabulary/") and n.endswith("__ner_labels.txt")]
        dataset = namespaces[0].removeprefix("vocabulary/").removesuffix("__ner_labels.txt")
        entities = _labels(members[f"vocabulary/{dataset}__ner_labels.txt"])
        relations = _labels(members[f"vocabulary/{dataset}__relation_labels.txt"])
        tensors = torch.load(io.BytesIO(members["weights.th"]), map_location="cpu", weights_only=True)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise MetricUnavailable(f"{folder} holds no RadGraph archive ({error}). Fetch it again.") from error
    weights = config["model"].get("loss_weights", {})
    if not (weights.get("ner", 0) > 0 and weights.get("relation", 0) > 0):
        raise MetricUnavailable(f"the archive in {folder} was not trained for entities and relations.")
    if (
        config["model"].get("modules", {}).get("coref", {}).get("coref_prop", 0)
        and weights.get("coref", 0) > 0
    ):
        raise MetricUnavailable(f"the archive in {folder} propagates coreference, which is not supported.")
    return Archive(config, entities, relations, dataset, dict(tensors))


def _members(folder: Path) -> dict[str, bytes]:
    packed = folder / "model.tar.gz"
    if packed.is_file():
        try:
            with tarfile.open(packed, "r:gz") as archive:
                found = {}
                for member in archive:
                    name = member.name.removeprefix("./")
                    wanted = name in {"config.json", "weights.th"} or name.startswith("vocabulary/")
                    if wanted and member.isfile() and member.size <= _MAX_MEMBER:
                        content = archive.extractfile(member)
                        found[name] = content.read() if content else b""
                return found
        except (tarfile.TarError, OSError, EOFError) as error:
            raise MetricUnavailable(f"{packed} cannot be read ({error}). Fetch it again.") from error
    paths = [folder / "config.json", folder / "weights.th", *sorted((folder / "vocabulary").glob("*.txt"))]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths if p.is_file()}


def _labels(data: bytes) -> tuple[str, ...]:
    lines = data.decode("utf-8").replace("\r\n", "\n").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return tuple(line.replace("@@NEWLINE@@", "\n") for line in lines)


class Network:
    """The encoder and the heads, in evaluation mode and float32 on one device."""

    def __init__(self, folder: Path, device: str) -> None:
        from transformers import BertConfig, BertModel

        archive = read_archive(folder)
        self.device = device
        self.entity_labels, self.relation_labels = archive.entity_labels, archive.relation_labels
        self.tensors = {
            k: v.float().to(device) for k, v in archive.tensors.items() if not k.startswith(_BERT)
        }
        config = BertConfig(
            **{k: v for k, v in read_config(folder / "encoder").items() if k != "architectures"}
        )
        state = {k.removeprefix(_BERT): v for k, v in archive.tensors.items() if k.startswith(_BERT)}
        ignorable = ("position_ids", "token_type_ids", "pooler.dense.weight", "pooler.dense.bias")
        self.bert = load_strictly(BertModel(config), state, "radgraph", may_lack=ignorable).to(device)
        self.span_width = self.tensors["_endpoint_span_extractor._span_width_embedding.weight"]
        self.width = int(self.span_width.shape[0])
        self.spans_per_word = float(archive.config["model"]["modules"]["relation"]["spans_per_word"])
        indexer = archive.config["dataset_reader"]["token_indexers"]["bert"]
        self.window = int(indexer["max_length"]) - 2
        entities, relations = f"{archive.dataset}__ner_labels", f"{archive.dataset}__relation_labels"
        self.entity_head = (
            f"_ner._ner_scorers.{entities}.0._module",
            f"_ner._ner_scorers.{entities}.1._module",
        )
        pruner = f"_relation._mention_pruners.{relations}._scorer"
        self.pruner_head = (f"{pruner}.0._module", f"{pruner}.1._module")
        self.relation_head = (
            f"_relation._relation_feedforwards.{relations}",
            f"_relation._relation_scorers.{relations}",
        )

    def encode(self, windows: list[list[int]]) -> list[torch.Tensor]:
        """Per window of ids (specials included) its last hidden states without the specials."""

        def forward(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            hidden: torch.Tensor = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
            return hidden

        rows = encode_rows(forward, windows, pad=0, device=self.device, limit=self.window + 2)
        return [hidden[1:-1] for hidden in rows]

    def _score(self, head: tuple[str, str], x: torch.Tensor) -> torch.Tensor:
        """Feed-forward layers, each with a ReLU, and a linear scorer."""
        import torch

        layers, scorer = head
        i = 0
        while f"{layers}._linear_layers.{i}.weight" in self.tensors:
            weight, bias = (
                self.tensors[f"{layers}._linear_layers.{i}.{part}"] for part in ("weight", "bias")
            )
            x = torch.relu(torch.nn.functional.linear(x, weight, bias))
            i += 1
        return torch.nn.functional.linear(x, self.tensors[f"{scorer}.weight"], self.tensors[f"{scorer}.bias"])

    def spans(self, words: torch.Tensor) -> tuple[list[tuple[int, int]], torch.Tensor]:
        """Every span of at most `width` words, start-major, and its vector."""
        import torch

        n = words.shape[0]
        spans = [(s, e) for s in range(n) for e in range(s, min(s + self.width, n))]
        starts, ends = (torch.tensor(x, device=words.device) for x in zip(*spans, strict=True))
        vectors = torch.cat([words[starts], words[ends], self.span_width[ends - starts]], dim=1)
        return spans, vectors

    def entities(
        self, spans: list[tuple[int, int]], vectors: torch.Tensor
    ) -> list[tuple[int, int, str, float]]:
        """(start, end, label, raw score) of every span whose best label beats the null's score of 0."""
        import torch

        scores = self._score(self.entity_head, vectors)
        best, label = torch.cat([scores.new_zeros((len(spans), 1)), scores], dim=1).max(dim=1)
        label = _first_max(scores, label)
        return [
            (*spans[i], self.entity_labels[k], float(best[i])) for i, k in enumerate(label.tolist()) if k > 0
        ]

    def relations(
        self, spans: list[tuple[int, int]], vectors: torch.Tensor, n_words: int
    ) -> list[tuple[int, int, int, int, str, float]]:
        """(start, end, start, end, label, raw score) of every related pair of kept spans."""
        import torch

        mention = self._score(self.pruner_head, vectors)[:, 0]
        # As the original: the product in float32, rounded up, at least one.
        keep = max(1, math.ceil(float(torch.tensor(n_words, dtype=torch.float32) * self.spans_per_word)))
        kept = torch.topk(mention, min(keep, len(spans))).indices.sort().values
        vectors, mention = vectors[kept], mention[kept]
        places = [spans[i] for i in kept.tolist()]
        k, dimension = vectors.shape
        rows = max(1, _RELATION_ROWS // (k * 3 * dimension))
        found = []
        for start in range(0, k, rows):
            left = vectors[start : start + rows, None, :].expand(-1, k, -1)
            right = vectors[None, :, :].expand(left.shape[0], -1, -1)
            pair = torch.cat([left, right, left * right], dim=2)
            scores = self._score(self.relation_head, pair)
            scores = scores + mention[start : start + rows, None, None] + mention[None, :, None]
            best, label = scores.max(dim=2)
            for i, j in (best > 0).nonzero().tolist():
                name = self.relation_labels[int(label[i, j])]
                found.append((*places[start + i], *places[j], name, float(best[i, j])))
        return found


def _first_max(scores: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """`label`, but 0 (the null) where no score is above 0: the null wins a tie."""
    return label.where(scores.max(dim=1).values > 0, label.new_zeros(()))
