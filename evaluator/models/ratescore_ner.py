"""RaTEScore's two encoders: medical entities of a sentence, and the embedding of an entity.

Zhao et al., EMNLP 2024; behaviour as MAGIC-AI4Med/RaTEScore@a970406 (release 0.6.0), equal on its
golden outputs. Both run once per distinct string, batched by length and cached.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evaluator.models.batches import encode_rows, finite
from evaluator.models.loading import (
    check_ids,
    fitted,
    namespace,
    read_config,
    read_weights,
    reading,
    without_memory,
)
from evaluator.models.runtime import Run
from evaluator.models.ties import first_best
from evaluator.models.unique_texts import encode_unique
from evaluator.models.weights import damaged, model_directory, weights_digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NER: Final = "ratescore-ner"
SYNONYMS: Final = "biolord"
TYPES: Final = ("ABNORMALITY", "NON-ABNORMALITY", "DISEASE", "NON-DISEASE", "ANATOMY")
LABELS: Final = (*(f"{mark}-{kind}" for kind in TYPES for mark in "BI"), "O")
"""The published order. One revision on the hub has LABEL_0…10, which decode to nothing."""
MAX_SENTENCE_TOKENS: Final = 512
MAX_ENTITY_TOKENS: Final = 30

Entity = tuple[str, str]
"""(text, type)."""


@lru_cache(maxsize=4)
def _tokenizer(folder: Path, digest: str) -> Any:  # noqa: ARG001 - the digest keys the memo
    from transformers import PreTrainedTokenizerFast

    # AutoTokenizer of transformers 5 replaces the stored normaliser; this class keeps the file's.
    return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)


def tokenizer(key: str, run: Run) -> Any:
    """The tokenizer of a model folder's `tokenizer.json`, as it was published."""
    folder = model_directory(key, run.models)
    with reading(folder / "tokenizer.json", key):
        return _tokenizer(folder, weights_digest(key, run.models))


def check_tokenizer(tokens: Any, model: Any, key: str, run: Run) -> None:
    """Nothing; raises `MetricUnavailable` for a tokenizer that does not belong to the model."""
    path = model_directory(key, run.models) / "tokenizer.json"
    with reading(path, key):
        check_ids(tokens.get_vocab(), model, path, key)
        if not {tokens.cls_token_id, tokens.sep_token_id, tokens.pad_token_id} <= set(
            tokens.get_vocab().values()
        ):
            raise damaged(path, key, "it defines no begin, end and padding tokens")


@lru_cache(maxsize=2)
def _classifier(folder: Path, digest: str, device: str) -> Any:  # noqa: ARG001 - the digest keys the memo
    from transformers import DebertaV2Config, DebertaV2ForTokenClassification

    path = folder / "config.json"
    with reading(path, NER):
        names = read_config(folder, NER)["id2label"]
        labels = tuple(names.get(str(i)) for i in range(len(LABELS)))
        if labels != LABELS:
            raise damaged(path, NER, f"its labels are not RaTE-NER's: {labels[:3]}…")
        config = DebertaV2Config.from_pretrained(folder, local_files_only=True)
    path, state = read_weights(folder, NER)
    return fitted(lambda: DebertaV2ForTokenClassification(config), state, path, NER).to(device)


@lru_cache(maxsize=2)
def _encoder(folder: Path, digest: str, device: str) -> Any:  # noqa: ARG001 - the digest keys the memo
    from transformers import AutoConfig, AutoModel

    # MPNet has no scaled-dot-product attention, so the choice is left to the library's default.
    read_config(folder, SYNONYMS)
    with reading(folder / "config.json", SYNONYMS):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)

        def make() -> Any:
            return AutoModel.from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]

        empty = without_memory(make)
    wanted = set(empty.state_dict())
    prefix = f"{empty.base_model_prefix}."
    path, raw = read_weights(folder, SYNONYMS)
    state = {k.removeprefix(prefix): v for k, v in raw.items()}
    state = {k: v for k, v in state.items() if k in wanted}
    unused = ("pooler.dense.weight", "pooler.dense.bias", "position_ids")
    return fitted(make, state, path, SYNONYMS, may_lack=unused).to(device)


def classifier(run: Run) -> Any:
    """The entity model, float32, in evaluation mode. Raises `MetricUnavailable` if it is damaged."""
    return _classifier(model_directory(NER, run.models), weights_digest(NER, run.models), run.device)


