"""Loading transformer models and tokenizers from local folders: offline, no remote code, float32."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evaluator.core.problems import MetricUnavailable, first_line
from evaluator.models.runtime import Run
from evaluator.models.weights import WEIGHT_NAMES, damaged, model_directory, weights_digest

if TYPE_CHECKING:
    import torch

SHAPES: Final = "shapes-3"
"""Version of how texts share a forward pass (`batches.py`), which affects the last bits of results."""


MAX_TEXT_BYTES: Final = 64 << 20
"""Most bytes in a configuration, vocabulary or tokenizer; the largest that a metric uses has 9 MB."""
MAX_CONFIG_NUMBER: Final = 1_000_000
"""Largest number in a configuration: more than any vocabulary has entries."""
MAX_LAYERS: Final = 200


@contextmanager
def reading(path: Path, key: str) -> Iterator[None]:
    """A block in which any failure becomes a `MetricUnavailable` with the file, the reason and the fix.

    torch, safetensors, tokenizers and transformers raise nearly anything for a damaged file, plain
    `Exception` and `EOFError` included; all of it is caught here and nowhere else.
    """
    try:
        _check_file(path)
        yield
    except (MetricUnavailable, ModuleNotFoundError):
        raise
    except Exception as error:
        raise damaged(path, key, error) from error
    except BaseException as error:
        if not is_panic(error):
            raise
        raise damaged(path, key, first_line(error)) from error


def is_panic(error: BaseException) -> bool:
    """Whether a library in Rust panicked: not an `Exception`, and recognised only by its name."""
    return type(error).__name__ == "PanicException"


def _check_file(path: Path) -> None:
    """Raises for anything but a regular file (opening a pipe would block) and for a text that is too long."""
    if path.exists() and not path.is_file():
        raise ValueError("it is not a file")
    if path.suffix not in _TENSOR_SUFFIXES and path.is_file() and path.stat().st_size > MAX_TEXT_BYTES:
        raise ValueError(f"it is larger than {MAX_TEXT_BYTES >> 20} MB")


_TENSOR_SUFFIXES: Final = frozenset({".bin", ".gz", ".model", ".pth", ".safetensors", ".th"})


def namespace(key: str, operation: str, run: Run) -> str:
    """Everything except the text that an encoder's result depends on, as one line."""
    import tokenizers
    import torch
    import transformers

    versions = (
        f"torch{torch.__version__}|transformers{transformers.__version__}|tokenizers{tokenizers.__version__}"
    )
    kind = run.device.partition(":")[0]
    return f"{key}|{weights_digest(key, run.models)}|{operation}|float32|{SHAPES}|{kind}|{versions}"


def wordpiece_tokenizer(folder: Path, key: str) -> Any:
    """The uncased BERT tokenizer of a folder's `vocab.txt`, as `tokenizers.Tokenizer`.

    Built from the vocabulary itself: given the file, the class of transformers 5 makes a five-token
    vocabulary. Special tokens written out in a text are recognised, as in the official code. Raises
    `MetricUnavailable` for a damaged vocabulary.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

    path = folder / "vocab.txt"
    with reading(path, key):
        words = path.read_text("utf-8").split("\n")
        if words and not words[-1]:
            words.pop()
        vocabulary = {word.rstrip("\r"): index for index, word in enumerate(words)}
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        if lacking := [t for t in special[1:4] if t not in vocabulary]:
            raise damaged(path, key, f"it has no {', '.join(lacking)}")
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


def check_ids(vocabulary: Mapping[str, int], model: Any, path: Path, key: str) -> None:
    """Nothing; raises `MetricUnavailable` if a tokenizer gives ids without an embedding in the model."""
    rows, last = int(model.config.vocab_size), max(vocabulary.values(), default=-1)
    if not 0 <= last < rows:
        raise damaged(path, key, f"it gives ids up to {last}, but the model has {rows} embeddings")


def read_state(path: Path, key: str) -> dict[str, Any]:
    """The tensors of a weights file by name: safetensors, or a pickle restricted to tensors.

    Raises `MetricUnavailable` for a file that is damaged or contains anything else.
    """
    import torch

    with reading(path, key):
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or not all(isinstance(k, str) for k in state):
            raise damaged(path, key, "it contains no tensors by name")
        return state


def read_weights(folder: Path, key: str) -> tuple[Path, dict[str, Any]]:
    """A model folder's weights file and its tensors. Raises `MetricUnavailable` when there is none."""
    path = next((p for n in WEIGHT_NAMES if (p := folder / n).is_file()), None)
    if path is None:
        raise damaged(folder, key, f"it has neither {' nor '.join(WEIGHT_NAMES)}")
    return path, read_state(path, key)


