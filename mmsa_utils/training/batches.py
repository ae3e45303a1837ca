"""Posts as batches of tensors: frozen features, or tokens and pixels for training encoders."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from ..data.images import decode_picture, eval_transform, train_transform
from ..data.text import clean
from ..encoders.features import extract_features, lower_outputs, tokenise

EPOCHS = 1000  # draws are numbered by seed and epoch: seed * EPOCHS + epoch
POOL = 16  # batches of texts of like length are cut from so many at a time


@dataclass(frozen=True)
class FeatureSource:
    """Frozen features `(N, D)`."""

    features: torch.Tensor

    def load(self, places, draw):
        return self.features[places]


@dataclass(frozen=True)
class TokenSource:
    """Texts, tokenised when asked for and padded to the longest of the batch."""

    encoder: object
    posts: tuple
    max_tokens: int

    def load(self, places, draw):
        texts = [self.posts[place].text for place in places]
        return tokenise(self.encoder, texts, max_tokens=self.max_tokens)


@dataclass(frozen=True)
class HiddenSource:
    """A vector a token from the frozen layers below, padded to the longest text of the batch."""

    outputs: list  # (T, dim) a post

    def load(self, places, draw):
        chosen = [self.outputs[place] for place in places]
        mask = pad_sequence([torch.ones(len(x), dtype=torch.long) for x in chosen], True)
        return {"inputs_embeds": pad_sequence(chosen, True), "attention_mask": mask}


class PixelSource:
    """Pictures, augmented where a `draw` is given, else as evaluation sees them.

    What an augmentation draws depends on `draw` (a number per run and epoch) and the post
    alone: it differs from epoch to epoch and is the same for any number of workers.
    """

    def __init__(self, encoder, posts, *, augment):
        self.posts, self.size = posts, encoder.size
        preset = {"size": encoder.size, "mean": encoder.mean, "std": encoder.std}
        self.plain = eval_transform(**preset)
        self.random = train_transform(**preset) if augment else None

    def _decode(self, place):
        return decode_picture(self.posts[place].picture, least_side=self.size)

    def _transform(self, pixels, place, draw):
        if draw is None or self.random is None:
            return self.plain(image=pixels)["image"]
        seed = np.random.SeedSequence([draw, place]).generate_state(1)[0]
        self.random.set_random_seed(int(seed))
        return self.random(image=pixels)["image"]

    def load(self, places, draw):
        places = [int(place) for place in places]
        with ThreadPoolExecutor() as pool:  # decoding only: the transforms hold a seed
            decoded = list(pool.map(self._decode, places))
        return torch.stack(
            [self._transform(p, place, draw) for p, place in zip(decoded, places, strict=True)]
        )


class MapSource:
    """Pictures as the frozen layers below leave them, each version computed once, when asked for.

    The augmented versions are numbered by epoch and are the same in every fold, so that a
    cross-validation sends a picture through the frozen layers once an epoch, not once a fold.
    """

    def __init__(self, pixels, lower):
        self.pixels, self.lower, self.maps = pixels, lower, {}

    @torch.no_grad()
    def _compute(self, places, version):
        maps = self.lower(self.pixels.load(places, version))
        self.maps |= {(place, version): m.clone() for place, m in zip(places, maps, strict=True)}

    def load(self, places, draw):
        places = [int(place) for place in places]
        random = draw is not None and self.pixels.random is not None
        version = draw % EPOCHS if random else None
        missing = [place for place in places if (place, version) not in self.maps]
        if missing:
            self._compute(missing, version)
        return torch.stack([self.maps[place, version] for place in places])  # (B, C, H, W)


class _Batches(TorchDataset):
    """Hands whole batches to the DataLoader (`__getitems__`), for speed on frozen features."""

    def __init__(self, data, places, draw):
        self.data, self.places, self.draw = data, places, draw

    def __len__(self):
        return len(self.places)

    def __getitems__(self, items):
        return self.data.batch(self.places[items], self.draw)


def _as_is(batch):
    return batch


class PostData:
    """Labelled posts, then unlabelled ones, ready to be batched.

    Args:
        dataset: the posts.
        config: which modalities, which encoders, which of them are trained.
        encoders: the encoders to train along, by modality; the others are run here once.
    """

    def __init__(self, dataset, config, encoders=None):
        posts = dataset.labelled + dataset.unlabelled
        self.config, self.posts, self.count = config, posts, len(dataset.labelled)
        labels = [-1 if post.label is None else post.label for post in posts]
        self.labels = torch.tensor(labels)
        self.present = {"text": torch.tensor([bool(clean(post.text)) for post in posts])}
        self.present["image"] = torch.ones(len(posts), dtype=torch.bool)
        self.sources, self.dims = {}, {}
        for modality in config.modalities:
            encoder = (encoders or {}).get(modality)
            source = self.sources[modality] = self._source(modality, posts, encoder)
            self.dims[modality] = encoder.dim if encoder else source.features.shape[1]
        if "words" in config.modalities:
            self.present["words"] = self.sources["words"].features[:, -1] > 0  # their number

    def _source(self, modality, posts, encoder):
        if encoder is None:
            features = extract_features(posts, modality, self.config)
            return FeatureSource(torch.from_numpy(features))
        cut = self.config.is_cut(modality)
        if modality == "text":
            if cut:
                return HiddenSource(lower_outputs(posts, encoder, self.config))
            return TokenSource(encoder, posts, self.config.max_tokens)
        pixels = PixelSource(encoder, posts, augment=self.config.augment)
        if cut:
            return MapSource(pixels, encoder.split(self.config.trained_stages)[0])
        return pixels

    def batch(self, places, draw=None):
        """A dictionary of tensors for these places; `draw` seeds the augmentation."""
        batch = {"label": self.labels[places]}
        for modality, source in self.sources.items():
            batch[modality] = source.load(places, draw)
            batch[f"{modality}_present"] = self.present[modality][places]
        return batch

    def _loader(self, places, draw, **options):
        return DataLoader(
            _Batches(self, np.asarray(places), draw),
            num_workers=self.config.workers,
            collate_fn=_as_is,
            **options,
        )

    def _like_lengths(self, places, order):
        """Random batches in which texts are of like length: less padding, less to compute."""
        size = self.config.batch_size
        lengths = torch.tensor([len(self.posts[place].text) for place in places])
        pools = torch.randperm(len(places), generator=order).split(POOL * size)
        pools = [pool[lengths[pool].argsort(stable=True)] for pool in pools]
        batches = [batch.tolist() for pool in pools for batch in pool.split(size)]
        shuffled = torch.randperm(len(batches), generator=order)
        return [batches[number] for number in shuffled if len(batches[number]) > 1]

    def eval_batches(self, places):
        """Batches in the order of `places`, without augmentation."""
        return self._loader(places, None, batch_size=self.config.batch_size)

    def train_batches(self, places, *, seed):
        """A function of the epoch: shuffled, augmented batches, the same for the same seed."""

        def batches(epoch):
            draw = seed * EPOCHS + epoch
            order = torch.Generator().manual_seed(draw)
            # A last batch of one post has no variance for BatchNorm: it waits an epoch.
            if "text" in self.config.finetune:
                sampler = self._like_lengths(places, order)
                return self._loader(places, draw, batch_sampler=sampler)
            size = self.config.batch_size
            alone = len(places) % size == 1
            options = {"batch_size": size, "shuffle": True, "generator": order, "drop_last": alone}
            return self._loader(places, draw, **options)

        return batches
