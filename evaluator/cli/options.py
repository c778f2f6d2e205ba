"""Options that several commands share."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

import typer


class Protocol(StrEnum):
    """The text protocols."""

    clean = "clean"
    compat = "compat"


MetricKind = Literal["mean", "corpus", "judged"]
"""The kind of a metric: a mean over studies, a corpus metric, or a mean of a language model's judgements."""
_DEVICE: Final = re.compile(r"(?:cpu|cuda|mps|xpu)(?::\d{1,3})?")


def device_name(name: str) -> str:
    """The name of a Torch device as given; raises `typer.BadParameter` for an invalid one."""
    if not _DEVICE.fullmatch(name):
        raise typer.BadParameter(f"{name!r} is not cpu, cuda, mps or xpu, optionally with a number (cuda:1).")
    return name


Device = Annotated[
    str, typer.Option("--device", callback=device_name, help="Torch device: cpu, cuda, cuda:1, …")
]
Models = Annotated[
    Path | None, typer.Option("--models", help="Directory of weights (default: REXRANK_MODELS).")
]
Lock = Annotated[
    Path | None,
    typer.Option(
        "--lock", help="File of commits and digests (default: REXRANK_MODELS_LOCK, or models.lock here)."
    ),
]
References = Annotated[
    Path | None,
    typer.Option("--references", help="Directory of reference files (default: REXRANK_REFERENCES)."),
]
Leaderboard = Annotated[Path, typer.Option("--leaderboard", help="Leaderboard folder.")]
Store = Annotated[
    Path | None,
    typer.Option("--store", help="The runner's store for scores and caches (default: REXRANK_STORE)."),
]
Metrics = Annotated[
    str, typer.Option("--metrics", help="Metric keys, separated by commas (default: those on the boards).")
]

JudgeUrl = Annotated[str, typer.Option("--judge-url", help="OpenAI-compatible endpoint of the LLM judge.")]
JudgeModel = Annotated[str, typer.Option("--judge-model", help="Model served by the judge.")]
JudgeRevision = Annotated[str, typer.Option("--judge-revision", help="Its revision, for the signature.")]
JudgeKeyEnv = Annotated[
    str, typer.Option("--judge-key-env", help="Environment variable with the judge's key.")
]
HostedOk = Annotated[
    list[str] | None,
    typer.Option("--hosted-ok", help="Dataset whose texts may leave this machine; none by default."),
]
JudgesFile = Annotated[
    Path | None,
    typer.Option(
        "--judges",
        help="TOML file that assigns a judge to each metric and says how to start it (see site/metrics).",
    ),
]

Ray = Annotated[
    str,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Run models on a Ray cluster: local (on this machine), auto, or host:port.",
    ),
]
OwnCluster = Annotated[
    bool,
    typer.Option(
        "--own-cluster", help="Confirm that everyone with access to the Ray cluster may read the references."
    ),
]
OverQuota = Annotated[
    bool, typer.Option("--over-quota", help="Withheld datasets: score even if the team's quota is used up.")
]
Variants = Annotated[
    list[str] | None,
    typer.Option(
        "--variant", help="A metric's variant as KEY=NAME, for example ratescore=0.5.0. May be repeated."
    ),
]


def split_names(text: str) -> tuple[str, ...]:
    """The names of a list separated by commas, in its order.

    >>> split_names("bleu_2, rouge_l,")
    ('bleu_2', 'rouge_l')
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())
