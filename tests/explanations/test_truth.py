"""Which modality carries a demo post's label, and whether the shares say so."""

import numpy as np
import pandas as pd
import pytest
import torch

from mmsa_utils.config import LABELS, Config
from mmsa_utils.data.demo import read_sentences
from mmsa_utils.data.text import comparable
from mmsa_utils.errors import CourseError
from mmsa_utils.explanations import demo_carriers, held_out_contributions, shares_by_case
from mmsa_utils.explanations.truth import shapley_values
from mmsa_utils.models import SentimentModel
from mmsa_utils.prediction import make_post
from mmsa_utils.training import cross_validate

CONFIG = Config(epochs=3, head="gated", folds=3)


def test_the_shares_of_posts_are_those_that_the_set_was_made_with(demo):
    carriers = demo_carriers(demo.labelled)
    assert carriers.mean().tolist() == [0.625, 0.55]
    assert len(demo_carriers(demo.posts)) == 280


def test_a_text_that_carries_the_label_is_a_sentence_of_that_class(demo):
    kinds = {comparable(line): kind for kind, lines in read_sentences().items() for line in lines}
    decorations = ("…", "#photo", "&more")
    for post, carries in zip(demo.labelled, demo_carriers(demo.labelled)["text"], strict=True):
        key = comparable(post.text)
        for decoration in decorations:
            key = key.removesuffix(decoration)
        assert (kinds[key] == LABELS[post.label]) == carries


def test_posts_from_elsewhere_have_no_known_truth(demo):
    with pytest.raises(CourseError, match="post is no post of the demo set"):
        demo_carriers([demo.labelled[0], make_post("Something else")])


# ---- contributions ----------------------------------------------------------------------


def test_shapley_values_are_the_mean_over_both_orders():
    torch.manual_seed(0)
    model = SentimentModel(dims={"text": 8, "image": 6}, config=Config(head="gated")).eval()
    there = {f"{m}_present": torch.ones(5, dtype=torch.bool) for m in ("text", "image")}
    batch = {"text": torch.randn(5, 8), "image": torch.randn(5, 6), **there}
    batch["label"] = torch.arange(5) % 3
    found = shapley_values(model, batch)

    def worth(post, *shown):
        marks = {f"{m}_present": torch.tensor([m in shown]) for m in ("text", "image")}
        one = {name: value[[post]] for name, value in batch.items()} | marks
        with torch.inference_mode():
            answer = model({name: value[[post]] for name, value in batch.items()}).argmax()
            return float(model(one).softmax(1)[0, answer])

    for post in range(5):
        both, text, image, none = (
            worth(post, *s) for s in (("text", "image"), ("text",), ("image",), ())
        )
        assert found["text"][post] == pytest.approx((text - none + both - image) / 2, abs=1e-6)
        whole = found["text"][post] + found["image"][post]
        assert whole == pytest.approx(both - none, abs=1e-6)


def test_contributions_are_of_the_networks_that_cross_validation_trains(demo, tmp_path):
    found = held_out_contributions(demo, CONFIG)
    run = cross_validate(demo, CONFIG, store=tmp_path)
    assert found.index.tolist() == list(range(240))
    assert (found["right"] == (run.probabilities[0].argmax(1) == demo.labels)).all()
    assert not list(tmp_path.parent.glob("seed*.pt"))


def test_the_larger_share_is_counted_by_case():
    carriers = pd.DataFrame(
        {"text": [True, True, True, False, False], "image": [True, False, False, True, False]}
    )
    contributions = pd.DataFrame(
        {
            "text": [0.5, 0.1, -0.4, 0.1, 0.0],
            "image": [0.2, 0.3, 0.1, -0.2, 0.1],
            "right": [True, False, True, True, False],
        }
    )
    table = shares_by_case(contributions, carriers)
    assert table["posts"].tolist() == [1, 2, 1, 1]
    assert table.loc["only the text", "named"] == 0.5  # the second has -0.4, the larger share
    assert table.loc["only the picture", "named"] == 1.0
    assert np.isnan(table.loc["both", "named"])
    assert np.isnan(table.loc["neither", "named"])
    assert table["right"].tolist() == [1.0, 0.5, 1.0, 0.0]
    assert table["text larger"].tolist() == [1.0, 0.5, 0.0, 0.0]
