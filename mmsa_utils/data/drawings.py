"""Drawn pictures for the demo set: cheerful, gloomy, matter-of-fact, or meaning nothing.

Every drawing gets its places, sizes, counts and colours from a random generator, so no
two are alike.
"""

from math import cos, pi, sin

from PIL import Image, ImageDraw, ImageFilter, ImageFont

PALETTES = {
    "negative": ["#20232a", "#2f3640", "#3d3a4b", "#1c2833", "#4a4e57", "#3b2f2f", "#283747"],
    "neutral": ["#f4f4f0", "#e8ecef", "#fafafa", "#dfe6e9", "#f0ead6", "#d6dbdf", "#e5e8e8"],
    "positive": ["#fff3b0", "#bde0fe", "#ffd6e0", "#caffbf", "#ffe5b4", "#a0e7e5", "#fde2ff"],
}
PALETTES["filler"] = [colour for kind in PALETTES.values() for colour in kind]
WORDS = {
    "negative": ["SAD", "NO!", "WHY?", "HELP", "LOST", "PAIN", "STOP"],
    "neutral": ["INFO", "PAGE 3", "PLAN", "MENU", "ROOM 4", "INDEX", "MAP"],
    "positive": ["LOVE", "YAY!", "WOW", "HAPPY", "BEST", "THANKS", "WIN"],
    "filler": ["2/9", "IMG", "NO. 7", "AB", "TEST", "B-3", "COPY"],
}
BRIGHT = ["#ff595e", "#ff924c", "#ffca3a", "#8ac926", "#1982c4", "#c77dff", "#ff70a6"]
DULL = ["#566573", "#7b7d7d", "#515a5a", "#6e5a5a", "#4d5656", "#5d6d7e", "#5b4b49"]
INK = ["#2c3e50", "#34495e", "#1f618d", "#616a6b", "#7f8c8d", "#117a65", "#873600"]


class _Canvas:
    """A picture to draw on, with random numbers at hand. Lengths are shares of its size."""

    def __init__(self, kind, rng):
        self.rng = rng
        self.w, self.h = int(rng.integers(150, 230)), int(rng.integers(150, 210))
        self.picture = Image.new("RGB", (self.w, self.h), self.pick(PALETTES[kind]))
        self.draw = ImageDraw.Draw(self.picture)

    def pick(self, values):
        return values[self.rng.integers(len(values))]

    def between(self, low, high):
        return float(self.rng.uniform(low, high))

    def count(self, low, high):
        return range(int(self.rng.integers(low, high + 1)))

    def spot(self, margin=0.2):
        return (
            self.between(margin, 1 - margin) * self.w,
            self.between(margin, 1 - margin) * self.h,
        )

    def length(self, low, high):
        return self.between(low, high) * min(self.w, self.h)

    def disc(self, x, y, r, fill=None, outline=None, width=1):
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=fill, outline=outline, width=width)


def _heart(c, x, y, r, fill):
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


def _face(c, fill, *, happy):
    x, y, r = *c.spot(0.35), c.length(0.25, 0.42)
    c.disc(x, y, r, fill, "black", 2)
    for side in (-1, 1):
        c.disc(x + side * r * 0.38, y - r * 0.25, r * 0.1, "black")
    if happy:
        c.draw.chord((x - r * 0.6, y - r * 0.5, x + r * 0.6, y + r * 0.65), 15, 165, "#8b0000")
    else:
        c.draw.arc((x - r * 0.5, y + r * 0.2, x + r * 0.5, y + r), 200, 340, "black", 4)
        c.draw.line((x + r * 0.38, y, x + r * 0.34, y + r * 0.5), "#5dade2", 4)


def _scatter(c, low, high, colours, shape):
    for _ in c.count(low, high):
        shape(*c.spot(0.05), c.length(0.03, 0.09), c.pick(colours))


# ---- cheerful ---------------------------------------------------------------------------


def smile(c):
    _scatter(c, 0, 12, BRIGHT, lambda x, y, r, f: c.disc(x, y, r / 2, f))
    _face(c, c.pick(["#ffd93d", "#ffca3a", "#ffb347"]), happy=True)


