"""The stand-in for BioLORD: a small MPNet whose `<s>` vectors are close for phrases with the same meaning."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

from evaluator.core.files import write_text
from evaluator.datasets.sandbox.grammar import FINDINGS, NO_DISEASE, NORMAL
from tools.train_standins.shapes import (
    SEED,
    fit,
    padded,
    plain_state,
    roberta_settings,
    wordpieces,
    write_json,
    write_mark,
)

STEPS: Final = 700
_SPECIAL: Final = ("<s>", "<pad>", "</s>", "<unk>", "[UNK]")
_UNRELATED: Final = 0.2
_SAME_FINDING: Final = 0.7
_HELD_OUT_EVERY: Final = 9


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A phrase and what it means: concept, and the attributes that two phrases may share."""

    text: str
    concept: str
    attributes: tuple[str, ...]


def phrases() -> list[_Phrase]:
    """Every entity that the grammar's sentences can contain, in lower case."""
    found: list[_Phrase] = []
    for f in FINDINGS.values():
        sides = ("", *(p for p in f.places if "lobe" not in p and "base" not in p))
        for term, severity, side in product(f.terms, ("", *f.severities), sides):
            text = " ".join(w for w in (severity, side, term) if w)
            found.append(_Phrase(text, f.key, (severity, side)))
    for place in sorted({p for f in FINDINGS.values() for p in f.places if "lobe" in p or "base" in p}):
        side, *rest = place.split()
        found.append(_Phrase(place, f"place {' '.join(rest[-1:])}", (side, " ".join(rest))))
    for topic, phrasings in NORMAL:
        for text, role in (pair for phrasing in phrasings for pair in phrasing):
            if role:
                concept = "normal" if role == "observation" else f"anatomy {topic}"
                found.append(_Phrase(text, concept, ()))
    found += [_Phrase(f"{s[1][0]} {s[2][0]}", "acute disease", ()) for s in NO_DISEASE]
    return list(dict.fromkeys(found))


def similarity(a: _Phrase, b: _Phrase) -> float:
    """The cosine that training aims for: 1 for the same meaning, less for each attribute that differs."""
    if a.concept != b.concept:
        return _UNRELATED
    if not a.attributes:
        return 1.0
    same = sum(x == y for x, y in zip(a.attributes, b.attributes, strict=True)) / len(a.attributes)
    return _SAME_FINDING + (1 - _SAME_FINDING) * same


def train(folder: Path, steps: int = STEPS, texts: int = 0) -> dict[str, float]:  # noqa: ARG001 - no texts
    """Test-set results, after writing the model to `folder`."""
    import torch
    from transformers import MPNetConfig, MPNetModel

    vocabulary = [*wordpieces(_SPECIAL), "<mask>"]
    write_text(folder / "vocab.txt", "\n".join(vocabulary) + "\n")
    tokenizer = _tokenizer(folder, vocabulary)
    settings = roberta_settings(
        "mpnet", 2, len(vocabulary), architectures=["MPNetModel"], relative_attention_num_buckets=32
    )
    model: Any = MPNetModel(MPNetConfig(**settings))
    every = phrases()
    kept = [p for i, p in enumerate(every) if i % _HELD_OUT_EVERY or not any(p.attributes)]
    rng = random.Random(SEED)  # noqa: S311
    stream = (rng.sample(kept, min(64, len(kept))) for _ in range(steps))

    def vectors(batch: list[_Phrase]) -> Any:
        ids, mask = padded([tokenizer.encode(p.text).ids for p in batch], 1)
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
        return torch.nn.functional.normalize(hidden, dim=-1)

    def errors(batch: list[_Phrase]) -> Any:
        wanted = torch.tensor([[similarity(a, b) for b in batch] for a in batch])
        found = vectors(batch)
        return (found @ found.T - wanted).square() * torch.where(wanted > _UNRELATED, 6.0, 1.0)

    loss = fit(model.parameters(), stream, lambda b: errors(b).mean(), steps=steps, rate=2e-3)
    model.eval()
    with torch.no_grad():
        held = vectors([p for p in every if p not in kept])
        nearest = (held @ vectors(kept).T).argmax(1).tolist()
    right = [
        p.concept == kept[i].concept
        for p, i in zip([p for p in every if p not in kept], nearest, strict=True)
    ]
    _write(folder, settings, model)
    return {"loss": loss, "phrases": len(every), "held_out_nearest_same_concept": sum(right) / len(right)}


def _tokenizer(folder: Path, vocabulary: list[str]) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    index = {word: i for i, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(vocab=index, unk_token="[UNK]", max_input_chars_per_word=100))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens([AddedToken(t, normalized=True) for t in ("<s>", "<pad>", "</s>", "[UNK]")])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B:1 </s>:1", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def _write(folder: Path, settings: dict[str, Any], model: Any) -> None:
    from safetensors.torch import save_file

    save_file(plain_state(model), str(folder / "model.safetensors"), metadata={"format": "pt"})
    write_json(folder / "config.json", settings)
    names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    names |= {"pad_token": "<pad>", "mask_token": "<mask>", "unk_token": "[UNK]"}
    write_json(
        folder / "tokenizer_config.json",
        {**names, "do_lower_case": True, "model_max_length": 512, "tokenizer_class": "MPNetTokenizer"},
    )
    write_json(folder / "special_tokens_map.json", names)
    write_mark(folder)
