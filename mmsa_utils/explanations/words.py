"""Which words of a text speak for the answer: left out one by one, and by gradients."""

import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress, takewhile

import numpy as np
import torch
from captum.attr import LayerIntegratedGradients

from ..data.text import clean
from ..encoders.text import TextEncoder
from ..errors import CourseError
from .target import AT_ONCE, Target

# Chinese and Japanese are written without spaces: there a character counts as a word. The white
# space after a word goes with it.
_CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"(?:[{_CJK}]|[^\s{_CJK}]+)\s*")

_STEPS = (32, 96)  # of the integral: more where fewer are not near enough
_NEAR = 0.02  # of all scores together, whatever their sign


@dataclass(frozen=True)
class _Tokens:
    """A text as one encoder reads it: `ids` and `mask`, each `(1, T)`, and where tokens stand.

    Places are those of the text that its tokenizer gets, see `TextEncoder.prepared`.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    spans: list[tuple[int, int]]  # of characters; empty for marks such as [CLS], and for padding
    starts: list[int]  # of the words, as far as they are read

    @property
    def marks(self) -> torch.Tensor:
        """`(1, T)` bool: tokens that stand for no character."""
        return torch.tensor([[start == end for start, end in self.spans]])


def _tokens(encoder: TextEncoder, text: str, words: Sequence[int], limit: int) -> _Tokens:
    """The tokens of a cleaned text whose words begin at these characters."""
    _require_tokens(encoder)
    found = encoder.tokenizer(
        encoder.prepared(clean(text)),
        truncation=True,
        max_length=encoder.places(limit),
        return_offsets_mapping=True,
    )
    read = encoder.tokenize([text], max_tokens=limit)
    ids, count = read["input_ids"], len(found["input_ids"])
    if ids[0, :count].tolist() != found["input_ids"]:
        raise CourseError(
            f"{type(encoder).__name__} reads other tokens than its tokenizer gives, so its words "
            "cannot be explained: let its method `prepared` say what the tokenizer gets"
        )
    spans = [*found["offset_mapping"], *[(0, 0)] * (ids.shape[1] - count)]
    end = max(stop for _, stop in spans)
    starts = takewhile(
        lambda start: start < end, (len(encoder.prepared(text[:start])) for start in words)
    )
    return _Tokens(ids, read["attention_mask"], spans, list(starts))


def _require_tokens(encoder: TextEncoder) -> None:
    if not encoder.has_tokens:
        raise CourseError(
            f"{type(encoder).__name__} reads a text by rules, not by tokens, so its words cannot "
            "be explained: use other text encoders"
        )
    if not encoder.tokenizer.is_fast:
        raise CourseError(
            f"the tokenizer {type(encoder.tokenizer).__name__} does not say where its tokens stand "
            "in a text, so its words cannot be explained: use an encoder with a fast tokenizer"
        )


class WordParts:
    """The words of a post's text, as far as the text encoders read it.

    Args:
        target: of a post with a text.

    Attributes:
        words: as they stand in the cleaned text; in Chinese and Japanese a character each.
        cut: whether the text goes on after them.

    Raises:
        CourseError: where a text encoder reads no tokens, or does not say where they stand.
    """

    def __init__(self, target: Target) -> None:
        self.target, limit = target, target.network.config.max_tokens
        found = list(_WORD.finditer(target.text))
        starts = [match.start() for match in found]
        encoders = target.network.text_encoders
        self.tokens = [_tokens(each, target.text, starts, limit) for each in encoders]
        read = max(len(tokens.starts) for tokens in self.tokens)
        self._pieces = [match.group() for match in found[:read]]
        self.words, self.cut = tuple(p.strip() for p in self._pieces), read < len(found)

    def __len__(self) -> int:
        return len(self.words)

    def log_odds(self, kept: np.ndarray) -> np.ndarray:
        return self.target.of_texts(["".join(compress(self._pieces, row)) for row in kept])

    def sums(self, tokens: _Tokens, scores: np.ndarray) -> np.ndarray:
        """`(F,)`: scores of tokens `(T,)`, each added to the word in which the token begins."""
        sums = np.zeros(len(self))
        for (start, end), score in zip(tokens.spans, scores, strict=True):
            if start < end:
                sums[bisect_right(tokens.starts, start) - 1] += score
        return sums


@dataclass(frozen=True)
class WordGradients:
    """Integrated gradients of a text.

    Attributes:
        scores: `(F,)`, a number a word, in log-odds.
        baseline: the log-odds where each token is [PAD].
        gap: what the scores and the baseline lack of the log-odds of the text.
    """

    scores: np.ndarray
    baseline: float
    gap: float


def integrated_gradients(parts: WordParts) -> WordGradients:
    """What each word adds to the log-odds on the way from a text of nothing but [PAD].

    Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017: the gradient
    at the token vectors, summed up on the straight way from the baseline's to the text's. The
    scores and the baseline add up to the log-odds of the text, but for the error of the sum, for
    which more steps are taken where it is not small. Where several encoders read the text, all are
    on that way together, and a word has the sum of their scores.

    Half-blended token vectors are no text, and the network never learnt from any.
    """
    target, encoders = parts.target, parts.target.network.text_encoders
    ids = tuple(tokens.ids for tokens in parts.tokens)
    masks = tuple(tokens.mask for tokens in parts.tokens)
    pads = [encoder.tokenizer.pad_token_id for encoder in encoders]
    pairs = zip(parts.tokens, pads, strict=True)
    blank = tuple(torch.where(tokens.marks, tokens.ids, pad) for tokens, pad in pairs)

    def log_odds(*ids: torch.Tensor) -> torch.Tensor:
        return target.log_odds(text=target.network.vectors_of_tokens(ids, masks))

    with torch.no_grad():
        ends = [float(log_odds(*each)) for each in (blank, ids)]
    method = _method(log_odds, encoders)
    for steps in _STEPS:
        found = method.attribute(ids, blank, n_steps=steps, internal_batch_size=AT_ONCE)
        scores = [each[0].sum(-1).detach().numpy() for each in found]  # (T,) an encoder
        gap = ends[1] - ends[0] - sum(float(each.sum()) for each in scores)
        if abs(gap) <= _NEAR * sum(float(np.abs(each).sum()) for each in scores):
            break
    sums = [parts.sums(t, s) for t, s in zip(parts.tokens, scores, strict=True)]
    return WordGradients(np.sum(sums, axis=0), ends[0], gap)


def _method(
    log_odds: Callable[..., torch.Tensor], encoders: Sequence[TextEncoder]
) -> LayerIntegratedGradients:
    layers = [encoder.transformer.get_input_embeddings() for encoder in encoders]
    with warnings.catch_warnings():
        # Of layers that stand on each other; these stand side by side.
        warnings.filterwarnings("ignore", "Multiple layers provided")
        return LayerIntegratedGradients(log_odds, layers)
