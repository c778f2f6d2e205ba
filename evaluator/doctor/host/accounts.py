"""The accounts of the runner: no way in, no way up, and no more of the private places than each needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from evaluator.doctor.findings import Finding, bad, judged, unsettled
from evaluator.doctor.host.description import Account, Kit, People, Role

STRANGERS: Final[tuple[Role, ...]] = ("RUNNER", "FETCHER", "REGISTRAR")
"""Who has no business with references, store, weights and logs."""
WORKERS: Final[tuple[Role, ...]] = ("RUNNER", "FETCHER", "SCORER")
DEVICE_GROUPS: Final = frozenset({"video", "render"})
NO_SHELL: Final = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false")
SOCKETS: Final = (
    "/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
    "/run/crio/crio.sock", "/var/snap/lxd/common/lxd/unix.socket", "/run/libvirt/libvirt-sock",
)  # fmt: skip
SETUP: Final = "sudo runner/setup.sh, from root's checkout of main"


class Place(NamedTuple):
    """What each account may do with one place: letters it must have, and letters it must not have."""

    code: str
    what: str
    key: str
    scorer: str
    scorer_not: str
    fix: str


PLACES: Final = (
    Place("RD205", "references", "REFERENCES", "rx", "w", "chown root:{scorer} {path}; chmod 0750 {path}; chmod 0440 {path}/*"),
    Place("RD206", "store", "STORE", "rwx", "", "chown {scorer}:{scorer} {path}; chmod 0700 {path}"),
    Place("RD207", "weights", "MODELS", "rx", "w", "chown root:{scorer} {path}; chmod 0750 {path}"),
    Place("RD208", "private logs", "LOGS", "", "rwx", "chown root:root {path}; chmod 0700 {path}"),
)  # fmt: skip


def check_people(people: People, kit: Kit) -> Iterator[Finding]:
    """Every finding on accounts and rights."""
    yield _accounts(people)
    yield _logins(people)
    yield _groups(people)
    yield _sudo(people, kit)
    yield from (_place(people, kit, place) for place in PLACES)
    yield _kit_is_out_of_reach(people, kit)
    yield _engines(people)
    yield _later(people)


def places_to_try(kit: Kit) -> list[str]:
    """Every path that the accounts' rights are tried on."""
    prefix = kit.prefix
    own = [
        "",
        "/etc",
        "/etc/salt",
        "/etc/runner.conf",
        "/bin",
        "/bin/isolate.sh",
        "/bin/isolated-rexrank.sh",
        "/hooks",
    ]
    own += [
        "/hooks/job-started.sh",
        "/hooks/job-completed.sh",
        "/venv",
        "/venv/bin",
        "/venv/bin/python",
        "/src",
        "/src/runner",
    ]
    return [
        *(kit.conf[k] for k in ("REFERENCES", "STORE", "MODELS", "LOGS", "SCRATCH") if k in kit.conf),
        *(f"{prefix}{name}" for name in own),
        *SOCKETS,
    ]


def _accounts(people: People) -> Finding:
    known = {role: people.accounts.get(role) for role in WORKERS}
    wrong = [f"{role} names no account" for role, account in known.items() if account is None]
    ids: dict[int, str] = {}
    for role, account in known.items():
        if account is None:
            continue
        if account.uid == 0:
            wrong.append(f"{role} is root")
        if account.uid in ids:
            wrong.append(f"{role} is {ids[account.uid]}")
        ids[account.uid] = role
    names = ", ".join(a.name for a in known.values() if a is not None)
    return judged(
        "RD201", "accounts", wrong, names, "three accounts, none of them root, each for one task", SETUP
    )


def _logins(people: People) -> Finding:
    wrong = []
    for account in _known(people, WORKERS):
        if account.shell not in NO_SHELL:
            wrong.append(f"{account.name} has the shell {account.shell}")
        if not account.locked:
            wrong.append(f"a password opens {account.name}")
    return judged(
        "RD202", "no way to log in as one of them", wrong, "no shell, no password",
        "the shell /usr/sbin/nologin and a locked password", "usermod --shell /usr/sbin/nologin --lock NAME",
    )  # fmt: skip


def _groups(people: People) -> Finding:
    wrong = []
    for role in WORKERS:
        account = people.accounts.get(role)
        if account is None:
            continue
        more = account.groups - {account.name} - (DEVICE_GROUPS if role == "SCORER" else frozenset())
        wrong += [f"{account.name} is in {group}" for group in sorted(more)]
    return judged(
        "RD203", "groups", wrong, "their own alone, the scorer's devices besides",
        "no other group: docker, sudo, disk, adm and lxd are each as good as root", "gpasswd --delete NAME GROUP",
    )  # fmt: skip


