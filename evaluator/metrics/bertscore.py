"""BERTScore F1 with DistilRoBERTa, layer 5, rescaled with the baseline, without idf; and RadEval's variant.

Zhang et al., ICLR 2020; as the official scorer calls bert-score 0.3.13 (`model_type`
"distilroberta-base", `rescale_with_baseline`, `lang` "en", `idf` off). bert-score's tables of layers
and baselines are used; its tokenisation is not, because on transformers 5 it silently drops the
prefix space and fails on empty text. Each distinct text is encoded once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final

import numpy as np

from evaluator.core.types import Pair, Scores
from evaluator.metrics.base import Agreement, Band, Metric, all_scored
from evaluator.metrics.signature import Signature
from evaluator.models import radeval_bert
from evaluator.models.batches import token_embeddings
from evaluator.models.loading import base_model, check_ids, namespace, read_config, reading
from evaluator.models.runtime import Run
from evaluator.models.unique_texts import encode_unique
from evaluator.models.weights import damaged, model_directory, weights_digest, weights_label

MODEL: Final = "distilroberta-base"
RADEVAL: Final = "radeval"
"""RadEvalBERTScore: RadEval's model, all of its layers, not rescaled; an empty text scores 0."""
BLOCK: Final = 4096
"""Pairs whose token embeddings are in memory at a time, about 1.5 GB."""
BASELINE_VERSION: Final = "bert-score-0.3.13"
COMPAT_TOKENS: Final = "tokens:transformers-4"
"""How `compat` tokenises a text that contains a special token, such as `<mask>`."""


def prepare(text: str) -> str:
    """The official preparation: runs of U+0020 become one, then strip."""
    while "  " in text:
        text = text.replace("  ", " ")
    return text.strip()


@lru_cache(maxsize=1)
def baseline(layer: int) -> float:
    """The F1 of unrelated English sentences at a layer, in [0, 1], from the table that bert-score ships."""
    table = resources.files("bert_score").joinpath(f"rescale_baseline/en/{MODEL}.tsv").read_text("utf-8")
    rows = [line.split(",") for line in table.strip().splitlines()]
    column = rows[0].index("F")
    return float(next(row[column] for row in rows[1:] if int(row[0]) == layer))


def layer() -> int:
    """The layer bert-score recommends for the model: 5."""
    from bert_score.utils import model2layers

    return int(model2layers[MODEL])


def scorer_tokenizer(folder: Path, *, spaced: bool = True) -> Any:
    """RoBERTa's byte-level BPE (`tokenizers.Tokenizer`), from vocab.json and merges.txt.

    `spaced`: a space is put before the first word, and after a literal `<s>` or `<mask>` too. Raises
    `MetricUnavailable` for a file that is damaged.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    with reading(vocabulary, MODEL):  # the tokenizer's own error does not name the file
        if not isinstance(json.loads(vocabulary.read_text("utf-8")), dict):
            raise damaged(vocabulary, MODEL, "it is not a JSON object")
    with reading(merges, MODEL):
        if not any(" " in line for line in merges.read_text("utf-8").splitlines() if line[:1] != "#"):
            raise damaged(merges, MODEL, "it contains no merges")
        tokenizer = Tokenizer(
            models.BPE.from_file(
                str(vocabulary), str(merges), continuing_subword_prefix="", end_of_word_suffix=""
            )
        )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=spaced)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(t, normalized=False) for t in ("<s>", "<pad>", "</s>", "<unk>")]
    tokenizer.add_special_tokens([*special, AddedToken("<mask>", lstrip=True, normalized=False)])
    return tokenizer


class Encoder:
    """Token embeddings of prepared texts."""

    def __init__(self, run: Run) -> None:
        folder = model_directory(MODEL, run.models)
        self.run = run
        self.layer = layer()
        self.model = base_model(MODEL, run, layers=self.layer)
        # The official scorer's tokenizer puts a space before the text, whatever it begins with, and nowhere else.
        self.lead = " " if run.protocol == "compat" else ""
        self.tokenizer = _tokenizer(folder, weights_digest(MODEL, run.models), spaced=not self.lead)
        self.begin, self.end = (self.tokenizer.token_to_id(t) for t in ("<s>", "</s>"))
        config = read_config(folder, MODEL)
        with reading(folder / "config.json", MODEL):
            self.pad = int(config.get("pad_token_id", 1))
            # RoBERTa's positions start after the padding id.
            self.limit = int(config["max_position_embeddings"]) - self.pad - 1
        check_ids(self.tokenizer.get_vocab(), self.model, folder / "vocab.json", MODEL)

    def ids(self, text: str) -> list[int]:
        """Token ids with `<s>` and `</s>`, cut to the model's positions."""
        inner = self.tokenizer.encode(self.lead + text, add_special_tokens=False).ids if text else []
        return [self.begin, *inner[: self.limit - 2], self.end]

    def __call__(self, texts: list[str]) -> list[Any]:
        """Per text L2-normalised embeddings, float32 of shape (tokens, hidden + 1).

        The last column is the token's weight: 0 for `<s>` and `</s>` wherever they occur, else 1.
        """
        rows, ends = [self.ids(t) for t in texts], {self.begin, self.end}
        return token_embeddings(
            self.model, rows, ends, pad=self.pad, device=self.run.device, limit=self.limit
        )


