"""Evaluation against a slow oracle of sorts, sets and loops that shares no code with it."""

import concurrent.futures
import json
import math

import keras
import numpy as np
import pytest
import threadpoolctl

from deca_tf.backbones import GMF, MF, NeuMF
from deca_tf.baselines import Popularity
from deca_tf.data import Interactions, LeakReport, Split
from deca_tf.denoisers.ensemble import MeanOfTwo
from deca_tf.evaluation import Evaluator, evaluate
from deca_tf.training.callbacks import RankingMetrics
from deca_tf.training.deca_model import DeCAModel

KS = (1, 3, 20, 100)


class Table:
    """A model whose scores are given: `(num_users, num_items)`.

    Remembers how many users it was asked for at once.
    """

    def __init__(self, scores):
        self.scores = np.asarray(scores, np.float32)
        self.batches = []

    def score_all_items(self, user_ids):
        self.batches.append(len(user_ids))
        return self.scores[user_ids]


class Pairs(keras.Model):
    """A Keras model that knows pairs only."""

    def __init__(self, scores):
        super().__init__()
        self.table = self.add_weight(name="table", shape=np.shape(scores))
        self.table.assign(scores)

    def call(self, inputs):
        flat = inputs["user_id"] * self.table.shape[1] + inputs["item_id"]
        return keras.ops.take(keras.ops.reshape(self.table, (-1,)), flat)


class Network(MF):
    """A backbone whose score is no dot product."""

    is_factorized = False

    def call(self, inputs):
        return keras.ops.tanh(super().call(inputs))


def interactions(pairs, num_users, num_items):
    users, items = (np.array([pair[i] for pair in pairs], np.int32) for i in (0, 1))
    raw_users = np.array([f"u{user}" for user in range(num_users)])
    return Interactions(users, items, raw_users, np.arange(num_items) + 100)


def make_split(train, validation, test, num_users, num_items, protocol):
    parts = [interactions(pairs, num_users, num_items) for pairs in (train, validation, test)]
    return Split(*parts, protocol=protocol, name="toy", leaks=LeakReport())


def random_split(seed, protocol, num_users=60, num_items=45):
    """Users of every kind.

    Without history, with validation only, without test, with all items seen, with many.
    """
    rng = np.random.default_rng(seed)
    part = rng.choice(4, size=(num_users, num_items), p=[0.7, 0.15, 0.08, 0.07])
    part[:10] = np.where(part[:10] == 1, 0, part[:10])  # no training history
    part[:4] = np.where(part[:4] == 2, 3, part[:4])  # and no validation
    part[10:13] = np.where(part[10:13] == 3, 1, part[10:13])  # no test
    part[13] = 3  # all items relevant
    part[14] = 1
    part[14, 5] = 3  # one item left, and it is relevant
    pairs = [
        [tuple(map(int, pair)) for pair in np.argwhere(part == number)] for number in (1, 2, 3)
    ]
    if protocol == "paper":  # leaks and repeated pairs, as in the released splits
        pairs[2] += pairs[1][::2] + pairs[0][::9] + pairs[2][::5]
        pairs[0] += pairs[0][::7]
    for rows in pairs:
        rng.shuffle(rows)
    return make_split(*pairs, num_users, num_items, protocol)


def pairs_of(part):
    return list(zip(part.user_id.tolist(), part.item_id.tolist(), strict=True))


def oracle(scores, split, part="test", ks=KS, leave_out_seen=True):
    """`{user: {metric: value}}`, one item at a time."""
    train, validation = pairs_of(split.train), pairs_of(split.validation)
    relevant, seen = {}, {}
    for user, item in pairs_of(getattr(split, part)):
        relevant.setdefault(user, set()).add(item)
    for user, item in (train + (validation if part == "test" else [])) * leave_out_seen:
        seen.setdefault(user, set()).add(item)
    popularity = [sum(item == other for _, other in train) for item in range(split.num_items)]
    with_history = {user for user, _ in train}
    found = {}
    for user in sorted(relevant):
        row = [float(score) for score in scores[user]]
        if split.protocol == "clean" and user not in with_history:
            row = popularity
        ranked = [
            item
            for item in range(split.num_items)
            if item not in seen.get(user, ()) and row[item] > -math.inf
        ]
        ranked.sort(key=lambda item: (-row[item], item))
        found[user] = {}
        for k in ks:
            places = [
                place for place, item in enumerate(ranked[:k], start=1) if item in relevant[user]
            ]
            best = sum(
                1 / math.log2(1 + place) for place in range(1, 1 + min(k, len(relevant[user])))
            )
            found[user][f"recall@{k}"] = len(places) / len(relevant[user])
            found[user][f"precision@{k}"] = len(places) / k
            found[user][f"mrr@{k}"] = 1 / places[0] if places else 0
            found[user][f"ndcg@{k}"] = sum(1 / math.log2(1 + place) for place in places) / best
    return found, with_history


