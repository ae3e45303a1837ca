"""Encoders without weights: what a lexicon and counting say of a post. For the ablation.

Each is a name for `Config.text_encoders` or `Config.image_encoders`, beside others:
    vader                       four numbers a text: VADER's negative, neutral, positive, compound
    <text encoder>:plain_words  the same encoder on plain words: hashtags split (#ThrowbackThursday
                                -> Throwback Thursday), emoji named
    colours                     34 numbers a picture: its hues, saturation and brightness

Those of texts need packages that `make .venv/.extras` installs.
"""

import importlib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from ..data.text import clean
from ..errors import CourseError
from ..sources import source_digest
from .image import ImageEncoder
from .registry import (
    build_text_encoder,
    encoder_fingerprint,
    register_image_encoder,
    register_text_encoder,
)
from .text import TextEncoder, Tokens

VADER = ("neg", "neu", "pos", "compound")  # as VADER names its scores
_PACKAGES = {  # by module
    "vaderSentiment.vaderSentiment": "vaderSentiment",
    "emoji": "emoji",
    "wordninja": "wordninja",
}


def _optional(module: str) -> ModuleType:
    """A module of a package that only the ablation needs."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise CourseError(
            f"This text encoder needs the package {_PACKAGES[module]}: `make .venv/.extras` "
            "installs it, or take the encoder out of text_encoders"
        ) from error


@cache
def _own_source() -> str:
    return source_digest([Path(__file__)])


def rules_fingerprint(*modules: str) -> str:
    """A name of exactly these rules: the code of this module, and the packages' versions.

    Raises:
        CourseError: where a package is not installed.
    """
    for module in modules:
        _optional(module)
    return "+".join([_own_source(), *(version(_PACKAGES[module]) for module in modules)])


# ---- a lexicon --------------------------------------------------------------------------


@cache
def _analyzer() -> Callable[[str], dict[str, float]]:
    return _optional("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer().polarity_scores


class VaderEncoder(TextEncoder):
    """VADER's scores of a text: the shares of negative, neutral and positive words, and a sum.

    Hutto and Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social
    Media Text", ICWSM 2014. Shares lie in 0 to 1, the sum in -1 to 1. It is a text encoder whose
    tokens are the scores already, so that it is cached and cross-validated as any other.

    Raises:
        CourseError: where its package is not installed.
    """

    has_tokens = False

    def __init__(self) -> None:
        nn.Module.__init__(self)  # there is no transformer
        self.dim, self.tokenizer = len(VADER), _analyzer()
        self.fingerprint = vader_fingerprint()

    def tokenize(self, texts: Iterable[str], *, max_tokens: int) -> Tokens:
        """`scores`, `(B, 4)`, of cleaned texts. The whole text counts, whatever `max_tokens`."""
        scores = [self.tokenizer(clean(text)) for text in texts]
        return {"scores": torch.tensor([[found[name] for name in VADER] for found in scores])}

    def split(self, stages: int) -> tuple[Callable[[Tokens], torch.Tensor], TextEncoder]:
        """Rules have no layers.

        Raises:
            CourseError: always.
        """
        raise CourseError("text_encoders=('vader',) has nothing to train: take finetune out")

    def forward(self, tokens: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """`(B, 4)` from `scores` `(B, 4)`."""
        return tokens["scores"]


def vader_fingerprint() -> str:
    """See `rules_fingerprint`."""
    return rules_fingerprint("vaderSentiment.vaderSentiment")


register_text_encoder("vader", fingerprint=vader_fingerprint)(VaderEncoder)


# ---- plain words ------------------------------------------------------------------------

# Of ASCII letters alone: other scripts are in no dictionary here.
_HASHTAG = re.compile(r"#([A-Za-z0-9_]+)(?!\w)")


def split_hashtags(text: str) -> str:
    """`so #ThrowbackThursday` -> `so Throwback Thursday`, by the frequencies of English words.

    Raises:
        CourseError: where wordninja is not installed.
    """
    split = _optional("wordninja").split
    return _HASHTAG.sub(lambda found: " ".join(split(found[1])) or found[0], text)


def name_emoji(text: str) -> str:
    """Each emoji by its Unicode name in English: `❤️` -> `red heart`.

    Raises:
        CourseError: where the package emoji is not installed.
    """

    def named(_: str, facts: dict[str, str]) -> str:
        return f" {facts['en'].strip(':').replace('_', ' ')} "

    return _optional("emoji").replace_emoji(text, named)


def plain_words(text: str) -> str:
    """Hashtags split and emoji named."""
    return name_emoji(split_hashtags(text))


class PlainWordsEncoder(TextEncoder):
    """A text encoder that reads texts in plain words."""

    def __init__(self, encoder: TextEncoder) -> None:
        fingerprint = encoder.fingerprint
        super().__init__(encoder.transformer, encoder.tokenizer, fingerprint=fingerprint)

    def prepared(self, text: str) -> str:
        """In plain words. It is cleaned before that: a link may hold a #."""
        return clean(plain_words(text))


