"""The tweet-tuned MiniLM judges texts, and is another encoder than the plain one."""

import torch

from mmsa_utils.encoders import build_text_encoder, build_tweet_classifier


def test_the_tweet_classifier_knows_joy_from_anger():
    encoder, classifier = build_tweet_classifier()
    texts = ["what a wonderful day, so happy!", "this is awful, I hate it", "the bus leaves at 5"]
    with torch.inference_mode():
        said = classifier(encoder(encoder.tokenize(texts, max_tokens=64))).argmax(1)
    assert said.tolist() == [2, 0, 1]


def test_the_tuned_encoder_has_vectors_and_a_fingerprint_of_its_own():
    plain, tuned = build_text_encoder("minilm"), build_text_encoder("minilm_tweets")
    assert plain.fingerprint != tuned.fingerprint  # or they would share cached features
    tokens = plain.tokenize(["a sunny day"], max_tokens=8)
    with torch.inference_mode():
        assert not torch.allclose(plain(tokens), tuned(tokens), atol=1e-2)
