"""A stub replaces podman and docker: every flag of the call is checked, and it leaves the worst possible output."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evaluator.cli.app import app
from evaluator.core.host_files import InvalidFile
from evaluator.core.problems import InputError
from evaluator.datasets.registry import get_dataset, study_ids
from evaluator.datasets.sandbox.generate import card
from evaluator.submissions.inference import infer as inference
from evaluator.submissions.inference.engine import Engine, Limits, Mounts
from evaluator.submissions.inference.studies import StudiesFile, handed, read_studies
from evaluator.submissions.model_card import CardInputs

DIGEST = f"sha256:{'a' * 64}"
IMAGE = f"ghcr.io/acme/m1@{DIGEST}"
ENGINES = ("podman", "docker")
STUB = """#!{python}
import json, os, pathlib, signal, sys, time
here = pathlib.Path(__file__).parent
scenario = json.loads((here / "scenario.json").read_text())
words = sys.argv[1:]
with (here / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps({{"words": words, "environment": dict(os.environ)}}) + "\\n")
if words[:2] == ["image", "inspect"]:
    print(json.dumps(scenario.get("inspect", [{{"RepoDigests": [words[2]], "Config": {{}}}}])))
    sys.exit(scenario.get("status", 0))
if words[0] == "kill":
    os.kill(int((here / "pid").read_text()), signal.SIGTERM)
    sys.exit(0)
(here / "pid").write_text(str(os.getpid()))
mounts = dict(p.split("=", 1) for w in words if w.startswith("--mount=") for p in [w])
places = {{}}
for word in words:
    if word.startswith("--mount="):
        parts = dict(x.partition("=")[::2] for x in word.removeprefix("--mount=").split(","))
        places[parts["target"]] = (pathlib.Path(parts["source"]), "readonly" in parts)
studies = json.loads(places["/input/studies.json"][0].read_text())
(here / "seen.json").write_text(json.dumps(studies))
out = places["/output"][0] / "predictions.json"
(here / "modes.json").write_text(json.dumps([oct(out.stat().st_mode), oct(out.parent.stat().st_mode)]))
made = {{s["id"]: {{"findings": "Clear lungs.", "impression": "No finding."}} for s in studies["studies"]}}
exec(scenario.get("run", "out.write_text(json.dumps(made))"))
sys.exit(scenario.get("ends", 0))
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A folder with the stub under both names, first on the path; tests write its scenario."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ENGINES:
        path = folder / name
        path.write_text(STUB.format(python=sys.executable))
        path.chmod(0o755)
    (folder / "scenario.json").write_text("{}")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(inference, "SCORER", ())
    for name in inference.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def asked(tmp_path):
    """A submission that names an image, and the sandbox's studies with an image each."""
    folder = tmp_path / "submissions/acme/m1"
    folder.mkdir(parents=True)
    text = card("near-copy").replace("views: none", "views: frontal")
    (folder / "model.yaml").write_text(f"{text}inference: {{image: '{IMAGE}'}}\n")
    images = tmp_path / "images"
    (images / "a").mkdir(parents=True)
    studies = []
    for study in sorted(study_ids(get_dataset("sandbox"))):
        (images / f"a/{study}.png").write_bytes(b"x")
        views = [{"path": f"a/{study}.png", "view": "frontal"}]
        studies.append({"id": study, "images": views, "indication": "cough", "history": "asthma"})
    (images / "a/side.png").write_bytes(b"x")
    studies[0]["images"].append({"path": "a/side.png", "view": "lateral"})
    path = tmp_path / "studies.json"
    path.write_text(json.dumps({"schema": "rexrank/studies/v1", "dataset": "sandbox", "studies": studies}))
    return inference.InferRequest(folder, "sandbox", path, images, tmp_path / "inference.log")


def play(stub, **scenario):
    (stub / "scenario.json").write_text(json.dumps(scenario))


