"""Reads what the machine itself brings: programs, disk, clock, registrations, credentials."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from evaluator.doctor.host.description import Account, Machine
from evaluator.doctor.host.machine import SPACE, TOOLS

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SECONDS: Final = 30
HIDDEN_FILES: Final = (
    ".netrc", ".git-credentials", ".config/gh/hosts.yml", ".config/git/credentials", ".aws/credentials",
    ".config/gcloud/application_default_credentials.json", ".azure/msal_token_cache.json", ".kube/config",
    ".docker/config.json", ".cache/huggingface/token", ".huggingface/token", ".pypirc", ".config/rclone/rclone.conf",
)  # fmt: skip
_SECRET: Final = re.compile(r"(?:.*_)?(?:TOKEN|SECRET|PASSWORD|API_KEY|ACCESS_KEY|PRIVATE_KEY)(?:_.*)?")
SOFTWARE: Final = ("/opt", "/srv", "/var/lib")
"""Folders, besides the accounts' own, below which programs that are no packages are installed."""


def run(
    command: Sequence[str], env: Mapping[str, str] | None = None, account: Account | None = None
) -> str | None:
    """What a program prints, `None` when it fails or is not there; as another account where one is given."""
    who = pwd.getpwnam(account.name) if account is not None else None
    try:
        done = subprocess.run(  # noqa: S603 - an argument list
            command,
            env={"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent", **(env or {})},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            user=who.pw_uid if who else None,
            group=who.pw_gid if who else None,
            extra_groups=os.getgrouplist(who.pw_name, who.pw_gid) if who else None,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def tools() -> dict[str, str | None]:
    """The version or the place of each program, `None` for one that is not there."""
    found = {name: shutil.which(name, path=PATH) for name in TOOLS}
    return {**found, "git": (run(["git", "--version"]) or "").strip() or None}


def look_machine(prefix: Path, conf: Mapping[str, str]) -> Machine:
    """Disk, clock, registrations and credentials of this machine."""
    home = Path(conf.get("RUNNER_HOME", "/var/lib/rexrank/runner"))
    running = locked(prefix / "etc" / "run-one-job.lock")
    env = home / ".env"
    synchronised = (run(["timedatectl", "show", "--property=NTPSynchronized", "--value"]) or "").strip()
    return Machine(
        free={
            conf[k]: shutil.disk_usage(conf[k]).free for k in SPACE if k in conf and Path(conf[k]).is_dir()
        },
        synchronised={"yes": True, "no": False}.get(synchronised),
        skew=skew(conf.get("SERVER_URL", "https://github.com")),
        credentials=tuple(credentials()),
        registrations=registrations(home),
        services=tuple(sorted(str(p) for p in Path("/etc/systemd/system").glob("actions.runner.*.service"))),
        job_running=running,
        env=tuple(env.read_text("utf-8", "replace").splitlines()) if running and env.is_file() else None,
    )


def locked(path: Path) -> bool:
    """Whether somebody holds the lock of a file."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def skew(server: str) -> float | None:
    """Seconds that this clock is ahead of the server's, `None` without an answer."""
    if not server.startswith(("https://", "http://")):
        return None
    request = urllib.request.Request(server, method="HEAD")  # noqa: S310 - http and https only, see above
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            date = response.headers.get("Date", "")
    except urllib.error.HTTPError as refused:
        # An answer that is no success has a date too.
        with refused:
            date = refused.headers.get("Date", "")
    except (urllib.error.URLError, OSError):
        return None
    try:
        return (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError):
        return None


def main_of(conf: Mapping[str, str]) -> str | None:
    """The commit of main by the repository's own server."""
    url = f"{conf.get('SERVER_URL', 'https://github.com')}/{conf.get('REPOSITORY', '')}"
    said = run(["git", "ls-remote", url, "refs/heads/main"], env={"GIT_TERMINAL_PROMPT": "0"})
    return said.split()[0] if said and said.split() else None


def registrations(home: Path) -> dict[str, bool | None]:
    """The settings of registered runners on this machine, and whether each takes one job only."""
    found = {home / ".runner", *Path("/").glob("actions-runner*/.runner")}
    for folder in (*map(Path, SOFTWARE), *homes()):
        found |= {
            *folder.glob(".runner"),
            *folder.glob("*/.runner"),
            *folder.glob("*/*/.runner"),
        }
    return {str(p): _ephemeral(p) for p in sorted(found) if p.is_file()}


def _ephemeral(path: Path) -> bool | None:
    try:
        # The runner writes a byte order mark.
        value = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError):
        return None
    known = {str(k).lower(): v for k, v in value.items()} if isinstance(value, dict) else {}
    return known.get("ephemeral") is True


def homes() -> list[Path]:
    """The folders of the accounts on this machine."""
    found = {Path(p.pw_dir) for p in pwd.getpwall()} - {Path("/"), Path("/nonexistent")}
    return sorted(p for p in found if p.is_dir())


def credentials() -> list[str]:
    """Files and variables that look as if they opened something."""
    found = [str(path) for home in homes() for name in HIDDEN_FILES if (path := home / name).exists()]
    for home in homes():
        keys = [p for p in home.glob(".ssh/id_*") if p.suffix != ".pub"]
        found += [str(p) for p in sorted(keys)]
    found += [f"the variable {name}" for name in sorted(os.environ) if _SECRET.fullmatch(name)]
    try:
        lines = Path("/etc/environment").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    names = [line.removeprefix("export ").partition("=")[0].strip() for line in lines]
    return found + [f"{name} in /etc/environment" for name in names if _SECRET.fullmatch(name)]
