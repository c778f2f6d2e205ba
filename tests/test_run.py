"""`run.py`: what it installs, says and runs, with a uv, a venv and a Python that only record their arguments."""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.hangs import HANG

import run as run_py

ROOT = Path(__file__).parents[1]
PYTHON = """#!/bin/sh
echo "python $*" >> "$CALLS"
case "$*" in
"$REFUSE") echo "no such wheel \\342\\234\\205"; exit 1;;
"-c import importlib.metadata as m"*) cat "$0.torch";;
*"pip install"*torch==*) echo "2.13.0$TORCH" > "$0.torch";;
esac
"""
UV = """#!/bin/sh
echo "uv $*" >> "$CALLS"
case "$*" in
venv*) for last; do :; done; mkdir -p "$last/bin"; cp "$FAKE" "$last/bin/python"; : > "$last/pyvenv.cfg";;
$REFUSE) printf 'no such wheel \\342\\234\\205\\n'; exit 1;;
$SLOW) echo waiting; exec sleep 60;;
*torch==*) echo "2.13.0$TORCH" > "${4}.torch";;
esac
"""
VENV = """import os, shutil, sys
folder = sys.argv[-1]
os.makedirs(folder + "/bin")
shutil.copy(os.environ["FAKE"], folder + "/bin/python")
open(folder + "/pyvenv.cfg", "w").close()
"""
CPU = f"pip install --python .venv/bin/python --no-deps --index-url {run_py.CPU_INDEX} torch==2.13.0"
PINNED = "pip install --python .venv/bin/python -c requirements/constraints.txt"


