"""What the scorer finds from inside: a sound door, and every way it can leak."""

from __future__ import annotations

import socket
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from evaluator.core.problems import RexrankError
from evaluator.datasets.references import ReferenceCounts
from evaluator.doctor.host.machine import Machine
from evaluator.doctor.scorer import checks
from evaluator.doctor.scorer.checks import check_inside, judges
from evaluator.scoring import machines

REFERENCES = "/srv/rexrank/references"
PLAIN = ReferenceCounts(590, 500, {}, {}, "5a" * 32, True, "", ())


def gpu(**changes):
    """A torch that computes what the test sets, as far as the check looks."""
    fields = {
        "version": "2.13.0+cu130",
        "there": True,
        "sum": 64.0**3,
        "error": "",
        "name": "NVIDIA H200",
    } | changes

    class Side:
        def __matmul__(self, other):
            return self

        def sum(self):
            return fields["sum"]

    def ones(*args, **kwargs):
        if fields["error"]:
            raise RuntimeError(fields["error"])
        return Side()

    cuda = SimpleNamespace(is_available=lambda: fields["there"], get_device_name=lambda _: fields["name"])
    return SimpleNamespace(__version__=fields["version"], cuda=cuda, ones=ones)


def weights(state="verified", key="chexbert", gated=""):
    return SimpleNamespace(spec=SimpleNamespace(key=key, gated=gated), state=state)


@pytest.fixture
def work(monkeypatch):
    """What the scorer works with, each part replaceable: torch, weights, references, ids, judges."""

    def change(torch=None, models=None, said=PLAIN, ids=frozenset("a"), judged=None):
        def counts(_):
            if isinstance(said, Exception):
                raise said
            return said

        monkeypatch.setitem(sys.modules, "torch", gpu() if torch is None else torch)
        monkeypatch.setattr(checks, "states", lambda _: models or (weights(),))
        monkeypatch.setattr(checks, "dataset_ids", lambda: ("iu-xray", "mimic-cxr", "sandbox"))
        monkeypatch.setattr(checks, "load_references", lambda dataset, folder: dataset)
        monkeypatch.setattr(checks, "check_references", counts)
        monkeypatch.setattr(checks, "study_ids", lambda dataset, folder: ids)
        monkeypatch.setattr(checks, "judges", lambda path: {"green": []} if judged is None else judged)

    change()
    return change


def outcome(inside):
    findings = [f for section in check_inside(inside) for f in section.findings]
    return {
        state: [f.code for f in findings if f.state == state] for state in ("good", "bad", "open")
    }, findings


def test_a_sound_door(inside, work):
    codes, _ = outcome(inside)
    assert codes["bad"] == []
    assert codes["open"] == ["RD502"], "a dataset that this runner does not hold"
    assert codes["good"] == [
        *(f"RD40{n}" for n in range(1, 8)),
        "RD502",
        "RD501",
        "RD503",
        "RD504",
        "RD505",
        "RD506",
    ]


def env(**changes):
    return lambda inside: inside.having("env", changes)


def text(path, words):
    return lambda inside: inside.having("texts", {path: words})


def command(words, said):
    return lambda inside: inside.having("commands", {words: said})


def egress(where, said):
    return lambda inside: inside.having("egress", {where: said})


def status(**changes):
    """The text of /proc/self/status."""
    lines = {"CapPrm": "0000000000000000", "CapBnd": "0000000000000000", "NoNewPrivs": "1"} | changes
    return "".join(f"{key}:\t{value}\n" for key, value in lines.items())


def access(path, able):
    return lambda inside: inside.having("rights", {None: {**inside.rights[None], path: able}})


def others(inside):
    return inside.having("texts", {f"/proc/{n}": "" for n in range(100, 200)})


