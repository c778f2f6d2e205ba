"""RadGraph annotations and scores against DyGIE++ on its original stack."""

from __future__ import annotations

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.needs import reason

from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair
from evaluator.metrics.radgraph import LEVELS, RadGraphF1, official, reward
from evaluator.models.radgraph import annotate_texts, annotation, annotator, package_words_of, words_of
from evaluator.models.runtime import Run
from evaluator.models.text_cache import TextCache

torch = pytest.importorskip("torch", reason=reason("score"))

GOLDEN = Path(__file__).parents[1] / "data/parity/core/golden"
STAND_INS = Path(__file__).parents[2] / "evaluator/datasets/sandbox/models"
SIDES = (("reference", "ref"), ("prediction", "hyp"))


def golden(name):
    return json.loads((GOLDEN / name).read_text("utf-8"))


def texts(pairs):
    return [t for p in pairs for t in (p.reference, p.prediction)]


@pytest.fixture(scope="module")
def found(pairs, compat):
    return annotate_texts(texts(pairs), "rexrank", compat)


def test_annotations_are_identical(pairs, found):
    wanted, compared = golden("radgraph_annotations.json"), 0
    for pair in pairs:
        for side, key in SIDES:
            if pair.id in wanted[key]:
                assert found[getattr(pair, side)].view() == wanted[key][pair.id], (pair.id, key)
                compared += 1
    assert compared == 124


def test_word_pieces_are_identical(pairs, compat):
    engine, wanted, compared = annotator(compat), golden("radgraph_wordpieces.json"), 0
    for pair in pairs:
        for side, key in SIDES:
            if pair.id in wanted and key in wanted[pair.id]:
                ids, _ = engine.pieces(words_of(getattr(pair, side)))
                assert [i for w in engine.windows(ids) for i in w] == wanted[pair.id][key]["token_ids"], (
                    pair.id
                )
                compared += 1
    assert compared > 100


def test_raw_scores_are_the_official_ones(pairs, compat):
    """Spans and labels are identical; scores are within the rounding of the published four decimals."""
    engine, wanted, compared = annotator(compat), golden("radgraph_raw.json"), 0
    for pair in pairs:
        for side, key in SIDES:
            if (raw := wanted[key].get(pair.id)) is None:
                continue
            entities, relations = raw_output(engine, words_of(getattr(pair, side)))
            for rows, official_rows, width in ((entities, raw["ner"], 3), (relations, raw["relations"], 5)):
                assert [list(row[:width]) for row in rows] == [row[:width] for row in official_rows], pair.id
                assert [row[width] for row in rows] == pytest.approx(
                    [row[width] for row in official_rows], abs=1.5e-4
                )
            compared += 1
    assert compared == 115


def raw_output(engine, words):
    ids, ranges = engine.pieces(words)
    with torch.inference_mode():
        pieces = torch.cat(engine.network.encode(engine.windows(ids)))
        vectors = torch.stack(
            [pieces[a:b].mean(0) if b > a else pieces.new_zeros(pieces.shape[1]) for a, b in ranges]
        )
        spans = engine.network.spans(len(words))
        return engine.network.entities(vectors, spans), engine.network.relations(vectors, spans)


def test_scores_equal_the_official_ones(pairs, found, official_scores):
    compared = 0
    for pair in pairs:
        if "radgraph_f1" in official_scores[pair.id]:
            scores, wanted = official(found[pair.reference], found[pair.prediction]), official_scores[pair.id]
            assert scores.entity_f1 == pytest.approx(wanted["radgraph_entity_f1"], abs=1e-12)
            assert scores.relation_f1 == pytest.approx(wanted["radgraph_relation_f1"], abs=1e-12)
            assert scores.combined == pytest.approx(wanted["radgraph_f1"], abs=1e-12)
            compared += 1
    assert compared == 62


@pytest.fixture(scope="module")
def official_scores(official):
    return official


@pytest.mark.parametrize(("release", "lower"), [("radgraph_0.1.18", False), ("radgraph_head_87f11a1", True)])
def test_rewards_equal_the_package(pairs, compat, release, lower):
    notes = annotate_texts(texts(pairs), "radgraph-package", compat)
    wanted = golden("f1radgraph.json")["pairs"][release]
    for pair in pairs:
        for level in LEVELS if pair.id in wanted else ():
            empty = not pair.reference or not pair.prediction
            value = (
                0.0 if empty else reward(notes[pair.reference], notes[pair.prediction], level, lower=lower)
            )
            assert value == pytest.approx(wanted[pair.id][level], abs=1e-12), (pair.id, level)


@pytest.mark.parametrize("batch_size", [4, 64])
def test_batches_and_padding_do_not_matter(pairs, found, compat, batch_size):
    assert annotate_texts(texts(pairs), "rexrank", replace(compat, batch_size=batch_size)) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.5cm", "2 . 5cm"),
        ("10:35", "10 : 35"),
        ("...", ". . ."),
        ("Right-sided; 50% [x]", "Right-sided; 50% [x]"),
        ("a\u00a0b\tc\u2028d", "a b c d"),
        ("a\u200bb", "a\u200bb"),
        (" ( x ) ", "( x )"),
        ("", ""),
    ],
)
def test_words(text, expected):
    assert " ".join(words_of(text)) == expected


