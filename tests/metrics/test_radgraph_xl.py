"""RadGraph-XL against the `radgraph` package 0.1.18 on small checkpoints, and malicious archives."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair
from evaluator.metrics.registry import board_metric_keys, get_metric
from evaluator.models import radgraph_network
from evaluator.models.radgraph import XL, annotate_texts
from evaluator.models.runtime import Run
from tests.support import radgraph_checkpoint as checkpoint
from tests.support.needs import needs_torch, reason

GOLDEN_FOLDER = Path(__file__).parents[1] / "data/parity/radgraph_xl"
GOLDEN = json.loads((GOLDEN_FOLDER / "golden.json").read_text("utf-8"))
PAIRS = [Pair(**row) for row in json.loads((GOLDEN_FOLDER / "pairs.json").read_text("utf-8"))]
KEYS = ("radgraph_xl_simple", "radgraph_xl_partial", "radgraph_xl_complete")
BY_ID = {p.id: p for p in PAIRS}


@pytest.fixture(scope="module", params=sorted(checkpoint.SHAPES))
def built(request, tmp_path_factory):
    """(name, run) of a checkpoint built for this test."""
    pytest.importorskip("torch", reason=reason("score"))
    models = checkpoint.build(request.param, tmp_path_factory.mktemp(request.param))
    return request.param, Run(protocol="compat", models=models)


def test_annotations_are_the_packages(built):
    name, run = built
    wanted = GOLDEN["checkpoints"][name]["annotations"]
    texts = [getattr(BY_ID[i], side) for i, sides in wanted.items() for side in sides]
    annotations = annotate_texts(texts, "radgraph-package-xl", run, XL)
    for i, sides in wanted.items():
        for side, annotation in sides.items():
            assert annotations[getattr(BY_ID[i], side)].view() == annotation, (i, side)


@pytest.mark.parametrize("key", KEYS)
def test_rewards_are_the_packages(built, key):
    name, run = built
    metric, wanted = get_metric(key), GOLDEN["checkpoints"][name]
    values = metric.score(PAIRS, run).values
    assert values.tolist() == pytest.approx([wanted["rewards"][p.id][metric.level] for p in PAIRS], abs=1e-12)
    assert values.mean() == pytest.approx(wanted["mean"][metric.level], abs=1e-12)
    assert str(metric.signature(run)).startswith(f"{key}|v1|radgraph-xl@unverified:")
    assert "|prep:radgraph-package-xl|release:0.1.18|" in str(metric.signature(run))


def test_a_blank_text_scores_zero_for_that_pair_alone(built):
    _, run = built
    scores = get_metric(KEYS[0]).score([Pair("a", " \n", "edema"), PAIRS[0]], run)
    assert scores.values[0] == 0
    assert not scores.failed.any()


def test_columns_of_their_own_and_on_no_board():
    assert not set(KEYS) & set(board_metric_keys())
    assert {get_metric(k).weights for k in KEYS} == {(XL,)}


def archive(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as out:
        for info, data in members:
            out.addfile(info, io.BytesIO(data) if data is not None else None)


def entry(name, data=b"{}", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


HOSTILE = {
    "a link out": [entry("config.json", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
    "a hard link": [entry("weights.th", b"", type=tarfile.LNKTYPE, linkname="../../etc/passwd")],
    "a device": [entry("vocabulary/tokens.txt", b"", type=tarfile.CHRTYPE)],
    "a path out": [entry("../../config.json"), entry("/weights.th")],
    "a name twice": [entry("config.json"), entry("./config.json")],
    "many members": [entry(f"vocabulary/{i}.txt", b"") for i in range(1001)],
    "a large text": [entry("config.json", b"x" * ((16 << 20) + 1))],
    "several vocabularies": [
        entry(n, d)
        for n, d in (
            ("config.json", b"{}"), ("weights.th", b"x"), ("vocabulary/a__ner_labels.txt", b"\n"),
            ("vocabulary/b__ner_labels.txt", b"\n"),
        )
    ],
    "no vocabulary": [entry("config.json"), entry("weights.th")],
}  # fmt: skip


@needs_torch
@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_only_loses_the_metric_and_writes_nothing(members, tmp_path):
    folder = tmp_path / XL
    folder.mkdir()
    archive(folder / "model.tar.gz", members)
    with pytest.raises(MetricUnavailable, match=r"model\.tar\.gz cannot be used"):
        radgraph_network.read_archive(folder)
    assert [p.name for p in tmp_path.rglob("*")] == [XL, "model.tar.gz"]


@needs_torch
@pytest.mark.parametrize("name", ["config.json", "not-read.bin"])
def test_a_small_archive_that_unpacks_to_a_large_one_is_stopped(name, tmp_path, monkeypatch):
    folder = tmp_path / XL
    folder.mkdir()
    monkeypatch.setattr(radgraph_network, "_MAX_UNPACKED", 1 << 20)
    archive(folder / "model.tar.gz", [entry(name, bytes(4 << 20))])
    with pytest.raises(MetricUnavailable, match="unpacks to more than"):
        radgraph_network.read_archive(folder)


@needs_torch
def test_a_header_that_promises_more_than_there_is(tmp_path):
    folder = tmp_path / XL
    folder.mkdir()
    info = tarfile.TarInfo("config.json")
    info.size = 5_000_000
    with gzip.open(folder / "model.tar.gz", "wb") as out:
        out.write(info.tobuf() + b"short")
    with pytest.raises(MetricUnavailable, match="cannot be used"):
        radgraph_network.read_archive(folder)


def test_absent_weights_name_the_command(tmp_path):
    with pytest.raises(MetricUnavailable, match="rexrank models fetch radgraph-xl"):
        get_metric(KEYS[0]).score(PAIRS[:1], replace(Run(), models=tmp_path))
