"""Frozen image encoders by a faster engine than torch, where one is installed.

OpenVINO and ONNX Runtime compile a network for the processor that is there: layers become one,
weights are laid out anew. What they give is compared with torch before it is used.
"""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from ..config import Config
from ..devices import pick_device, pick_engine
from ..errors import CourseError
from .efficientnet_lite import LITE, MultiView
from .image import ImageEncoder

TOLERANCE = 1e-3  # how far, absolutely and relatively, an engine's features may be from torch's
_Run = Callable[[np.ndarray], np.ndarray]  # (B, 3, size, size) -> (B, dim), float32


def engine_of(modality: str, name: str, config: Config) -> str:
    """What computes an encoder's frozen features: one of `config.ENGINES`.

    Text encoders stay with torch: for them the other engines are hardly faster. So do, under
    `auto`, image encoders that are not embedded: whether they can be compiled is not known.

    Args:
        modality: `text` or `image`.
        name: of the encoder.
        config: which engine, and on which device.

    Raises:
        CourseError: where the device or the named engine is not there.
    """
    embedded = name.split(":")[0] in LITE
    if modality == "text" or (config.engine == "auto" and not embedded):
        return "torch"
    return pick_engine(config.engine, device=pick_device(config.device))


# ---- the engines ------------------------------------------------------------------------


def _openvino(network: nn.Module, pixels: torch.Tensor) -> _Run:
    # It would tell its maker of every import and conversion, without being asked to.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    traced = torch.jit.trace(network, pixels, check_trace=False)
    shape = [-1, *pixels.shape[1:]]
    model = openvino.convert_model(traced, example_input=pixels, input=shape)
    options = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16 where the processor has it
        "PERFORMANCE_HINT": "LATENCY",  # one batch at a time, on all threads
    }
    compiled = openvino.Core().compile_model(model, "CPU", options)
    return lambda batch: compiled(batch)[0]


def _onnxruntime(network: nn.Module, pixels: torch.Tensor) -> _Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        torch.onnx.export(
            network,
            (pixels,),
            file,
            input_names=["pixels"],
            output_names=["features"],
            dynamic_axes={"pixels": {0: "batch"}, "features": {0: "batch"}},
            dynamo=False,  # the newer exporter needs onnxscript
        )
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, {"pixels": batch})[0]


_ENGINES: dict[str, Callable[[nn.Module, torch.Tensor], _Run]] = {
    "openvino": _openvino,
    "onnxruntime": _onnxruntime,
}


# ---- an encoder on an engine ------------------------------------------------------------


class Compiled(nn.Module):
    """A network that an engine computes, on the CPU; no gradient flows through it."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self._run = run

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """`(B, 3, size, size)` -> `(B, dim)`."""
        return torch.from_numpy(self._run(pixels.contiguous().numpy()))


@torch.no_grad()
def _compiled(network: nn.Module, size: int, engine: str) -> Compiled:
    """The network on an engine. Raises whatever the engine does; ValueError where it differs."""
    pixels = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: sizes become constants, as they are
        compiled = Compiled(_ENGINES[engine](network, pixels[:2]))
    expected, found = network(pixels), compiled(pixels)
    if not torch.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE):
        raise ValueError(f"features differ by {(found - expected).abs().max():.2g}")
    return compiled


def compile_encoder(encoder: ImageEncoder, engine: str) -> None:
    """Puts a compiled network into an encoder, in the place of torch's.

    Args:
        encoder: on the CPU, in evaluation mode.
        engine: `openvino` or `onnxruntime`, installed.

    Raises:
        CourseError: where the engine fails on the network, or its features are not torch's.
    """
    path, size = "network", encoder.size
    if isinstance(encoder.network, MultiView):  # which looks through one network six times
        path, size = "network.network", encoder.network.small
    try:
        compiled = _compiled(encoder.get_submodule(path), size, engine)
    except Exception as error:  # what an engine raises has no class of its own
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise CourseError(
            f"engine={engine!r} cannot compute this image encoder ({reason}): set engine='torch'"
        ) from error
    encoder.set_submodule(path, compiled)
