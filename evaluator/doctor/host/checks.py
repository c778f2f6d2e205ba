"""Checks of a scoring runner: its kit, its accounts and what they may do, in the order in which a maintainer mends them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Final

from evaluator.doctor.findings import Check, Finding, Section, Untold, bad, facts, section
from evaluator.doctor.host.description import Account, Host, Place, Role
from evaluator.doctor.host.machine import MACHINE, SOFTWARE, known
from evaluator.doctor.repository.workflows import Pair

REQUIRED: Final = (
    "REPOSITORY", "RUNNER", "FETCHER", "SCORER", "REFERENCES", "MODELS", "STORE", "SCRATCH", "LOGS", "DEVICE",
)  # fmt: skip
OPTIONAL: Final = (
    "JOBS_REPOSITORY", "SERVER_URL", "HIDE", "PYTHON", "REGISTRAR", "RUNNER_HOME", "RUNNER_ARCHIVE", "RUNNER_SHA256",
    "JUDGES", "API_URL", "CGROUP",
)  # fmt: skip
HIDDEN: Final = ("/home", "/root", "/run", "/tmp", "/var/tmp")  # noqa: S108 - named to be hidden
VALUE: Final = re.compile(r"[A-Za-z0-9/._:+-]+")
"""What the scripts take as a value."""
SALT_CHARACTERS: Final = 32
SETUP: Final = "sudo runner/setup.sh, from root's checkout of main"
SUDOERS: Final = "/etc/sudoers.d/rexrank"
WORKERS: Final[tuple[Role, ...]] = ("RUNNER", "FETCHER", "SCORER")
SOCKETS: Final = (
    "/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
    "/run/crio/crio.sock", "/var/snap/lxd/common/lxd/unix.socket", "/run/libvirt/libvirt-sock",
)  # fmt: skip
FOLDERS: Final = {
    "REFERENCES": ("RD205", "references"), "STORE": ("RD206", "store"), "MODELS": ("RD207", "weights"),
    "LOGS": ("RD208", "private logs"),
}  # fmt: skip
"""The private folders by their keys in runner.conf."""


def check_host(host: Host) -> list[Section]:
    """Every finding on a runner as its root sees it."""
    parts = {
        "The kit": KIT,
        "Accounts and rights": ACCOUNTS,
        "Programs and packages": SOFTWARE,
        "The machine": MACHINE,
    }
    return [section(title, checks, host) for title, checks in parts.items()]


def nothing_installed(prefix: str) -> Finding:
    """The one finding on a machine that was never set up."""
    return bad("RD100", "the runner kit", f"there is no {prefix}", "the kit, installed by setup.sh", SETUP)


def env_of_a_job(prefix: str) -> dict[str, str]:
    """What run-one-job.sh writes into the .env of the runner, but for the language."""
    return {
        "ACTIONS_RUNNER_HOOK_JOB_STARTED": f"{prefix}/hooks/job-started.sh",
        "ACTIONS_RUNNER_HOOK_JOB_COMPLETED": f"{prefix}/hooks/job-completed.sh",
        "REXRANK_VENV": f"{prefix}/venv",
        "REXRANK_ISOLATE": f"{prefix}/bin/isolated-rexrank.sh",
    }


def _configuration(host: Host) -> list[str]:
    entry, judges = host.entry(f"{host.prefix}/etc/runner.conf"), host.conf.get("JUDGES", "")
    hidden = host.conf.get("HIDE", ":".join(HIDDEN)).split(":")
    wrong = {str(entry): not entry.safe_file, **dict.fromkeys(host.conf_wrong, True)}
    wrong |= {f"{key} is not set": entry.kind == "file" and not host.conf.get(key) for key in REQUIRED}
    for key, value in host.conf.items():
        wrong[f"{key} is no key"] = key not in {*REQUIRED, *OPTIONAL}
        wrong[f"{key} holds other characters"] = not VALUE.fullmatch(value)
        wrong[f"{key} is no absolute path"] = key in {*FOLDERS, "SCRATCH"} and not value.startswith("/")
    wrong |= {f"HIDE leaves {folder} open": folder not in hidden for folder in HIDDEN}
    return facts(
        wrong | {f"JUDGES: {judges} is {host.entry(judges)}": judges and not host.entry(judges).safe_file}
    )


def _scripts(host: Host) -> Iterator[str]:
    files = [p for p in host.layout.places if p.kind == "file" and p.path != SUDOERS]
    if not files:
        yield "there is no layout to compare with"
    for place in files:
        entry = host.entry(place.path)
        if not entry.safe_file or (place.mode & 0o111 and not entry.mode & 0o111):
            yield f"{place.path} is {entry}"
    for folder in sorted({str(f) for p in files for f in PurePosixPath(p.path).parents}):
        entry = host.entry(folder)
        if entry.kind not in {"folder", "link"} or not entry.safe:
            yield f"{folder} is {entry}"


def _other_bytes(host: Host) -> list[str]:
    there = {path: host.entry(path) for path in sorted(known(host.checkout))}
    return [p for p, e in there.items() if e.kind != "absent" and e.sha256 != host.checkout[p]]


def _pairs(pairs: Iterable[Pair]) -> list[str]:
    return [f"{name} ({event})" for name, event in sorted(pairs)]


def _hook(host: Host) -> list[str]:
    more, less = _pairs(host.taken - known(host.meant)), _pairs(host.meant - host.taken)
    return [f"also {p}" for p in more] + [f"not {p}" for p in less]


def _exactly(host: Host, path: str, mode: int) -> list[str]:
    entry = host.entry(path)
    return facts({str(entry): (entry.kind, entry.owner, entry.mode) != ("file", "root", mode)})


def _salt(host: Host) -> list[str]:
    short = {f"{host.salt_characters} characters": host.salt_characters < SALT_CHARACTERS}
    return _exactly(host, f"{host.prefix}/etc/salt", 0o400) or facts(short)


def _environment(host: Host) -> list[str]:
    wanted = env_of_a_job(host.prefix)
    uses = {
        path: "r" if "/hooks/" in path else "x"
        for path in (*wanted.values(), f"{host.prefix}/venv/bin/python")
    }
    wrong = {
        f"the runner's user cannot use {path}": letter not in host.able("RUNNER", path)
        for path, letter in uses.items()
    }
    if host.env is not None:
        names = [line.partition("=")[0] for line in host.env]
        wrong |= {
            f"{name} is not {value}": f"{name}={value}" not in host.env for name, value in wanted.items()
        }
        wrong |= {f"{name} is set too": name not in {*wanted, "LANG"} for name in names}
    return facts(wrong)


KIT: Final[tuple[Check[Host], ...]] = (
    Check("RD101", "runner.conf", _configuration, "a file of root's, mode 0644, with every key of runner.conf.example once",
          lambda h: f"edit {h.prefix}/etc/runner.conf", lambda h: f"{h.conf.get('REPOSITORY')}, {len(h.conf)} keys"),
    Check("RD102", "scripts and hooks", _scripts, "files and folders of root's that nobody else may write", SETUP),
    Check("RD103", "installed as in the checkout", _other_bytes, "the same bytes", SETUP, lambda h: f"{len(h.checkout)} files"),
    Check("RD104", "what the job-started hook lets through", _hook, lambda h: ", ".join(_pairs(h.meant)), SETUP),
    Check("RD105", "what it lets through of other repositories and branches", lambda h: _pairs(h.taken_elsewhere), "nothing",
          f"{SETUP}; check REPOSITORY in runner.conf"),
    Check("RD106", SUDOERS, lambda h: _exactly(h, SUDOERS, 0o440), "a file of root's, mode 0440", SETUP),
    Check("RD107", "the salt of unpublished draws", _salt, f"a file of root's, mode 0400, of at least {SALT_CHARACTERS} characters",
          lambda h: f"restore the copy that was kept of {h.prefix}/etc/salt; a new salt (setup.sh writes one) gives other intervals"),
    Check("RD108", "what a job is given (.env)", _environment, "the four variables of run-one-job.sh", SETUP,
          lambda h: "written anew before every job; what it names is there" if h.env is None else "as run-one-job.sh wrote it for the job that runs now"),
)  # fmt: skip


def _workers(host: Host) -> dict[Role, Account]:
    return {role: account for role in WORKERS if (account := host.accounts.get(role)) is not None}


def _accounts(host: Host) -> Iterator[str]:
    yield from (f"{role} names no account" for role in WORKERS if role not in _workers(host))
    ids: dict[int, str] = {0: "root"}
    for role, account in _workers(host).items():
        if (other := ids.setdefault(account.uid, role)) != role:
            yield f"{role} is {other}"


def _logins(account: Account) -> list[str]:
    shell = PurePosixPath(account.shell).name not in {"nologin", "false"}
    return facts(
        {
            f"{account.name} has the shell {account.shell}": shell,
            f"a password opens {account.name}": not account.locked,
        }
    )


def _sudo(host: Host) -> list[str]:
    if host.sudo is None:
        return ["there is no sudo"]
    may = {
        host.name(r): (host.sudo.get(r, ()), host.layout.sudo.get(r, ()))
        for r, a in host.accounts.items()
        if a
    }
    more = [
        f"{name} may run {c}" for name, (rights, allowed) in may.items() for c in rights if c not in allowed
    ]
    return more + [
        f"{name} may not run {c}"
        for name, (rights, allowed) in may.items()
        for c in allowed
        if c not in rights
    ]


def _verbs(letters: Iterable[str]) -> str:
    words = {"r": "read", "w": "write", "x": "enter"}
    return " and ".join(words[c] for c in "rwx" if c in letters)


def _place(host: Host, key: str) -> Place:
    place = next((p for p in host.layout.places if p.source == key), None)
    if key not in host.conf or place is None:
        raise Untold(f"runner.conf does not say where ({key})", "runner.conf.example")
    return place


def _beyond(host: Host, key: str) -> list[str]:
    """What the accounts may do with a private folder and should not, or the reverse."""
    place = _place(host, key)
    rights = {host.name(r): (set(host.able(r, place.path)), set(place.letters(r))) for r in host.accounts}
    more = {
        f"{name} may {_verbs(there - wanted)}": there - wanted for name, (there, wanted) in rights.items()
    }
    return facts(
        more
        | {
            f"{name} may not {_verbs(wanted - there)}": wanted - there
            for name, (there, wanted) in rights.items()
        }
    )


def _scorers(host: Host, key: str) -> str:
    place = _place(host, key)
    may = _verbs(place.letters("SCORER")) or "do nothing there"
    return f"{place.path}: {host.name('SCORER')} may {may}, the others nothing"


def _owned(host: Host, key: str) -> str:
    place = _place(host, key)
    owner, group = (host.name("SCORER") if n == "SCORER" else n for n in (place.owner, place.group))
    rights = f"u=rwX,g={'rX' if place.mode & 0o50 else ''},o="
    return f"chown -R {owner}:{group} {place.path}; chmod -R {rights} {place.path}"


def _out_of_reach(host: Host) -> list[str]:
    pairs = [(r, p) for p in host.layout.places if p.source not in FOLDERS for r in WORKERS]
    more = [(r, p.path, set(host.able(r, p.path)) - set(p.letters(r)) - {"x"}) for r, p in pairs]
    words = {path: path.replace(f"{host.prefix}/etc/salt", "the salt") for _, path, _ in more}
    return [
        f"{host.name(role)} may {_verbs(letters)} {words[path]}" for role, path, letters in more if letters
    ]


ACCOUNTS: Final[tuple[Check[Host], ...]] = (
    Check("RD201", "accounts", _accounts, "three accounts, none of them root, each for one task", SETUP, lambda h: ", ".join(a.name for a in _workers(h).values())),
    Check("RD202", "no way to log in as one of them", lambda h: [w for a in _workers(h).values() for w in _logins(a)],
          "the shell /usr/sbin/nologin and a locked password", "usermod --shell /usr/sbin/nologin --lock NAME", "no shell, no password"),
    Check("RD203", "groups", lambda h: [f"{a.name} is in {g}" for r, a in _workers(h).items() for g in sorted(a.groups - {a.name} - h.layout.groups.get(r, frozenset()))],
          "no other group: docker, sudo, disk, adm and lxd are each as good as root", "gpasswd --delete NAME GROUP",
          "their own alone, the scorer's devices besides"),
    Check("RD204", "what sudo lets them run", _sudo, "exactly the lines of runner/sudoers",
          f"apt-get install sudo, where there is none; {SETUP}; then look through /etc/sudoers and /etc/sudoers.d"),
    *(
        Check(code, what, partial(_beyond, key=key), partial(_scorers, key=key), partial(_owned, key=key), partial(_scorers, key=key))
        for key, (code, what) in FOLDERS.items()
    ),
    Check("RD209", "kit, environment and salt", _out_of_reach, "all of it root's", lambda h: f"chown -R root:root {h.prefix}; chmod -R go-w {h.prefix}",
          "none of them may write there, or read the salt"),
    Check("RD210", "container engines", lambda h: [f"{h.name(r)} may use {s}" for r in WORKERS for s in SOCKETS if "w" in h.able(r, s)],
          "no socket of an engine: who may write to it is root", "remove the engine, or take the socket's group from them", "none that they may talk to"),
    Check("RD211", "nothing that starts by itself", lambda h: h.later, "nothing of theirs outside a job", "remove what is named; then find out who put it there",
          "no crontab, no at job, no lingering session"),
)  # fmt: skip
