"""`val_recall@20` and its like inside `fit`."""

import keras

from deca_tf._checks import check_integer
from deca_tf.distribution import chief_values
from deca_tf.evaluation import Evaluator
from deca_tf.metrics import METRICS


class RankingMetrics(keras.callbacks.Callback):
    """Judges the target at the end of an epoch and puts the metrics into its logs.

    Where some of the users have no training history, `val_warm_recall@20` and its like are of those
    who have one.

    Put it before the callbacks that look for them: `EarlyStopping(monitor="val_recall@20",
    mode="max")`.

    Args:
        split: a `Split`.
        part: 'validation' (noise included, train items left out) or 'test'. Never choose anything
            by the test.
        ks: lengths of the lists.
        every: judge the first epoch and then every so many; the epochs between repeat the last
            figures, so that a callback that looks for them always finds some. Count its patience
            accordingly.
        prefix: of the names in the logs.
        earlier: logs of the epochs that came before, where training goes on.

    Example:
        >>> model.fit(batches, epochs=20, callbacks=[deca_tf.RankingMetrics(split)])
    """

    def __init__(self, split, part="validation", ks=(20,), every=1, prefix="val_", earlier=()):
        super().__init__()
        self.evaluator = Evaluator(split, part=part, ks=ks)
        self.every = check_integer("every", every)
        self.prefix = prefix
        self.earlier = tuple(earlier)
        self._last = None

    def on_train_begin(self, logs=None):
        self._last = None  # not what it found in another training, maybe of another model
        if self.earlier:
            endings = tuple(f"{metric}@{k}" for metric in METRICS for k in self.evaluator.ks)
            last = self.earlier[-1].items()
            self._last = {
                name: value
                for name, value in last
                if name.startswith(self.prefix) and name.endswith(endings)
            }

    def on_epoch_end(self, epoch, logs=None):
        if self._last is None or (epoch + 1) % self.every == 0:
            judged = self.evaluator(self.model)
            found = {f"{self.prefix}{name}": value for name, value in judged.metrics.items()}
            if 0 < judged.num_warm_users < judged.num_users:
                found |= {f"{self.prefix}warm_{name}": value for name, value in judged.warm.items()}
            # By these figures training may stop, which all workers have to do in the same epoch.
            figures = chief_values(self.model.distribute_strategy, list(found.values()))
            self._last = dict(zip(found, figures, strict=True))
        if logs is not None:
            logs.update(self._last)