class Checkout:
    """A copy of `run.py` next to the pins, and fake programs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tools, self.calls = folder / "a checkout", folder / "tools", folder / "calls"
        for name in ("run.py", "pyproject.toml", "requirements/constraints.txt"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
        self.tools.mkdir()
        for name in ("uv", "git", "chromium", "node"):
            self.tool(name, UV if name == "uv" else "#!/bin/sh\n")
        self.tool("fake-python", PYTHON)
        for name in ("cp", "mkdir", "cat", "sleep"):
            (self.tools / name).symlink_to(shutil.which(name) or name)
        self.environ = {
            "PATH": str(self.tools),
            "CALLS": str(self.calls),
            "FAKE": str(self.tools / "fake-python"),
            "TORCH": "+cpu",
            "REFUSE": "nothing",
            "SLOW": "nothing",
        }

    def tool(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def run(self, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """What the file printed, and its exit status; clears the `calls` of earlier runs."""
        self.calls.write_text("")
        return subprocess.run(
            [sys.executable, self.folder / "run.py", *args],
            env=self.environ | environ,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def asked(self) -> list[str]:
        """What the programs were asked to do, in order, without queries that change nothing."""
        lines = self.calls.read_text("utf-8").replace(f"{self.folder}/", "").splitlines()
        return [line for line in lines if not line.startswith("python -c")]


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        ((), 1, "python3 run.py demo"),
        (("-h",), 0, "python3 run.py demo"),
        (("--help",), 0, "py run.py demo"),
        (("dmeo",), 1, "there is no 'dmeo'. Wanted: demo or test."),
    ],
)
def test_an_unknown_job_is_explained(checkout, args, status, words):
    outcome = checkout.run(*args)
    assert (outcome.returncode, words in outcome.stdout + outcome.stderr) == (status, True)
    assert checkout.asked() == []


def test_an_older_python_gets_a_clear_message():
    source = (ROOT / "run.py").read_text("utf-8")
    ast.parse(source, feature_version=(3, 6))
    old = "import sys; sys.version_info = (3, 10, 1); exec(open('run.py').read())"
    outcome = subprocess.run(
        [sys.executable, "-c", old], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (outcome.returncode, "needs Python 3.11 or newer; this is 3.10" in outcome.stderr) == (1, True)
    assert "Traceback" not in outcome.stderr


def test_the_first_start_installs_and_the_second_does_not(checkout):
    first = checkout.run("demo", "--serve")
    assert first.returncode == 0, first.stderr
    assert checkout.asked() == [
        f"uv venv --seed --python {sys.executable} .venv",
        f"uv {CPU}",
        f"uv {PINNED} -e .[score]",
        "python -m evaluator demo --serve",
    ]
    for words in ("1/3", "2/3 PyTorch 2.13.0, the CPU build", "3/3", "All done", "source .venv/bin/activate"):
        assert words in first.stdout
    assert "not the CPU build" not in first.stdout
    checkout.run("demo")
    assert checkout.asked() == ["python -m evaluator demo"]
    # Another torch is pinned: its CPU build is requested again.
    pins = checkout.folder / "requirements/constraints.txt"
    pins.write_text(pins.read_text("utf-8").replace("torch==2.13.0", "torch==2.14.0"))
    checkout.run("demo")
    assert checkout.asked()[0] == f"uv {CPU.replace('13', '14')}"
    pins.write_text(pins.read_text("utf-8").replace("torch==2.14.0", "torch==2.13.0"))
    checkout.run("demo")
    # The tests need more; what the demo needs stays.
    assert checkout.run("test", "-k", "x").returncode == 0
    calls = checkout.asked()
    assert calls[0] == f"uv {PINNED} -e .[dev,ray,score,serve]"
    assert sorted(calls[1:]) == sorted(
        [
            "python -m ruff format --check .",
            "python -m ruff check .",
            "python -m mypy",
            "python -m pytest -q -n 2 --dist worksteal -k x",
        ]
    )
    checkout.run("demo")
    assert checkout.asked() == ["python -m evaluator demo"]


def test_pip_works_without_uv(checkout):
    (checkout.tools / "uv").unlink()
    checkout.tool("venv.py", VENV)
    assert checkout.run("demo", PYTHONPATH=str(checkout.tools)).returncode == 0
    pip = "python -m pip install --no-input --no-compile"
    assert checkout.asked() == [
        f"{pip} --no-deps --retries 0 --index-url {run_py.CPU_INDEX} torch==2.13.0",
        f"{pip} -c requirements/constraints.txt -e .[score]",
        "python -m evaluator demo",
    ]


@pytest.mark.parametrize(("torch", "told"), [("", True), ("+cpu", False), ("+cu130", True)])
def test_falling_back_is_reported(checkout, torch, told):
    outcome = checkout.run("demo", REFUSE=CPU.replace(".venv/", f"{checkout.folder}/.venv/"), TORCH=torch)
    assert outcome.returncode == 0
    assert "The CPU build is not available from" in outcome.stdout
    assert "up to 3 GB more" in outcome.stdout
    assert f"uv {PINNED} torch==2.13.0" in checkout.asked()
    assert (f"PyTorch is 2.13.0{torch}, not the CPU build" in outcome.stdout) == told


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_a_failure_shows_the_end_of_its_output_and_the_next_start_resumes(checkout, encoding):
    command = f"{PINNED} -e .[score]".replace(".venv/", f"{checkout.folder}/.venv/").replace("[", r"\[")
    outcome = checkout.run("demo", REFUSE=command, PYTHONIOENCODING=encoding)
    assert outcome.returncode == 2
    assert "| no such wheel" in outcome.stdout
    assert "run the same command again" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert checkout.run("demo").returncode == 0
    assert checkout.asked() == [f"uv {PINNED} -e .[score]", "python -m evaluator demo"]


def test_all_of_its_own_words_are_ascii():
    assert (ROOT / "run.py").read_text("utf-8").isascii()


@pytest.mark.parametrize("pinned", ["pyproject.toml", "requirements/constraints.txt"])
def test_a_changed_pin_installs_again(checkout, pinned):
    checkout.run("demo")
    path = checkout.folder / pinned
    path.write_text(path.read_text("utf-8").replace("jinja2", "Jinja2").replace("numpy==", "numpy==1"))
    checkout.run("demo")
    assert checkout.asked() == [f"uv {PINNED} -e .[score]", "python -m evaluator demo"]


def test_a_moved_or_broken_environment_is_recreated(checkout):
    checkout.run("demo")
    folder = checkout.folder.rename(checkout.folder.with_name("moved"))
    checkout.folder = folder
    outcome = checkout.run("demo")
    assert "recreating it" in outcome.stdout
    assert f"uv {CPU}" in checkout.asked()
    (folder / ".venv/bin/python").unlink()
    assert "recreating it" in checkout.run("demo").stdout
    (folder / ".venv/rexrank.json").write_text("{")
    assert f"uv {PINNED} -e .[score]" in (checkout.run("demo"), checkout.asked())[1]


def test_a_folder_that_is_not_an_environment_is_left_alone(checkout):
    (checkout.folder / ".venv").mkdir()
    (checkout.folder / ".venv/mine").write_text("x")
    outcome = checkout.run("demo")
    assert (outcome.returncode, "is not a Python environment" in outcome.stderr) == (2, True)
    assert (checkout.folder / ".venv/mine").is_file()


@pytest.mark.parametrize(
    ("lacks", "status", "words"),
    [
        ("git", 2, "git is missing"),
        ("chromium", 0, "Chromium is missing: the tests of the site's pages will be skipped"),
        ("node", 0, ""),
    ],
)
def test_what_the_tests_lack_is_named_with_its_command(checkout, lacks, status, words):
    (checkout.tools / lacks).unlink()
    checkout.tool("apt-get", "#!/bin/sh\n")
    outcome = checkout.run("test")
    assert outcome.returncode == status
    output = outcome.stdout + outcome.stderr
    assert words in output
    if words:
        assert f"apt-get install -y {lacks}" in output
    assert checkout.run("demo").returncode == 0


def test_a_failed_check_exits_1(checkout):
    checkout.run("test")
    checkout.tool("fake-python", '#!/bin/sh\ncase "$*" in *mypy*) exit 1;; *pytest*) exit 5;; esac\n')
    shutil.copy(checkout.tools / "fake-python", checkout.folder / ".venv/bin/python")
    outcome = checkout.run("test")
    assert (outcome.returncode, "All done" in outcome.stdout) == (1, False)


@pytest.mark.parametrize(
    ("programs", "user", "program", "line"),
    [
        (("apt-get", "sudo"), 1000, "git", "with: sudo apt-get update && sudo apt-get install -y git"),
        (("apt-get",), 1000, "git", "as root with: apt-get update && apt-get install -y git"),
        (("apt-get",), 0, "node", "it with: apt-get update && apt-get install -y nodejs"),
        (("apt-get",), 0, "venv", "apt-get install -y python3"),
        (("dnf", "sudo"), 1000, "chromium", "with: sudo dnf install -y chromium"),
        (("brew", "sudo"), 1000, "node", "it with: brew install node"),
        (("winget",), 0, "git", "it with: winget install Git.Git"),
        (("dnf",), 0, "venv", "https://www.python.org, or uv"),
        ((), 1000, "git", "this system's package manager: git"),
    ],
)
def test_how_to_install(monkeypatch, programs, user, program, line):
    monkeypatch.setattr(shutil, "which", lambda name: name if name in programs else None)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert line in run_py.how(program)


@pytest.mark.parametrize("lacks", ["venv", "ensurepip"])
def test_a_python_without_venv_is_reported_first(monkeypatch, tmp_path, lacks):
    monkeypatch.setattr(run_py, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(run_py.importlib.util, "find_spec", lambda name: None if name == lacks else name)
    with pytest.raises(run_py.Failure, match=f"no venv or no pip .{lacks} missing"):
        run_py.tell_missing("demo")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_installation(checkout, number, status):
    checkout.calls.write_text("")
    process = subprocess.Popen(
        [sys.executable, "-u", checkout.folder / "run.py", "demo"],
        env=checkout.environ | {"SLOW": "*-e*"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "3/3" in line:
            break
    process.send_signal(number)
    try:
        _, errors = process.communicate(timeout=HANG)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert (process.returncode, "Run the same command again to resume" in errors) == (status, True)
    assert not (checkout.folder / ".venv/rexrank.json").exists()


def test_the_cpu_index_is_named_here_only():
    tops = ("*.md", "*.toml", "*.py", ".ci/*", ".github/**/*", "requirements/*", "tools/*")
    kinds = ("evaluator/**/*.py", "runner/**/*", "site/**/*.md", "tools/**/*.py", "benchmarks/*")
    files = sorted({f for pattern in (*tops, *kinds) for f in ROOT.glob(pattern) if f.is_file()})
    names = [f.name for f in files if b"download.pytorch" in f.read_bytes()]
    assert (names, len(files) > 300) == (["run.py"], True)