def sun(c):
    c.draw.rectangle((0, c.between(0.65, 0.9) * c.h, c.w, c.h), fill=c.pick(["#8ac926", "#f4d58d"]))
    x, y, r = *c.spot(0.25), c.length(0.12, 0.25)
    rays = 8 + 2 * len(c.count(0, 4))
    for k in range(rays):
        a = 2 * pi * k / rays
        c.draw.line((x, y, x + 1.9 * r * cos(a), y + 1.9 * r * sin(a)), "#ff924c", 4)
    c.disc(x, y, r, "#ffca3a")


def hearts(c):
    for _ in c.count(1, 6):
        _heart(c, *c.spot(), c.length(0.1, 0.3), c.pick(["#ff595e", "#ff70a6", "#e63946"]))


def balloons(c):
    for _ in c.count(2, 7):
        x, y, r = *c.spot(0.15), c.length(0.08, 0.16)
        c.draw.line((x, y, c.w / 2, c.h), "#555555", 1)
        c.draw.ellipse((x - r, y - 1.25 * r, x + r, y + 1.25 * r), fill=c.pick(BRIGHT))


def flowers(c):
    for _ in c.count(1, 5):
        x, y, r = *c.spot(), c.length(0.06, 0.13)
        c.draw.line((x, y, x + c.between(-9, 9), c.h), "#2d6a4f", 4)
        petals, colour = 5 + len(c.count(0, 3)), c.pick(BRIGHT)
        for k in range(petals):
            a = 2 * pi * k / petals
            c.disc(x + r * cos(a), y + r * sin(a), r * 0.6, colour)
        c.disc(x, y, r * 0.6, "#ffca3a")


def rainbow(c):
    x, y, r = c.between(0.2, 0.8) * c.w, c.between(0.7, 1.0) * c.h, c.length(0.55, 0.9)
    for k, colour in enumerate(BRIGHT[:6]):
        s = r - k * 8
        c.draw.arc((x - s, y - s, x + s, y + s), 180, 360, colour, 8)
    _scatter(c, 0, 4, ["white"], lambda a, b, s, f: c.disc(a, b, s, f))


def cake(c):
    x, y, w = *c.spot(0.35), c.length(0.35, 0.6)
    for k in range(3):
        box = (x - w / 2, y + k * w * 0.2, x + w / 2, y + (k + 1) * w * 0.2)
        c.draw.rectangle(box, fill=c.pick(BRIGHT))
    for k in range(2 + len(c.count(0, 4))):
        left = x - w * 0.4 + k * w * 0.14
        c.draw.line((left, y, left, y - w * 0.22), "#1982c4", 3)
        c.disc(left, y - w * 0.27, 4, "#ff924c")


# ---- gloomy -----------------------------------------------------------------------------


def frown(c):
    _scatter(c, 0, 8, DULL, lambda x, y, r, f: c.disc(x, y, r, f))
    _face(c, c.pick(["#7f8c8d", "#85929e", "#909497"]), happy=False)


def rain(c):
    for _ in c.count(30, 80):
        x, y = c.spot(0)
        c.draw.line((x, y, x - 5, y + 14), "#85c1e9", 1)
    for _ in c.count(1, 3):
        x, y = c.between(0, 0.8) * c.w, c.between(0.05, 0.3) * c.h
        for k in range(4):
            c.disc(x + k * 16, y + c.between(-7, 7), c.length(0.08, 0.14), c.pick(DULL))


def broken_heart(c):
    x, y, r = *c.spot(0.35), c.length(0.25, 0.42)
    _heart(c, x, y, r, c.pick(["#7b241c", "#641e16", "#922b21"]))
    crack = [(x + c.between(-0.25, 0.25) * r, y + (k / 3 - 1) * r) for k in range(7)]
    c.draw.line(crack, "black", 5)


def lightning(c):
    for _ in c.count(1, 3):
        x, y = c.between(0.2, 0.8) * c.w, 0
        points = [(x, y)]
        while y < c.h * 0.85:
            x, y = x + c.between(-24, 24), y + c.between(12, 30)
            points.append((x, y))
        c.draw.line(points, "#f7dc6f", 4)
    c.draw.rectangle((0, c.between(0.8, 0.92) * c.h, c.w, c.h), fill="#17202a")


