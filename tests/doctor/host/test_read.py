"""Reading a machine: each reader on a small machine of its own, and all of them on one that setup.sh laid down."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.needs import reason
from typer.testing import CliRunner

from evaluator.cli.app import app
from evaluator.core.problems import RexrankError
from evaluator.doctor.findings import Section, as_json, good
from evaluator.doctor.host import read as look
from evaluator.doctor.host.checks import check_host
from evaluator.doctor.host.description import read_layout
from evaluator.doctor.repository.workflows import checkout, read_workflows, triggers

ROOT = Path(__file__).parents[3]


@pytest.fixture
def open_folder():
    """A folder that every account may enter; pytest's own are their owner's alone."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason=reason("root"))


@pytest.mark.parametrize(
    ("text", "found", "wrong"),
    [
        ("A=1\n# B=2\n\nC_D=/x\n", {"A": "1", "C_D": "/x"}, ()),
        ("A=1\nA=2\n", {"A": "1"}, ("A is set twice",)),
        ("A=1\nb=2\nA = 3\n", {"A": "1"}, ("line 2 is no KEY=value", "line 3 is no KEY=value")),
        ("A=\n", {"A": ""}, ()),
    ],
)
def test_configurations(tmp_path, text, found, wrong):
    (tmp_path / "runner.conf").write_text(text)
    assert look.read_conf(tmp_path / "runner.conf") == (found, wrong)


def test_a_configuration_that_is_not_there(tmp_path):
    assert look.read_conf(tmp_path / "runner.conf") == ({}, ())


def test_entries(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    file.chmod(0o640)
    (tmp_path / "link").symlink_to(file)
    os.mkfifo(tmp_path / "pipe")
    me = pwd.getpwuid(os.geteuid()).pw_name
    entry = look.entry(str(file))
    assert (entry.kind, entry.owner, entry.mode, len(entry.sha256)) == ("file", me, 0o640, 64)
    assert look.entry(str(tmp_path)).kind == "folder"
    assert look.entry(str(tmp_path / "link")).kind == "link"
    assert look.entry(str(tmp_path / "pipe")).kind == "other"
    assert look.entry(str(tmp_path / "none")).kind == "absent"


SUDO = """\
Matching Defaults entries for rexrunner on localhost:
    env_reset, mail_badpass,
    secure_path=/usr/local/sbin\\:/usr/local/bin

Runas and Command-specific defaults for rexrunner:
    Defaults!/opt/rexrank/bin/isolate.sh env_reset, !env_keep, !setenv,
    closefrom=3

User rexrunner may run the following commands on localhost:
    (root) NOPASSWD: /opt/rexrank/bin/isolate.sh score *,
        /opt/rexrank/bin/isolate.sh refresh
    (ALL : ALL) ALL
    (root) SETENV: NOPASSWD: /usr/bin/a\\,b
"""


def test_what_sudo_says():
    isolate = "/opt/rexrank/bin/isolate.sh"
    assert look.parse_rights(SUDO) == (f"{isolate} score *", f"{isolate} refresh", "ALL", "/usr/bin/a\\,b")
    assert look.parse_rights("User rexfetch is not allowed to run sudo on localhost.\n") == ()


def test_pins_and_needs_are_those_of_the_project():
    pins = look.read_pins((ROOT / "requirements" / "constraints.txt").read_text())
    wanted = look.needed((ROOT / "pyproject.toml").read_text())
    assert {"torch", "transformers", "numpy", "pyyaml", "bert-score"} <= wanted
    assert wanted <= set(pins)
    assert pins["torch"] == {"2.13.0"}


def test_the_hook_takes_exactly_what_the_workflows_run_beside_the_references(tmp_path):
    """Two files that must agree; a workflow that gains a trigger would wait for a runner that refuses it."""
    shutil.copytree(ROOT / "runner" / "hooks", tmp_path / "hooks")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "runner.conf").write_text("REPOSITORY=rexrank/challenge\n")
    meant, conf = read_workflows(ROOT), {"REPOSITORY": "rexrank/challenge"}
    taken, elsewhere = look.ask_hook(tmp_path, conf, None, meant.names)
    assert taken == meant.on_runner
    assert ("score.yml", "workflow_dispatch") in taken
    assert elsewhere == frozenset()
    hook = f"{tmp_path}/hooks/job-started.sh"
    layout = read_layout(ROOT / "runner" / "layout", str(tmp_path), conf)
    assert look.entries([hook])[hook].sha256 == look.digests(ROOT, layout)[hook]


