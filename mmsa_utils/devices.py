"""Where to compute, chosen by itself and always overridable."""

import os
from contextlib import nullcontext

import torch

from .errors import CourseError


def pick_device(name="auto"):
    """A torch device: CUDA, then Apple's MPS, then the CPU, unless a name is given.

    The name is the argument, else the environment variable `MMSA_DEVICE`.

    Raises:
        CourseError: where the named device is not on this machine.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = os.environ.get("MMSA_DEVICE") or "auto"
    if name == "auto":
        name = next(kind for kind, present in there.items() if present)
    if not there.get(name.split(":")[0], False):
        have = ", ".join(kind for kind, present in there.items() if present)
        raise CourseError(f"device={name!r} is not on this machine; it has: {have}")
    return torch.device(name)


def autocast(device):
    """bfloat16 where the device is CUDA, full precision elsewhere."""
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def to_device(batch, device):
    """A nest of dictionaries of tensors, moved."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    return {name: to_device(value, device) for name, value in batch.items()}
