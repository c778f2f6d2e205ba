"""Reads a scoring runner into a description. Root's; nothing is changed, and no check is made here."""

from __future__ import annotations

import fcntl
import grp
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, Final

from evaluator.core.files import sha256_file
from evaluator.core.problems import InputError, RexrankError
from evaluator.doctor.findings import Section, bad, from_json
from evaluator.doctor.host.checks import SETUP, SOCKETS
from evaluator.doctor.host.description import ABSENT, ROLES, Account, Entry, Host, Kind, Layout, read_layout
from evaluator.doctor.host.machine import SPACE, TOOLS
from evaluator.doctor.repository.workflows import Pair, Workflows, checkout, read_workflows

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SECONDS: Final = 30
INSIDE_SECONDS: Final = 2400.0
"""A judge's engine takes minutes to start."""
REGISTRAR: Final = "rexrank-registrar"
EVENTS: Final = (
    "push", "pull_request", "pull_request_target", "workflow_dispatch", "schedule", "issue_comment", "workflow_run",
    "merge_group",
)  # fmt: skip
HIDDEN_FILES: Final = (
    ".netrc", ".git-credentials", ".config/gh/hosts.yml", ".config/git/credentials", ".aws/credentials",
    ".config/gcloud/application_default_credentials.json", ".azure/msal_token_cache.json", ".kube/config",
    ".docker/config.json", ".cache/huggingface/token", ".huggingface/token", ".pypirc", ".config/rclone/rclone.conf",
)  # fmt: skip
SOFTWARE: Final = ("/opt", "/srv", "/var/lib")
"""Folders, besides the accounts' own, below which programs that are no packages are installed."""
_SECRET: Final = re.compile(r"(?:.*_)?(?:TOKEN|SECRET|PASSWORD|API_KEY|ACCESS_KEY|PRIVATE_KEY)(?:_.*)?")
_LINE: Final = re.compile(r"([A-Z_0-9]+)=(.*)")
_RIGHT: Final = re.compile(r"\s+\((?:root|ALL)[^)]*\)\s*(?:[A-Z_]+:\s*)*(.*)")
_TRY: Final = 'for p; do l=; for c in r w x; do [ -$c "$p" ] && l=$l$c; done; echo "$l"; done'
_KINDS: Final[Mapping[int, Kind]] = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