def fire(c):
    x, y, w = c.between(0.25, 0.6) * c.w, c.h * 0.95, c.length(0.3, 0.5)
    c.draw.rectangle((x, y - w, x + w, y), fill="#17202a")
    for _ in c.count(6, 14):
        a, s = x + c.between(-0.2, 1.2) * w, c.length(0.06, 0.13)
        top = y - w - c.between(0, 3) * s
        flame = [(a - s, y - 0.5 * w), (a + s, y - 0.5 * w), (a, top)]
        c.draw.polygon(flame, fill=c.pick(["#c0392b", "#d35400", "#e67e22"]))


def graves(c):
    c.draw.rectangle((0, c.between(0.7, 0.85) * c.h, c.w, c.h), fill="#1b2631")
    for _ in c.count(1, 4):
        x, y, s = c.between(0.1, 0.8) * c.w, c.between(0.4, 0.6) * c.h, c.length(0.1, 0.18)
        c.draw.rounded_rectangle((x, y, x + 1.4 * s, y + 2.4 * s), s * 0.6, fill=c.pick(DULL))
        c.draw.line((x + 0.7 * s, y + 0.4 * s, x + 0.7 * s, y + 1.5 * s), "black", 3)
        c.draw.line((x + 0.3 * s, y + 0.8 * s, x + 1.1 * s, y + 0.8 * s), "black", 3)


def cracks(c):
    x, y = c.spot(0.3)
    for k in range(7 + len(c.count(0, 8))):
        a, points = k + c.between(0, 1), [(x, y)]
        for step in range(1, 6):
            a += c.between(-0.3, 0.3)
            points.append((x + step * 26 * cos(a), y + step * 26 * sin(a)))
        c.draw.line(points, "#d0d3d4", 2)


# ---- matter-of-fact ---------------------------------------------------------------------


def bars(c):
    n, colour, floor = 3 + len(c.count(0, 6)), c.pick(INK), c.between(0.8, 0.92) * c.h
    step = c.w * 0.8 / n
    for k in range(n):
        left = c.w * 0.1 + k * step
        c.draw.rectangle(
            (left, floor - c.between(0.1, 0.7) * c.h, left + step * 0.7, floor), fill=colour
        )
    c.draw.line((c.w * 0.07, floor, c.w * 0.95, floor), "black", 2)


def curve(c):
    for _ in c.count(1, 3):
        steps = [c.w * (0.1 + 0.08 * k) for k in range(11)]
        c.draw.line([(x, c.between(0.15, 0.8) * c.h) for x in steps], c.pick(INK), 3)
    c.draw.line((c.w * 0.1, c.h * 0.1, c.w * 0.1, c.h * 0.9, c.w * 0.95, c.h * 0.9), "black", 2)


def table(c):
    rows, columns = 3 + len(c.count(0, 6)), 2 + len(c.count(0, 4))
    x, y, w, h = c.w * 0.1, c.between(0.08, 0.2) * c.h, c.w * 0.8, c.h * 0.7
    for k in range(rows + 1):
        c.draw.line((x, y + k * h / rows, x + w, y + k * h / rows), "#566573", 1)
    for k in range(columns + 1):
        c.draw.line((x + k * w / columns, y, x + k * w / columns, y + h), "#566573", 1)
    c.draw.rectangle((x, y, x + w, y + h / rows), fill=c.pick(INK))


def clock(c):
    x, y, r = *c.spot(0.38), c.length(0.25, 0.4)
    c.disc(x, y, r, "white", c.pick(INK), 4)
    for k in range(12):
        a = pi * k / 6
        c.disc(x + 0.85 * r * cos(a), y + 0.85 * r * sin(a), 2, "black")
    for share, width in ((0.5, 4), (0.75, 2)):
        a = c.between(0, 2 * pi)
        c.draw.line((x, y, x + share * r * cos(a), y + share * r * sin(a)), "black", width)


def document(c):
    x, y, w = c.between(0.1, 0.3) * c.w, c.between(0.05, 0.15) * c.h, c.between(0.45, 0.65) * c.w
    c.draw.rectangle((x, y, x + w, c.h * 0.95), fill="white", outline="#7f8c8d")
    for k in range(6 + len(c.count(0, 6))):
        top = y + 12 + k * 11
        c.draw.line((x + 8, top, x + c.between(0.5, 0.94) * w, top), "#808b96", 3)


