"""Fetching and verifying weights, with a download that this test controls."""

from __future__ import annotations

import hashlib

import pytest

from evaluator.core.problems import RexrankError
from evaluator.models import download as models
from evaluator.models import weights as store
from evaluator.models.download import fetch, state_of, states
from evaluator.models.weights import ModelSpec, Source, model_specs, weights_label

CONTENT = {"config.json": b"{}", "weights.bin": b"tensors"}
REVISION = "a" * 40


def spec(**changes):
    files = {
        n: Source(hub="org/model", revision=REVISION, sha256=hashlib.sha256(c).hexdigest())
        for n, c in CONTENT.items()
    }
    return ModelSpec(
        key="m", title="M", licence="MIT", gated="", size_mb=1, metrics=("bleu_2",), files=files | changes
    )


@pytest.fixture
def manifest(monkeypatch):
    def use(**changes):
        for module in (store, models):
            monkeypatch.setattr(module, "model_specs", lambda: {"m": spec(**changes)})

    use()
    return use


def download(source, name, folder):
    assert source.revision == REVISION
    (folder / name).write_bytes(CONTENT[name])
    return folder / name


def test_fetch_verifies_and_labels(manifest, tmp_path):
    folder = fetch("m", tmp_path, download)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == CONTENT
    assert state_of(spec(), folder).state == "verified"
    assert str(weights_label("m", tmp_path)) == f"m@{REVISION[:12]}"
    fetch("m", tmp_path, lambda *_: pytest.fail("fetched again"))


def test_another_digest_is_deleted(manifest, tmp_path):
    def tampered(source, name, folder):
        (folder / name).write_bytes(b"evil")
        return folder / name

    with pytest.raises(RexrankError, match="not the recorded"):
        fetch("m", tmp_path, tampered)
    assert not list((tmp_path / "m").iterdir())


def test_a_moving_revision_is_refused(manifest, tmp_path):
    manifest(**{"config.json": Source(hub="org/model", revision="", sha256="")})
    with pytest.raises(RexrankError, match="records no revision"):
        fetch("m", tmp_path, download)


def test_changed_files_are_seen(manifest, tmp_path):
    folder = fetch("m", tmp_path, download)
    (folder / "config.json").write_bytes(b"{} ")
    assert state_of(spec(), folder).state == "wrong"
    assert str(weights_label("m", tmp_path)).startswith("m@unverified:")
    assert not weights_label("m", tmp_path).trusted


def test_stand_ins_say_so(manifest, tmp_path):
    folder = fetch("m", tmp_path, download)
    (folder / "STAND-IN").write_text("x")
    assert str(weights_label("m", tmp_path)).startswith("m@stand-in:")
    assert not weights_label("m", tmp_path).trusted
    assert state_of(spec(), folder).state == "stand-in"


def test_the_manifest_is_whole():
    for key, entry in model_specs().items():
        assert entry.key == key
        assert entry.licence
        assert entry.files
        for source in entry.files.values():
            assert len(source.revision) in {0, 40}
            assert len(source.sha256) in {0, 64}


def test_unknown_and_gated_models(tmp_path):
    with pytest.raises(RexrankError, match="choose from"):
        fetch("gpt", tmp_path)
    with pytest.raises(RexrankError, match="PhysioNet"):
        fetch("radgraph", tmp_path)
    assert all(s.state == "absent" for s in states(tmp_path))
