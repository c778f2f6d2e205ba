"""The stand-in for CheXbert: a small BERT with CheXbert's 14 heads, in the layout of `chexbert.pth`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from evaluator.core.files import write_text
from evaluator.models.chexbert import LABELS
from evaluator.models.loading import wordpiece_tokenizer
from tools.train_standins.corpus import held_out_sentences, reports
from tools.train_standins.labels import chexbert_of
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

_SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_LAYERS: Final = 3
STEPS: Final = 2500
TEXTS: Final = 30_000


def train(folder: Path, steps: int = STEPS, texts: int = TEXTS) -> dict[str, float]:
    """Figures of the test set, after `steps` on `texts` reports and writing the model to `folder`."""
    import torch
    from transformers import BertConfig, BertModel

    write_text(folder / "vocab.txt", "\n".join(wordpieces(_SPECIAL)) + "\n")
    tokenizer = wordpiece_tokenizer(folder, "chexbert")
    settings = bert_settings(tokenizer.get_vocab_size(), _LAYERS)
    bert: Any = BertModel(BertConfig(**settings))
    heads = torch.nn.ModuleList(torch.nn.Linear(HIDDEN, 2 if i == 13 else 4) for i in range(14))
    items = [(_ids(tokenizer, t), chexbert_of(t)) for t in reports(texts)]

    def logits(batch: list[Any]) -> Any:
        ids, mask = padded([i for i, _ in batch], 0)
        vector = bert(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
        return [head(vector) for head in heads]

    def loss_of(batch: list[Any]) -> Any:
        wanted = torch.tensor([c for _, c in batch])
        return sum(torch.nn.functional.cross_entropy(x, wanted[:, i]) for i, x in enumerate(logits(batch)))

    loss = fit(
        [*bert.parameters(), *heads.parameters()], batches(items, 48, steps), loss_of, steps=steps, rate=2e-3
    )
    bert.eval()
    figures = {"loss": loss}
    for name, tests in (("reports", reports(min(600, texts), test=True)), ("held_out", held_out_sentences())):
        with torch.no_grad():
            test = [(_ids(tokenizer, t), chexbert_of(t)) for t in tests]
            found = torch.stack([x.argmax(-1) for x in logits(test)], 1)
        right = found == torch.tensor([c for _, c in test])
        figures[f"{name}_accuracy"] = right.float().mean().item()
        figures[f"{name}_all_14_right"] = right.all(1).float().mean().item()
    _write(folder, settings, bert, heads)
    return figures


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(f"[CLS] {text} [SEP]").ids
    return ids


def _write(folder: Path, settings: dict[str, Any], bert: Any, heads: Any) -> None:
    import torch

    assert len(heads) == len(LABELS)
    state = {f"module.bert.{k}": v for k, v in plain_state(bert).items()}
    state |= {f"module.linear_heads.{k}": v for k, v in plain_state(heads).items()}
    torch.save({"epoch": 0, "model_state_dict": state, "optimizer_state_dict": {}}, folder / "chexbert.pth")
    write_json(folder / "config.json", settings)
    write_json(folder / "tokenizer_config.json", {"do_lower_case": True, "model_max_length": 512})
    write_mark(folder)
