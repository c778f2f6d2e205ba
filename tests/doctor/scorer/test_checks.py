"""What the scorer finds from inside: a sound door, and every way in which it can leak."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from evaluator.core.problems import RexrankError
from evaluator.doctor.scorer import probe as look_inside
from evaluator.doctor.scorer.checks import Data, Weights, check_inside


def outcome(inside):
    findings = [f for section in check_inside(inside) for f in section.findings]
    return {
        state: [f.code for f in findings if f.state == state] for state in ("good", "bad", "open")
    }, findings


def test_a_sound_door(inside):
    codes, _ = outcome(inside)
    assert codes["bad"] == []
    assert codes["open"] == ["RD502"], "a dataset that this runner does not hold"
    assert codes["good"] == [*(f"RD40{n}" for n in range(1, 8)), "RD502", "RD503", "RD504", "RD505"]


HERE = {"here": True, "studies": 590, "digest": "5a" * 32}
WRONG = [
    ("another account", {"user": "rexrunner"}, "RD401", "it is rexrunner"),
    ("a group", {"groups": frozenset({"rexscore", "docker"})}, "RD401", "docker"),
    ("capabilities", {"capabilities": 0x200000}, "RD401", "200000"),
    ("privileges to gain", {"no_new_privileges": False}, "RD401", "gain privileges"),
    ("an interface", {"interfaces": ("eth0", "lo")}, "RD402", "eth0"),
    ("an address that answers", {"egress": {"1.1.1.1:443": "connected"}}, "RD402", "1.1.1.1:443 answers"),
    ("an address behind a firewall", {"egress": {"1.1.1.1:443": "timeout"}}, "RD402", "lost on the way"),
    ("names that resolve", {"resolves": True}, "RD402", "names"),
    ("others' processes", {"processes": 200}, "RD403", "200"),
    ("a token", {"environment": frozenset({"GITHUB_TOKEN"})}, "RD404", "GITHUB_TOKEN"),
    ("no salt", {"salt_characters": 0}, "RD404", "no salt"),
    ("references to write", {"access": {"references": "rwx", "models": "rx", "store": "rwx"}}, "RD405", "references may be written"),
    ("references out of reach", {"access": {"references": "", "models": "rx", "store": "rwx"}}, "RD405", "references may not be read"),
    ("the salt's file", {"access": {"references": "rx", "models": "rx", "store": "rwx", "/salt": "r"}}, "RD405", "/salt may be read"),
    ("a place to leave something", {"writable": ("/dev/shm",)}, "RD406", "/dev/shm"),
    ("a folder that is not hidden", {"hidden": ("/home holds alice",)}, "RD407", "alice"),
    ("references of another split", {"data": (Data("iu-xray", wrong=("589 studies found, 590 wanted",), **HERE),)}, "RD502", "589"),
    ("no list of ids", {"data": (Data("rexgradient", manifest=False, **HERE),)}, "RD502", "study ids"),
    *(
        (f"weights that are {state}", {"weights": (Weights("radgraph", state, gated="Ask PhysioNet."),)}, "RD503", state)
        for state in ("absent", "incomplete", "wrong", "unverified", "stand-in")
    ),
    ("no torch", {"torch": None}, "RD504", "torch"),
    ("no GPU", {"gpu": None}, "RD504", "sees none"),
    ("a GPU that fails", {"gpu": None, "gpu_error": "CUDA error: out of memory"}, "RD504", "out of memory"),
    ("a judge that is silent", {"judges": {"green": "http://127.0.0.1:8001/v1 does not answer"}}, "RD505", "does not answer"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "code", "word"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_is_wrong_is_found_and_nothing_else(inside, changes, code, word):
    codes, findings = outcome(replace(inside, **changes))
    assert codes["bad"] == [code]
    finding = next(f for f in findings if f.state == "bad")
    assert word in finding.found
    assert finding.wanted
    assert finding.fix


def test_a_gated_model_is_got_as_its_owners_say(inside):
    _, findings = outcome(
        replace(
            inside,
            weights=(Weights("radgraph", "absent", gated="Ask PhysioNet."), Weights("chexbert", "absent")),
        )
    )
    assert [f.fix for f in findings if f.code == "RD503"] == [
        "Ask PhysioNet.",
        "rexrank models fetch chexbert --models DIR, as root",
    ]


OPEN = [
    ("no references", {"data": (Data("iu-xray", here=False),)}, ["RD502", "RD501"]),
    ("ids that the registry does not know", {"data": (Data("iu-xray", **HERE),)}, ["RD502"]),
    ("a processor", {"device": "cpu", "gpu": None, "data": ()}, ["RD501", "RD504"]),
    ("no judge", {"judges": None}, ["RD502", "RD505"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "codes"), [o[1:] for o in OPEN], ids=[o[0] for o in OPEN])
def test_what_cannot_be_told_is_open(inside, changes, codes):
    findings, _ = outcome(replace(inside, **changes))
    assert (findings["bad"], findings["open"]) == ([], codes)


def test_a_connection_is_really_tried():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert look_inside.connect("127.0.0.1", port) == "connected"
    assert look_inside.connect("127.0.0.1", port) == "ECONNREFUSED"


def test_places_are_really_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(look_inside, "SHARED", (str(tmp_path), str(tmp_path / "absent")))
    assert look_inside.writable() == [str(tmp_path)]
    assert list(tmp_path.iterdir()) == []


def test_judges_are_really_asked(tmp_path):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data": [{"id": "green"}]}')

        def log_message(self, *args):
            """Say nothing."""

    path = tmp_path / "judges.toml"
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/v1"
        path.write_text(
            f'[green]\nmodel = "green"\nbase_url = "{url}"\n[fineradscore]\nmodel = "other"\nbase_url = "{url}"\n'
        )
        thread = threading.Thread(target=lambda: [server.handle_request() for _ in range(2)])
        thread.start()
        judges = look_inside._judges(path)
        thread.join()
    assert judges == {"green": "", "fineradscore": f"{url} does not serve other"}
    assert "does not answer" in look_inside._judges(path)["green"]
    path.write_text("[green]\n")
    assert "missing" in look_inside._judges(path)["every metric"]


def test_outside_the_door_nothing_is_tried(monkeypatch):
    monkeypatch.delenv("REXRANK_SCORER", raising=False)
    with pytest.raises(RexrankError, match=r"isolate\.sh doctor"):
        look_inside.look_inside()
