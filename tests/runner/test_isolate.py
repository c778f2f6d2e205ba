"""The isolated scorer, run for real if the machine allows it: a stand-in `rexrank` on main inspects the inside."""

from __future__ import annotations

import os
import pwd
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from support.approvals import run
from support.isolated import FETCHER, RUNNER, SCORER, SHA, isolate, needs_namespaces, result_of, sh


@needs_namespaces
def test_the_scorer_has_references_and_store_and_nothing_else(machine):
    result = isolate(
        machine, "score", "12", SHA, EVIL="1", BASH_ENV="/nowhere", LD_PRELOAD="", GITHUB_TOKEN="secret"
    )
    assert (result.returncode, result.stderr) == (0, b"")
    values = result_of(result)
    assert values["uid"] == pwd.getpwnam(SCORER).pw_uid
    assert values["interfaces"] == ["lo"]
    assert values["egress"] not in {True, "TimeoutError"}, "refused at once: there is no route"
    assert (values["reads"], values["writes"], values["store"]) == (True, "OSError", True)
    assert values["hidden"] == []
    assert values["processes"] <= 3
    assert values["no_new_privs"]
    assert set(values["capabilities"]) == {"0000000000000000"}
    assert not {"EVIL", "BASH_ENV", "LD_PRELOAD", "GITHUB_TOKEN", "SUDO_UID"} & set(values["environment"])
    assert values["salt"] == (machine / "opt/rexrank/etc/salt").read_text().strip()
    assert values["fetched"] == f"12 {SHA} {pwd.getpwnam(FETCHER).pw_uid}"
    assert values["secret_when_fetching"] == "None"
    assert values["code_when_fetching"] == "PermissionError"
    assert (machine / "var/lib/rexrank/store/kept").exists()


@needs_namespaces
def test_the_scorer_writes_to_the_store_and_the_jobs_folder_only(machine):
    values = result_of(isolate(machine, "score", "12", SHA))
    assert values["elsewhere"] == []
    assert (values["memory"], values["null"]) == (True, True)
    assert not list(Path("/dev/shm").glob(f"{machine.name}-*")), "its shared memory is its own"


@needs_namespaces
def test_nothing_is_scored_or_fetched_without_approval(machine, approvals):
    """The jobs' user may request anything; only GitHub's own record lets it through (test_released)."""
    approvals.reviews = {}
    for number, words in (("12", "nobody approved pull request 12 at"), ("15", "nobody requested scoring")):
        result = isolate(machine, "score", number, SHA)
        assert (result.returncode, result.stdout) == (2, b"")
        assert words in result.stderr.decode()
        assert b"no reviewer approved this, so nothing is scored" in result.stderr
    assert not (machine / "var/lib/rexrank/store/kept").exists()
    assert [p.name for p in (machine / "var/lib/rexrank/scratch").iterdir()] == ["lock"]


@needs_namespaces
def test_a_successful_run_still_approves_its_commit(machine, approvals):
    """For an approved job that only starts another repository's run: the approved bytes are scored."""
    approvals.runs = [run(12, SHA, status="completed", conclusion="success")]
    assert isolate(machine, "score", "12", SHA).returncode == 0
    assert any(path.endswith("/runs/12/approvals") for path in approvals.asked)


@needs_namespaces
def test_a_refresh_asks_for_no_approval(machine, approvals):
    """Merging has approved what is on main."""
    assert isolate(machine, "refresh").returncode == 0
    assert approvals.asked == []


@needs_namespaces
def test_units_of_main_are_scored_into_the_store_and_nothing_is_handed_out(machine, approvals):
    units = ("a/b:sandbox:texts", "baseline:sandbox:green")
    result = isolate(machine, "fill", *units)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert (machine / "var/lib/rexrank/store/units").read_text() == " ".join(units)
    assert approvals.asked == []


@needs_namespaces
def test_processes_left_by_fetching_end_before_the_scorer_starts(machine):
    result = isolate(machine, "score", "14", SHA)
    assert result_of(result)["late"] == ""


@needs_namespaces
def test_a_link_in_the_place_of_what_was_fetched_is_refused(machine):
    result = isolate(machine, "score", "666", SHA)
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"could not be fetched" in result.stderr


@needs_namespaces
def test_what_the_scorer_prints_goes_to_the_private_log(machine):
    result = isolate(machine, "score", "13", SHA)
    assert result.returncode == 1, "the status of the scorer"
    log = machine / "var/log/rexrank/isolate.log"
    assert b"CANARY" not in result.stdout + result.stderr
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
    result = isolate(machine, "refresh")
    assert result.returncode == 0, result.stderr
    with tarfile.open(fileobj=BytesIO(result.stdout)) as tar:
        assert {m.name for m in tar if m.isfile()} == {"bundle/tables/seen.json"}


@needs_namespaces
@pytest.mark.parametrize(
    "args",
    [
        (), ("score",), ("score", "12"), ("score", "0", SHA), ("score", "12", SHA[:39]), ("score", "12", SHA.upper()),
        ("score", "12", SHA, "more"), ("score", "12;id", SHA), ("score", "$(id)", SHA), ("score", "-1", SHA),
        ("score", "12", f"{SHA}\n"), ("refresh", "--all"), ("inside", "pr", "score"), ("sh",),
        ("fill",), ("fill", "a/b:sandbox"), ("fill", "../b:sandbox:texts"), ("fill", "a/b:sandbox:texts", "$(id):x:y"),
        ("fill", "a/b:sandbox:texts\n"), ("fill", "a/b:sandbox:texts c/d:sandbox:texts"), ("fill", *["a/b:sandbox:texts"] * 17), ("doctor", "--help"),
    ],
)  # fmt: skip
def test_any_other_call_is_refused(machine, args):
    result = isolate(machine, *args)
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"wanted: " in result.stderr