def read_host(prefix: Path, workflows: Path | None = None) -> Host:
    """The runner below `prefix`; raises `InputError` without root's rights.

    `workflows`: the checkout whose workflows this runner takes, where it is not the one this code runs from.
    """
    if os.geteuid() != 0:
        raise InputError("the doctor tries what other accounts may do and needs root: run it with sudo.")
    etc, root = prefix / "etc", checkout()
    conf, wrong = read_conf(etc / "runner.conf")
    described = root / "runner" / "layout" if root else etc / "layout"
    layout = read_layout(described, str(prefix), conf) if described.is_file() else Layout()
    flows = read_workflows(source) if (source := workflows or root) else Workflows()
    accounts = {role: account(conf.get(role, REGISTRAR if role == "REGISTRAR" else "")) for role in ROLES}
    known = {role: who for role, who in accounts.items() if who is not None}
    jobs, elsewhere = ask_hook(prefix, conf, accounts["RUNNER"], flows.names)
    venv = Path(conf["PYTHON"]).parents[1] if "PYTHON" in conf else prefix / "venv"
    site = next(iter(sorted(venv.glob("lib/python3.*/site-packages"))), None)
    archive = Path(conf.get("RUNNER_ARCHIVE", prefix / "actions-runner.tar.gz"))
    home = Path(conf.get("RUNNER_HOME", "/var/lib/rexrank/runner"))
    server, running = conf.get("SERVER_URL", "https://github.com"), locked(etc / "run-one-job.lock")
    tools = {name: shutil.which(name, path=PATH) for name in TOOLS}
    ls_remote = ["git", "ls-remote", f"{server}/{conf.get('REPOSITORY', '')}", "refs/heads/main"]
    clock = run(["timedatectl", "show", "--property=NTPSynchronized", "--value"]) or ""
    paths = [p.path for p in layout.places]
    git = ["git", "-C", str(root)]
    env = lines(home / ".env") if running else None
    disks = [conf[key] for key in SPACE if key in conf and Path(conf[key]).is_dir()]
    listing = {role: run(["sudo", "-n", "-l", "-U", who.name]) or "" for role, who in known.items()}
    return Host(
        prefix=str(prefix),
        conf=conf,
        conf_wrong=wrong,
        layout=layout,
        entries=entries([*paths, str(archive), conf.get("JUDGES", "/")]),
        checkout=digests(root, layout) if root else {},
        taken=jobs,
        taken_elsewhere=elsewhere,
        meant=flows.on_runner,
        salt_characters=len("".join(lines(etc / "salt") or ())),
        accounts=accounts,
        access={role: access(who, [*paths, *SOCKETS]) for role, who in known.items()},
        sudo={role: parse_rights(answer) for role, answer in listing.items()} if tools["sudo"] else None,
        later=tuple(path for who in known.values() for path in starts_later(who)),
        tools={**tools, "git": run(["git", "--version"])},
        python=site.parent.name.removeprefix("python") if site else None,
        packages={plain(d.name): d.version for d in metadata.distributions(path=[str(site)])} if site else {},
        pins=read_pins((root / "requirements" / "constraints.txt").read_text("utf-8")) if root else {},
        needed=needed((root / "pyproject.toml").read_text("utf-8")) if root else frozenset(),
        runner_sha256=sha256_file(archive) if archive.is_file() else None,
        head=first_word(run([*git, "rev-parse", "HEAD"])),
        main=first_word(run(ls_remote, {"GIT_TERMINAL_PROMPT": "0"})),
        changed=first_word(run([*git, "status", "--porcelain"])) is not None,
        free={place: shutil.disk_usage(place).free for place in disks},
        synchronised={"yes": True, "no": False}.get(clock.strip()),
        skew=skew(server),
        credentials=tuple(credentials()),
        registrations=registrations(home),
        services=tuple(sorted(map(str, Path("/etc/systemd/system").glob("actions.runner.*.service")))),
        job_running=running,
        env=env,
    )


def ask_inside(prefix: Path) -> list[Section]:
    """The findings of `isolate.sh doctor`, which looks around as the scorer; one finding when it says nothing."""
    command = [str(prefix / "bin" / "isolate.sh"), "doctor", "--json"]
    fix = "read the private log (LOGS/isolate.log); main must hold a version of rexrank that has the doctor"
    try:
        process = subprocess.run(  # noqa: S603 - an argument list
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=INSIDE_SECONDS, check=False, cwd="/",
        )  # fmt: skip
        return from_json(process.stdout)
    except RexrankError:
        words = (process.stderr.strip().splitlines() or ["it said nothing"])[-1]
    except (OSError, subprocess.TimeoutExpired) as error:
        words, fix = str(error), SETUP
    finding = bad("RD400", "isolate.sh doctor", words, "the findings of main's code from inside", fix)
    return [Section("The scorer, from inside", (finding,))]


def lines(path: Path) -> tuple[str, ...] | None:
    """The lines of a file, `None` where there is none."""
    return tuple(path.read_text("utf-8", "replace").splitlines()) if path.is_file() else None


def first_word(said: str | None) -> str | None:
    """The first word that a program printed, `None` for none."""
    return next(iter((said or "").split()), None)


