"""One job on the runner, and the machine that keeps asking for one: run for real with doubles of GitHub's programs."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

import pytest
from support.hangs import HANG
from support.needs import reason

KIT = Path(__file__).parents[2] / "runner"
RUNNER = "daemon"
CONFIG = "QUJD" * 40

# Replaces the runner's software: reports what it sees, and leaves things behind.
RUN = """#!/bin/bash
{
    id -un; pwd; echo "$ACTIONS_RUNNER_INPUT_JITCONFIG"; cat .env
    stat -c 'env %U %a' .env
    echo "environment $(env | cut -d= -f1 | sort | tr '\\n' ' ')"
    echo "processes $(ls /proc | grep -c '^[0-9]')"
    for folder in /tmp /var/tmp /dev/shm; do ls -A "$folder"; mktemp "$folder/left-by-job.XXXXXX" >/dev/null && echo "wrote $folder"; done
    (exec -a "left-by-$PWD" sleep 300) & disown
    [ -d /var/spool/cron ] && ! touch /var/spool/cron/x 2>/dev/null && echo 'no cron'
} >"$HOME/../seen" 2>&1
exit "$(cat "$HOME/../status")"
"""


def sh(*args, **kwargs):
    return subprocess.run(args, capture_output=True, check=False, timeout=HANG, **kwargs)


def _able():
    if os.geteuid() != 0:
        return reason("root")
    if any(shutil.which(t) is None for t in ("unshare", "setpriv", "mount", "flock")):
        return reason("namespaces", "unshare, setpriv, mount and flock")
    probe = sh("unshare", "--pid", "--fork", "--mount-proc", "mount", "-t", "tmpfs", "x", "/var/tmp")
    return reason("namespaces") if probe.returncode else ""


WHY_NOT = _able()
needs_namespaces = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


@pytest.fixture
def machine():
    """The kit below a folder that a job's own /tmp does not hide, with the runner's software as an archive."""
    base = Path(tempfile.mkdtemp(prefix="rexrank-test-", dir="/var/lib"))
    base.chmod(0o711)
    assert sh("bash", str(KIT / "setup.sh"), "--destdir", str(base)).returncode == 0
    prefix = base / "opt/rexrank"
    home = base / "home"
    home.mkdir(mode=0o777)
    home.chmod(0o777)
    (home / "status").write_text("0")
    with tarfile.open(prefix / "actions-runner.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("run.sh")
        member.mode, member.size = 0o755, len(RUN)
        tar.addfile(member, BytesIO(RUN.encode()))
    conf = {"REPOSITORY": "rexrank/challenge", "RUNNER": RUNNER, "RUNNER_HOME": home / "runner"}
    conf["RUNNER_SHA256"] = hashlib.sha256((prefix / "actions-runner.tar.gz").read_bytes()).hexdigest()
    (prefix / "etc/runner.conf").write_text("".join(f"{k}={v}\n" for k, v in conf.items()))
    yield base
    shutil.rmtree(base)


def run_one(machine, text=CONFIG + "\n", **env):
    script = machine / "opt/rexrank/bin/run-one-job.sh"
    return sh(str(script), input=text.encode(), env={"PATH": os.environ["PATH"], **env})


@needs_namespaces
def test_a_job_sees_its_configuration_and_nothing_of_the_caller(machine):
    result = run_one(machine, GITHUB_TOKEN="secret")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    lines = (machine / "home/seen").read_text().splitlines()
    prefix = machine / "opt/rexrank"
    assert lines[:3] == [RUNNER, str(machine / "home/runner"), CONFIG]
    assert {
        f"ACTIONS_RUNNER_HOOK_JOB_STARTED={prefix}/hooks/job-started.sh",
        f"ACTIONS_RUNNER_HOOK_JOB_COMPLETED={prefix}/hooks/job-completed.sh",
        f"REXRANK_VENV={prefix}/venv",
        f"REXRANK_ISOLATE={prefix}/bin/isolated-rexrank.sh",
        "env root 644",
    } <= set(lines)
    (environment,) = (line for line in lines if line.startswith("environment "))
    assert "GITHUB_TOKEN" not in environment
    (processes,) = (line for line in lines if line.startswith("processes "))
    assert int(processes.split()[1]) < 8, "it sees its own processes only"


@needs_namespaces
def test_nothing_of_a_job_stays(machine):
    places = ("/tmp", "/var/tmp", "/dev/shm")
    assert run_one(machine).returncode == 0
    text = (machine / "home/seen").read_text()
    assert {f"wrote {f}" for f in places} <= set(text.splitlines())
    assert not [p for f in places for p in Path(f).glob("left-by-job.*")]
    assert not (machine / "home/runner").exists()
    assert f"left-by-{machine}" not in sh("ps", "-ewwo", "args").stdout.decode()
    if Path("/var/spool/cron").is_dir():
        assert "no cron" in text


@needs_namespaces
def test_the_status_of_the_runner_is_handed_on(machine):
    (machine / "home/status").write_text("7")
    assert run_one(machine).returncode == 7
    assert not (machine / "home/runner").exists()


@needs_namespaces
@pytest.mark.parametrize(
    "text", ["", "\n", "short\n", "x" * 200 + ";id\n", "--version\n", " " + CONFIG + "\n"]
)
def test_anything_but_a_configuration_is_refused(machine, text):
    result = run_one(machine, text)
    assert (result.returncode, b"configuration" in result.stderr) == (2, True)
    assert not (machine / "home/seen").exists()


@needs_namespaces
def test_one_job_at_a_time(machine):
    lock = machine / "opt/rexrank/etc/run-one-job.lock"
    run_one(machine)
    assert lock.stat().st_mode & 0o077 == 0
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = run_one(machine)
    assert (result.returncode, b"a job is running" in result.stderr) == (2, True)


@needs_namespaces
@pytest.mark.parametrize("break_it", ["conf", "archive", "digest"])
def test_a_machine_that_is_not_set_up_is_refused(machine, break_it):
    prefix = machine / "opt/rexrank"
    if break_it == "conf":
        (prefix / "etc/runner.conf").chmod(0o666)
    elif break_it == "digest":
        with (prefix / "actions-runner.tar.gz").open("ab") as file:
            file.write(b"x")
    else:
        (prefix / "actions-runner.tar.gz").unlink()
    assert run_one(machine).returncode == 2


@needs_namespaces
def test_a_gpu_whose_devices_cannot_be_made_takes_no_job(machine):
    """They are made before the first job, since the scorer may not make them and its limits name them."""
    with (machine / "opt/rexrank/etc/runner.conf").open("a") as conf:
        conf.write("DEVICE=cuda\n")
    # On a machine with a GPU, /bin/false replaces the program for this call only.
    hide = '! tool=$(command -v nvidia-modprobe) || mount --bind /bin/false "$tool"; exec "$0"'
    script = str(machine / "opt/rexrank/bin/run-one-job.sh")
    result = sh("unshare", "--mount", "bash", "-c", hide, script, input=f"{CONFIG}\n".encode())
    assert (result.returncode, b"cannot create the GPU devices" in result.stderr) == (2, True)
    assert not (machine / "home/seen").exists()


def keep(tmp_path, *args, gh=0, ssh=0, seconds=20, token="ghs_oneHour", **more):
    """keep-registered.sh with doubles of gh, curl and ssh that write down what they are asked."""
    fake = tmp_path / "fake"
    fake.mkdir()
    requests = tmp_path / "asked"
    (fake / "gh").write_text(
        f'#!/bin/bash\nprintf "gh %s%s\\n" "$*" "${{GH_TOKEN:+ as $GH_TOKEN}}" >>{requests}\n[ "$3" = DELETE ] && exit 0\necho "41 {CONFIG}"\nexit {gh}\n'
    )
    (fake / "ssh").write_text(
        f'#!/bin/bash\nprintf "ssh %s < %s\\n" "$*" "$(cat)" >>{requests}\nexit {ssh}\n'
    )
    (fake / "curl").write_text(
        f'#!/bin/bash\nprintf "curl %s\\n" "$*" >>{requests}\n[ "$2" = --config ] && cat "$3" >{tmp_path}/config\n'
        f'echo \'{{\n  "token": "{token}",\n  "expires_at": "2026-12-01T00:00:00Z"\n}}\'\n'
    )
    for program in fake.iterdir():
        program.chmod(0o755)
    env = {"PATH": f"{fake}:{os.environ['PATH']}", "REXRANK_PAUSE": "1", **more}
    result = sh("timeout", str(seconds), str(KIT / "keep-registered.sh"), *args, env=env)
    return result, requests.read_text().splitlines() if requests.exists() else []


def test_a_registration_reaches_the_runner_on_standard_input_and_is_removed(tmp_path):
    result, requests = keep(tmp_path, "rexrank/challenge", "scoring-runner", "--once")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    ask, run, remove = requests
    assert ask.startswith("gh api -X POST repos/rexrank/challenge/actions/runners/generate-jitconfig ")
    for label in ("self-hosted", "gpu", "rexrank-scoring"):
        assert f"labels[]={label}" in ask
    assert run.endswith(f"scoring-runner sudo -n /opt/rexrank/bin/run-one-job.sh < {CONFIG}")
    assert CONFIG not in run.partition(" < ")[0]
    assert remove == "gh api -X DELETE repos/rexrank/challenge/actions/runners/41"


def test_a_runner_that_cannot_be_reached_leaves_no_registration(tmp_path):
    result, requests = keep(tmp_path, "rexrank/challenge", "scoring-runner", "--once", ssh=255)
    assert (result.returncode, b"status 255" in result.stderr) == (255, True)
    assert CONFIG.encode() not in result.stderr
    assert requests[-1].startswith("gh api -X DELETE ")


def app_key(tmp_path):
    """The environment of an App's registrar, with its own key."""
    key = tmp_path / "app.pem"
    assert sh("openssl", "genrsa", "-out", str(key), "2048").returncode == 0
    return {"REXRANK_APP_ID": "4712", "REXRANK_INSTALLATION_ID": "99", "REXRANK_APP_KEY": str(key)}


