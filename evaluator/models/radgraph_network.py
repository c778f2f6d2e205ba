"""The DyGIE++ network of RadGraph: entities and relations, from the published archive.

Jain et al., NeurIPS Datasets 2021; Wadden et al., EMNLP 2019. Only the entity and relation heads are
implemented, in plain PyTorch: span vectors from a BERT encoder, an entity scorer on every span, a pruner that
keeps the likeliest spans, and a relation scorer on their pairs. All sizes are read from the archive.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evaluator.core.problems import visible
from evaluator.models.batches import encode_rows, finite
from evaluator.models.loading import check_numbers, fitted, read_config, reading
from evaluator.models.ties import TIE, first_best, first_top
from evaluator.models.weights import damaged

if TYPE_CHECKING:
    import torch

_MAX_MEMBER: Final = {"weights.th": 1 << 30}
_MAX_TEXT_MEMBER: Final = 16 << 20
"""Limits on the bytes of an archive's other files, the number of its members, and its unpacked size."""
_MAX_MEMBERS: Final = 1000
_MAX_UNPACKED: Final = (1 << 30) + (128 << 20)
_BERT: Final = "_embedder.token_embedder_bert._matched_embedder.transformer_model."
_RELATION_ROWS: Final = 4_000_000
"""Numbers in memory at a time when pairs of spans are scored."""


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

    path, key = archive_path(folder), folder.name
    with reading(path, key):
        members = _members(folder)
        if lacking := [n for n in ("config.json", "weights.th") if n not in members]:
            raise damaged(path, key, f"it contains no {' and no '.join(lacking)}")
        config = json.loads(members["config.json"])
        dataset = _dataset(list(members), key)
        if dataset is None:
            raise damaged(path, key, "it contains several vocabularies, none of them named after this model")
        entities = _labels(members[f"vocabulary/{dataset}__ner_labels.txt"])
        relations = _labels(members[f"vocabulary/{dataset}__relation_labels.txt"])
        tensors = torch.load(io.BytesIO(members["weights.th"]), map_location="cpu", weights_only=True)
        weights = config["model"].get("loss_weights", {})
        if not (weights.get("ner", 0) > 0 and weights.get("relation", 0) > 0):
            raise damaged(path, key, "it was not trained for entities and relations")
        coreference = config["model"].get("modules", {}).get("coref", {})
        if coreference.get("coref_prop", 0) and weights.get("coref", 0) > 0:
            raise damaged(path, key, "it propagates coreference, which is not supported")
        check_numbers(tensors, path, key)
        return Archive(config, entities, relations, dataset, dict(tensors))


def _dataset(members: list[str], key: str) -> str | None:
    """The dataset whose vocabulary is meant: the one named after the model, else the only one.

    Raises `IndexError` if there is none.
    """
    names = [
        n.removeprefix("vocabulary/").removesuffix("__ner_labels.txt")
        for n in members
        if n.startswith("vocabulary/") and n.endswith("__ner_labels.txt")
    ]
    return key if key in names else names[0] if len(names) < 2 else None


def archive_path(folder: Path) -> Path:
    """The file of a model folder that contains the network: the archive, or its unpacked tensors."""
    unpacked = folder / "weights.th"
    return (
        unpacked
        if unpacked.is_file() and not (folder / "model.tar.gz").is_file()
        else folder / "model.tar.gz"
    )


class _Bounded(io.RawIOBase):
    """A decompressed stream that fails before it fills the memory: a small file may unpack to a huge one."""

    def __init__(self, source: gzip.GzipFile, path: Path) -> None:
        self.source, self.path, self.left = source, path, _MAX_UNPACKED

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self.source.read(min(size, self.left + 1) if size >= 0 else self.left + 1)
        self.left -= len(data)
        if self.left < 0:
            raise damaged(
                self.path, self.path.parent.name, f"it unpacks to more than {_MAX_UNPACKED:,} bytes"
            )
        return data


