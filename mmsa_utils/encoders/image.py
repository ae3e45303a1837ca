"""Image encoders: a network without its classifier, pixels in and a vector out."""

import copy
from typing import Any, Self

import torch
from torch import nn

from ..data.transforms import Channels
from ..errors import CourseError
from .weights import state_fingerprint


class ImageEncoder(nn.Module):
    """An image network without its classifier, and the input that it expects.

    Args:
        network: `(B, 3, size, size)` -> `(B, dim)`.
        dim: width of the vector.
        size: height and width of the input, in pixels.
        mean, std: of each colour channel, as the network was trained, on a scale of 0 to 1.
        fingerprint: a name of exactly these weights, part of the key of cached features; by
            default the SHA-256 of all of them.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        dim: int,
        size: int,
        mean: Channels,
        std: Channels,
        fingerprint: str | None = None,
    ) -> None:
        super().__init__()
        self.fingerprint = fingerprint or state_fingerprint(network)
        self.network = network.to(memory_format=torch.channels_last)
        self.dim, self.size, self.mean, self.std = dim, size, mean, std

    def stages(self) -> list[nn.Module]:
        """The parts of the network, from the pixels up."""
        parts: list[nn.Module] = []
        for part in self.network.children():
            parts += part if isinstance(part, nn.Sequential) else [part]
            if isinstance(part, nn.AdaptiveAvgPool2d):
                parts.append(nn.Flatten())  # as torchvision's networks do in their forward
        return parts

    def split(self, stages: int) -> tuple[nn.Module, "ImageEncoder"]:
        """`(lower, upper)`: the encoder without its last `stages` parts, and these alone.

        Parts without weights do not count. The lower part gives maps `(B, C, H, W)`; the upper
        one is an encoder that takes them. Both are copies.

        Raises:
            CourseError: where the network is more than its parts one after the other, or has
                fewer parts with weights.
        """
        parts = copy.deepcopy(self).stages()
        weighted = [k for k, part in enumerate(parts) if any(True for _ in part.parameters())]
        if stages > len(weighted):
            raise CourseError(
                f"trained_stages={stages}, but this image encoder has {len(weighted)} parts with "
                "weights: train fewer, or all of it (trained_stages=0)"
            )
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

    def train(self, mode: bool = True) -> Self:
        """BatchNorm keeps what it learnt on ImageNet: small batches would estimate it badly."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """`(B, 3, size, size)` -> `(B, dim)`."""
        return self.network(pixels.contiguous(memory_format=torch.channels_last))


@torch.inference_mode()
def _check_split(encoder: ImageEncoder, lower: nn.Module, upper: ImageEncoder) -> None:
    # Drawn on the CPU whatever the device: the draw is the same everywhere.
    pixels = torch.randn(1, 3, encoder.size, encoder.size).to(next(encoder.parameters()).device)
    try:
        same = torch.allclose(upper.eval()(lower(pixels)), encoder.eval()(pixels), atol=1e-4)
    except (RuntimeError, AssertionError):  # shapes that do not fit
        same = False
    if not same:
        raise CourseError(
            "This image encoder cannot be cut into a frozen and a trained part: "
            "train all of it (trained_stages=0)"
        )


def build_timm(name: str, *, pretrained: bool = True) -> ImageEncoder:
    """An `ImageEncoder` from any network of timm, by timm's name.

    Raises:
        OSError, RuntimeError: where timm does not know it or cannot load its weights.
    """
    import timm  # takes seconds

    network: Any = timm.create_model(name, pretrained=pretrained, num_classes=0)
    data = timm.data.resolve_data_config(model=network)
    return ImageEncoder(
        network,
        dim=network.num_features,
        size=data["input_size"][-1],
        mean=data["mean"],
        std=data["std"],
    )


def build_torchvision(name: str, *, pretrained: bool = True) -> ImageEncoder:
    """An `ImageEncoder` from any classifier of torchvision: its last linear layer is taken off.

    Raises:
        OSError, ValueError: where torchvision does not know it or cannot load its weights.
    """
    import torchvision  # takes seconds

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
        mean=tuple(preset.mean),
        std=tuple(preset.std),
    )