def run(
    command: Sequence[str], env: Mapping[str, str] | None = None, account: Account | None = None
) -> str | None:
    """What a program prints, `None` when it fails or is not there; as another account where one is given."""
    who = pwd.getpwnam(account.name) if account is not None else None
    try:
        process = subprocess.run(  # noqa: S603 - an argument list
            command, env={"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent", **(env or {})}, cwd="/",
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False,
            user=who.pw_uid if who else None, group=who.pw_gid if who else None,
            extra_groups=os.getgrouplist(who.pw_name, who.pw_gid) if who else None,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout if process.returncode == 0 else None


def read_conf(path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """The keys of runner.conf, and what is wrong with its lines."""
    conf: dict[str, str] = {}
    wrong = []
    for number, line in enumerate(lines(path) or (), 1):
        match = _LINE.fullmatch(line)
        if match and match[1] in conf:
            wrong.append(f"{match[1]} is set twice")
        elif match:
            conf[match[1]] = match[2]
        elif line and not line.startswith("#"):
            wrong.append(f"line {number} is no KEY=value")
    return conf, tuple(wrong)


def entries(paths: Iterable[str]) -> dict[str, Entry]:
    """Paths and the folders above them, as they lie there."""
    return {p: entry(p) for path in paths for p in (path, *map(str, PurePosixPath(path).parents))}


def entry(path: str) -> Entry:
    """A path as it lies there, with the digest of a file."""
    try:
        there = os.lstat(path)
    except OSError:
        return ABSENT
    kind = _KINDS.get(stat.S_IFMT(there.st_mode), "other")
    # A link's own mode is meaningless; where it lies is checked as a folder above.
    mode = 0 if kind == "link" else stat.S_IMODE(there.st_mode)
    owner, group = named(pwd.getpwuid, there.st_uid), named(grp.getgrgid, there.st_gid)
    return Entry(kind, owner, group, mode, sha256_file(Path(path)) if kind == "file" else "")


def named(look: Callable[[int], Any], number: int) -> str:
    """The name of a user or group, the number where there is none."""
    try:
        return str(look(number)[0])
    except KeyError:
        return str(number)


def digests(root: Path, layout: Layout) -> dict[str, str]:
    """What a checkout has for each file that setup.sh installs."""
    return {p.path: sha256_file(root / "runner" / p.source) for p in layout.places if p.kind == "file"}


def ask_hook(
    prefix: Path, conf: Mapping[str, str], runner: Account | None, names: Iterable[str]
) -> tuple[frozenset[Pair], frozenset[Pair]]:
    """What the hook takes of main, and what of another branch or repository; asked as the jobs' user."""
    hook = prefix / "hooks" / "job-started.sh"
    repository = conf.get("JOBS_REPOSITORY") or conf.get("REPOSITORY", "")
    if not hook.is_file() or not repository:
        return frozenset(), frozenset()

    def takes(name: str, event: str, repo: str = repository, ref: str = "refs/heads/main") -> bool:
        flow = f"{repo}/.github/workflows/{name}@{ref}"
        env = {
            "GITHUB_REPOSITORY": repo,
            "GITHUB_REF": ref,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_WORKFLOW_REF": flow,
        }
        return run(["/bin/bash", "-e", str(hook)], env, runner) is not None

    jobs = frozenset((n, e) for n in (*sorted(names), "other.yml") for e in EVENTS if takes(n, e))
    strange = (
        (f"x{repository}", "refs/heads/main"),
        (repository, "refs/heads/other"),
        (repository, "refs/pull/1/merge"),
    )
    return jobs, frozenset(p for p in jobs for repo, ref in strange if takes(*p, repo, ref))


def account(name: str) -> Account | None:
    """The account of a name, `None` for none."""
    try:
        who = pwd.getpwnam(name)
    except KeyError:
        return None
    groups = frozenset(named(grp.getgrgid, g) for g in os.getgrouplist(who.pw_name, who.pw_gid))
    shadow = [line.split(":") for line in lines(Path("/etc/shadow")) or () if line.startswith(f"{name}:")]
    locked = any(fields[1].startswith(("!", "*")) for fields in shadow)
    return Account(who.pw_name, who.pw_uid, groups, who.pw_shell, locked)


def access(who: Account, paths: list[str]) -> dict[str, str]:
    """What an account may do with each path, tried as that account: letters of `rwx`."""
    answer = run(["/bin/sh", "-c", _TRY, "sh", *paths], account=who)
    return dict(zip(paths, (answer or "").split("\n"), strict=False))


def parse_rights(said: str) -> tuple[str, ...]:
    """The commands that `sudo -l` says may be run as root; it goes on with long lines in the next, indented further."""
    lines = re.sub(r"\n {8,}", " ", said).splitlines()
    lists = [match[1] for line in lines if (match := _RIGHT.fullmatch(line))]
    return tuple(part.strip() for line in lists for part in re.split(r"(?<!\\),\s*", line) if part.strip())


def starts_later(who: Account) -> list[str]:
    """What would start something of an account's outside a job."""
    places = [
        f"{p}/{who.name}" for p in ("/var/spool/cron/crontabs", "/var/spool/cron", "/var/lib/systemd/linger")
    ]
    jobs = [*Path("/var/spool/cron/atjobs").glob("*"), *Path("/var/spool/at").glob("*")]
    mine = [str(p) for p in jobs if p.lstat().st_uid == who.uid and p.is_file()]
    return [p for p in places if Path(p).exists()] + mine


def read_pins(text: str) -> dict[str, frozenset[str]]:
    r"""The versions that a constraints file allows for each package; a name may stand for several Pythons.

    >>> read_pins("numpy==2.4.6 ; python_version < '3.12'\nnumpy==2.5.5 ; python_version >= '3.12'")["numpy"] == {"2.4.6", "2.5.5"}
    True
    """
    pins: dict[str, frozenset[str]] = {}
    for name, version in re.findall(r"(?m)^([^#=\s]+)==([^;\s]+)", text):
        pins[plain(name)] = pins.get(plain(name), frozenset()) | {version}
    return pins


def needed(pyproject: str) -> frozenset[str]:
    """The packages that scoring needs by name."""
    project = tomllib.loads(pyproject)["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["score"]]
    return frozenset(plain(re.split(r"[\[<>=!~; ]", line)[0]) for line in lines)


def plain(name: str) -> str:
    """A package's name as indexes write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(path: Path) -> bool:
    """Whether somebody holds the lock of a file."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return isinstance(error, BlockingIOError)
    return False


def skew(server: str) -> float | None:
    """Seconds that this clock is ahead of the server's, `None` without an answer."""
    import requests

    try:
        # An answer that is no success has a date too.
        date = requests.head(server, timeout=10).headers["Date"]
        return (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (requests.RequestException, KeyError, TypeError, ValueError):
        return None


def registrations(home: Path) -> dict[str, bool | None]:
    """The settings of registered runners on this machine, and whether each takes one job only, `None` where unknown."""
    folders = (*map(Path, SOFTWARE), *homes())
    there = {p for folder in folders for depth in ("", "*/", "*/*/") for p in folder.glob(f"{depth}.runner")}
    there |= {home / ".runner", *Path("/").glob("actions-runner*/.runner")}
    return {str(p): _ephemeral(p) for p in sorted(there) if p.is_file()}


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
    folders = {Path(p.pw_dir) for p in pwd.getpwall()} - {Path("/"), Path("/nonexistent")}
    return sorted(p for p in folders if p.is_dir())


def credentials() -> list[str]:
    """Files and variables that look as if they opened something."""
    files = [path for home in homes() for name in HIDDEN_FILES if (path := home / name).exists()]
    files += [p for home in homes() for p in sorted(home.glob(".ssh/id_*")) if p.suffix != ".pub"]
    variables = [line.removeprefix("export ") for line in lines(Path("/etc/environment")) or ()]
    names = [line.partition("=")[0].strip() for line in variables]
    return [
        *map(str, files),
        *(f"the variable {name}" for name in sorted(os.environ) if _SECRET.fullmatch(name)),
        *(f"{name} in /etc/environment" for name in names if _SECRET.fullmatch(name)),
    ]
