"""Both ways to run the scorer have the same limits: each property of systemd's unit, compared with what the
fallback really does."""

from __future__ import annotations

import errno
import os
import pwd
import re
import subprocess
from pathlib import Path

import pytest
from support.hangs import HANG
from support.isolated import KIT, SCORER, SHA, isolate, needs_namespaces, needs_systemd, result_of, settings

CALLS = KIT / "system-calls"
MEMORY = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text("utf-8"))[1])
ELSEWHERE = "said of the unit alone: "


def no_capability(seen):
    return {seen["status"][k] for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}


def private(seen):
    return seen["elsewhere"] == [] and seen["hidden"] == []


def filtered(seen):
    return seen["status"]["Seccomp"] == "2" and (seen["chown"], seen["trace"]) == ("PermissionError", True)


# Per property, a check of what the scorer saw in the fallback (which raises or is true), or why there is
# none.
FALLBACK = {
    "Type": ELSEWHERE + "how systemd waits",
    "User": lambda seen: seen["uid"] == pwd.getpwnam(SCORER).pw_uid,
    "Group": lambda seen: seen["status"]["Gid"].split() == [str(pwd.getpwnam(SCORER).pw_gid)] * 4,
    "EnvironmentFile": lambda seen: not {"SUDO_UID", "EVIL"} & set(seen["environment"]),
    "ExecStart": ELSEWHERE + "the same script, by its other word",
    "UMask": lambda seen: seen["umask"] == 0o77,
    "StandardInput": lambda seen: seen["stdin"] == "/dev/null",
    "StandardOutput": ELSEWHERE + "the private log, by the shell; tried in test_isolate",
    "StandardError": ELSEWHERE + "the private log, by the shell; tried in test_isolate",
    "LimitCORE": lambda seen: seen["core"] == 0,
    "MemoryMax": lambda seen: abs(seen["memory"] / 1024 / MEMORY - 0.9) < 0.001,
    "MemorySwapMax": ELSEWHERE + "a control group's alone; with one it is set, below",
    "TasksMax": lambda seen: seen["tasks"] == 4096,
    "RuntimeMaxSec": lambda seen: seen["timeout"] == "24h",
    "TimeoutStopSec": ELSEWHERE + "the namespace's end kills at once",
    "OOMPolicy": ELSEWHERE + "process 1 of the namespace gets the scorer's status, and its end is everyone's",
    "PrivateNetwork": lambda seen: (
        seen["interfaces"] == ["lo"] and seen["egress"] not in {True, "TimeoutError"}
    ),
    "IPAddressAllow": lambda seen: seen["interfaces"] == ["lo"],
    "IPAddressDeny": lambda seen: seen["egress"] not in {True, "TimeoutError"},
    "RestrictAddressFamilies": lambda seen: seen["sockets"] == [None, None, None, errno.EPERM, errno.EPERM],
    "PrivateIPC": lambda seen: seen["semaphores"] == 1 and seen["memory_folder"],
    "RemoveIPC": lambda seen: seen["semaphores"] == 1,
    "ProtectSystem": lambda seen: seen["elsewhere"] == [] and seen["writes"] == "OSError",
    "ReadWritePaths": lambda seen: seen["store"] is True,
    "InaccessiblePaths": private,
    "ProtectHome": private,
    "PrivateTmp": private,
    "ProtectProc": lambda seen: seen["processes"] <= 3,
    "NoNewPrivileges": lambda seen: seen["status"]["NoNewPrivs"] == "1",
    "CapabilityBoundingSet": no_capability,
    "AmbientCapabilities": no_capability,
    "RestrictSUIDSGID": lambda seen: all("nosuid" in seen["mounts"][p] for p in seen["own"]),
    "RestrictNamespaces": lambda seen: seen["namespace"] and seen["clone"],
    "RestrictRealtime": lambda seen: seen["realtime"] == 0 and no_capability(seen),
    "LockPersonality": lambda seen: seen["personality"],
    "KeyringMode": ELSEWHERE + "keys of a user without a login; nothing puts one there",
    "SystemCallArchitectures": filtered,
    "SystemCallFilter": filtered,
    "SystemCallErrorNumber": filtered,
    "ProtectClock": lambda seen: seen["clock"] == "PermissionError",
    "ProtectControlGroups": lambda seen: seen["groups"] in {"OSError", "PermissionError"},
    "ProtectHostname": lambda seen: seen["hostname"] == "PermissionError",
    "ProtectKernelLogs": lambda seen: seen["log"] == "FileNotFoundError",
    "ProtectKernelModules": no_capability,
    "ProtectKernelTunables": lambda seen: seen["tunables"] in {"PermissionError", "OSError"},
    "DevicePolicy": lambda seen: {"kmsg", "mem", "tty", "vda", "sda", "kvm", "fuse"}.isdisjoint(
        seen["devices"]
    ),
    "DeviceAllow": lambda seen: all(
        re.fullmatch("null|zero|full|u?random|nvidia.*|dri|fd|std(in|out|err)|shm", d)
        for d in seen["devices"]
    ),
}


