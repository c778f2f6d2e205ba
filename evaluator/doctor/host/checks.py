"""Checks of a scoring runner: its kit, its accounts and their permissions, in the order in which to fix them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from evaluator.core.problems import RexrankError
from evaluator.doctor.findings import Check, Finding, NotCheckable, Section, differences, facts, from_json
from evaluator.doctor.host.layout import ROLES, Place, Role, read_conf
from evaluator.doctor.host.machine import Account, Machine
from evaluator.doctor.host.software import RUNNER_HOME, SOFTWARE, checkout_of, job_runs
from evaluator.github.workflows import Pair

REQUIRED: Final = ("REPOSITORY", "RUNNER", "FETCHER", "SCORER", "REFERENCES", "MODELS", "STORE", "SCRATCH", "LOGS", "DEVICE")  # fmt: skip
OPTIONAL: Final = (
    "JOBS_REPOSITORY", "SERVER_URL", "HIDE", "PYTHON", "REGISTRAR", "RUNNER_HOME", "RUNNER_ARCHIVE", "RUNNER_SHA256",
    "JUDGES", "API_URL", "CGROUP",
)  # fmt: skip
HIDDEN: Final = ("/home", "/root", "/run", "/tmp", "/var/tmp")  # noqa: S108 - named to be hidden
VALUE: Final = re.compile(r"[A-Za-z0-9/._:+-]+")
"""What the scripts accept as a value."""
SALT_CHARACTERS: Final = 32
SETUP: Final = "run sudo runner/setup.sh in root's checkout of main"
SUDOERS: Final = "/etc/sudoers.d/rexrank"
WORKERS: Final[tuple[Role, ...]] = ("RUNNER", "FETCHER", "SCORER")
EVENTS: Final = ("push", "pull_request", "pull_request_target", "workflow_dispatch", "schedule", "issue_comment", "workflow_run", "merge_group")  # fmt: skip
JOB: Final = {
    "ACTIONS_RUNNER_HOOK_JOB_STARTED": "hooks/job-started.sh", "ACTIONS_RUNNER_HOOK_JOB_COMPLETED": "hooks/job-completed.sh",
    "REXRANK_VENV": "venv", "REXRANK_ISOLATE": "bin/isolated-rexrank.sh",
}  # fmt: skip
"""The paths that run-one-job.sh writes into the runner's .env."""
SOCKETS: Final = (
    "/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
    "/run/crio/crio.sock", "/var/snap/lxd/common/lxd/unix.socket", "/run/libvirt/libvirt-sock",
)  # fmt: skip
FOLDERS: Final = {"REFERENCES": "references", "STORE": "store", "MODELS": "weights", "LOGS": "private logs"}
"""The private folders by their keys in runner.conf."""
VERBS: Final = {"r": "read", "w": "write", "x": "enter"}
RIGHT: Final = re.compile(r"\s+\((?:root|ALL)[^)]*\)\s*(?:[A-Z_]+:\s*)*(.*)")


def check_machine(m: Machine) -> list[Section]:
    """Every finding on a runner, as seen by root."""
    parts = {"The kit": KIT, "Accounts and rights": ACCOUNTS} | SOFTWARE
    return [Section(title, tuple(check.finding(m) for check in checks)) for title, checks in parts.items()]


def nothing_installed(prefix: str) -> Finding:
    """The one finding on a machine that was never set up."""
    found, wanted = f"{prefix} does not exist", "the kit, installed by setup.sh"
    return Finding("RD100", "bad", "runner kit", found, wanted, SETUP)


