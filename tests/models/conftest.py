import pytest
import torch

from mmsa_utils.config import LABELS, Config
from mmsa_utils.models import SentimentModel

DIMS = {"text": 384, "image": 1280}


@pytest.fixture
def make_batch():
    """A function that makes a batch of random features, of which a modality may be absent."""

    def make(posts, *, text=True, image=True):
        generator = torch.Generator().manual_seed(0)
        return {
            "label": torch.arange(posts) % 3,
            "text": torch.randn(posts, DIMS["text"], generator=generator),
            "image": torch.randn(posts, DIMS["image"], generator=generator),
            "text_present": torch.full((posts,), text),
            "image_present": torch.full((posts,), image),
        }

    return make


@pytest.fixture
def make_model():
    """A function that makes a model in evaluation mode, the same weights at every call."""

    def make(head="concat", *, dims=DIMS, classes=LABELS, **settings):
        torch.manual_seed(0)
        config = Config(head=head, **settings)
        return SentimentModel(dims=dims, config=config, classes=classes).eval()

    return make
