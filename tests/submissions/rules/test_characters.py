"""Characters that control or hide, and those in honest outputs that do neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.submissions.rules.characters import character_codes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("plain\ttext\n", []), ("° µ ≥ ± ½ “ ” – • é α", []), ("\u26a0\ufe0f \u2705 1\ufe0f\u20e3", []), ("\U0001f469\u200d\u2695\ufe0f", []),
        ("a\x00", ["RX401"]), ("a\rb", ["RX401"]), ("a\u2028b", ["RX401"]), ("a\x85b", ["RX401"]),
        ("a\u200bb", ["RX402"]), ("a\ufe0fb", ["RX402"]), ("a\u200db", ["RX402"]), ("\ufeffa", ["RX402"]), ("a\u00adb", ["RX402"]),
        ("\u202ea", ["RX403"]), ("\ue000", ["RX404"]), ("\u0378", ["RX404"]), ("\ue000\u202e\u200b\x00", ["RX404", "RX403", "RX402", "RX401"]),
    ],
)  # fmt: skip
def test_codes(text, codes):
    assert list(character_codes(text)) == codes


@given(
    st.text(alphabet="ab \u00e9", min_size=0, max_size=50),
    st.sampled_from("\u202e\u200b\x07\ue000"),
    st.integers(0, 50),
)
def test_no_place_hides_a_character(text, character, place):
    assert list(character_codes(text[:place] + character + text[place:]).values()) == [character]


def test_the_end_of_a_very_long_text_is_looked_at():
    assert list(character_codes("clear " * 100_000 + "\u202e")) == ["RX403"]
