"""Machines that answer from tables: a runner and a scorer with nothing wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import pytest

from evaluator.doctor.host.checks import JOB
from evaluator.doctor.host.layout import read_layout
from evaluator.doctor.host.machine import Account, Entry, Machine
from evaluator.doctor.host.software import TOOLS
from evaluator.github.workflows import Workflows

ROOT = Path(__file__).parents[2]
PREFIX, CHECKOUT = "/opt/rexrank", "/checkout"
CONF = {
    "REPOSITORY": "rexrank/challenge", "SERVER_URL": "https://github.com", "RUNNER": "rexrunner", "FETCHER": "rexfetch",
    "SCORER": "rexscore", "REFERENCES": "/srv/rexrank/references", "MODELS": "/srv/rexrank/models",
    "STORE": "/var/lib/rexrank/store", "SCRATCH": "/var/lib/rexrank/scratch", "LOGS": "/var/log/rexrank", "DEVICE": "cuda",
    "HIDE": "/home:/root:/run:/tmp:/var/tmp", "RUNNER_SHA256": "ab" * 32,
}  # fmt: skip
MEANT = frozenset({("score.yml", "workflow_dispatch"), ("publish.yml", "push")})
MAIN = "0123456789abcdef0123456789abcdef01234567"
SITE = f"{PREFIX}/venv/bin/python -I"
COMMANDS = {
    "git --version": "git version 2.39.5",
    f"git -C {CHECKOUT} rev-parse HEAD": f"{MAIN}\n",
    f"git -C {CHECKOUT} status --porcelain": "",
    "git ls-remote https://github.com/rexrank/challenge refs/heads/main": f"{MAIN}\trefs/heads/main\n",
    f"{SITE} -V": "Python 3.11.9\n",
    f"{SITE} -m pip list --format=freeze --disable-pip-version-check": "numpy==2.4.6\ntorch==2.13.0+cu130\npip==23.0\n",
    "sudo -V": "Sudo version 1.9.13\n",
    "sudo -n -l -U rexrunner": f"    (root) NOPASSWD: {PREFIX}/bin/isolate.sh score *, {PREFIX}/bin/isolate.sh refresh, {PREFIX}/bin/isolate.sh fill *\n",
    "sudo -n -l -U rexrank-registrar": f'    (root) NOPASSWD: {PREFIX}/bin/run-one-job.sh ""\n',
    "timedatectl show --property=NTPSynchronized --value": "yes\n",
    "getent passwd": "root:x:0:0::/root:/bin/bash\nops:x:1000:1000::/srv/ops:/bin/bash\nnobody:x:9:9::/nonexistent:/bin/false\n",
    **{f'/bin/sh -c command -v "$1" sh {name}': f"/usr/bin/{name}\n" for name in TOOLS},
    **{f"df --output=avail -BGB {CONF[key]}": "Avail\n 100GB\n" for key in ("STORE", "SCRATCH")},
}  # fmt: skip
TEXTS = {
    f"{PREFIX}/etc/salt": "5" * 64,
    f"{CHECKOUT}/pyproject.toml": '[project]\ndependencies = ["numpy>=2"]\n[project.optional-dependencies]\nscore = ["torch>=2.9"]\n',
    f"{CHECKOUT}/requirements/constraints.txt": "numpy==2.4.6 ; python_version < '3.12'\nnumpy==2.5.5\ntorch==2.13.0\n",
}  # fmt: skip


@dataclass(frozen=True)
class Made(Machine):
    """A machine made of tables: entries, texts, commands' output, accounts, permissions, what the hook accepts."""

    entries: dict = field(default_factory=dict)
    texts: dict = field(default_factory=dict)
    commands: dict = field(default_factory=dict)
    people: dict = field(default_factory=dict)
    rights: dict = field(default_factory=dict)
    taken: frozenset = frozenset()
    elsewhere: frozenset = frozenset()
    egress: dict = field(default_factory=dict)
    skew: float | None = 0.3

    def entry(self, path):
        return self.entries.get(path, Entry())

    def lines(self, path):
        return self.texts.get(path, "").splitlines()

    def paths(self, *patterns):
        there = {*self.entries, *self.texts}
        # A star matches within one folder only, as in a shell.
        return sorted(
            p for p in there if any(fnmatch(p, q) and p.count("/") == q.count("/") for q in patterns)
        )

    def output(self, *command, role=None, **env):
        if command[0] == "/bin/bash":
            name = env["GITHUB_WORKFLOW_REF"].partition("/workflows/")[2].partition("@")[0]
            here = (env["GITHUB_REPOSITORY"], env["GITHUB_REF"]) == (CONF["REPOSITORY"], "refs/heads/main")
            return (
                "" if (name, env["GITHUB_EVENT_NAME"]) in (self.taken if here else self.elsewhere) else None
            )
        return self.commands.get(" ".join(command))

    def account(self, role):
        return self.people.get(role)

    def able(self, path, role=None):
        return self.rights.get(role, {}).get(path, "")

    def reached(self, host, port):
        return self.egress.get(f"{host}:{port}", "ENETUNREACH")

    def ahead(self, server):
        return self.skew

    def having(self, part, changes):
        """The same with changes to one of the tables."""
        return replace(self, **{part: {**getattr(self, part), **changes}})