DEVICES = "Inter-|   Receive\n face |bytes\n    lo: 0 0\n  eth0: 5 5\n"
LEAVE = '/bin/sh -c rm -- "$(mktemp -- "$1/XXXXXXXXXX")" sh'
WRONG = [
    ("another account", command("id -un", "rexrunner\n"), "RD401", "it is rexrunner"),
    ("a group", command("id -Gn", "rexscore docker\n"), "RD401", "docker"),
    ("capabilities", text("/proc/self/status", status(CapBnd="0000000000200000")), "RD401", "200000"),
    ("privileges to gain", text("/proc/self/status", status(NoNewPrivs="0")), "RD401", "gain privileges"),
    ("an interface", text("/proc/self/net/dev", DEVICES), "RD402", "eth0"),
    ("an address that answers", egress("1.1.1.1:443", "connected"), "RD402", "1.1.1.1:443 answers"),
    ("an address behind a firewall", egress("1.1.1.1:443", "timeout"), "RD402", "times out"),
    ("names that resolve", command("getent hosts github.com", "140.82.121.4 github.com"), "RD402", "names"),
    ("others' processes", others, "RD403", "103"),
    ("a token", env(GITHUB_TOKEN="x"), "RD404", "GITHUB_TOKEN"),
    ("no salt", env(REXRANK_SALT=""), "RD404", "no salt"),
    ("references to write", access(REFERENCES, "rwx"), "RD405", "references can be written"),
    ("references out of reach", access(REFERENCES, ""), "RD405", "references cannot be read"),
    ("the salt's file", access("/opt/rexrank/etc/salt", "r"), "RD405", "/opt/rexrank/etc/salt can be read"),
    ("the passwords", access("/etc/shadow", "r"), "RD405", "/etc/shadow can be read"),
    ("a place to leave something", command(f"{LEAVE} /dev", ""), "RD406", "/dev"),
    ("a folder that is not hidden", text("/home/alice", ""), "RD407", "alice"),
    ("a hidden file that is not hidden", text("/home/.netrc", ""), "RD407", ".netrc"),
]  # fmt: skip
WORK = [
    ("references of another split", {"said": replace(PLAIN, problems=("589 studies found, 590 wanted",))}, "RD502", "589"),
    ("no list of ids", {"ids": None}, "RD502", "study ids"),
    *(
        (f"weights that are {state}", {"models": (weights(state, "radgraph", "Ask PhysioNet."),)}, "RD503", state)
        for state in ("absent", "incomplete", "wrong", "unverified", "stand-in")
    ),
    ("references that cannot be read", {"said": RexrankError("the file is damaged")}, "RD502", "damaged"),
    ("a GPU that computes wrong", {"torch": gpu(sum=1.0)}, "RD504", "wrong sums"),
    ("no GPU", {"torch": gpu(there=False)}, "RD504", "sees none"),
    ("a GPU that fails", {"torch": gpu(error="CUDA error: out of memory\nsecond line")}, "RD504", "out of memory"),
    ("a judge that is silent", {"judged": {"green": ["http://127.0.0.1:8001/v1 does not respond"]}}, "RD505", "does not respond"),
]  # fmt: skip


def only(findings, code, word):
    (finding,) = [f for f in findings if f.state == "bad"]
    assert finding.code == code
    assert word in finding.found
    assert finding.wanted
    assert finding.fix


