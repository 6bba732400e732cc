"""The contract every baseline keeps: it learns when it is made, and scores all items."""

import logging
import typing
from dataclasses import InitVar
from typing import Any

import numpy as np

from deca_tf.data.interactions import Interactions
from deca_tf.parts.options import OneOf, option
from deca_tf.parts.part import Part

logger = logging.getLogger("deca_tf")


class Baseline(Part, family="baseline"):
    """Learns from clicks at once, without a training loop, and scores every item for a user.

    A subclass declares its settings, learns in `setup(interactions)`, and has `num_items` and
    `score_all_items`. Where it has nothing to say, popularity decides, see
    `popularity.popularity_bonus`. A click counts once, whatever it weighs, and a warning says so.

    Attributes:
        GRID: the settings worth trying, `{setting: values}`, as declared by `search=OneOf(...)`.

    Stability: provisional.
    """

    interactions: InitVar[Interactions] = option(
        doc="`Interactions` to learn from, normally `split.train`. A repeated pair counts once."
    )

    warns_of_weights = True

    GRID: typing.ClassVar[dict[str, tuple]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        searched = {name: declared.search for name, declared in cls.declared.items()}
        cls.GRID = {
            name: search.values for name, search in searched.items() if isinstance(search, OneOf)
        }

    def __init__(self, *args: typing.Any, **kwargs: typing.Any) -> None:
        super().__init__(*args, **kwargs)
        interactions = kwargs.get("interactions", args[0] if args else None)
        if getattr(interactions, "weight", None) is not None and self.warns_of_weights:
            logger.warning(
                "%s counts each click once: the weights of the interactions are not used.",
                type(self).__name__,
            )

    @property
    def num_items(self) -> int:
        """Size of the item id space."""
        raise NotImplementedError

    def setup(self, interactions: Interactions) -> None:
        """Learns; settings are attributes by now."""
        raise NotImplementedError

    def score_all_items(self, user_ids: np.ndarray) -> np.ndarray:
        """Scores of every item: int `(batch,)` to floats `(batch, num_items)`."""
        raise NotImplementedError


def popularity_weight(*worth_trying: float) -> typing.Any:
    """The setting of this name, which many have."""
    return option(
        default=0.0,
        low=0,
        search=OneOf(*worth_trying),
        doc="Adds this times the share of users who took the item to its score; at 0 popularity ranks "
        "only what the model says nothing about, with a score of 0.",
    )
