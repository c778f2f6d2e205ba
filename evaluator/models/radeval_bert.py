"""Token embeddings of RadEvalModernBERT, as bert-score takes them: all 22 layers and the final norm.

The model of RadEvalBERTScore (Xu et al., 2025; jbdel/RadEval). A text is stripped, nothing else, and
truncated to the tokenizer's limit, begin and end tokens included.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from evaluator.models.batches import token_embeddings
from evaluator.models.loading import base_model, check_ids, read_config, reading
from evaluator.models.runtime import Run
from evaluator.models.weights import damaged, model_directory, weights_digest

MODEL: Final = "radeval-modernbert"
LAYER: Final = 22


class Encoder:
    """Token embeddings of texts."""

    def __init__(self, run: Run) -> None:
        folder = model_directory(MODEL, run.models)
        self.run = run
        config = read_config(folder, MODEL)
        with reading(folder / "config.json", MODEL):
            if config.get("num_hidden_layers") != LAYER:
                raise damaged(folder / "config.json", MODEL, f"it does not have {LAYER} layers")
            positions = int(config["max_position_embeddings"])
        self.model = base_model(MODEL, run)
        self.tokenizer, self.begin, self.end, self.pad, longest = _tokenizer(
            folder, weights_digest(MODEL, run.models)
        )
        self.limit = min(longest, positions)
        check_ids(self.tokenizer.get_vocab(), self.model, folder / "tokenizer.json", MODEL)

    def ids(self, text: str) -> list[int]:
        """Token ids with `[CLS]` and `[SEP]`, cut to the tokenizer's limit."""
        inner = self.tokenizer.encode(text, add_special_tokens=False).ids if text else []
        return [self.begin, *inner[: self.limit - 2], self.end]

    def __call__(self, texts: list[str]) -> list[Any]:
        """Per text L2-normalised embeddings, float32 of shape (tokens, hidden + 1); the last column is the weight.

        A token weighs 0 if it is `[CLS]` or `[SEP]`, wherever it occurs, else 1.
        """
        rows, ends = [self.ids(t) for t in texts], {self.begin, self.end}
        return token_embeddings(
            self.model, rows, ends, pad=self.pad, device=self.run.device, limit=self.limit
        )


@lru_cache(maxsize=2)
def _tokenizer(folder: Path, digest: str) -> tuple[Any, int, int, int, int]:  # noqa: ARG001 - it keys the memo
    """The tokenizer, its begin, end and padding ids, and its token limit."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer_config.json"
    with reading(path, MODEL):
        config = json.loads(path.read_text("utf-8"))
        names = [config[k]["content"] if isinstance(config[k], dict) else config[k] for k in _SPECIAL]
        longest = int(config["model_max_length"])
        if longest < 3:
            raise damaged(path, MODEL, "it allows fewer than three tokens")
    path = folder / "tokenizer.json"
    with reading(path, MODEL):
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        begin, end, pad = (tokenizer.token_to_id(name) for name in names)
        if begin is None or end is None or pad is None:
            raise damaged(path, MODEL, "it defines no begin, end and padding tokens")
    return tokenizer, begin, end, pad, longest


_SPECIAL: Final = ("cls_token", "sep_token", "pad_token")
