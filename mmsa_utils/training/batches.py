"""Posts as batches of tensors: frozen features, or tokens and pixels for training encoders."""

import copy
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from ..config import Config
from ..data.posts import Dataset, Post
from ..data.text import clean
from ..devices import autocast, pick_device
from ..encoders.features import extract_features, lower_outputs
from ..encoders.image import ImageEncoder
from ..encoders.inputs import ImageInputs, TokenInputs
from ..encoders.registry import build_encoder
from ..encoders.text import TextEncoder
from ..models.trainable import Batch
from .probe import probe_config

Indices = np.ndarray | Sequence[int]
Encoder = TextEncoder | ImageEncoder
Extract = Callable[[Sequence[Post], str, Config], np.ndarray]  # posts, modality, config -> (N, D)

EPOCHS = 1000  # draws are numbered by seed and epoch: seed * EPOCHS + epoch
POOL = 16  # batches of texts of like length are cut from so many at a time


# ---- where a modality's part of a batch comes from --------------------------------------


class Source(Protocol):
    """A modality of all posts, handed out for some of them."""

    def load(self, indices: Indices, draw: int | None) -> Any:
        """What an encoder, or the model itself, takes for these posts.

        Args:
            indices: of the posts in the data.
            draw: a number per run and epoch that seeds the augmentation; None for evaluation.

        Returns:
            A tensor with a row a post, or a dictionary of such tensors.
        """
        ...


@dataclass(frozen=True)
class FeatureSource:
    """Frozen features `(N, D)`."""

    features: torch.Tensor

    def load(self, indices: Indices, draw: int | None) -> torch.Tensor:
        return self.features[indices]  # (B, D)


@dataclass(frozen=True)
class TokenSource:
    """Texts, tokenised when asked for and padded to the longest of the batch."""

    inputs: TokenInputs
    posts: Sequence[Post]

    def load(self, indices: Indices, draw: int | None) -> dict[str, torch.Tensor]:
        return self.inputs.load([self.posts[index] for index in indices])  # each (B, T)


@dataclass(frozen=True)
class HiddenSource:
    """A vector a token from the frozen layers below, padded to the longest text of the batch."""

    outputs: list[torch.Tensor]  # (T, dim) a post

    def load(self, indices: Indices, draw: int | None) -> dict[str, torch.Tensor]:
        chosen = [self.outputs[index] for index in indices]
        mask = pad_sequence([torch.ones(len(x), dtype=torch.long) for x in chosen], True)
        return {"inputs_embeds": pad_sequence(chosen, True), "attention_mask": mask}


@dataclass(frozen=True)
class PixelSource:
    """Images, augmented where a `draw` is given and the inputs augment.

    What an augmentation draws depends on `draw` and the post alone: it differs from epoch to
    epoch and is the same for any number of workers.
    """

    inputs: ImageInputs
    posts: Sequence[Post]

    def load(self, indices: Indices, draw: int | None) -> torch.Tensor:
        indices = [int(index) for index in indices]
        posts = [self.posts[index] for index in indices]
        return self.inputs.load(posts, indices=indices, draw=draw)  # (B, 3, S, S)


class MapSource:
    """Images as the frozen layers below leave them, each version computed once, when asked for.

    The augmented versions are numbered by epoch and are the same in every fold, so that a
    cross-validation sends an image through the frozen layers once an epoch, not once a fold.
    Maps are kept up to `LIMIT` bytes; what was used longest ago goes first.

    Args:
        pixels: where the images come from.
        lower: the frozen layers, `(B, 3, S, S) -> (B, C, H, W)`.
        device: where they compute. Maps are kept on the CPU.
    """

    LIMIT = 4 * 2**30

    def __init__(self, pixels: PixelSource, lower: nn.Module, device: torch.device) -> None:
        self.pixels, self.lower, self.device = pixels, lower.to(device), device
        self.maps: OrderedDict[tuple[int, int | None], torch.Tensor] = OrderedDict()
        self.size = 0  # bytes

    @torch.no_grad()
    def _compute(self, indices: list[int], version: int | None) -> dict[int, torch.Tensor]:
        pixels = self.pixels.load(indices, version).to(self.device)
        with autocast(self.device):
            maps = self.lower(pixels).float().cpu()
        return {index: single.clone() for index, single in zip(indices, maps, strict=True)}

    def _keep(self, key: tuple[int, int | None], single: torch.Tensor) -> None:
        self.maps[key] = single
        self.size += single.nbytes
        while self.size > self.LIMIT:
            _, oldest = self.maps.popitem(last=False)
            self.size -= oldest.nbytes

    def load(self, indices: Indices, draw: int | None) -> torch.Tensor:
        indices = [int(index) for index in indices]
        version = draw % EPOCHS if draw is not None and self.pixels.inputs.augment else None
        known = {i: self.maps[i, version] for i in indices if (i, version) in self.maps}
        missing = [index for index in indices if index not in known]
        computed = self._compute(missing, version) if missing else {}
        for index in known:
            self.maps.move_to_end((index, version))
        for index, single in computed.items():
            self._keep((index, version), single)
        return torch.stack([(known | computed)[index] for index in indices])  # (B, C, H, W)


