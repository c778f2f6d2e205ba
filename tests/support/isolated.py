"""The isolated scorer as started by the kit's scripts, with a stand-in `rexrank` on main that inspects the inside."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from support.hangs import HANG
from support.needs import reason

KIT = Path(__file__).parents[2] / "runner"
SHA = "0123456789abcdef0123456789abcdef01234567"
PYTHONS = (os.path.realpath(sys.executable), "/usr/bin/python3")
# Debian's own accounts replace rexscore, rexfetch and rexrunner; each has a group of the same name.
SCORER, FETCHER, RUNNER = "bin", "games", "daemon"

# Says what a hostile scorer could see, hands out a result, and writes to both streams.
LOOKS = """
import ctypes, json, os, platform, resource, socket, subprocess, sys, tempfile, time
from pathlib import Path

ELSEWHERE = ["/tmp", "/var/tmp", "/run/lock", "/var/lock", "/dev/mqueue", "/dev", "/var/crash", "/var/spool/cron"]

CLONE = {"x86_64": 56, "aarch64": 220}.get(platform.machine())

def can(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return True

def refused(call):
    libc = ctypes.CDLL(None, use_errno=True)
    return call(libc) == -1 and ctypes.get_errno() == 1

def socket_error(family):
    try:
        socket.socket(family, socket.SOCK_STREAM).close()
    except OSError as error:
        return error.errno

def limits():
    status = dict(l.split(":\\t", 1) for l in Path("/proc/self/status").read_text().splitlines() if ":\\t" in l)
    own = os.environ["HOME"] + "/own"
    open(own, "w").close()
    return {
        "status": status, "devices": sorted(os.listdir("/dev")),
        "memory": resource.getrlimit(resource.RLIMIT_DATA)[1], "tasks": resource.getrlimit(resource.RLIMIT_NPROC)[1],
        "core": resource.getrlimit(resource.RLIMIT_CORE)[1], "realtime": resource.getrlimit(resource.RLIMIT_RTPRIO)[1],
        "umask": os.umask(0o77), "stdin": os.readlink("/proc/self/fd/0"),
        # Each of these an ordinary process may do, so that it is the filter that refuses.
        "chown": can(lambda: os.chown(own, os.getuid(), os.getgid())), "trace": refused(lambda c: c.ptrace(0, 0, 0, 0)),
        "namespace": refused(lambda c: c.unshare(0x10000000)), "personality": refused(lambda c: c.personality(0x0400000)),
        "clone": refused(lambda c: c.syscall(CLONE, 0x10000000 | 17, 0, 0, 0, 0)) if CLONE else True,
        "sockets": [socket_error(f) for f in (1, 2, 10, 17, 40)],
        "mounts": {l.split()[4]: l.split()[5].split(",") for l in Path("/proc/self/mountinfo").read_text().splitlines()},
        "semaphores": Path("/proc/sysvipc/sem").read_text().count("\\n"),
        "tunables": can(lambda: open("/proc/sys/kernel/core_pattern", "a")), "clock": can(lambda: time.clock_settime(0, time.time())),
        "log": can(lambda: open("/dev/kmsg")),
        "hostname": can(lambda: socket.sethostname("x")), "groups": can(lambda: os.mkdir("/sys/fs/cgroup/x")),
    }

def main():
    what = sys.argv[1:3]
    if what == ["pr", "fetch"]:
        folder = Path(sys.argv[3])
        if os.environ["PR"] == "666":
            folder.symlink_to(os.environ["REXRANK_REFERENCES"])
            return
        folder.mkdir()
        (folder / "fetched").write_text(f"{os.environ['PR']} {os.environ['SHA']} {os.getuid()}")
        (folder / "secrets").write_text(str(os.environ.get("REXRANK_SALT")))
        code = Path(os.environ["PYTHONPATH"]) / "evaluator" / "cli.py"
        (folder / "code").write_text(str(can(lambda: code.open("a"))))
        # A process that stays, with a file open for writing; on a busy machine it takes a while to open it.
        subprocess.Popen(["sh", "-c", f"sleep 0.1; exec 3>{folder}/late; sleep 1; echo late >&3"], start_new_session=True)
        while not (folder / "late").exists():
            time.sleep(0.01)
        return
    if what == ["judge", "serve"]:
        status = Path("/proc/self/status").read_text()
        says = {k: status.split(k + ":\\t")[1].split("\\n")[0] for k in ("Uid", "Seccomp", "NoNewPrivs", "CapBnd")}
        (Path(os.environ["HOME"]) / "judge").write_text(json.dumps({**says, "interfaces": [n for _, n in socket.if_nameindex()]}))
        with socket.create_server(("127.0.0.1", 8477)):
            print("serving a judge", flush=True)
            time.sleep(60)
    print("CANARY-IN-OUTPUT"); print("CANARY-IN-ERROR", file=sys.stderr)
    references = Path(os.environ["REXRANK_REFERENCES"])
    seen = {
        "uid": os.getuid(), "cwd": os.getcwd(), "processes": sum(p.name.isdigit() for p in Path("/proc").iterdir()),
        "interfaces": [n for _, n in socket.if_nameindex()],
        "egress": can(lambda: socket.create_connection(("192.0.2.1", 443), 2)),
        "reads": can(lambda: (references / "a.json").read_text()),
        "writes": can(lambda: (references / "b.json").write_text("x")),
        "store": can(lambda: (Path(os.environ["REXRANK_STORE"]) / "kept").write_text("x")),
        "hidden": os.listdir("/run"), "salt": os.environ.get("REXRANK_SALT"),
        "environment": sorted(os.environ),
        "groups": os.getgroups(), "no_new_privs": "NoNewPrivs:\\t1" in Path("/proc/self/status").read_text(),
        "capabilities": [l.split()[1] for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("Cap")],
        "fetched": "", "arguments": sys.argv[1:],
        "elsewhere": [d for d in ELSEWHERE + [str(Path(os.environ["REXRANK_STORE"]).parent)] if can(lambda: tempfile.mkdtemp(dir=d)) is True],
        "memory": can(lambda: tempfile.mkdtemp(prefix=f"{Path(os.environ['REXRANK_STORE']).parents[3].name}-", dir="/dev/shm")),
        "null": can(lambda: open("/dev/null", "w").write("x")),
        "limits": limits(), "judge": None,
    }
    if os.environ.get("REXRANK_JUDGES"):
        seen["judge"] = json.loads((Path(os.environ["HOME"]) / "judge").read_text())
        seen["judge"]["answers"] = can(lambda: socket.create_connection(("127.0.0.1", 8477), 5))
    if what == ["pr", "score"]:
        seen["fetched"] = (Path(sys.argv[3]) / "fetched").read_text()
        seen["secret_when_fetching"] = (Path(sys.argv[3]) / "secrets").read_text()
        seen["code_when_fetching"] = (Path(sys.argv[3]) / "code").read_text()
        time.sleep(1.5 if os.environ["PR"] == "14" else 0)
        seen["late"] = (Path(sys.argv[3]) / "late").read_text()
        with open(os.environ["GITHUB_OUTPUT"], "a") as file:
            file.write("result=" + json.dumps(seen, separators=(",", ":")) + "\\n")
        sys.exit(1 if os.environ["PR"] == "13" else 0)
    if what == ["pr", "refresh"]:
        bundle = Path(sys.argv[3]); (bundle / "tables").mkdir(parents=True)
        (bundle / "tables" / "seen.json").write_text(json.dumps(seen))
    if what == ["pr", "fill"]:
        (Path(os.environ["REXRANK_STORE"]) / "units").write_text(os.environ["UNITS"])
"""


def _able():
    if os.geteuid() != 0:
        return reason("root")
    for name in (SCORER, FETCHER, RUNNER):
        try:
            pwd.getpwnam(name)
        except KeyError:
            return reason("namespaces", f"no user {name}")
    tools = ("unshare", "setpriv", "ip", "git", "mount", "flock")
    if any(shutil.which(t) is None for t in tools):
        return reason("namespaces", "unshare, setpriv, ip, git, mount and flock")
    probe = [
        "unshare",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--mount-proc",
        "mount",
        "-t",
        "tmpfs",
        "x",
        "/run",
    ]
    if subprocess.run(probe, capture_output=True, check=False, timeout=HANG).returncode:
        return reason("namespaces")
    return "" if _python() else reason("namespaces", "another user cannot run this Python")


def _python():
    """A Python that another user can run: one in root's home is out of reach."""
    for path in PYTHONS:
        # `env` in between: setpriv itself still has root's capabilities when it starts a program.
        test = ["setpriv", "--reuid", SCORER, "--regid", SCORER, "--clear-groups", "env", path, "-c", ""]
        if subprocess.run(test, capture_output=True, check=False, timeout=HANG).returncode == 0:
            return path
    return ""


WHY_NOT = _able()
PYTHON = "" if WHY_NOT else _python()
needs_namespaces = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def sh(*args, **kwargs):
    return subprocess.run(args, capture_output=True, check=False, timeout=HANG, **kwargs)


def isolate(machine, *args, **env):
    return sh(str(machine / "opt/rexrank/bin/isolate.sh"), *args, env={"PATH": os.environ["PATH"], **env})


def result_of(done):
    with tarfile.open(fileobj=BytesIO(done.stdout)) as tar:
        assert tar.getnames() == ["output"]
        line = tar.extractfile("output").read().decode()
    assert line.startswith("result="), (done.returncode, line[:500], done.stderr[-1_000:])
    return json.loads(line.removeprefix("result="))


ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason=reason("systemd"))


def settings():
    """The unit's [Service] section; a repeated setting is joined, as systemd joins lists."""
    values = {}
    _, _, section = (KIT / "rexrank-scorer.service").read_text("utf-8").partition("[Service]\n")
    for line in section.splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            values[name] = f"{values[name]} {value}" if name in values else value
    return values
