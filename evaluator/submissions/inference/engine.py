"""One interface to Podman and Docker: an image by its digest, run without anything that a model does not need.

Options: https://docs.podman.io/en/latest/markdown/podman-run.1.html and
https://docs.docker.com/reference/cli/docker/container/run/. Both engines accept the options used here.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from evaluator.core.problems import InputError, RexrankError, first_line, visible

EngineName = Literal["podman", "docker"]
USER: Final = "65534:65534"
"""The user nobody: an account that owns nothing, in the container and on the host."""
GPU: Final[Mapping[EngineName, str]] = {"podman": "--device=nvidia.com/gpu=all", "docker": "--gpus=all"}
OWN_TMPFS: Final[Mapping[EngineName, str]] = {"podman": ",notmpcopyup", "docker": ""}
"""Keeps Podman from giving the scratch folder the image's own content and mode."""
PASSED: Final = ("PATH", "HOME", "XDG_RUNTIME_DIR", "DOCKER_HOST", "CONTAINER_HOST", "LANG")
"""The variables of our environment that the engine's client gets, without tokens and folders of references."""
LOG_BYTES: Final = 1_000_000
GRACE: Final = 60.0
"""Seconds within which a killed container must be gone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use."""

    seconds: float = 6 * 3600
    memory_gb: int = 32
    cpus: int = 8
    pids: int = 1024
    scratch_gb: int = 16
    file_gb: int = 1
    """Largest file size, in the scratch folder and in the output."""
    gpu: bool = False


@dataclass(frozen=True, slots=True)
class Mounts:
    """What a container sees of this machine: images and studies to read, and one file to write."""

    images: Path
    studies: Path
    output: Path
    """A folder that the container cannot write to, except for the one file in it."""


class Engine:
    """Podman or docker on this machine."""

    def __init__(self, name: EngineName) -> None:
        """Raises `InputError` if the engine is not installed."""
        found = shutil.which(name)
        if found is None:
            raise InputError(
                f"{name} is not installed here. Install it, or name the other one with --engine."
            )
        self.name, self.path = name, found

    def check_image(self, image: str) -> None:
        """Raises `InputError` unless the image is present under exactly this digest and requests no volume of the host.

        Raises `RexrankError` for an answer of the engine that cannot be read.
        """
        process = self._call("image", "inspect", image)
        if process.returncode:
            raise InputError(
                f"the image is not on this machine. Pull it first, which needs a network: {self.name} pull {image}"
            )
        try:
            (value,) = json.loads(process.stdout)
            digests, config = value.get("RepoDigests") or [], value.get("Config") or {}
        except (ValueError, AttributeError, TypeError) as error:
            raise RexrankError(
                f"{self.name} image inspect gave an unexpected answer: {first_line(error)}"
            ) from error
        if image not in digests:
            raise InputError(
                f"the local image of that name has a different digest ({visible(digests)}). {self.name} pull {image}"
            )
        if config.get("Volumes"):
            raise InputError(
                "the image declares a VOLUME: a folder of this host's disk, without a limit. It must declare none."
            )

    def command(self, image: str, name: str, mounts: Mounts, limits: Limits) -> list[str]:
        """The command that runs the image: no network, nothing writable but scratch and one file, no privileges."""
        memory = f"{limits.memory_gb}g"
        file_bytes = limits.file_gb * 1024**3
        return [
            self.path,
            "run",
            f"--name={name}",
            "--rm",
            "--pull=never",
            "--network=none",
            "--read-only",
            f"--user={USER}",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
            "--ipc=private",
            "--log-driver=none",
            f"--pids-limit={limits.pids}",
            f"--cpus={limits.cpus}",
            f"--memory={memory}",
            f"--memory-swap={memory}",
            "--ulimit=core=0:0",
            "--ulimit=nofile=8192:8192",
            "--ulimit=nproc=16384:16384",
            f"--ulimit=fsize={file_bytes}:{file_bytes}",
            f"--tmpfs=/tmp:rw,nosuid,nodev,exec,size={limits.scratch_gb}g,mode=1777{OWN_TMPFS[self.name]}",
            "--shm-size=2g",
            "--env=HOME=/tmp",
            "--workdir=/tmp",
            *([GPU[self.name]] if limits.gpu else []),
            _bind(mounts.images, "/input/images"),
            _bind(mounts.studies, "/input/studies.json"),
            _bind(mounts.output, "/output", writable=True),
            image,
        ]

    def run(self, image: str, mounts: Mounts, limits: Limits, log: Path) -> None:
        """Returns when the container has succeeded; raises `InputError` if it failed or took too long.

        Its output is in `log`, at most a megabyte.
        """
        name = f"rexrank-infer-{secrets.token_hex(8)}"
        call = self.command(image, name, mounts, limits)
        process = subprocess.Popen(  # noqa: S603 - a list of our own making
            call,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(),
            start_new_session=True,
        )
        reader = threading.Thread(target=_keep, args=(process, log), daemon=True)
        reader.start()
        try:
            process.wait(timeout=limits.seconds)
        except BaseException as error:
            self._end(name, process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise InputError(
                    f"the container took longer than {limits.seconds:g} seconds and was ended."
                ) from error
            raise
        finally:
            reader.join(timeout=GRACE)
        if process.returncode:
            raise InputError(
                f"the container exited with status {process.returncode}; its output is in {log}."
            )

    def _end(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Kills a container and waits for its client."""
        self._call("kill", name)
        try:
            process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - a list of our own making
            [self.path, *words], capture_output=True, text=True, check=False, timeout=GRACE, env=environment()
        )


def _keep(process: subprocess.Popen[bytes], log: Path) -> None:
    """Keeps the beginning of a process's output and discards the rest, so that the process never blocks on a reader."""
    left = LOG_BYTES
    if process.stdout is None:
        return
    with log.open("wb") as out, process.stdout as given:
        while data := os.read(given.fileno(), 65_536):
            out.write(data[:left])
            left = max(0, left - len(data))


def environment() -> dict[str, str]:
    """The environment of the engine's client."""
    return {name: os.environ[name] for name in PASSED if name in os.environ}


def _bind(source: Path, target: str, *, writable: bool = False) -> str:
    """A mount of a file or folder. Raises `InputError` for a path with characters that have a meaning in the option."""
    place = str(source.resolve())
    if "," in place or '"' in place or "\n" in place:
        raise InputError(
            f"{visible(place)}: a path with a comma, a quotation mark or a line break cannot be mounted."
        )
    return f"--mount=type=bind,source={place},target={target}{'' if writable else ',readonly'}"
