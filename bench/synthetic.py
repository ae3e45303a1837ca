"""Synthetic posts in any number: posts.jsonl, and a picture for every ten of them."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from mmsa_utils.config import LABELS
from mmsa_utils.data.demo import read_sentences

POSTS_A_PICTURE = 10
COPIES = 0.01  # of the posts have the text of another one, so that few groups get large


def _texts(count: int, rng: np.random.Generator) -> list[str]:
    words = sorted(
        {w for lines in read_sentences().values() for line in lines for w in line.split()}
    )
    texts: list[str] = []
    for number in range(count):
        if texts and rng.random() < COPIES:
            texts.append(f"{texts[rng.integers(len(texts))]} https://example.org/{number}")
        else:
            texts.append(" ".join(rng.choice(words, size=13)) + f" #{number}")
    return texts


def _draw(file: Path, rng: np.random.Generator) -> None:
    """A random picture: none is a near copy of another one."""
    tiles = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(tiles).resize((224, 224), Image.Resampling.BICUBIC).save(file, quality=80)


def write_posts(folder: Path, count: int, *, seed: int = 0) -> Path:
    """Writes so many posts; returns their posts.jsonl."""
    rng = np.random.default_rng(seed)
    (folder / "data").mkdir(parents=True)
    pictures = [f"data/{number}.jpg" for number in range(-(-count // POSTS_A_PICTURE))]
    for name in pictures:
        _draw(folder / name, rng)
    rows = (
        {"text": text, "image": pictures[n % len(pictures)], "label": str(rng.choice(LABELS))}
        for n, text in enumerate(_texts(count, rng))
    )
    file = folder / "posts.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return file
