"""Where to compute, chosen by itself and always overridable."""

import os
import platform
import subprocess
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, overload

import torch

from .errors import CourseError
from .io import Record
from .paths import PROJECT, in_clone
from .settings import device_name, engine_name


def pick_device(name: str = "auto") -> torch.device:
    """A torch device: CUDA, then Apple's MPS, then the CPU, unless a name is given.

    The name is the argument, else what `settings.device_name` says.

    Raises:
        CourseError: where the named device is not on this machine, or torch knows no such name.
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
    return _numbered(name)


def _numbered(name: str) -> torch.device:
    """The device of a name such as `cuda:1`, of a kind that is there."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise CourseError(f"device={name!r} is no device: write {name.split(':')[0]}") from error
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    if device.index is not None and not 0 <= device.index < count:
        last = f"{device.type}:{count - 1}"
        raise CourseError(f"device={name!r} is not on this machine; the last one is {last}")
    return device


# What computes frozen image encoders on a CPU, the fastest first, and the packages that it needs.
_ENGINES = {"openvino": ("openvino",), "onnxruntime": ("onnxruntime", "onnx"), "torch": ()}


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def pick_engine(name: str = "auto", *, device: torch.device) -> str:
    """What computes frozen image encoders: one of `config.ENGINES`.

    On CUDA and MPS torch, whatever is asked for. On a CPU the engine that the argument names, else
    what `settings.engine_name` says, else the fastest that is installed.

    Raises:
        CourseError: where the named engine is not installed.
    """
    if device.type != "cpu":
        return "torch"
    name = engine_name() if name == "auto" else name
    missing = {e: [p for p in needs if not _is_installed(p)] for e, needs in _ENGINES.items()}
    if name == "auto":
        return next(engine for engine, packages in missing.items() if not packages)
    if missing[name]:
        raise CourseError(
            f"engine={name!r} is not installed: `pip install {' '.join(missing[name])}`, or "
            "`make .venv/.extras`, installs it; engine='torch' needs nothing more"
        )
    return name


def engine_version(engine: str) -> str:
    """An engine with the version of what it adds to torch, such as `openvino 2026.4.1`."""
    return " ".join([engine, *(version(package) for package in _ENGINES[engine])])


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


def precision(device: torch.device) -> str:
    """The numbers that `autocast` computes with on a device: part of what is cached from it."""
    return "bfloat16" if device.type == "cuda" else "float32"


# What may change a figure: the libraries that compute it.
LIBRARIES = ("torch", "transformers", "scikit-learn", "timm", "albumentations", "numpy")


def environment(device: torch.device | str, *, engine: str = "auto") -> Record:
    """What a run was computed on, without naming the machine.

    The engine is that of the frozen image encoders. The commit is that of the clone, with `+`
    where files have been changed since; None outside a clone.

    Args:
        device: where a run computed.
        engine: the config's.

    Raises:
        CourseError: where the named engine is not installed.
    """
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "commit": _commit(),
        "device": str(device),
        "precision": precision(torch.device(device)),
        "engine": engine_version(pick_engine(engine, device=torch.device(device))),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }


@cache
def _commit() -> str | None:
    command = ["git", "-C", str(PROJECT), "describe", "--always", "--abbrev=12", "--dirty=+"]
    if not in_clone():
        return None
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no git here, or no repository
        return None
