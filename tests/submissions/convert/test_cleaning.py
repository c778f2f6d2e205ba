"""Leftovers of tools: each kind with cases, its count and first ids, and what is left unchanged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.submissions.convert.cleaning import KINDS, clean
from evaluator.submissions.rules.text import character_codes

from .conftest import STUDIES

A, B = STUDIES

CASES = {
    "halves": [("a\ud83db", "a\ufffdb")],
    "line_ends": [("a\r\nb", "a\nb"), ("a\rb", "a\nb"), ("a_x000D_\nb", "a\nb"), ("a\x85b", "a\nb"), ("a\x0cb\x0bc", "a\nb\nc")],
    "separators": [("a\u2028b", "a\nb"), ("a\u2029b", "a\nb")],
    "byte_order_mark": [("\ufeffa", "a"), ("a\ufeffb", "ab")],
    "zero_width": [("a\u200bb", "ab"), ("a\u200d\u200cb", "ab"), ("a\u2060b", "ab"), ("a\u3164b", "ab")],
    "soft_hyphen": [("effu\u00adsion", "effusion")],
    "variation_selector": [("⚠\ufe0f a", "⚠ a"), ("a\U000e0100", "a")],
    "nul": [("a\x00", "a"), ("a\x00\x00", "a"), ("a\x00b", "ab")],
    "control": [("a\x07b", "ab"), ("\x1b[1ma", "[1ma")],
    "format": [("a\u202eb", "ab"), ("a\u200eb", "ab"), ("a\u2066b\u2069", "ab")],
    "undefined": [("a\ue000", "a\ufffd"), ("a\U0010ffff", "a\ufffd")],
    "pieces": [("The\u0120lungs\u0120are\u0120clear.", "The lungs are clear."), ("▁The▁lungs▁are▁clear.", " The lungs are clear."), ("No ef ##fus ##ion.", "No effusion.")],
    "decoder_token": [
        ("<s>Clear.</s>", "Clear."),
        ("Clear.</s></s>", "Clear."),
        ("Clear.<eos>", "Clear."),
        ("<bos>Clear.<pad><pad>", "Clear."),
        ("[CLS] Clear. [SEP] [PAD]", "Clear."),
        ("No <unk> seen.", "No seen."),
        ("Clear.<end_of_turn>", "Clear."),
        ("<start_of_turn>model\nClear.<end_of_turn>\n", "Clear."),
        ("<|im_start|>assistant\nClear.<|im_end|>", "Clear."),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nClear.<|eot_id|>", "Clear."),
        ("<|begin_of_text|>Clear.<|endoftext|>", "Clear."),
        ("<image>\nClear.", "Clear."),
        ("<image_soft_token>Clear.", "Clear."),
        ("[INST] [/INST] Clear.", "Clear."),
        ("<<SYS>><</SYS>>Clear.", "Clear."),
        ("<extra_id_0> Clear.", "Clear."),
        ("Clear.<unused12>", "Clear."),
        ("Clear.<｜end▁of▁sentence｜>", "Clear."),
        ("<S>Clear.</S>", "Clear."),
        ("ASSISTANT: Clear.", "Clear."),
        ("<</s>s>Clear.", "< s>Clear."),
        ("a <pad> b", "a b"),
    ],
    "missing_value": [("nan", ""), ("NaN", ""), ("None", ""), ("null", ""), ("<NA>", ""), ("#N/A", ""), (" none ", "")],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "wanted"), [(k, *c) for k, cs in CASES.items() for c in cs])
def test_kinds(kind, text, wanted):
    after, kinds = clean(text)
    assert after.strip() == wanted.strip()
    assert kind in kinds


def test_every_kind_has_cases():
    assert [k.key for k in KINDS] == list(CASES)


KEPT = [
    "3 × 4 mm, 37 °C, ± 5 µm, ≥ 2, ½, “quoted”, – dash, é, ß, 肺野清晰, ✅, • bullet",
    "Heart < 50 % and > 40 %; <5 mm nodule.",
    "Line 1\nLine 2\tTab",
    "None of the lines is new.",
    "No nan.",
    "Ġgantija",
    "# 1 fracture, rib #4",
    "[1] see prior",
    "TNFα, β-blocker",
    "S/p CABG <s/p>",
    "e\u0301",
    "a\u00a0b",
    "",
]


@pytest.mark.parametrize("text", KEPT)
def test_anything_but_leftovers_is_kept(text):
    assert clean(text) == (text, ())


@given(st.text())
def test_nothing_invisible_is_left_and_cleaning_ends(text):
    once, _ = clean(text)
    assert character_codes(once) == {}
    assert clean(once)[0] == once


def test_each_kind_is_counted_with_its_first_ids(door):
    code, text, reports = door({A: "Clear.\r\nNormal.</s>", B: "\ufeffNone"})
    assert code == 0
    assert reports == {A: {"findings": "Clear.\nNormal."}, B: {"findings": ""}}
    for words in (
        f"1 report contained carriage returns and other line ends, now plain ones (first: {A})",
        f"1 report contained tokens of a decoder or chat template (</s>, <|im_end|>, …) (first: {A})",
        f"1 report contained byte order marks (first: {B})",
        f"1 report contained missing values written as a word (nan, None), now empty (first: {B})",
        f"1 study has no report: left empty, which gets the worst score (first: {B})",
        "use --keep",
    ):
        assert words in text


def test_keep_leaves_them(door):
    rows = {A: "Clear.\r\nNormal.</s>", B: "nan"}
    code, words, reports = door(rows, keep=True)
    assert (code, reports) == (0, {s: {"findings": t} for s, t in rows.items()})
    assert "texts were not cleaned (--keep); rexrank validate may reject them" in words
