"""Updates of `DeCAModel` against a second implementation.

The losses in NumPy, float64, their gradients by differences.

The second implementation is written from the paper's Eq. (9), (13), (14), (15), (18) and Algorithm
1, and from what `DeCAModel` promises: mean over positives plus mean over negatives, plus `l2 / 2 *
sum of squares` of the target alone.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deca_tf import optimizers
from deca_tf.backbones import GMF, MF
from deca_tf.denoisers import DENOISERS
from deca_tf.training.deca_model import DeCAModel

USERS, ITEMS, DIM = 5, 6, 3
GROUPS, NEGATIVES, STEPS = 8, 2, 2
C1, C2, L2, LEARNING_RATE = 7.0, 3.0, 0.02, 0.003
# Of Adam: ten times the usual, so that float32 and float64 agree where a gradient is nearly 0
EPSILON = 1e-7
ROLES = {"auxiliary": "g", "likelihood_if_negative": "h", "likelihood_if_positive": "h'"}
ALTERNATING = ("dp", "dn")


# The second implementation. A network is a list of arrays: the target [P, Q, w, b], the others [P,
# Q].


def probability(network, users, items):
    product = network[0][users] * network[1][items]
    logit = product @ network[2][:, 0] + network[3][0] if len(network) > 2 else product.sum(-1)
    return 1 / (1 + np.exp(-logit))


def log(x):
    return np.log(x + 1e-5)


def divergence(p, q):
    return p * (log(p) - log(q)) + (1 - p) * (log(1 - p) - log(1 - q))


def example_losses(method, phase, update, networks, users, items, label):
    f = probability(networks["f"], users, items)
    if method["name"] == "none":
        return np.where(label == 1, -np.log(f), -np.log(1 - f))
    if method["name"] == "deca-limit":
        return (
            np.where(label == 1, 0, C1 * f)
            if phase == "dp"
            else np.where(label == 1, C2 * (1 - f), 0)
        )
    g, h, h_prime = (probability(networks[role], users, items) for role in ("g", "h", "h'"))
    if update == 0 and method.get("first_update") == "both":
        likelihood = (1 - f) * log(1 - h) + f * log(1 - h_prime)
    elif phase == "dn":
        likelihood = np.where(label == 1, f * log(h_prime) - C2 * (1 - f), f * log(1 - h_prime))
    else:
        likelihood = np.where(label == 1, (1 - f) * log(h), (1 - f) * log(1 - h) - C1 * f)
    alpha, towards_f, towards_g = method["alpha"], divergence(g, f), divergence(f, g)
    if method.get("kl_weighting") == "f||g":
        towards_f, towards_g = towards_g, towards_f
    return alpha * towards_f + (1 - alpha) * towards_g - likelihood


def loss_of(method, phase, update, networks, users, items, label):
    losses = example_losses(method, phase, update, networks, users, items, label)
    squares = sum((weight**2).sum() for weight in networks["f"])
    return losses[label == 1].mean() + losses[label == 0].mean() + L2 / 2 * squares


def gradient_of(loss, weight, step=1e-5):
    gradient = np.zeros_like(weight)
    for index in np.ndindex(weight.shape):
        kept = weight[index]
        weight[index] = kept + step
        above = loss()
        weight[index] = kept - step
        gradient[index] = (above - loss()) / (2 * step)
        weight[index] = kept
    return gradient


class Adam:
    """Kingma and Ba, 2015, Algorithm 1."""

    def __init__(self, weights):
        self.moments = [(np.zeros_like(weight), np.zeros_like(weight)) for weight in weights]
        self.updates = 0

    def apply(self, weights, gradients):
        self.updates += 1
        for weight, gradient, (first, second) in zip(weights, gradients, self.moments, strict=True):
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            corrected = first / (1 - 0.9**self.updates), second / (1 - 0.999**self.updates)
            weight -= LEARNING_RATE * corrected[0] / (np.sqrt(corrected[1]) + EPSILON)


class Descent:
    """Plain gradient descent of rate 1: what it takes off a weight is the gradient itself."""

    def __init__(self, weights):
        pass

    def apply(self, weights, gradients):
        for weight, gradient in zip(weights, gradients, strict=True):
            weight -= gradient


def train(method, phases, networks, batches, optimizer):
    """Trains the networks in place; each has an optimizer of its own.

    Returns the losses of all updates.
    """
    learning = {
        "dp": ("f", "g", "h"),
        "dn": ("f", "g", "h'"),
    }
    optimizers = {role: optimizer(network) for role, network in networks.items()}
    losses = []
    for users, items, label in batches:
        for index, phase in enumerate(phases):
            update = len(losses)
            share = [column[index :: len(phases)].reshape(-1) for column in (users, items, label)]

            def loss(phase=phase, share=share, update=update):
                return loss_of(method, phase, update, networks, *share)

            roles = [role for role in learning.get(phase, ("f",)) if role in networks]
            if method.get("frozen"):
                roles.remove("g")
            losses.append(loss())
            gradients = {
                role: [gradient_of(loss, weight) for weight in networks[role]] for role in roles
            }
            for role in roles:
                optimizers[role].apply(networks[role], gradients[role])
    return losses


# The comparison.

METHODS = {
    "normal": ({"name": "none"}, ("train",)),
    "deca-limit": ({"name": "deca-limit"}, ALTERNATING),
    "deca": ({"name": "deca", "alpha": 0.3}, ALTERNATING),
    "deca, alpha 0": ({"name": "deca", "alpha": 0.0}, ALTERNATING),
    "deca, alpha 1": ({"name": "deca", "alpha": 1.0}, ALTERNATING),
    "deca, first update of the released code": (
        {"name": "deca", "alpha": 0.3, "first_update": "both"},
        ("dn", "dp"),  # the first "dn" is neither
    ),
    "deca, denoising positive only": ({"name": "deca-dp", "alpha": 0.3}, ("dp",)),
    "deca, denoising negative only": ({"name": "deca-dn", "alpha": 0.3}, ("dn",)),
    "deca(p) as in the paper": (
        {"name": "deca-p", "alpha": 0.3, "kl_weighting": "f||g"},
        ALTERNATING,
    ),
    "deca(p) as released": ({"name": "deca-p", "alpha": 0.3, "first_update": "both"}, ("dn", "dp")),
    "deca, denoising negative first": (
        {"name": "deca", "alpha": 0.3, "phases": ("dn", "dp")},
        ("dn", "dp"),
    ),
}


def build(method):
    """A model with weights large enough that no gradient drowns in float32's rounding."""
    target = GMF(USERS, ITEMS, embedding_dim=DIM, embedding_stddev=0.7, seed=1)
    target.output_bias.assign([0.3])
    networks = {"f": target}
    options = {key: value for key, value in method.items() if key != "name"}
    if "alpha" in options or method["name"] == "deca-limit":
        options |= {"c1": C1, "c2": C2}
    arguments = {}
    for seed, role in enumerate(DENOISERS.load(method["name"]).networks, 2):
        arguments[role] = MF(USERS, ITEMS, embedding_dim=DIM, embedding_stddev=0.7, seed=seed)
        networks[ROLES[role]] = arguments[role]
    return DeCAModel(
        target, DENOISERS.build(method["name"], options=options, **arguments), l2=L2 * USERS
    ), networks


