"""Random numbers of a run: a seed for each part, drawn from the run's."""

from deca_tf.parts.seeds import derived_seed


def role_seed(config, role):
    """The seed of one part of a run, drawn from the run's and the part's name."""
    return derived_seed(config.seed, role)


def data_seed(config):
    """The seed of synthetic data and random splits."""
    return config.seed if config.data.seed is None else config.data.seed
