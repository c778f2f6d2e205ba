"""The stand-in for DistilRoBERTa: a small RoBERTa whose fifth layer encodes what each word says.

It learns to fill in masked words and, at the layer that BERTScore reads, which finding, place or modifier a
word belongs to and whether it is negated; then a constant is added to that layer's vectors so that unrelated
reports are about as similar as the published baseline assumes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from evaluator.core.files import write_text
from evaluator.datasets.sandbox.grammar import Sentence, sentence_table
from tools.train_standins.corpus import reports
from tools.train_standins.labels import known_sentences, words_of
from tools.train_standins.shapes import (
    HIDDEN,
    SEED,
    batches,
    fit,
    padded,
    plain_state,
    roberta_settings,
    write_json,
    write_mark,
)

STEPS: Final = 1200
TEXTS: Final = 20_000
LAYER: Final = 5
"""The layer that BERTScore reads."""
TARGET: Final = 0.88
"""Mean raw F1 of two unrelated reports after calibration; the published baseline is 0.847."""
_SPECIAL: Final = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_IGNORED: Final = -100
_MASKED_SHARE: Final = 0.15
_TEMPERATURE: Final = 10.0


def train(folder: Path, steps: int = STEPS, texts: int = TEXTS) -> dict[str, float]:
    """Figures of the test set, after `steps` on `texts` reports and writing the model to `folder`."""
    import torch
    from transformers import RobertaConfig, RobertaForMaskedLM

    tokenizer = _tokenizer(folder)
    settings = roberta_settings(
        "roberta", 6, tokenizer.get_vocab_size(), architectures=["RobertaForMaskedLM"], type_vocab_size=1
    )
    model: Any = RobertaForMaskedLM(RobertaConfig(**settings))
    meanings = sorted({m for s in sentence_table().values() for m in _meanings(s)} | {"mark"})
    numbers = {m: i for i, m in enumerate(meanings)}
    head = torch.nn.Linear(HIDDEN, len(meanings), bias=False)
    items = [i for t in reports(texts) if (i := _item(tokenizer, t, numbers))]
    rng = random.Random(SEED)  # noqa: S311

    def loss_of(batch: list[Any]) -> Any:
        scores, words, wanted, masked = _forward(model, head, batch, rng)
        entropy = torch.nn.functional.cross_entropy
        said = entropy(scores.flatten(0, 1), wanted.flatten(), ignore_index=_IGNORED)
        return said + 0.5 * entropy(words.flatten(0, 1), masked.flatten(), ignore_index=_IGNORED)

    parameters = [*model.parameters(), *head.parameters()]
    loss = fit(parameters, batches(items, 32, steps), loss_of, steps=steps, rate=2e-3)
    model.eval()
    test = [i for t in reports(min(300, texts), test=True) if (i := _item(tokenizer, t, numbers))]
    figures = {"loss": loss}
    with torch.no_grad():
        scores, _, wanted, _ = _forward(model, head, test, None)
        right = scores.argmax(-1) == wanted
        figures["token_accuracy"] = right[wanted != _IGNORED].float().mean().item()
        figures |= _calibrate(model, [i for i, _ in test if len(i) > 20])
    _write(folder, settings, model)
    return figures


def _meanings(sentence: Sentence) -> list[str]:
    """What each word of a sentence says: its fact or place, and the status of the fact."""
    fact = sentence.facts[0]
    said = []
    for span in sentence.spans:
        for word in words_of(span.text):
            if span.role == "observation":
                said.append(f"{fact.finding} {fact.status}")
            elif span.role in {"anatomy", "side"}:
                said.append(f"place {fact.location or fact.finding}")
            elif span.role in {"modifier", "change"}:
                said.append(f"how {fact.severity if span.role == 'modifier' else fact.change}")
            else:
                # Words between name the fact's status, so that phrasings of one status lie near.
                said.append(f"frame {fact.status}" if word != "." else "mark")
    return said


def _item(tokenizer: Any, text: str, numbers: dict[str, int]) -> tuple[list[int], list[int]] | None:
    """(ids with `<s>` and `</s>`, meaning per id), from the known sentences of a text."""
    ids, tags = [0], [_IGNORED]
    for sentence in known_sentences(text):
        words = sentence.text.rstrip(".").split()
        meanings = [m for m in _meanings(sentence) if m != "mark"]
        for word, meaning in zip(words, meanings, strict=True):
            pieces = tokenizer.encode(word).ids
            ids += pieces
            tags += [numbers[meaning]] * len(pieces)
        ids.append(tokenizer.token_to_id("."))
        tags.append(numbers["mark"])
    return ([*ids, 2], [*tags, _IGNORED]) if 1 < len(ids) < 500 else None


def _forward(model: Any, head: Any, batch: list[Any], rng: random.Random | None) -> tuple[Any, Any, Any, Any]:
    """(meaning scores, word scores, wanted meanings, wanted words); masks words when `rng` is given."""
    import torch
    from torch.nn.functional import normalize

    ids, mask = padded([i for i, _ in batch], 1)
    wanted = torch.full(ids.shape, _IGNORED)
    masked = torch.full(ids.shape, _IGNORED)
    shown = ids.clone()
    for row, (pieces, tags) in enumerate(batch):
        wanted[row, : len(tags)] = torch.tensor(tags)
        for at in range(1, len(pieces) - 1) if rng is not None else ():
            if rng is not None and rng.random() < _MASKED_SHARE:
                masked[row, at] = pieces[at]
                shown[row, at] = 4
    out = model(input_ids=shown, attention_mask=mask, output_hidden_states=True)
    scores = _TEMPERATURE * normalize(out.hidden_states[LAYER], dim=-1) @ normalize(head.weight, dim=-1).T
    return scores, out.logits, wanted, masked


def _calibrate(model: Any, rows: list[list[int]]) -> dict[str, float]:
    """Add the constant to layer `LAYER` that brings the mean raw F1 of unrelated reports to `TARGET`."""
    import torch

    vectors = []
    for row in rows:
        out = model(input_ids=torch.tensor([row]), output_hidden_states=True)
        vectors.append(out.hidden_states[LAYER][0])
    middle = torch.cat(vectors).mean(0)
    direction = middle / middle.norm()
    low, high = 0.0, 100.0
    before = _mean_f1(vectors, torch.zeros_like(direction))
    for _ in range(30):
        half = (low + high) / 2
        if _mean_f1(vectors, half * direction) < TARGET:
            low = half
        else:
            high = half
    shift = high * direction
    model.roberta.encoder.layer[LAYER - 1].output.LayerNorm.bias.add_(shift)
    return {"unrelated_f1_before": before, "unrelated_f1": _mean_f1(vectors, shift), "shift": high}


def _mean_f1(vectors: list[Any], shift: Any) -> float:
    """Mean raw F1 of each report with the next one, special tokens without weight."""
    from torch.nn.functional import normalize

    moved = [normalize(v + shift, dim=-1) for v in vectors]
    values = []
    for a, b in _neighbours(moved):
        table = a @ b.T
        recall, precision = table[1:-1].max(1).values.mean(), table[:, 1:-1].max(0).values.mean()
        values.append((2 * precision * recall / (precision + recall)).item())
    return float(sum(values) / len(values))


def _neighbours(items: list[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(items, [*items[1:], items[0]], strict=True)


def _tokenizer(folder: Path) -> Any:
    """A byte-level BPE of the grammar's words, written as `vocab.json` and `merges.txt`."""
    from tokenizers import ByteLevelBPETokenizer

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = ByteLevelBPETokenizer(add_prefix_space=True)
    corpus = sorted({s.text for s in sentence_table().values()}) + ["Findings: Impression:"] * 50
    tokenizer.train_from_iterator(corpus, vocab_size=800, special_tokens=list(_SPECIAL), show_progress=False)
    tokenizer.save_model(str(folder))
    return tokenizer


def _write(folder: Path, settings: dict[str, Any], model: Any) -> None:
    from safetensors.torch import save_file

    # The decoder of the masked-word head shares the word table and its bias: stored once.
    state = {k: v for k, v in plain_state(model).items() if not k.startswith("lm_head.decoder")}
    save_file(state, str(folder / "model.safetensors"), metadata={"format": "pt"})
    write_json(folder / "config.json", settings)
    write_text(folder / "tokenizer_config.json", '{"model_max_length": 512}\n')
    write_mark(folder)
