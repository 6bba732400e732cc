"""Search in two stages: a factorized model finds candidates, and the model itself ranks them."""

import functools

import tensorflow as tf

from deca_tf.serving._score_all_search import in_parts, trace_pairs, variable_or_none
from deca_tf.serving._tracing import Untracked


class TwoStageSearch(tf.Module):
    """The model's own order of what another model finds.

    Not exact, and its cost does not grow with the catalogue.

    Args:
        retrieval: `IndexSearch` of a factorized model of the same users and items.
        target: Keras model from `{"user_id", "item_id"}`, both `(batch,)`, to logits.
        known: bool `(num_users + 1,)`, whether a user is answered by the models (else by
            popularity).
        num_items: size of the catalogue.
        candidates: how many items more than are asked for are ranked by the model.
        prior: float32 `(num_items,)`, added to every score of the target, as the retrieval has it;
            None: nothing.
    """

    knows_histories = False

    def __init__(self, retrieval, target, known, num_items, candidates, prior=None):
        super().__init__(name="two_stage_search")
        self.retrieval = retrieval
        self.known = tf.Variable(known, trainable=False)
        self.num_items, self.candidates = num_items, candidates
        self.prior = variable_or_none(prior)
        score = trace_pairs(target)
        self.weights = score.variables
        self._score = Untracked(score)

    def best(self, rows, k):
        """The best items of some users, as `IndexSearch.best`.

        Equal scores by ascending item id.
        """
        taken = tf.minimum(self.num_items, k + self.candidates)
        return in_parts(functools.partial(self._best, k=k, taken=taken), rows, k, taken)

    def _best(self, rows, k, taken):
        popularity, items = self.retrieval.best(rows, taken)
        order = tf.argsort(items, axis=1)
        items, popularity = (tf.gather(part, order, batch_dims=1) for part in (items, popularity))
        logits = tf.reshape(
            self.logits(tf.repeat(rows, taken), tf.reshape(items, [-1])), tf.shape(items)
        )
        if self.prior is not None:
            logits += tf.gather(self.prior, items)
        scores = tf.where(tf.gather(self.known, rows)[:, None], logits, popularity)
        scores, columns = tf.math.top_k(scores, k=k)
        return scores, tf.gather(items, columns, batch_dims=1)

    def logits(self, rows, item_ids):
        """The model's logits of pairs, two int32 tensors `(batch,)`."""
        return self._score.value(tf.minimum(rows, self.known.shape[0] - 2), item_ids)
