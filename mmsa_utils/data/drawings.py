"""Drawn pictures for the demo set: cheerful, gloomy, matter-of-fact, or meaning nothing.

Every drawing gets its positions, sizes, counts and colours from a random generator, so no
two are alike. A motif is a function that draws on a `Canvas`.
"""

from collections.abc import Callable, Sequence
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageFilter, ImageFont

from .canvas import BRIGHT, DULL, INK, PALETTES, Canvas

WORDS = {
    "negative": ["SAD", "NO!", "WHY?", "HELP", "LOST", "PAIN", "STOP"],
    "neutral": ["INFO", "PAGE 3", "PLAN", "MENU", "ROOM 4", "INDEX", "MAP"],
    "positive": ["LOVE", "YAY!", "WOW", "HAPPY", "BEST", "THANKS", "WIN"],
    "filler": ["2/9", "IMG", "NO. 7", "AB", "TEST", "B-3", "COPY"],
}


def _heart(c: Canvas, x: float, y: float, r: float, fill: str) -> None:
    steps = [2 * pi * k / 40 for k in range(40)]
    c.draw.polygon(
        [
            (
                x + r * sin(t) ** 3,
                y - r / 16 * (13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t)),
            )
            for t in steps
        ],
        fill=fill,
    )


def _face(c: Canvas, fill: str, *, happy: bool) -> None:
    x, y, r = *c.spot(0.35), c.length(0.25, 0.42)
    c.disc(x, y, r, fill, "black", 2)
    for side in (-1, 1):
        c.disc(x + side * r * 0.38, y - r * 0.25, r * 0.1, "black")
    if happy:
        c.draw.chord((x - r * 0.6, y - r * 0.5, x + r * 0.6, y + r * 0.65), 15, 165, "#8b0000")
    else:
        c.draw.arc((x - r * 0.5, y + r * 0.2, x + r * 0.5, y + r), 200, 340, "black", 4)
        c.draw.line((x + r * 0.38, y, x + r * 0.34, y + r * 0.5), "#5dade2", 4)


def _scatter(
    c: Canvas,
    low: int,
    high: int,
    colours: Sequence[str],
    shape: Callable[[float, float, float, str], None],
) -> None:
    for _ in c.count(low, high):
        shape(*c.spot(0.05), c.length(0.03, 0.09), c.pick(colours))


# ---- cheerful ---------------------------------------------------------------------------


def _smile(c: Canvas) -> None:
    _scatter(c, 0, 12, BRIGHT, lambda x, y, r, f: c.disc(x, y, r / 2, f))
    _face(c, c.pick(["#ffd93d", "#ffca3a", "#ffb347"]), happy=True)


def _sun(c: Canvas) -> None:
    c.draw.rectangle((0, c.between(0.65, 0.9) * c.h, c.w, c.h), fill=c.pick(["#8ac926", "#f4d58d"]))
    x, y, r = *c.spot(0.25), c.length(0.12, 0.25)
    rays = 8 + 2 * len(c.count(0, 4))
    for k in range(rays):
        a = 2 * pi * k / rays
        c.draw.line((x, y, x + 1.9 * r * cos(a), y + 1.9 * r * sin(a)), "#ff924c", 4)
    c.disc(x, y, r, "#ffca3a")


def _hearts(c: Canvas) -> None:
    for _ in c.count(1, 6):
        _heart(c, *c.spot(), c.length(0.1, 0.3), c.pick(["#ff595e", "#ff70a6", "#e63946"]))


def _balloons(c: Canvas) -> None:
    for _ in c.count(2, 7):
        x, y, r = *c.spot(0.15), c.length(0.08, 0.16)
        c.draw.line((x, y, c.w / 2, c.h), "#555555", 1)
        c.draw.ellipse((x - r, y - 1.25 * r, x + r, y + 1.25 * r), fill=c.pick(BRIGHT))