def fitted(
    make: Callable[[], Any],
    state: Mapping[str, Any],
    path: Path,
    key: str,
    *,
    may_lack: tuple[str, ...] = (),
) -> Any:
    """The model that `make` builds with the tensors of `state`, in evaluation mode and float32.

    The model is first built without allocating memory, so that a configuration of any size costs nothing
    until its shapes are known to match the weights. Raises `MetricUnavailable` when a tensor is missing, has
    another shape, is left over or contains anything that is not a number; only names that end in one of
    `may_lack` may be missing, and position buffers may be left over.
    """
    import torch

    with reading(path, key):
        state = {k: v for k, v in state.items() if not k.endswith("embeddings.position_ids")}
        if not all(isinstance(v, torch.Tensor) for v in state.values()):
            raise damaged(path, key, "it contains something other than tensors")
        wanted = {k: v.shape for k, v in without_memory(make).state_dict().items()}
        missing = [k for k in wanted if k not in state and not k.endswith(may_lack)]
        wrong = [k for k, v in state.items() if k not in wanted or wanted[k] != v.shape]
        if missing or wrong:
            raise damaged(
                path,
                key,
                f"its tensors do not fit the configuration: {len(missing)} missing {missing[:2]}, "
                f"{len(wrong)} unknown or of the wrong shape {wrong[:2]}",
            )
        check_numbers(state, path, key)
        model = make()
        model.load_state_dict(state, strict=False)
        return model.eval().float()


def without_memory(make: Callable[[], Any]) -> Any:
    """The model that `make` builds, with the shapes of its tensors but without their values."""
    import torch

    with torch.device("meta"):
        return make()


def check_numbers(tensors: Mapping[str, torch.Tensor], path: Path, key: str) -> None:
    """Nothing; raises `MetricUnavailable` if a tensor is not a plain one of real, finite numbers."""
    import torch

    for name, tensor in tensors.items():
        if tensor.layout is not torch.strided or tensor.is_complex() or tensor.is_quantized:
            raise damaged(path, key, f"{name} is not a plain tensor of real numbers")
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise damaged(path, key, f"{name} contains values that are not finite")


_POSITION_BUFFERS = ("position_ids", "token_type_ids")


@lru_cache(maxsize=8)
def _model(folder: Path, digest: str, device: str, layers: int | None) -> Any:  # noqa: ARG001 - the digest keys the memo
    from transformers import AutoConfig, AutoModel

    key = folder.name
    read_config(folder, key)
    with reading(folder / "config.json", key):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if layers is not None:
            config.num_hidden_layers = layers

        def make() -> Any:
            return AutoModel.from_config(  # type: ignore[no-untyped-call]
                config, attn_implementation="sdpa", trust_remote_code=False
            )

        empty = without_memory(make)
    path, raw = read_weights(folder, key)
    prefix = f"{empty.base_model_prefix}."
    if any(k.startswith(prefix) for k in raw):
        raw = {k.removeprefix(prefix): v for k, v in raw.items() if k.startswith(prefix)}
    # Checkpoints with other heads or more layers contain more than is used; nothing used may be missing.
    keys = set(empty.state_dict())
    state = {k: v for k, v in raw.items() if k in keys}
    return fitted(make, state, path, key, may_lack=_POOLER + _POSITION_BUFFERS).to(device)


_POOLER = ("pooler.dense.weight", "pooler.dense.bias")


def base_model(key: str, run: Run, *, layers: int | None = None) -> Any:
    """The encoder of a model folder in evaluation mode, float32, on the run's device.

    `layers` keeps only the first layers. Loaded once per process and content.
    """
    folder = model_directory(key, run.models)
    return _model(folder, weights_digest(key, run.models), run.device, layers)


def read_config(folder: Path, key: str) -> dict[str, Any]:
    """The values of a folder's `config.json`. Raises `MetricUnavailable` for implausible numbers."""
    path = folder / "config.json"
    with reading(path, key):
        value = json.loads(path.read_text("utf-8"))
        if not isinstance(value, dict):
            raise damaged(path, key, "it is not a JSON object")
        if not all(math.isfinite(n) and abs(n) <= MAX_CONFIG_NUMBER for n in _numbers(value)):
            raise damaged(path, key, f"it contains a number above {MAX_CONFIG_NUMBER:,}")
        if int(value.get("num_hidden_layers", 1)) not in range(1, MAX_LAYERS + 1):
            raise damaged(path, key, f"it asks for {value['num_hidden_layers']} layers")
        return value


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _numbers(inner)