def check(model, scores, split, part="test", **options):
    evaluation = evaluate(model, split, part=part, ks=KS, **options)
    expected, with_history = oracle(
        scores, split, part, leave_out_seen=options.get("leave_out_seen", True)
    )
    frame = evaluation.per_user.set_index("user_id")
    assert list(frame.index) == [f"u{user}" for user in expected]
    assert list(frame.is_warm) == [user in with_history for user in expected]
    assert (evaluation.num_users, evaluation.num_warm_users) == (
        len(expected),
        len(with_history & set(expected)),
    )
    assert set(evaluation.metrics) == {
        f"{name}@{k}" for name in ("recall", "ndcg", "precision", "mrr") for k in KS
    }
    for name in evaluation.metrics:
        values = [row[name] for row in expected.values()]
        warm = [row[name] for user, row in expected.items() if user in with_history]
        np.testing.assert_allclose(frame[name], values, atol=1e-12, err_msg=name)
        assert evaluation.metrics[name] == pytest.approx(np.mean(values), abs=1e-12)
        assert evaluation.warm[name] == pytest.approx(np.mean(warm), abs=1e-12)
    return evaluation


@pytest.mark.parametrize("protocol", ["clean", "paper"])
@pytest.mark.parametrize("part", ["test", "validation"])
@pytest.mark.parametrize("kind", ["distinct", "few values", "constant", "unrankable"])
def test_equals_oracle(protocol, part, kind):
    for seed in range(3):
        split = random_split(seed, protocol)
        scores = np.random.default_rng(seed).normal(size=(60, 45)).astype(np.float32)
        if kind == "few values":
            scores = np.round(scores)
        elif kind == "constant":
            scores = np.zeros_like(scores)
        elif kind == "unrankable":
            scores[scores < 0] = -np.inf
        check(Table(scores), scores, split, part)


@pytest.mark.parametrize("protocol", ["clean", "paper"])
def test_every_kind_of_model_gives_the_same(protocol):
    split = random_split(7, protocol)
    rng = np.random.default_rng(1)
    for backbone in (
        MF(60, 45, embedding_dim=4, item_bias=True, user_bias=True),
        GMF(60, 45),
        Network(60, 45),
    ):
        for weight in backbone.weights:
            weight.assign(
                rng.normal(scale=0.5, size=weight.shape)
            )  # so that no two probabilities are equal
        users, items = np.meshgrid(np.arange(60), np.arange(45), indexing="ij")
        scores = np.asarray(
            backbone({"user_id": users, "item_id": items})
        )  # pair by pair, as it was trained
        check(backbone, scores, split)
        check(DeCAModel(backbone), scores, split)
        check(Pairs(scores), scores, split)


@pytest.mark.parametrize("chunk_size", [1, 2, 7, 59, 1000])
def test_results_do_not_depend_on_chunks(chunk_size):
    split = random_split(3, "paper")
    model = MF(60, 45, item_bias=True)
    model.user_table.assign(
        np.where(np.arange(60)[:, None] % 3, model.user_table, 0)
    )  # every third row all ties
    whole = evaluate(model, split, ks=KS).per_user
    assert evaluate(model, split, ks=KS, chunk_size=chunk_size).per_user.equals(whole)
    table = Table(model.score_all_items(np.arange(60)))
    assert evaluate(table, split, ks=KS, chunk_size=chunk_size).per_user.equals(whole)
    assert (
        len(set(table.batches)) == 1 and table.batches[0] <= chunk_size
    )  # one shape, so one trace


def test_results_do_not_depend_on_threads(monkeypatch):
    split = random_split(3, "paper")
    model = MF(60, 45, item_bias=True)
    found = []
    for threads in (1, 5):
        monkeypatch.setattr(
            "deca_tf.evaluation.evaluator._num_threads", lambda threads=threads: threads
        )
        told = []
        evaluation = evaluate(
            model, split, ks=KS, chunk_size=2, progress=lambda done, _, told=told: told.append(done)
        )
        assert told == sorted(told) and told[-1] == evaluation.num_users
        found.append(evaluation.per_user)
    assert found[0].equals(found[1])