def _flowers(c: Canvas) -> None:
    for _ in c.count(1, 5):
        x, y, r = *c.spot(), c.length(0.06, 0.13)
        c.draw.line((x, y, x + c.between(-9, 9), c.h), "#2d6a4f", 4)
        petals, colour = 5 + len(c.count(0, 3)), c.pick(BRIGHT)
        for k in range(petals):
            a = 2 * pi * k / petals
            c.disc(x + r * cos(a), y + r * sin(a), r * 0.6, colour)
        c.disc(x, y, r * 0.6, "#ffca3a")


def _rainbow(c: Canvas) -> None:
    x, y, r = c.between(0.2, 0.8) * c.w, c.between(0.7, 1.0) * c.h, c.length(0.55, 0.9)
    for k, colour in enumerate(BRIGHT[:6]):
        s = r - k * 8
        c.draw.arc((x - s, y - s, x + s, y + s), 180, 360, colour, 8)
    _scatter(c, 0, 4, ["white"], lambda a, b, s, f: c.disc(a, b, s, f))


def _cake(c: Canvas) -> None:
    x, y, w = *c.spot(0.35), c.length(0.35, 0.6)
    for k in range(3):
        box = (x - w / 2, y + k * w * 0.2, x + w / 2, y + (k + 1) * w * 0.2)
        c.draw.rectangle(box, fill=c.pick(BRIGHT))
    for k in range(2 + len(c.count(0, 4))):
        left = x - w * 0.4 + k * w * 0.14
        c.draw.line((left, y, left, y - w * 0.22), "#1982c4", 3)
        c.disc(left, y - w * 0.27, 4, "#ff924c")


# ---- gloomy -----------------------------------------------------------------------------


def _frown(c: Canvas) -> None:
    _scatter(c, 0, 8, DULL, lambda x, y, r, f: c.disc(x, y, r, f))
    _face(c, c.pick(["#7f8c8d", "#85929e", "#909497"]), happy=False)


def _rain(c: Canvas) -> None:
    for _ in c.count(30, 80):
        x, y = c.spot(0)
        c.draw.line((x, y, x - 5, y + 14), "#85c1e9", 1)
    for _ in c.count(1, 3):
        x, y = c.between(0, 0.8) * c.w, c.between(0.05, 0.3) * c.h
        for k in range(4):
            c.disc(x + k * 16, y + c.between(-7, 7), c.length(0.08, 0.14), c.pick(DULL))


def _broken_heart(c: Canvas) -> None:
    x, y, r = *c.spot(0.35), c.length(0.25, 0.42)
    _heart(c, x, y, r, c.pick(["#7b241c", "#641e16", "#922b21"]))
    crack = [(x + c.between(-0.25, 0.25) * r, y + (k / 3 - 1) * r) for k in range(7)]
    c.draw.line(crack, "black", 5)


def _lightning(c: Canvas) -> None:
    for _ in c.count(1, 3):
        x, y = c.between(0.2, 0.8) * c.w, 0.0
        points = [(x, y)]
        while y < c.h * 0.85:
            x, y = x + c.between(-24, 24), y + c.between(12, 30)
            points.append((x, y))
        c.draw.line(points, "#f7dc6f", 4)
    c.draw.rectangle((0, c.between(0.8, 0.92) * c.h, c.w, c.h), fill="#17202a")


def _fire(c: Canvas) -> None:
    x, y, w = c.between(0.25, 0.6) * c.w, c.h * 0.95, c.length(0.3, 0.5)
    c.draw.rectangle((x, y - w, x + w, y), fill="#17202a")
    for _ in c.count(6, 14):
        a, s = x + c.between(-0.2, 1.2) * w, c.length(0.06, 0.13)
        top = y - w - c.between(0, 3) * s
        flame = [(a - s, y - 0.5 * w), (a + s, y - 0.5 * w), (a, top)]
        c.draw.polygon(flame, fill=c.pick(["#c0392b", "#d35400", "#e67e22"]))


def _graves(c: Canvas) -> None:
    c.draw.rectangle((0, c.between(0.7, 0.85) * c.h, c.w, c.h), fill="#1b2631")
    for _ in c.count(1, 4):
        x, y, s = c.between(0.1, 0.8) * c.w, c.between(0.4, 0.6) * c.h, c.length(0.1, 0.18)
        c.draw.rounded_rectangle((x, y, x + 1.4 * s, y + 2.4 * s), s * 0.6, fill=c.pick(DULL))
        c.draw.line((x + 0.7 * s, y + 0.4 * s, x + 0.7 * s, y + 1.5 * s), "black", 3)
        c.draw.line((x + 0.3 * s, y + 0.8 * s, x + 1.1 * s, y + 0.8 * s), "black", 3)


