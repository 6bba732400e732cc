"""What backbones that encode users' histories have in common: the histories, kept and read."""

import typing
from dataclasses import KW_ONLY
from typing import Any

import keras
import numpy as np
import scipy.sparse
import tensorflow as tf

from deca_tf.backbones.backbone import Backbone
from deca_tf.data.hashing import mixed_bits
from deca_tf.data.interactions import Interactions
from deca_tf.data.ragged import values_of_rows
from deca_tf.parts.options import Between, option


class Histories(typing.NamedTuple):
    """Histories of some users, one after the other.

    Attributes:
        user_id: integer tensor `(users,)`.
        row: whose each item is, by the place in `user_id`, int32 `(n,)`; -1 of an item that is
            nobody's of these.
        item_id: int32 `(n,)`.
        position: where each lies among all that the backbone has adapted to, int32 `(n,)`.
        target: float32 `(n,)`, the weight that the interactions had, or None: 1 for each.
    """

    user_id: tf.Tensor
    row: tf.Tensor
    item_id: tf.Tensor
    position: tf.Tensor
    target: tf.Tensor | None = None


class EncodesHistories(Backbone):
    """A backbone that makes a user's vector of his history.

    A subclass creates what it learns in `setup`, sets `supports_jit`, and then calls this `setup`.
    Under XLA, which must know all shapes, whatever encodes some users goes through all histories.

    Raises:
        RuntimeError: called before `adapt(split.train)`.

    Stability: provisional.
    """

    _: KW_ONLY
    corruption: float = option(
        default=0.0,
        low=0,
        below=1,
        search=Between(0.0, 0.8, step=0.1),
        doc="Probability that an item of the history is left out in training.",
    )
    num_edges: int | None = option(
        default=None, hidden=True, doc="Interactions in the histories, set by `adapt`."
    )
    has_targets: bool = option(
        default=False, hidden=True, doc="Whether they have weights, set by `adapt`."
    )

    def setup(self) -> None:
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        if self.num_edges is not None:
            self._add_histories(self.num_edges)

    def _add_histories(self, num_edges):
        """Room for the histories."""
        self.num_edges = num_edges
        self._add_constant("items_of_users", num_edges)
        self._add_constant("user_degree", self.num_users)
        # What follows from the degrees, so that no update works it out anew.
        if self.supports_jit:
            self._add_constant("user_of_edge", num_edges)
        else:
            self._add_constant("first_edge", self.num_users)
        if self.has_targets:
            self._add_constant("target_of_edge", num_edges, "float32")

    def _add_constant(self, name, length, dtype="int32"):
        weight = self.add_weight(
            name=name, shape=(length,), dtype=dtype, initializer="zeros", trainable=False
        )
        setattr(self, name, weight)

    def adapt(self, interactions: Interactions) -> None:
        """Takes the histories from `interactions`, normally `split.train`; a pair counts once.

        Their weights, those of a repeated pair summed, are what a denoiser of layout "users" is to
        find of each click.
        """
        histories = self.check_adapts(interactions, self.num_edges)
        if self.num_edges is None:
            self.has_targets = interactions.weight is not None
            self._add_histories(histories.nnz)
        self._take_in(histories, interactions)

    def _take_in(self, histories, interactions):
        self.items_of_users.assign(histories.indices)
        self.user_degree.assign(np.diff(histories.indptr))
        if self.supports_jit:
            self.user_of_edge.assign(histories.tocoo().row)
        else:
            self.first_edge.assign(histories.indptr[:-1])
        if self.has_targets:
            weight = interactions.weight
            self.target_of_edge.assign(
                np.ones(histories.nnz) if weight is None else values_of_pairs(interactions, weight)
            )
        elif interactions.weight is not None:
            raise ValueError(
                "`interactions` must be those that the backbone has adapted to, without weights. "
                "Received: weights. Make a new backbone for other data."
            )

    @property
    def needs_data(self) -> bool:  # type: ignore[override]
        return self.num_edges is None

    def check_adapted(self) -> None:
        """Refuses to encode what is not known yet.

        Raises:
            RuntimeError: `adapt` is still to come.
        """
        if self.num_edges is None:
            raise RuntimeError(
                f"{type(self).__name__} must be given the histories before it is called: "
                "`model.adapt(split.train)`."
            )

    def histories_of(self, user_ids: tf.Tensor) -> Histories:
        """The histories of some users.

        Args:
            user_ids: integer tensor `(users,)`. Of equal ones only one has a history where the
                backbone supports XLA.
        """
        self.check_adapted()
        user_ids, target = tf.convert_to_tensor(user_ids), None
        items = tf.convert_to_tensor(self.items_of_users)
        if self.has_targets:
            target = tf.convert_to_tensor(self.target_of_edge)
        if self.supports_jit:
            place = tf.tensor_scatter_nd_update(
                tf.fill((self.num_users,), -1), user_ids[:, None], tf.range(tf.size(user_ids))
            )
            row = tf.gather(place, tf.convert_to_tensor(self.user_of_edge))
            return Histories(user_ids, row, items, tf.range(self.num_edges), target)
        length = tf.gather(tf.convert_to_tensor(self.user_degree), user_ids)
        first = tf.gather(tf.convert_to_tensor(self.first_edge), user_ids)
        row, position = values_of_rows(first, length)
        if target is not None:
            target = tf.gather(target, position)
        return Histories(user_ids, row, tf.gather(items, position), position, target)

    def positions_of(self, user_ids: tf.Tensor, item_ids: tf.Tensor) -> tf.Tensor:
        """Where pairs lie among all histories, int32; -1 of a pair that is in none.

        Args:
            user_ids, item_ids: integer tensors of one shape.
        """
        items = tf.convert_to_tensor(self.items_of_users)
        first = tf.gather(tf.convert_to_tensor(self.first_edge), user_ids)
        end = first + tf.gather(tf.convert_to_tensor(self.user_degree), user_ids)
        place = first  # of the user's first item that is not below: a binary search
        for power in reversed(range(self.num_items.bit_length())):
            further = place + 2**power
            below = tf.gather(items, tf.maximum(tf.minimum(further, end) - 1, 0)) < item_ids
            place = tf.where((further <= end) & below, further, place)
        is_found = place < end
        found = tf.gather(items, tf.where(is_found, place, 0))
        return tf.where(is_found & (found == item_ids), place, -1)

    def encode_histories(
        self, histories: Histories, item_ids: tf.Tensor | None = None, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor | None, tf.Tensor, tf.Tensor | None]:
        """Both sides of the score for a training on whole users.

        Args:
            histories: by `histories_of`.
            item_ids: those of the histories and, behind them, others; None: the whole catalogue.
            training: as of `call`.

        Returns:
            `(queries, clicked, others, own)`: vectors of the users `(users, dim)`, of the
            histories' items `(n, dim)`, None of the whole catalogue, and of the others; and for
            each item of the histories what it adds to its own score, `(n,)`, which a training
            leaves out, or None where that is not known.
        """
        queries, items = self.embed_both(histories.user_id, item_ids, training)
        if item_ids is None:
            return queries, None, items, None
        return queries, *split_items(items, histories), None

    def draw_kept(self) -> typing.Callable[[tf.Tensor], tf.Tensor]:
        """A function from positions to whether they are left, bool; each call draws anew.

        A hash, for XLA's own generator takes longer than all the rest of an update.
        """
        key = tf.cast(self.seed_generator.next(), tf.uint32)

        def is_kept(positions):
            bits = mixed_bits(mixed_bits(tf.cast(positions, tf.uint32) ^ key[0]) ^ key[1])
            return bits >= tf.constant(round(self.corruption * 2**32), tf.uint32)

        return is_kept

    # Keras does not save what its seed generators have come to: training that goes on would repeat
    # itself.

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        store["corruption_state"] = self.seed_generator.state

    def load_own_variables(self, store: Any) -> None:
        weights = {key: store[key] for key in store.keys()}  # noqa: SIM118 - no mapping
        state = weights.pop("corruption_state", None)
        super().load_own_variables(weights)
        if state is not None:
            self.seed_generator.state.assign(state)


def split_items(items, histories):
    """Vectors of items, those of the histories and the others behind them.

    By a split, whose gradient takes a tenth of a slice's time.
    """
    num_edges = tf.size(histories.item_id)
    return tf.split(items, [num_edges, tf.shape(items)[0] - num_edges])


def values_of_pairs(interactions, values):
    """Values of distinct pairs in the order of `to_csr`, those of a repeated pair summed."""
    matrix = scipy.sparse.csr_array(
        (values, (interactions.user_id, interactions.item_id)),
        shape=(interactions.num_users, interactions.num_items),
    )
    matrix.sum_duplicates()
    return matrix.data


def latest_of_pairs(interactions):
    """The newest time of each distinct pair in the order of `to_csr`, int64."""
    order = np.lexsort((interactions.timestamp, interactions.pair_key))
    keys = interactions.pair_key[order]
    is_last = np.append(keys[1:] != keys[:-1], np.ones(min(len(keys), 1), bool))
    return interactions.timestamp[order][is_last]
