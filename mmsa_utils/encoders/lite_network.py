"""The EfficientNet-Lite networks in plain torch: timm takes seconds to import.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML
2019; the Lite variants are Google's, for small machines: no squeeze-and-excitation, ReLU6, and a
stem and a head that are not scaled.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

import torch
from torch import nn

_EPSILON = 1e-3  # of BatchNorm
_STEM, _HEAD, _CLASSES = 32, 1280, 1000
# Of each stage: kernel, stride, and by how much a block is wider inside.
_STAGES = ((3, 1, 1), (3, 2, 6), (5, 2, 6), (3, 2, 6), (5, 1, 6), (5, 2, 6), (3, 1, 6))


@dataclass(frozen=True)
class LiteShape:
    """Width and depth of the seven stages."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]


class SameConv(nn.Conv2d):
    """A convolution with the padding that TensorFlow calls "same": the rest is on the far side."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(B, C, H, W)` -> `(B, C', H / stride, W / stride)`, rounded up."""
        sides = [
            max((ceil(size / stride) - 1) * stride + kernel - size, 0)
            for size, stride, kernel in zip(x.shape[2:], self.stride, self.kernel_size, strict=True)
        ]
        high, wide = sides
        padding = [wide // 2, wide - wide // 2, high // 2, high - high // 2]
        return super().forward(nn.functional.pad(x, padding))


def _conv(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    if stride > 1:
        return SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False)
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=_EPSILON)


class Block(nn.Module):
    """An inverted residual: wider, a convolution in each channel, narrower again.

    Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int, wider: int) -> None:
        super().__init__()
        inner = inputs * wider
        expand = [_conv(inputs, inner), _norm(inner), nn.ReLU6(inplace=True)] if wider > 1 else []
        depthwise = _conv(inner, inner, kernel, stride, groups=inner)
        project = [_conv(inner, outputs), _norm(outputs)]
        self.layers = nn.Sequential(
            *expand, depthwise, _norm(inner), nn.ReLU6(inplace=True), *project
        )
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(B, inputs, H, W)` -> `(B, outputs, H / stride, W / stride)`."""
        return self.layers(x) + x if self.has_skip else self.layers(x)


def _stage(inputs: int, outputs: int, depth: int, stage: tuple[int, int, int]) -> nn.Sequential:
    """Blocks of the same width; the first one makes the maps smaller."""
    kernel, stride, wider = stage
    widths, strides = [inputs, *[outputs] * (depth - 1)], [stride, *[1] * (depth - 1)]
    return nn.Sequential(
        *(
            Block(width, outputs, kernel=kernel, stride=step, wider=wider)
            for width, step in zip(widths, strides, strict=True)
        )
    )


class LiteNetwork(nn.Sequential):
    """The whole classifier, `(B, 3, S, S)` -> `(B, 1000)`: its parts, one after the other."""

    conv_stem: nn.Conv2d
    bn1: nn.BatchNorm2d
    act1: nn.ReLU6
    blocks: nn.Sequential
    conv_head: nn.Conv2d
    bn2: nn.BatchNorm2d
    act2: nn.ReLU6
    pool: nn.AdaptiveAvgPool2d
    flatten: nn.Flatten
    classifier: nn.Module

    def __init__(self, shape: LiteShape) -> None:
        inputs = (_STEM, *shape.widths[:-1])
        stages = zip(inputs, shape.widths, shape.depths, _STAGES, strict=True)
        parts = {
            "conv_stem": _conv(3, _STEM, 3, stride=2),
            "bn1": _norm(_STEM),
            "act1": nn.ReLU6(inplace=True),
            "blocks": nn.Sequential(*(_stage(*stage) for stage in stages)),
            "conv_head": _conv(shape.widths[-1], _HEAD),
            "bn2": _norm(_HEAD),
            "act2": nn.ReLU6(inplace=True),
            "pool": nn.AdaptiveAvgPool2d(1),
            "flatten": nn.Flatten(),
            "classifier": nn.Linear(_HEAD, _CLASSES),
        }
        super().__init__(OrderedDict(parts))
        self.num_features, self.widths = _HEAD, shape.widths

    def with_stages(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """`(B, 3, S, S)` -> what the network gives, and the maps `(B, C, H, W)` of each stage."""
        x = self.act1(self.bn1(self.conv_stem(x)))
        maps: list[torch.Tensor] = []
        for stage in self.blocks:
            x = stage(x)
            maps.append(x)
        x = self.act2(self.bn2(self.conv_head(x)))
        return self.classifier(self.flatten(self.pool(x))), maps
