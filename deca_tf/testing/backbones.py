"""What every backbone keeps."""

import functools
import pathlib
import tempfile
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.backbones import BACKBONES, backbone
from deca_tf.backbones.backbone import Backbone
from deca_tf.parts.part import settable
from deca_tf.testing._clicks import ITEMS, USERS, history, pairs
from deca_tf.testing._expect import expect, expect_close, expect_equal, refusal


def check_backbone(part: str | type, *, options: dict[str, Any] | None = None) -> None:
    """Checks that a backbone keeps its contract: on a few users and items, in some seconds.

    Args:
        part: a class, or its name in the registry, or "package.module:Class".
        options: of its constructor, `{name: value}`; call once for each choice that changes what it
            computes.

    Raises:
        AssertionError: in a sentence, what is not kept.

    Example:
        >>> check_backbone(dict)
        Traceback (most recent call last):
            ...
        AssertionError: A backbone must be a subclass of deca_tf.backbones.Backbone. ...

    Stability: provisional.
    """
    for check in CHECKS:
        check(Case(part, options))


class Case:
    """A backbone with options, built as often as the checks need it."""

    def __init__(self, part, options=None):
        self.cls = BACKBONES.load(part) if isinstance(part, str) else part
        expect(
            isinstance(self.cls, type) and issubclass(self.cls, Backbone),
            f"A backbone must be a subclass of deca_tf.backbones.Backbone. Received: {part!r}.",
        )
        small = {"embedding_dim": 4} if "embedding_dim" in settable(self.cls) else {}
        self.options = {**small, **(options or {})}

    def unadapted(self, seed=1, **sizes):
        sizes = {"num_users": USERS, "num_items": ITEMS, **sizes}
        return self.cls(**sizes, seed=seed, **self.options)

    def build(self, seed=1, **sizes):
        model = self.unadapted(seed, **sizes)
        model.adapt(history(model.num_users, model.num_items))
        return model

    def stirred(self):
        """One whose biases are not zero, as after training, so that none of them goes unnoticed."""
        model = self.build()
        rng = np.random.default_rng(0)
        for weight in model.trainable_variables:
            weight.assign(rng.normal(size=weight.shape))
        return model

    @functools.cached_property
    def needs_data(self):
        """Whether it cannot be called before `adapt`."""
        try:
            self.unadapted()(pairs(3))
        except RuntimeError as error:
            expect(
                "adapt(" in str(error),
                "A backbone that cannot be called before `adapt` must say so: `model.adapt(split.train)`. "
                f"Received: {error}",
            )
            return True
        return False


def logits_have_the_shape_of_the_ids(case):
    model = case.stirred()
    groups = pairs(6, 3)
    logits = np.array(model(groups))
    expect(
        logits.shape == (6, 3), f"Logits must have the shape of the ids, (6, 3): {logits.shape}."
    )
    expect(logits.dtype == np.float32, f"Logits must be float32: {logits.dtype}.")
    flat = np.array(model({key: ids.reshape(-1) for key, ids in groups.items()}))
    expect_close(flat, logits.reshape(-1), "A pair's logit must not depend on the ids' shape.")


def is_built_with_all_its_weights_as_soon_as_it_exists(case):
    model = case.build()
    expect(model.built, "A backbone must create its weights in `setup`, by `add_table`.")
    before = [weight.path for weight in model.weights]
    model(pairs(3))
    expect(
        before == [weight.path for weight in model.weights],
        "Calling a backbone must create no weights. Create them in `setup`, by `add_table`.",
    )
    expect(before, "A backbone must have weights.")


def score_of_all_items_is_the_logit_of_each(case):
    model = case.stirred()
    users = np.array([4, 0, 4], np.int32)
    scores = np.array(model.score_all_items(ops.convert_to_tensor(users)))
    expect(scores.shape == (3, ITEMS), f"Scores of 3 users must be (3, {ITEMS}): {scores.shape}.")
    grid = {
        "user_id": np.repeat(users, ITEMS),
        "item_id": np.tile(np.arange(ITEMS, dtype=np.int32), 3),
    }
    expect_close(scores.ravel(), np.array(model(grid)), "`score_all_items` must give the logits.")


def dot_product_of_the_embeddings_is_the_logit(case):
    model, ids = case.stirred(), pairs(20)
    if not model.is_factorized:
        message = refusal(
            "A backbone whose score is no dot product must have no `query_embedding`.",
            NotImplementedError,
            model.query_embedding,
            ids["user_id"],
        )
        expect(f"{type(model).__name__}'s score is no dot product" in message, message)
        return
    query = np.array(model.query_embedding(ids["user_id"]))
    candidate = np.array(model.candidate_embedding(ids["item_id"]))
    expect(query.shape == candidate.shape, "Both embeddings must have one length.")
    expect_close(
        (query * candidate).sum(-1),
        np.array(model(ids)),
        "The dot product of the embeddings must be the logit.",
    )