def _configuration(m: Machine) -> list[str]:
    path, judges = f"{m.prefix}/etc/runner.conf", m.conf.get("JUDGES", "")
    entry, hidden = m.entry(path), m.conf.get("HIDE", ":".join(HIDDEN)).split(":")
    keys = REQUIRED if entry.kind == "file" else ()
    wrong = {str(entry): not entry.safe("file"), **dict.fromkeys(read_conf(m.lines(path))[1], True)}
    wrong |= {f"{key} is not set": not m.conf.get(key) for key in keys}
    for key, value in m.conf.items():
        wrong[f"{key} is not a known key"] = key not in {*REQUIRED, *OPTIONAL}
        wrong[f"{key} contains invalid characters"] = not VALUE.fullmatch(value)
        wrong[f"{key} is not an absolute path"] = key in {*FOLDERS, "SCRATCH"} and not value.startswith("/")
    wrong |= {f"HIDE lacks {folder}": folder not in hidden for folder in HIDDEN}
    wrong[f"JUDGES: {judges} is {m.entry(judges)}"] = bool(judges) and not m.entry(judges).safe("file")
    return facts(wrong)


def _scripts(m: Machine) -> Iterator[str]:
    files = [p for p in m.layout.places if p.kind == "file" and p.path != SUDOERS]
    if not files:
        yield "no layout to compare with"
    for place in files:
        entry = m.entry(place.path)
        if not entry.safe("file") or place.mode & 0o111 & ~entry.mode:
            yield f"{place.path} is {entry}"
    for folder in sorted({str(f) for p in files for f in PurePosixPath(p.path).parents}):
        entry = m.entry(folder)
        if not entry.safe("folder", "link"):
            yield f"{folder} is {entry}"


def _other_bytes(m: Machine) -> Iterator[str]:
    kit = checkout_of(m) / "runner"
    for place in (p for p in m.layout.places if p.kind == "file"):
        there, source = m.entry(place.path), m.entry(f"{kit}/{place.source}")
        if there.kind != "absent" and there.sha256 != source.sha256:
            yield place.path


def hook_takes(m: Machine, name: str, event: str, other: str = "", ref: str = "refs/heads/main") -> bool:
    """Whether the hook lets a workflow through for an event, run as the jobs' user; `other` prefixes the repository."""
    repo = other + (m.conf.get("JOBS_REPOSITORY") or m.conf.get("REPOSITORY", ""))
    env = {"GITHUB_REPOSITORY": repo, "GITHUB_REF": ref, "GITHUB_EVENT_NAME": event}
    flow, hook = f"{repo}/.github/workflows/{name}@{ref}", f"{m.prefix}/hooks/job-started.sh"
    role: Role | None = "RUNNER" if "RUNNER" in m.layout.names else None
    return m.output("/bin/bash", "-e", hook, role=role, GITHUB_WORKFLOW_REF=flow, **env) is not None


def _pairs(pairs: Iterable[Pair]) -> list[str]:
    return [f"{name} ({event})" for name, event in sorted(pairs)]


def _hook(m: Machine) -> list[str]:
    checkout_of(m)
    jobs = [(n, e) for n in {*m.flows.names, "other.yml"} for e in EVENTS if hook_takes(m, n, e)]
    return differences(_pairs(jobs), _pairs(m.flows.on_runner), "also {}", "not {}")


def _hook_elsewhere(m: Machine) -> list[str]:
    strange = [("x", "refs/heads/main"), ("", "refs/heads/other"), ("", "refs/pull/1/merge")]
    return _pairs(p for p in m.flows.on_runner if any(hook_takes(m, *p, *where) for where in strange))


def _exactly(m: Machine, path: str, mode: int) -> list[str]:
    entry = m.entry(path)
    return facts({str(entry): (entry.kind, entry.owner, entry.mode) != ("file", "root", mode)})


def _salt(m: Machine) -> list[str]:
    path = f"{m.prefix}/etc/salt"
    length = len("".join(m.lines(path)))
    return _exactly(m, path, 0o400) or facts({f"{length} characters": length < SALT_CHARACTERS})


def _environment(m: Machine) -> Iterator[str]:
    wanted = {name: f"{m.prefix}/{path}" for name, path in JOB.items()}
    for path in (*wanted.values(), f"{m.prefix}/venv/bin/python"):
        if ("r" if "/hooks/" in path else "x") not in m.able(path, "RUNNER"):
            yield f"the runner's user cannot use {path}"
    if job_runs(m):
        env = m.lines(f"{m.conf.get('RUNNER_HOME', RUNNER_HOME)}/.env")
        yield from (f"{name} is not {path}" for name, path in wanted.items() if f"{name}={path}" not in env)
        names = {line.partition("=")[0] for line in env}
        yield from (f"{name} is also set" for name in sorted(names - {*wanted, "LANG"}))


