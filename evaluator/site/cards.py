"""Social cards: a picture for every board and model that shows its ranks at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evaluator.core.counts import count_text
from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import rank_text
from evaluator.site.content import Content
from evaluator.site.model.verdict import opening
from evaluator.site.words import TRACK_TITLES, question, size_text

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

SIZE: Final = (1200, 630)
FONT: Final = "assets/fonts/source-sans-3-latin-wght-normal.woff2"
GROUND: Final = "#10344c"
WHITE: Final = "#ffffff"
SOFT: Final = "#b9d3e4"
LINE: Final = "#3d6d8b"
BEST: Final = "#7fd6b8"
STEPS: Final = 12
"""Shades between the ground and each colour: the smooth edges of letters."""
LEFT: Final = 70
LETTERS: Final = frozenset(
    map(chr, (*range(0x20, 0x7F), *range(0xA0, 0x100), 0x2013, 0x2014, 0x2019, 0x2026, 0x2212))
)
"""Characters that the font's subset is sure to have."""
ROWS: Final = 5
"""Number of models on a board's card."""


@lru_cache(maxsize=32)
def _font(file: Path, size: int, weight: int) -> FreeTypeFont:
    """The variable font at a size and weight; opened once for all cards, which have a dozen text styles."""
    from PIL import ImageFont

    font = ImageFont.truetype(str(file), size)
    font.set_variation_by_axes([weight])
    return font


@lru_cache(maxsize=1)
def _palette() -> Image:
    """One palette for all cards: the ground, and the shades from it to each colour."""
    from PIL import Image, ImageColor

    ground, *colours = map(ImageColor.getrgb, (GROUND, WHITE, SOFT, LINE, BEST))
    shades = [
        round(a + (b - a) * step / STEPS)
        for colour in colours
        for step in range(1, STEPS + 1)
        for a, b in zip(ground, colour, strict=True)
    ]
    image = Image.new("P", (1, 1))
    image.putpalette([*ground, *shades])
    return image


@dataclass
class _Card:
    """A picture being drawn."""

    font_file: Path

    @cached_property
    def image(self) -> Image:
        from PIL.Image import new

        return new("RGB", SIZE, GROUND)

    @cached_property
    def draw(self) -> ImageDraw:
        from PIL import ImageDraw

        return ImageDraw.Draw(self.image)

    def text(
        self,
        place: tuple[float, float],
        words: str,
        size: int,
        *,
        weight: int = 400,
        fill: str = WHITE,
        width: int = 1060,
    ) -> float:
        """The width of the words in pixels, after drawing them, cut to a width.

        `place` is the left end of their baseline.
        """
        font = _font(self.font_file, size, weight)
        if font.getlength(words) > width:
            while words and font.getlength(f"{words}…") > width:
                words = words[:-1]
            words = f"{words.rstrip()}…"
        self.draw.text(place, words, font=font, fill=fill, anchor="ls")
        return font.getlength(words)

    def frame(self, title: str, about: str) -> None:
        """The mark and name of the challenge, a title and a line below it."""
        for y, (start, dot, end) in zip(
            (62, 82, 102), ((96, 120, 140), (78, 98, 132), (72, 86, 110)), strict=True
        ):
            self.draw.line([(start, y), (end, y)], fill=SOFT, width=4)
            self.draw.ellipse([dot - 8, y - 8, dot + 8, y + 8], fill=WHITE)
        self.text((165, 95), challenge().name, 36, weight=600, fill=SOFT)
        self.text((LEFT, 190), title, 64, weight=700)
        self.text((LEFT, 240), about, 32, fill=SOFT)

    def save(self, path: Path) -> None:
        """The picture as a small PNG."""
        from PIL.Image import Dither

        path.parent.mkdir(parents=True, exist_ok=True)
        self.image.quantize(palette=_palette(), dither=Dither.NONE).save(path, optimize=True)


def write_cards(content: Content, docs: Path, site: Path) -> None:
    """The cards below `site`: of every board and model, and one for the rest; fonts are below `docs`. Needs no network."""
    for dataset in map(get_dataset, dataset_ids()):
        for track in dataset.tracks:
            card = _Card(docs / FONT)
            _board(card, dataset.id, track, content.tables.get((dataset.id, track)))
            card.save(site / f"assets/cards/leaderboards/{dataset.id}/{track}.png")
    for model, entries in content.models.items():
        card = _Card(docs / FONT)
        first = entries[0].row
        about = " · ".join(str(v) for v in (first.institution, first.year) if v)
        card.frame(_drawable(first.name, model), _drawable(about, model))
        _places(card, [(e.table, e.row) for e in entries], opening(entries))
        card.save(site / f"assets/cards/models/{model}.png")
    card = _Card(docs / FONT)
    card.frame(
        question(),
        "An open challenge with open-source scoring",
    )
    card.save(site / "assets/cards/site.png")


def _drawable(words: str, instead: str) -> str:
    """`words` if the font has their letters, else the replacement."""
    return words if all(c in LETTERS for c in words) else instead


def _board(card: _Card, dataset: str, track: str, table: Table | None) -> None:
    """Draws the first models of a board with their rank ranges and intervals on the ranking metric."""
    rows = table.rows[:ROWS] if table else ()
    size = size_text(get_dataset(dataset), track, table)
    models = len(table.rows) if table else 0
    about = f"{count_text(models, 'model')} on {size}" if models else f"{size}; no models yet"
    card.frame(f"{get_dataset(dataset).title}, {TRACK_TITLES.get(track, track)}", about)
    if table is None or table.ranked_by is None or not rows:
        return
    metric = table.ranked_by
    cells = [r.metrics[metric.key] for r in rows]
    ends = [metric.drawn(v) for c in cells for v in (c.low, c.mean, c.high) if v is not None]
    low, high = min(ends), max(ends)
    scale = 300 / (high - low or 1)
    for place, (row, cell) in enumerate(zip(rows, cells, strict=True)):
        y = 322 + 58 * place
        card.text((LEFT, y), rank_text(row), 34, weight=700, fill=BEST if row.tied_with_best else WHITE)
        card.text((LEFT + 120, y), _drawable(row.name, row.id), 34, weight=600, width=600)
        x = [
            820 + scale * (metric.drawn(v) - low if metric.drawn_higher else high - metric.drawn(v))
            for v in (cell.low, cell.mean, cell.high)
            if v is not None
        ]
        card.draw.line([(820, y - 12), (1120, y - 12)], fill=LINE, width=2)
        card.draw.line([(min(x), y - 12), (max(x), y - 12)], fill=SOFT, width=6)
        dot = x[len(x) // 2]
        card.draw.ellipse([dot - 9, y - 21, dot + 9, y - 3], fill=WHITE)


def _places(card: _Card, places: Sequence[tuple[Table, Row]], verdict: str) -> None:
    """Draws a model's rank ranges on its boards, with a sentence about them."""
    holders = [(t, r) for t, r in places if r.rank_low is not None][:8]
    for place, (table, row) in enumerate(holders):
        x, y = LEFT + 270 * (place % 4), 330 + 125 * (place // 4)
        card.text((x, y), get_dataset(table.dataset).title, 28, weight=600, fill=SOFT, width=250)
        width = card.text(
            (x, y + 48), rank_text(row), 46, weight=700, fill=BEST if row.tied_with_best else WHITE
        )
        card.text((x + width + 10, y + 48), f"of {len(table.rows)}", 26, fill=SOFT)
        card.text((x, y + 78), TRACK_TITLES.get(table.track, table.track), 22, fill=SOFT, width=250)
    card.text((LEFT, 592), verdict, 28)
