"""The isolated scorer, run for real where the machine lets us: a stand-in `rexrank` on main looks around inside."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

import pytest
from support.needs import reason

KIT = Path(__file__).parents[2] / "runner"
SETUP = Path(__file__).parents[2] / ".github" / "actions" / "setup" / "rexrank"
SHA = "0123456789abcdef0123456789abcdef01234567"
PYTHONS = (os.path.realpath(sys.executable), "/usr/bin/python3")
# Debian's own accounts stand in for rexscore, rexfetch and rexrunner; each has a group of its name.
SCORER, FETCHER, RUNNER = "bin", "games", "daemon"

# Says what a hostile scorer could see, hands out a result, and writes to both streams.
LOOKS = """
import json, os, socket, subprocess, sys, tempfile, time
from pathlib import Path

ELSEWHERE = ["/tmp", "/var/tmp", "/run/lock", "/var/lock", "/dev/mqueue", "/dev", "/var/crash", "/var/spool/cron"]

def can(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return True

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
        # A process that stays, with a file open for writing.
        subprocess.Popen(["sh", "-c", f"exec 3>{folder}/late; sleep 1; echo late >&3"], start_new_session=True)
        return
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
        "memory": can(lambda: tempfile.mkdtemp(prefix="scorer-", dir="/dev/shm")),
        "null": can(lambda: open("/dev/null", "w").write("x")),
    }
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
    if subprocess.run(probe, capture_output=True, check=False, timeout=120).returncode:
        return reason("namespaces")
    return "" if _python() else reason("namespaces", "another user cannot run this Python")


def _python():
    """A Python that another user can run: one in root's home is out of reach."""
    for path in PYTHONS:
        # `env` in between: setpriv itself still has root's capabilities when it starts a program.
        test = ["setpriv", "--reuid", SCORER, "--regid", SCORER, "--clear-groups", "env", path, "-c", ""]
        if subprocess.run(test, capture_output=True, check=False, timeout=120).returncode == 0:
            return path
    return ""


WHY_NOT = _able()
PYTHON = "" if WHY_NOT else _python()
needs_namespaces = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def sh(*args, **kwargs):
    return subprocess.run(args, capture_output=True, check=False, timeout=60, **kwargs)


@pytest.fixture(scope="module")
def origin():
    """A public repository whose main holds the stand-in."""
    base = Path(tempfile.mkdtemp(prefix="origin-"))
    base.chmod(0o755)
    repo = base / "rexrank" / "challenge"
    (repo / "evaluator").mkdir(parents=True)
    (repo / "evaluator" / "__init__.py").write_text("")
    (repo / "evaluator" / "cli.py").write_text(LOOKS)
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    for args in (("init", "-q", "-b", "main"), ("add", "."), (*who, "commit", "-qm", "one")):
        assert sh("git", *args, cwd=repo).returncode == 0
    yield base
    shutil.rmtree(base)


@pytest.fixture
def machine(origin):
    """The folders of a runner, installed by setup.sh; another user owns the repository, as on GitHub."""
    base = Path(tempfile.mkdtemp(prefix="machine-"))
    base.chmod(0o711)
    assert sh("bash", str(KIT / "setup.sh"), "--destdir", str(base)).returncode == 0
    prefix, refs, store = (
        base / "opt/rexrank",
        base / "srv/rexrank/references",
        base / "var/lib/rexrank/store",
    )
    (base / "srv/rexrank/references/a.json").write_text("CANARY-REFERENCE")
    for path in (refs, refs / "a.json"):
        os.chown(path, 0, pwd.getpwnam(SCORER).pw_gid)
    (refs / "a.json").chmod(0o440)
    os.chown(store, pwd.getpwnam(SCORER).pw_uid, pwd.getpwnam(SCORER).pw_gid)
    pairs = {
        "REPOSITORY": "rexrank/challenge", "SERVER_URL": f"file://{origin}", "RUNNER": RUNNER, "FETCHER": FETCHER,
        "SCORER": SCORER, "REFERENCES": refs, "MODELS": base / "srv/rexrank/models", "STORE": store,
        "SCRATCH": base / "var/lib/rexrank/scratch", "LOGS": base / "var/log/rexrank", "HIDE": "/home:/run",
        "PYTHON": PYTHON,
    }  # fmt: skip
    (prefix / "etc/runner.conf").write_text("".join(f"{k}={v}\n" for k, v in pairs.items()))
    # file:// of another owner is refused by git; over https there is no owner. Fetching as the owner stands in.
    for path in [origin, *origin.rglob("*")]:
        os.chown(path, pwd.getpwnam(FETCHER).pw_uid, pwd.getpwnam(FETCHER).pw_gid, follow_symlinks=False)
    yield base
    shutil.rmtree(base)


def isolate(machine, *args, **env):
    return sh(str(machine / "opt/rexrank/bin/isolate.sh"), *args, env={"PATH": os.environ["PATH"], **env})