# ---- all posts --------------------------------------------------------------------------


class PostData:
    """Labelled posts, then unlabelled ones, ready to be batched. Read when first asked for.

    Args:
        dataset: the posts.
        config: which modalities, which encoders, which of them are trained.
        encoders: the encoders to train along, by modality, instead of newly built ones; those
            that are not trained run here once.
        extract: what computes frozen features, called like `extract_features`.
    """

    def __init__(
        self,
        dataset: Dataset,
        config: Config,
        encoders: Mapping[str, Encoder] | None = None,
        extract: Extract = extract_features,
    ) -> None:
        self.config, self.posts, self.count = config, dataset.posts, len(dataset.labelled)
        self.classes = dataset.classes
        self._dataset, self._extract = dataset, extract
        self.labels = torch.tensor([-1 if p.label is None else p.label for p in self.posts])
        self._given = encoders

    @cached_property
    def encoders(self) -> Mapping[str, Encoder]:
        """The encoders to train along, by modality."""
        if self._given is not None:
            return self._given
        return build_trained(self.config)

    @cached_property
    def sources(self) -> dict[str, Source]:
        """A source for each modality that the mode looks at."""
        return {modality: self._source(modality) for modality in self.config.modalities}

    @cached_property
    def frozen(self) -> dict[str, np.ndarray]:
        """`(N, D)` float32 features of each modality that is not trained."""
        frozen = [name for name in self.config.modalities if name not in self.encoders]
        return {name: self._extract(self.posts, name, self.config) for name in frozen}

    @cached_property
    def probe(self) -> "PostData":
        """The same posts for a head that is trained first: frozen features of all encoders.

        These are those of the encoders as they were pretrained, of pictures as they are.
        """
        return PostData(self._dataset, probe_config(self.config), extract=self._extract)

    def prepare(self) -> dict[str, int]:
        """Computes now what is computed once; returns `dims`.

        To be called before a training seeds torch: building an encoder draws random numbers.
        """
        self.sources  # noqa: B018 (built by being asked for)
        return self.dims

    @property
    def dims(self) -> dict[str, int]:
        """The width of each modality's vector."""
        return {
            m: self.encoders[m].dim if m in self.encoders else self.frozen[m].shape[1]
            for m in self.config.modalities
        }

    @cached_property
    def present(self) -> dict[str, torch.Tensor]:
        """`(N,)` bool for each modality: which posts have it."""
        present = {
            "text": torch.tensor([bool(clean(post.text)) for post in self.posts]),
            "image": torch.tensor([post.has_image for post in self.posts]),
        }
        if "words" in self.config.modalities:
            present["words"] = torch.from_numpy(self.frozen["words"][:, -1] > 0)  # their number
        return present

    @cached_property
    def features(self) -> np.ndarray:
        """`(N, D)` float32: the frozen features of all modalities side by side."""
        return np.hstack([self.frozen[modality] for modality in self.config.modalities])

    def _source(self, modality: str) -> Source:
        if modality not in self.encoders:
            return FeatureSource(torch.from_numpy(self.frozen[modality]))
        encoder = self.encoders[modality]
        cut = self.config.is_cut(modality)
        if isinstance(encoder, TextEncoder):
            if cut:
                return HiddenSource(lower_outputs(self.posts, encoder, self.config))
            return TokenSource(TokenInputs(encoder, self.config.max_tokens), self.posts)
        pixels = PixelSource(ImageInputs(encoder, augment=self.config.augment), self.posts)
        if cut:
            lower = encoder.split(self.config.trained_stages)[0]
            return MapSource(pixels, lower, pick_device(self.config.device))
        return pixels

    def relabelled(self, indices: np.ndarray, labels: np.ndarray) -> "PostData":
        """The same posts, read already or not, with other labels `(n,)` at some indices."""
        other = copy.copy(self)
        other.labels = self.labels.clone()
        other.labels[indices] = torch.as_tensor(labels)
        return other

    def subset(self, indices: Indices) -> "PostSubset":
        """The posts at these indices, for a learner."""
        return PostSubset(self, np.asarray(indices))

    @property
    def labelled(self) -> "PostSubset":
        """All labelled posts."""
        return self.subset(np.arange(self.count))

    @property
    def unlabelled(self) -> "PostSubset":
        """All unlabelled posts."""
        return self.subset(np.arange(self.count, len(self.posts)))

    def batch(self, indices: Indices, draw: int | None = None) -> Batch:
        """A dictionary of tensors for these indices; `draw` seeds the augmentation."""
        batch: Batch = {"label": self.labels[indices]}
        for modality, source in self.sources.items():
            batch[modality] = source.load(indices, draw)
            batch[f"{modality}_present"] = self.present[modality][indices]
        return batch

    def _loader(self, indices: Indices, draw: int | None, **options: Any) -> DataLoader[Batch]:
        batches = _Batches(self, np.asarray(indices), draw)
        # Workers would each keep maps of their own, and lose them after the epoch.
        cached = any(isinstance(source, MapSource) for source in self.sources.values())
        workers = 0 if cached else self.config.workers
        return DataLoader(batches, num_workers=workers, collate_fn=_as_is, **options)

    def _like_lengths(self, indices: Indices, order: torch.Generator) -> list[list[int]]:
        """Random batches in which texts are of like length: less padding, less to compute."""
        size = self.config.batch_size
        lengths = torch.tensor([len(self.posts[index].text) for index in indices])
        pools = torch.randperm(len(indices), generator=order).split(POOL * size)
        pools = [pool[lengths[pool].argsort(stable=True)] for pool in pools]
        batches = [batch.tolist() for pool in pools for batch in pool.split(size)]
        shuffled = torch.randperm(len(batches), generator=order).tolist()
        return [batches[number] for number in shuffled if len(batches[number]) > 1]

    def eval_batches(self, indices: Indices) -> DataLoader[Batch]:
        """Batches in the order of `indices`, without augmentation."""
        return self._loader(indices, None, batch_size=self.config.batch_size)

    def train_batches(self, indices: Indices, *, seed: int) -> Callable[[int], DataLoader[Batch]]:
        """A function of the epoch: shuffled, augmented batches, the same for the same seed."""

        def batches(epoch: int) -> DataLoader[Batch]:
            draw = seed * EPOCHS + epoch
            order = torch.Generator().manual_seed(draw)
            # A last batch of one post has no variance for BatchNorm: it waits an epoch.
            if "text" in self.config.finetune:
                sampler = self._like_lengths(indices, order)
                return self._loader(indices, draw, batch_sampler=sampler)
            size = self.config.batch_size
            alone = len(indices) % size == 1
            options = {"batch_size": size, "shuffle": True, "generator": order, "drop_last": alone}
            return self._loader(indices, draw, **options)

        return batches