def test_the_layout_names_what_the_kit_has():
    """Every program of the kit is installed, and sudo's lines are those of its rules."""
    layout = read_layout(ROOT / "runner" / "layout", "/opt/rexrank", {})
    assert all((ROOT / "runner" / source).is_file() for source in layout.files().values())
    elsewhere = {"setup.sh", "keep-registered.sh"}
    scripts = {p.relative_to(ROOT / "runner").as_posix() for p in (ROOT / "runner").rglob("*.sh")}
    assert scripts - elsewhere <= set(layout.files().values())
    names = {"rexrunner": "RUNNER", "rexrank-registrar": "REGISTRAR"}
    rules = dict(
        re.findall(r"(?m)^(\S+) ALL=\(root\) NOPASSWD: (.*)$", (ROOT / "runner" / "sudoers").read_text())
    )
    assert {names[n]: tuple(commands.split(", ")) for n, commands in rules.items()} == layout.sudo


def test_the_layout_of_another_machine():
    layout = read_layout(ROOT / "runner" / "layout", "/elsewhere", {"STORE": "/big/store"})
    paths = {p.path: p for p in layout.places}
    assert paths["/big/store"].letters("SCORER") == "rwx"
    assert paths["/big/store"].letters("RUNNER") == ""
    assert paths["/elsewhere/etc/salt"].letters("SCORER") == ""
    assert paths["/srv/rexrank/references"].letters("SCORER") == "rx"
    assert layout.sudo["REGISTRAR"] == ('/elsewhere/bin/run-one-job.sh ""',)


def test_workflows_of_another_checkout(tmp_path):
    other = tmp_path / "evaluator"
    (other / ".github" / "workflows").mkdir(parents=True)
    (other / ".github" / "workflows" / "score.yml").write_text(
        "on: workflow_dispatch\njobs: {a: {runs-on: [self-hosted]}}\n"
    )
    assert read_workflows(other).on_runner == {("score.yml", "workflow_dispatch")}
    with pytest.raises(RexrankError, match=r"no \.github/workflows"):
        read_workflows(tmp_path / "none")


def test_what_workflows_say():
    assert checkout() == ROOT
    flows = read_workflows(ROOT)
    assert {"ci.yml", "score.yml"} <= flows.names
    assert flows.foreign == {"pypa"}, "only GitHub's own actions, and PyPI's for a release"
    assert flows.checks == {"Format, lint, types, tests"}


@pytest.mark.parametrize(
    ("on", "found"),
    [
        ({"on": "push"}, {"push"}),
        ({"on": ["push", "schedule"]}, {"push", "schedule"}),
        ({True: {"push": None}}, {"push"}),
        ({}, set()),
    ],
)
def test_triggers(on, found):
    assert triggers(on) == found


def test_accounts():
    assert look.account("root").uid == 0
    assert look.account("nobody-of-that-name") is None
    assert look.account("") is None


@needs_root
def test_rights_are_tried_as_the_account(open_folder):
    shown, shut = open_folder / "shown", open_folder / "shut"
    for path, mode in ((shown, 0o644), (shut, 0o600)):
        path.write_text("x")
        path.chmod(mode)
    who = look.account("daemon")
    assert look.access(who, [str(shown), str(shut), str(open_folder), "/nowhere"]) == {
        str(shown): "r",
        str(shut): "",
        str(open_folder): "rx",
        "/nowhere": "",
    }


def test_registrations(tmp_path):
    (tmp_path / ".runner").write_text('\ufeff{"AgentId": 1, "Ephemeral": true}', "utf-8")
    runners = look.registrations(tmp_path)
    assert runners[str(tmp_path / ".runner")] is True
    for text, said in (
        ('{"agentId": 1}', False),
        ('{"ephemeral": "yes"}', False),
        ("[]", False),
        ("{", None),
    ):
        (tmp_path / ".runner").write_text(text)
        assert look.registrations(tmp_path)[str(tmp_path / ".runner")] is said