KIT: Final[tuple[Check[Machine], ...]] = (
    Check("RD101", "runner.conf", _configuration, "owned by root, mode 0644, with every key of runner.conf.example once",
          lambda m: f"edit {m.prefix}/etc/runner.conf", lambda m: f"{m.conf.get('REPOSITORY')}, {len(m.conf)} keys"),
    Check("RD102", "scripts and hooks", _scripts, "owned by root and writable by nobody else", SETUP),
    Check("RD103", "installed files", _other_bytes, "identical to the checkout", SETUP),
    Check("RD104", "what the job-started hook lets through", _hook, lambda m: ", ".join(_pairs(m.flows.on_runner)), SETUP),
    Check("RD105", "what it lets through from other repositories and branches", _hook_elsewhere, "nothing", f"{SETUP}; check REPOSITORY in runner.conf"),
    Check("RD106", SUDOERS, lambda m: _exactly(m, SUDOERS, 0o440), "owned by root, mode 0440", SETUP),
    Check("RD107", "salt of unpublished draws", _salt, f"owned by root, mode 0400, at least {SALT_CHARACTERS} characters",
          lambda m: f"restore {m.prefix}/etc/salt from your backup; a new salt (setup.sh writes one) changes the intervals"),
    Check("RD108", "job environment (.env)", _environment, "the four variables of run-one-job.sh", SETUP,
          lambda m: "as written by run-one-job.sh for the current job" if job_runs(m) else "rewritten before every job; the paths it sets exist"),
)  # fmt: skip


def _workers(m: Machine) -> dict[Role, Account]:
    return {role: account for role in WORKERS if (account := m.account(role)) is not None}


def _accounts(m: Machine) -> Iterator[str]:
    yield from (f"{role} is not an account" for role in WORKERS if role not in _workers(m))
    ids: dict[int, str] = {0: "root"}
    for role, account in _workers(m).items():
        if (other := ids.setdefault(account.uid, role)) != role:
            yield f"{role} is {other}"


def _logins(m: Machine) -> Iterator[str]:
    for account in _workers(m).values():
        if PurePosixPath(account.shell).name not in {"nologin", "false"}:
            yield f"{account.name} has the shell {account.shell}"
        if not account.locked:
            yield f"{account.name} has a password"


def _groups(m: Machine) -> list[str]:
    more = {a.name: a.groups - {a.name} - m.layout.groups[role] for role, a in _workers(m).items()}
    return [f"{name} is in {group}" for name, groups in more.items() for group in sorted(groups)]


def rights(listing: str) -> list[str]:
    """The commands that `sudo -l` lists as allowed as root; long lines continue on the next, indented further."""
    lines = re.sub(r"\n {8,}", " ", listing).splitlines()
    lists = [match[1] for line in lines if (match := RIGHT.fullmatch(line))]
    return [part.strip() for line in lists for part in re.split(r"(?<!\\),\s*", line) if part.strip()]


def _sudo(m: Machine) -> list[str]:
    wrong = []
    for role in filter(m.account, ROLES):
        name, wanted = m.layout.names[role], m.layout.sudo.get(role, ())
        may = rights(m.output("sudo", "-n", "-l", "-U", name) or "")
        wrong += differences(may, wanted, f"{name} may run {{}}", f"{name} may not run {{}}")
    return wrong if m.output("sudo", "-V") else ["sudo is not installed"]


def _place(m: Machine, key: str) -> Place:
    place = next((p for p in m.layout.places if p.source == key), None)
    if key not in m.conf or place is None:
        raise NotCheckable(f"runner.conf does not set {key}", "runner.conf.example")
    return place


def _beyond(m: Machine, key: str) -> Iterator[str]:
    """What the accounts may do with a private folder but should not, and the reverse."""
    place, path = _place(m, key), _place(m, key).path
    for role in ROLES:
        there, wanted = ([VERBS[c] for c in may] for may in (m.able(path, role), place.letters(role)))
        name = m.layout.names.get(role, role)
        yield from differences(there, wanted, f"{name} may {{}} {path}", f"{name} may not {{}} {path}")