@pytest.mark.parametrize(("change", "code", "word"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_is_wrong_is_found_and_nothing_else(inside, work, change, code, word):
    only(outcome(change(inside))[1], code, word)


@pytest.mark.parametrize(("changes", "code", "word"), [w[1:] for w in WORK], ids=[w[0] for w in WORK])
def test_what_is_wrong_with_its_work_is_found_and_nothing_else(inside, work, changes, code, word):
    work(**changes)
    only(outcome(inside)[1], code, word)


def test_no_torch(inside, work, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    only(outcome(inside)[1], "RD504", "torch cannot be imported")


def test_a_gated_model_has_its_owners_fix(inside, work):
    work(models=(weights("absent", "radgraph", "Ask PhysioNet."), weights("absent")))
    assert [f.fix for f in outcome(inside)[1] if f.code == "RD503"] == [
        "Ask PhysioNet.",
        "rexrank models fetch chexbert --models DIR, as root",
    ]


def gone(inside):
    return replace(inside, texts={k: v for k, v in inside.texts.items() if not k.startswith(REFERENCES)})


def same(inside):
    return inside


OPEN = [
    ("no references", gone, {}, ["RD502", "RD502", "RD501"]),
    ("ids that the registry does not know", same, {"said": replace(PLAIN, ids_digest_known=False)}, ["RD502", "RD502"]),
    ("a CPU", env(REXRANK_DEVICE="cpu"), {"torch": gpu(there=False)}, ["RD502", "RD504"]),
    ("no judge", same, {"judged": {"every metric": None}}, ["RD502", "RD505"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "changes", "codes"), [o[1:] for o in OPEN], ids=[o[0] for o in OPEN])
def test_undetermined_checks_are_open(inside, work, change, changes, codes):
    work(**changes)
    codes_by_state, _ = outcome(change(inside))
    assert (codes_by_state["bad"], codes_by_state["open"]) == ([], codes)


JUDGE = '[green]\nmodel = "green"\nrevision = "{}"\nbase_url = "http://127.0.0.1:8001/v1"\n'
UNLIKE = {
    "alike": ({}, {}, "a", ""),
    "another GPU": (
        {},
        {"name": "NVIDIA A100"},
        "a",
        "first: cuda: NVIDIA H200, here cuda: NVIDIA A100",
    ),
    "another salt": ({"REXRANK_SALT": "6" * 64}, {}, "a", "first: another salt"),
    "other weights": ({"weights": "changed"}, {}, "a", "first: weights of chexbert 781bfd15651f, here "),
    "no weights": ({"weights": None}, {}, "a", "first: weights of chexbert 781bfd15651f, here missing"),
    "another judge": ({}, {}, "b", "first: judge of green green@aaaa"),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_machines_that_share_a_store_are_compared(inside, work, tmp_path, monkeypatch, name):
    """Each leaves its note when it is checked; the second machine's doctor names what differs, with a fix."""
    (tmp_path / "store").mkdir()

    def look(machine, torch, revision, changes):
        folder = tmp_path / machine
        models = folder / "models/chexbert"
        folder.mkdir()
        if (content := changes.get("weights", "same")) is not None:
            models.mkdir(parents=True)
            (models / "model.safetensors").write_text(content)
        (folder / "judges.toml").write_text(JUDGE.format(revision * 40))
        work(torch=torch)
        monkeypatch.setattr(machines.platform, "node", lambda: machine)
        places = {"STORE": tmp_path / "store", "MODELS": folder / "models", "JUDGES": folder / "judges.toml"}
        own = {f"REXRANK_{key}": str(path) for key, path in places.items()}
        salt = {k: v for k, v in changes.items() if k == "REXRANK_SALT"}
        return [f for f in outcome(inside.having("env", own | salt))[1] if f.code == "RD506"]

    (alone,) = look("first", gpu(), "a", {})
    assert (alone.state, alone.found) == ("good", "this one alone, or others that are like it")
    changes, torch, revision, words = UNLIKE[name]
    (found,) = look("second", gpu(**torch), revision, changes)
    assert found.state == ("bad" if words else "good")
    if words:
        assert words in found.found.replace(f" (noted {machines.today()})", "")
        assert "; " not in found.found, "nothing else differs"
        assert "make them alike" in found.fix


def test_a_damaged_note_is_none_and_no_store_is_made(inside, work, tmp_path):
    store = tmp_path / "store"
    outcome(inside.having("env", {"REXRANK_STORE": str(store)}))
    assert not store.exists()
    (store / "machines").mkdir(parents=True)
    (store / "machines/other.json").write_text("{")
    assert "RD506" in outcome(inside.having("env", {"REXRANK_STORE": str(store)}))[0]["good"]


def test_a_connection_is_really_tried():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert Machine().reached("127.0.0.1", port) == "connected"
    assert Machine().reached("127.0.0.1", port) == "ECONNREFUSED"


def test_places_are_really_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "SHARED", (str(tmp_path), str(tmp_path / "absent")))
    assert checks._writable(Machine()) == [str(tmp_path)]
    assert list(tmp_path.iterdir()) == []


def test_this_process_is_really_inspected(tmp_path):
    """Outside the door: whatever runs this test is recognised as not a scorer, without a traceback."""
    (tmp_path / ".hidden").touch()
    machine = Machine(env={"REXRANK_SCORER": "nobody-of-that-name", "REXRANK_HIDE": str(tmp_path)})
    findings = {check.code: check.finding(machine) for check in checks.ISOLATION}
    assert set(findings) == {f"RD40{n}" for n in range(1, 8)}
    assert "it is " in findings["RD401"].found
    assert findings["RD407"].found == f"{tmp_path} contains .hidden"


def test_judges_are_really_asked(tmp_path):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data": [{"id": "green"}]}')

        def log_message(self, *args):
            """Say nothing."""

    path = str(tmp_path / "judges.toml")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/v1"
        (tmp_path / "judges.toml").write_text(
            f'[green]\nmodel = "green"\nbase_url = "{url}"\n[fineradscore]\nmodel = "other"\nbase_url = "{url}"\n'
        )
        thread = threading.Thread(target=lambda: [server.handle_request() for _ in range(2)])
        thread.start()
        findings = judges(path)
        thread.join()
    assert findings == {"green": [], "fineradscore": [f"{url} does not serve other"]}
    assert "does not respond" in judges(path)["green"][0]
    (tmp_path / "judges.toml").write_text("[green]\n")
    assert "missing" in judges(path)["every metric"][0]


def test_outside_the_door_nothing_is_tried(monkeypatch):
    monkeypatch.delenv("REXRANK_SCORER", raising=False)
    with pytest.raises(RexrankError, match=r"isolate\.sh doctor"):
        check_inside(Machine())
