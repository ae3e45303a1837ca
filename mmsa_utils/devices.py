"""Where to compute, chosen by itself and always overridable."""

import os
import platform
from contextlib import AbstractContextManager, nullcontext
from typing import Any, overload

import torch

from .errors import CourseError
from .io import Record
from .settings import device_name


def pick_device(name: str = "auto") -> torch.device:
    """A torch device: CUDA, then Apple's MPS, then the CPU, unless a name is given.

    The name is the argument, else what `settings.device_name` says.

    Raises:
        CourseError: where the named device is not on this machine.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = device_name()
    if name == "auto":
        name = next(kind for kind, present in there.items() if present)
    if not there.get(name.split(":")[0], False):
        have = ", ".join(kind for kind, present in there.items() if present)
        raise CourseError(f"device={name!r} is not on this machine; it has: {have}")
    return torch.device(name)


def autocast(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 where the device is CUDA, full precision elsewhere."""
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


@overload
def to_device(batch: torch.Tensor, device: torch.device) -> torch.Tensor: ...


@overload
def to_device(batch: dict[str, Any], device: torch.device) -> dict[str, Any]: ...


def to_device(
    batch: torch.Tensor | dict[str, Any], device: torch.device
) -> torch.Tensor | dict[str, Any]:
    """A tensor, or a nest of dictionaries of tensors, moved."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    return {name: to_device(value, device) for name, value in batch.items()}


def environment(device: torch.device | str) -> Record:
    """What a run was computed on, without naming the machine."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": str(device),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }
