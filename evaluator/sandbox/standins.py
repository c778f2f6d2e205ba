"""Small stand-in weights in the real file formats, built from the sandbox's own words in seconds.

They let every step run offline: the loading code is the real one, the numbers are not results. Each
folder holds a file named `STAND-IN`, so that whatever they touch says so in its signature.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from evaluator.encoders.store import STAND_IN_MARK
from evaluator.files import write_text
from evaluator.sandbox.grammar import sentence_table

SEED: Final = 7
HIDDEN: Final = 64
_NOTE: Final = "A small stand-in for rehearsals, built from the sandbox's generator. Scores made with it are not results.\n"


def build(root: Path) -> Path:
    """`root`, after building every stand-in that is not there yet, laid out as a models directory."""
    if not (root / "distilroberta-base" / STAND_IN_MARK).exists():
        _build_roberta(root / "distilroberta-base")
    return root


def _corpus() -> list[str]:
    return sorted({s.text for s in sentence_table().values()})


def _build_roberta(folder: Path) -> None:
    """A RoBERTa with random layers: equal words in like contexts stay alike, which is all a rehearsal needs."""
    import torch
    from safetensors.torch import save_file
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaModel

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = ByteLevelBPETokenizer(add_prefix_space=True)
    tokenizer.train_from_iterator(
        _corpus(),
        vocab_size=700,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        show_progress=False,
    )
    tokenizer.save_model(str(folder))
    config = RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=HIDDEN,
        num_hidden_layers=6,
        num_attention_heads=4,
        intermediate_size=2 * HIDDEN,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        model = RobertaModel(config, add_pooling_layer=False)
        # Large word vectors beside small position vectors: a word's vector depends on the word most.
        with torch.no_grad():
            model.embeddings.word_embeddings.weight.normal_(0.0, 1.0)
            model.embeddings.position_embeddings.weight.normal_(0.0, 0.05)
        state = {k: v.contiguous() for k, v in model.state_dict().items() if not k.endswith("_ids")}
    _write_config(folder, config)
    save_file(state, str(folder / "model.safetensors"))
    write_text(folder / STAND_IN_MARK, _NOTE)


def _write_config(folder: Path, config: Any) -> None:
    values = {
        k: v for k, v in config.to_dict().items() if k not in {"transformers_version", "dtype", "torch_dtype"}
    }
    write_text(folder / "config.json", json.dumps(values, indent=1, sort_keys=True) + "\n")
