"""Two stages: with all items as candidates it is exact.

With fewer it ranks those that the first stage finds.
"""

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.serving import export


def ask(path, users):
    answer = tf.saved_model.load(str(path)).signatures["recommend"](
        user_id=tf.constant(users, tf.string)
    )
    return [[item.decode() for item in row] for row in answer["item_id"].numpy()], answer[
        "score"
    ].numpy()


def test_with_all_items_as_candidates_it_is_exact(split, make_target, expect_all, tmp_path):
    target = make_target("neumf")
    path = export(
        target, split, tmp_path, retrieval=make_target("gmf"), candidates=50, warmup_batch_sizes=()
    )
    items, scores = ask(path, [*split.train.raw_user_ids.tolist(), "nobody"])
    expected = expect_all(target, [*range(split.num_users), None], 10)
    assert items == [one.items for one in expected]
    np.testing.assert_allclose(scores, [one.scores for one in expected], rtol=1e-5, atol=1e-5)


def test_only_candidates_are_ranked(split, make_target, expect, tmp_path):
    target, retrieval = make_target("neumf"), make_target("mf")
    path = export(
        target, split, tmp_path, k=5, retrieval=retrieval, candidates=8, warmup_batch_sizes=()
    )
    seen = split.seen().to_csr()[[9]].indices
    found = np.argsort(
        -np.asarray(retrieval.score_all_items(np.array([9], np.int32)))[0], kind="stable"
    )
    found = found[: 5 + len(seen) + 8]
    logits = np.asarray(target.score_all_items(np.array([9], np.int32)))[0]
    left = sorted((i for i in found if i not in seen), key=lambda i: (-logits[i], i))[:5]
    items, scores = ask(path, ["user 9"])
    assert items[0] == [f"Stück {i}" for i in left]
    np.testing.assert_allclose(scores[0], logits[left], rtol=1e-5)
    assert items[0] != expect(target, 9, 5).items


@pytest.mark.parametrize(
    "name, retrieval, match",
    [
        ("mf", "gmf", "`retrieval` finds candidates for a model whose score is no dot product"),
        ("neumf", "neumf", "`retrieval` must be a model whose score is a dot product"),
    ],
)
def test_models_that_do_not_go_together_are_refused(
    name, retrieval, match, split, make_target, tmp_path
):
    with pytest.raises(ValueError, match=match):
        export(make_target(name), split, tmp_path / "new", retrieval=make_target(retrieval))
    assert not (tmp_path / "new").exists()
