"""From settings to an untrained model."""

from collections.abc import Callable

import keras

from deca_tf.backbones import BACKBONES
from deca_tf.config import Config
from deca_tf.data.splits import Split
from deca_tf.denoisers import DENOISERS
from deca_tf.optimizers import OPTIMIZERS
from deca_tf.runs.models import MODELS, learns_at_once
from deca_tf.runs.seeds import role_seed
from deca_tf.training.deca_model import DeCAModel

OF_THE_TARGET = ("target", "partner")  # roles of the target's kind: a partner is a second target


def build_model(
    config: Config,
    split: Split,
    prior: keras.Model | None = None,
    own_target: Callable[[int], keras.Model] | None = None,
) -> DeCAModel:
    """The untrained, compiled `DeCAModel` of a config.

    Every network gets initial weights of its own, drawn from the config's seed and the network's
    role.

    Args:
        config: a `Config`.
        split: the `Split` whose id spaces the networks cover.
        prior: the pre-trained target, for DeCA(p).
        own_target: function from a seed to an untrained model, in place of the config's backbone.

    Stability: provisional.
    """
    target = _build_network(config, "target", split, own_target)
    roles = DENOISERS.load(config.denoiser.name).networks
    networks = {
        role: prior
        if role == "auxiliary" and prior is not None
        else _build_network(config, role, split, own_target)
        for role in roles
    }
    denoiser = DENOISERS.build(
        config.denoiser.name, options=config.denoiser.model_extra, **networks
    )
    if hasattr(split, "train"):
        denoiser.adapt(split.train)
    training = config.training
    model = DeCAModel(
        target, denoiser, l2=training.l2, penalty=training.penalty, num_users=split.num_users
    )
    optimizer = OPTIMIZERS.build(
        config.training.optimizer, learning_rate=config.training.learning_rate
    )
    model.compile(
        optimizer=optimizer
    )  # how steps are executed is decided by `execution`, once batches are known
    return model


def _build_network(config, role, split, own_target=None):
    """The untrained target, or one of a denoiser's networks.

    `split` may have nothing but the sizes.
    """
    backbone, denoiser = config.backbone, config.denoiser
    name, options = backbone.name, backbone.model_extra
    if role not in OF_THE_TARGET:
        name = denoiser.auxiliary if role == "auxiliary" else denoiser.noise_model
        dim = denoiser.embedding_dim or options.get("embedding_dim")
        options = {} if dim is None else {"embedding_dim": dim}
    seed = role_seed(config, role)
    if own_target is not None and role in OF_THE_TARGET:
        network = own_target(seed)
    else:
        sizes = {"num_users": split.num_users, "num_items": split.num_items}
        network = MODELS.build(name, options=options, seed=seed, **sizes)
    if hasattr(split, "train") and hasattr(network, "adapt"):
        network.adapt(split.train)
    return network


def load_parts(config):
    """Imports the classes that a config names, and so makes them known to Keras.

    Raises:
        ValueError, TypeError, ImportError: a name stands for no part, see `Registry.load`.
    """
    if learns_at_once(config):
        return
    DENOISERS.load(config.denoiser.name)
    for name in (config.denoiser.auxiliary, config.denoiser.noise_model):
        BACKBONES.load(name)
    OPTIMIZERS.load(config.training.optimizer)


def needs_prior(config: Config) -> bool:
    """Whether the denoiser's auxiliary network is a pre-trained one (DeCA(p))."""
    return config.denoiser.name == "deca-p" or bool(
        (config.denoiser.model_extra or {}).get("freeze_auxiliary")
    )
