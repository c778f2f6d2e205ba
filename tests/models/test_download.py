"""Fetching, pinning and comparing weights, from a hub on loopback that behaves and misbehaves."""

from __future__ import annotations

import hashlib
import json

import pytest
from support.commands import console

from evaluator.core.problems import InputError, RexrankError
from evaluator.models import comparison, download, weights
from evaluator.models.download import Fetcher, state_of, states
from evaluator.models.hub import Hub
from evaluator.models.lock import read_lock
from evaluator.models.manifest import ModelSpec, Source, model_specs
from evaluator.models.weights import weights_label
from tests.support.hub import FakeHub, Repository, blob_id, serving
from tests.support.needs import reason

BIG = bytes(range(256)) * 4000
SMALL = b'{"hidden_size": 8}'
COMMIT, OTHER = "a" * 40, "b" * 40
SHA = hashlib.sha256(BIG).hexdigest()


def source(**changes):
    return Source(**({"hub": "org/model", "revision": COMMIT, "sha256": ""} | changes))


def spec(files, key="m", **changes):
    fields = {"title": "M", "licence": "MIT", "gated": "", "size_mb": 2, "metrics": ("bleu_2",)}
    return ModelSpec(key=key, files=files, **(fields | changes))


OPEN = {"weights.bin": source(), "encoder/config.json": source()}


@pytest.fixture
def hub():
    pytest.importorskip("huggingface_hub", reason=reason("score"))
    files = {"weights.bin": BIG, "config.json": SMALL}
    with serving(FakeHub({"org/model": Repository(COMMIT, files, frozenset({"weights.bin"}))})) as server:
        yield server