def rights(prefix: str) -> dict[Role, tuple[str, ...]]:
    """What sudo may run as root for each account."""
    return {
        "RUNNER": (f"{prefix}/bin/isolate.sh score *", f"{prefix}/bin/isolate.sh refresh"),
        "FETCHER": (),
        "SCORER": (),
        "REGISTRAR": (f'{prefix}/bin/run-one-job.sh ""',),
    }


def _sudo(people: People, kit: Kit) -> Finding:
    what = "what sudo lets them run"
    if people.sudo is None:
        return bad("RD204", what, "there is no sudo", "sudo, for one script", "apt-get install sudo")
    wrong = []
    for role, allowed in rights(kit.prefix).items():
        account = people.accounts.get(role)
        if account is None:
            continue
        given = people.sudo.get(role, ())
        wrong += [f"{account.name} may run {c}" for c in given if c not in allowed]
        wrong += [f"{account.name} may not run {c}" for c in allowed if c not in given]
    return judged(
        "RD204", what, wrong, "isolate.sh for the jobs' user, run-one-job.sh for the registrar's, nothing else",
        "exactly the lines of runner/sudoers", f"{SETUP}; then look through /etc/sudoers and /etc/sudoers.d",
    )  # fmt: skip


def _place(people: People, kit: Kit, place: Place) -> Finding:
    path = kit.conf.get(place.key, "")
    if not path:
        return unsettled(place.code, place.what, f"runner.conf does not say where ({place.key})")
    scorer = people.accounts.get("SCORER")
    name = scorer.name if scorer is not None else "SCORER"
    wrong = [f"{_name(people, r)} may {_verbs(able)}" for r in STRANGERS if (able := _able(people, r, path))]
    has = _able(people, "SCORER", path)
    wrong += [f"{name} may not {_verbs(c)}" for c in place.scorer if c not in has]
    wrong += [f"{name} may {_verbs(c)}" for c in place.scorer_not if c in has]
    fine = f"{path}: {name} may {_verbs(place.scorer) or 'do nothing there'}, the others nothing"
    wanted = f"{name}: {_verbs(place.scorer) or 'nothing'}; all others: nothing"
    return judged(place.code, place.what, wrong, fine, wanted, place.fix.format(path=path, scorer=name))


def _kit_is_out_of_reach(people: People, kit: Kit) -> Finding:
    wrong = []
    for role in WORKERS:
        for path, able in people.access.get(role, {}).items():
            if path.startswith(kit.prefix) and "w" in able:
                wrong.append(f"{_name(people, role)} may write {path}")
        if "r" in _able(people, role, f"{kit.prefix}/etc/salt"):
            wrong.append(f"{_name(people, role)} may read the salt")
        if "w" in _able(people, role, kit.conf.get("SCRATCH", "")):
            wrong.append(f"{_name(people, role)} may write {kit.conf['SCRATCH']}")
    return judged(
        "RD209", "kit, environment and salt", wrong, "none of them may write there, or read the salt",
        "all of it root's", f"chown -R root:root {kit.prefix}; chmod -R go-w {kit.prefix}",
    )  # fmt: skip


def _engines(people: People) -> Finding:
    wrong = [
        f"{_name(people, role)} may use {socket}"
        for role in WORKERS
        for socket in SOCKETS
        if "w" in _able(people, role, socket)
    ]
    return judged(
        "RD210", "container engines", wrong, "none that they may talk to",
        "no socket of an engine: who may write to it is root", "remove the engine, or take the socket's group from them",
    )  # fmt: skip


def _later(people: People) -> Finding:
    return judged(
        "RD211", "nothing that starts by itself", list(people.later), "no crontab, no at job, no lingering session",
        "nothing of theirs outside a job", "remove what is named; then find out who put it there",
    )  # fmt: skip


def _known(people: People, roles: tuple[Role, ...]) -> list[Account]:
    return [a for r in roles if (a := people.accounts.get(r)) is not None]


def _name(people: People, role: Role) -> str:
    account = people.accounts.get(role)
    return account.name if account is not None else role


def _able(people: People, role: Role, path: str) -> str:
    known: Mapping[str, str] = people.access.get(role, {})
    return known.get(path, "")


def _verbs(letters: str) -> str:
    words = {"r": "read", "w": "write", "x": "enter"}
    return " and ".join(words[c] for c in letters if c in words)
