"""The graph that is shipped: raw ids in, the best unseen items out, in stock TensorFlow ops."""

import functools

import numpy as np
import tensorflow as tf

NOTHING_LEFT = np.finfo(np.float32).min  # not -inf, which JSON cannot say

_IDS = tf.TensorSpec([None], tf.string)
_LISTS = tf.TensorSpec([None, None], tf.string)


class ServedModel(tf.Module):
    """Answers from variables and stock ops alone, so that what is served depends on no Keras code.

    Row u of the per-user tables is user u; one more row at the end stands for everyone not in the
    vocabulary. Every input and output of a signature has the batch as its first dimension, so that
    a server may join requests.

    Args:
        users, items: `Vocabulary`.
        search: `IndexSearch`, `ScoreAllSearch` or `TwoStageSearch`: finds the best of all items,
            seen ones included.
        known: bool `(num_users + 1,)`, whether a row answers by the model (else by popularity).
        seen: SciPy CSR `(num_users + 1, num_items)`; its nonzero pairs are never recommended.
        ks: how many items to return, one or several numbers; the first is that of the signatures
            without a number.
        similar: `SimilarItems`, or None.
        posterior: `Posterior`, or None where the method has none.
        titles: list of strings, one per item, or None.
        gives_probabilities: whether the sigmoid of a score is a probability; else `score` gives
            scores, and `history` items alone.
        trend: `(clicks of each item, the same decayed)`, of which a refresh makes a new prior; None
            where there is no prior.
    """

    def __init__(
        self,
        users,
        items,
        search,
        known,
        seen,
        ks,
        *,
        similar=None,
        posterior=None,
        titles=None,
        gives_probabilities=True,
        trend=None,
    ):
        super().__init__(name="deca_tf_recommender")
        self.users, self.items, self.search = users, items, search
        self.similar, self.posterior = similar, posterior
        seen.sort_indices()
        # Its length is left open: it grows when the version is refreshed.
        self.seen_items = tf.Variable(seen.indices.astype(np.int32), trainable=False, shape=[None])
        self.gives_probabilities = gives_probabilities
        if trend is not None:
            self.trend_clicks, self.trend_decayed = (_table(np.float64(each)) for each in trend)
        # No signature: it is asked when the version is refreshed.
        fold_in = getattr(search, "fold_in", None)
        specs = [tf.TensorSpec([None, None], tf.int32)]
        self.encode = None if fold_in is None else tf.function(fold_in, input_signature=specs)
        self.seen_splits = _table(seen.indptr.astype(np.int64))
        self.known = _table(known)
        self.titles = None if titles is None else _table(tf.constant(titles, tf.string))
        self._ks = tuple(ks)

    def offers(self):
        """What can be asked, `{signature: (function of the inputs alone, {input: spec})}`."""
        ranked = {
            "recommend": (self.recommend, {"user_id": _IDS}),
            "recommend_excluding": (
                self.recommend_excluding,
                {"user_id": _IDS, "exclude_item_id": _LISTS},
            ),
            "recommend_from_history": (self.recommend_from_history, {"item_id": _LISTS}),
            "similar_items": (self.similar_items, {"item_id": _IDS}),
        }
        if not self.search.knows_histories:
            del ranked["recommend_from_history"]
        offered = {
            "score": (self.score, {"user_id": _IDS, "item_id": _IDS}),
            "history": (self.history, {"user_id": _IDS}),
        }
        for name, (method, inputs) in ranked.items():
            numbered = {k: (functools.partial(method, k=k), inputs) for k in self._ks}
            offered[name] = numbered[self._ks[0]]
            offered |= {f"{name}_{k}": offer for k, offer in numbered.items()}
        return {"serving_default": offered["recommend"], **offered}

    def signatures(self):
        """What `tf.saved_model.save` takes as signatures; what has two names is traced once."""
        offers = self.offers()
        traced = {
            id(function): _signature(function, inputs) for function, inputs in offers.values()
        }
        return {name: traced[id(function)] for name, (function, _) in offers.items()}

    def recommend(self, user_id, k):
        """Ranks for each user the items not seen yet.

        Args:
            user_id: raw ids, string `(batch,)`.
            k: how many.

        Returns:
            Dict of `item_id`, string `(batch, k)`, best first; `score`, float32 `(batch, k)`: the
            model's logit, or for an unknown user the item's number of training interactions;
            `known_user`, bool `(batch,)`; with titles also `title`, string `(batch, k)`. Where
            fewer than k items are left, the rest is item_id "" with score `NOTHING_LEFT`.
        """
        rows = self.users.rows(user_id)
        return {
            **self._best_unseen(rows, self._seen(rows), k),
            "known_user": tf.gather(self.known, rows),
        }

    def recommend_excluding(self, user_id, exclude_item_id, k):
        """`recommend` without some items more.

        Args:
            user_id: raw ids, string `(batch,)`.
            exclude_item_id: raw ids, string `(batch, n)`, padded with "".
            k: how many.

        Returns:
            As `recommend`, and `unknown_items`, int32 `(batch,)`: how many of those ids no item
            has.
        """
        rows = self.users.rows(user_id)
        excluded = self.items.rows(exclude_item_id)
        unseen = tf.sort(tf.concat([self._seen(rows), excluded], axis=1), axis=1)
        return {
            **self._best_unseen(rows, unseen, k),
            "known_user": tf.gather(self.known, rows),
            "unknown_items": self._count_unknown(exclude_item_id, excluded),
        }

    def recommend_from_history(self, item_id, k):
        """Ranks items for someone who is no user of the model, but whose history is known.

        The items of the history are left out.

        Args:
            item_id: raw ids, string `(batch, n)`, padded with "". An id that comes twice counts
                once.
            k: how many.

        Returns:
            As `recommend`, with `known_history`, whether any of the items is known (else popularity
            answers), in the place of `known_user`; and `unknown_items`, int32 `(batch,)`.
        """
        given = self.items.rows(item_id)
        history = tf.sort(given, axis=1)
        again = tf.pad(history[:, 1:] == history[:, :-1], [[0, 0], [1, 0]])[
            :, : tf.shape(history)[1]
        ]
        history = tf.sort(tf.where(again, self.items.size, history), axis=1)
        scores, items = self.search.best_of_history(history, self._wanted(history, k))
        return {
            **self._without(scores, items, history, k),
            "known_history": tf.reduce_any(history < self.items.size, axis=1),
            "unknown_items": self._count_unknown(item_id, given),
        }

    def similar_items(self, item_id, k):
        """Ranks the other items by how alike the model holds them to be.

        Args:
            item_id: raw ids, string `(batch,)`.
            k: how many.

        Returns:
            Dict of `item_id`, string `(batch, k)`, `score`, float32 `(batch, k)`, the cosine,
            `known_item`, bool `(batch,)`, and `title` as in `recommend`. For an unknown item all
            item_ids are "".
        """
        rows = self.items.rows(item_id)
        known = rows < self.items.size
        scores, items = self.similar.best(
            tf.where(known, rows, 0), tf.minimum(self.items.size, k + 1)
        )
        scores = tf.where(known[:, None], scores, NOTHING_LEFT)
        return {**self._without(scores, items, rows[:, None], k), "known_item": known}

    def score(self, user_id, item_id):
        """How likely it is that a user really likes an item.

        Args:
            user_id, item_id: raw ids, strings `(batch,)`.

        Returns:
            Dict of `probability`, float32 `(batch,)`: the model's probability of real preference, 0
            where the user or the item is not known; of a model that has none `score` in its place,
            which orders the items of one user; `posterior`, float32 `(batch,)`, if the method
            has one: that probability given that the user has clicked on the item, Eq. (16);
            `known_user` and `known_item`, bool `(batch,)`.
        """
        users, items = self.users.rows(user_id), self.items.rows(item_id)
        known_user, known_item = tf.gather(self.known, users), items < self.items.size
        answer = self._probabilities(users, tf.where(known_item, items, 0), known_user & known_item)
        return {**answer, "known_user": known_user, "known_item": known_item}

    def history(self, user_id):
        """What a user has taken, the least likely real preference first, and how likely each is.

        Args:
            user_id: raw ids, string `(batch,)`.

        Returns:
            Dict of `item_id`, string `(batch, n)`, padded with "" to the longest; `probability` and
            `posterior`, float32 `(batch, n)`, as in `score`, where the model has them; with titles
            also `title`; `known_user`, bool `(batch,)`.
        """
        rows = self.users.rows(user_id)
        seen = self._seen(rows)
        is_item, length = seen < self.items.size, tf.shape(seen)[1]
        known = tf.gather(self.known, rows)
        if not self.gives_probabilities:
            named = self._named(tf.where(is_item, seen, 0), is_item)
            return {**named, "known_user": known}
        flat_rows, flat_known = tf.repeat(rows, length), tf.repeat(known, length)
        items = tf.where(is_item, seen, 0)
        found = self._probabilities(flat_rows, tf.reshape(items, [-1]), flat_known)
        found = {name: tf.reshape(values, tf.shape(seen)) for name, values in found.items()}
        keys = tf.where(is_item, found.get("posterior", found["probability"]), 2.0)
        order = tf.argsort(keys, axis=1, stable=True)
        answer = {
            name: tf.gather(tf.where(is_item, part, 0.0), order, batch_dims=1)
            for name, part in found.items()
        }
        named = self._named(
            tf.gather(items, order, batch_dims=1), tf.gather(is_item, order, batch_dims=1)
        )
        return {**named, **answer, "known_user": known}

    def _probabilities(self, users, items, known):
        logits = self.search.logits(users, items)
        if not self.gives_probabilities:
            return {"score": tf.where(known, logits, 0.0)}
        probability = tf.sigmoid(logits)
        answer = {"probability": probability}
        if self.posterior is not None:
            answer["posterior"] = self.posterior(users, items, probability)
        return {name: tf.where(known, value, 0.0) for name, value in answer.items()}

    def _seen(self, rows):
        """Sorted ids of what users have seen, int32 `(batch, n)`.

        They are padded with an id that no item has.
        """
        first = tf.gather(self.seen_splits, rows)[:, None]
        length = tf.gather(self.seen_splits, rows + 1)[:, None] - first
        column = tf.range(
            tf.maximum(tf.reduce_max(length), 0)
        )  # of no users, the longest is a negative number
        # Of the padding, whatever item is read is not used.
        place = tf.minimum(first + column, tf.shape(self.seen_items, self.seen_splits.dtype)[0] - 1)
        return tf.where(column < length, tf.gather(self.seen_items, place), self.items.size)

    def _wanted(self, excluded, k):
        """How many of the best must be looked at: k, and as many as may be excluded."""
        return tf.minimum(self.items.size, k + tf.shape(excluded)[1])

    def _best_unseen(self, rows, excluded, k):
        scores, items = self.search.best(rows, self._wanted(excluded, k))
        return self._without(scores, items, excluded, k)

    def _without(self, scores, items, excluded, k):
        """The first k of sorted lists, without sorted lists of ids."""
        # Each list ascends, so binary searches tell membership; they want one column at least.
        excluded = tf.pad(excluded, [[0, 0], [0, 1]], constant_values=self.items.size)
        is_excluded = tf.searchsorted(excluded, items, side="right") > tf.searchsorted(
            excluded, items, side="left"
        )
        scores = tf.where(is_excluded, NOTHING_LEFT, scores)
        if self.items.size < k:
            short = [[0, 0], [0, k - self.items.size]]
            scores, items = (
                tf.pad(scores, short, constant_values=NOTHING_LEFT),
                tf.pad(items, short),
            )
        # This top-k, like the first, puts the lower position first among equals: ties stay in item
        # order.
        scores, columns = tf.math.top_k(scores, k=k)
        items = tf.gather(items, columns, batch_dims=1)
        return {**self._named(items, scores > NOTHING_LEFT), "score": scores}

    def _named(self, items, is_item):
        answer = {"item_id": tf.where(is_item, self.items.raw_ids(items), "")}
        if self.titles is not None:
            answer["title"] = tf.where(is_item, tf.gather(self.titles, items), "")
        return answer

    def _count_unknown(self, raw_ids, rows):
        return tf.reduce_sum(tf.cast((rows == self.items.size) & (raw_ids != ""), tf.int32), axis=1)


def _signature(function, inputs):
    specs = {name: tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in inputs.items()}
    answer = tf.function(lambda **given: function(**given), autograph=False)
    return answer.get_concrete_function(**specs)


def _table(value):
    return tf.Variable(value, trainable=False)