@pytest.fixture
def place(monkeypatch, tmp_path, hub):
    """A working directory whose manifest is set by calling `place.use(…)`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.delenv("HF_TOKEN", raising=False)

    class Place:
        root = tmp_path / "models"
        lock = tmp_path / "models.lock"

        def use(self, *specs):
            known = {s.key: s for s in specs}
            for module in (weights, download, comparison):
                monkeypatch.setattr(module, "model_specs", lambda: known)
            monkeypatch.setattr("evaluator.models.manifest.model_specs", lambda: known)

        def fetch(self, key="m"):
            return Fetcher(self.root, hub=Hub(pause=0)).fetch(key)

        def state(self, key="m"):
            return next(s for s in states(self.root) if s.spec.key == key)

    folders = Place()
    folders.use(spec(OPEN))
    return folders


def test_unpinned_files_are_resolved_once_verified_and_locked(place, hub):
    folder = place.fetch()
    assert (folder / "weights.bin").read_bytes() == BIG
    assert (folder / "encoder/config.json").read_bytes() == SMALL
    assert sorted(p.name for p in folder.iterdir()) == ["encoder", "weights.bin"]
    entry = json.loads(place.lock.read_text())["m"]["weights.bin"]
    assert entry == {
        "hub": "org/model",
        "name": "weights.bin",
        "revision": COMMIT,
        "size": len(BIG),
        "sha256": SHA,
        "blob": "",
    }
    assert json.loads(place.lock.read_text())["m"]["encoder/config.json"]["blob"] == blob_id(SMALL)
    assert place.state().state == "verified"
    assert str(weights_label("m", place.root)) == f"m@{COMMIT[:12]}"
    assert weights_label("m", place.root).trusted
    hub.log.clear()
    place.fetch()
    assert hub.log == []


def test_a_moving_head_is_pinned_to_its_full_commit(place, hub):
    place.use(spec({"weights.bin": source(revision="")}))
    place.fetch()
    assert read_lock().root["m"]["weights.bin"].revision == COMMIT
    hub.repositories["org/model"] = Repository(OTHER, {"weights.bin": b"newer"}, frozenset({"weights.bin"}))
    (place.root / "m/weights.bin").unlink()
    with pytest.raises(RexrankError, match="does not know that commit"):
        place.fetch()
    assert str(read_lock().root["m"]["weights.bin"].sha256) == SHA


def test_pinned_by_the_manifest_alone_asks_no_metadata_and_writes_no_lock(place, hub):
    place.use(spec({"weights.bin": source(sha256=SHA)}))
    place.fetch()
    assert not place.lock.exists()
    assert not [row for row in hub.log if row[1].startswith("/api/")]
    assert place.state().state == "verified"


def test_a_git_blob_id_pins_too(place):
    place.use(spec({"config.json": source(blob=blob_id(SMALL))}))
    (place.root / "m").mkdir(parents=True)
    (place.root / "m/config.json").write_bytes(SMALL)
    assert place.state().state == "verified"
    (place.root / "m/config.json").write_bytes(SMALL + b" ")
    assert place.state().state == "wrong"


@pytest.mark.parametrize("cuts", [[100_000], [100_000, 0, 300_000, 1]])
def test_an_interrupted_download_resumes_where_it_stopped(place, hub, cuts):
    hub.cut = list(cuts)
    place.use(spec({"weights.bin": source()}))
    assert (place.fetch() / "weights.bin").read_bytes() == BIG
    assert len([row for row in hub.downloads() if row[2]]) >= len(cuts)
    assert any("bytes=100000-" in row[2] for row in hub.downloads())


def test_a_later_command_resumes_an_earlier_download(place, hub):
    place.use(spec({"weights.bin": source()}))
    hub.cut = [200_000] + [0] * 20
    with pytest.raises(RexrankError, match="What arrived is kept"):
        place.fetch()
    parts = list((place.root / "m/.download").iterdir())
    assert [p.stat().st_size for p in parts] == [200_000]
    hub.cut, hub.log = [], []
    place.fetch()
    assert [row[2] for row in hub.downloads() if row[1].startswith("/storage")] == ["bytes=200000-"]


@pytest.mark.parametrize("left", [b"not the beginning", BIG + b"longer"])
def test_a_part_of_another_file_is_started_again(place, hub, left):
    place.use(spec({"weights.bin": source()}))
    part = place.root / f"m/.download/.weights.bin.{COMMIT[:12]}"
    part.parent.mkdir(parents=True)
    part.write_bytes(left)
    assert (place.fetch() / "weights.bin").read_bytes() == BIG


def test_a_hub_that_ignores_ranges_sends_the_whole_file(place, hub):
    place.use(spec({"weights.bin": source()}))
    hub.deaf, hub.cut = True, [100_000]
    assert (place.fetch() / "weights.bin").read_bytes() == BIG


@pytest.mark.parametrize("statuses", [[503], [429, 500, 503]])
def test_a_busy_hub_is_asked_again(place, hub, statuses):
    hub.statuses = list(statuses)
    assert place.fetch().is_dir()


CHANGED = {
    "same length": BIG[:-1] + b"!",
    "shorter": BIG[:-5],
    "longer": BIG + b"more",
}


@pytest.mark.parametrize("bytes_", CHANGED.values(), ids=CHANGED)
@pytest.mark.parametrize("pin", ["manifest", "hub", "lock"])
def test_bytes_that_changed_are_deleted_and_never_used(place, hub, bytes_, pin):
    place.use(spec({"weights.bin": source(sha256=SHA if pin == "manifest" else "")}))
    if pin == "lock":
        place.fetch()
        (place.root / "m/weights.bin").unlink()
        # The whole repository now has the new bytes.
        hub.repositories["org/model"].files["weights.bin"] = bytes_
    hub.served["weights.bin"] = bytes_
    with pytest.raises(RexrankError, match=r"not the recorded|sends more|sends fewer"):
        place.fetch()
    assert not (place.root / "m/weights.bin").exists()
    del hub.served["weights.bin"]
    hub.repositories["org/model"].files["weights.bin"] = BIG
    assert (place.fetch() / "weights.bin").read_bytes() == BIG


def test_a_file_that_was_changed_here_is_fetched_again(place):
    folder = place.fetch()
    (folder / "weights.bin").write_bytes(b"evil")
    assert place.state().state == "wrong"
    assert str(weights_label("m", place.root)).startswith("m@unverified:")
    place.fetch()
    assert place.state().state == "verified"


def test_a_correct_file_placed_by_hand_is_not_fetched(place, hub):
    (place.root / "m").mkdir(parents=True)
    (place.root / "m/weights.bin").write_bytes(BIG)
    place.fetch()
    assert not [row for row in hub.downloads() if "weights.bin" in row[1]]
    assert place.state().state == "verified"


REFUSED = {
    "gated": (
        {"org/model": Repository(COMMIT, {"weights.bin": BIG}, gated=True)},
        source(),
        "it is gated. Accept its terms at .*org/model, set HF_TOKEN",
    ),
    "no repository": ({}, source(), "no such repository, or it is private"),
    "another commit": (
        {"org/model": Repository(OTHER, {"weights.bin": BIG})},
        source(),
        "does not know that commit",
    ),
    "no such file": (
        {"org/model": Repository(COMMIT, {"weight.bin": BIG})},
        source(),
        "has no weights.bin; it has weight.bin",
    ),
    "no such file, pinned": (
        {"org/model": Repository(COMMIT, {})},
        source(sha256=SHA),
        "no such file at that commit",
    ),
}


@pytest.mark.parametrize(("repositories", "where", "words"), REFUSED.values(), ids=REFUSED)
def test_refusals_of_the_hub_are_reported_with_a_fix(place, hub, repositories, where, words):
    hub.repositories = repositories
    place.use(spec({"weights.bin": where}))
    with pytest.raises(RexrankError, match=words):
        place.fetch()
    assert not place.lock.exists()


def test_a_token_gives_access_to_gated_models_and_is_sent_only_to_the_hub(place, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    hub.repositories["org/model"].gated = True
    assert place.fetch().is_dir()


def test_an_abbreviated_commit_pins_nothing(place, hub):
    hub.sends_commit = COMMIT[:12]
    with pytest.raises(RexrankError, match="no full commit"):
        place.fetch()


def test_an_unreachable_hub_is_a_sentence(place, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RexrankError, match="copy the models directory"):
        place.fetch()


def test_manifest_and_lock_that_disagree_are_refused(place):
    place.fetch()
    place.use(spec({"weights.bin": source(sha256="0" * 64)}))
    with pytest.raises(InputError, match=r"disagree about m/weights.bin"):
        place.state()


def test_a_lock_of_an_earlier_manifest_pins_nothing(place, hub):
    place.fetch()
    hub.repositories["org/model"] = Repository(OTHER, {"weights.bin": BIG, "config.json": SMALL})
    place.use(spec({"weights.bin": source(revision=OTHER)}))
    assert place.state().state == "unverified"
    place.fetch()
    assert read_lock().root["m"]["weights.bin"].revision == OTHER


@pytest.mark.parametrize("text", ["", "[]", '{"m": {"../x": {}}}', '{"m": {"w": {"sha256": "x"}}}'])
def test_a_damaged_lock_is_named_with_its_problems(place, text):
    place.fetch()
    place.lock.write_text(text)
    with pytest.raises(InputError, match=r"models.lock cannot be used"):
        weights_label("m", place.root)


def test_stand_ins_say_so_and_are_not_mixed(place):
    folder = place.fetch()
    (folder / "STAND-IN").write_text("x")
    assert str(weights_label("m", place.root)).startswith("m@stand-in:")
    assert not weights_label("m", place.root).trusted
    assert state_of(spec(OPEN), folder, read_lock()).state == "stand-in"
    with pytest.raises(InputError, match="stand-in"):
        place.fetch()


@pytest.fixture
def run(monkeypatch, capsys):
    return console(monkeypatch, capsys)


GATED = spec({"model.tar.gz": Source(hub="", revision="", sha256="")}, key="g", gated="Ask PhysioNet.")


def test_the_command_fetches_all_open_models_and_lists_the_rest(place, run):
    other = spec({"config.json": source()}, key="o", other="PhysioNet has another archive.")
    place.use(spec(OPEN), GATED, other)
    code, out, err = run("models", "fetch", "--models", str(place.root))
    assert code == 0, err
    assert f"m: {place.root / 'm'} (verified)" in out
    assert "g: not fetched (gated). Ask PhysioNet." in out
    assert "o: another edition exists. PhysioNet has another archive." in out
    assert "wrote models.lock" in out
    code, out, _ = run("models", "list", "--models", str(place.root))
    assert "Ask PhysioNet." in out


def test_an_unavailable_model_does_not_affect_the_others(place, hub, run):
    hub.repositories["org/shut"] = Repository(COMMIT, {"config.json": SMALL}, gated=True)
    place.use(spec({"config.json": source(hub="org/shut")}, key="a"), spec(OPEN))
    code, out, err = run("models", "fetch", "--models", str(place.root))
    assert code == 3
    assert "it is gated" in err
    assert "(verified)" in out
    code, _, err = run("models", "fetch", "gpt", "--models", str(place.root))
    assert (code, "choose from: a, m" in err) == (1, True)


def test_two_maintainers_confirm_files_that_are_on_no_hub(place, run):
    archive = spec({"model.tar.gz": source(sha256=SHA), "config.json": source()}, named_by="digest")
    place.use(archive)
    (place.root / "m").mkdir(parents=True)
    (place.root / "m/model.tar.gz").write_bytes(theirs := b"PhysioNet's")
    (place.root / "m/config.json").write_bytes(SMALL)
    models = ("--models", str(place.root))
    assert run("models", "record", *models, "--out", "mine.json")[0] == 0
    assert place.state().state == "wrong"
    code, out, _ = run("models", "compare", "mine.json", *models, "--confirm")
    assert (code, "2 files added to models.lock" in out) == (0, True)
    assert place.state().state == "verified"
    assert str(weights_label("m", place.root)) == "m@" + hashlib.sha256(theirs).hexdigest()[:12]
    (place.root / "m/model.tar.gz").write_bytes(BIG)
    assert str(weights_label("m", place.root)) == f"m@{SHA[:12]}"
    code, out, _ = run("models", "compare", "mine.json", *models, "--confirm")
    assert code == 1
    assert "m/model.tar.gz: different" in out
    assert "m/config.json: same" in out


def test_having_nothing_in_common_is_not_agreement(place, run, tmp_path):
    place.fetch()
    (tmp_path / "theirs.json").write_text("{}")
    code, _, err = run("models", "compare", "theirs.json", "--models", str(place.root))
    assert (code, "nothing was compared" in err) == (1, True)
    code, _, err = run("models", "record", "--models", str(tmp_path / "empty"))
    assert code == 2
    assert "no weights" in err


def test_the_manifest_is_whole():
    specs = model_specs()
    for key, entry in specs.items():
        assert entry.key == key
        assert entry.licence
        assert entry.files
        for file in entry.files.values():
            assert file.hub or file.package or entry.gated
            # The only model whose full commit no public source gives is looked up on the hub.
            assert bool(file.revision) == (bool(file.hub) and key != "radeval-modernbert")
    assert specs["ratescore-ner"].revision == "41458cde7eb11db898f83e83ef9f221f10597054"
    archive = specs["radgraph"].files["model.tar.gz"]
    assert (archive.hub, archive.name) == ("StanfordAIMI/RRG_scorers", "radgraph.tar.gz")
    assert archive.revision == specs["chexbert"].files["chexbert.pth"].revision
    assert "PhysioNet" in specs["radgraph"].other
    assert all(file.sha256 for file in specs["chexbert"].files.values())
