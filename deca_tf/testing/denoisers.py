"""What every denoiser keeps."""

import functools
import pathlib
import tempfile
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.backbones import ELSA, MF
from deca_tf.data import Interactions
from deca_tf.data.negative_sampling import NEGATIVES
from deca_tf.denoisers import DENOISERS
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.denoisers.user_scores import UserScores
from deca_tf.parts.part import settable
from deca_tf.testing._expect import expect, expect_close, expect_equal
from deca_tf.training.batching import stream_batches
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS, BATCH = 5, 7, 12


def check_denoiser(
    part: str | type,
    *,
    options: dict[str, Any] | None = None,
    looks_at_the_batch: bool = False,
    same_under_xla: bool = True,
) -> None:
    """Checks that a denoiser keeps its contract: on a few users and items, in some seconds.

    Args:
        part: a class, or its name in the registry, or "package.module:Class".
        options: of its constructor, `{name: value}`.
        looks_at_the_batch: the loss of an example depends on others of its batch, as a ranking's
            does.
        same_under_xla: false where XLA draws other random numbers than TensorFlow does without it.

    Raises:
        AssertionError: in a sentence, what is not kept.

    Example:
        >>> check_denoiser(dict)
        Traceback (most recent call last):
            ...
        AssertionError: A denoiser must be a subclass of deca_tf.denoisers.Denoiser. ...

    Stability: provisional.
    """
    for check in CHECKS:
        check(Case(part, options, looks_at_the_batch, same_under_xla))