@pytest.fixture
def seen(machine):
    """What a scorer saw in the fallback, and how it was started."""
    result = result_of(isolate(machine, "score", "12", SHA, EVIL="1"))
    script = (KIT / "isolate.sh").read_text("utf-8")
    return {
        **result,
        **result["limits"],
        "memory_folder": result["memory"] is True,
        "timeout": re.search(r"timeout --foreground (\w+) ", script)[1],
        "own": [f"{machine}/var/lib/rexrank/store", f"{machine}/var/lib/rexrank/scratch/job"],
    }


@needs_namespaces
def test_the_fallback_has_every_limit_of_the_unit(seen):
    unit = settings()
    assert unit.keys() == FALLBACK.keys(), "a property of the unit that nobody has compared"
    assert (unit["TasksMax"], unit["RuntimeMaxSec"], unit["MemoryMax"]) == ("4096", "24h", "90%")
    missing = [name for name, look in FALLBACK.items() if callable(look) and not look(seen)]
    assert missing == []


@needs_namespaces
def test_where_control_groups_can_be_had_they_bound_memory_and_processes(machine):
    group = machine / "cgroup/rexrank-scorer"
    group.mkdir(parents=True)
    (machine / "cgroup/cgroup.controllers").write_text("cpu memory pids\n")
    for name in ("memory.max", "memory.swap.max", "pids.max", "cgroup.procs"):
        (group / name).write_text("")
    with (machine / "opt/rexrank/etc/runner.conf").open("a") as conf:
        conf.write(f"CGROUP={machine}/cgroup\n")
    limits = result_of(isolate(machine, "score", "12", SHA))["limits"]
    assert limits["memory"] == -1, "the group's bound is the one"
    assert abs(int((group / "memory.max").read_text()) / 1024 / MEMORY - 0.9) < 0.001
    values = {n: (group / n).read_text() for n in ("memory.swap.max", "pids.max", "cgroup.procs")}
    assert values == {"memory.swap.max": "0\n", "pids.max": "4096\n", "cgroup.procs": "0\n"}
    assert (machine / "cgroup/cgroup.subtree_control").read_text() == "+memory +pids\n"


@needs_namespaces
def test_judges_stay_inside_the_same_limits(machine):
    with (machine / "opt/rexrank/etc/runner.conf").open("a") as conf:
        conf.write(f"JUDGES={machine}/opt/rexrank/etc/judges.toml\n")
    judge = result_of(isolate(machine, "score", "12", SHA))["judge"]
    assert judge["Uid"].split()[0] == str(pwd.getpwnam(SCORER).pw_uid)
    assert (judge["Seccomp"], judge["NoNewPrivs"], judge["CapBnd"]) == ("2", "1", "0" * 16)
    assert (judge["interfaces"], judge["answers"]) == (["lo"], True)


@needs_namespaces
def test_without_the_filter_nothing_is_scored(machine):
    (machine / "opt/rexrank/bin/system-calls").unlink()
    result = isolate(machine, "score", "12", SHA)
    assert result.returncode == 2, "1 is the scorer's own word"
    assert "list of system calls" in (machine / "var/log/rexrank/isolate.log").read_text()
    assert not (machine / "var/lib/rexrank/store/kept").exists()


def calls_of(group):
    """The calls of one of systemd's groups, according to systemd."""
    command = ["systemd-analyze", "--no-pager", "syscall-filter", group]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=HANG).stdout
    names = [line.strip() for line in text.splitlines()[1:]]
    groups = [calls_of(n) if n.startswith("@") else {n} for n in names if n and not n.startswith("#")]
    return set().union(*groups)


def listed():
    lines = CALLS.read_text("utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


@needs_systemd
def test_the_fallbacks_filter_is_the_units():
    """Newer releases of systemd may know calls that the list does not, never the other way round."""
    assert settings()["SystemCallFilter"] == "@system-service ~@privileged"
    allowed = calls_of("@system-service") - calls_of("@privileged")
    conditional = {"clone", "clone3", "socket", "personality", "setns", "unshare"}
    assert set(listed()) <= allowed - conditional
    common = {
        "read",
        "openat",
        "mmap",
        "futex",
        "execve",
        "exit_group",
        "ioctl",
        "sched_setaffinity",
        "statx",
        "wait4",
    }
    assert common <= set(listed())


def test_no_call_is_listed_that_undoes_another_limit():
    dangerous = {
        "mount",
        "ptrace",
        "bpf",
        "unshare",
        "setns",
        "clone3",
        "reboot",
        "init_module",
        "chroot",
        "kexec_load",
    }
    assert dangerous.isdisjoint(listed())
    assert listed() == sorted(set(listed()))


def test_without_libseccomp_the_command_does_not_run(tmp_path):
    """With an empty library path, or a kernel that accepts no filter: a message, and nothing runs."""
    broken = tmp_path / "libseccomp.so.2"
    broken.write_bytes(b"")
    ran = tmp_path / "ran"
    process = subprocess.run(
        ["/usr/bin/python3", "-I", str(KIT / "confine.py"), str(CALLS), "touch", str(ran)],
        env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG,
    )
    assert process.returncode == 2
    assert "libseccomp is not installed" in process.stderr
    assert not ran.exists()
