"""The scorer's unit under a real systemd, process 1 of a container that sees this machine's files and changes none."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from support.isolated import KIT, LOOKS, SHA
from support.needs import reason

NSPAWN = shutil.which("systemd-nspawn") or os.environ.get("REXRANK_NSPAWN")
GROUPS = [Path("/sys/fs/cgroup") / n for n in ("systemd", "unified", "")]
"""Hierarchies of control groups, where processes have a place of their own in each."""
pytestmark = pytest.mark.skipif(
    NSPAWN is None or os.geteuid() != 0 or not Path("/lib/systemd/systemd").exists(), reason=reason("nspawn")
)
# In a mount namespace: the machine's own root below an in-memory layer that takes every write.
BOOT = """\
set -e
mount -t tmpfs -o size=1g,mode=0755 tmpfs "$BASE/layer"
mkdir "$BASE/layer/upper" "$BASE/layer/work"
mount -t overlay -o "lowerdir=/,upperdir=$BASE/layer/upper,workdir=$BASE/layer/work" overlay "$BASE/root"
rm -f "$BASE/root/etc/machine-id"
exec timeout -k 5 240 "$NSPAWN" --quiet --directory="$BASE/root" --register=no --keep-unit --private-network \\
    --machine="$NAME" --console=pipe --bind-ro="$BASE/given:/opt/given" --bind="$BASE/out:/opt/out" \\
    --bind-ro="$BASE/given/look.service:/etc/systemd/system/look.service" --boot -- --unit=look.service
"""
SERVICE = """\
[Unit]
DefaultDependencies=no
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
ExecStart=/bin/bash /opt/given/look.sh
TimeoutStartSec=200
"""
LOOK = """\
exec >/opt/out/log 2>&1
set -x
mkdir -p /usr/local/src && cp -r /opt/given/runner /usr/local/src/runner && bash /usr/local/src/runner/setup.sh
mkdir -p /srv/origin/rexrank/challenge/evaluator && cd /srv/origin/rexrank/challenge
cp /opt/given/cli.py evaluator/cli.py && touch evaluator/__init__.py
git init -q -b main && git add . && git -c user.name=t -c user.email=t@example.org commit -qm one
chown -R rexfetch: /srv/origin
python3 -I /opt/given/api.py &
until [ -s /tmp/api.url ]; do sleep 0.2; done
conf=/opt/rexrank/etc/runner.conf
sed -i 's|^SERVER_URL=.*|SERVER_URL=file:///srv/origin|; s|^DEVICE=.*|DEVICE=cpu|' $conf
echo JUDGES=/opt/rexrank/etc/judges.toml >>$conf
printf 'API_URL=%s\\nPYTHON=/usr/bin/python3\\n' "$(cat /tmp/api.url)" >>$conf
echo CANARY-REFERENCE >/srv/rexrank/references/a.json
chgrp rexscore /srv/rexrank/references/a.json && chmod 0440 /srv/rexrank/references/a.json
ask() { /opt/rexrank/bin/isolate.sh "${@:2}" >"/opt/out/$1.tar" 2>"/opt/out/$1.said"; echo $? >"/opt/out/$1.status"; }
for number in 12 13 14; do ask $number score $number SHA; done
ask refresh refresh
for limit in MemoryMax SystemCallFilter PrivateNetwork DevicePolicy; do
    cp /usr/local/src/runner/rexrank-scorer.service /etc/systemd/system/ && sed -i "s/^$limit=.*//" /etc/systemd/system/rexrank-scorer.service
    systemctl daemon-reload
    ask without-$limit score 12 SHA
done
"""
API = """\
import sys, time
sys.path.insert(0, "/opt/given")
from approvals import Approvals, review, run
with Approvals() as api:
    api.runs = [run(12, "SHA"), run(13, "SHA")]
    api.reviews = {12: [review()], 13: [review()]}
    open("/tmp/api.url", "w").write(api.url)
    time.sleep(200)