def test_evaluation_from_several_threads_puts_back_the_threads_of_blas():
    split, table = random_split(3, "paper"), Table(np.zeros((60, 45)))

    def threads_of_blas():
        return [
            each["num_threads"]
            for each in threadpoolctl.threadpool_info()
            if each["user_api"] == "blas"
        ]

    class Looking(Table):
        def score_all_items(self, user_ids):
            within.append(set(threads_of_blas()))
            return super().score_all_items(user_ids)

    within = []
    before = threads_of_blas()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        evaluations = list(
            pool.map(lambda _: evaluate(Looking(table.scores), split, chunk_size=5), range(12))
        )
    assert threads_of_blas() == before
    assert set().union(*within) == {1}
    assert all(each.metrics == evaluations[0].metrics for each in evaluations)


@pytest.mark.parametrize("num_items", [2, 3, 17, 1024, 10_000])
@pytest.mark.parametrize("relevant", ["first", "last"])
def test_ties_go_to_the_lower_id(num_items, relevant):
    item = 1 if relevant == "first" else num_items - 1
    split = make_split([(0, 0)], [], [(0, item)], 1, num_items, "paper")
    evaluation = evaluate(Table(np.full((1, num_items), 0.25)), split, ks=(num_items,))
    # Item 0 is seen, so item i comes at place i.
    assert evaluation.metrics[f"mrr@{num_items}"] == pytest.approx(1 / item)


def test_users_without_history_get_popularity_unless_the_protocol_is_paper():
    train = [(1, 2), (2, 2), (3, 3), (1, 1), (2, 1)]  # popularity 0, 2, 2, 1
    test = [(0, 2), (1, 3)]
    table = Table([[9, 8, 7, 6], [0, 0, 0, 1], [0] * 4, [0] * 4])
    for protocol, place in (
        ("clean", 2),
        ("timeline", 2),
        ("paper", 3),
    ):  # by popularity: 1, 2, 3, 0; by the model: 0, 1, 2, 3
        evaluation = evaluate(table, make_split(train, [], test, 4, 4, protocol), ks=(4,))
        assert evaluation.per_user["mrr@4"].tolist() == pytest.approx([1 / place, 1])
        assert evaluation.warm["mrr@4"] == 1 and evaluation.num_warm_users == 1


def test_masked_relevant_items_stay_in_the_denominator():
    split = make_split([(0, 0)], [(0, 1)], [(0, 0), (0, 1), (0, 2)], 1, 4, "paper")
    evaluation = evaluate(Table([[4, 3, 2, 1]]), split, ks=(4,))
    assert evaluation.metrics["recall@4"] == pytest.approx(1 / 3)
    assert evaluation.metrics["mrr@4"] == 1  # the masked ones take no place
    everything = make_split([(0, 0)], [(0, 1)], [(0, 0), (0, 1)], 1, 4, "paper")
    assert evaluate(Table([[4, 3, 2, 1]]), everything, ks=(4,)).metrics["recall@4"] == 0


def test_validation_masks_train_only():
    split = make_split([(0, 0)], [(0, 1)], [(0, 2)], 1, 4, "clean")
    evaluation = evaluate(Table([[4, 3, 2, 1]]), split, part="validation", ks=(1,))
    assert evaluation.metrics["recall@1"] == 1


def test_no_user_with_history():
    evaluation = evaluate(
        Table(np.zeros((3, 4))), make_split([(0, 0)], [], [(1, 2), (2, 3)], 3, 4, "clean"), ks=(3,)
    )
    assert evaluation.warm == {} and evaluation.num_warm_users == 0
    # All are equally unpopular but item 0, so 0, 1, 2, 3.
    assert evaluation.metrics["recall@3"] == 0.5


def test_evaluator_sees_new_weights_and_new_models():
    split = random_split(5, "clean")
    evaluator = Evaluator(split, ks=KS)
    rng = np.random.default_rng(0)
    model = Pairs(np.zeros((60, 45)))
    for _ in range(2):
        scores = rng.normal(size=(60, 45)).astype(np.float32)
        model.table.assign(scores)
        for candidate, its_scores in (
            (model, scores),
            (Pairs(-scores), -scores),
            (Table(scores), scores),
        ):
            assert evaluator(candidate).per_user.equals(
                evaluate(Table(its_scores), split, ks=KS).per_user
            )