def keras_file_gives_back_the_same_model(case):
    model = case.stirred()
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "model.keras"
        model.save(file)
        loaded = keras.models.load_model(file)
    expect(type(loaded) is type(model), "A saved backbone must be loaded as its own class.")
    expect_equal(
        np.array(loaded(pairs(20))),
        np.array(model(pairs(20))),
        "A loaded backbone must score alike.",
    )


def config_gives_back_the_arguments_and_with_them_the_initial_weights(case):
    model = case.build(seed=3)
    config = model.get_config()
    for key, value in {"num_users": USERS, "num_items": ITEMS, "seed": 3, **case.options}.items():
        expect(
            key in config and config[key] == value,
            f"`get_config` must hold {key}={value!r}: {config.get(key)!r}.",
        )
    again = type(model).from_config(config)
    expect(again.get_config() == config, "`from_config` must give back a model of equal config.")
    expect(
        [weight.shape for weight in model.weights] == [weight.shape for weight in again.weights],
        "`from_config` must give back weights of equal shapes, also those that `adapt` made.",
    )
    for weight, other in zip(model.trainable_variables, again.trainable_variables, strict=True):
        expect_equal(np.array(weight), np.array(other), "Equal configs must give equal weights.")


def options_that_can_be_set_are_in_the_config(case):
    missing = set(settable(case.cls)) - set(case.build().get_config())
    expect(not missing, f"`get_config` must hold all options. It lacks: {sorted(missing)}.")


def seed_fixes_the_initial_weights(case):
    one, same, other = (case.build(seed=seed).trainable_variables for seed in (1, 1, 2))
    for weight, equal, different in zip(one, same, other, strict=True):
        expect_equal(np.array(weight), np.array(equal), "Equal seeds must give equal weights.")
        if np.array(weight).any():  # biases start at zero whatever the seed
            expect(
                (np.array(weight) != np.array(different)).all(),
                f"Another seed must give other initial weights: {weight.name}.",
            )


def users_and_items_of_equal_ids_start_with_different_vectors(case):
    model = case.build(num_users=6, num_items=6)
    trained = [np.array(weight) for weight in model.trainable_variables]
    tables = [weight for weight in trained if weight.shape[0] == 6 and weight.any()]
    for number, left in enumerate(tables):
        expect(
            not any(
                (left == right).any() for right in tables[:number] if left.shape == right.shape
            ),
            "Tables must start with different vectors: give `add_table` a function of a seed.",
        )


def sizes_that_are_no_positive_integers_are_refused(case):
    for argument in {"num_users", "num_items", *({"embedding_dim"} & set(case.options))}:
        for size in (0, -3, 2.5, "4", None, True):
            arguments = {"num_users": USERS, "num_items": ITEMS, **case.options, argument: size}
            message = refusal(
                f"{argument}={size!r} must be refused.", ValueError, case.cls, **arguments
            )
            required = (
                f"`{argument}` must be an integer of at least 1. Received: {argument}={size!r}"
            )
            expect(required in message, f"The error must say: {required}. It says: {message}")


def sizes_of_any_integer_type_are_taken(case):
    model = case.build(num_users=np.int64(5), num_items=7.0)
    expect(np.array(model(pairs(4))).shape == (4,), "Sizes may be of any integer type.")
    keras.saving.serialize_keras_object(model)  # JSON knows no NumPy integers
    expect(type(model.get_config()["num_users"]) is int, "`get_config` must hold plain integers.")


def a_negative_seed_is_refused(case):
    message = refusal("A negative seed must be refused.", ValueError, case.build, seed=-1)
    required = "`seed` must be an integer of at least 0. Received: seed=-1"
    expect(required in message, f"The error must say: {required}. It says: {message}")


def adapting_leaves_what_is_learned(case):
    model = case.unadapted()
    learning = [weight.name for weight in model.trainable_variables]
    if not case.needs_data:
        before = [*map(np.array, model.weights), np.array(model(pairs(20)))]
        model.adapt(history())
        after = [*map(np.array, model.weights), np.array(model(pairs(20)))]
        for old, new in zip(before, after, strict=True):
            expect_equal(new, old, "`adapt` must not change a backbone that works without.")
    expect(
        [weight.name for weight in case.build().trainable_variables] == learning,
        "`adapt` must create no weights that are trained.",
    )


