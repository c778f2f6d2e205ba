"""The machines that jobs run on: a hosted one with Python and pip, and the runner with the references."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from support import warm

from rehearsal.git import git

if TYPE_CHECKING:
    from rehearsal.executor import Executor
    from rehearsal.runs import JobRun

KIT: Final = Path(__file__).parents[3] / "runner"
# Makes sure that only the code of the job's checkout is imported.
PROOF: Final = """\
import os, evaluator
assert evaluator.__file__.startswith(os.environ["PYTHONPATH"] + "/"), evaluator.__file__
"""
ENTRY: Final = 'import sys; from evaluator.cli import main; sys.argv[0] = "rexrank"; main()'
# Records whose code a command runs, and runs it as a fork of a Python that has loaded the libraries.
RUN: Final = """\
printf '%s\\t%s\\t%s %s\\n' "$GITHUB_RUN_ID" "$GITHUB_JOB" "$(git -C "$PYTHONPATH" rev-parse HEAD)" "$*" >>"{calls}"
export PYTHONPYCACHEPREFIX="{cache}"
exec "{python}" -I -S "{warm}" run "{socket}" '{proof}'"$code" "$@"
"""
# A machine with nothing of the project: `pip` takes a list of digests and nothing else, and what it would install
# already exists. Without it no command of the project runs.
HOSTED_PYTHON: Final = (
    """\
#!/bin/bash
installed="$(dirname "$0")/installed"
if [ "${{1-}} ${{2-}}" = "-P -c" ]; then
    [ -f "$installed" ] || {{ echo "ModuleNotFoundError: No module named 'github'" >&2; exit 1; }}
    code=$3
    shift 3
"""
    + RUN
    + """\
fi
if [ "${{1-}} ${{2-}} ${{3-}}" != "-m pip install" ]; then
    exec "{python}" "$@"
fi
shift 3
hashes= binary= list=
while [ $# -gt 0 ]; do
    case $1 in
    --no-input | --disable-pip-version-check | --no-cache-dir | --no-deps) shift ;;
    --require-hashes) hashes=yes; shift ;;
    --only-binary) binary=$2; shift 2 ;;
    -r) list=$2; shift 2 ;;
    *) echo "the rehearsal's pip does not know $1" >&2; exit 2 ;;
    esac
done
[ "$hashes" = yes ] && [ "$binary" = :all: ] || {{ echo "ERROR: wanted digests and wheels only" >&2; exit 1; }}
[ -s "$list" ] || {{ echo "ERROR: Could not open requirements file: $list" >&2; exit 1; }}
grep -q -- '--hash=sha256:' "$list" || {{ echo "ERROR: Hashes are required in --require-hashes mode" >&2; exit 1; }}
touch "$installed"
"""
)
# The Python of the runner's own environment.
VENV_PYTHON: Final = (
    """\
#!/bin/bash
[ "$1 $2" = "-P -c" ] || exec "{python}" "$@"
code=$3
shift 3
"""
    + RUN
)
SUDO: Final = """\
#!/bin/bash
exec "{python}" "{script}" "{settings}" "$@"
"""


@dataclass(frozen=True)
class Runner:
    """The machine with the references. A job learns `folder`'s parts; `secrets` is the scorer's environment.

    With `door`, the scorer runs behind the runner kit's own isolated-rexrank.sh, and the job never sees
    `secrets`; without it, the job has them, as on a machine set up by hand.
    """

    folder: Path
    secrets: dict[str, str]
    door: bool = True

    def numbered(self, machine: int) -> Runner:
        """The machine with this number, from 0, with the same store and references."""
        return self if not machine else replace(self, folder=self.folder.with_name(f"machine-{machine + 1}"))

    def moved(self, old: Path, new: Path) -> Runner:
        """The same machine under another root."""
        secrets = {k: v.replace(str(old), str(new)) for k, v in self.secrets.items()}
        return Runner(new / self.folder.relative_to(old), secrets, self.door)


def script(path: Path, text: str, **values: object) -> None:
    """Writes an executable script with its placeholders filled in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.format(**values))
    path.chmod(0o755)


def known(executor: Executor) -> dict[str, object]:
    """The placeholders of the machines' scripts."""
    return {
        "python": sys.executable,
        "calls": executor.calls,
        "cache": executor.cache,
        "warm": Path(warm.__file__),
        "socket": executor.warm,
        "proof": PROOF,
        "entry": ENTRY,
    }


def hosted(job: JobRun, folder: Path) -> None:
    """A Python, first on the job's PATH, that runs the project once `pip` has taken its list of digests."""
    for name in ("python", "python3"):
        script(folder / "bin" / name, HOSTED_PYTHON, **known(job.executor))
    job.path.insert(0, str(folder / "bin"))


def runner_environment(executor: Executor, machine: int = 0) -> dict[str, str]:
    """The runner's .env for every job, after setting up the machine if necessary."""
    if executor.runner is None:
        return {}
    runner = executor.runner.numbered(machine)
    if not (runner.folder / "venv").exists():
        script(runner.folder / "venv/bin/python", VENV_PYTHON, **known(executor))
        kit = runner.folder / "opt/bin"
        kit.mkdir(parents=True)
        shutil.copy(KIT / "isolated-rexrank.sh", kit)
        settings = runner.folder / "settings.json"
        variables = {
            **{k: str(v) for k, v in known(executor).items()},
            "isolate": str(kit / "isolate.sh"),
            "released": str(KIT / "released.py"),
            "scratch": str(executor.workspaces / ("isolated" if not machine else f"isolated-{machine + 1}")),
            "repository": executor.repository,
            "server": executor.state.base_url,
            "secrets": runner.secrets,
        }
        settings.write_text(json.dumps(variables))
        isolate = Path(__file__).with_name("isolate.py")
        script(runner.folder / "sudo/sudo", SUDO, python=sys.executable, script=isolate, settings=settings)
    environment = {"REXRANK_VENV": str(runner.folder / "venv")}
    if not runner.door:
        return {**environment, **runner.secrets}
    return {**environment, "REXRANK_ISOLATE": str(runner.folder / "opt/bin/isolated-rexrank.sh")}


def steady_times(target: Path) -> None:
    """Gives each Python file a time derived from its content, so that compiled files can be kept between jobs."""
    for line in git(target, "ls-files", "-s", "*.py").splitlines():
        meta, _, path = line.partition("\t")
        when = 1_000_000_000 + int(meta.split()[1][:7], 16)
        if not (target / path).is_symlink():
            os.utime(target / path, (when, when))
