"""Three callbacks inside `fit`, and on logs made by hand.

RankingMetrics, CollapseMonitor and ReleasedEarlyStopping.
"""

import dataclasses
import types
import warnings

import keras
import numpy as np
import pytest

from deca_tf.backbones import MF
from deca_tf.data import Interactions, LeakReport, Split, training_batches, validation_batches
from deca_tf.denoisers import GCE, DeCALimit, Softmax
from deca_tf.evaluation import evaluate
from deca_tf.training.callbacks import (
    CollapseMonitor,
    ProgressBar,
    RankingMetrics,
    ReleasedEarlyStopping,
)
from deca_tf.training.deca_model import DeCAModel


@pytest.fixture(scope="module")
def split():
    """Two camps of users who like the even or the odd items: quickly learnt."""
    rng = np.random.default_rng(0)
    pairs = [(user, item) for user in range(40) for item in range(user % 2, 20, 2)]
    rng.shuffle(pairs)
    users, items = np.array(pairs, np.int32).T
    everything = Interactions(users, items, np.arange(40), np.arange(20))
    parts = (
        everything.take(slice(100, None)),
        everything.take(slice(50)),
        everything.take(slice(50, 100)),
    )
    return Split(*parts, protocol="clean", name="camps", leaks=LeakReport())


def fit(split, callbacks, epochs=6, **options):
    model = DeCAModel(MF(40, 20, embedding_dim=8, embedding_stddev=0.1))
    model.compile(optimizer=keras.optimizers.Adam(0.05))
    batches = training_batches(split.train, batch_size=64)
    return model, model.fit(
        batches, epochs=epochs, verbose=0, shuffle=False, callbacks=callbacks, **options
    ).history


class Spy(keras.callbacks.Callback):
    """Evaluates by itself at every epoch."""

    def __init__(self, split, part):
        super().__init__()
        self.split, self.part, self.found = split, part, []

    def on_epoch_end(self, epoch, logs=None):
        self.found.append(
            evaluate(self.model.target, self.split, part=self.part, ks=(3,)).metrics["recall@3"]
        )


@pytest.mark.parametrize(("part", "prefix"), [("validation", "val_"), ("test", "test_")])
def test_metrics_of_every_epoch_are_in_the_history(split, part, prefix):
    spy = Spy(split, part)
    _, history = fit(split, [spy, RankingMetrics(split, part, ks=(3, 5), prefix=prefix)])
    assert history[f"{prefix}recall@3"] == spy.found and len(spy.found) == 6
    assert len(set(spy.found)) > 1  # or the comparison would say nothing
    assert {
        f"{prefix}{name}@{k}" for name in ("recall", "ndcg", "precision", "mrr") for k in (3, 5)
    } <= set(history)


def test_users_with_history_are_evaluated_by_themselves_where_not_all_have_one(split):
    _, history = fit(split, [RankingMetrics(split)])
    assert not [name for name in history if "warm" in name]
    kept = np.flatnonzero(split.train.user_id != split.validation.user_id[0])
    fewer = dataclasses.replace(split, train=split.train.take(kept))
    model, history = fit(fewer, [RankingMetrics(fewer, ks=(3,))])
    expected = evaluate(model.target, fewer, part="validation", ks=(3,))
    assert history["val_warm_recall@3"][-1] == expected.warm["recall@3"]
    assert history["val_recall@3"][-1] == expected.metrics["recall@3"]
    assert expected.warm["recall@3"] != expected.metrics["recall@3"]


def test_skipped_epochs_repeat_the_last_figures(split):
    spy = Spy(split, "validation")
    _, history = fit(split, [spy, RankingMetrics(split, ks=(3,), every=3)], epochs=7)
    evaluated = [spy.found[epoch] for epoch in (0, 0, 2, 2, 2, 5, 5)]
    assert history["val_recall@3"] == evaluated


def test_where_training_goes_on_the_last_figures_are_those_of_the_earlier_process(split):
    whole = RankingMetrics(split, ks=(3, 5), every=4)
    spy = Spy(split, "validation")
    _, history = fit(split, [whole, spy], epochs=6)
    earlier = [
        {name: values[epoch] for name, values in history.items()} | {"val_loss": 0.3}
        for epoch in range(5)
    ]
    torn = RankingMetrics(split, ks=(3, 5), every=4, earlier=earlier)
    torn.on_train_begin()
    torn.evaluator = None  # nothing is due
    logs = {"val_loss": 0.2}
    torn.on_epoch_end(5, logs)
    assert logs["val_recall@3"] == history["val_recall@3"][5] == spy.found[3]
    assert spy.found[3] != spy.found[5]
    assert logs["val_loss"] == 0.2  # not the callback's own


def test_figures_of_an_earlier_training_are_not_repeated(split):
    metrics = RankingMetrics(split, ks=(3,), every=10)
    fit(split, [metrics])
    spy = Spy(split, "validation")
    model = DeCAModel(MF(40, 20, seed=9))
    model.compile(optimizer="adam")
    model.fit(
        training_batches(split.train, batch_size=64),
        epochs=1,
        verbose=0,
        shuffle=False,
        callbacks=[metrics, spy],
    )
    assert metrics._last["val_recall@3"] == spy.found[0]