def _members(folder: Path) -> dict[str, bytes]:
    """The members that are read, by name; two members of the same name are refused."""
    packed = folder / "model.tar.gz"
    if not packed.is_file():
        paths = [
            folder / "config.json",
            folder / "weights.th",
            *sorted((folder / "vocabulary").glob("*.txt")),
        ]
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths if p.is_file()}
    key, contents = folder.name, dict[str, bytes]()
    with (
        gzip.open(packed) as unpacked,
        tarfile.open(fileobj=(stream := _Bounded(unpacked, packed)), mode="r|") as archive,
    ):
        for number, member in enumerate(archive):
            if number >= _MAX_MEMBERS:
                raise damaged(packed, key, f"it has more than {_MAX_MEMBERS} members")
            name = member.name.removeprefix("./")
            wanted = name in {"config.json", "weights.th"} or name.startswith("vocabulary/")
            if not wanted or member.isdir():
                continue
            if not member.isreg() or member.issparse() or name in contents:
                raise damaged(
                    packed,
                    key,
                    f"its member {visible(name, 60)} is a link, not a plain file, or present twice",
                )
            if member.size > _MAX_MEMBER.get(name, _MAX_TEXT_MEMBER):
                raise damaged(packed, key, f"its member {visible(name, 60)} has {member.size:,} bytes")
            content = archive.extractfile(member)
            contents[name] = content.read() if content else b""
        # The checksum is at the end, after what tar reads: unchecked, changed bytes would be taken for
        # weights.
        while stream.read(1 << 20):
            pass
    return contents


def _labels(data: bytes) -> tuple[str, ...]:
    lines = data.decode("utf-8").replace("\r\n", "\n").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return tuple(line.replace("@@NEWLINE@@", "\n") for line in lines)


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of words, first and last word inclusive: as pairs, and as tensors of shape (n,)."""

    pairs: list[tuple[int, int]]
    starts: torch.Tensor
    ends: torch.Tensor


def _encoder(folder: Path, archive: Archive, path: Path) -> Any:
    """The archive's BERT in the configuration of the folder `encoder`."""
    from transformers import BertConfig, BertModel

    key = folder.name
    with reading(folder / "encoder/config.json", key):
        config = BertConfig(
            **{k: v for k, v in read_config(folder / "encoder", key).items() if k != "architectures"}
        )
    state = {k.removeprefix(_BERT): v for k, v in archive.tensors.items() if k.startswith(_BERT)}
    ignorable = ("position_ids", "token_type_ids", "pooler.dense.weight", "pooler.dense.bias")
    return fitted(lambda: BertModel(config), state, path, key, may_lack=ignorable)


