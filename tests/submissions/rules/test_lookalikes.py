"""Letters that imitate Latin ones, and those that do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.submissions.rules.lookalikes import disguised, other_script, outside_ascii


@pytest.mark.parametrize(
    "text",
    ["3 μm nodule", "3 µm", "β-blocker", "Röntgen", "αβ", "plain", "TNFα", "tnfα", "TNFΑ", "IFNγ", "NFκB", "nfκb", "kΩ", "KΩ", "MΩ", "αSMA", "PPARγ",
     "interferonγ", "α1-antitrypsin", "Köhler", "naïve", "× ÷ ± ° ½ ² ≥ •", "μmol", "μIU", "μci", "Δ pressure", "Лёгкие чистые, он и она.", "双肺清晰", "ⅣB"],
)  # fmt: skip
def test_honest_letters(text):
    assert not disguised(text)


@pytest.mark.parametrize(
    "text",
    ["еffusion", "nо effusion", "сор", "cleαr", "αre", "edemα", "Ηeart", "pleurа", "effusiοn", "lungѕ", "The ѕсоре is normal", "normαl heart", "ΝΟ ΤΑΝ", "effusi\u0585n", "\u13aaardiomegaly", "n\U0001d6d0dule"],
)  # fmt: skip
def test_letters_in_disguise(text):
    assert disguised(text)


@given(
    st.text(alphabet="аеорсхуі", min_size=1, max_size=1),
    st.sampled_from(["effusion", "pneumothorax", "clear", "heart"]),
    st.integers(0, 4),
)
def test_a_cyrillic_letter_inside_a_latin_word_is_never_honest(letter, word, place):
    assert disguised(f"The {word[:place]}{letter}{word[place + 1 :]} here")


@pytest.mark.parametrize(
    ("text", "other", "outside"),
    [("plain “quotes” – fine", False, False), ("3 × 4 mm, 40°", False, True), ("é", False, True), ("α", False, True), ("双肺", True, True), ("Лёгкие", True, True), ("⚠️ ✅", False, True)],
)  # fmt: skip
def test_scripts(text, other, outside):
    assert (other_script(text), outside_ascii(text)) == (other, outside)
