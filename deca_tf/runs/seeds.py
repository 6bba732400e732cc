"""Random numbers of a run: a seed for each part, drawn from the run's."""

import zlib


def role_seed(config, role):
    """The seed of one part of a run, drawn from the run's and the part's name: no two parts share random numbers."""
    return zlib.crc32(f"{config.seed}/{role}".encode()) & 0x7FFFFFFF


def data_seed(config):
    """The seed of synthetic data and random splits."""
    return config.seed if config.data.seed is None else config.data.seed