def test_credentials(tmp_path, monkeypatch):
    monkeypatch.setattr(
        pwd,
        "getpwall",
        lambda: [SimpleNamespace(pw_dir=str(tmp_path)), SimpleNamespace(pw_dir="/nonexistent")],
    )
    for name in list(os.environ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(look.Path, "read_text", lambda *_args, **_kw: "PATH=/bin\nexport HF_TOKEN=x\n")
    assert look.credentials() == ["HF_TOKEN in /etc/environment"]
    (tmp_path / ".ssh").mkdir()
    for name in (".netrc", ".ssh/id_ed25519", ".ssh/id_ed25519.pub", ".ssh/known_hosts"):
        (tmp_path / name).touch()
    monkeypatch.setenv("GITHUB_TOKEN", "x")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    assert look.credentials() == [
        str(tmp_path / ".netrc"), str(tmp_path / ".ssh/id_ed25519"), "the variable GITHUB_TOKEN", "HF_TOKEN in /etc/environment",
    ]  # fmt: skip


@pytest.mark.parametrize("status", [200, 404, 501])
def test_the_clock_is_held_against_the_servers(status):
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response_only(status)
            self.send_header("Date", format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True))
            self.end_headers()

        def log_message(self, *args):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        seconds = look.skew(f"http://127.0.0.1:{server.server_port}")
        thread.join()
    assert seconds == pytest.approx(3600, abs=5)
    assert look.skew(f"http://127.0.0.1:{server.server_port}") is None
    assert look.skew("file:///etc/passwd") is None


def fake_isolate(prefix, script):
    (prefix / "bin").mkdir()
    path = prefix / "bin" / "isolate.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_scorers_findings_are_handed_on(tmp_path):
    sections = [Section("Inside", (good("RD401", "account", "rexscore"),))]
    (tmp_path / "answer").write_text(as_json(sections))
    fake_isolate(tmp_path, f'[ "$*" = "doctor --json" ] && cat {tmp_path}/answer; exit 1')
    assert look.ask_inside(tmp_path) == sections


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'isolate.sh: main could not be fetched' >&2; exit 2", "could not be fetched"),
        ("exit 0", "it said nothing"),
    ],
)
def test_a_door_that_does_not_open_is_a_finding(tmp_path, script, said):
    fake_isolate(tmp_path, script)
    ((finding,),) = [s.findings for s in look.ask_inside(tmp_path)]
    assert (finding.code, finding.state, said in finding.found) == ("RD400", "bad", True)


def test_a_door_that_is_not_there_is_a_finding(tmp_path):
    ((finding,),) = [s.findings for s in look.ask_inside(tmp_path)]
    assert (finding.code, finding.state) == ("RD400", "bad")


@needs_root
def test_a_machine_as_setup_lays_it_down(open_folder, monkeypatch):
    # The events that the hook knows; all others are asked about in the test above.
    monkeypatch.setattr(look, "EVENTS", ("push", "schedule", "workflow_dispatch"))
    process = subprocess.run(
        ["bash", str(ROOT / "runner" / "setup.sh"), "--destdir", str(open_folder)],
        capture_output=True,
        check=False,
    )
    assert process.returncode == 0
    prefix = open_folder / "opt" / "rexrank"
    conf = (prefix / "etc" / "runner.conf").read_text()
    pairs = {
        "RUNNER": "daemon",
        "FETCHER": "games",
        "SCORER": "bin",
        "SERVER_URL": f"file://{open_folder}/nothing",
    }
    for key, value in pairs.items():
        conf = "".join(
            f"{key}={value}\n" if line.startswith(f"{key}=") else f"{line}\n" for line in conf.splitlines()
        )
    (prefix / "etc" / "runner.conf").write_text(conf)
    host = look.read_host(prefix)
    by_code = {f.code: f for s in check_host(host) for f in s.findings}
    assert by_code["RD101"].state == "good"
    assert host.entry(f"{prefix}/etc/salt").mode == 0o400
    assert "isolate.sh is" not in by_code["RD102"].found
    assert {by_code[c].state for c in ("RD104", "RD105", "RD107", "RD201")} == {"good"}
    assert (by_code["RD302"].state, by_code["RD305"].state) == ("bad", "bad"), "no environment, no runner yet"
    assert "could not be asked" in by_code["RD304"].found


def test_without_root_nothing_is_tried(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(RexrankError, match="needs root"):
        look.read_host(tmp_path)


def test_the_command_on_a_machine_without_a_kit(tmp_path):
    result = CliRunner().invoke(app, ["doctor", "--prefix", str(tmp_path / "none")])
    assert (result.exit_code, "RD100" in result.output) == (1, True)
    result = CliRunner().invoke(app, ["doctor", "--prefix", str(tmp_path / "none"), "--json"])
    assert json.loads(result.output)["counts"] == {"good": 0, "bad": 1, "open": 0}


def test_the_doctor_starts_without_torch(tmp_path):
    code = (
        "import sys; from evaluator.cli.doctor import run_doctor; from pathlib import Path\n"
        "import evaluator.doctor.host.read, evaluator.doctor.scorer.probe\n"
        f"run_doctor(Path({str(tmp_path / 'none')!r}), None, json=False, strict=False)\n"
        "assert not {'torch', 'transformers', 'pandas'} & set(sys.modules), sorted(sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert process.returncode == 0, process.stderr
