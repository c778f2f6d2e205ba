"""Similarity of reports by their words, against the textbook's definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.scoring.integrity.similarity import WordTexts, matrix, pairwise, sorted_words

WORDS = st.lists(st.sampled_from(["lung", "clear", "no", "effusion", "x1"]), max_size=12).map(" ".join)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5))
def test_similarity_is_symmetric_bounded_and_never_larger_in_order(pairs):
    words = WordTexts()
    a, b = words([p for p, _ in pairs]), words([q for _, q in pairs])
    in_order, any_order = pairwise(a, b), pairwise(sorted_words(a), sorted_words(b))
    assert ((in_order >= 0) & (any_order <= 1)).all()
    assert (in_order <= any_order + 1e-6).all()
    assert pairwise(b, a) == pytest.approx(in_order)
    assert matrix(a, b).diagonal() == pytest.approx(in_order)
    for x, y, s in zip(a, b, in_order, strict=True):
        assert s == pytest.approx(2 * subsequence(x, y) / (len(x) + len(y)) if x or y else 0)


def subsequence(a, b):
    """Length of the longest common subsequence, by the textbook's table."""
    row = [0] * (len(b) + 1)
    for x in a:
        before = 0
        for j, y in enumerate(b, start=1):
            before, row[j] = row[j], before + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


def test_more_words_than_characters_share_some():
    words = WordTexts()
    (text,) = words([" ".join(f"w{i}" for i in range(70_000))])
    assert len(set(text)) == 70_000  # past the surrogates
    text.encode()