def calls(stub):
    return [json.loads(line) for line in (stub / "calls.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_flag_of_the_call(stub, tmp_path, engine):
    mounts = Mounts(tmp_path / "images", tmp_path / "studies.json", tmp_path / "output")
    limits = Limits(seconds=5, memory_gb=3, cpus=2, pids=7, scratch_gb=1, file_gb=2)
    command = Engine(engine).command(IMAGE, "name", mounts, limits)
    assert command == [
        str(stub / engine),
        "run",
        "--name=name",
        "--rm",
        "--pull=never",
        "--network=none",
        "--read-only",
        "--user=65534:65534",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--ipc=private",
        "--log-driver=none",
        "--pids-limit=7",
        "--cpus=2",
        "--memory=3g",
        "--memory-swap=3g",
        "--ulimit=core=0:0",
        "--ulimit=nofile=8192:8192",
        "--ulimit=nproc=16384:16384",
        "--ulimit=fsize=2147483648:2147483648",
        f"--tmpfs=/tmp:rw,nosuid,nodev,exec,size=1g,mode=1777{',notmpcopyup' if engine == 'podman' else ''}",
        "--shm-size=2g",
        "--env=HOME=/tmp",
        "--workdir=/tmp",
        f"--mount=type=bind,source={tmp_path}/images,target=/input/images,readonly",
        f"--mount=type=bind,source={tmp_path}/studies.json,target=/input/studies.json,readonly",
        f"--mount=type=bind,source={tmp_path}/output,target=/output",
        IMAGE,
    ]
    gpu = {"podman": "--device=nvidia.com/gpu=all", "docker": "--gpus=all"}[engine]
    assert set(Engine(engine).command(IMAGE, "name", mounts, Limits(gpu=True))) - set(command) >= {gpu}
    with pytest.raises(InputError, match="cannot be mounted"):
        Engine(engine).command(IMAGE, "name", Mounts(tmp_path / "a,b", *[tmp_path] * 2), limits)


def call(asked, engine, *words):
    options = ["--dataset", asked.dataset, "--studies", str(asked.studies), "--images", str(asked.images)]
    return CliRunner().invoke(
        app, ["infer", str(asked.folder), *options, "--engine", engine, "--log", str(asked.log), *words]
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_good_image_becomes_a_prediction_file(stub, asked, engine, monkeypatch):
    monkeypatch.setenv("GH_TOKEN", "secret-token")
    result = call(asked, engine)
    assert result.exit_code == 0, result.output
    assert "Next: rexrank submit" in result.output
    value = json.loads((asked.folder / "sandbox.json").read_text())
    assert set(value) == study_ids(get_dataset("sandbox"))
    inspected, ran = calls(stub)
    assert inspected["words"] == ["image", "inspect", IMAGE]
    assert ran["words"][-1] == IMAGE
    assert "secret-token" not in json.dumps([inspected, ran])
    # Nothing in the container can create, remove or rename anything besides the one file.
    assert json.loads((stub / "modes.json").read_text()) == ["0o100666", "0o40755"]
    assert not list(Path(asked.folder).glob("*.log"))


def test_a_container_gets_what_its_card_says_it_reads(stub, asked):
    assert call(asked, "podman").exit_code == 0
    record = json.loads((stub / "seen.json").read_text())
    assert set(record["studies"][0]) == {"id", "images"}
    assert [i["view"] for i in record["studies"][0]["images"]] == ["frontal"]
    studies = StudiesFile.model_validate_json(asked.studies.read_bytes())
    for views, context, n_images, texts in (
        ("all", "indication", 2, {"indication"}),
        ("none", "indication+history", 0, {"indication", "history"}),
        ("frontal", "all", 1, {"indication", "history"}),
    ):
        value = json.loads(handed(studies, CardInputs(views=views, context=context)))["studies"][0]
        assert len(value["images"]) == n_images
        assert set(value) - {"id", "images"} == texts


HOSTILE = {
    "a link to a secret": (
        "out.unlink(); out.symlink_to('/etc/passwd')",
        "left no readable file predictions.json",
    ),
    "a hard link": ("os.link(out, out.parent / 'b')", "something other than a regular file"),
    "a pipe": ("out.unlink(); os.mkfifo(out)", "something other than a regular file"),
    "a folder": ("out.unlink(); out.mkdir()", "something other than a regular file"),
    "nothing": ("out.unlink()", "left no readable file predictions.json"),
    "an empty file": ("pass", "RX201"),
    "too much": ("os.truncate(out, 50_000_000)", "at most 20,000,000 are read"),
    "another shape": ("out.write_text('[1, 2]')", "RX206"),
    "deep nesting": ("out.write_text('[' * 100_000)", "RX204"),
    "a study left out": ("made.popitem(); out.write_text(json.dumps(made))", "RX302"),
    "a study of its own": ("made['x'] = made[min(made)]; out.write_text(json.dumps(made))", "RX303"),
    "a reversing character": (
        "made[min(made)]['findings'] = 'a\\u202eb'; out.write_text(json.dumps(made))",
        "RX403",
    ),
    "not UTF-8": ("out.write_bytes(b'\\xff{}')", "RX106"),
    "an end with an error": ("sys.exit(9)", "exited with status 9"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_containers_output_is_untrusted(stub, asked, name):
    run, words = HOSTILE[name]
    play(stub, run=run)
    result = call(asked, "docker")
    text = result.output + str(result.exception or "")
    assert (result.exit_code, words in text) == (1, True), text
    assert not (asked.folder / "sandbox.json").exists()
    assert "root:" not in text


def test_a_container_that_takes_too_long_is_killed(stub, asked):
    play(stub, run="time.sleep(60)")
    with pytest.raises(InputError, match=r"longer than 0\.5 seconds"):
        inference.infer(asked, Engine("podman"), Limits(seconds=0.5))
    ran, killed = calls(stub)[1:]
    assert killed["words"] == ["kill", ran["words"][1].removeprefix("--name=")]


def test_its_output_is_bounded(stub, asked):
    play(stub, run="sys.stdout.write('x' * 3_000_000); out.write_text(json.dumps(made))")
    assert call(asked, "podman").exit_code == 0
    assert asked.log.stat().st_size == 1_000_000


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ({"status": 1}, f"podman pull {IMAGE}"),
        ({"inspect": [{"RepoDigests": ["ghcr.io/acme/m1@sha256:b"], "Config": {}}]}, "a different digest"),
        ({"inspect": [{"RepoDigests": [IMAGE], "Config": {"Volumes": {"/data": {}}}}]}, "declares a VOLUME"),
        ({"inspect": "x"}, "an unexpected answer"),
    ],
)
def test_another_image_is_not_run(stub, asked, scenario, words):
    play(stub, **scenario)
    result = call(asked, "podman")
    assert words in str(result.exception)
    assert len(calls(stub)) == 1


@pytest.mark.parametrize("name", inference.VARIABLES)
def test_never_where_references_or_store_of_a_scorer_are_named(stub, asked, monkeypatch, name):
    monkeypatch.setenv(name, "/somewhere")
    assert "never runs next to references" in str(call(asked, "podman").exception)
    assert not (stub / "calls.jsonl").exists()


def test_never_where_a_scorers_folders_are(stub, asked, monkeypatch, tmp_path):
    monkeypatch.setattr(inference, "SCORER", (str(tmp_path),))
    assert "never runs next to references" in str(call(asked, "podman").exception)
    assert not (stub / "calls.jsonl").exists()


def test_the_folders_of_a_scorer_are_those_of_the_runner():
    layout = (Path(__file__).parents[3] / "runner/layout").read_text("utf-8").splitlines()
    folders = [line.split()[4] for line in layout if line.startswith("folder")]
    ours = [f for f in folders if f.startswith(inference.SCORER)]
    assert {"/srv/rexrank/references", "/var/lib/rexrank/store"} <= set(ours)


def test_a_card_without_an_image_and_questions_are_refused(stub, asked):
    text = (asked.folder / "model.yaml").read_text()
    (asked.folder / "model.yaml").write_text(text.replace(f"inference: {{image: '{IMAGE}'}}\n", ""))
    assert "has no image" in str(call(asked, "podman").exception)
    questions = inference.InferRequest(asked.folder, "sandbox-vqa", asked.studies, asked.images, asked.log)
    assert "asks questions" in str(call(questions, "podman").exception)
    (asked.folder / "model.yaml").write_text("name: 7\n")
    assert "the field 'name' is '7'" in str(call(asked, "podman").exception) or "7" in str(
        call(asked, "podman").exception
    )


def changed(asked, change):
    value = json.loads(asked.studies.read_text())
    change(value)
    asked.studies.write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v["studies"][0].update(findings="A nodule."), "unknown field 'studies.0.findings'"),
        (lambda v: v["studies"][0]["images"][0].update(path="../x.png"), "path"),
        (lambda v: v["studies"][0]["images"][0].update(path="a/none.png"), "a/none.png is not an image"),
        (lambda v: v["studies"].append(v["studies"][0]), "a second time"),
        (lambda v: v.update(dataset="iu-xray"), "studies of iu-xray"),
    ],
)
def test_studies_of_another_form_are_refused(stub, asked, change, words):
    changed(asked, change)
    with pytest.raises(InvalidFile, match=r".") as caught:
        read_studies(asked.studies, asked.images, "sandbox")
    assert words in str(caught.value)


