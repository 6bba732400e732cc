"""The checks pass what keeps the contract, and name in a sentence what does not."""

import subprocess
import sys

import numpy as np
import pytest
from keras import ops

from deca_tf.backbones import MF, Backbone
from deca_tf.data import Interactions
from deca_tf.denoisers import GCE, Denoiser
from deca_tf.parts.options import option
from deca_tf.testing import check_backbone, check_denoiser, check_source


class Biases(Backbone):
    """A bias for each item, and one for each user."""

    scale: float = option(default=1.0, above=0, doc="Of the logits.")

    def setup(self):
        self.of_users = self.add_table("of_users", (self.num_users,))
        self.of_items = self.add_table("of_items", (self.num_items,))

    def call(self, inputs):
        return self.scale * (
            ops.take(self.of_users, inputs["user_id"], axis=0)
            + ops.take(self.of_items, inputs["item_id"], axis=0)
        )


class Squared(Denoiser):
    """The squared error of the probability."""

    weight: float = option(default=1.0, above=0, doc="Of the loss.")

    def compute_loss(self, phase, inputs, label, target_logits, update):
        return self.weight * ops.square(ops.sigmoid(target_logits) - label)


def test_parts_of_a_few_lines_keep_the_contract():
    check_backbone(Biases, options={"scale": 2.0})
    check_denoiser(Squared, options={"weight": 3.0})


class Forgetful(Biases):
    def get_config(self):
        config = super().get_config()
        del config["scale"]
        return config


class Crowded(Biases):
    def call(self, inputs):
        logits = super().call(inputs)
        return logits - ops.mean(logits)


class Late(Biases):
    def call(self, inputs):
        if not hasattr(self, "late"):
            self.late = self.add_table("late", (1,))
        return super().call(inputs) + self.late[0]


class Alike(MF):
    def add_table(self, name, shape, initializer="zeros"):
        return self.add_weight(name=name, shape=shape, initializer=initializer(1))


class Crooked(MF):
    def candidate_embedding(self, item_ids):
        return 2.0 * super().candidate_embedding(item_ids)


@pytest.mark.parametrize(
    ("part", "options", "sentence"),
    [
        (Forgetful, {"scale": 2.0}, "`get_config` must hold|must score alike"),
        (Crowded, {}, "must not depend on|must give the logits"),
        (Late, {}, "Calling a backbone must create no weights"),
        (Alike, {}, "Another seed must give other initial weights"),
        (Crooked, {}, "dot product of the embeddings must be the logit|must give the logits"),
        (dict, {}, "must be a subclass of deca_tf.backbones.Backbone"),
    ],
)
def test_a_broken_backbone_is_found(part, options, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_backbone(part, options=options)


class Summed(Squared):
    def compute_loss(self, *given):
        return ops.sum(super().compute_loss(*given))


class Deaf(Squared):
    def compute_loss(self, phase, inputs, label, target_logits, update):
        return ops.stop_gradient(super().compute_loss(phase, inputs, label, target_logits, update))


class Unbounded(Squared):
    def compute_loss(self, phase, inputs, label, target_logits, update):
        return ops.exp(ops.square(target_logits)) * label + super().compute_loss(
            phase, inputs, label, target_logits, update
        )


class Ranked(Squared):
    def compute_loss(self, phase, inputs, label, target_logits, update):
        loss = super().compute_loss(phase, inputs, label, target_logits, update)
        return loss / ops.max(loss)


class Certain(Squared):
    def posterior(self, inputs, target_prob):
        return 2.0 * target_prob


class Biased(Squared):
    negatives = "impopular"


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (Summed, "There must be a loss for each example"),
        (Deaf, "must depend on the target's logits|must learn from the loss"),
        (Unbounded, "Losses must be finite at logits"),
        (Ranked, "An example's loss must not depend on the others"),
        (Certain, r"A posterior must be in \[0, 1\]"),
        (Biased, "`negatives` must be one of"),
        (MF, "must be a subclass of deca_tf.denoisers.Denoiser"),
    ],
)
def test_a_broken_denoiser_is_found(part, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_denoiser(part)


def test_what_looks_at_the_batch_may_say_so():
    check_denoiser(Ranked, looks_at_the_batch=True)


class Clicks:
    OPTIONS = ("users", "noise")

    @staticmethod
    def load(name, *, data_dir=None, seed=0, users=8, noise=0.0):
        rng = np.random.default_rng(seed if not noise else None)
        keys = rng.choice(users * 9, 50, replace=noise > 0.5)
        return Interactions(keys // 9, keys % 9, np.arange(users), np.arange(9))


class Undeclared(Clicks):
    OPTIONS = ()


class Spoilt(Clicks):
    CLEAN_TEST = "rating >= 4"


def test_sources_keep_the_contract():
    check_source(Clicks, options={"users": 7})
    check_source("synthetic", options={"num_users": 60, "num_items": 50, "num_clicks": 900})


def test_broken_sources_are_found():
    with pytest.raises(AssertionError, match="Equal seeds must give an equal"):
        check_source(Clicks, options={"noise": 0.1})
    with pytest.raises(AssertionError, match="must give each pair once"):
        check_source(Clicks, options={"noise": 0.9})
    with pytest.raises(AssertionError, match=r"`OPTIONS` must name all .*'users'"):
        check_source(Undeclared, options={"users": 7})
    with pytest.raises(AssertionError, match="must have a function `load` or `load_split`"):
        check_source(dict)
    with pytest.raises(ValueError, match="rating"):
        check_source(Spoilt)


def test_the_checks_need_no_test_framework_and_hold_when_python_optimizes():
    code = (
        "import sys; from deca_tf.testing import check_denoiser; from deca_tf.denoisers import GCE\n"
        "class Broken(GCE):\n    negatives = 'none'\n"
        "try:\n    check_denoiser(Broken)\n"
        "except AssertionError as error:\n    print(error, 'pytest' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True)
    assert "`negatives` must be one of" in done.stdout
    assert done.stdout.strip().endswith("False")
    assert issubclass(GCE, Denoiser)
