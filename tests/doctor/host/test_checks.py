"""Every check of a runner: nothing to say about a sound one, and the cure for each thing that can be wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluator.doctor.host.checks import check_host, nothing_installed
from evaluator.doctor.host.description import ABSENT, Account, Entry

PREFIX = "/opt/rexrank"
CONF = f"{PREFIX}/etc/runner.conf"
HOOK = f"{PREFIX}/hooks/job-started.sh"


def outcome(host):
    """Codes by state."""
    findings = [f for section in check_host(host) for f in section.findings]
    return {
        state: [f.code for f in findings if f.state == state] for state in ("good", "bad", "open")
    }, findings


def test_a_sound_runner(host):
    codes, _ = outcome(host)
    assert (codes["bad"], codes["open"]) == ([], [])
    assert len(codes["good"]) == len(set(codes["good"])) == 28


def host_with(**changes):
    return lambda host: replace(host, **changes)


kit = people = software = machine = host_with


def conf(**changes):
    def change(host):
        return replace(host, conf={k: v for k, v in (dict(host.conf) | changes).items() if v is not None})

    return change


def entry(path, found):
    return lambda host: replace(host, entries={**host.entries, path: found})


def account(role, **changes):
    def change(host):
        new = replace(host.accounts[role], **changes) if changes else None
        return replace(host, accounts={**host.accounts, role: new})

    return change


def access(role, path, able):
    return lambda host: replace(host, access={**host.access, role: {**host.access[role], path: able}})


def sudo(role, *commands):
    return lambda host: replace(host, sudo={**host.sudo, role: commands})


def tool(name, found):
    return lambda host: replace(host, tools={**host.tools, name: found})


ENV = (
    f"ACTIONS_RUNNER_HOOK_JOB_STARTED={HOOK}", f"ACTIONS_RUNNER_HOOK_JOB_COMPLETED={PREFIX}/hooks/job-completed.sh",
    f"REXRANK_VENV={PREFIX}/venv", f"REXRANK_ISOLATE={PREFIX}/bin/isolated-rexrank.sh", "LANG=C.UTF-8",
)  # fmt: skip
JOB = {"job_running": True, "registrations": {"/var/lib/rexrank/runner/.runner": True}}
STORE, REFERENCES, LOGS = "/var/lib/rexrank/store", "/srv/rexrank/references", "/var/log/rexrank"

# What is wrong, the change that makes it so, the code, a word of what is found.
WRONG = [
    ("no configuration", entry(CONF, ABSENT), "RD101", "absent"),
    ("a configuration that a group may write", entry(CONF, Entry("file", "root", "root", 0o664)), "RD101", "0664"),
    ("a configuration of the jobs' user", entry(CONF, Entry("file", "rexrunner", "root", 0o644)), "RD101", "rexrunner"),
    ("a link for a configuration", entry(CONF, Entry("link", "root", "root")), "RD101", "link"),
    ("a key twice", kit(conf_wrong=("STORE is set twice",)), "RD101", "twice"),
    ("a key missing", conf(LOGS=None), "RD101", "LOGS is not set"),
    ("an unknown key", conf(STOER="/x"), "RD101", "STOER is no key"),
    ("a value for the shell", conf(DEVICE="$(id)"), "RD101", "DEVICE holds other characters"),
    ("a relative folder", conf(LOGS="logs"), "RD101", "LOGS is no absolute path"),
    ("a home that stays visible", conf(HIDE="/root:/run:/tmp:/var/tmp"), "RD101", "HIDE leaves /home open"),
    ("judges of another owner", lambda h: entry("/j.toml", Entry("file", "rexrunner", "root", 0o644))(conf(JUDGES="/j.toml")(h)), "RD101", "JUDGES: /j.toml is file of rexrunner"),
    ("a missing script", entry(f"{PREFIX}/bin/isolate.sh", ABSENT), "RD102", "isolate.sh is absent"),
    ("a hook that anybody may write", entry(HOOK, Entry("file", "root", "root", 0o757, "d1")), "RD102", "0757"),
    ("a hook that does not run", entry(HOOK, Entry("file", "root", "root", 0o644, "d1")), "RD102", "0644"),
    ("a folder of another owner", entry(f"{PREFIX}/hooks", Entry("folder", "rexrunner", "root", 0o755)), "RD102", "rexrunner"),
    ("a folder above that a group may write", entry("/opt", Entry("folder", "root", "staff", 0o775)), "RD102", "staff"),
    ("a script that was changed", entry(HOOK, Entry("file", "root", "root", 0o755, "d2")), "RD103", "job-started.sh"),
    ("a hook that takes more", kit(taken=frozenset({("score.yml", "workflow_dispatch"), ("publish.yml", "push"), ("ci.yml", "push")})), "RD104", "also ci.yml (push)"),
    ("a hook that takes too little", kit(taken=frozenset({("publish.yml", "push")})), "RD104", "not score.yml"),
    ("a hook that takes another branch", kit(taken_elsewhere=frozenset({("score.yml", "workflow_dispatch")})), "RD105", "score.yml"),
    ("sudo rules that are not there", entry("/etc/sudoers.d/rexrank", ABSENT), "RD106", "absent"),
    ("a salt that all may read", entry(f"{PREFIX}/etc/salt", Entry("file", "root", "root", 0o444)), "RD107", "0444"),
    ("no salt", entry(f"{PREFIX}/etc/salt", ABSENT), "RD107", "absent"),
    ("a short salt", kit(salt_characters=8), "RD107", "8 characters"),
    ("a venv that the jobs' user cannot use", access("RUNNER", f"{PREFIX}/venv/bin/python", ""), "RD108", "venv/bin/python"),
    ("another hook in the job's .env", machine(env=("ACTIONS_RUNNER_HOOK_JOB_STARTED=/tmp/x", *ENV[1:]), **JOB), "RD108", "JOB_STARTED is not"),
    ("more in the job's .env", machine(env=(*ENV, "REXRANK_REFERENCES=/srv"), **JOB), "RD108", "REXRANK_REFERENCES is set too"),
    ("no scorer", account("SCORER"), "RD201", "SCORER names no account"),
    ("a scorer that is root", account("SCORER", uid=0), "RD201", "SCORER is root"),
    ("one account for two", account("FETCHER", uid=901), "RD201", "FETCHER is RUNNER"),
    ("a shell", account("RUNNER", shell="/bin/bash"), "RD202", "/bin/bash"),
    ("a password", account("SCORER", locked=False), "RD202", "password opens rexscore"),
    ("the group docker", account("RUNNER", groups=frozenset({"rexrunner", "docker"})), "RD203", "rexrunner is in docker"),
    ("the group sudo", account("SCORER", groups=frozenset({"rexscore", "sudo"})), "RD203", "rexscore is in sudo"),
    ("a device for the jobs' user", account("RUNNER", groups=frozenset({"rexrunner", "video"})), "RD203", "video"),
    ("no sudo", people(sudo=None), "RD204", "there is no sudo"),
    ("sudo for everything", sudo("RUNNER", f"{PREFIX}/bin/isolate.sh score *", f"{PREFIX}/bin/isolate.sh refresh", "ALL"), "RD204", "rexrunner may run ALL"),
    ("no sudo for scoring", sudo("RUNNER"), "RD204", "may not run"),
    ("sudo for the fetcher", sudo("FETCHER", "/usr/bin/git"), "RD204", "rexfetch may run /usr/bin/git"),
    ("references that the jobs' user may read", access("RUNNER", REFERENCES, "rx"), "RD205", "rexrunner may read and enter"),
    ("references that the registrar may read", access("REGISTRAR", REFERENCES, "r"), "RD205", "rexrank-registrar"),
    ("references that the scorer may write", access("SCORER", REFERENCES, "rwx"), "RD205", "rexscore may write"),
    ("references that the scorer cannot read", access("SCORER", REFERENCES, ""), "RD205", "may not read"),
    ("a store that the fetcher may enter", access("FETCHER", STORE, "x"), "RD206", "rexfetch may enter"),
    ("a store that the scorer cannot write", access("SCORER", STORE, "rx"), "RD206", "rexscore may not write"),
    ("weights that the scorer may change", access("SCORER", "/srv/rexrank/models", "rwx"), "RD207", "may write"),
    ("weights that the jobs' user may read", access("RUNNER", "/srv/rexrank/models", "rx"), "RD207", "rexrunner"),
    ("logs that the jobs' user may read", access("RUNNER", LOGS, "r"), "RD208", "rexrunner may read"),
    ("logs that the scorer may read", access("SCORER", LOGS, "r"), "RD208", "rexscore may read"),
    ("a venv that the jobs' user may write", access("RUNNER", f"{PREFIX}/venv", "rwx"), "RD209", "rexrunner may write /opt/rexrank/venv"),
    ("a salt that the scorer may read", access("SCORER", f"{PREFIX}/etc/salt", "r"), "RD209", "the salt"),
    ("a scratch folder that the jobs' user may write", access("RUNNER", "/var/lib/rexrank/scratch", "rwx"), "RD209", "scratch"),
    ("docker for the jobs' user", access("RUNNER", "/var/run/docker.sock", "rw"), "RD210", "docker.sock"),
    ("a crontab", people(later=("/var/spool/cron/crontabs/rexrunner",)), "RD211", "crontab"),
    ("no setpriv", tool("setpriv", None), "RD301", "no setpriv"),
    ("an old git", tool("git", "git version 2.30.2"), "RD301", "git 2.30.2"),
    ("no environment", software(python=None), "RD302", "no environment"),
    ("another Python", software(python="3.12"), "RD302", "Python 3.12"),
    ("a package missing", software(needed=frozenset({"numpy", "torch", "transformers"})), "RD303", "no transformers"),
    ("a package at another version", software(packages={"numpy": "2.3.0", "torch": "2.13.0"}), "RD303", "numpy 2.3.0"),
    ("an old checkout", software(main="f" * 40), "RD304", "main is ffffffffffff"),
    ("a changed checkout", software(changed=True), "RD304", "changed by hand"),
    ("a main that does not answer", software(main=None), "RD304", "could not be asked"),
    ("no runner software", entry(f"{PREFIX}/actions-runner.tar.gz", ABSENT), "RD305", "absent"),
    ("runner software without a digest", conf(RUNNER_SHA256=None), "RD305", "no digest is recorded"),
    ("other runner software", software(runner_sha256="cd" * 32), "RD305", "cdcd"),
    ("a full disk", machine(free={STORE: 1_000_000_000, "/var/lib/rexrank/scratch": 100_000_000_000}), "RD306", "STORE has 1 GB"),
    ("no store", machine(free={"/var/lib/rexrank/scratch": 100_000_000_000}), "RD306", "STORE is not there"),
    ("a clock that is wrong", machine(skew=-3600.0), "RD307", "-3600 s"),
    ("a clock that nothing keeps", machine(synchronised=False), "RD307", "nothing keeps it right"),
    ("a lasting service", machine(services=("/etc/systemd/system/actions.runner.x.service",)), "RD308", "lasting service"),
    ("a lasting registration", machine(registrations={"/srv/a/actions-runner/.runner": False}), "RD308", "more than one job"),
    ("a registration nobody can read", machine(registrations={"/srv/a/actions-runner/.runner": None}), "RD308", "more than one job"),
    ("what a killed runner left", machine(registrations={"/var/lib/rexrank/runner/.runner": True}), "RD308", "killed"),
    ("a token", machine(credentials=("/srv/ops/.config/gh/hosts.yml",)), "RD309", "gh/hosts.yml"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code", "word"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_is_wrong_is_found_and_nothing_else(host, change, code, word):
    codes, findings = outcome(change(host))
    assert codes["bad"] == [code]
    finding = next(f for f in findings if f.state == "bad")
    assert word in finding.found
    assert finding.wanted
    assert finding.fix


def test_every_check_can_fail():
    assert {w[2] for w in WRONG} == {f"RD{n}" for n in (*range(101, 109), *range(201, 212), *range(301, 310))}


OPEN = [
    ("no checkout to compare with", lambda h: kit(checkout={}, meant=frozenset())(software(pins={}, head=None)(h)), ["RD103", "RD104", "RD303", "RD304"]),
    ("no answer of GitHub's", machine(skew=None, synchronised=None), ["RD307"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "codes"), [o[1:] for o in OPEN], ids=[o[0] for o in OPEN])
def test_what_cannot_be_told_is_open(host, change, codes):
    findings, _ = outcome(change(host))
    assert (findings["bad"], findings["open"]) == ([], codes)


def test_a_running_job_is_looked_at(host):
    codes, findings = outcome(machine(env=ENV, **JOB)(host))
    assert codes["bad"] == []
    assert {f.code: f.found for f in findings}["RD108"].startswith("as run-one-job.sh wrote it")
    assert "one job now" in {f.code: f.found for f in findings}["RD308"]


def test_accounts_that_are_not_there_do_not_stop_the_rest(host):
    gone = dict.fromkeys(host.accounts)
    codes, _ = outcome(replace(host, accounts=gone, access={}, sudo={}))
    assert codes["bad"] == ["RD108", "RD201", "RD205", "RD206", "RD207"]


def test_a_machine_that_was_never_set_up():
    assert "setup.sh" in nothing_installed(PREFIX).fix


def test_an_account_is_described():
    assert Account("a", 1, frozenset(), "/bin/sh", locked=True).name == "a"