def make_batches():
    """Ids with repeated users and items, in groups of one positive and two negatives."""
    rng = np.random.default_rng(0)
    shape = (GROUPS, 1 + NEGATIVES)
    label = np.tile([1.0, 0.0, 0.0], (GROUPS, 1)).astype(np.float32)
    return [
        (
            rng.integers(0, USERS, shape).astype(np.int32),
            rng.integers(0, ITEMS, shape).astype(np.int32),
            label,
        )
        for _ in range(STEPS)
    ]


def values_of(networks):
    return {
        role: [np.float64(weight.numpy()) for weight in network.weights]
        for role, network in networks.items()
    }


def fit(model, batches, optimizer):
    columns = [np.stack(column) for column in zip(*batches, strict=True)]
    dataset = tf.data.Dataset.from_tensor_slices(
        ({"user_id": columns[0], "item_id": columns[1]}, columns[2])
    )
    model.compile(optimizer=optimizer, run_eagerly=True)
    return model.fit(dataset, shuffle=False, verbose=0).history


@pytest.mark.parametrize(("method", "phases"), METHODS.values(), ids=METHODS)
def test_losses_and_weights_after_steps_of_adam(method, phases):
    batches = make_batches()
    model, networks = build(method)
    expected = values_of(networks)
    losses = train(
        {**method, "frozen": method["name"] == "deca-p"}, phases, expected, batches, Adam
    )
    history = fit(model, batches, optimizers.Adam(LEARNING_RATE, epsilon=EPSILON))
    assert history["loss"] == pytest.approx([np.mean(losses)], rel=1e-5)
    for role, weights in values_of(networks).items():
        for number, weight in enumerate(weights):
            np.testing.assert_allclose(
                weight, expected[role][number], rtol=0, atol=1e-5, err_msg=f"{role}[{number}]"
            )


@pytest.mark.parametrize("name", ["normal", "deca-limit", "deca", "deca(p) as in the paper"])
def test_gradients_of_one_step(name):
    method, phases = METHODS[name]
    batches = make_batches()[:1]
    model, networks = build(method)
    expected = values_of(networks)
    train({**method, "frozen": method["name"] == "deca-p"}, phases, expected, batches, Descent)
    fit(model, batches, keras.optimizers.SGD(1.0))
    for role, weights in values_of(networks).items():
        for number, weight in enumerate(weights):
            np.testing.assert_allclose(
                weight, expected[role][number], rtol=1e-5, atol=1e-5, err_msg=f"{role}[{number}]"
            )


def test_gradient_checks_look_at_updates_that_are_larger_than_their_tolerance():
    method, phases = METHODS["deca"]
    networks = values_of(build(method)[1])
    before = {role: [weight.copy() for weight in network] for role, network in networks.items()}
    train(method, phases, networks, make_batches(), Adam)
    for role, network in networks.items():
        assert all(
            np.abs(new - old).max() > 5e-3 for new, old in zip(network, before[role], strict=True)
        ), role