"""


@pytest.fixture(scope="module")
def out():
    """The results of calls to the isolation inside: NAME.status, NAME.said, NAME.tar."""
    base = Path(tempfile.mkdtemp(prefix="booted-"))
    for name in ("given", "layer", "root", "out"):
        (base / name).mkdir()
    given = base / "given"
    shutil.copytree(KIT, given / "runner")
    shutil.copy(Path(__file__).parents[1] / "support/approvals.py", given)
    for name, text in (("look.service", SERVICE), ("look.sh", LOOK), ("api.py", API), ("cli.py", LOOKS)):
        (given / name).write_text(text.replace("SHA", SHA) if name in {"look.sh", "api.py"} else text)
    places = [g / base.name for g in GROUPS if (g / "cgroup.procs").exists()]
    for place in places:
        place.mkdir()
    enter = "".join(f"echo $$ >{p}/cgroup.procs\n" for p in places)
    env = {
        "PATH": os.environ["PATH"],
        "BASE": str(base),
        "NSPAWN": NSPAWN,
        "NAME": base.name.replace("_", "-"),
    }
    env["SYSTEMD_NSPAWN_UNIFIED_HIERARCHY"] = "1"
    command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", enter + BOOT]
    process = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert (base / "out/refresh.status").exists(), process.stdout + process.stderr
    yield base / "out"
    for place in places:
        for folder in sorted(place.rglob("*/"), reverse=True):
            folder.rmdir()
        place.rmdir()
    shutil.rmtree(base)


def status(out, name):
    return int((out / f"{name}.status").read_text())


def test_the_unit_scores_and_its_limits_hold(out):
    assert [status(out, n) for n in ("12", "13", "refresh")] == [0, 1, 0], (out / "log").read_text()
    with tarfile.open(out / "12.tar") as tar:
        result = json.loads(tar.extractfile("output").read().decode().removeprefix("result="))
    limits = result["limits"]
    assert result["interfaces"] == ["lo"]
    assert result["egress"] not in {True, "TimeoutError"}
    assert (result["reads"], result["writes"], result["store"]) == (True, "OSError", True)
    assert set(result["elsewhere"]) <= {"/tmp", "/var/tmp"}, "its own, by PrivateTmp"
    assert result["processes"] <= 4
    assert set(result["capabilities"]) == {"0" * 16}
    assert (limits["status"]["NoNewPrivs"], limits["status"]["Seccomp"]) == ("1", "2")
    assert (limits["core"], limits["umask"], limits["stdin"]) == (0, 0o77, "/dev/null")
    assert [limits[k] for k in ("trace", "namespace", "clone", "personality")] == [True] * 4
    assert (limits["chown"], limits["clock"], limits["hostname"]) == ("PermissionError",) * 3
    assert limits["sockets"][:3] == [None, None, None]
    assert None not in limits["sockets"][3:]
    judge = result["judge"]
    assert (judge["Seccomp"], judge["NoNewPrivs"], judge["CapBnd"]) == ("2", "1", "0" * 16)
    assert (judge["interfaces"], judge["answers"]) == (["lo"], True), "judges answer inside the same unit"
    assert limits["log"] in {"PermissionError", "FileNotFoundError"}


def test_an_unapproved_commit_is_refused_there_too(out):
    assert (status(out, "14"), (out / "14.tar").read_bytes()) == (2, b"")
    assert "nobody requested scoring of pull request 14" in (out / "14.said").read_text()


@pytest.mark.parametrize("limit", ["MemoryMax", "SystemCallFilter", "PrivateNetwork", "DevicePolicy"])
def test_a_unit_without_a_limit_is_refused_and_never_the_fallback(out, limit):
    assert (status(out, f"without-{limit}"), (out / f"without-{limit}.tar").read_bytes()) == (2, b"")


def test_nothing_of_this_machine_was_changed(out):
    assert out.exists()
    for name in ("rexrunner", "rexfetch", "rexscore"):
        with pytest.raises(KeyError):
            pwd.getpwnam(name)
    assert not re.search(r"rexrank-scorer", "".join(map(str, Path("/etc/systemd/system").glob("*"))))
