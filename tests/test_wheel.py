"""The wheel: small, complete, and working in an environment outside a checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.needs import reason

from evaluator.core.version import __version__
from evaluator.datasets.sandbox.generate import submission_files

wheel_builder = pytest.importorskip("hatchling.builders.wheel", reason=reason("dev"))
ROOT = Path(__file__).parents[1]
MAX_BYTES = 4_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    (path,) = wheel_builder.WheelBuilder(str(ROOT)).build(
        directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"]
    )
    return Path(path)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Calls `python -m evaluator` of an environment with the wheel and this one's libraries, in an empty folder."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    (packages,) = (folder / "venv/lib").glob("python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    # Their own .pth files are not followed, so the checkout, which one of them names, stays out.
    libraries = [p for p in sys.path if "site-packages" in p]
    (packages / "libraries.pth").write_text("\n".join(libraries))
    home = folder / "home"
    home.mkdir()
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("REXRANK_", "GITHUB_", "GH_", "PYTHON"))
    }

    def call(*args):
        command = [folder / "venv/bin/python", "-P", *args]
        return subprocess.run(
            command, cwd=home, env={**clean, "PATH": "/nowhere"}, capture_output=True, text=True, check=False
        )

    return home, call


def test_the_wheel_is_small_and_holds_what_it_needs(wheel):
    assert wheel.stat().st_size <= MAX_BYTES
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert f"rexrank_challenge-{__version__}.dist-info/entry_points.txt" in names
    for path in [
        *(ROOT / "evaluator/schemas").glob("*.json"),
        *(ROOT / "evaluator/datasets/manifests").glob("*"),
    ]:
        assert path.relative_to(ROOT).as_posix() in names
    assert {
        "evaluator/datasets/challenge.toml",
        "evaluator/models/weights.toml",
        "evaluator/datasets/iu-xray.yaml",
        "evaluator/py.typed",
    } <= set(names)
    assert not [n for n in names if n.startswith(("tests/", "site/", "evaluator/datasets/sandbox/models/"))]


def test_it_works_outside_a_checkout(installed):
    home, call = installed
    place = call("-c", "import evaluator; print(evaluator.__file__)").stdout
    assert str(home.parent) in place
    assert call("-m", "evaluator", "--version").stdout == f"rexrank {__version__}\n"
    (home / "preds.json").write_text(submission_files()["rexrank-sandbox/near-copy/sandbox.json"])
    (home / "pairs.jsonl").write_text('{"id": "1", "reference": "a b", "prediction": "a b"}\n')
    rexrank = ("-m", "evaluator")
    result = call(*rexrank, "convert", "preds.json", "--dataset", "sandbox", "--out", "submissions/acme/m1")
    assert result.returncode == 0, result.stderr
    output = call(*rexrank, "metric", "bleu_2", "--pairs", "pairs.jsonl", "--format", "json")
    assert json.loads(output.stdout)["scores"]["bleu_2"]
    card = (
        "--institution",
        "A",
        "--contact",
        "octocat",
        "--year",
        "2026",
        "--description",
        "It looks.",
        "--license",
        "MIT",
    )
    more = (
        "--views",
        "frontal",
        "--context",
        "none",
        "--training-data",
        "none",
        "--no-external-llm",
        "--deterministic",
    )
    send = ("submit", "preds.json", "--dataset", "sandbox", "--team", "acme", "--model", "m1", *card, *more)
    assert call(*rexrank, *send).returncode == 1
    dry = call(*rexrank, "submit", "submissions/acme/m1", "--dry-run")
    assert (dry.returncode, "Nothing was sent" in dry.stdout) == (0, True), dry.stderr
    checked = call(*rexrank, "validate", "submissions/acme/m1")
    assert (checked.returncode, "Next: rexrank submit submissions/acme/m1" in checked.stdout) == (0, True)


def test_its_hints_are_right_there(installed):
    _, call = installed
    demo = call("-m", "evaluator", "demo")
    assert (demo.returncode, "git clone" in demo.stderr) == (1, True)
    hint = call("-c", "from evaluator.core.installation import install_hint as h; print(h('score'))").stdout
    assert hint == "pip install 'rexrank-challenge[score]'\n"
