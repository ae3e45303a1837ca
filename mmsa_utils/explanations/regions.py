"""Which regions of a picture speak for the answer: covered one by one, and by gradients."""

from collections import Counter
from typing import Any

import numpy as np
import torch
from captum.attr import LayerGradCam
from torch import nn

from ..encoders.image import ImageEncoder
from ..errors import CourseError
from .parts import leave_one_out
from .target import AT_ONCE, Target

GRID = 6  # patches a side: each is a pass through every image encoder


class PatchParts:
    """The patches of a post's picture, row by row; one that is taken away has the mean colour.

    Each image encoder's input is covered at the same place.

    Args:
        target: of a post with a picture.
        grid: patches a side (G); F = G * G.
    """

    def __init__(self, target: Target, grid: int = GRID) -> None:
        self.target, self.grid = target, grid

    def __len__(self) -> int:
        return self.grid**2

    def log_odds(self, kept: np.ndarray) -> np.ndarray:
        masks = torch.from_numpy(kept).view(-1, 1, self.grid, self.grid).float()
        return np.concatenate([self._of(some) for some in masks.split(AT_ONCE)])

    def means(self, values: np.ndarray) -> np.ndarray:
        """`(F,)`: what a map `(S, S)`, of Grad-CAM say, has on each patch, its mean."""
        whole = torch.from_numpy(values)[None]
        return nn.functional.adaptive_avg_pool2d(whole, self.grid).flatten().numpy()

    def _of(self, masks: torch.Tensor) -> np.ndarray:
        return self.target.of_pictures([_cover(p, masks) for p in self.target.pixels])


def _cover(pixels: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """`(n, 3, S, S)` from `(1, 3, S, S)` and `(n, 1, G, G)`, 0 where the mean colour shall be."""
    whole = nn.functional.interpolate(masks, size=pixels.shape[-2:], mode="nearest")
    return torch.lerp(pixels.mean((2, 3), keepdim=True), pixels, whole)


def seen_picture(target: Target) -> np.ndarray:
    """`(S, S, 3)` uint8: the picture as the image encoder with the largest input sees it."""
    pixels = max(target.pixels, key=lambda view: view.shape[-1])[0]
    encoder = max(target.network.image_encoders, key=lambda encoder: encoder.size)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (encoder.mean, encoder.std))
    colours = (pixels * std + mean).clamp(0, 1) * 255
    return colours.round().byte().permute(1, 2, 0).numpy()


def _side(target: Target) -> int:
    return max(view.shape[-1] for view in target.pixels)


def occlusion(target: Target, grid: int = GRID) -> np.ndarray:
    """`(S, S)`: by how much the log-odds fall where the patch at a pixel is covered.

    See `leave_one_out`; S is the side of `seen_picture`.
    """
    scores = torch.from_numpy(leave_one_out(PatchParts(target, grid))).view(1, 1, grid, grid)
    return nn.functional.interpolate(scores, size=_side(target), mode="nearest")[0, 0].numpy()


# ---- Grad-CAM ---------------------------------------------------------------------------


def grad_cam(target: Target) -> np.ndarray:
    """`(S, S)` from 0 to 1: where the last convolutional maps that speak for the class are active.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
    Localization", ICCV 2017. Of several image encoders each has its map, from 0 to its own
    greatest value; the mean of them is shown.

    Raises:
        CourseError: where an encoder has no convolutional maps, or looks at several crops.
    """
    maps = [_map_of(target, number) for number in range(len(target.pixels))]
    return torch.stack([_scaled(each, _side(target)) for each in maps]).mean(0).numpy()


def _scaled(found: torch.Tensor, side: int) -> torch.Tensor:
    """`(S, S)` from `(1, 1, h, w)`; nothing but zeros stay zeros."""
    whole = nn.functional.interpolate(found, size=side, mode="bilinear", align_corners=False)
    return whole[0, 0] / whole.max().clamp(min=1e-12)


def _map_of(target: Target, number: int) -> torch.Tensor:
    """`(1, 1, h, w)`: one encoder's own map, as coarse as its last stage."""
    network, views = target.network, target.pixels
    with torch.no_grad():
        fixed = [network.image_vector(n, view) for n, view in enumerate(views)]

    def log_odds(view: torch.Tensor) -> torch.Tensor:
        vectors = [*fixed[:number], network.image_vector(number, view), *fixed[number + 1 :]]
        return target.log_odds(image=torch.cat(vectors, dim=1))

    stage = last_stage(network.image_encoders[number], views[number])
    found = LayerGradCam(log_odds, stage).attribute(views[number], relu_attributions=True)
    return found.detach().cpu()


@torch.no_grad()
def last_stage(encoder: ImageEncoder, pixels: torch.Tensor) -> nn.Module:
    """The last part of an encoder that gives maps `(1, C, H, W)`: a stage, if it is made of such.

    timm's and torchvision's stages are each an `nn.Sequential`.

    Raises:
        CourseError: where there is none, or it is gone through several times.
    """
    calls: list[nn.Module] = []

    def note(module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.ndim == 4 and output.shape[-1] > 1:
            calls.append(module)

    hooks = [module.register_forward_hook(note) for module in encoder.modules()]
    encoder(pixels.to(next(encoder.parameters(), pixels).device))  # rules have no weights
    for hook in hooks:
        hook.remove()
    stages = [module for module in calls if isinstance(module, nn.Sequential)] or calls
    if not stages or Counter(map(id, calls))[id(stages[-1])] > 1:
        raise CourseError(
            "Grad-CAM needs an image encoder with convolutional maps that looks at the picture "
            "once: use occlusion, which works for any"
        )
    return stages[-1]
