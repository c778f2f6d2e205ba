"""Every check of a runner: a sound one has no findings, and every possible fault has a fix."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluator.doctor.host.checks import check_machine, nothing_installed
from evaluator.doctor.host.machine import Account, Entry

ABSENT = Entry()

PREFIX = "/opt/rexrank"
CONF = f"{PREFIX}/etc/runner.conf"
HOOK = f"{PREFIX}/hooks/job-started.sh"


def outcome(host):
    """Codes by state."""
    findings = [f for section in check_machine(host) for f in section.findings]
    return {
        state: [f.code for f in findings if f.state == state] for state in ("good", "bad", "open")
    }, findings


def test_a_sound_runner(host):
    codes, _ = outcome(host)
    assert (codes["bad"], codes["open"]) == ([], [])
    assert len(codes["good"]) == len(set(codes["good"])) == 28


def kit(**changes):
    return lambda host: replace(host, **changes)


def conf(**changes):
    def change(host):
        return replace(host, conf={k: v for k, v in (dict(host.conf) | changes).items() if v is not None})

    return change


def entry(path, found):
    return lambda host: host.having("entries", {path: found})


def text(path, words):
    return lambda host: host.having("texts", {path: words})


def command(words, said):
    return lambda host: host.having("commands", {words: said})


def account(role, **changes):
    def change(host):
        new = host.people[role]._replace(**changes) if changes else None
        return host.having("people", {role: new})

    return change


def access(role, path, able):
    return lambda host: host.having("rights", {role: {**host.rights[role], path: able}})


def sudo(name, *commands):
    return command(f"sudo -n -l -U {name}", "".join(f"    (root) NOPASSWD: {c}\n" for c in commands))


def tool(name):
    return command(f'/bin/sh -c command -v "$1" sh {name}', None)


def free(place, said):
    return command(f"df --output=avail -BGB {place}", said)


def running(**texts):
    """A running job: its lock is held, its registration and its .env are present."""

    def change(host):
        there = {f"{HOME}/.runner": '{"ephemeral": true}', **{f"{HOME}/.{k}": v for k, v in texts.items()}}
        return host.having("entries", {f"{PREFIX}/etc/run-one-job.lock": Entry("file", "root")}).having(
            "texts", there
        )

    return change


HOME = "/var/lib/rexrank/runner"
VENV = f"{PREFIX}/venv/bin/python -I"
LISTED = f"{VENV} -m pip list --format=freeze --disable-pip-version-check"
NEEDS = (
    '[project]\ndependencies = ["numpy"]\noptional-dependencies = {score = ["torch", "Transformers[x]>=5"]}'
)
REMOTE = "git ls-remote https://github.com/rexrank/challenge refs/heads/main"
ENV = (
    f"ACTIONS_RUNNER_HOOK_JOB_STARTED={HOOK}", f"ACTIONS_RUNNER_HOOK_JOB_COMPLETED={PREFIX}/hooks/job-completed.sh",
    f"REXRANK_VENV={PREFIX}/venv", f"REXRANK_ISOLATE={PREFIX}/bin/isolated-rexrank.sh", "LANG=C.UTF-8",
)  # fmt: skip
STORE, REFERENCES, LOGS = "/var/lib/rexrank/store", "/srv/rexrank/references", "/var/log/rexrank"

# What is wrong, the change that causes it, the code, a word of the finding.
WRONG = [
    ("no configuration", entry(CONF, ABSENT), "RD101", "absent"),
    ("a configuration that a group may write", entry(CONF, Entry("file", "root", "root", 0o664)), "RD101", "0664"),
    ("a configuration of the jobs' user", entry(CONF, Entry("file", "rexrunner", "root", 0o644)), "RD101", "rexrunner"),
    ("a link for a configuration", entry(CONF, Entry("link", "root", "root")), "RD101", "link"),
    ("a key twice", text(CONF, "STORE=/a\nSTORE=/b"), "RD101", "twice"),
    ("a key missing", conf(LOGS=None), "RD101", "LOGS is not set"),
    ("an unknown key", conf(STOER="/x"), "RD101", "STOER is not a known key"),
    ("a value for the shell", conf(DEVICE="$(id)"), "RD101", "DEVICE contains invalid characters"),
    ("a relative folder", conf(LOGS="logs"), "RD101", "LOGS is not an absolute path"),
    ("a home that stays visible", conf(HIDE="/root:/run:/tmp:/var/tmp"), "RD101", "HIDE lacks /home"),
    ("judges of another owner", lambda h: entry("/j.toml", Entry("file", "rexrunner", "root", 0o644))(conf(JUDGES="/j.toml")(h)), "RD101", "JUDGES: /j.toml is file of rexrunner"),
    ("a missing script", entry(f"{PREFIX}/bin/isolate.sh", ABSENT), "RD102", "isolate.sh is absent"),
    ("a hook that anybody may write", entry(HOOK, Entry("file", "root", "root", 0o757, "d1")), "RD102", "0757"),
    ("a hook that does not run", entry(HOOK, Entry("file", "root", "root", 0o644, "d1")), "RD102", "0644"),
    ("a folder of another owner", entry(f"{PREFIX}/hooks", Entry("folder", "rexrunner", "root", 0o755)), "RD102", "rexrunner"),
    ("a folder above that a group may write", entry("/opt", Entry("folder", "root", "staff", 0o775)), "RD102", "staff"),
    ("a script that was changed", entry(HOOK, Entry("file", "root", "root", 0o755, "d2")), "RD103", "job-started.sh"),
    ("a hook that takes more", kit(taken=frozenset({("score.yml", "workflow_dispatch"), ("publish.yml", "push"), ("ci.yml", "push")})), "RD104", "also ci.yml (push)"),
    ("a hook that takes too little", kit(taken=frozenset({("publish.yml", "push")})), "RD104", "not score.yml"),
    ("a hook that takes another branch", kit(elsewhere=frozenset({("score.yml", "workflow_dispatch")})), "RD105", "score.yml"),
    ("sudo rules that are not there", entry("/etc/sudoers.d/rexrank", ABSENT), "RD106", "absent"),
    ("a salt that all may read", entry(f"{PREFIX}/etc/salt", Entry("file", "root", "root", 0o444)), "RD107", "0444"),
    ("no salt", entry(f"{PREFIX}/etc/salt", ABSENT), "RD107", "absent"),
    ("a short salt", text(f"{PREFIX}/etc/salt", "12345678"), "RD107", "8 characters"),
    ("a venv that the jobs' user cannot use", access("RUNNER", f"{PREFIX}/venv/bin/python", ""), "RD108", "venv/bin/python"),
    ("another hook in the job's .env", running(env="\n".join(("ACTIONS_RUNNER_HOOK_JOB_STARTED=/tmp/x", *ENV[1:]))), "RD108", "JOB_STARTED is not"),
    ("more in the job's .env", running(env="\n".join((*ENV, "REXRANK_REFERENCES=/srv"))), "RD108", "REXRANK_REFERENCES is also set"),
    ("no scorer", account("SCORER"), "RD201", "SCORER is not an account"),
    ("a scorer that is root", account("SCORER", uid=0), "RD201", "SCORER is root"),
    ("one account for two", account("FETCHER", uid=901), "RD201", "FETCHER is RUNNER"),
    ("a shell", account("RUNNER", shell="/bin/bash"), "RD202", "/bin/bash"),
    ("a password", account("SCORER", locked=False), "RD202", "rexscore has a password"),
    ("the group docker", account("RUNNER", groups=frozenset({"rexrunner", "docker"})), "RD203", "rexrunner is in docker"),
    ("the group sudo", account("SCORER", groups=frozenset({"rexscore", "sudo"})), "RD203", "rexscore is in sudo"),
    ("a device for the jobs' user", account("RUNNER", groups=frozenset({"rexrunner", "video"})), "RD203", "video"),
    ("no sudo", command("sudo -V", None), "RD204", "sudo is not installed"),
    ("sudo for everything", sudo("rexrunner", f"{PREFIX}/bin/isolate.sh score *", f"{PREFIX}/bin/isolate.sh refresh", f"{PREFIX}/bin/isolate.sh fill *", "ALL"), "RD204", "rexrunner may run ALL"),
    ("no sudo for scoring", sudo("rexrunner"), "RD204", "may not run"),
    ("sudo for the fetcher", sudo("rexfetch", "/usr/bin/git"), "RD204", "rexfetch may run /usr/bin/git"),
    ("references that the jobs' user may read", access("RUNNER", REFERENCES, "rx"), "RD205", "rexrunner may enter /srv/rexrank/references; rexrunner may read"),
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
    ("a salt that the scorer may read", access("SCORER", f"{PREFIX}/etc/salt", "r"), "RD209", "rexscore may read /opt/rexrank/etc/salt"),
    ("a scratch folder that the jobs' user may write", access("RUNNER", "/var/lib/rexrank/scratch", "rwx"), "RD209", "scratch"),
    ("docker for the jobs' user", access("RUNNER", "/var/run/docker.sock", "rw"), "RD210", "docker.sock"),
    ("a crontab", text("/var/spool/cron/crontabs/rexrunner", ""), "RD211", "crontab"),
    ("no setpriv", tool("setpriv"), "RD301", "no setpriv"),
    ("an old git", command("git --version", "git version 2.30.2"), "RD301", "git 2.30.2"),
    ("no environment", command(f"{VENV} -V", None), "RD302", "no environment"),
    ("another Python", command(f"{VENV} -V", "Python 3.12.1"), "RD302", "Python 3.12"),
    ("a package missing", text("/checkout/pyproject.toml", NEEDS), "RD303", "no transformers"),
    ("a package at another version", command(LISTED, "numpy==2.3.0\ntorch==2.13.0"), "RD303", "numpy 2.3.0"),
    ("an old checkout", command(REMOTE, "f" * 40), "RD304", "main is ffffffffffff"),
    ("a changed checkout", command("git -C /checkout status --porcelain", " M x"), "RD304", "has local changes"),
    ("a main that does not answer", command(REMOTE, None), "RD304", "could not be read"),
    ("no runner software", entry(f"{PREFIX}/actions-runner.tar.gz", ABSENT), "RD305", "absent"),
    ("runner software without a digest", conf(RUNNER_SHA256=None), "RD305", "no digest is recorded"),
    ("other runner software", entry(f"{PREFIX}/actions-runner.tar.gz", Entry("file", "root", "root", 0o644, "cd" * 32)), "RD305", "cdcd"),
    ("a full disk", free(STORE, "Avail\n 1GB"), "RD306", "STORE has 1 GB"),
    ("no store", free(STORE, None), "RD306", "STORE does not exist"),
    ("a wrong clock", kit(skew=-3600.0), "RD307", "-3600 s"),
    ("an unsynchronised clock", command("timedatectl show --property=NTPSynchronized --value", "no"), "RD307", "not synchronised"),
    ("a permanent service", text("/etc/systemd/system/actions.runner.x.service", ""), "RD308", "permanent service"),
    ("a permanent registration", text("/srv/a/actions-runner/.runner", '{"agentId": 1}'), "RD308", "more than one job"),
    ("a registration nobody can read", text("/srv/a/actions-runner/.runner", "{"), "RD308", "more than one job"),
    ("leftovers of a killed runner", text(f"{HOME}/.runner", '{"AgentId": 1, "Ephemeral": true}'), "RD308", "killed"),
    ("a token", text("/srv/ops/.config/gh/hosts.yml", ""), "RD309", "gh/hosts.yml"),
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
    ("no checkout to compare with", kit(root=None), ["RD103", "RD104", "RD303", "RD304"]),
    ("no answer of GitHub's", lambda h: command("timedatectl show --property=NTPSynchronized --value", None)(kit(skew=None)(h)), ["RD307"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "codes"), [o[1:] for o in OPEN], ids=[o[0] for o in OPEN])
def test_undetermined_checks_are_open(host, change, codes):
    codes_by_state, _ = outcome(change(host))
    assert (codes_by_state["bad"], codes_by_state["open"]) == ([], codes)


def test_a_running_job_is_checked(host):
    codes, findings = outcome(running(env="\n".join(ENV))(host))
    assert codes["bad"] == []
    assert {f.code: f.found for f in findings}["RD108"].startswith("as written by run-one-job.sh")
    assert "one runner, for the current job" in {f.code: f.found for f in findings}["RD308"]


def test_missing_accounts_do_not_stop_the_other_checks(host):
    codes, _ = outcome(replace(host, people={}, rights={}))
    assert codes["bad"] == ["RD108", "RD201", "RD205", "RD206", "RD207"]


def test_a_machine_that_was_never_set_up():
    assert "setup.sh" in nothing_installed(PREFIX).fix


def test_an_account_is_described():
    assert Account("a", 1, frozenset(), "/bin/sh", locked=True).name == "a"
