"""A scoring runner on which nothing is wrong, described."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from evaluator.doctor.host.checks import env_of_a_job
from evaluator.doctor.host.description import Account, Entry, Host, read_layout
from evaluator.doctor.host.machine import TOOLS
from evaluator.doctor.scorer.checks import Data, Inside, Weights

ROOT = Path(__file__).parents[2]
PREFIX = "/opt/rexrank"
CONF = {
    "REPOSITORY": "rexrank/challenge", "SERVER_URL": "https://github.com", "RUNNER": "rexrunner", "FETCHER": "rexfetch",
    "SCORER": "rexscore", "REFERENCES": "/srv/rexrank/references", "MODELS": "/srv/rexrank/models",
    "STORE": "/var/lib/rexrank/store", "SCRATCH": "/var/lib/rexrank/scratch", "LOGS": "/var/log/rexrank", "DEVICE": "cuda",
    "HIDE": "/home:/root:/run:/tmp:/var/tmp", "RUNNER_SHA256": "ab" * 32,
}  # fmt: skip
MEANT = frozenset({("score.yml", "workflow_dispatch"), ("publish.yml", "push")})
MAIN = "0123456789abcdef0123456789abcdef01234567"


def root_file(mode=0o755, digest="d1"):
    return Entry("file", "root", "root", mode, digest)


def root_folder(mode=0o755):
    return Entry("folder", "root", "root", mode)


def account(name, uid, *groups, shell="/usr/sbin/nologin"):
    return Account(name, uid, frozenset({name, *groups}), shell, locked=True)


def accesses():
    runs = {f"{PREFIX}/venv/bin/python": "rx", f"{PREFIX}/etc": "rx", f"{PREFIX}/etc/salt": ""}
    runs |= dict.fromkeys(env_of_a_job(PREFIX).values(), "rx")
    scorer = {
        CONF["REFERENCES"]: "rx",
        CONF["MODELS"]: "rx",
        CONF["STORE"]: "rwx",
        CONF["LOGS"]: "",
        CONF["SCRATCH"]: "x",
    }
    return {
        "RUNNER": dict(runs),
        "FETCHER": dict(runs),
        "SCORER": runs | scorer,
        "REGISTRAR": dict(runs),
    }


def entries(layout):
    files = {path: root_file() for path in layout.files()}
    files |= {f"{PREFIX}/etc/runner.conf": root_file(0o644), f"{PREFIX}/etc/salt": root_file(0o400)}
    files |= {"/etc/sudoers.d/rexrank": root_file(0o440), f"{PREFIX}/actions-runner.tar.gz": root_file(0o644)}
    above = {str(p) for path in layout.files() for p in PurePosixPath(path).parents}
    return files | dict.fromkeys(above, root_folder())


@pytest.fixture
def host():
    layout = read_layout(ROOT / "runner" / "layout", PREFIX, CONF)
    return Host(
        prefix=PREFIX,
        conf=dict(CONF),
        conf_wrong=(),
        layout=layout,
        entries=entries(layout),
        checkout=dict.fromkeys(layout.files(), "d1"),
        taken=MEANT,
        taken_elsewhere=frozenset(),
        meant=MEANT,
        salt_characters=64,
        accounts={
            "RUNNER": account("rexrunner", 901),
            "FETCHER": account("rexfetch", 902),
            "SCORER": account("rexscore", 903, "video"),
            "REGISTRAR": account("rexrank-registrar", 904, shell="/bin/sh"),
        },
        access=accesses(),
        sudo={
            "RUNNER": (f"{PREFIX}/bin/isolate.sh score *", f"{PREFIX}/bin/isolate.sh refresh"),
            "FETCHER": (),
            "SCORER": (),
            "REGISTRAR": (f'{PREFIX}/bin/run-one-job.sh ""',),
        },
        later=(),
        tools={**dict.fromkeys(TOOLS, "/usr/bin/it"), "git": "git version 2.39.5"},
        python="3.11",
        packages={"numpy": "2.4.6", "torch": "2.13.0+cu130", "pip": "23.0"},
        pins={"numpy": frozenset({"2.4.6", "2.5.5"}), "torch": frozenset({"2.13.0"})},
        needed=frozenset({"numpy", "torch"}),
        runner_sha256="ab" * 32,
        head=MAIN,
        main=MAIN,
        changed=False,
        free={CONF["STORE"]: 100_000_000_000, CONF["SCRATCH"]: 100_000_000_000},
        synchronised=True,
        skew=0.3,
        credentials=(),
        registrations={},
        services=(),
        job_running=False,
        env=None,
    )


@pytest.fixture
def inside():
    return Inside(
        user="rexscore",
        scorer="rexscore",
        groups=frozenset({"rexscore", "video"}),
        capabilities=0,
        no_new_privileges=True,
        processes=3,
        interfaces=("lo",),
        egress={"192.0.2.1:443": "ENETUNREACH"},
        resolves=False,
        environment=frozenset({"PATH", "REXRANK_SALT"}),
        salt_characters=64,
        access={"references": "rx", "models": "rx", "store": "rwx", "/etc/shadow": ""},
        writable=(),
        hidden=(),
        data=(
            Data("iu-xray", here=True, studies=590, digest="5a1f" * 16, known=True),
            Data("mimic-cxr", here=False),
        ),
        weights=(Weights("chexbert", "verified"),),
        device="cuda",
        torch="2.13.0+cu130",
        gpu="NVIDIA H100, 80 GB",
        judges={"green": ""},
    )
