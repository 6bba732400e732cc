"""What backbones share whose score is a dot product: cosines, and a bonus for popular items."""

from dataclasses import KW_ONLY

import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import Backbone
from deca_tf.data.interactions import Interactions
from deca_tf.parts.options import option

LEAST_SQUARE = 1e-12  # of a vector that is normalised: a row of zeros stays finite


class Factorized(Backbone):
    """A backbone of one vector per user and per item, with the options that all of them have.

    A subclass applies `directed` to the vectors of both sides, and adds `item_offset` to the score.

    Raises:
        RuntimeError: with `popularity_bonus`, called before `adapt(split.train)`.
    """

    _: KW_ONLY
    cosine: bool = option(
        default=False,
        doc="Divides both vectors by their lengths: what a softmax over the catalogue "
        "(`--denoiser softmax`) learns best from.",
    )
    popularity_bonus: float = option(
        default=0.0,
        low=0,
        doc="What the score has for the popularity of an item, times `log(1 + clicks of the item in "
        "training)`, and is not learned. With cosines, and at the temperature of the softmax, "
        "vectors that say nothing rank by popularity.",
    )
    num_clicks: int | None = option(
        default=None, hidden=True, doc="Clicks that popularity was counted from, set by `adapt`."
    )

    def setup(self) -> None:
        self.log_popularity = None
        if self.popularity_bonus:
            self.log_popularity = self.add_weight(
                name="log_popularity",
                shape=(self.num_items,),
                initializer="zeros",
                trainable=False,
                autocast=False,
            )

    @property
    def needs_data(self) -> bool:  # type: ignore[override]
        return self.log_popularity is not None and self.num_clicks is None

    def adapt(self, interactions: Interactions) -> None:
        """Counts the clicks of each item in `interactions`, normally `split.train`."""
        if self.log_popularity is None:
            return
        pairs = self.check_adapts(interactions, self.num_clicks)
        clicks = np.bincount(pairs.indices, minlength=self.num_items)
        self.log_popularity.assign(np.log1p(clicks))
        self.num_clicks = pairs.nnz

    def directed(self, vectors: tf.Tensor) -> tf.Tensor:
        """Vectors `(..., dim)`, divided by their lengths where the score is a cosine."""
        if self.needs_data:
            raise RuntimeError(
                f"{type(self).__name__} must count popularity before it is called: "
                "`model.adapt(split.train)`."
            )
        if not self.cosine:
            return vectors
        squares = ops.sum(ops.square(vectors), axis=-1, keepdims=True)
        return vectors * ops.rsqrt(ops.maximum(squares, LEAST_SQUARE))

    def item_offset(self, item_ids: tf.Tensor | None = None) -> tf.Tensor | None:
        """What the bonus adds to the scores of items, of the ids' shape; None where there is none.

        Of all items `(num_items,)` where none are given.
        """
        if self.log_popularity is None:
            return None
        bonus = self.popularity_bonus * ops.convert_to_tensor(self.log_popularity)
        return bonus if item_ids is None else ops.take(bonus, item_ids, axis=0)
