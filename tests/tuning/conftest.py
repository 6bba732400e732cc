"""Small data, small trials."""

import pytest

from deca_tf.config import merge, resolve
from deca_tf.runs.data import read_split

SMALL = {
    "data": {
        "dataset": "synthetic",
        "options": {"num_users": 80, "num_items": 40, "num_clicks": 800},
    },
    "backbone": {"embedding_dim": 4},
    "denoiser": {"name": "deca-limit"},  # one network, and quickly compiled
    "training": {"epochs": 2, "batch_size": 128, "jit_compile": False},
}


def small(*more):
    """A `Config` of it."""
    return resolve(overrides=merge(SMALL, *more))


@pytest.fixture(scope="session")
def split():
    return read_split(small())