def root_file(mode=0o755, digest="d1"):
    return Entry("file", "root", "root", mode, digest)


def user(name, uid, *groups, shell="/usr/sbin/nologin"):
    return Account(name, uid, frozenset({name, *groups}), shell, locked=True)


def rights():
    runs = {f"{PREFIX}/venv/bin/python": "rx", f"{PREFIX}/etc": "rx", f"{PREFIX}/etc/salt": ""}
    runs |= {f"{PREFIX}/{path}": "rx" for path in JOB.values()}
    scorer = {CONF["REFERENCES"]: "rx", CONF["MODELS"]: "rx", CONF["STORE"]: "rwx", CONF["LOGS"]: "", CONF["SCRATCH"]: "x"}  # fmt: skip
    return {"RUNNER": dict(runs), "FETCHER": dict(runs), "SCORER": runs | scorer, "REGISTRAR": dict(runs)}


def entries(layout):
    files = [p for p in layout.places if p.kind == "file"]
    there = {p.path: root_file() for p in files} | {
        f"{CHECKOUT}/runner/{p.source}": root_file() for p in files
    }
    there |= {f"{PREFIX}/etc/runner.conf": root_file(0o644), f"{PREFIX}/etc/salt": root_file(0o400)}
    there |= {
        "/etc/sudoers.d/rexrank": root_file(0o440),
        f"{PREFIX}/actions-runner.tar.gz": root_file(0o644, "ab" * 32),
    }
    above = {str(folder) for p in files for folder in PurePosixPath(p.path).parents}
    return there | dict.fromkeys(above, Entry("folder", "root", "root", 0o755))


@pytest.fixture
def host():
    layout = read_layout((ROOT / "runner" / "layout").read_text("utf-8").splitlines(), PREFIX, CONF)
    return Made(
        prefix=PREFIX,
        conf=dict(CONF),
        layout=layout,
        root=Path(CHECKOUT),
        flows=Workflows(names=frozenset({"score.yml", "publish.yml", "ci.yml"}), on_runner=MEANT),
        env={"PATH": "/bin", "TOKENIZERS_PARALLELISM": "false"},
        entries=entries(layout),
        texts=dict(TEXTS),
        commands=dict(COMMANDS),
        people={
            "RUNNER": user("rexrunner", 901),
            "FETCHER": user("rexfetch", 902),
            "SCORER": user("rexscore", 903, "video"),
            "REGISTRAR": user("rexrank-registrar", 904, shell="/bin/sh"),
        },
        rights=rights(),
        taken=MEANT,
    )


PLACES = {
    "REXRANK_REFERENCES": CONF["REFERENCES"],
    "REXRANK_MODELS": CONF["MODELS"],
    "REXRANK_STORE": CONF["STORE"],
}
STATUS = "CapPrm:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n"


@pytest.fixture
def inside():
    return Made(
        env={
            "PATH": "/bin", "REXRANK_SCORER": "rexscore", "REXRANK_SALT": "5" * 64, "REXRANK_DEVICE": "cuda", **PLACES,
            "REXRANK_SHUT": f"{PREFIX}/etc/salt", "REXRANK_HIDE": "/home:/root",
        },
        texts={
            "/proc/self/status": STATUS,
            "/proc/self/net/dev": "Inter-|   Receive\n face |bytes\n    lo: 0 0\n",
            f"{CONF['REFERENCES']}/iu-xray.json": "{}",
            **{f"/proc/{n}": "" for n in (1, 7, 9)},
        },
        commands={"id -un": "rexscore\n", "id -Gn": "rexscore video\n"},
        rights={None: {CONF["REFERENCES"]: "rx", CONF["MODELS"]: "rx", CONF["STORE"]: "rwx"}},
    )  # fmt: skip