class Case:
    """A denoiser with options, built as often as the checks need it, and a batch for it."""

    def __init__(self, part, options=None, looks_at_the_batch=False, same_under_xla=True):
        self.name = part if isinstance(part, str) else None
        self.cls = DENOISERS.load(part) if isinstance(part, str) else part
        expect(
            isinstance(self.cls, type) and issubclass(self.cls, Denoiser),
            f"A denoiser must be a subclass of deca_tf.denoisers.Denoiser. Received: {part!r}.",
        )
        self.options = options or {}
        self.looks_at_the_batch, self.same_under_xla = looks_at_the_batch, same_under_xla
        rng = np.random.default_rng(0)
        self.inputs = {
            "user_id": ops.convert_to_tensor(rng.integers(0, USERS, BATCH).astype(np.int32)),
            "item_id": ops.convert_to_tensor(rng.integers(0, ITEMS, BATCH).astype(np.int32)),
        }
        self.label = ops.convert_to_tensor(np.tile([1.0, 0.0], BATCH // 2).astype(np.float32))
        self.logits = ops.convert_to_tensor(rng.normal(size=BATCH).astype(np.float32))
        self.candidates = ops.convert_to_tensor(rng.normal(size=(BATCH, ITEMS)).astype(np.float32))

    def build(self):
        networks = {role: mf(seed) for seed, role in enumerate(self.cls.networks)}
        if self.name is None:
            denoiser = self.cls(**networks, **self.options)
        else:
            denoiser = DENOISERS.build(self.name, options=self.options, **networks)
        denoiser.adapt(training_pairs())
        return denoiser

    def built(self):
        denoiser = self.build()
        denoiser.build()
        return denoiser

    def losses(self, denoiser, update=0, rows=slice(None), logits=None):
        logits = self.logits if logits is None else logits
        return [
            np.array(self.loss(denoiser, phase, logits, update, rows)) for phase in denoiser.phases
        ]

    def loss(self, denoiser, phase, logits, update=0, rows=slice(None)):
        """Of each example of the batch, in the form of the denoiser's layout."""
        if denoiser.layout == "clicks":
            return self.losses_and_shares(denoiser, phase, logits, update, rows)[0]
        if denoiser.layout == "users":
            return denoiser.compute_user_loss(phase, self.user_scores(logits, rows), update)
        inputs = {key: ids[rows] for key, ids in self.inputs.items()}
        return denoiser.compute_loss(phase, inputs, self.label[rows], logits[rows], update)

    def losses_and_shares(self, denoiser, phase, logits, update=0, rows=slice(None)):
        inputs = {key: ids[rows] for key, ids in self.inputs.items()}
        inputs["candidate_id"] = ops.arange(ITEMS, dtype="int32")
        others = ops.not_equal(inputs["item_id"][:, None], inputs["candidate_id"])
        return denoiser.compute_click_loss(
            phase, inputs, logits[rows], self.candidates[rows], ops.cast(others, "float32"), update
        )

    def user_scores(self, logits, rows=slice(None)):
        """Each example as the one click of a user of its own."""
        logits = logits[rows]
        others = ops.not_equal(self.inputs["item_id"][rows][:, None], ops.arange(ITEMS))
        users, target = tf.range(len(logits)), ops.ones_like(logits)
        others = ops.cast(others, "float32")
        return UserScores(users, target, logits, self.candidates[rows], others, ITEMS)


def mf(seed):
    return MF(USERS, ITEMS, embedding_dim=4, embedding_stddev=0.5, seed=seed)


def training_pairs():
    """Twelve of the 35 pairs; user 4 and item 6 have none."""
    keys = np.random.default_rng(1).choice(4 * 6, 12, replace=False)
    return Interactions(keys // 6, keys % 6, np.arange(USERS), np.arange(ITEMS))


def phases_are_names_and_their_networks_models(case):
    denoiser = case.built()
    expect(
        isinstance(denoiser.phases, tuple) and denoiser.phases and len(set(denoiser.phases)) > 0,
        f"`phases` must be a tuple of names: {denoiser.phases!r}.",
    )
    networks = [getattr(denoiser, role) for role in denoiser.networks]
    for phase in denoiser.phases:
        for network in denoiser.trainable_networks(phase):
            expect(
                any(network is other for other in networks),
                f"What learns in phase {phase!r} must be one of `networks`: {network!r}.",
            )


def loss_is_finite_and_one_for_each_example(case):
    for loss in case.losses(case.built()):
        expect(loss.shape == (BATCH,), f"There must be a loss for each example: {loss.shape}.")
        expect(np.isfinite(loss).all(), f"Losses must be finite: {loss}.")


def loss_is_finite_where_the_target_is_certain(case):
    for sign in (-1, 1):
        for loss in case.losses(case.built(), logits=sign * 1000 * ops.ones(BATCH)):
            expect(np.isfinite(loss).all(), f"Losses must be finite at logits {sign}000: {loss}.")


def loss_compiled_by_xla_is_the_same(case):
    denoiser = case.built()
    for _ in range(6):
        denoiser.on_epoch_end(mf(9))
    for phase in denoiser.phases:
        loss = functools.partial(case.loss, denoiser, phase)
        update = tf.constant(40_000, tf.int64)  # as the optimizer counts
        compiled = tf.function(lambda *given, loss=loss: loss(*given), jit_compile=True)
        received = np.array(compiled(case.logits, update))
        expect(np.isfinite(received).all(), f"Losses under XLA must be finite: {received}.")
        if case.same_under_xla:
            expected = np.array(loss(case.logits, update))
            expect_close(received, expected, "XLA must not change the losses.")


def loss_depends_on_the_logits_of_the_target(case):
    denoiser = case.built()
    for phase in denoiser.phases:
        with tf.GradientTape() as tape:
            tape.watch(case.logits)
            loss = ops.sum(case.loss(denoiser, phase, case.logits))
        gradient = tape.gradient(loss, case.logits)
        expect(gradient is not None, "The loss must depend on the target's logits.")
        gradient = np.array(gradient)
        expect(
            np.isfinite(gradient).all() and np.abs(gradient).max() > 1e-3,
            f"The target must learn from the loss. Gradients: {gradient}.",
        )


def negatives_are_drawn_in_a_way_there_is(case):
    expect(
        case.cls.negatives in NEGATIVES.names,
        f"`negatives` must be one of {NEGATIVES.names}: {case.cls.negatives!r}.",
    )


def recommender_scores_pairs(case):
    recommender = case.built().recommender(mf(9))
    expect(
        recommender(case.inputs).shape == (BATCH,),
        "`recommender` must give a model from pairs to logits.",
    )


def loss_of_an_example_does_not_depend_on_the_rest_of_the_batch(case):
    if case.looks_at_the_batch:
        return
    denoiser = case.built()
    for rows in (slice(5), slice(5, None)):
        parts = case.losses(denoiser, rows=rows)
        for part, whole in zip(parts, case.losses(denoiser), strict=True):
            expect_close(part, whole[rows], "An example's loss must not depend on the others.")


def share_of_a_click_is_one_among_all_items(case):
    denoiser = case.built()
    if denoiser.layout != "clicks":
        return
    for phase in denoiser.phases:
        share = np.array(case.losses_and_shares(denoiser, phase, case.logits)[1])
        expect(share.shape == (BATCH,), f"There must be a share for each click: {share.shape}.")
        expect(((share >= 0) & (share <= 1)).all(), f"A share must be in [0, 1]: {share}.")


def posterior_is_a_probability(case):
    if not case.cls.gives_probabilities:
        return
    posterior = np.array(case.built().posterior(case.inputs, ops.sigmoid(case.logits)))
    expect(posterior.shape == (BATCH,), f"There must be a posterior for each: {posterior.shape}.")
    expect(
        ((posterior >= 0) & (posterior <= 1)).all(), f"A posterior must be in [0, 1]: {posterior}."
    )


def config_gives_back_phases_networks_and_losses(case):
    denoiser = case.built()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(denoiser))
    expect(type(again) is type(denoiser), "A saved denoiser must be loaded as its own class.")
    expect(
        again.phases == denoiser.phases, f"Its phases must be {denoiser.phases}: {again.phases}."
    )
    for role in denoiser.networks:  # equal seeds, so equal initial weights
        expect(
            getattr(again, role).trainable == getattr(denoiser, role).trainable,
            f"Whether `{role}` learns must be saved.",
        )
    for one, other in zip(case.losses(again), case.losses(denoiser), strict=True):
        expect_close(one, other, "A saved denoiser must be loaded with its settings.", atol=1e-7)


def options_that_can_be_set_are_in_the_config(case):
    missing = set(settable(case.cls)) - set(case.built().get_config())
    expect(not missing, f"`get_config` must hold all options. It lacks: {sorted(missing)}.")


def what_is_read_of_users_is_one_figure_for_each(case):
    denoiser = case.built()
    if denoiser.layout != "users":
        return
    for read in map(np.array, denoiser.read_users(case.user_scores(case.logits))):
        expect(read.shape == (BATCH,), f"There must be a figure for each user: {read.shape}.")
        expect(np.isfinite(read).all(), f"What is monitored must be finite: {read}.")


def trains_a_target_and_is_saved_with_it(case):
    of_users = case.cls.layout == "users"
    target = ELSA(USERS, ITEMS, embedding_dim=4, seed=9) if of_users else mf(9)
    before = [np.array(weight) for weight in target.trainable_variables]
    model = DeCAModel(target, case.build())
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    updates = len(model.denoiser.phases)
    target.adapt(training_pairs())
    batches = stream_batches(training_pairs(), model.denoiser, batch_size=12 // updates).batches
    model.fit(batches, epochs=2, verbose=0, shuffle=False)
    for old, weight in zip(before, target.trainable_variables, strict=True):
        expect(
            np.isfinite(weight).all() and (np.array(weight) != old).any(),
            f"The target must learn, and stay finite: {weight.path}.",
        )
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "model.keras"
        model.save(file)
        loaded = keras.models.load_model(file)
    for one, other in zip(loaded.weights, model.weights, strict=True):
        expect_equal(np.array(one), np.array(other), f"{other.path} must be saved.")


CHECKS = (
    phases_are_names_and_their_networks_models,
    loss_is_finite_and_one_for_each_example,
    loss_is_finite_where_the_target_is_certain,
    loss_compiled_by_xla_is_the_same,
    loss_depends_on_the_logits_of_the_target,
    negatives_are_drawn_in_a_way_there_is,
    recommender_scores_pairs,
    loss_of_an_example_does_not_depend_on_the_rest_of_the_batch,
    share_of_a_click_is_one_among_all_items,
    what_is_read_of_users_is_one_figure_for_each,
    posterior_is_a_probability,
    config_gives_back_phases_networks_and_losses,
    options_that_can_be_set_are_in_the_config,
    trains_a_target_and_is_saved_with_it,
)
