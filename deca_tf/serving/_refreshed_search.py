"""What new clicks change in each kind of search."""

import numpy as np
import scipy.sparse
import tensorflow as tf

from deca_tf.trends.prior import prior_of_counts

CHUNK = 4096  # users whose vectors are worked out at once


class _Refreshed:
    """New clicks for one kind of search; `take` writes them into the stored variables.

    Args:
        stored: `StoredVariables` of the version.
        facts: `manifest["refresh"]`.
        new: `NewClicks`.
    """

    def __init__(self, stored, facts, new):
        self.stored, self.facts, self.new = stored, facts, new

    def take(self):
        """Takes them in."""
        self.take_histories()
        half_life = self.facts["popularity_half_life"]
        left, counts = self.new.aged(half_life), self.new.counts(half_life)
        self.take_popularity(left, counts)
        if self.facts["trend_weight"] is not None:
            clicks = self.stored["trend_clicks"] + self.new.counts()
            decayed = left * self.stored["trend_decayed"] + counts
            self.stored["trend_clicks"], self.stored["trend_decayed"] = clicks, decayed
            self.set_prior(prior_of_counts(clicks, decayed, self.facts["trend_weight"]))

    def take_histories(self):
        """Nothing, for networks that know their users by ids alone."""

    def take_popularity(self, left, counts):
        """Popularity becomes what is left of it, a share, and what the new clicks count."""
        if "search.popularity" in self.stored:
            self.stored["search.popularity"] = left * self.stored["search.popularity"] + counts
        if "similar.popularity" in self.stored:
            self.stored["similar.popularity"] = left * self.stored["similar.popularity"] + counts

    def become_known(self, users):
        """Users that are answered by the model from now on."""
        for name in ("known", "search.known"):
            if name in self.stored:
                is_known = self.stored[name].copy()
                is_known[users] = True
                self.stored[name] = is_known

    def set_prior(self, prior):
        """Replaces the prior, `(num_items,)`."""
        self.stored["search.prior"] = prior


class RefreshedNetwork(_Refreshed):
    """Of `ScoreAllSearch`."""


class RefreshedHistories(_Refreshed):
    """Of `HistorySearch`: scores are sums over histories, so these grow, and so does the bonus."""

    def take_histories(self):
        half_life = self.facts["history_half_life"]
        columns, splits, values = (
            self.stored[f"search.histories.{name}"] for name in ("columns", "splits", "values")
        )
        left = (values * self.new.aged(half_life)).astype(np.float32)
        before = scipy.sparse.csr_array((left, columns, splits), self.new.shape)
        after = self.new.matrix(self.new.values(half_life), before)
        self.stored["search.histories.columns"] = after.indices
        self.stored["search.histories.splits"] = after.indptr
        self.stored["search.histories.values"] = after.data
        self.become_known(self.new.touched)

    def take_popularity(self, left, counts):
        super().take_popularity(left, counts)
        half_life, scale = self.facts["bonus_half_life"], self.facts["bonus_scale"]
        added = scale * self.new.counts(half_life)
        self.stored["search.bonus"] = self.new.aged(half_life) * self.stored["search.bonus"] + added


class RefreshedVectors(_Refreshed):
    """Of `IndexSearch`: users' vectors change where the model makes them of histories."""

    def take_histories(self):
        encodes = self.facts["encodes_histories"]
        if encodes is None:
            return
        users = self.new.touched
        if encodes == "approximately":  # then vectors that were trained are better
            users = users[~self.stored["known"][users]]
        if not len(users):
            return
        queries = self.stored["search.queries"].copy()
        flags = [1.0, 0.0] if self.facts["has_prior"] else [0.0]
        flags = np.tile(np.float32(flags), (len(users), 1))
        queries[users] = np.column_stack([self._encoded(users), flags])
        self.stored["search.queries"] = queries
        self.become_known(users)

    def _encoded(self, users):
        """Vectors of all that users have taken, by the version's own graph."""
        loaded = tf.saved_model.load(str(self.stored.version))  # it owns the function's variables
        parts = []
        for start in range(0, len(users), CHUNK):
            rows = self.new.seen[users[start : start + CHUNK]]
            length = np.diff(rows.indptr)
            padded = np.full((len(length), length.max()), self.new.shape[1], np.int32)
            padded[np.arange(padded.shape[1]) < length[:, None]] = rows.indices
            parts.append(loaded.encode(tf.constant(padded)).numpy())
        return np.concatenate(parts)

    def take_popularity(self, left, counts):
        super().take_popularity(left, counts)
        self._set_extra(-1, lambda popularity: left * popularity + counts)

    def set_prior(self, prior):
        self._set_extra(-2, lambda _: prior)

    def _set_extra(self, place, change):
        """Changes one of the items' last columns, which lie across where they are in one matrix."""
        name = next(
            name for name in ("search.table.across", "search.table.extras") if name in self.stored
        )
        table = self.stored[name].copy()
        across = table if name.endswith("across") else table.T
        across[place] = change(across[place])
        self.stored[name] = table


SEARCHES = {
    "histories": RefreshedHistories,
    "vectors": RefreshedVectors,
    "network": RefreshedNetwork,
}