@lru_cache(maxsize=4)
def _tokenizer(folder: Path, digest: str, *, spaced: bool) -> Any:  # noqa: ARG001 - the digest keys the memo
    return scorer_tokenizer(folder, spaced=spaced)


def f1(reference: Any, prediction: Any, rescale: float) -> float:
    """Rescaled F1, at most 1, of two encoded texts; the raw F1 is 0 when either has no token of its own.

    Texts as returned by `Encoder`, shape (tokens, hidden + 1). `rescale`: the F1 that becomes 0.
    """
    hidden = reference.shape[1] - 1
    similarity = prediction[:, :hidden] @ reference[:, :hidden].T
    w_p, w_r = prediction[:, hidden], reference[:, hidden]
    raw = 0.0
    if w_p.sum() and w_r.sum():
        precision = float((w_p * similarity.max(axis=1)).sum() / w_p.sum())
        recall = float((w_r * similarity.max(axis=0)).sum() / w_r.sum())
        raw = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return (raw - rescale) / (1 - rescale)


class BertScore(Metric):
    """Baseline-rescaled BERTScore F1; not clipped, an empty text gives the worst value."""

    key: ClassVar[str] = "bertscore"
    title: ClassVar[str] = "BERTScore"
    summary: ClassVar[str] = (
        "How well the words of the two reports match in meaning, by their embeddings in a language model."
    )
    family: ClassVar[str] = "embedding"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = None
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = -5.550156100720721
    weights: ClassVar[tuple[str, ...]] = (MODEL,)
    packages: ClassVar[tuple[str, ...]] = ("bert_score",)
    variants: ClassVar[tuple[str, ...]] = ("rexrank", RADEVAL)
    on_boards: ClassVar[bool] = True
    presets: ClassVar[tuple[str, ...]] = ("paper-2024", "rexrank-2026")
    band: ClassVar[Band | None] = Band((0.999, 1.001), (-6.0, 0.1), (-0.2, 0.85))
    variant_weights: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {RADEVAL: (radeval_bert.MODEL,)}
    )
    paper: ClassVar[str] = "Zhang et al., ICLR 2020"
    code: ClassVar[str] = "bert-score 0.3.13, as called by rajpurkarlab/CXR-Report-Metric@9c9ecad"
    agreement: ClassVar[Agreement] = MappingProxyType(
        {
            "all_errors": (0.511, 0.429, 0.584),
            "as_drawn": (0.44, 0.35, 0.52),
            "from_chexbert": 0.52,
            "from_bertscore": 0.49,
            "from_radgraph": 0.46,
            "from_bleu": 0.58,
            "real_models": (-0.027, -0.085, 0.032),
        }
    )

    def signature(self, run: Run) -> Signature:
        """`bertscore|v1|distilroberta-base@…|layer5|rescaled|idf:no|protocol:…`; `compat` names its tokens too.

        RadEval's: `bertscore|v1|variant:radeval|radeval-modernbert@…|layer22|raw|idf:no|protocol:…`.
        """
        if self.variant(run) == RADEVAL:
            label = weights_label(radeval_bert.MODEL, run.models)
            parts = (f"variant:{RADEVAL}", label, f"layer{radeval_bert.LAYER}", "raw", "idf:no")
            return Signature("bertscore", "v1", parts, run.protocol)
        label = weights_label(MODEL, run.models)
        tokens = (COMPAT_TOKENS,) if run.protocol == "compat" else ()
        return Signature(
            "bertscore",
            "v1",
            (label, f"layer{layer()}", f"rescaled:{BASELINE_VERSION}", "idf:no", *tokens),
            run.protocol,
        )

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """BERTScore F1 of every pair, at most 1; an empty text on either side gets the worst value. No pair fails."""
        if self.variant(run) == RADEVAL:
            key, name, rescale = radeval_bert.MODEL, f"bertscore-layer{radeval_bert.LAYER}", 0.0
            encode: Callable[[list[str]], list[Any]] = radeval_bert.Encoder(run)
            texts = [(p.reference.strip(), p.prediction.strip()) for p in pairs]
        else:
            encoder = Encoder(run)
            key, encode, rescale = MODEL, encoder, baseline(encoder.layer)
            tokens = f"-{COMPAT_TOKENS}" if run.protocol == "compat" else ""
            name = f"bertscore-layer{encoder.layer}{tokens}"
            texts = [(prepare(p.reference), prepare(p.prediction)) for p in pairs]
        space = namespace(key, name, run)
        # Equal predictions are adjacent, so that each is encoded once if there is more than one block;
        # references come from the cache from the second submission on.
        # tie: the order of the pairs; texts are compared
        order = sorted(range(len(pairs)), key=lambda i: texts[i][1])
        values = np.empty(len(pairs))
        for start in range(0, len(order), BLOCK):
            block = order[start : start + BLOCK]
            embeddings = encode_unique([texts[i][0] for i in block], space, encode, run, key)
            new = [texts[i][1] for i in block if texts[i][1] not in embeddings]
            embeddings |= encode_unique(new, space, encode, replace(run, cache=None), key)
            for i in block:
                values[i] = f1(embeddings[texts[i][0]], embeddings[texts[i][1]], rescale)
        return all_scored(values)