def test_network_is_traced_once_for_all_chunks_and_epochs():
    traces = []

    class Counted(Pairs):
        def call(self, inputs):
            traces.append(inputs["user_id"].shape)
            return super().call(inputs)

    model, evaluator = (
        Counted(np.zeros((60, 45))),
        Evaluator(random_split(5, "paper"), chunk_size=7),
    )
    for _ in range(3):
        evaluator(model)
    assert len(traces) == 1


@pytest.mark.parametrize("kind", [MF, NeuMF])
def test_members_of_an_ensemble_are_each_asked_in_their_fastest_way(kind, monkeypatch):
    split = random_split(5, "clean")
    members = [
        kind(split.num_users, split.num_items, embedding_dim=4, embedding_stddev=0.5, seed=seed)
        for seed in (1, 2)
    ]
    first, second = (
        1 / (1 + np.exp(-np.float64(m.score_all_items(np.arange(split.num_users)))))
        for m in members
    )
    if kind is MF:  # whose products need no graph
        monkeypatch.setattr(MF, "score_all_items", None)
    evaluator = Evaluator(split, ks=KS)
    expected, both = evaluate(Table(first + second), split, ks=KS).per_user, MeanOfTwo(*members)
    for _ in range(2):
        assert evaluator(both).per_user.equals(expected)


def test_memory_is_bounded_by_the_default_chunk():
    num_users, num_items = 300, 40_000
    pairs = [(user, user) for user in range(num_users)]
    table = Table(np.zeros((num_users, num_items)))
    evaluate(
        table,
        make_split(
            pairs, [], [(user, 500) for user in range(num_users)], num_users, num_items, "clean"
        ),
    )
    assert max(table.batches) * num_items * 4 <= 2**24


def test_scores_may_be_tensors_of_half_precision():
    split = random_split(2, "paper")
    scores = np.round(np.random.default_rng(0).normal(size=(60, 45)))

    class Half(Table):
        def score_all_items(self, user_ids):
            return keras.ops.cast(super().score_all_items(user_ids), "bfloat16")

    check(Half(scores), scores, split)


def test_progress_and_to_dict():
    told = []
    split = random_split(5, "clean")
    evaluation = evaluate(
        Table(np.zeros((60, 45))), split, ks=(3,), chunk_size=10, progress=lambda *a: told.append(a)
    )
    assert (
        told[-1] == (evaluation.num_users, evaluation.num_users)
        and sorted(told) == told
        and len(told) > 3
    )
    stored = json.loads(json.dumps(evaluation.to_dict()))
    assert (
        stored["metrics"] == evaluation.metrics
        and stored["num_users"] == evaluation.num_users
        and stored["seconds"] > 0
    )
    assert "per_user" not in stored


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("test", "Received: Interactions. Give it the whole split"),
        ("clicks.csv", "Received: 'clicks.csv'. Read a table by `deca_tf.load_split"),
        (None, "Received: NoneType. Read a table"),
    ],
)
def test_what_is_no_split_is_refused(kind, message):
    given = random_split(5, "clean").test if kind == "test" else kind
    expected = f"`split` must be a Split, what `deca_tf.load_split` gives. {message}"
    for call in (lambda: evaluate(Table([[0.0]]), given), lambda: RankingMetrics(given)):
        with pytest.raises(TypeError, match=expected):
            call()


def test_errors():
    split = random_split(5, "clean")
    zeros = np.zeros((60, 45))
    with pytest.raises(
        ValueError, match="`part` must be one of .*part='tset'.*Did you mean 'test'"
    ):
        evaluate(Table(zeros), split, part="tset")
    with pytest.raises(ValueError, match="`ks` must be an integer of at least 1"):
        evaluate(Table(zeros), split, ks=(0,))
    with pytest.raises(ValueError, match="`ks` must hold"):
        evaluate(Table(zeros), split, ks=())
    with pytest.raises(ValueError, match="`chunk_size`"):
        evaluate(Table(zeros), split, chunk_size=0)
    with pytest.raises(ValueError, match="validation split must hold pairs"):
        evaluate(Table(zeros), make_split([(0, 0)], [], [(0, 1)], 1, 2, "clean"), part="validation")
    with pytest.raises(TypeError, match="score_all_items.*Received: model=3 of type int"):
        evaluate(3, split)
    with pytest.raises(ValueError, match="`num_items`, 45. Received: model.num_items=44"):
        evaluate(MF(60, 44), split)
    with pytest.raises(ValueError, match="shape \\(batch, num_items\\)"):
        evaluate(Table(zeros[:, :44]), split)
    diverged = zeros.copy()
    diverged[20, 3] = np.nan
    with pytest.raises(ValueError, match="Received: 1 NaN"):
        evaluate(Table(diverged), split, chunk_size=1000)
    with pytest.raises(
        ValueError, match="Received: 45 NaN"
    ):  # in every chunk, and no thread waits for another
        evaluate(Pairs(np.full((60, 45), np.nan)), split, chunk_size=1)