def test_keras_callbacks_see_them(split, tmp_path):
    best = tmp_path / "best.weights.h5"
    model, history = fit(
        split,
        [
            RankingMetrics(split, ks=(3,)),
            keras.callbacks.EarlyStopping(
                "val_recall@3", mode="max", patience=2, restore_best_weights=True
            ),
            keras.callbacks.ModelCheckpoint(
                best,
                monitor="val_recall@3",
                mode="max",
                save_best_only=True,
                save_weights_only=True,
            ),
        ],
        epochs=60,
    )
    figures = history["val_recall@3"]
    assert len(figures) < 60 and best.is_file()
    assert evaluate(model, split, part="validation", ks=(3,)).metrics["recall@3"] == max(figures)


def test_every_is_checked(split):
    with pytest.raises(ValueError, match="`every`"):
        RankingMetrics(split, every=0)


def watch(means, denoiser=None, **options):
    """Feeds epochs to a monitor.

    Returns its state after each, then after the end, and the warnings.
    """
    monitor, states = CollapseMonitor(**options), []
    monitor.set_model(types.SimpleNamespace(denoiser=denoiser))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        monitor.on_train_begin()
        for epoch, (positive, negative) in enumerate(means):
            monitor.on_epoch_end(epoch, {"positive_prob": positive, "negative_prob": negative})
            states.append(monitor.collapsed)
        warned_before_end = len(caught)
        monitor.on_train_end()
    return (
        [*states, monitor.collapsed],
        [str(warning.message) for warning in caught],
        warned_before_end,
    )


FRESH, GOOD, REJECTED, ACCEPTED, EQUAL = (
    (0.5, 0.5),
    (0.8, 0.2),
    (0.008, 0.007),
    (0.98, 0.97),
    (0.5, 0.495),
)


def test_healthy_training_is_quiet():
    # GMF on MovieLens stays near one half for its first epochs, while its ranking already improves.
    states, messages, _ = watch([FRESH] * 6 + [(0.52, 0.51), (0.55, 0.47), GOOD])
    assert not messages and set(states) == {None}


@pytest.mark.parametrize(
    ("mean", "name", "remedy", "without_costs"),
    [
        (REJECTED, "all rejected", "Lower C1 or raise C2", "Lower the learning rate"),
        (ACCEPTED, "all accepted", "Raise C1 or lower C2", "Lower the learning rate"),
        (EQUAL, "undecided", "raise C1 and C2", "Train longer"),
    ],
)
def test_each_collapse_is_reported_once_with_what_the_denoiser_has(
    mean, name, remedy, without_costs
):
    for denoiser, expected in ((DeCALimit(), remedy), (GCE(), without_costs)):
        states, messages, before_end = watch([FRESH, GOOD] + [mean] * 6, denoiser)
        assert states == [None] * 4 + [name] * 5
        assert len(messages) == before_end == 1
        assert name in messages[0] and expected in messages[0] and f"{mean[0]:.3f}" in messages[0]
        assert ("C1" in messages[0]) == (expected == remedy)


def test_what_lasts_less_than_patience_is_no_collapse():
    states, messages, _ = watch([REJECTED, REJECTED, GOOD, REJECTED, REJECTED, GOOD])
    assert not messages and set(states) == {None}
    assert watch([REJECTED] * 4, patience=4)[0] == [None] * 3 + ["all rejected"] * 2


def test_the_end_of_training_counts_at_once():
    states, messages, before_end = watch([FRESH] * 20)  # C1 = C2 = 1
    assert states == [None] * 20 + ["undecided"] and len(messages) == 1 and before_end == 0
    assert watch([GOOD, ACCEPTED])[0][-1] == "all accepted"


def test_recovery_is_seen():
    states, messages, _ = watch([REJECTED] * 3 + [GOOD])
    assert states == [None, None, "all rejected", None, None] and len(messages) == 1


def test_what_came_before_counts_where_training_goes_on():
    earlier = [{"positive_prob": 0.8, "negative_prob": 0.2}] + [
        {"positive_prob": 0.5, "negative_prob": 0.495}
    ] * 2
    states, messages, before_end = watch([EQUAL], earlier=earlier)
    assert states == ["undecided"] * 2 and len(messages) == before_end == 1
    assert watch([], earlier=earlier)[0] == ["undecided"]


def test_borders():
    assert watch([(0.95, 0.95)])[0][-1] == "all accepted"
    assert watch([(0.06, 0.01)])[0][-1] is None
    assert watch([(0.97, 0.90)])[0][-1] is None


