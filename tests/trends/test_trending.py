"""A prior added to any model's scores, evaluated as what it is."""

import numpy as np
import pytest

from deca_tf.backbones import MF, NeuMF
from deca_tf.baselines import Popularity
from deca_tf.data import Interactions, Split
from deca_tf.denoisers import CrossEntropy
from deca_tf.evaluation import Evaluator, evaluate
from deca_tf.training.deca_model import DeCAModel
from deca_tf.trends import Trending

USERS, ITEMS = 30, 20
PRIOR = np.random.default_rng(5).normal(size=ITEMS).astype(np.float32)


@pytest.fixture(scope="module")
def split():
    pairs = np.random.default_rng(0).permutation(USERS * ITEMS)[:240]
    whole = Interactions(pairs // ITEMS, pairs % ITEMS, np.arange(USERS), np.arange(ITEMS))
    train = whole.take(np.flatnonzero(whole.user_id[:180] >= 3))  # users 0 to 2 have no history
    parts = train, whole.take(np.arange(180, 200)), whole.take(np.arange(200, 240))
    return Split(*parts, protocol="clean", name="toy")


class Table:
    """Scores as they are given."""

    def __init__(self, scores):
        self.scores = np.asarray(scores, np.float32)

    def score_all_items(self, user_ids):
        return self.scores[user_ids]


def models():
    rng = np.random.default_rng(1)
    table = Table(rng.normal(size=(USERS, ITEMS)))
    mf = MF(USERS, ITEMS, embedding_dim=4, item_bias=True, seed=1)
    neumf = NeuMF(USERS, ITEMS, embedding_dim=4, seed=2)
    return {"table": table, "mf": mf, "neumf": neumf, "deca": DeCAModel(mf, CrossEntropy())}


@pytest.mark.parametrize("name", ["table", "mf", "neumf", "deca"])
def test_any_model_is_evaluated_by_its_scores_and_the_prior(name, split):
    model = models()[name]
    scored = getattr(model, "target", model)
    users = np.arange(USERS, dtype=np.int32)
    expected = np.asarray(scored.score_all_items(users)) + PRIOR
    trending = Trending(model, PRIOR)
    np.testing.assert_allclose(trending.score_all_items(users), expected, rtol=1e-5, atol=1e-5)
    found, known = evaluate(trending, split), evaluate(Table(expected), split)
    assert found.metrics == pytest.approx(known.metrics, abs=1e-9)
    assert found["recall@5"] != evaluate(model, split)["recall@5"]


def test_a_dot_product_stays_one_with_one_number_more():
    mf = models()["mf"]
    users, items = np.arange(USERS, dtype=np.int32), np.arange(ITEMS, dtype=np.int32)
    trending = Trending(mf, PRIOR)
    assert trending.is_factorized
    products = trending.query_embedding(users) @ trending.candidate_embedding(items).T
    np.testing.assert_allclose(products, trending.score_all_items(users), rtol=1e-4, atol=1e-5)
    assert trending.candidate_embedding(items[3:5]).shape[1] == (
        np.asarray(mf.candidate_embedding(items)).shape[1] + 1
    )
    assert not Trending(models()["neumf"], PRIOR).is_factorized


def test_a_model_that_knows_pairs_only_is_scored_pair_by_pair(split):
    import keras

    user, item = (keras.Input((), dtype="int32", name=name) for name in ("user_id", "item_id"))
    vectors = [keras.layers.Embedding(size, 3)(ids) for size, ids in ((USERS, user), (ITEMS, item))]
    pairs = keras.Model(
        {"user_id": user, "item_id": item}, keras.ops.sum(vectors[0] * vectors[1], -1)
    )
    users = np.arange(4, dtype=np.int32)
    scores = Trending(pairs, PRIOR).score_all_items(users)
    one = pairs({"user_id": np.array([2]), "item_id": np.array([7])})
    assert scores.shape == (4, ITEMS)
    assert scores[2, 7] == pytest.approx(float(one[0]) + PRIOR[7], abs=1e-5)


def test_users_without_history_are_ranked_by_what_is_for_them(split):
    cold = np.arange(3)
    model = Table(np.random.default_rng(2).normal(size=(USERS, ITEMS)))
    strangers = -np.arange(ITEMS, dtype=np.float32)  # item 0 first
    evaluation = evaluate(Trending(model, PRIOR, strangers), split, ks=(5,))
    plain = evaluate(Trending(model, PRIOR), split, ks=(5,))
    pairs, usual = evaluation.per_pair, plain.per_pair
    seen = split.validation
    for user, item, rank in pairs[pairs.user_id.isin(cold)].itertuples(index=False):
        passed = np.sum(seen.item_id[seen.user_id == user] < item)
        assert rank == item + 1 - passed
    others = ~pairs.user_id.isin(cold)
    assert (pairs["rank"][others] == usual["rank"][others]).all()
    popular = evaluate(Popularity(split.train), split, ks=(5,)).per_pair
    assert (usual["rank"][~others] == popular["rank"][~others]).all()


def test_one_evaluator_compares_several_priors_of_one_model(split):
    model = models()["neumf"]
    evaluator = Evaluator(split, ks=(5,))
    first, second = (evaluator(Trending(model, weight * PRIOR)).metrics for weight in (0.0, 3.0))
    assert first == evaluator(model).metrics
    assert second == evaluate(Trending(model, 3.0 * PRIOR), split, ks=(5,)).metrics
    assert first != second


@pytest.mark.parametrize(
    "prior, message",
    [
        (np.zeros(ITEMS - 1), r"`prior` must be a finite number for each of 20 items.*\(19,\)"),
        (np.full(ITEMS, np.nan), "that is not finite"),
    ],
)
def test_a_prior_is_a_number_for_each_item(prior, message):
    with pytest.raises(ValueError, match=message):
        Trending(models()["mf"], prior)
    with pytest.raises(ValueError, match=message.replace("`prior`", "`for_strangers`")):
        Trending(models()["mf"], PRIOR, prior)