def result_of(done):
    with tarfile.open(fileobj=BytesIO(done.stdout)) as tar:
        assert tar.getnames() == ["output"]
        line = tar.extractfile("output").read().decode()
    assert line.startswith("result=")
    return json.loads(line.removeprefix("result="))


@needs_namespaces
def test_the_scorer_has_references_and_store_and_nothing_else(machine):
    done = isolate(
        machine, "score", "12", SHA, EVIL="1", BASH_ENV="/nowhere", LD_PRELOAD="", GITHUB_TOKEN="secret"
    )
    assert (done.returncode, done.stderr) == (0, b"")
    seen = result_of(done)
    assert seen["uid"] == pwd.getpwnam(SCORER).pw_uid
    assert seen["interfaces"] == ["lo"]
    assert seen["egress"] not in {True, "TimeoutError"}, "refused at once: there is no route"
    assert (seen["reads"], seen["writes"], seen["store"]) == (True, "OSError", True)
    assert seen["hidden"] == []
    assert seen["processes"] <= 3
    assert seen["no_new_privs"]
    assert set(seen["capabilities"]) == {"0000000000000000"}
    assert not {"EVIL", "BASH_ENV", "LD_PRELOAD", "GITHUB_TOKEN", "SUDO_UID"} & set(seen["environment"])
    assert seen["salt"] == (machine / "opt/rexrank/etc/salt").read_text().strip()
    assert seen["fetched"] == f"12 {SHA} {pwd.getpwnam(FETCHER).pw_uid}"
    assert seen["secret_when_fetching"] == "None"
    assert seen["code_when_fetching"] == "PermissionError"
    assert (machine / "var/lib/rexrank/store/kept").exists()


@needs_namespaces
def test_the_scorer_writes_to_the_store_and_the_jobs_folder_only(machine):
    seen = result_of(isolate(machine, "score", "12", SHA))
    assert seen["elsewhere"] == []
    assert (seen["memory"], seen["null"]) == (True, True)
    assert not list(Path("/dev/shm").glob("scorer-*")), "its shared memory is its own"


@needs_namespaces
def test_what_fetching_leaves_running_ends_before_the_scorer_starts(machine):
    done = isolate(machine, "score", "14", SHA)
    assert result_of(done)["late"] == ""


@needs_namespaces
def test_a_link_in_the_place_of_what_was_fetched_is_refused(machine):
    done = isolate(machine, "score", "666", SHA)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"could not be fetched" in done.stderr


@needs_namespaces
def test_what_the_scorer_prints_goes_to_the_private_log(machine):
    done = isolate(machine, "score", "13", SHA)
    assert done.returncode == 1, "the status of the scorer"
    log = machine / "var/log/rexrank/isolate.log"
    assert b"CANARY" not in done.stdout + done.stderr
    assert {"CANARY-IN-OUTPUT", "CANARY-IN-ERROR"} <= set(log.read_text().split())
    assert log.parent.stat().st_mode & 0o077 == 0


@needs_namespaces
def test_nothing_of_a_run_stays(machine):
    killed = machine / "var/lib/rexrank/scratch/job.killed"
    killed.mkdir()
    (killed / "pull").write_text("left by a run that was killed")
    isolate(machine, "score", "12", SHA)
    assert [p.name for p in (machine / "var/lib/rexrank/scratch").iterdir()] == ["lock"]


@needs_namespaces
def test_a_refresh_hands_out_the_bundle(machine):
    done = isolate(machine, "refresh")
    assert done.returncode == 0, done.stderr
    with tarfile.open(fileobj=BytesIO(done.stdout)) as tar:
        assert {m.name for m in tar if m.isfile()} == {"bundle/tables/seen.json"}


@needs_namespaces
@pytest.mark.parametrize(
    "args",
    [
        (), ("score",), ("score", "12"), ("score", "0", SHA), ("score", "12", SHA[:39]), ("score", "12", SHA.upper()),
        ("score", "12", SHA, "more"), ("score", "12;id", SHA), ("score", "$(id)", SHA), ("score", "-1", SHA),
        ("score", "12", f"{SHA}\n"), ("refresh", "--all"), ("inside", "pr", "score"), ("sh",), ("doctor", "--help"),
    ],
)  # fmt: skip
def test_any_other_call_is_refused(machine, args):
    done = isolate(machine, *args)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"wanted: " in done.stderr


@needs_namespaces
def test_the_jobs_user_may_not_ask_the_doctor(machine):
    done = isolate(machine, "doctor", SUDO_UID=str(pwd.getpwnam(RUNNER).pw_uid))
    assert (done.returncode, b"may not ask" in done.stderr) == (2, True)


@needs_namespaces
def test_one_scoring_at_a_time(machine):
    held = subprocess.Popen(["flock", str(machine / "var/lib/rexrank/scratch/lock"), "sleep", "20"])
    try:
        for _ in range(100):
            if sh("flock", "-n", str(machine / "var/lib/rexrank/scratch/lock"), "true").returncode:
                break
        done = isolate(machine, "refresh")
    finally:
        held.terminate()
        held.wait()
    assert (done.returncode, b"another scoring is running" in done.stderr) == (2, True)