def test_popularity_of_the_public_data(data_dir):
    """Counts and figures measured independently of this library.

    See the table of baselines in the documentation.
    """
    from deca_tf.data import load_split

    split = load_split("ml-100k", data_dir=data_dir)
    evaluation = evaluate(Popularity(split.train), split)
    assert (evaluation.num_users, evaluation.num_warm_users) == (579, 579)
    assert evaluation.metrics["recall@20"] == pytest.approx(0.1743, abs=1e-4)
    assert evaluation.metrics["ndcg@20"] == pytest.approx(0.0984, abs=1e-4)
    paper = load_split("ml-100k", protocol="paper", data_dir=data_dir)
    # The best a model can do under the released code's masking: every relevant item that is left
    # comes first.
    relevant = {pair for pair in pairs_of(paper.test)}
    scores = np.zeros((paper.num_users, paper.num_items), np.float32)
    scores[tuple(np.array(sorted(relevant)).T)] = 1
    evaluation = evaluate(Table(scores), paper)
    assert evaluation.num_users == 707
    assert (evaluation.per_user["recall@50"] == 0).sum() == 128
    assert evaluation.metrics["recall@20"] == pytest.approx(0.5165, abs=1e-4)


def test_under_protocol_paper_a_keras_model_is_ranked_by_float32_probabilities():
    """Logits within 1e-9 of 0 and beyond 20 are ties as probabilities.

    Ties go to the lower item id.
    """
    scores = np.array([[1e-10, 2e-10, 3e-10, -5.0], [25.0, 30.0, 35.0, 1.0]])
    test = [(0, 2), (1, 2)]
    recalls = {}
    for protocol in ("paper", "clean"):
        split = make_split([(0, 3), (1, 3)], [], test, 2, 4, protocol)
        for kind in (Pairs, Table):
            recalls[protocol, kind] = evaluate(kind(scores), split, ks=(1, 3)).metrics
    assert recalls["clean", Pairs]["recall@1"] == 1.0
    assert recalls["paper", Pairs]["recall@1"] == 0.0
    assert recalls["paper", Pairs]["recall@3"] == 1.0
    assert (
        recalls["paper", Table]["recall@1"] == 1.0
    )  # counts, which are no logits, stay as they are


def test_under_protocol_paper_minus_infinity_is_still_never_recommended():
    split = make_split([(0, 0)], [], [(0, 1)], 1, 3, "paper")
    assert evaluate(Pairs([[0.0, -np.inf, -200.0]]), split, ks=(3,)).metrics["recall@3"] == 0.0


@pytest.mark.parametrize("protocol", ["clean", "paper"])
@pytest.mark.parametrize("part", ["test", "validation"])
def test_equals_oracle_with_nothing_left_out(protocol, part):
    split = random_split(1, protocol)
    scores = np.round(np.random.default_rng(1).normal(size=(60, 45)), 1).astype(np.float32)
    check(Table(scores), scores, split, part, leave_out_seen=False)


def test_nothing_left_out_ranks_what_was_seen_too():
    split = make_split([(0, 0), (0, 1)], [(0, 2)], [(0, 1), (0, 3)], 1, 4, "paper")
    model = Table([[4.0, 3.0, 2.0, 1.0]])
    assert evaluate(model, split, ks=(1, 2)).metrics["recall@2"] == 0.5
    unmasked = evaluate(model, split, ks=(1, 2), leave_out_seen=False).metrics
    assert unmasked["recall@1"] == 0.0  # item 0 comes first, item 1 second
    assert unmasked["recall@2"] == 0.5
