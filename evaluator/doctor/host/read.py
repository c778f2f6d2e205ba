"""Reads a scoring runner into a description. Root's; nothing is changed, and no check is made here."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Final

from evaluator.core.files import sha256_file
from evaluator.core.problems import InputError, RexrankError
from evaluator.doctor.findings import Section, bad, from_json
from evaluator.doctor.host import installation as kit_checks
from evaluator.doctor.host.accounts import places_to_try
from evaluator.doctor.host.description import ROLES, Account, Entry, Host, Kind, Kit, People, Software
from evaluator.doctor.host.read_machine import look_machine, main_of, run, tools
from evaluator.doctor.repository.workflows import Pair, checkout, read_workflows

INSIDE_SECONDS: Final = 2400.0
"""A judge's engine takes minutes to start."""
REGISTRAR: Final = "rexrank-registrar"
EVENTS: Final = (
    "push", "pull_request", "pull_request_target", "workflow_dispatch", "schedule", "issue_comment", "workflow_run",
    "merge_group",
)  # fmt: skip
_LINE: Final = re.compile(r"([A-Z_0-9]+)=(.*)")
_RIGHT: Final = re.compile(r"\s+\((?:root|ALL)[^)]*\)\s*(?:[A-Z_]+:\s*)*(.*)")
_TRY: Final = (
    'for p; do l=; [ -r "$p" ] && l=r; [ -w "$p" ] && l=${l}w; [ -x "$p" ] && l=${l}x; echo "$l"; done'
)
_KINDS: Final[Mapping[int, Kind]] = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


def look(prefix: Path, workflows: Path | None = None) -> Host:
    """The runner below `prefix`; raises `RexrankError` without root's rights.

    `workflows`: the checkout whose workflows this runner takes, where it is not the one this code runs from.
    """
    if os.geteuid() != 0:
        raise InputError("the doctor tries what other accounts may do and needs root: run it with sudo.")
    conf, wrong = read_conf(prefix / "etc" / "runner.conf")
    accounts = {role: account(conf.get(role, REGISTRAR if role == "REGISTRAR" else "")) for role in ROLES}
    kit = look_kit(prefix, conf, wrong, accounts["RUNNER"], workflows)
    return Host(
        kit=kit,
        people=People(
            accounts=accounts,
            access={r: access(a, places_to_try(kit)) for r, a in accounts.items() if a is not None},
            sudo={r: rights(a) for r, a in accounts.items() if a is not None} if tools()["sudo"] else None,
            later=tuple(p for a in accounts.values() if a is not None for p in starts_later(a)),
        ),
        software=look_software(prefix, conf),
        machine=look_machine(prefix, conf),
    )