def adapting_once_more_changes_nothing(case):
    """Weights left over from the first time would be in the file, which could not be loaded."""
    model = case.stirred()
    expected = np.array(model(pairs(20)))
    model.adapt(history())
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "model.keras"
        model.save(file)
        loaded = keras.models.load_model(file)
    loaded.adapt(history())
    expect_equal(np.array(loaded(pairs(20))), expected, "`adapt` again must change nothing.")


def a_backbone_that_needs_the_data_says_so(case):
    for model, needed in ((case.unadapted(), case.needs_data), (case.build(), False)):
        expect(
            bool(model.needs_data) == needed,
            f"`needs_data` must say whether `adapt` is still to come: {model.needs_data!r}.",
        )
    if not case.needs_data:
        return
    if case.unadapted().is_factorized:
        refusal(
            "`query_embedding` must refuse to work before `adapt`, by a RuntimeError.",
            RuntimeError,
            case.unadapted().query_embedding,
            np.array([0], np.int32),
        )
    for adapted, other, words in (
        (case.unadapted(), history(num_items=ITEMS + 1), "must have the backbone's `num_items`"),
        (case.build(), history().take(slice(3)), "has adapted to"),
    ):
        message = refusal("`adapt` must refuse other data.", ValueError, adapted.adapt, other)
        expect(words in message, f"The error must say: {words}. It says: {message}")


def scores_do_not_depend_on_who_else_is_asked_about(case):
    model, ids = case.stirred(), pairs(20)
    alone = [
        np.array(model({key: value[row : row + 1] for key, value in ids.items()}))[0]
        for row in range(20)
    ]
    expect_close(alone, np.array(model(ids)), "A logit must not depend on the rest of the batch.")


def clicks_and_candidates_have_the_logits_of_their_pairs(case):
    model, ids, pool = case.stirred(), pairs(9), np.array([6, 0, 3, 3], np.int32)
    both = np.concatenate([ids["item_id"], pool])
    for items, size, columns in ((ids["item_id"], None, range(ITEMS)), (both, 4, pool)):
        found = model.score_clicks(*map(ops.convert_to_tensor, (ids["user_id"], items)), size)
        grid = dict(zip(ids, np.meshgrid(ids["user_id"], np.int32(columns)), strict=True))
        for received, expected in zip(found, (model(ids), model(grid)), strict=True):
            sentence = "`score_clicks` must give the logits of `call`."
            expect_close(np.array(received), np.array(expected).T, sentence)


def a_batch_of_most_pairs_has_the_logits_and_gradients_of_its_pairs(case):
    model, inputs = case.stirred(), pairs(40)
    weights = np.random.default_rng(2).normal(size=40)
    usual, found = backbone.LEAST_PAIRS, []
    # By pairs, then by products of whole tables where there is such a way
    try:
        for least in (usual, 1):
            backbone.LEAST_PAIRS = least
            with tf.GradientTape() as tape:
                logits = model(inputs)
                loss = ops.sum(logits * weights)
            gradients = tape.gradient(loss, model.trainable_variables)
            expect(
                all(gradient is not None for gradient in gradients),
                "Every trainable weight must have a part in the logits.",
            )
            found.append([logits, *map(tf.convert_to_tensor, gradients)])
    finally:
        backbone.LEAST_PAIRS = usual
    for by_pairs, by_products in zip(*found, strict=True):
        expect_close(
            np.asarray(by_products),
            np.asarray(by_pairs),
            "A large batch must have the logits and gradients of its pairs.",
            rtol=1e-4,
            atol=1e-5,
        )


CHECKS = (
    logits_have_the_shape_of_the_ids,
    is_built_with_all_its_weights_as_soon_as_it_exists,
    score_of_all_items_is_the_logit_of_each,
    dot_product_of_the_embeddings_is_the_logit,
    keras_file_gives_back_the_same_model,
    config_gives_back_the_arguments_and_with_them_the_initial_weights,
    options_that_can_be_set_are_in_the_config,
    seed_fixes_the_initial_weights,
    users_and_items_of_equal_ids_start_with_different_vectors,
    sizes_that_are_no_positive_integers_are_refused,
    sizes_of_any_integer_type_are_taken,
    a_negative_seed_is_refused,
    adapting_leaves_what_is_learned,
    adapting_once_more_changes_nothing,
    a_backbone_that_needs_the_data_says_so,
    scores_do_not_depend_on_who_else_is_asked_about,
    clicks_and_candidates_have_the_logits_of_their_pairs,
    a_batch_of_most_pairs_has_the_logits_and_gradients_of_its_pairs,
)