def test_the_image_folder_contains_only_images(stub, asked):
    (asked.images / "a/reports.csv").write_text("id,findings\n")
    (asked.images / "link.png").symlink_to("/etc/passwd")
    with pytest.raises(InvalidFile, match=r".") as caught:
        read_studies(asked.studies, asked.images, "sandbox")
    assert "a/reports.csv is not an image" in str(caught.value)
    assert "link.png is not an image" in str(caught.value)


def test_other_studies_than_the_datasets_are_refused(stub, asked):
    changed(asked, lambda v: v["studies"].pop())
    assert "lacks 1" in str(call(asked, "podman").exception)


def test_an_engine_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="podman is not installed"):
        Engine("podman")


def test_a_run_opens_the_pull_request_as_submit_does(stub, asked, monkeypatch):
    from evaluator.cli import infer as command

    calls = []
    monkeypatch.setattr(command, "run_submit", lambda sending, draft: calls.append(sending) or 0)
    assert call(asked, "podman", "--send", "--yes").exit_code == 0
    (sending,) = calls
    assert (sending.source, sending.sure, sending.dry_run) == (asked.folder, True, False)


def test_the_file_that_is_written_is_ours(stub, asked):
    assert call(asked, "podman").exit_code == 0
    path = asked.folder / "sandbox.json"
    assert stat.S_ISREG(path.lstat().st_mode)
    assert path.read_text().count("\n") == len(study_ids(get_dataset("sandbox"))) + 2
