"""The graph that is shipped: raw user ids in, the best unseen items out, in stock TensorFlow ops."""

import numpy as np
import tensorflow as tf


class ServedModel(tf.Module):
    """Answers from variables and stock ops alone, so that what is served depends on no Keras code.

    Row u of the per-user tables is user u; one more row at the end stands for everyone not in the vocabulary.

    Args:
        search: `IndexSearch` or `ScoreAllSearch`: finds the best of all items, seen ones included.
        known: bool `(num_users + 1,)`, whether a row answers by the model (else by popularity).
        seen: SciPy CSR `(num_users + 1, num_items)`; its nonzero pairs are never recommended.
        user_ids: raw ids as strings, `num_users` of them.
        item_ids: raw ids as strings, `num_items` of them.
        k: how many items to return.
    """

    def __init__(self, search, known, seen, user_ids, item_ids, k):
        super().__init__(name="deca_tf_recommender")
        self.k = k
        self.num_items = len(item_ids)
        keys, rows = tf.constant(user_ids, tf.string), tf.range(len(user_ids), dtype=tf.int32)
        self.row_of_user = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(keys, rows), default_value=len(user_ids)
        )
        # Variables, not constants: they are read from the checkpoint, while a constant would swell the graph, which
        # is parsed on loading and must stay below 2 GB.
        seen.sort_indices()
        self.seen_items = _table(seen.indices.astype(np.int32))
        self.seen_splits = _table(seen.indptr.astype(np.int32))
        self.known = _table(known)
        self.item_ids = _table(tf.constant(item_ids, tf.string))
        self.search = search

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="user_id")])
    def recommend(self, user_id):
        """Ranks for each user the items not seen yet.

        Args:
            user_id: raw ids, string `(batch,)`.

        Returns:
            Dict of `item_id`, string `(batch, k)`, best first; `score`, float32 `(batch, k)`: the model's logit, or for
            an unknown user the item's number of training interactions; `known_user`, bool `(batch,)`. Where fewer
            than k items are left, the rest is item_id "" with score -inf.
        """
        rows = self.row_of_user.lookup(user_id)
        seen = tf.gather(tf.RaggedTensor.from_row_splits(self.seen_items, self.seen_splits, validate=False), rows)
        seen = seen.to_tensor(self.num_items)  # padded with an id that no item has
        # Among the k + s best of all, s being the longest list of seen items, each user's k best unseen ones are.
        wanted = tf.minimum(self.num_items, self.k + tf.shape(seen)[1])
        scores, items = self.search(rows, wanted)
        # Each seen list ascends, so a binary search tells membership; the extra column keeps the position in range.
        seen = tf.pad(seen, [[0, 0], [0, 1]], constant_values=self.num_items)
        position = tf.searchsorted(seen, items)
        is_seen = tf.gather(seen, position, batch_dims=1) == items
        # The second top-k, like the first, puts the lower position first among equals: ties stay in item order.
        scores, columns = tf.math.top_k(tf.where(is_seen, -np.inf, scores), k=self.k)
        item_ids = tf.gather(self.item_ids, tf.gather(items, columns, batch_dims=1))
        return {
            "item_id": tf.where(scores > -np.inf, item_ids, ""),
            "score": scores,
            "known_user": tf.gather(self.known, rows),
        }


def _table(value):
    return tf.Variable(value, trainable=False)
