"""Social cards: one for every board and model, small, and drawn whatever a name contains."""

from __future__ import annotations

import pytest
from PIL import Image
from support.boards import ROOT, URL
from support.crowd import make_crowd

from evaluator.site.cards import BEST, GROUND, LINE, SIZE, SOFT, WHITE, _drawable, write_cards
from evaluator.site.content import read_content


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    """The folder of cards of a crowded board, of one without models, and of models with unusual names."""
    site, leaderboard = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("crowd")
    make_crowd(leaderboard, ("iu-xray",), n_models=7, n_studies=30)
    write_cards(read_content(leaderboard, URL), ROOT / "site", site)
    return site / "assets/cards"


def test_every_board_and_model_has_a_small_picture(cards):
    names = {p.relative_to(cards).as_posix() for p in cards.rglob("*.png")}
    assert {"site.png", "leaderboards/iu-xray/findings.png", "leaderboards/rexgradient/findings.png"} <= names
    assert {"models/team00/model.png", "models/team05/model.png", "models/gone/model.png"} <= names
    for path in cards.rglob("*.png"):
        with Image.open(path) as image:
            assert image.size == SIZE
        assert path.stat().st_size < 40_000, path


def test_a_card_has_the_challenges_own_colours(cards):
    with Image.open(cards / "leaderboards/iu-xray/findings.png") as image:
        counted = sorted(image.convert("RGB").getcolors() or [], reverse=True)
    shown = [f"#{r:02x}{g:02x}{b:02x}" for _, (r, g, b) in counted]
    assert shown[0] == GROUND
    assert {WHITE, SOFT, LINE, BEST} <= {*shown}


def test_a_board_with_models_differs_from_an_empty_one(cards):
    full, empty = (cards / f"leaderboards/{n}/findings.png" for n in ("iu-xray", "rexgradient"))
    assert full.stat().st_size > 1.3 * empty.stat().st_size


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("RadWriter", "RadWriter"),
        ("Übersicht-CXR", "Übersicht-CXR"),
        ("胸片报告", "team/model"),
        ("a\nb", "team/model"),
    ],
)
def test_a_name_without_letters_in_the_font_is_replaced_by_the_id(name, shown):
    assert _drawable(name, "team/model") == shown
