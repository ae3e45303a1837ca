"""LoRA: what a text encoder learnt on other data, in a fiftieth of its size.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022: a layer's
weights stay as they are and get a correction of low rank, which alone is trained, and
which is added to the weights for good when it is loaded.
"""

import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ..errors import CourseError
from ..io import replacing
from .text import TextEncoder

RANK = 16
SCALE = 2  # of a correction

# The two kinds of names in a saved file; the shipped one has them.
_LORA, _HEAD = "adapter.", "head."
_WRAPPED = "base_model.model."  # what peft puts before the name of a layer


def add_lora(encoder: TextEncoder) -> None:
    """Freezes an encoder and gives every linear layer that its vectors pass a correction to train.

    The pooler is none of them: a text's vector is the mean of its tokens.
    """
    import peft  # takes seconds, and what is only loaded does without

    modules = encoder.transformer.named_modules()
    settings = peft.LoraConfig(
        target_modules=[
            name
            for name, module in modules
            if isinstance(module, nn.Linear) and not name.startswith("pooler")
        ],
        r=RANK,
        lora_alpha=SCALE * RANK,
        lora_dropout=0.05,
    )
    with warnings.catch_warnings():
        # peft asks for a property that transformers has renamed.
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        encoder.transformer = peft.get_peft_model(encoder.transformer, settings)


def save_lora(encoder: TextEncoder, head: nn.Module, path: Path) -> None:
    """Saves an encoder's LoRA weights and the classifier trained with them, in half precision."""
    import peft

    lora = peft.get_peft_model_state_dict(encoder.transformer)
    state = {_LORA + name: value for name, value in lora.items()}
    state |= {_HEAD + name: value for name, value in head.state_dict().items()}
    halves = {name: value.detach().cpu().half().contiguous() for name, value in state.items()}
    with replacing(path) as temporary:
        save_file(halves, temporary)


def _part(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    chosen = {name: value for name, value in state.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): value.float() for name, value in chosen.items()}


@torch.no_grad()
def merge_lora(encoder: TextEncoder, path: Path) -> dict[str, torch.Tensor]:
    """Adds saved LoRA weights to an encoder's own, for good.

    Returns:
        The state of the classifier that was saved with them.

    Raises:
        CourseError: where they were made for another encoder.
    """
    state = load_file(path)
    lora, narrow = _part(state, _LORA), ".lora_A.weight"
    layers = [name.removesuffix(narrow) for name in lora if name.endswith(narrow)]
    try:
        for layer in layers:
            correction = lora[f"{layer}.lora_B.weight"] @ lora[layer + narrow]  # (out, in)
            linear = encoder.transformer.get_submodule(layer.removeprefix(_WRAPPED))
            linear.weight += SCALE * correction
    except (AttributeError, RuntimeError) as error:  # layers that it has not, or of other shapes
        raise CourseError(f"{path}: these LoRA weights do not fit the encoder") from error
    return _part(state, _HEAD)
