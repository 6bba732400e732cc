"""Settings to batches: their sizes, what they hold, and how many steps are run at once."""

import numpy as np
import pytest

from deca_tf.config import merge, resolve
from deca_tf.data import load_split, stream_shards, write_shards
from deca_tf.data.batches_by_user import batch_of_users
from deca_tf.denoisers import NMSE
from deca_tf.runs.batches import build_batches
from deca_tf.runs.building import build_model
from deca_tf.runs.data import read_split
from deca_tf.training.batching import groups_per_step, stream_batches
from deca_tf.training.execution import steps_per_execution_of

SMALL = {
    "data": {
        "dataset": "synthetic",
        "options": {"num_users": 120, "num_items": 60, "num_clicks": 1800},
    },
    "backbone": {"embedding_dim": 8},
    "training": {"batch_size": 128, "jit_compile": False},
}
BY_USER = {
    "backbone": {"name": "cdae"},
    "training": {"users_per_batch": 40, "penalty": "norms", "l2": 1e-3},
}


def settings(*more):
    return resolve(overrides=merge(SMALL, *more))


def test_a_small_table_is_not_one_batch():
    assert groups_per_step(None, 2, 79_619) == 4096
    assert groups_per_step(None, 2, 2675) == 256
    assert groups_per_step(None, 2, 3) == 2
    assert groups_per_step(128, 2, 2675) == 256


def an_epoch_of(batches):
    """Users and items, `(groups, 1 + num_negatives)`; each iteration is another epoch."""
    inputs = [inputs for inputs, _ in batches]
    users, items = (
        np.concatenate([part[key].numpy() for part in inputs]) for key in ("user_id", "item_id")
    )
    return np.broadcast_to(users, items.shape), items


@pytest.mark.parametrize(
    ("asked", "epochs", "steps", "expected"),
    [
        (32, 20, 20, 20),
        (32, 20, 205, 41),
        (32, 20, 211, 32),
        (32, 1, 20, 10),
        (32, 20, 1, 1),
        (32, 1, 1, 1),
        (1, 5, 7, 1),
    ],
)
def test_executions_end_with_epochs_where_they_can(asked, epochs, steps, expected):
    assert steps_per_execution_of(asked, epochs, steps) == expected


def test_batches_by_user_are_as_large_as_asked_and_their_penalty_is_divided_by_nothing():
    config = settings(BY_USER)
    split = read_split(config)
    model = build_model(config, split)
    assert (model.penalty, model.penalty_weight) == ("norms", 1e-3)
    assert (
        build_model(settings({"training": {"l2": 0.5}}), split).penalty_weight
        == 0.5 / split.num_users
    )
    groups_of_users = batch_of_users(split.train, 40)
    batches, groups, steps, _ = build_batches(config, split, model.denoiser, epochs_done=0)
    assert groups == groups_of_users * len(model.denoiser.phases)
    assert (steps, batches.cardinality()) == (round(len(split.train) / groups), steps)
    users, items = an_epoch_of(batches)
    assert users.shape == (steps * groups, 2)
    assert not np.isin(
        users[:, 1].astype(np.int64) * split.num_items + items[:, 1], split.train.pair_key
    ).any()
    assert (users[:, 0] != users[:, 1]).any()  # any cell of the batch's users


def test_batches_of_users_are_as_large_as_asked_or_as_so_many_positives():
    """Of users with two clicks at least, whom ELSA's loss teaches something."""
    for training, expected in (
        ({"users_per_batch": 40}, 40),
        ({"users_per_batch": None, "batch_size": 300}, None),
    ):
        config = settings({"backbone": {"name": "elsa"}, "training": training})
        split = read_split(config)
        clicks = split.train.user_activity()
        if expected is None:
            expected = round(300 * np.count_nonzero(clicks) / len(split.train))
        users = clicks[clicks > 1]
        denoiser = build_model(config, split).denoiser
        batches, groups, steps, positives = build_batches(config, split, denoiser, epochs_done=0)
        assert (groups, steps) == (expected, round(len(users) / expected))
        assert positives == round(expected * users.mean())
        (inputs, _), *_ = batches
        assert inputs["user_id"].shape == (expected, 1)


def test_whole_users_cannot_be_streamed(tmp_path):
    write_shards(load_split("synthetic", **SMALL["data"]["options"]), tmp_path / "clicks")
    split = stream_shards(tmp_path / "clicks")
    with pytest.raises(TypeError, match="must be held in memory under NMSE.*StreamedInteractions"):
        stream_batches(split.train, NMSE())


def test_negatives_are_drawn_as_the_denoiser_wants_them():
    """WBPR's never observed and popular, batch by batch or by user."""
    for more in ({}, {"training": {"users_per_batch": 40}}):
        config = settings({"denoiser": {"name": "wbpr"}}, more)
        split = read_split(config)
        model = build_model(config, split)
        batches, *_ = build_batches(config, split, model.denoiser, epochs_done=0)
        users, items = an_epoch_of(batches)
        assert (users[:, 0] == users[:, 1]).all()
        assert not np.isin(
            users[:, 1].astype(np.int64) * split.num_items + items[:, 1], split.train.pair_key
        ).any()
        popularity = split.train.item_popularity()
        left = 1 - split.train.to_csr().toarray()[users[:, 0]]
        uniform = ((left * popularity).sum(1) / left.sum(1)).mean()
        weighted = ((left * popularity**2).sum(1) / (left * popularity).sum(1)).mean()
        assert popularity[items[:, 1]].mean() == pytest.approx(
            weighted, abs=(weighted - uniform) / 4
        )


def test_a_streamed_run_sees_each_row_once_in_an_epoch(tmp_path):
    write_shards(load_split("synthetic", **SMALL["data"]["options"]), tmp_path / "clicks")
    data = {"dataset": "shards", "options": {"folder": str(tmp_path / "clicks"), "stream": True}}
    config = resolve(overrides={**SMALL, "data": data, "denoiser": {"name": "none"}})
    split = read_split(config)
    denoiser = build_model(config, split).denoiser
    batches, groups, steps, _ = build_batches(config, split, denoiser, 0)
    keys = np.concatenate(
        [
            inputs["user_id"][:, 0].numpy() * np.int64(split.num_items) + inputs["item_id"][:, 0]
            for inputs, _ in batches
        ]
    )
    assert len(keys) == groups * steps
    assert len(np.unique(keys)) == min(len(keys), len(split.train))
    assert np.isin(keys, split.train.pair_key).all()
