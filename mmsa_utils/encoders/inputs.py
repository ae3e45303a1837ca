"""Reading posts for an encoder: the same for cached features and for training batches."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch

from ..data.images import decode_image
from ..data.posts import Post
from ..data.transforms import eval_transform, train_transform
from .image import ImageEncoder
from .text import TextEncoder, Tokens


class Inputs(Protocol):
    """What an encoder is fed with.

    Attributes:
        batch_size: posts a batch where features are computed.
    """

    batch_size: int

    def order(self, posts: Sequence[Post]) -> np.ndarray:
        """`(N,)` indices of the posts, in the order in which they are best read in batches."""

    def load(self, posts: Sequence[Post]) -> Any:
        """The input of an encoder for these posts: a tensor, or a dictionary of tensors."""


class TokenInputs:
    """Tokens of the posts' texts; texts of like length together.

    Args:
        encoder: whose tokens they are.
        max_tokens: longer texts are cut.
    """

    batch_size = 64

    def __init__(self, encoder: TextEncoder, max_tokens: int) -> None:
        self.encoder, self.max_tokens = encoder, max_tokens

    def order(self, posts: Sequence[Post]) -> np.ndarray:
        """`(N,)` indices of the posts, by length of text."""
        return np.argsort([len(post.text) for post in posts], kind="stable")

    def load(self, posts: Sequence[Post]) -> Tokens:
        """`input_ids` and `attention_mask`, `(B, T)`: padded to the longest of these posts."""
        texts = [post.text for post in posts]
        return self.encoder.tokenize(texts, max_tokens=self.max_tokens)


class ImageInputs:
    """Pixels of the posts' pictures, decoded in parallel; augmented where that is asked for.

    What an augmentation draws depends on a number, `draw`, and on the post alone: it differs
    from epoch to epoch and is the same for any number of workers.

    Args:
        encoder: whose input they are; it says size, mean and standard deviation.
        augment: whether `load` may augment.
    """

    batch_size = 32

    def __init__(self, encoder: ImageEncoder, *, augment: bool = False) -> None:
        self.size, self.augment = encoder.size, augment
        self._eval = eval_transform(size=encoder.size, mean=encoder.mean, std=encoder.std)
        self._means = encoder.mean, encoder.std

    @cached_property
    def _train(self) -> Any:  # a transform of albumentations
        mean, std = self._means
        return train_transform(size=self.size, mean=mean, std=std)

    def order(self, posts: Sequence[Post]) -> np.ndarray:
        """`(N,)` indices of the posts, as they are."""
        return np.arange(len(posts))

    def _decode(self, post: Post) -> np.ndarray:
        if not post.has_image:  # a stand-in: the model leaves it out
            return np.zeros((self.size, self.size, 3), dtype=np.uint8)
        return decode_image(post.image, least_side=self.size)

    def _plain(self, post: Post) -> torch.Tensor:
        return self._eval(image=self._decode(post))["image"]

    def _augmented(self, pixels: np.ndarray, draw: int, index: int) -> torch.Tensor:
        seed = np.random.SeedSequence([draw, int(index)]).generate_state(1)[0]
        self._train.set_random_seed(int(seed))
        return self._train(image=pixels)["image"]

    def load(
        self,
        posts: Sequence[Post],
        indices: Sequence[int] | np.ndarray | None = None,
        draw: int | None = None,
    ) -> torch.Tensor:
        """`(B, 3, size, size)` float32, normalised.

        Args:
            posts: any posts.
            indices: the posts' numbers in their dataset, which with `draw` seed the
                augmentation; by default 0, 1, 2 and so on.
            draw: a number per run and epoch; without one, or where the inputs are not to be
                augmented, pictures are as evaluation sees them.

        Raises:
            CourseError: naming the file, where a picture cannot be read.
        """
        with ThreadPoolExecutor() as pool:
            if draw is None or not self.augment:
                return torch.stack(list(pool.map(self._plain, posts)))
            decoded = list(pool.map(self._decode, posts))  # the transform holds a seed: no threads
        numbers = range(len(posts)) if indices is None else indices
        return torch.stack(
            [self._augmented(p, draw, i) for p, i in zip(decoded, numbers, strict=True)]
        )