def _cracks(c: Canvas) -> None:
    x, y = c.spot(0.3)
    for k in range(7 + len(c.count(0, 8))):
        a, points = k + c.between(0, 1), [(x, y)]
        for step in range(1, 6):
            a += c.between(-0.3, 0.3)
            points.append((x + step * 26 * cos(a), y + step * 26 * sin(a)))
        c.draw.line(points, "#d0d3d4", 2)


# ---- matter-of-fact ---------------------------------------------------------------------


def _bars(c: Canvas) -> None:
    n, colour, floor = 3 + len(c.count(0, 6)), c.pick(INK), c.between(0.8, 0.92) * c.h
    step = c.w * 0.8 / n
    for k in range(n):
        left = c.w * 0.1 + k * step
        c.draw.rectangle(
            (left, floor - c.between(0.1, 0.7) * c.h, left + step * 0.7, floor), fill=colour
        )
    c.draw.line((c.w * 0.07, floor, c.w * 0.95, floor), "black", 2)


def _curve(c: Canvas) -> None:
    for _ in c.count(1, 3):
        steps = [c.w * (0.1 + 0.08 * k) for k in range(11)]
        c.draw.line([(x, c.between(0.15, 0.8) * c.h) for x in steps], c.pick(INK), 3)
    c.draw.line((c.w * 0.1, c.h * 0.1, c.w * 0.1, c.h * 0.9, c.w * 0.95, c.h * 0.9), "black", 2)


def _table(c: Canvas) -> None:
    rows, columns = 3 + len(c.count(0, 6)), 2 + len(c.count(0, 4))
    x, y, w, h = c.w * 0.1, c.between(0.08, 0.2) * c.h, c.w * 0.8, c.h * 0.7
    for k in range(rows + 1):
        c.draw.line((x, y + k * h / rows, x + w, y + k * h / rows), "#566573", 1)
    for k in range(columns + 1):
        c.draw.line((x + k * w / columns, y, x + k * w / columns, y + h), "#566573", 1)
    c.draw.rectangle((x, y, x + w, y + h / rows), fill=c.pick(INK))


def _clock(c: Canvas) -> None:
    x, y, r = *c.spot(0.38), c.length(0.25, 0.4)
    c.disc(x, y, r, "white", c.pick(INK), 4)
    for k in range(12):
        a = pi * k / 6
        c.disc(x + 0.85 * r * cos(a), y + 0.85 * r * sin(a), 2, "black")
    for share, width in ((0.5, 4), (0.75, 2)):
        a = c.between(0, 2 * pi)
        c.draw.line((x, y, x + share * r * cos(a), y + share * r * sin(a)), "black", width)


def _document(c: Canvas) -> None:
    x, y, w = c.between(0.1, 0.3) * c.w, c.between(0.05, 0.15) * c.h, c.between(0.45, 0.65) * c.w
    c.draw.rectangle((x, y, x + w, c.h * 0.95), fill="white", outline="#7f8c8d")
    for k in range(6 + len(c.count(0, 6))):
        top = y + 12 + k * 11
        c.draw.line((x + 8, top, x + c.between(0.5, 0.94) * w, top), "#808b96", 3)


def _street_map(c: Canvas) -> None:
    for _ in c.count(3, 6):
        start, end = (0, c.between(0, 1) * c.h), (c.w, c.between(0, 1) * c.h)
        c.draw.line((start, end), c.pick(["#f9e79f", "#aab7b8", "#ffffff"]), 7)
    for _ in c.count(2, 5):
        x = c.between(0, 1) * c.w
        c.draw.line((x, 0, x + c.between(-60, 60), c.h), "#bfc9ca", 5)
    c.disc(*c.spot(), 6, "#1f618d")


