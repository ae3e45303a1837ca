"""LoRA weights: saved, merged, and refused by an encoder that they were not made for."""

import pytest
import torch
from transformers import MPNetConfig, MPNetModel

from mmsa_utils.encoders import TextEncoder, build_text_encoder
from mmsa_utils.encoders.lora import add_lora, merge_lora, save_lora
from mmsa_utils.encoders.minilm import TWEETS
from mmsa_utils.encoders.weights import shipped_file
from mmsa_utils.errors import CourseError


def test_lora_is_the_same_after_saving_and_merging(tmp_path):
    torch.manual_seed(0)
    encoder, head = build_text_encoder("minilm"), torch.nn.Linear(384, 3)
    add_lora(encoder)
    for name, weight in encoder.named_parameters():
        if "lora_B" in name:  # as if trained: untrained it changes nothing
            torch.nn.init.normal_(weight, std=0.02)
    tokens = encoder.tokenize(["a sunny day", "rain again"], max_tokens=16)
    save_lora(encoder, head, tmp_path / "a.safetensors")
    merged = build_text_encoder("minilm")
    with torch.inference_mode():
        plain = merged(tokens)
        state = merge_lora(merged, tmp_path / "a.safetensors")
        assert torch.allclose(merged(tokens), encoder.eval()(tokens), atol=1e-2)
        assert not torch.allclose(merged(tokens), plain, atol=1e-2)
    assert torch.allclose(state["weight"], head.weight, atol=1e-3)


def test_only_the_correction_is_trained():
    encoder = build_text_encoder("minilm")
    weights = sum(p.numel() for p in encoder.parameters())
    add_lora(encoder)
    trained = {name: p.numel() for name, p in encoder.named_parameters() if p.requires_grad}
    assert all("lora" in name for name in trained)
    assert 0 < sum(trained.values()) < weights / 20


def test_mpnet_learns_in_every_layer_and_not_in_the_pooler(tmp_path, small_bert):
    def encoder():
        torch.manual_seed(0)
        config = MPNetConfig(
            vocab_size=40,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=24,
        )
        return TextEncoder(MPNetModel(config).eval(), small_bert[1])

    tuned, head = encoder(), torch.nn.Linear(16, 3)
    add_lora(tuned)
    trained = [name for name, weight in tuned.named_parameters() if weight.requires_grad]
    assert len(trained) == 2 * 6 * 2  # in a layer: queries, keys, values, output, two wide ones
    assert not [name for name in trained if "pooler" in name]
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.02)
    save_lora(tuned, head, tmp_path / "a.safetensors")
    merged = encoder()
    merge_lora(merged, tmp_path / "a.safetensors")
    tokens = {"input_ids": torch.tensor([[2, 7, 9]]), "attention_mask": torch.ones(1, 3).long()}
    with torch.inference_mode():
        assert torch.allclose(merged(tokens), tuned.eval()(tokens), atol=1e-3)
        assert not torch.allclose(merged(tokens), encoder()(tokens), atol=1e-3)


def test_lora_of_another_encoder_is_refused(small_bert):
    with pytest.raises(CourseError, match=f"{TWEETS}: these LoRA weights do not fit"):
        merge_lora(TextEncoder(*small_bert), shipped_file(TWEETS)[0])