def ask_inside(prefix: Path) -> list[Section]:
    """The findings of `isolate.sh doctor`, which looks around as the scorer; one finding when it says nothing."""
    script = prefix / "bin" / "isolate.sh"
    what, wanted = "isolate.sh doctor", "the findings of main's code from inside"
    try:
        done = subprocess.run(  # noqa: S603 - an argument list
            [str(script), "doctor", "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=INSIDE_SECONDS, check=False, cwd="/",
        )  # fmt: skip
        return from_json(done.stdout)
    except RexrankError:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        fix = (
            "read the private log (LOGS/isolate.log); main must hold a version of rexrank that has the doctor"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        said, fix = str(error), kit_checks.SETUP
    return [Section("The scorer, from inside", (bad("RD400", what, said, wanted, fix),))]


def read_conf(path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """The keys of runner.conf, and what is wrong with its lines."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}, ()
    found: dict[str, str] = {}
    wrong = []
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match and match[1] not in found:
            found[match[1]] = match[2]
        elif match:
            wrong.append(f"{match[1]} is set twice")
        elif line and not line.startswith("#"):
            wrong.append(f"line {number} is no KEY=value")
    return found, tuple(wrong)


def entry(path: str) -> Entry:
    """A path as it lies there, with the digest of a file."""
    try:
        found = os.lstat(path)
    except OSError:
        return Entry("absent")
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "other")
    digest = sha256_file(Path(path)) if kind == "file" else ""
    # A link's own mode is meaningless; where it lies is checked as a folder above.
    mode = 0 if kind == "link" else stat.S_IMODE(found.st_mode)
    return Entry(kind, _user(found.st_uid), _group(found.st_gid), mode, digest)


def look_kit(
    prefix: Path,
    conf: Mapping[str, str],
    wrong: tuple[str, ...],
    runner: Account | None,
    workflows: Path | None = None,
) -> Kit:
    """The installed kit, and what its hook lets through when it is asked."""
    files = [
        *kit_checks.scripts(str(prefix)),
        f"{prefix}/etc/runner.conf",
        f"{prefix}/etc/salt",
        "/etc/sudoers.d/rexrank",
    ]
    files.append(conf.get("RUNNER_ARCHIVE", f"{prefix}/actions-runner.tar.gz"))
    files += [conf["JUDGES"]] if conf.get("JUDGES") else []
    above = {str(p) for f in kit_checks.scripts(str(prefix)) for p in PurePosixPath(f).parents}
    root = checkout()
    flows = read_workflows(source) if (source := workflows or root) is not None else None
    taken, elsewhere = _ask_hook(prefix, conf, runner, flows.names if flows else frozenset())
    salt = prefix / "etc" / "salt"
    return Kit(
        prefix=str(prefix),
        conf=conf,
        conf_wrong=wrong,
        entries={path: entry(path) for path in (*files, *sorted(above))},
        checkout=_as_in(root, prefix) if root is not None else {},
        taken=taken,
        taken_elsewhere=elsewhere,
        meant=flows.on_runner if flows else frozenset(),
        salt_characters=len(salt.read_text("utf-8", "replace").strip()) if salt.is_file() else None,
    )


def _as_in(root: Path, prefix: Path) -> dict[str, str]:
    source = root / "runner"
    installed = {path: source / PurePosixPath(path).name for path in kit_checks.scripts(str(prefix))}
    installed |= {f"{prefix}/hooks/{n}": source / "hooks" / n for n in ("job-started.sh", "job-completed.sh")}
    installed["/etc/sudoers.d/rexrank"] = source / "sudoers"
    return {path: sha256_file(origin) for path, origin in installed.items()}


def _ask_hook(
    prefix: Path, conf: Mapping[str, str], runner: Account | None, names: Iterable[str]
) -> tuple[frozenset[Pair], frozenset[Pair]]:
    """What the hook takes of main, and what of another branch or repository; asked as the jobs' user."""
    hook = prefix / "hooks" / "job-started.sh"
    repository = conf.get("JOBS_REPOSITORY") or conf.get("REPOSITORY", "")
    if not hook.is_file() or not repository:
        return frozenset(), frozenset()

    def takes(name: str, event: str, repo: str, ref: str) -> bool:
        env = {
            "GITHUB_REPOSITORY": repo,
            "GITHUB_REF": ref,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_WORKFLOW_REF": f"{repo}/.github/workflows/{name}@{ref}",
        }
        return run(["/bin/bash", "-e", str(hook)], env=env, account=runner) is not None

    main = "refs/heads/main"
    pairs = [(n, e) for n in (*sorted(names), "other.yml") for e in EVENTS]
    taken = frozenset(p for p in pairs if takes(*p, repository, main))
    strange = ((f"x{repository}", main), (repository, "refs/heads/other"), (repository, "refs/pull/1/merge"))
    return taken, frozenset(p for p in taken for repo, ref in strange if takes(*p, repo, ref))


def account(name: str) -> Account | None:
    """The account of a name, `None` for none."""
    try:
        found = pwd.getpwnam(name) if name else None
    except KeyError:
        found = None
    if found is None:
        return None
    groups = frozenset(_group(g) for g in os.getgrouplist(found.pw_name, found.pw_gid))
    return Account(found.pw_name, found.pw_uid, groups, found.pw_shell, _locked(found.pw_name))


def _locked(name: str) -> bool:
    try:
        lines = Path("/etc/shadow").read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    fields = [line.split(":") for line in lines if line.startswith(f"{name}:")]
    return bool(fields) and fields[0][1].startswith(("!", "*"))


def access(who: Account, paths: list[str]) -> dict[str, str]:
    """What an account may do with each path, tried as that account: letters of `rwx`."""
    said = run(["/bin/sh", "-c", _TRY, "sh", *paths], account=who)
    return dict(zip(paths, (said or "").split("\n"), strict=False))


def rights(who: Account) -> tuple[str, ...]:
    """The commands that sudo lets an account run as root."""
    return parse_rights(run(["sudo", "-n", "-l", "-U", who.name]) or "")


def parse_rights(said: str) -> tuple[str, ...]:
    """The commands of what `sudo -l` prints, whose long lines go on in the next, indented further."""
    lines = re.sub(r"\n {8,}", " ", said).splitlines()
    found = [match[1] for line in lines if (match := _RIGHT.fullmatch(line))]
    return tuple(part.strip() for line in found for part in re.split(r"(?<!\\),\s*", line) if part.strip())


def starts_later(who: Account) -> list[str]:
    """What would start something of an account's outside a job."""
    places = [
        f"/var/spool/cron/crontabs/{who.name}",
        f"/var/spool/cron/{who.name}",
        f"/var/lib/systemd/linger/{who.name}",
    ]
    found = [p for p in places if Path(p).exists()]
    jobs = [*Path("/var/spool/cron/atjobs").glob("*"), *Path("/var/spool/at").glob("*")]
    return found + [str(p) for p in jobs if p.lstat().st_uid == who.uid and p.is_file()]


def look_software(prefix: Path, conf: Mapping[str, str]) -> Software:
    """Programs, the environment's packages, and the checkout."""
    root, archive = checkout(), Path(conf.get("RUNNER_ARCHIVE", prefix / "actions-runner.tar.gz"))
    venv = Path(conf["PYTHON"]).parents[1] if "PYTHON" in conf else prefix / "venv"
    site = next(iter(sorted(venv.glob("lib/python3.*/site-packages"))), None)
    head = run(["git", "-C", str(root), "rev-parse", "HEAD"]) if root is not None else None
    changed = run(["git", "-C", str(root), "status", "--porcelain"]) if root is not None else None
    return Software(
        tools=tools(),
        python=site.parent.name.removeprefix("python") if site is not None else None,
        packages={_plain(d.name): d.version for d in metadata.distributions(path=[str(site)])}
        if site
        else {},
        pins=read_pins((root / "requirements" / "constraints.txt").read_text("utf-8"))
        if root is not None
        else {},
        needed=needed((root / "pyproject.toml").read_text("utf-8")) if root is not None else frozenset(),
        runner_sha256=sha256_file(archive) if archive.is_file() else None,
        head=head.strip() if head else None,
        main=main_of(conf),
        changed=bool(changed and changed.strip()),
    )


def read_pins(text: str) -> dict[str, frozenset[str]]:
    r"""The versions that a constraints file allows for each package; a name may stand for several Pythons.

    >>> read_pins("numpy==2.4.6 ; python_version < '3.12'\nnumpy==2.5.5 ; python_version >= '3.12'")["numpy"] == {"2.4.6", "2.5.5"}
    True
    """
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        name, pinned, version = line.partition(";")[0].partition("==")
        if pinned and not line.startswith("#"):
            found.setdefault(_plain(name.strip()), set()).add(version.strip())
    return {name: frozenset(versions) for name, versions in found.items()}


def needed(pyproject: str) -> frozenset[str]:
    """The packages that scoring needs by name."""
    project = tomllib.loads(pyproject)["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["score"]]
    return frozenset(_plain(re.split(r"[\[<>=!~; ]", line)[0]) for line in lines)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