class Network:
    """The encoder on a device and the heads on the CPU, in evaluation mode and float32."""

    def __init__(self, folder: Path, device: str) -> None:
        archive, key = read_archive(folder), folder.name
        path = archive_path(folder)
        self.device = device
        self.entity_labels, self.relation_labels = archive.entity_labels, archive.relation_labels
        # The heads are small: they stay on the CPU, one core per report.
        self.tensors = {k: v.float() for k, v in archive.tensors.items() if not k.startswith(_BERT)}
        self.bert = _encoder(folder, archive, path).to(device)
        with reading(path, key):
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
        with reading(path, key):
            if fault := self._fault():
                raise damaged(path, key, fault)

    def _fault(self) -> str | None:
        """What in the heads does not fit the encoder, the labels or each other, or `None`."""
        if not 1 <= self.window <= int(self.bert.config.max_position_embeddings) - 2:
            return f"it reads {self.window + 2} word pieces at a time, more than the encoder can"
        if not 0 < self.spans_per_word < math.inf or self.span_width.dim() != 2 or self.width < 1:
            return f"it keeps {self.spans_per_word} spans per word of widths up to {self.width}"
        span = 2 * int(self.bert.config.hidden_size) + int(self.span_width.shape[1])
        for head, width, n in (
            (self.entity_head, span, len(self.entity_labels) - 1),
            (self.pruner_head, span, 1),
            (self.relation_head, 3 * span, len(self.relation_labels)),
        ):
            layers = self._layers(head[0])
            scorer = self.tensors[f"{head[1]}.weight"], self.tensors[f"{head[1]}.bias"]
            size = width
            for weight, bias in [*layers, scorer]:
                if weight.shape != (bias.shape[0], size) or bias.dim() != 1:
                    return f"a layer of {head[0]} has the shape {tuple(weight.shape)}, not (…, {size})"
                size = int(weight.shape[0])
            if not layers or size != n:
                return f"{head[1]} scores {size} labels, but {n} are named"
        return None

    def encode(self, windows: list[list[int]]) -> list[torch.Tensor]:
        """Per window of ids, its last hidden states without the two specials: float32 of shape (ids - 2, hidden)."""

        def forward(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            hidden: torch.Tensor = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
            return hidden

        rows = encode_rows(forward, windows, pad=0, device=self.device, limit=self.window + 2)
        return [hidden[1:-1] for hidden in rows]

    def _layers(self, name: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Weight and bias of every layer of a feed-forward stack."""
        prefixes: list[str] = []
        while (prefix := f"{name}._linear_layers.{len(prefixes)}") + ".weight" in self.tensors:
            prefixes.append(prefix)
        return [(self.tensors[f"{p}.weight"], self.tensors[f"{p}.bias"]) for p in prefixes]

    def _score(self, head: tuple[str, str], x: torch.Tensor) -> torch.Tensor:
        """Scores from the first layer's output before its ReLU; every layer ends with one."""
        import torch

        layers, scorer = head
        for weight, bias in self._layers(layers)[1:]:
            x = torch.nn.functional.linear(torch.relu(x), weight, bias)
        weight, bias = self.tensors[f"{scorer}.weight"], self.tensors[f"{scorer}.bias"]
        scores: torch.Tensor = finite(torch.nn.functional.linear(torch.relu(x), weight, bias))
        return scores

    def _span_scores(self, head: tuple[str, str], words: torch.Tensor, spans: Spans) -> torch.Tensor:
        """Scores of spans, each the concatenation of its first word, its last word and its width.

        The first layer is linear, so each word passes through it once instead of once per span.
        """
        size = words.shape[1]
        weight, bias = self._layers(head[0])[0]
        first, last = words @ weight[:, :size].T, words @ weight[:, size : 2 * size].T
        width = self.span_width @ weight[:, 2 * size :].T + bias
        return self._score(head, first[spans.starts] + last[spans.ends] + width[spans.ends - spans.starts])

    def spans(self, n_words: int) -> Spans:
        """Every span of at most `width` words, start-major."""
        import torch

        pairs = [(s, e) for s in range(n_words) for e in range(s, min(s + self.width, n_words))]
        both = torch.tensor(pairs)
        return Spans(pairs, both[:, 0], both[:, 1])

    def entities(self, words: torch.Tensor, spans: Spans) -> list[tuple[int, int, str, float]]:
        """(start, end, label, raw score) of every span whose best label beats the null's score of 0.

        `words`: the words' vectors, shape (words, hidden). Ends are inclusive.
        """
        import torch

        scores = self._span_scores(self.entity_head, words, spans)
        # The null label comes first, so that it wins ties.
        scores = torch.cat([scores.new_zeros((len(scores), 1)), scores], dim=1)
        best, label = scores.amax(dim=1), first_best(scores)
        rows = label.nonzero()[:, 0]
        entities = zip(rows.tolist(), label[rows].tolist(), best[rows].tolist(), strict=True)
        return [(*spans.pairs[i], self.entity_labels[k], score) for i, k, score in entities]

    def relations(self, words: torch.Tensor, spans: Spans) -> list[tuple[int, int, int, int, str, float]]:
        """(start, end, start, end, label, raw score) of every related pair of kept spans."""
        import torch

        mention = self._span_scores(self.pruner_head, words, spans)[:, 0]
        # As the original: the product in float32, rounded up, at least one.
        wanted = torch.tensor(len(words), dtype=torch.float32) * self.spans_per_word
        keep = min(max(1, math.ceil(float(wanted))), len(mention))
        top = first_top(mention, keep)
        mention, starts, ends = mention[top], spans.starts[top], spans.ends[top]
        places = [spans.pairs[i] for i in top.tolist()]
        vectors = torch.cat([words[starts], words[ends], self.span_width[ends - starts]], dim=1)
        k, dimension = vectors.shape
        # A pair is (left, right, left x right): only the product differs from pair to pair.
        weight, bias = self._layers(self.relation_head[0])[0]
        left = vectors @ weight[:, :dimension].T + bias
        right = vectors @ weight[:, dimension : 2 * dimension].T
        rows = max(1, _RELATION_ROWS // (k * dimension))
        relations = []
        for at in range(0, k, rows):
            product = vectors[at : at + rows, None, :] * vectors[None, :, :]
            x = product @ weight[:, 2 * dimension :].T + left[at : at + rows, None, :] + right[None, :, :]
            scores = self._score(self.relation_head, x)
            scores = scores + mention[at : at + rows, None, None] + mention[None, :, None]
            best, label = scores.amax(dim=2), first_best(scores)
            place = (best > TIE).nonzero()
            values = zip(
                place.tolist(), label[tuple(place.T)].tolist(), best[tuple(place.T)].tolist(), strict=True
            )
            relations += [
                (*places[at + i], *places[j], self.relation_labels[r], v) for (i, j), r, v in values
            ]
        return relations