def decode(tokens: Sequence[str], labels: Sequence[str]) -> list[tuple[int, int, str]]:
    """Entity spans (first token, last token, type) of one labelled sentence, `[CLS]` and `[SEP]` included.

    The official decoder, which looks one label ahead and is not plain BIO: the type of a following
    I is ignored, O does not close an entity by itself, and an entity running to the last word piece
    is closed by the label predicted at `[SEP]`.
    """
    spans: list[tuple[int, int, str]] = []
    start: int | None = None
    end: int | None = None
    kind = ""
    for i in range(len(tokens) - 1):
        mark, following = labels[i][0], labels[i + 1][0]
        if tokens[i] in {"[CLS]", "[SEP]"} or mark == "O":
            continue
        if mark == "B":
            start, kind = i, labels[i][2:]
        if following == "I":
            continue
        if start is not None:
            spans.append((start, i, kind))
        # Before a B, the position is kept as if an entity had both begun and ended here.
        start = end = i if following == "B" else None
        if following == "B":
            kind = labels[i][2:]
    if start is not None and end is None:
        spans.append((start, len(tokens) - 2, kind))
    return spans


class _Ner:
    def __init__(self, run: Run) -> None:
        self.run, self.model, self.tokenizer = run, classifier(run), tokenizer(NER, run)
        check_tokenizer(self.tokenizer, self.model, NER, run)

    def __call__(self, sentences: list[str]) -> list[Any]:
        import torch

        def forward(ids: Any, mask: Any) -> Any:
            return first_best(finite(self.model(input_ids=ids, attention_mask=mask).logits))

        rows = self.tokenizer(sentences, truncation=True, max_length=MAX_SENTENCE_TOKENS)["input_ids"]
        with torch.inference_mode():
            labels = encode_rows(
                forward,
                rows,
                pad=self.tokenizer.pad_token_id,
                device=self.run.device,
                limit=MAX_SENTENCE_TOKENS,
            )
        return [self._entities(ids, row.tolist()) for ids, row in zip(rows, labels, strict=True)]

    def _entities(self, ids: list[int], row: list[int]) -> list[list[str]]:
        tokens = self.tokenizer.convert_ids_to_tokens(ids)
        return [
            [self.tokenizer.convert_tokens_to_string(tokens[first : last + 1]), kind]
            for first, last, kind in decode(tokens, [LABELS[i] for i in row])
        ]


def sentence_entities(sentences: Sequence[str], run: Run) -> dict[str, list[Entity]]:
    """Per distinct sentence, its entities in order, duplicates kept."""
    if not sentences:
        return {}
    by_sentence = encode_unique(
        sentences, namespace(NER, "entities-1", run), _Ner(run), run, "ratescore entities"
    )
    return {s: [(text, kind) for text, kind in entities] for s, entities in by_sentence.items()}


class _Embedder:
    def __init__(self, run: Run) -> None:
        folder, digest = model_directory(SYNONYMS, run.models), weights_digest(SYNONYMS, run.models)
        self.run, self.model = run, _encoder(folder, digest, run.device)
        self.tokenizer = tokenizer(SYNONYMS, run)
        check_tokenizer(self.tokenizer, self.model, SYNONYMS, run)

    def __call__(self, pieces: list[str]) -> list[Any]:
        import torch

        rows = [self._ids(text) for text in pieces]
        with torch.inference_mode():
            hidden = encode_rows(
                self._forward,
                rows,
                pad=self.tokenizer.pad_token_id,
                device=self.run.device,
                limit=MAX_ENTITY_TOKENS,
            )
        return [h[0].numpy().copy() for h in hidden]

    def _ids(self, pieces: str) -> list[int]:
        ids: list[int] = self.tokenizer.convert_tokens_to_ids(pieces.split(" "))
        return ids

    def _forward(self, ids: Any, mask: Any) -> Any:
        return self.model(input_ids=ids, attention_mask=mask).last_hidden_state


def entity_pieces(texts: Sequence[str], run: Run) -> dict[str, str]:
    """Per distinct entity text, its word pieces, special ones included, joined by spaces."""
    distinct = sorted(set(texts))
    if not distinct:
        return {}
    model = tokenizer(SYNONYMS, run)
    encoded = model(distinct, truncation=True, max_length=MAX_ENTITY_TOKENS)["input_ids"]
    return {t: " ".join(model.convert_ids_to_tokens(ids)) for t, ids in zip(distinct, encoded, strict=True)}


def piece_embeddings(pieces: Sequence[str], run: Run) -> dict[str, NDArray[np.float32]]:
    """Per distinct entity, as pieces, the vector of its first token: float32 of shape (hidden,)."""
    if not pieces:
        return {}
    space = namespace(SYNONYMS, "first-token-30", run)
    return encode_unique(pieces, space, _Embedder(run), run, "ratescore synonyms", lambda t: t.count(" "))
