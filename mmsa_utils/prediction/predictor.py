"""A trained model that answers: on one post or on many, with each modality's part in it."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import cast, overload

import numpy as np
import torch
from numpy.typing import ArrayLike

from ..config import Config
from ..data.posts import Dataset, Post
from ..data.problems import problem_table
from ..encoders.held import Encoder, HeldEncoders
from ..encoders.text import TextEncoder
from ..errors import CourseError
from ..io import Record
from ..models.fusion import SentimentModel
from ..models.trainable import Batch
from ..training.batches import PostData
from .looking import NAMES, Seen, has, look
from .posts import Picture, make_post
from .result import Prediction

Pair = tuple[str | None, Picture | None]  # a text and a picture
Players = tuple[str, ...]  # the modalities that are shown in a pass

BATCH = 64  # posts that are read and answered together
BOTH = "both"  # the situation in which a model sees all that it looks at


class Predictor:
    """A trained model and its encoders: texts and pictures in, answers out.

    Args:
        model: on the CPU.
        config: that it was trained by.
        facts: what is known of it. Used are `temperatures` and `least`, as
            `evaluation.calibration.calibration_facts` gives them.

    Attributes:
        model: in evaluation mode.
        config: as given.
        facts: as given; `temperatures` {"both" | "text" | "image": T}, by what a post has, is
            complete, with 1 where none was given, and `calibrated` says whether any was.
        classes: names of the K classes.
        encoders: the frozen encoders, built when they are first needed and then kept.
    """

    def __init__(self, model: SentimentModel, config: Config, facts: Record) -> None:
        self.model, self.config, self.classes = model.eval(), config, model.classes
        self.encoders = HeldEncoders(config)
        known = facts.get("temperatures", {})
        situations = (BOTH, *(self.modalities if len(self.modalities) > 1 else ()))
        temperatures = {name: known.get(name, 1.0) for name in situations}
        self.facts = {**facts, "temperatures": temperatures, "calibrated": bool(known)}

    @property
    def modalities(self) -> Players:
        """What the model looks at: `text`, `image` or both. Words in a picture belong to it."""
        return tuple(name for name in NAMES if name in self.model.modalities)

    # ---- answers --------------------------------------------------------------------------

    @overload
    def predict(self, posts: Sequence[Post | Pair]) -> list[Prediction]:
        """Of many posts."""

    @overload
    def predict(
        self, posts: None = None, *, text: str | None = None, image: Picture | None = None
    ) -> Prediction:
        """Of a single one."""

    def predict(
        self,
        posts: Sequence[Post | Pair] | None = None,
        *,
        text: str | None = None,
        image: Picture | None = None,
    ) -> Prediction | list[Prediction]:
        """The answer on one post, or on many.

        Args:
            posts: N posts, or N pairs of a text and a picture, each as below.
            text: of a single post; None where it has none.
            image: its picture: a file's path, a file's bytes, a picture of Pillow, or an array
                of uint8, `(H, W)`, `(H, W, 3)` or `(H, W, 4)`; None where it has none.

        Returns:
            A `Prediction` of the text and the picture; a list of N where `posts` are given.

        Raises:
            CourseError: in one line, where a picture cannot be read, or a post has nothing that
                the model looks at.
        """
        if posts is None:
            return self._answer([make_post(text, image)])[0]
        if text is not None or image is not None or isinstance(posts, str | bytes | Post):
            raise CourseError("give a sequence of posts, or text=... and image=... of a single one")
        starts = range(0, len(posts), BATCH)
        parts = (_made(posts[start : start + BATCH], start) for start in starts)
        return [prediction for part in parts for prediction in self._answer(part)]

    def _answer(self, posts: Sequence[Post]) -> list[Prediction]:
        seen = [self._look(post) for post in posts]
        passes = self._passes([one.post for one in seen])
        return [
            self._prediction(one, {shown: table[n] for shown, table in passes.items()})
            for n, one in enumerate(seen)
        ]

    def _prediction(self, seen: Seen, passes: Mapping[Players, np.ndarray]) -> Prediction:
        """An answer from the `(K,)` probabilities of each pass."""
        probabilities = passes[self.modalities]
        value = {shown: float(p[probabilities.argmax()]) for shown, p in passes.items()}
        return Prediction(
            classes=self.classes,
            probabilities=probabilities,
            views={name: passes[name,] for name in self.modalities if has(seen.post, name)},
            contributions={name: _shapley(value, name) for name in self.modalities},
            notes=seen.notes,
        )

    def least(self, threshold: float, given: Sequence[str] = ("text", "image")) -> Record:
        """What it brings, and costs, to answer only where the model is sure enough.

        Counted on the posts of its cross-validation, by networks that had not seen them.

        Args:
            threshold: a probability; answers that are less sure are refused. The nearest
                hundredth counts.
            given: the modalities that the posts have.

        Returns:
            `{"refused": share of posts, "accuracy_of_rest": of the others, None where there
            are none, "posts": how many there were}`.

        Raises:
            CourseError: where the threshold is no probability, or the model came without these
                figures.
        """
        if not 0 <= threshold <= 1:
            raise CourseError(f"least={threshold}: give a probability, from 0 to 1")
        situation = self._situation([name for name in self.modalities if name in given])
        table = self.facts.get("least", {}).get(situation)
        if not table:
            raise CourseError(
                "this model came without the figures that say how many posts are refused: "
                "train it again"
            )
        row = min(table["steps"], key=lambda step: abs(step["least"] - threshold))
        rest = {"refused": row["refused"], "accuracy_of_rest": row["accuracy"]}
        return {**rest, "posts": table["posts"]}

    # ---- what goes in ---------------------------------------------------------------------

    def batch(self, posts: Sequence[Post]) -> Batch:
        """The model's input for N posts: features, tokens or pixels, and who is there.

        Raises:
            CourseError: as `predict`.
        """
        return self._data([self._look(post).post for post in posts])

    def _look(self, post: Post) -> Seen:
        return look(
            post,
            streams=self.model.modalities,
            encoders=self._text_encoders(),
            max_tokens=self.config.max_tokens,
        )

    def _text_encoders(self) -> Sequence[TextEncoder]:
        if "text" not in self.modalities:
            return ()
        trained = "text" in self.model.encoders
        found = [self._trained("text")] if trained else self.encoders.of("text")
        return cast(Sequence[TextEncoder], found)

    def _trained(self, modality: str) -> Encoder:
        """What posts are read by for an encoder that was trained along."""
        if self.config.is_cut(modality):  # the model has its upper part alone
            return self.encoders.of(modality)[0]
        return cast(Encoder, self.model.encoders[modality])

    def _data(self, posts: Sequence[Post]) -> Batch:
        dataset = Dataset("posts", (), tuple(posts), problem_table([]), self.classes)
        trained = {name: self._trained(name) for name in self.model.encoders}
        data = PostData(dataset, self.config, trained, self.encoders.features)
        return data.batch(np.arange(len(posts)))

    # ---- what comes out -------------------------------------------------------------------

    @torch.inference_mode()
    def logits(
        self, posts: Sequence[Post], present: Mapping[str, ArrayLike] | None = None
    ) -> np.ndarray:
        """`(N, K)` logits, not calibrated.

        Args:
            posts: N posts.
            present: by modality, False where it is to be hidden, for all posts or for each
                `(N,)`. The words in a picture are hidden with it.

        Raises:
            CourseError: as `predict`.
        """
        vectors, there = self.model.embed(self.batch(posts))
        for column, stream in enumerate(self.model.modalities):
            shown = torch.as_tensor(np.asarray((present or {}).get(_owner(stream), True)))
            there[:, column] &= shown
        return self.model.head(vectors * there.unsqueeze(-1), there).numpy()

    @torch.inference_mode()
    def _passes(self, posts: Sequence[Post]) -> dict[Players, np.ndarray]:
        """`(N, K)` calibrated probabilities for every choice of modalities that are shown.

        The encoders run once; all choices go through the head as one batch.
        """
        vectors, present = self.model.embed(self._data(posts))  # (N, M, E), (N, M)
        choices = _choices(self.modalities)
        masks = [[_owner(stream) in shown for stream in self.model.modalities] for shown in choices]
        there = present & torch.tensor(masks).unsqueeze(1)  # (P, N, M)
        shown = (vectors * there.unsqueeze(-1)).flatten(0, 1)  # (P * N, M, E)
        logits = self.model.head(shown, there.flatten(0, 1)).unflatten(0, there.shape[:2])
        temperatures = torch.tensor(
            [[self._temperature(row) for row in of_choice] for of_choice in there.tolist()]
        )
        tables = (logits / temperatures.unsqueeze(-1)).double().softmax(-1).numpy()
        return dict(zip(choices, tables, strict=True))

    def _temperature(self, there: Sequence[bool]) -> float:
        """Of a post, by which of the model's streams it shows."""
        shown = {
            _owner(s) for s, is_there in zip(self.model.modalities, there, strict=True) if is_there
        }
        temperature: float = self.facts["temperatures"][self._situation(shown)]
        return temperature

    def _situation(self, shown: Sequence[str] | set[str]) -> str:
        """What temperatures and refusals are recorded by."""
        only = [name for name in self.modalities if name in shown]
        return only[0] if len(only) == 1 < len(self.modalities) else BOTH


def _owner(stream: str) -> str:
    """The modality that one of the model's streams belongs to."""
    return "image" if stream == "words" else stream


def _choices(players: Players) -> list[Players]:
    """All sets of players, from nobody to everybody, each in their order."""
    return [chosen for size in range(len(players) + 1) for chosen in combinations(players, size)]


def _shapley(value: Mapping[Players, float], player: str) -> float:
    """A player's Shapley value in a game of one or two: the mean over all orders of joining."""
    everybody = max(value, key=len)
    others = tuple(name for name in everybody if name != player)
    first, last = value[player,] - value[()], value[everybody] - value[others]
    return (first + last) / 2


def _made(posts: Sequence[Post | Pair], start: int) -> list[Post]:
    """Posts, of which the first has the number `start` (from 0) among all."""
    return [_as_post(post, start + n + 1) for n, post in enumerate(posts)]


def _as_post(post: Post | Pair, number: int) -> Post:
    if isinstance(post, Post):
        return post
    if isinstance(post, str) or len(post) != 2:
        raise CourseError(f"post {number} is no pair: give (text, image), None for what is missing")
    try:
        return make_post(*post, guid=f"post {number}")
    except CourseError as error:
        raise CourseError(f"post {number}: {error}") from error
