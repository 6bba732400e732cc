"""What methods share that reweight clicks by the losses of the last epoch."""

from dataclasses import KW_ONLY

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.data.interactions import Interactions
from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.parts.options import Between, option

_CHUNK = 2**18  # pairs that are scored at once when an epoch is over


class LossReweighting(Denoiser):
    """Keeps numbers for each training pair, which change when an epoch is over and not in between.

    A subclass creates its numbers in `create_state` and sets them in `reweight`. They are weights
    that are not trained, one for each distinct pair of the training data, so they are saved with
    the model; `adapt` must see that data before the first update, and `DeCAModel.fit` lets it where
    it is given `Interactions`.

    Differs: the methods' released codes collect an epoch's losses while it runs, of positives and
    negatives. Here the losses are those of all positives under the weights at the end of the epoch,
    in inference, so that they can be compared, and do not depend on the order of the batches.
    """

    _: KW_ONLY
    warm_up_epochs: int = option(
        default=2,
        low=0,
        search=Between(0, 6),
        doc="Epochs of normal training before the method begins.",
    )
    sizes: tuple[int, int, int] | None = option(
        default=None, hidden=True, doc="Users, items and pairs, set by `adapt`."
    )

    def setup(self) -> None:
        if self.sizes is not None:  # as it was saved
            self._create(*self.sizes)

    @property
    def needs_data(self) -> bool:  # type: ignore[override]
        return self.sizes is None

    def _create(self, num_users, num_items, num_pairs):
        self.sizes = (num_users, num_items, num_pairs)
        # int64, as Keras's own counters are: on a GPU TensorFlow keeps int32 variables in the CPU's
        # memory.
        self.pair_key = self.add_state("pair_key", num_pairs, dtype="int64")
        self.first_row = self.add_state("first_row", num_users + 1, dtype="int64")
        self.epochs_done = self.add_state("epochs_done", dtype="int64")
        self.create_state()

    def add_state(
        self, name: str, *shape: int, dtype: str = "float32", initializer: str = "zeros"
    ) -> keras.Variable:
        """Creates a weight that is not trained."""
        return self.add_weight(
            name=name, shape=shape, dtype=dtype, initializer=initializer, trainable=False
        )

    def create_state(self) -> None:
        """Creates the numbers of the method, by `add_state`; `sizes` is known."""
        raise NotImplementedError

    def reweight(self, user: np.ndarray, item: np.ndarray, loss: np.ndarray) -> None:
        """Sets them after an epoch.

        Args:
            user, item, loss: of all training pairs in the order of the keys, `(num_pairs,)`.
        """
        raise NotImplementedError

    def adapt(self, interactions: Interactions) -> None:
        keys = np.unique(interactions.pair_key)
        sizes = (interactions.num_users, interactions.num_items, len(keys))
        if self.sizes is None:
            if self.built:
                raise ValueError(
                    "`adapt` must be called before the denoiser is used. Received: a denoiser that "
                    "has been built already. Call `denoiser.adapt(split.train)` first."
                )
            self._create(*sizes)
        elif self.sizes != sizes or (
            np.any(self._keys()) and not np.array_equal(self._keys(), keys)
        ):
            raise ValueError(
                f"`interactions` must be those that the denoiser has adapted to: {self.sizes} "
                "users, items and pairs. "
                f"Received: {sizes}, or other pairs. Make a new denoiser for other data."
            )
        self.pair_key.assign(keys)
        self.first_row.assign(np.searchsorted(keys, np.arange(sizes[0] + 1) * sizes[1]))

    def on_epoch_end(self, target: keras.Model) -> None:
        self._check_adapted()
        self.epochs_done.assign_add(1)
        if int(ops.convert_to_numpy(self.epochs_done)) < self.warm_up_epochs:
            return
        user, item = np.divmod(self._keys(), self.sizes[1])
        loss = np.empty(len(user), np.float32)
        for start in range(0, len(user), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            inputs = {
                "user_id": user[chunk].astype(np.int32),
                "item_id": item[chunk].astype(np.int32),
            }
            logits = target(
                {name: ops.convert_to_tensor(ids) for name, ids in inputs.items()}, training=False
            )
            loss[chunk] = objectives.binary_cross_entropy(ops.cast(logits, "float32"), 1.0)
        self.reweight(user, item, loss)

    def rows(self, inputs: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Where pairs are among the training pairs.

        Args:
            inputs: `{"user_id", "item_id"}`, integer tensors `(batch,)`.

        Returns:
            `(row, is_known)`: int64 in `[0, num_pairs)` and boolean, `(batch,)`; the row of an
            unknown pair says nothing.
        """
        self._check_adapted()
        key = ops.cast(inputs["user_id"], "int64") * self.sizes[1] + ops.cast(
            inputs["item_id"], "int64"
        )
        row = ops.minimum(self._rows_below(key), self.sizes[2] - 1)
        return row, ops.equal(ops.take(self.pair_key, row, axis=0), key)

    def rows_of_user(self, user_id: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """First row of each user and the one after the last, int64 `(batch,)`."""
        return ops.take(self.first_row, user_id, axis=0), ops.take(
            self.first_row, user_id + 1, axis=0
        )

    def _rows_below(self, key):
        """How many training pairs have smaller keys, int64 `(batch,)`, by a binary search.

        Its number of steps is fixed. XLA would compare each key with each pair in `searchsorted`.
        """
        num_pairs = self.sizes[2]
        count = ops.zeros_like(key)
        for power in reversed(range(num_pairs.bit_length())):
            further = count + 2**power
            at = ops.take(self.pair_key, ops.minimum(further, num_pairs) - 1, axis=0)
            count = ops.where(ops.logical_and(further <= num_pairs, at < key), further, count)
        return count

    def _keys(self):
        return ops.convert_to_numpy(self.pair_key)

    def _check_adapted(self):
        if self.sizes is None:
            raise ValueError(
                f"{type(self).__name__} must know the training pairs before training. Received: "
                "none so far. Call "
                "`denoiser.adapt(split.train)` first, or `model.fit(split.train)`, which does."
            )


def mean_by(group, values, num_groups):
    """Mean of the values in each group, and which groups have any, `(num_groups,)` each."""
    count = np.bincount(group, minlength=num_groups)
    return np.bincount(group, weights=values, minlength=num_groups) / np.maximum(
        count, 1
    ), count > 0
