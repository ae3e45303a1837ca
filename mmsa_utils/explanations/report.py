"""One post explained: the answer, its words, the regions of its picture, each modality's part."""

from dataclasses import dataclass

import numpy as np

from ..errors import CourseError
from ..prediction.posts import Picture, make_post
from ..prediction.predictor import Predictor
from ..prediction.result import Prediction
from .network import network_of
from .parts import leave_one_out
from .regions import grad_cam, occlusion, seen_picture
from .target import Target
from .words import WordParts, integrated_gradients

_FAR, _SEEN = 0.1, 0.05  # an error of the gradients' sum that is spoken of: of them all, at least


@dataclass(frozen=True)
class Explanation:
    """Why a model answers as it does on one post. All scores are in log-odds of the answer.

    What the post has not, or the model does not look at, is empty: no words, None for a picture.

    Attributes:
        prediction: the answer that is explained.
        words: F of them, as far as the model reads.
        left_out: `(F,)`, what is lost without each word, see `parts.leave_one_out`.
        gradients: `(F,)`, integrated gradients, see `words.integrated_gradients`.
        picture: `(S, S, 3)` uint8, as the image encoder sees it.
        occlusion: `(S, S)`, what is lost where a patch is covered, see `regions.occlusion`.
        grad_cam: `(S, S)` from 0 to 1, see `regions.grad_cam`; None where an encoder has no such
            map, which is said in `notes`.
        notes: what a reader has to know, a sentence each; the prediction's first.
    """

    prediction: Prediction
    words: tuple[str, ...]
    left_out: np.ndarray
    gradients: np.ndarray
    picture: np.ndarray | None
    occlusion: np.ndarray | None
    grad_cam: np.ndarray | None
    notes: tuple[str, ...]


def explain_post(
    model: Predictor, *, text: str | None = None, image: Picture | None = None
) -> Explanation:
    """Why a model answers as it does on one's own post; takes a few seconds.

    Args:
        model: from `load_model`.
        text: of the post; None where it has none.
        image: its picture, as `Predictor.predict` takes it; None where it has none.

    Raises:
        CourseError: in one line, as `Predictor.predict`; where a text encoder reads no tokens, or
            cannot say where they stand.
    """
    post = make_post(text, image)
    prediction = model.predict([post])[0]
    target = Target(network_of(model), post)
    words, left_out, gradients, on_words = _of_words(target)
    picture, occluded, cam, on_picture = _of_picture(target)
    return Explanation(
        prediction=prediction,
        words=words,
        left_out=left_out,
        gradients=gradients,
        picture=picture,
        occlusion=occluded,
        grad_cam=cam,
        notes=(*prediction.notes, *on_words, *on_picture),
    )


_Words = tuple[tuple[str, ...], np.ndarray, np.ndarray, tuple[str, ...]]
_Maps = tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None, tuple[str, ...]]


def _of_words(target: Target) -> _Words:
    """Words, their scores left out, their gradients, and notes."""
    if not target.has("text"):
        return (), np.zeros(0), np.zeros(0), ()
    parts = WordParts(target)
    found = integrated_gradients(parts)
    far = abs(found.gap) > max(_SEEN, _FAR * float(np.abs(found.scores).sum()))
    notes = (f"the gradients of the words add up with an error of {found.gap:.2f}",) if far else ()
    return parts.words, leave_one_out(parts), found.scores, notes


def _of_picture(target: Target) -> _Maps:
    """The picture, its occlusion, its Grad-CAM, and notes."""
    if not target.has("image"):
        return None, None, None, ()
    seen, occluded = seen_picture(target), occlusion(target)
    try:
        return seen, occluded, grad_cam(target), ()
    except CourseError as error:
        return seen, occluded, None, (str(error),)