@needs_namespaces
@pytest.mark.parametrize(
    ("line", "said"),
    [("DEVICE=$(id)\n", b"other characters"), ("STORE=/a\nSTORE=/b\n", b"set twice")],
)
def test_a_damaged_configuration_is_refused(machine, line, said):
    conf = machine / "opt/rexrank/etc/runner.conf"
    key = line.split("=")[0]
    kept = [x for x in conf.read_text().splitlines() if not x.startswith(f"{key}=")]
    conf.write_text("\n".join(kept) + "\n" + line)
    done = isolate(machine, "refresh")
    assert (done.returncode, said in done.stderr) == (2, True)


SYSTEMCTL = """\
#!/bin/bash
# show UNIT -p NAME --value, or start --wait UNIT as systemd would: the file's environment, the unit's user, its program.
case $1 in
show) [ "$4" = ExecMainStatus ] && cat {base}/status || sed -n "s/^$4|//p" {base}/loaded ;;
start)
    mapfile -t given < <(sed 's/="\\(.*\\)"$/=\\1/' {base}/var/lib/rexrank/scratch/scorer.env)
    stat -c '%a %U' {base}/var/lib/rexrank/scratch/scorer.env >{base}/env-mode
    status=0
    env -i "${{given[@]}}" setpriv --reuid bin --regid bin --clear-groups --no-new-privs -- {base}/opt/rexrank/bin/isolate.sh unit || status=$?
    echo $status >{base}/status
    [ $status = 0 ]
    ;;
esac
"""
HOST = 'mount -t tmpfs x /run && mkdir -p /run/systemd/system && mount --bind "$1" /usr/bin/systemctl && shift && exec "$@"'


@pytest.fixture
def host(machine):
    """The machine with a systemd that has the unit loaded; returns how to call the door and what systemd says."""
    if not Path("/usr/bin/systemctl").exists():
        pytest.skip("this machine has no /usr/bin/systemctl to lay the stand-in over")
    tool = machine / "systemctl"
    tool.write_text(SYSTEMCTL.format(base=machine))
    tool.chmod(0o755)
    scratch = machine / "var/lib/rexrank/scratch"
    loaded = {
        "User": SCORER, "PrivateNetwork": "yes", "PrivateTmp": "yes", "ProtectSystem": "strict", "ProtectHome": "yes",
        "ReadWritePaths": f"{machine}/var/lib/rexrank/store {scratch}/job", "NoNewPrivileges": "yes",
        "InaccessiblePaths": f"{machine}/opt/rexrank/etc/salt /var/log/rexrank", "CapabilityBoundingSet": "",
        "SystemCallFilter": "read write", "MemoryMax": "9000000", "TasksMax": "4096", "RuntimeMaxUSec": "1d",
        "DevicePolicy": "closed", "DeviceAllow": "char-nvidia* rw",
    }  # fmt: skip

    def call(*args, **other):
        (machine / "loaded").write_text("".join(f"{k}|{v}\n" for k, v in {**loaded, **other}.items()))
        door = str(machine / "opt/rexrank/bin/isolate.sh")
        command = ["unshare", "--mount", "bash", "-c", HOST, "host", str(tool), door, *args]
        return sh(*command, env={"PATH": os.environ["PATH"]})

    return call, loaded


@needs_namespaces
@pytest.mark.parametrize(("number", "status"), [("12", 0), ("13", 1)])
def test_on_a_host_with_systemd_the_unit_scores(host, machine, number, status):
    call, _ = host
    done = call("score", number, SHA)
    assert done.returncode == status, done.stderr
    seen = result_of(done)
    assert seen["uid"] == pwd.getpwnam(SCORER).pw_uid
    assert seen["arguments"][:2] == ["pr", "score"]
    assert seen["salt"] == (machine / "opt/rexrank/etc/salt").read_text()
    assert (machine / "env-mode").read_text() == "600 root\n"
    assert not list((machine / "var/lib/rexrank/scratch").glob("scorer.env"))


@needs_namespaces
def test_a_limit_that_systemd_does_not_have_is_a_refusal_and_never_the_fallback(host, machine):
    """Every limit, each taken away or set loose."""
    call, loaded = host
    loose = {"MemoryMax": "infinity", "TasksMax": "infinity", "RuntimeMaxUSec": "infinity", "CapabilityBoundingSet": "cap_sys_admin",
             "DevicePolicy": "auto", "ReadWritePaths": loaded["ReadWritePaths"] + " /home"}  # fmt: skip
    for name in loaded:
        done = call("score", "12", SHA, **{name: loose.get(name, "")})
        assert (done.returncode, done.stdout) == (2, b""), name
        assert name.encode() in done.stderr + (machine / "var/log/rexrank/isolate.log").read_bytes(), name
    assert not (machine / "status").exists()