@needs_namespaces
def test_the_jobs_user_may_not_ask_the_doctor(machine):
    result = isolate(machine, "doctor", SUDO_UID=str(pwd.getpwnam(RUNNER).pw_uid))
    assert (result.returncode, b"may not call" in result.stderr) == (2, True)


@needs_namespaces
def test_one_scoring_at_a_time(machine):
    holder = subprocess.Popen(["flock", str(machine / "var/lib/rexrank/scratch/lock"), "sleep", "20"])
    try:
        for _ in range(100):
            if sh("flock", "-n", str(machine / "var/lib/rexrank/scratch/lock"), "true").returncode:
                break
        result = isolate(machine, "refresh")
    finally:
        holder.terminate()
        holder.wait()
    assert (result.returncode, b"another scoring is running" in result.stderr) == (2, True)


@needs_namespaces
@pytest.mark.parametrize(
    ("line", "said"),
    [("DEVICE=$(id)\n", b"characters other"), ("STORE=/a\nSTORE=/b\n", b"set twice")],
)
def test_a_damaged_configuration_is_refused(machine, line, said):
    conf = machine / "opt/rexrank/etc/runner.conf"
    key = line.split("=")[0]
    lines = [x for x in conf.read_text().splitlines() if not x.startswith(f"{key}=")]
    conf.write_text("\n".join(lines) + "\n" + line)
    result = isolate(machine, "refresh")
    assert (result.returncode, said in result.stderr) == (2, True)


SYSTEMCTL = """\
#!/bin/bash
# show UNIT -p NAME --value, or start UNIT as systemd would: the file's environment, the unit's user, its program.
case $1 in
show)
    case $4 in
    ActiveState) echo inactive ;;
    Result) [ "$(cat {base}/status)" = 0 ] && echo success || echo exit-code ;;
    ExecMainStatus) cat {base}/status ;;
    *) sed -n "s/^$4|//p" {base}/loaded ;;
    esac
    ;;
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
HOST = 'mount -t tmpfs x /dev/shm && mount -t tmpfs x /run && mkdir -p /run/systemd/system && mount --bind "$1" /usr/bin/systemctl && shift && exec "$@"'


@pytest.fixture
def host(machine):
    """The machine with a systemd that has the unit loaded; returns how to call the isolation, and systemd's answers."""
    if not Path("/usr/bin/systemctl").exists():
        pytest.skip("this machine has no /usr/bin/systemctl to lay the stand-in over")
    tool = machine / "systemctl"
    tool.write_text(SYSTEMCTL.format(base=machine))
    tool.chmod(0o755)
    scratch = machine / "var/lib/rexrank/scratch"
    properties = {
        "User": SCORER, "PrivateNetwork": "yes", "PrivateTmp": "yes", "ProtectSystem": "strict", "ProtectHome": "yes",
        "ReadWritePaths": f"{machine}/var/lib/rexrank/store {scratch}/job", "NoNewPrivileges": "yes",
        "InaccessiblePaths": f"{machine}/opt/rexrank/etc/salt /var/log/rexrank", "CapabilityBoundingSet": "",
        "SystemCallFilter": "read write", "MemoryMax": "9000000", "TasksMax": "4096", "RuntimeMaxUSec": "1d",
        "DevicePolicy": "closed", "DeviceAllow": "char-nvidia* rw",
    }  # fmt: skip

    def call(*args, **other):
        (machine / "loaded").write_text("".join(f"{k}|{v}\n" for k, v in {**properties, **other}.items()))
        door = str(machine / "opt/rexrank/bin/isolate.sh")
        command = ["unshare", "--mount", "bash", "-c", HOST, "host", str(tool), door, *args]
        return sh(*command, env={"PATH": os.environ["PATH"]})

    return call, properties


@needs_namespaces
@pytest.mark.parametrize(("number", "status"), [("12", 0), ("13", 1)])
def test_on_a_host_with_systemd_the_unit_scores(host, machine, number, status):
    call, _ = host
    result = call("score", number, SHA)
    assert result.returncode == status, result.stderr
    values = result_of(result)
    assert values["uid"] == pwd.getpwnam(SCORER).pw_uid
    assert values["arguments"][:2] == ["pr", "score"]
    assert values["salt"] == (machine / "opt/rexrank/etc/salt").read_text()
    assert (machine / "env-mode").read_text() == "600 root\n"
    assert not list((machine / "var/lib/rexrank/scratch").glob("scorer.env"))


@needs_namespaces
def test_a_limit_that_systemd_does_not_have_is_a_refusal_and_never_the_fallback(host, machine):
    """Every limit, each removed or loosened."""
    call, properties = host
    # Without a filter systemd answers with an empty list of what is refused.
    loose = {"SystemCallFilter": "~", "MemoryMax": "infinity", "TasksMax": "infinity", "RuntimeMaxUSec": "infinity", "CapabilityBoundingSet": "cap_sys_admin",
             "DevicePolicy": "auto", "ReadWritePaths": properties["ReadWritePaths"] + " /home"}  # fmt: skip
    for name in properties:
        result = call("score", "12", SHA, **{name: loose.get(name, "")})
        assert (result.returncode, result.stdout) == (2, b""), name
        assert name.encode() in result.stderr + (machine / "var/log/rexrank/isolate.log").read_bytes(), name
    assert not (machine / "status").exists()