def _build_plain(name: str) -> TextEncoder:
    return PlainWordsEncoder(build_text_encoder(name))


def _plain_fingerprint(name: str) -> str:
    return f"{encoder_fingerprint('text', name)}+{rules_fingerprint('wordninja', 'emoji')}"


for _name in ("minilm", "minilm_tweets", "mpnet"):
    register_text_encoder(f"{_name}:plain_words", fingerprint=partial(_plain_fingerprint, _name))(
        partial(_build_plain, _name)
    )


# ---- colours ----------------------------------------------------------------------------


class ColourStatistics(nn.Module):
    """Hue, saturation and value of a picture's pixels: means, spreads and histograms.

    What Machajdik and Hanbury, "Affective Image Classification using Features Inspired by
    Psychology and Art Theory", ACM Multimedia 2010, take colours for: bright and saturated ones
    please (Valdez and Mehrabian 1994).
    """

    HUES, LEVELS = 12, 8
    DIM = 6 + HUES + 2 * LEVELS

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """`(B, 34)` of RGB `(B, 3, H, W)` in 0 to 1.

        In order: the mean and the standard deviation of saturation and of value; the mean colour
        as a point in the hue circle, cosine and sine times chroma; shares of the chroma in 12
        hues, the first around red; shares of pixels in 8 levels of saturation, and of value.
        """
        red, green, blue = pixels.flatten(2).unbind(1)  # (B, pixels) each, as all that follows
        value = pixels.flatten(2).amax(1)
        chroma = value - pixels.flatten(2).amin(1)
        saturation = chroma / value.clamp(min=1 / 255)
        # Two axes at right angles: red, and yellowish green.
        x, y = red - (green + blue) / 2, (green - blue) * (math.sqrt(3) / 2)
        turn = torch.atan2(y, x) / (2 * math.pi) + 0.5 / self.HUES
        levels = torch.stack([saturation, value], 1)  # (B, 2, pixels)
        parts = [
            levels.mean(2),
            levels.std(2, correction=0),
            torch.stack([x.mean(1), y.mean(1)], 1),
            _shares(turn % 1, chroma, self.HUES),
            _shares(saturation, torch.ones_like(value), self.LEVELS),
            _shares(value, torch.ones_like(value), self.LEVELS),
        ]
        return torch.cat(parts, dim=1)


def _shares(values: torch.Tensor, weights: torch.Tensor, bins: int) -> torch.Tensor:
    """`(B, bins)`: shares of the weight of values in 0 to 1, `(B, n)` as are the weights.

    Zeros where there is no weight: a grey picture has no hue.
    """
    place = (values * bins).long().clamp(0, bins - 1)
    totals = torch.stack([(weights * (place == k)).sum(1) for k in range(bins)], 1)
    return totals / weights.sum(1, keepdim=True).clamp(min=1e-6)


@register_image_encoder("colours", fingerprint=rules_fingerprint)
def build_colours() -> ImageEncoder:
    """The colours of a picture, looked at in 64 x 64 pixels."""
    return ImageEncoder(
        ColourStatistics(),
        dim=ColourStatistics.DIM,
        size=64,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        fingerprint=rules_fingerprint(),
    )