def test_an_app_registers_to_the_organisations_group(tmp_path):
    """It authenticates with a text signed by its key, and requests only that permission.

    The proof is in no argument.
    """
    env = app_key(tmp_path)
    result, requests = keep(tmp_path, "rexrank", "2", "scoring-runner", "--once", **env)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    proof, ask, run, remove = requests
    assert proof.endswith(" https://api.github.com/app/installations/99/access_tokens")
    assert '{"permissions":{"organization_self_hosted_runners":"write"}}' in proof
    assert ask.startswith("gh api -X POST orgs/rexrank/actions/runners/generate-jitconfig ")
    assert "runner_group_id=2" in ask
    assert ask.endswith(" as ghs_oneHour")
    assert run.endswith(f"scoring-runner sudo -n /opt/rexrank/bin/run-one-job.sh < {CONFIG}")
    assert remove == "gh api -X DELETE orgs/rexrank/actions/runners/41 as ghs_oneHour"
    jwt = re.fullmatch(r'header = "Authorization: Bearer ([\w.-]+)"\n', (tmp_path / "config").read_text())[1]
    assert not any(jwt in line for line in requests)
    text, _, signature = jwt.rpartition(".")
    head, body = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in text.split("."))
    assert (head["alg"], body["iss"], body["exp"] - body["iat"]) == ("RS256", "4712", 540)
    (tmp_path / "signature").write_bytes(base64.urlsafe_b64decode(signature + "=="))
    assert (
        sh(
            "openssl", "pkey", "-in", env["REXRANK_APP_KEY"], "-pubout", "-out", str(tmp_path / "pub")
        ).returncode
        == 0
    )
    verify = (
        "openssl",
        "dgst",
        "-sha256",
        "-verify",
        str(tmp_path / "pub"),
        "-signature",
        str(tmp_path / "signature"),
    )
    assert sh(*verify, input=text.encode()).stdout == b"Verified OK\n"


