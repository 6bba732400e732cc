"""How steps are executed.

Decided in one place, from settings, networks and the length of an epoch.
"""

import pytest

from deca_tf.config import merge, resolve
from deca_tf.runs.building import build_model
from deca_tf.runs.data import read_split
from deca_tf.runs.execution import set_execution

SMALL = {
    "data": {"options": {"num_users": 60, "num_items": 30, "num_clicks": 600}},
    "training": {"epochs": 4},
}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, (True, 8)),
        ({"training": {"optimizer": "lazy-adam"}}, (True, 8)),
        ({"training": {"jit_compile": False, "steps_per_execution": 2}}, (False, 2)),
        ({"backbone": {"name": "lightgcn"}}, (False, 8)),  # sparse products
        ({"denoiser": {"auxiliary": "lightgcn"}}, (False, 8)),
        ({"training": {"strategy": "mirrored"}}, (False, 1)),
    ],
)
def test_execution_follows_settings_and_networks(more, expected):
    config = resolve(overrides=merge(SMALL, more))
    model = build_model(config, read_split(config))
    set_execution(model, config.training, epoch_steps=8)
    assert (model.jit_compile, model.steps_per_execution) == expected
