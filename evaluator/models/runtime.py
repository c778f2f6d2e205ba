"""What a metric may depend on besides the texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evaluator.core.problems import InputError
from evaluator.core.types import ProgressCallback, Scores
from evaluator.datasets.protocol import ProtocolName

if TYPE_CHECKING:
    from evaluator.models.judges.settings import JudgeSettings
    from evaluator.models.text_cache import TextCache


BATCH_SIZE: Final = 256
"""Texts given to an encoder at a time: bounds what a killed run may lose and how much is padded."""


@dataclass(frozen=True)
class Run:
    """Everything a metric may depend on besides the texts; nothing is read from the environment.

    `models` is a directory laid out as `evaluator/models/weights.py` describes, or `None` for the default;
    `device` is a torch device name; `scores` has the metrics already computed, by key, for those that combine
    others; `variants` maps a metric key to a named variant (`{"radgraph_f1": "radgraph-package"}`) and
    `judges` one to the LLM judge that answers for it.
    """

    protocol: ProtocolName = "clean"
    models: Path | None = None
    device: str = "cpu"
    batch_size: int = BATCH_SIZE
    details: bool = False
    scores: Mapping[str, Scores] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)
    cache: TextCache | None = None
    judges: Mapping[str, JudgeSettings] = field(default_factory=dict)
    progress: ProgressCallback | None = None


def check_device(name: str) -> None:
    """Nothing; raises `InputError` for a Torch device that this machine does not have.

    If Torch is not installed, it does nothing: each metric that needs Torch says so.
    """
    kind, _, number = name.partition(":")
    if kind == "cpu":
        return
    try:
        import torch
    except ModuleNotFoundError:
        return
    backend = {"cuda": torch.cuda, "xpu": torch.xpu, "mps": torch.backends.mps}.get(kind)
    if backend is None or not backend.is_available():
        what = f"PyTorch {torch.__version__} finds no {kind} device on this machine"
    elif kind != "mps" and number and int(number) >= backend.device_count():
        what = f"this machine has {backend.device_count()} {kind} devices, numbered from 0"
    else:
        return
    raise InputError(f"the device {name} cannot be used: {what}. Choose another one, such as cpu.")
