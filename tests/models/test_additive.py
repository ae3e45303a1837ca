"""The additive projection: against all pairs, one by one, and on heads that do and do not add."""

import pytest
import torch
from torch.overrides import TorchFunctionMode

from mmsa_utils.config import HEADS
from mmsa_utils.models import additive, additive_projection, hide

WORDS = {"text": 384, "image": 1280, "words": 4}


def row(batch, text, picture):
    """A batch of one post: the text of one, the picture of another, and the words in it."""
    source = {"text": text, "image": picture, "words": picture, "label": picture}
    return {name: value[[source[name.removesuffix("_present")]]] for name, value in batch.items()}


def by_hand(model, batch):
    """Hessel and Lee's figure 3, pair by pair."""
    count = len(batch["label"])
    with torch.inference_mode():
        table = torch.stack(
            [
                torch.cat([model(row(batch, text, picture)) for picture in range(count)])
                for text in range(count)
            ]
        )
    return table.mean(1) + table.mean(0) - table.mean((0, 1))


@pytest.mark.parametrize("head", HEADS)
def test_it_is_the_projection_that_a_double_loop_finds(head, make_model, make_batch):
    model, batch = make_model(head), make_batch(6)
    found = additive_projection(model, batch)
    assert found.shape == (6, 3)
    assert torch.allclose(found, by_hand(model, batch), atol=1e-5)


def test_chunks_change_nothing(make_model, make_batch, monkeypatch):
    model, batch = make_model("bilinear"), make_batch(7)
    whole = additive_projection(model, batch)
    monkeypatch.setattr(additive, "_AT_ONCE", 15)  # two texts at a time
    assert torch.allclose(additive_projection(model, batch), whole, atol=1e-6)


def test_the_words_in_a_picture_go_with_it(make_model, make_batch):
    model, batch = make_model("gated", dims=WORDS), make_batch(5)
    batch["words"] = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    batch["words_present"] = torch.tensor([True, False, True, True, False])
    assert torch.allclose(additive_projection(model, batch), by_hand(model, batch), atol=1e-5)


def test_missing_modalities_take_part_as_missing(make_model, make_batch):
    model, batch = make_model("attention"), make_batch(5)
    batch["text_present"][1] = batch["image_present"][3] = False
    assert torch.allclose(additive_projection(model, batch), by_hand(model, batch), atol=1e-5)


def test_a_head_that_adds_is_its_own_projection_and_one_that_multiplies_is_not(
    make_model, make_batch
):
    batch = make_batch(20)
    with torch.inference_mode():
        gap = {
            head: (additive_projection(model, batch) - model(batch)).abs().max().item()
            for head in ("concat", "bilinear")
            for model in [make_model(head)]
        }
    assert gap["concat"] < 1e-5
    assert gap["bilinear"] > 1e-2


@pytest.mark.parametrize("mode", ["text", "image"])
def test_what_looks_at_one_modality_is_its_own_projection(mode, make_model, make_batch):
    batch = make_batch(6)
    one = make_model(dims={mode: WORDS[mode]})
    assert torch.allclose(additive_projection(one, batch), one(batch), atol=1e-5)
    hidden = hide(batch, "image" if mode == "text" else "text")
    fused = make_model("bilinear")
    assert torch.allclose(additive_projection(fused, hidden), fused(hidden), atol=1e-5)


def test_a_single_post_is_its_own_projection_and_dropout_is_off(make_model, make_batch):
    model, batch = make_model("bilinear"), make_batch(1)
    expected = model(batch)
    assert torch.allclose(additive_projection(model.train(), batch), expected, atol=1e-6)


class Apple(TorchFunctionMode):
    """As on Apple's GPUs: what was not brought to the CPU cannot become float64."""

    def __init__(self):
        super().__init__()
        self.on_cpu = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.zeros and kwargs.get("device") and kwargs.get("dtype") is torch.float64:
            raise TypeError("MPS has no float64")
        if func is torch.Tensor.double and not any(args[0] is there for there in self.on_cpu):
            raise TypeError("MPS has no float64")
        found = func(*args, **kwargs)
        if func is torch.Tensor.cpu:
            self.on_cpu.append(found)
        return found


def test_sums_are_taken_where_there_is_float64(make_model, make_batch):
    model, batch = make_model("bilinear"), make_batch(4)
    expected = additive_projection(model, batch)
    with Apple():
        found = additive_projection(model, batch)
    assert torch.equal(found, expected)
