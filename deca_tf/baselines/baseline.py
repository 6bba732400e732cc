"""The contract every baseline keeps: it learns when it is made, and scores all items."""

import logging
import os
import typing
from collections.abc import Iterable, Iterator
from dataclasses import InitVar
from itertools import product
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from deca_tf.data.interactions import Interactions
from deca_tf.parts.options import OneOf, option
from deca_tf.parts.part import Part

if TYPE_CHECKING:
    import tensorflow as tf

logger = logging.getLogger("deca_tf")


class Baseline(Part, family="baseline"):
    """Learns from clicks at once, without a training loop, and scores every item for a user.

    A subclass declares its settings, learns in `setup(interactions)`, and has `score_all_items`; or
    `query_embedding` and `candidate_embedding`, of which scores are the dot products. Where it has
    nothing to say, popularity decides, see `popularity.popularity_bonus`.

    What `setup` keeps as attributes is saved: arrays, SciPy CSR matrices, and what JSON holds.

    Attributes:
        GRID: the settings worth trying, `{setting: values}`, as declared by `search=OneOf(...)`.
        warns_of_weights: whether to say that `Interactions.weight` has no part in it.

    Stability: provisional.
    """

    interactions: InitVar[Interactions] = option(
        doc="`Interactions` to learn from, normally `split.train`. A repeated pair counts once."
    )

    table: typing.ClassVar[str] = "backbone"  # of the settings: a model as backbones are
    warns_of_weights: typing.ClassVar[bool] = True

    GRID: typing.ClassVar[dict[str, tuple]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        searched = {name: declared.search for name, declared in cls.declared.items()}
        cls.GRID = {
            name: search.values for name, search in searched.items() if isinstance(search, OneOf)
        }

    def __init__(self, *args: typing.Any, **kwargs: typing.Any) -> None:
        interactions = kwargs.get("interactions", args[0] if args else None)
        if interactions is not None:  # else the constructor says what is missing
            self._take_sizes(interactions)
        super().__init__(*args, **kwargs)
        if getattr(interactions, "weight", None) is not None and self.warns_of_weights:
            logger.warning(
                "%s counts each click once: the weights of the interactions are not used.",
                type(self).__name__,
            )

    def _take_sizes(self, interactions):
        self._num_users, self._num_items = interactions.num_users, interactions.num_items

    @property
    def num_users(self) -> int:
        """Size of the user id space."""
        return self._num_users

    @property
    def num_items(self) -> int:
        """Size of the item id space."""
        return self._num_items

    @classmethod
    def without_setup(cls, options: dict[str, Any]) -> Self:
        """One with settings that has not learned: what is to be filled in otherwise."""
        made = cls.__new__(cls)
        for name, declared in cls.declared.items():
            if not declared.init_only:
                value = declared.checked(options.get(name, declared.default))
                setattr(made, declared.attribute or name, value)
        return made

    def setup(self, interactions: Interactions) -> None:
        """Learns; settings are attributes by now, and so are the sizes."""
        raise NotImplementedError

    def query_embedding(self, user_ids: np.ndarray) -> np.ndarray:
        """User side of the score, int `(batch,)` to float32 `(batch, dim)`."""
        raise NotImplementedError(
            f"{type(self).__name__}'s score is no dot product. Use `score_all_items`."
        )

    def candidate_embedding(self, item_ids: np.ndarray) -> np.ndarray:
        """Item side of the score, int `(batch,)` to float32 `(batch, dim)`."""
        raise NotImplementedError(
            f"{type(self).__name__}'s score is no dot product. Use `score_all_items`."
        )

    @property
    def is_factorized(self) -> bool:
        """Whether a score is the dot product of the two embeddings."""
        return type(self).query_embedding is not Baseline.query_embedding

    def history_embedding(self, item_ids: "tf.Tensor") -> "tf.Tensor":
        """User side of the score for someone who is no user of the model, by what he took.

        Args:
            item_ids: int32 `(batch, n)`, each item once, padded with `num_items`.

        Returns:
            Float32 `(batch, dim)`, as `query_embedding`.
        """
        raise NotImplementedError(f"{type(self).__name__} encodes no histories.")

    @property
    def embeds_histories(self) -> bool:
        """Whether it has a `history_embedding`."""
        return type(self).history_embedding is not Baseline.history_embedding

    def score_all_items(self, user_ids: np.ndarray) -> np.ndarray:
        """Scores of every item: int `(batch,)` to floats `(batch, num_items)`."""
        return (
            self.query_embedding(user_ids) @ self.candidate_embedding(np.arange(self.num_items)).T
        )

    @classmethod
    def grid(
        cls, interactions: Interactions, combinations: Iterable[dict[str, Any]] | None = None
    ) -> Iterator[tuple[dict[str, Any], Self]]:
        """A baseline for each of several settings, learned together where that saves work.

        The baselines may share arrays, so none of them is to be changed.

        Args:
            interactions: as for the class itself.
            combinations: settings of each; None: all of `GRID`, without half-lives where there are
                no timestamps.

        Yields:
            `(settings, baseline)`, in the order of the combinations.

        Example:
            >>> two = [{"l2": 100.0}, {"l2": 100.0, "popularity_weight": 1.0}]
            >>> [ease.l2 for _, ease in deca_tf.baselines.EASE.grid(split.train, two)]
            [100.0, 100.0]
        """
        for settings in cls.combinations(interactions) if combinations is None else combinations:
            yield settings, cls(interactions, **settings)

    @classmethod
    def combinations(cls, interactions: Interactions) -> list[dict[str, Any]]:
        """All settings of `GRID` that the interactions allow, one after the other."""
        known = {
            name: values
            for name, values in cls.GRID.items()
            if name != "half_life" or interactions.timestamp is not None
        }
        return [dict(zip(known, values, strict=True)) for values in product(*known.values())]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes all of it into one file, which `deca_tf.baselines.load` reads.

        Settings, sizes and arrays, in NumPy's format `.npz` and without pickled objects. The file
        is never half there.

        Args:
            path: of the file.

        Raises:
            TypeError: it keeps something that is neither an array nor a SciPy CSR matrix, nor held
                by JSON.
        """
        from deca_tf.baselines.archive import save

        save(self, path)


def popularity_weight(*worth_trying: float) -> typing.Any:
    """The setting of this name, which many have."""
    return option(
        default=0.0,
        low=0,
        search=OneOf(*worth_trying),
        doc="Adds this times the share of users who took the item to its score; at 0 popularity ranks "
        "only what the model says nothing about, with a score of 0.",
    )


def half_life(*worth_trying: float) -> typing.Any:
    """The setting of this name, which many have."""
    return option(
        default=None,
        above=0,
        search=OneOf(None, *worth_trying),
        doc="Days after which a click counts half, by its age before the newest of training; not "
        "set: clicks of any age count 1. Needs timestamps.",
    )