def street_map(c):
    for _ in c.count(3, 6):
        start, end = (0, c.between(0, 1) * c.h), (c.w, c.between(0, 1) * c.h)
        c.draw.line((start, end), c.pick(["#f9e79f", "#aab7b8", "#ffffff"]), 7)
    for _ in c.count(2, 5):
        x = c.between(0, 1) * c.w
        c.draw.line((x, 0, x + c.between(-60, 60), c.h), "#bfc9ca", 5)
    c.disc(*c.spot(), 6, "#1f618d")


def building(c):
    x, y, w = c.between(0.15, 0.4) * c.w, c.between(0.1, 0.35) * c.h, c.between(0.35, 0.5) * c.w
    c.draw.rectangle((x, y, x + w, c.h), fill=c.pick(["#b2babb", "#99a3a4", "#aeb6bf"]))
    columns, rows = 2 + len(c.count(0, 3)), 2 + len(c.count(0, 4))
    for k in range(columns * rows):
        left = x + w * (0.1 + 0.9 * (k % columns) / columns)
        top = y + (c.h - y) * (0.08 + 0.9 * (k // columns) / rows)
        c.draw.rectangle((left, top, left + w * 0.5 / columns, top + 12), fill="#566573")


# ---- meaning nothing --------------------------------------------------------------------


def stripes(c):
    width, slant = c.between(8, 26), c.between(-80, 80)
    for k in range(int(c.w / width) + 10):
        x = (k - 5) * width * 1.7
        c.draw.line((x, 0, x + slant, c.h), c.pick(BRIGHT + DULL + INK), int(width))


def dots(c):
    _scatter(
        c, 20, 60, BRIGHT + DULL + INK, lambda x, y, r, f: c.disc(x, y, c.between(0.4, 2) * r, f)
    )


def tiles(c):
    side, pair = c.between(14, 40), (c.pick(BRIGHT + DULL), c.pick(INK + PALETTES["neutral"]))
    for k in range(int(c.w / side) + 1):
        for m in range(int(c.h / side) + 1):
            if (k + m) % 2 or c.between(0, 1) < 0.15:
                box = (k * side, m * side, (k + 1) * side, (m + 1) * side)
                c.draw.rectangle(box, fill=c.pick(pair))


def rings(c):
    x, y, step = *c.spot(0), c.between(7, 18)
    for k in range(int(250 / step), 0, -1):
        c.disc(x, y, k * step, c.pick(BRIGHT + DULL + INK))


def triangles(c):
    for _ in c.count(8, 25):
        c.draw.polygon([c.spot(-0.1) for _ in range(3)], fill=c.pick(BRIGHT + DULL + INK))


def waves(c):
    for k in range(5 + len(c.count(0, 6))):
        level, swing, pace = k * c.h / 9, c.between(4, 22), c.between(0.02, 0.09)
        line = [(x, level + swing * sin(pace * x + k)) for x in range(0, c.w, 4)]
        c.draw.line(line, c.pick(BRIGHT + DULL + INK), int(c.between(4, 14)))


def blots(c):
    _scatter(c, 6, 14, BRIGHT + DULL + INK, lambda x, y, r, f: c.disc(x, y, c.between(1, 4) * r, f))
    c.picture.paste(c.picture.filter(ImageFilter.GaussianBlur(c.between(3, 9))))


MOTIFS = {
    "positive": [smile, sun, hearts, balloons, flowers, rainbow, cake],
    "negative": [frown, rain, broken_heart, lightning, fire, graves, cracks],
    "neutral": [bars, curve, table, clock, document, street_map, building],
    "filler": [stripes, dots, tiles, rings, triangles, waves, blots],
}


def draw_picture(kind, rng, *, word=False):
    """A new RGB picture of a kind: `positive`, `negative`, `neutral` or `filler`.

    With `word`, one word that fits the kind is written at the bottom.
    """
    canvas = _Canvas(kind, rng)
    canvas.pick(MOTIFS[kind])(canvas)
    if word:
        font = ImageFont.load_default(size=30)
        place = (canvas.w / 2, canvas.h - 22)
        canvas.draw.text(
            place,
            canvas.pick(WORDS[kind]),
            "white",
            font,
            anchor="mm",
            stroke_width=3,
            stroke_fill="black",
        )
    return canvas.picture