def _building(c: Canvas) -> None:
    x, y, w = c.between(0.15, 0.4) * c.w, c.between(0.1, 0.35) * c.h, c.between(0.35, 0.5) * c.w
    c.draw.rectangle((x, y, x + w, c.h), fill=c.pick(["#b2babb", "#99a3a4", "#aeb6bf"]))
    columns, rows = 2 + len(c.count(0, 3)), 2 + len(c.count(0, 4))
    for k in range(columns * rows):
        left = x + w * (0.1 + 0.9 * (k % columns) / columns)
        top = y + (c.h - y) * (0.08 + 0.9 * (k // columns) / rows)
        c.draw.rectangle((left, top, left + w * 0.5 / columns, top + 12), fill="#566573")


# ---- meaning nothing --------------------------------------------------------------------


def _stripes(c: Canvas) -> None:
    width, slant = c.between(8, 26), c.between(-80, 80)
    for k in range(int(c.w / width) + 10):
        x = (k - 5) * width * 1.7
        c.draw.line((x, 0, x + slant, c.h), c.pick(BRIGHT + DULL + INK), int(width))


def _dots(c: Canvas) -> None:
    _scatter(
        c, 20, 60, BRIGHT + DULL + INK, lambda x, y, r, f: c.disc(x, y, c.between(0.4, 2) * r, f)
    )


def _tiles(c: Canvas) -> None:
    side, pair = c.between(14, 40), (c.pick(BRIGHT + DULL), c.pick(INK + PALETTES["neutral"]))
    for k in range(int(c.w / side) + 1):
        for m in range(int(c.h / side) + 1):
            if (k + m) % 2 or c.between(0, 1) < 0.15:
                box = (k * side, m * side, (k + 1) * side, (m + 1) * side)
                c.draw.rectangle(box, fill=c.pick(pair))


def _rings(c: Canvas) -> None:
    x, y, step = *c.spot(0), c.between(7, 18)
    for k in range(int(250 / step), 0, -1):
        c.disc(x, y, k * step, c.pick(BRIGHT + DULL + INK))


def _triangles(c: Canvas) -> None:
    for _ in c.count(8, 25):
        c.draw.polygon([c.spot(-0.1) for _ in range(3)], fill=c.pick(BRIGHT + DULL + INK))


def _waves(c: Canvas) -> None:
    for k in range(5 + len(c.count(0, 6))):
        level, swing, pace = k * c.h / 9, c.between(4, 22), c.between(0.02, 0.09)
        line = [(x, level + swing * sin(pace * x + k)) for x in range(0, c.w, 4)]
        c.draw.line(line, c.pick(BRIGHT + DULL + INK), int(c.between(4, 14)))


def _blots(c: Canvas) -> None:
    _scatter(c, 6, 14, BRIGHT + DULL + INK, lambda x, y, r, f: c.disc(x, y, c.between(1, 4) * r, f))
    c.image.paste(c.image.filter(ImageFilter.GaussianBlur(c.between(3, 9))))


MOTIFS: dict[str, list[Callable[[Canvas], None]]] = {
    "positive": [_smile, _sun, _hearts, _balloons, _flowers, _rainbow, _cake],
    "negative": [_frown, _rain, _broken_heart, _lightning, _fire, _graves, _cracks],
    "neutral": [_bars, _curve, _table, _clock, _document, _street_map, _building],
    "filler": [_stripes, _dots, _tiles, _rings, _triangles, _waves, _blots],
}


def draw_image(kind: str, rng: np.random.Generator, *, word: bool = False) -> Image.Image:
    """A new RGB picture of a kind: `positive`, `negative`, `neutral` or `filler`.

    With `word`, one word that fits the kind is written at the bottom.
    """
    canvas = Canvas(kind, rng)
    canvas.pick(MOTIFS[kind])(canvas)
    if word:
        font = ImageFont.load_default(size=30)
        centre = (canvas.w / 2, canvas.h - 22)
        canvas.draw.text(
            centre,
            canvas.pick(WORDS[kind]),
            "white",
            font,
            anchor="mm",
            stroke_width=3,
            stroke_fill="black",
        )
    return canvas.image