@pytest.mark.parametrize("wrong", ["no token", "no id", "no key"])
def test_without_its_app_a_group_is_asked_for_nothing(tmp_path, wrong):
    env = app_key(tmp_path)
    if wrong == "no id":
        del env["REXRANK_INSTALLATION_ID"]
    elif wrong == "no key":
        Path(env["REXRANK_APP_KEY"]).unlink()
    result, requests = keep(
        tmp_path, "rexrank", "2", "host", "--once", token="" if wrong == "no token" else "x", **env
    )
    assert result.returncode == 2
    assert not any(line.startswith(("gh", "ssh")) for line in requests)


def test_without_a_registration_the_runner_is_not_asked(tmp_path):
    result, requests = keep(tmp_path, "rexrank/challenge", "scoring-runner", "--once", gh=4)
    assert result.returncode == 4
    assert len(requests) == 1


def test_the_pause_grows_while_nothing_works(tmp_path):
    result, _ = keep(tmp_path, "rexrank/challenge", "scoring-runner", ssh=255, seconds=5)
    assert [line.split()[-2] for line in result.stderr.decode().splitlines()][:2] == ["1", "2"]


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("rexrank/challenge",),
        ("rexrank", "host"),
        ("rexrank", "2"),
        ("rexrank", "two", "host"),
        ("rex;id", "2", "host"),
        ("a/b;id", "host"),
        ("a/b", "-oProxyCommand=id"),
        ("a/b", ""),
    ],
)
def test_other_arguments_are_refused(tmp_path, args):
    result, requests = keep(tmp_path, *args)
    assert (result.returncode, requests) == (2, [])
