"""Where a number comes from: code, packages, weights, machine. Time and git are read only here."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final

from evaluator.core.problems import MetricUnavailable
from evaluator.core.version import __version__
from evaluator.metrics.registry import get_metric
from evaluator.scoring.record import Provenance

PACKAGES: Final = ("bert-score", "numpy", "openai", "rouge-score", "tokenizers", "torch", "transformers")


def provenance(
    metrics: list[str],
    models: Path | None,
    device: str,
    *,
    predictions_sha256: str,
    references_sha256: str,
    pull_request: int | None,
    head_commit: str | None,
) -> Provenance:
    """What was scored, and everything of this machine that a score may depend on."""
    from evaluator.models.weights import weights_digest

    weights: dict[str, str] = {}
    for key in sorted({w for m in metrics for w in get_metric(m).weights}):
        try:
            weights[key] = weights_digest(key, models)
        except MetricUnavailable:
            continue
    return Provenance(
        evaluator_version=__version__,
        evaluator_commit=commit(Path(__file__).parent),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages=package_versions(),
        weights=weights,
        device=device_name(device),
        dtype="float32",
        predictions_sha256=predictions_sha256,
        references_sha256=references_sha256,
        pull_request=pull_request,
        head_commit=head_commit,
    )


def package_versions() -> dict[str, str]:
    """The installed versions of the packages that can move a number."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def device_name(device: str) -> str:
    """`cpu`, or the accelerator's own name if torch knows it."""
    if device == "cpu":
        return device
    import torch

    return f"{device}: {torch.cuda.get_device_name(device)}" if torch.cuda.is_available() else device


def commit(folder: Path) -> str | None:
    """The full commit of the checkout that contains `folder`, or `None` outside a checkout."""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip() or None


def commit_date(folder: Path) -> str | None:
    """The day (UTC) of the commit of the checkout that contains `folder`, or `None` outside a checkout."""
    command = ["git", "-C", str(folder), "show", "-s", "--date=format-local:%Y-%m-%d", "--format=%cd", "HEAD"]
    env = {**os.environ, "TZ": "UTC"}
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True, env=env)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip() or None


def today() -> str:
    """The date in UTC, `YYYY-MM-DD`."""
    return datetime.now(UTC).date().isoformat()