def build_trained(config: Config) -> dict[str, Encoder]:
    """The encoders that the config trains along, as they were pretrained, by modality."""
    trained = [modality for modality in config.modalities if modality in config.finetune]
    return {m: build_encoder(m, config.encoders(m)[0]) for m in trained}


def trained_parts(config: Config) -> dict[str, Encoder]:
    """Fresh encoders to be trained along, or what of them lies above the frozen part."""
    return {
        modality: encoder.split(config.trained_stages)[1] if config.is_cut(modality) else encoder
        for modality, encoder in build_trained(config).items()
    }


@dataclass(frozen=True)
class PostSubset:
    """Some posts of a `PostData`: what a learner gets as `X`. `X[rows]` is a part of it."""

    data: PostData
    indices: np.ndarray  # (n,) in the data

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, rows: np.ndarray) -> "PostSubset":
        return PostSubset(self.data, self.indices[rows])

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, of which labels are indices."""
        return self.data.classes

    @property
    def posts(self) -> list[Post]:
        """The posts themselves."""
        return [self.data.posts[index] for index in self.indices]

    @property
    def features(self) -> np.ndarray:
        """`(n, D)` float32: their frozen features, all modalities side by side."""
        return self.data.features[self.indices]


class _Batches(TorchDataset[Batch]):
    """Hands whole batches to the DataLoader (`__getitems__`), for speed on frozen features."""

    def __init__(self, data: PostData, indices: np.ndarray, draw: int | None) -> None:
        self.data, self.indices, self.draw = data, indices, draw

    def __len__(self) -> int:
        return len(self.indices)

    def __getitems__(self, items: list[int]) -> Batch:
        return self.data.batch(self.indices[items], self.draw)


def _as_is(batch: Any) -> Any:
    return batch  # a DataLoader's own collation would take a whole batch for a list of posts