def test_the_package_reads_an_empty_text_as_none():
    assert package_words_of("") == ["None"]
    assert package_words_of("a.b") == ["a", ".", "b"]


@given(st.text(max_size=40))
def test_words_lose_no_character(text):
    assert "".join(words_of(text)) == "".join(text.split())


def test_blank_text_scores_zero_for_that_pair_alone(pairs, compat):
    some = [pairs[0], Pair("blank", pairs[0].reference, " \n"), Pair("both", "", "")]
    scores = RadGraphF1().score(some, compat)
    assert scores.values[1:].tolist() == [0.0, 0.0]
    assert scores.values[0] == RadGraphF1().score(some[:1], compat).values[0]


def test_relations_to_anything_but_an_entity_are_dropped():
    note = annotation(["a", "b", "c"], [(0, 0, "X", 1.0)], [(0, 0, 0, 0, "r", 1.0), (0, 0, 2, 2, "r", 1.0)])
    assert note.entities["1"].relations == (("r", "1"),)


def test_the_variant_is_in_the_signature(compat):
    assert "|prep:rexrank|" in str(RadGraphF1().signature(compat))
    other = replace(compat, variants={"radgraph_f1": "radgraph-package"})
    assert "|prep:radgraph-package|" in str(RadGraphF1().signature(other))
    with pytest.raises(ValueError, match="known: rexrank, radgraph-package"):
        RadGraphF1().signature(replace(compat, variants={"radgraph_f1": "x"}))


def test_details_hold_both_graphs(pairs, compat):
    scores = RadGraphF1().score(pairs[:1], replace(compat, details=True))
    assert set(scores.details[0]) == {"entity_f1", "relation_f1", "rewards", "reference", "prediction"}
    assert np.mean([scores.details[0]["entity_f1"], scores.details[0]["relation_f1"]]) == scores.values[0]


def test_other_shapes_equal_the_package():
    """Nothing is assumed about the archive: three unequal layers, 24-piece windows, 6 and 5 labels, `radgraph__`."""
    folder = GOLDEN.parent / "shapes"
    cases = json.loads((folder / "radgraph.json").read_text("utf-8"))["cases"]
    for batch_size in (1, 4):
        run = Run(models=folder / "models", batch_size=batch_size)
        notes = annotate_texts([c["report"] for c in cases], "radgraph-package", run)
        for case in cases:
            assert notes[case["report"]].view() == case["annotation"], case["report"]
    assert sum(len(c["annotation"]["entities"]) for c in cases) == 170


def test_an_unpacked_archive_is_the_same(pairs, found, compat, tmp_path):
    folder = tmp_path / "radgraph"
    (folder / "encoder").mkdir(parents=True)
    source = compat.models / "radgraph"
    with tarfile.open(source / "model.tar.gz") as archive:
        for member in (m for m in archive if m.isfile()):
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.extractfile(member).read())
    for path in (source / "encoder").iterdir():
        (folder / "encoder" / path.name).write_bytes(path.read_bytes())
    some = texts(pairs[:6])
    assert annotate_texts(some, "rexrank", replace(compat, models=tmp_path)) == {t: found[t] for t in some}


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00half"])
def test_a_damaged_archive_gives_a_sentence(compat, tmp_path, content):
    folder = tmp_path / "radgraph"
    (folder / "encoder").mkdir(parents=True)
    (folder / "model.tar.gz").write_bytes(content)
    with pytest.raises(
        MetricUnavailable, match=r"model.tar.gz cannot be used .* Delete it and fetch it again"
    ):
        RadGraphF1().score([Pair("1", "a", "b")], Run(models=tmp_path))


@pytest.mark.parametrize("bytes_lost", [0, 5], ids=["changed", "cut"])
def test_an_archive_whose_checksum_is_wrong_gives_no_scores(tmp_path, bytes_lost):
    """The checksum follows the last member: everything tar needs can be read and still be other bytes."""
    folder = shutil.copytree(STAND_INS / "radgraph", tmp_path / "radgraph")
    content = bytearray((folder / "model.tar.gz").read_bytes())
    content[-6] ^= 1
    (folder / "model.tar.gz").write_bytes(content[: len(content) - bytes_lost])
    with pytest.raises(
        MetricUnavailable, match=r"model.tar.gz cannot be used .* Delete it and fetch it again"
    ):
        RadGraphF1().score([Pair("1", "a", "b")], Run(models=tmp_path))


def test_a_second_run_reads_the_cache(pairs, compat, tmp_path, monkeypatch):
    run = replace(compat, cache=TextCache(tmp_path))
    first = RadGraphF1().score(pairs, run).values
    monkeypatch.setattr(
        "evaluator.models.radgraph.Annotator.annotate", lambda *_: pytest.fail("forward pass")
    )
    assert (RadGraphF1().score(pairs, run).values == first).all()
