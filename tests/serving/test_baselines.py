"""Models in closed form, exported: what stands in a table can be shipped."""

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.baselines import Baseline, ImplicitALS, Popularity
from deca_tf.serving import export

K = 6


def asked(model, split, folder):
    """The signatures of an exported model, and what keeps them alive."""
    version = export(model, split, folder, k=K, warmup_batch_sizes=())
    loaded = tf.saved_model.load(str(version))
    return loaded.signatures, loaded


def names(split, kind, rows):
    return [str(raw) for raw in getattr(split.train, f"raw_{kind}_ids")[rows]]


def best(scores, left_out):
    items = [item for item in range(len(scores)) if item not in left_out]
    return sorted(items, key=lambda item: (-scores[item], item))[:K]


def test_als_solves_for_a_stranger_what_it_solved_for_users(split, tmp_path):
    model = ImplicitALS(split.train, factors=4)
    signatures, _loaded = asked(model, split, tmp_path)
    histories, seen = split.train.to_csr(), split.seen().to_csr()
    for user in (9, 20):
        scores = model.score_all_items([user])[0]
        history = histories[[user]].indices
        answer = signatures["recommend_from_history"](
            item_id=tf.constant([names(split, "item", history)])
        )
        expected = scores[best(scores, set(history))]
        np.testing.assert_allclose(answer["score"][0], expected, rtol=1e-3, atol=1e-5)
        known = signatures["recommend"](user_id=tf.constant(names(split, "user", [user])))
        items = best(scores, set(seen[[user]].indices))
        np.testing.assert_allclose(known["score"][0], scores[items], rtol=1e-4, atol=1e-6)


def test_popularity_is_the_same_for_all_but_for_what_they_have_seen(split, tmp_path):
    signatures, _loaded = asked(Popularity(split.train), split, tmp_path)
    counts = np.bincount(split.train.item_id, minlength=split.num_items)
    seen = set(split.seen().to_csr()[[9]].indices)
    answer = signatures["recommend"](user_id=tf.constant(names(split, "user", [9])))
    expected = [name.encode() for name in names(split, "item", best(counts, seen))]
    assert answer["item_id"][0].numpy().tolist() == expected
    alike = signatures["similar_items"](item_id=tf.constant(names(split, "item", [7])))
    expected = [name.encode() for name in names(split, "item", best(counts, {7}))]
    assert alike["item_id"][0].numpy().tolist() == expected


class Constant(Baseline):
    """Scores by NumPy alone."""

    def setup(self, interactions):
        self.scores = np.arange(interactions.num_items, dtype=np.float32)

    def score_all_items(self, user_ids):
        return np.broadcast_to(self.scores, (len(user_ids), self.num_items))


def test_numpy_alone_cannot_be_shipped_and_is_told_what_can(split, tmp_path):
    with pytest.raises(ValueError, match="must have `weights` and `histories`, or"):
        export(Constant(split.train), split, tmp_path, k=K)
