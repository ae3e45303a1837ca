"""LoRA adapters: what a text encoder learnt on other data, in a fiftieth of its size.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022: a layer's
weights stay as they are and get a correction of low rank, which alone is trained, and
which is added to the weights for good when the adapter is loaded.
"""

import warnings

import peft
import torch
from safetensors.torch import load_file, save_file

from ..io import replacing

RANK = 16
_SETTINGS = {"r": RANK, "lora_alpha": 2 * RANK, "lora_dropout": 0.05}
_TARGETS = "all-linear"


def add_adapter(encoder):
    """Freezes a `TextEncoder` and gives every linear layer of it a correction to train."""
    settings = peft.LoraConfig(target_modules=_TARGETS, **_SETTINGS)
    with warnings.catch_warnings():
        # peft asks for a property that transformers has renamed.
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        encoder.transformer = peft.get_peft_model(encoder.transformer, settings)


def save_adapter(encoder, head, path):
    """Saves an encoder's adapter and the classifier trained with it, in half precision."""
    state = {
        f"adapter.{k}": v for k, v in peft.get_peft_model_state_dict(encoder.transformer).items()
    }
    state |= {f"head.{name}": value for name, value in head.state_dict().items()}
    with replacing(path) as temporary:
        save_file(
            {name: v.detach().cpu().half().contiguous() for name, v in state.items()}, temporary
        )


def merge_adapter(encoder, path):
    """Adds a saved adapter to a `TextEncoder`'s weights; returns its classifier's state."""
    add_adapter(encoder)
    state = {name: value.float() for name, value in load_file(path).items()}
    part = {
        kind: {k.removeprefix(f"{kind}."): v for k, v in state.items() if k.startswith(f"{kind}.")}
        for kind in ("adapter", "head")
    }
    result = peft.set_peft_model_state_dict(encoder.transformer, part["adapter"])
    if result.unexpected_keys:
        raise ValueError(
            f"{path}: the adapter does not fit the encoder: {result.unexpected_keys[:3]}"
        )
    with torch.no_grad():
        encoder.transformer = encoder.transformer.merge_and_unload()
    return part["head"]
