"""Loading transformer models and tokenizers from local folders: offline, no remote code, float32."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from evaluator.core.problems import MetricUnavailable
from evaluator.models.runtime import Run
from evaluator.models.weights import model_directory, weights_digest

SHAPES: Final = "shapes-3"
"""Version of how texts share a forward pass (`batches.py`): it moves the last bits of results."""


def namespace(key: str, operation: str, run: Run) -> str:
    """Everything but the text that an encoder's result depends on, as one line."""
    import tokenizers
    import torch
    import transformers

    versions = (
        f"torch{torch.__version__}|transformers{transformers.__version__}|tokenizers{tokenizers.__version__}"
    )
    kind = run.device.partition(":")[0]
    return f"{key}|{weights_digest(key, run.models)}|{operation}|float32|{SHAPES}|{kind}|{versions}"


def wordpiece_tokenizer(folder: Path) -> Any:
    """The uncased BERT tokenizer of a folder's `vocab.txt`, as `tokenizers.Tokenizer`.

    Built from the vocabulary itself: transformers 5 makes a five-token vocabulary when its class is
    given the file. Special tokens written out in a text are recognised, as the official code does.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

    words = (folder / "vocab.txt").read_text("utf-8").split("\n")
    if words and not words[-1]:
        words.pop()
    vocabulary = {word.rstrip("\r"): index for index, word in enumerate(words)}
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    if lacking := [t for t in special[1:4] if t not in vocabulary]:
        raise MetricUnavailable(f"{folder / 'vocab.txt'} has no {', '.join(lacking)}. Fetch the file again.")
    tokenizer = Tokenizer(
        models.WordPiece(vocab=vocabulary, unk_token="[UNK]", max_input_chars_per_word=100)  # noqa: S106
    )
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in special if t in vocabulary])
    return tokenizer


def read_state(path: Path) -> dict[str, Any]:
    """The tensors of a weights file: safetensors, or a pickle that may hold tensors only."""
    import torch

    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path))
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def load_strictly(model: Any, state: dict[str, Any], name: str, *, may_lack: tuple[str, ...] = ()) -> Any:
    """`model` with the tensors of `state`, in evaluation mode and float32.

    Raises `MetricUnavailable` when a tensor is missing, has another shape or is left over; only
    names that end in one of `may_lack` may be missing, and buffers of positions may be left over.
    """
    state = {k: v for k, v in state.items() if not k.endswith("embeddings.position_ids")}
    wanted = {k: v.shape for k, v in model.state_dict().items()}
    missing = [k for k in wanted if k not in state and not k.endswith(may_lack)]
    wrong = [k for k, v in state.items() if k not in wanted or wanted[k] != v.shape]
    if missing or wrong:
        raise MetricUnavailable(
            f"the weights of {name} do not fit its configuration: {len(missing)} missing {missing[:2]}, "
            f"{len(wrong)} unknown or of another shape {wrong[:2]}. Check them with: rexrank models verify"
        )
    model.load_state_dict(state, strict=False)
    return model.eval().float()


_POSITION_BUFFERS = ("position_ids", "token_type_ids")


@lru_cache(maxsize=8)
def _model(folder: Path, digest: str, device: str, cut: int | None) -> Any:  # noqa: ARG001 - the digest keys the memo
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if cut is not None:
        config.num_hidden_layers = cut
    model: Any = AutoModel.from_config(  # type: ignore[no-untyped-call]
        config, attn_implementation="sdpa", trust_remote_code=False
    )
    path = next(p for n in ("model.safetensors", "pytorch_model.bin") if (p := folder / n).is_file())
    prefix = f"{model.base_model_prefix}."
    raw = read_state(path)
    if any(k.startswith(prefix) for k in raw):
        raw = {k.removeprefix(prefix): v for k, v in raw.items() if k.startswith(prefix)}
    # Checkpoints of other heads and deeper models carry more than is used; nothing used may be missing.
    used = set(model.state_dict())
    state = {k: v for k, v in raw.items() if k in used}
    return load_strictly(model, state, folder.name, may_lack=_POOLER + _POSITION_BUFFERS).to(device)


_POOLER = ("pooler.dense.weight", "pooler.dense.bias")


def base_model(key: str, run: Run, *, layers: int | None = None) -> Any:
    """The encoder of a model folder in evaluation mode, float32, on the run's device.

    `layers` cuts the model after so many. Loaded once per process and content.
    """
    folder = model_directory(key, run.models)
    try:
        return _model(folder, weights_digest(key, run.models), run.device, layers)
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise MetricUnavailable(
            f"the weights of {key} in {folder} cannot be loaded ({str(error)[:200]}). Check them with: rexrank models verify"
        ) from error


def read_config(folder: Path) -> dict[str, Any]:
    """A folder's `config.json`."""
    value: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    return value