def _owned(m: Machine, key: str) -> str:
    place = _place(m, key)
    owner, group = (m.layout.names.get(n, n) for n in (place.owner, place.group))
    rights = f"u=rwX,g={'rX' if place.mode & 0o50 else ''},o="
    return f"chown -R {owner}:{group} {place.path}; chmod -R {rights} {place.path}"


def _out_of_reach(m: Machine) -> Iterator[str]:
    for place in (p for p in m.layout.places if p.source not in FOLDERS):
        for role in WORKERS:
            more = [c for c in m.able(place.path, role) if c not in f"{place.letters(role)}x"]
            yield from (f"{m.layout.names[role]} may {VERBS[c]} {place.path}" for c in more)


def _later(m: Machine) -> Iterator[str]:
    for account in _workers(m).values():
        folders = ("/var/spool/cron/crontabs", "/var/spool/cron", "/var/lib/systemd/linger")
        yield from m.paths(*(f"{folder}/{account.name}" for folder in folders))
        for job in m.paths("/var/spool/cron/atjobs/*", "/var/spool/at/*"):
            if (m.entry(job).kind, m.entry(job).owner) == ("file", account.name):
                yield job


ACCOUNTS: Final[tuple[Check[Machine], ...]] = (
    Check("RD201", "accounts", _accounts, "three separate accounts, none of them root", SETUP),
    Check("RD202", "login as one of them", _logins, "impossible: shell /usr/sbin/nologin, locked password", "usermod --shell /usr/sbin/nologin --lock NAME"),
    Check("RD203", "groups", _groups, "no additional groups: docker, sudo, disk, adm and lxd are each equivalent to root", "gpasswd --delete NAME GROUP"),
    Check("RD204", "what sudo lets them run", _sudo, "exactly the lines of runner/sudoers",
          f"apt-get install sudo if it is missing; {SETUP}; then review /etc/sudoers and /etc/sudoers.d"),
    *(
        Check(code, FOLDERS[key], partial(_beyond, key=key), "the scorer as in runner/layout, the others nothing", partial(_owned, key=key))
        for code, key in zip(("RD205", "RD206", "RD207", "RD208"), FOLDERS, strict=True)
    ),
    Check("RD209", "kit, environment and salt", _out_of_reach, "none of them can write there or read the salt",
          lambda m: f"chown -R root:root {m.prefix}; chmod -R go-w {m.prefix}; chmod 0400 {m.prefix}/etc/salt"),
    Check("RD210", "container engines", lambda m: [f"{m.layout.names[r]} may use {s}" for r in WORKERS for s in SOCKETS if "w" in m.able(s, r)],
          "no engine socket they can write to: write access makes them root", "remove the engine, or remove them from the socket's group"),
    Check("RD211", "scheduled programs", _later, "none of theirs: no crontab, no at job, no lingering session",
          "remove it, then find out who put it there"),
)  # fmt: skip


def ask_inside(prefix: Path) -> list[Section]:
    """The findings of `isolate.sh doctor`, which inspects as the scorer; one finding if it returns none."""
    command = [str(prefix / "bin" / "isolate.sh"), "doctor", "--json"]
    fix = (
        "read the private log (LOGS/isolate.log); main must contain a version of rexrank that has the doctor"
    )
    try:
        process = subprocess.run(  # noqa: S603 - an argument list
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=2400, check=False, cwd="/",  # a judge's engine takes minutes to start
        )  # fmt: skip
        return from_json(process.stdout)
    except RexrankError:
        words = (process.stderr.strip().splitlines() or ["no output"])[-1]
    except (OSError, subprocess.TimeoutExpired) as error:
        words, fix = str(error), SETUP
    wanted = "the findings of main's code from inside"
    finding = Finding("RD400", "bad", "isolate.sh doctor", words, wanted, fix)
    return [Section("The scorer, from inside", (finding,))]