def test_shares_have_collapsed_where_a_click_s_is_another_item_s():
    """Of a thousand items .004 beside .001 is healthy; beside .00393 it is within 2 % of it."""
    healthy, met = (0.004, 0.00099), (0.004, 0.00393)
    assert watch([healthy] * 4, Softmax())[0] == [None] * 5
    states, messages, before_end = watch([healthy, met, met, met], Softmax())
    assert states == [None] * 3 + ["undecided"] * 2 and before_end == 1
    assert (
        "mean share of a click among all items is 0.004 and that of another item 0.00393"
        in (messages[0])
    )
    assert "another temperature" in messages[0] and "C1" not in messages[0]


def test_real_training_fills_the_logs_it_reads(split):
    monitor = CollapseMonitor()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, history = fit(split, [monitor])
    assert monitor.collapsed is None
    assert history["positive_prob"][-1] > history["negative_prob"][-1] + 0.1
    with pytest.warns(UserWarning, match="undecided, where training ended"):
        frozen = DeCAModel(MF(40, 20))
        frozen.compile(optimizer=keras.optimizers.SGD(0.0))
        frozen.fit(
            training_batches(split.train, batch_size=64),
            epochs=1,
            verbose=0,
            shuffle=False,
            callbacks=[monitor],
        )
    assert monitor.collapsed == "undecided"


def test_logs_of_another_model_are_ignored():
    monitor = CollapseMonitor()
    monitor.on_epoch_end(0, {"loss": 1.0})
    monitor.on_train_end()
    assert monitor.collapsed is None


def test_the_progress_bar_goes_on_and_ends_full():
    with ProgressBar(10, "clicks", done=4) as bar:
        bar.on_train_begin()
        assert bar._bar.tasks[0].completed == 4
        bar.on_epoch_end(6, {"loss": 0.5})
        task = bar._bar.tasks[0]
        assert (task.completed, task.total, task.fields["figures"]) == (7, 10, "loss 0.5")
        bar.on_train_end()
        assert task.total == 7
    assert bar._bar is None


# ReleasedEarlyStopping


def stopped_at(split, losses, monkeypatch, updates_per_epoch=250, earlier=()):
    """Epochs until it stops, and the logs, if the validation losses at updates 500, 1000, ...

    are given.
    """
    left = iter(losses)
    monkeypatch.setattr(ReleasedEarlyStopping, "_loss", lambda self, epoch: next(left))
    callback = ReleasedEarlyStopping(split, updates_per_epoch, earlier=earlier)
    callback.set_model(types.SimpleNamespace(stop_training=False))
    logs = list(earlier)
    for epoch in range(len(earlier), 40):
        logs.append({})
        callback.on_epoch_end(epoch, logs[-1])
        if callback.model.stop_training:
            return epoch + 1, logs
    return None, logs


@pytest.mark.parametrize(
    ("losses", "epochs"),
    [
        ([3, 4, 5], 6),  # two rises: at the third look
        (
            [3, 4, 2, 1, 2, 9],
            10,
        ),  # not in a row, and the second is a rise over the look before only
        ([3, 3, 4, 4, 4, 5], 12),  # equal is no rise
        (range(40, 0, -1), None),
    ],
)
def test_released_early_stopping_ends_at_the_second_rise_in_all(losses, epochs, split, monkeypatch):
    assert stopped_at(split, losses, monkeypatch)[0] == epochs


def test_released_early_stopping_looks_at_the_end_of_the_epoch_with_every_500th_update(
    split, monkeypatch
):
    _, logs = stopped_at(split, range(100, 0, -1), monkeypatch, updates_per_epoch=39)
    seen = [row["val_loss"] for row in logs]
    assert np.isnan(seen[:12]).all()  # 12 epochs are 468 updates
    assert [seen.index(loss) + 1 for loss in (100, 99, 98)] == [13, 26, 39]


def test_released_early_stopping_goes_on_where_an_earlier_process_stopped(split, monkeypatch):
    whole, logs = stopped_at(split, [3, 4, 2, 1, 2], monkeypatch)
    torn, _ = stopped_at(split, [2, 1, 2], monkeypatch, earlier=logs[:5])
    assert torn == whole == 10


def test_released_early_stopping_takes_the_validation_loss_of_new_negatives_each_time(split):
    callback = ReleasedEarlyStopping(split, updates_per_epoch=500, seed=4)
    model, history = fit(split, [callback], epochs=3)
    assert len(set(history["val_loss"])) == 3
    assert not callback.is_over or history["val_loss"][-1] > history["val_loss"][-2]
    losses = []
    for epoch in (2, 3):
        batches = validation_batches(split.validation, observed=split.train, seed=4 + epoch)
        logits, label = (
            np.concatenate([np.array(model(inputs)) for inputs, _ in batches]),
            np.concatenate([np.array(label) for _, label in batches]),
        )
        losses.append(np.mean(np.log1p(np.exp(logits)) - label * logits))
    assert history["val_loss"][-1] == pytest.approx(losses[0], rel=1e-5)
    assert (
        callback._loss(3)
        == pytest.approx(losses[1], rel=1e-5)
        != pytest.approx(losses[0], rel=1e-5)
    )
