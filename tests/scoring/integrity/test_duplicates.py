"""Another model's reports under a new name, and what two honest models can have in common."""

from __future__ import annotations

import random

import numpy as np
import pytest
from support.texts import report

from evaluator.scoring.integrity.duplicates import check_duplicate, check_probing

N = 100
MODEL = [report(i) for i in range(N)]
OTHER = [report(7_000 + i) for i in range(N)]


def filled(seed, n=N, facts=0):
    """A model that fills one template: a few words about the study in fixed sentences of its own."""
    draw = random.Random(seed)
    sides, sizes = ["left", "right"], ["normal", "enlarged", "borderline"]
    return [
        f"The heart is {draw.choice(sizes)} in size. The lungs are clear without focal consolidation. There is no "
        f"pleural effusion on the {draw.choice(sides)}. There is no pneumothorax. The bony structures are intact. "
        f"Study {facts + i}."
        for i in range(n)
    ]


def sentences_shuffled(text):
    parts = text.rstrip(".").split(". ")
    random.Random(text).shuffle(parts)
    return ". ".join(parts) + "."


def found(theirs, mine=MODEL, scores=None, *, same_team=False, own=()):
    flags = check_duplicate(mine, theirs, scores, name="b/m", same_team=same_team, own=own)
    return [str(f.outcome) for f in flags]


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (lambda r, o: r, "reject"),
        (lambda r, o: f"{r} No acute disease is seen.", "reject"),
        (
            lambda r, o: f"{r} The heart is normal in size and the mediastinum is not widened at all today.",
            "reject",
        ),
        (lambda r, o: sentences_shuffled(r), "reject"),
        (lambda r, o: " ".join(w if i % 9 else "spine" for i, w in enumerate(r.split())), "reject"),
        (lambda r, o: r if random.Random(r).random() < 0.6 else o, "quarantine"),
    ],
)
def test_near_duplicates_are_held_with_the_name(change, outcome):
    mine = [change(r, o) for r, o in zip(MODEL, OTHER, strict=True)]
    flags = check_duplicate(mine, MODEL, None, name="b/m", same_team=False)
    assert [str(f.outcome) for f in flags] == [outcome]
    assert "follow those of b/m" in flags[0].text
    assert found(MODEL, mine, same_team=True) == ["badge"]


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (MODEL, OTHER),
        (MODEL, MODEL[1:] + MODEL[:1]),
        (["The lungs are clear."] * N, ["The lungs are clear."] * N),
        ([MODEL[0]] * N, [MODEL[0]] * N),
        (filled(1), filled(2)),
        (filled(1), filled(1, facts=1_000)),
        (
            [MODEL[i % 7] for i in range(N)],
            [MODEL[i % 7] for i in range(N - 7)] + [MODEL[(i + 3) % 7] for i in range(7)],
        ),
        ([""] * N, MODEL),
    ],
)
def test_models_that_are_their_own_or_fill_templates_hold_nobody(mine, theirs):
    assert not {"quarantine", "reject"} & set(found(theirs, mine))


@pytest.mark.parametrize(
    "change",
    [lambda r: r, lambda r: f"{r} No acute disease is seen.", lambda r: f"Normal size of the heart. {r}"],
)
@pytest.mark.parametrize(("kinds", "outcome"), [(7, "badge"), (20, "quarantine")])
def test_the_same_template_for_the_same_studies(change, kinds, outcome):
    few = filled(0)[:kinds] * (N // kinds)
    flags = check_duplicate([change(r) for r in few], few, None, name="b/m", same_team=False)
    assert [(str(f.outcome), "follow those of b/m" in f.text) for f in flags] == [(outcome, True)]
    other_studies = few[3:] + few[:3]
    assert check_duplicate([change(r) for r in few], other_studies, None, name="b/m", same_team=False) == []


def test_correlated_scores_hold_a_model_even_without_common_words():
    x = np.random.default_rng(0).random(N)
    assert found(OTHER, scores=(x, 2 * x)) == ["quarantine"]
    assert found(OTHER, scores=(x, 2 * x), same_team=True) == ["badge"]
    assert found(OTHER, scores=(x, x + np.random.default_rng(1).random(N))) == []
    assert found(OTHER, scores=(x, np.zeros(N))) == []
    assert (
        found(filled(2), ["The lungs are clear."] * N, scores=(x, x)) == []
    )  # nothing distinct to correlate


def test_a_teams_earlier_reports_are_its_own():
    copy = [f"{r} No acute disease is seen." for r in MODEL]
    newer = [f"{r} Stable." for r in MODEL]
    assert found(copy, newer) == ["reject"]
    assert found(copy, newer, own=[MODEL]) == []
    assert found(copy, newer, own=[OTHER]) == ["reject"]


def test_few_changed_reports_are_probing():
    before = {f"s{i}": f"text {i}" for i in range(200)}
    assert check_probing(before, before) == []
    assert [str(f.outcome) for f in check_probing(before, before | {"s3": "new"})] == ["quarantine"]
    assert check_probing(before, {k: v + " all new" for k, v in before.items()}) == []
