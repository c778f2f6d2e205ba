"""The stand-in for RaTEScore's entity tagger: a small DeBERTa with the published labels and file formats."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

from evaluator.core.files import write_bytes
from evaluator.datasets.sandbox.grammar import sentence_table
from tools.train_standins.corpus import held_out, held_out_sentences, reports
from tools.train_standins.labels import annotate, known_sentences
from tools.train_standins.shapes import (
    HEADS,
    HIDDEN,
    batches,
    corpus_words,
    fit,
    padded,
    plain_state,
    write_json,
    write_mark,
)

_KINDS: Final = ("ABNORMALITY", "NON-ABNORMALITY", "DISEASE", "NON-DISEASE", "ANATOMY")
LABELS: Final = (*(f"{p}-{k}" for k in _KINDS for p in "BI"), "O")
"""The tags in the published order."""
STEPS: Final = 900
TEXTS: Final = 3_000
_SPECIAL: Final = ("[PAD]", "[CLS]", "[SEP]", "[UNK]")
_IGNORED: Final = -100


def train(folder: Path, steps: int = STEPS, texts: int = TEXTS) -> dict[str, float]:
    """Figures of the test set, after `steps` on `texts` reports and writing the model to `folder`."""
    import torch
    from transformers import DebertaV2Config, DebertaV2ForTokenClassification

    tokenizer = _tokenizer(folder)
    settings = _settings(tokenizer.get_vocab_size())
    model: Any = DebertaV2ForTokenClassification(DebertaV2Config(**settings))
    lines = [s.text for s in sentence_table().values() if not held_out(s)]
    lines += [f"{h}: {t}" for t in lines[::3] for h in ("Findings", "Impression")]
    lines += [" ".join(s.text for s in known_sentences(t)[:2]) for t in reports(texts)]
    items = [_item(tokenizer, t) for t in lines if t]

    def loss_of(batch: list[Any]) -> Any:
        scores, wanted = _scores(model, batch)
        return torch.nn.functional.cross_entropy(
            scores.flatten(0, 1), wanted.flatten(), ignore_index=_IGNORED
        )

    loss = fit(model.parameters(), batches(items, 48, steps), loss_of, steps=steps, rate=3e-3)
    model.eval()
    figures = {"loss": loss}
    sentences = sorted({s.text for t in reports(min(600, texts), test=True) for s in known_sentences(t)})
    with torch.no_grad():
        for name, test in (("sentences", sentences), ("held_out", held_out_sentences())):
            scores, wanted = _scores(model, [_item(tokenizer, t) for t in test])
            right = (scores.argmax(-1) == wanted) | (wanted == _IGNORED)
            figures[f"{name}_token_accuracy"] = right[wanted != _IGNORED].float().mean().item()
            figures[f"{name}_all_right"] = right.all(1).float().mean().item()
    _write(folder, settings, model)
    return figures


def _scores(model: Any, batch: list[Any]) -> tuple[Any, Any]:
    import torch

    ids, mask = padded([i for i, _ in batch], 0)
    wanted = torch.full(ids.shape, _IGNORED)
    for row, (_, tags) in enumerate(batch):
        wanted[row, : len(tags)] = torch.tensor(tags)
    return model(input_ids=ids, attention_mask=mask).logits, wanted


def _item(tokenizer: Any, text: str) -> tuple[list[int], list[int]]:
    """(ids, tags) with the special tokens, both tagged O: the decoder looks one tag ahead."""
    gold = annotate(text)
    owner: dict[int, str] = {}
    for entity in gold.rate:
        for place in range(entity.start, entity.end + 1):
            owner[place] = ("B-" if place == entity.start else "I-") + entity.label
    starts, at = [], 0
    for spelled in gold.words:
        at = text.index(spelled, at)
        starts.append(at)
        at += len(spelled)
    encoding = tokenizer.encode(text)
    tags, last = [], -1
    for (begin, end), special in zip(encoding.offsets, encoding.special_tokens_mask, strict=True):
        word = max((i for i, s in enumerate(starts) if s < end), default=-1) if end > begin else -1
        tag = "O" if special else owner.get(word, "O")
        if tag.startswith("B-") and word == last:
            tag = "I-" + tag[2:]
        last = word if not special else last
        tags.append(LABELS.index(tag))
    return encoding.ids, tags


def _tokenizer(folder: Path) -> Any:
    """The SentencePiece model of the grammar's words, written as `spm.model` and `tokenizer.json`."""
    import sentencepiece
    from tokenizers import (
        AddedToken,
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    spelled = [" ".join(c * 3 for c in map(chr, range(33, 127)))]
    lines = sorted({s.text for s in sentence_table().values()}) + corpus_words() + spelled
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=trained, model_type="unigram", vocab_size=500,
        hard_vocab_limit=False, character_coverage=1.0, num_threads=1, pad_id=0, bos_id=1, eos_id=2, unk_id=3,
        pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]",
        normalization_rule_name="nmt_nfkc", minloglevel=2,
    )  # fmt: skip
    write_bytes(folder / "spm.model", trained.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=trained.getvalue())
    vocabulary = [(pieces.id_to_piece(i), pieces.get_score(i)) for i in range(pieces.get_piece_size())]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Strip(), normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in (*_SPECIAL, "[MASK]")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def _settings(vocabulary: int) -> dict[str, Any]:
    return {
        "architectures": ["DebertaV2ForTokenClassification"],
        "attention_probs_dropout_prob": 0.0,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "hidden_size": HIDDEN,
        "id2label": {i: label for i, label in enumerate(LABELS)},  # noqa: C416 - JSON will spell the keys
        "initializer_range": 0.05,
        "intermediate_size": 2 * HIDDEN,
        "label2id": {label: i for i, label in enumerate(LABELS)},
        "layer_norm_eps": 1e-7,
        "max_position_embeddings": 512,
        "max_relative_positions": -1,
        "model_type": "deberta-v2",
        "norm_rel_ebd": "layer_norm",
        "num_attention_heads": HEADS,
        "num_hidden_layers": 2,
        "pad_token_id": 0,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "position_buckets": 64,
        "relative_attention": True,
        "share_att_key": True,
        "type_vocab_size": 0,
        "vocab_size": vocabulary,
    }


def _write(folder: Path, settings: dict[str, Any], model: Any) -> None:
    from safetensors.torch import save_file

    save_file(plain_state(model), str(folder / "model.safetensors"), metadata={"format": "pt"})
    write_json(folder / "config.json", settings)
    mask = settings["vocab_size"] - 1
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    names |= {"bos_token": "[CLS]", "eos_token": "[SEP]", "mask_token": "[MASK]"}
    write_json(
        folder / "tokenizer_config.json",
        {**names, "do_lower_case": False, "model_max_length": 512, "split_by_punct": False,
         "tokenizer_class": "DebertaV2Tokenizer"},
    )  # fmt: skip
    write_json(folder / "special_tokens_map.json", names)
    write_json(folder / "added_tokens.json", {"[MASK]": mask})
    write_mark(folder)
