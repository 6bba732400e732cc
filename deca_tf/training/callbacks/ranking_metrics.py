"""`val_recall@20` and its like inside `fit`."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras

from deca_tf._checks import check_integer
from deca_tf.data.splits import Split
from deca_tf.distribution import chief_values
from deca_tf.evaluation import Evaluator
from deca_tf.metrics import METRICS


class RankingMetrics(keras.callbacks.Callback):
    """Evaluates the target at the end of an epoch and puts the metrics into its logs.

    Where some of the users have no training history, `val_warm_recall@20` and its like are of those
    who have one.

    Put it before the callbacks that look for them: `EarlyStopping(monitor="val_recall@20",
    mode="max")`.

    Args:
        split: a `Split`.
        part: 'validation' (noise included, train items left out) or 'test'. Never choose anything
            by the test.
        ks: lengths of the lists.
        every: evaluate the first epoch and then every so many; the epochs between repeat the last
            figures, so that a callback that looks for them always finds some. Count its patience
            accordingly.
        prefix: of the names in the logs.
        earlier: logs of the epochs that came before, where training goes on.

    Example:
        >>> ranking = deca_tf.callbacks.RankingMetrics(split, ks=(5,))
        >>> batches = deca_tf.training_batches(split.train, batch_size=256)
        >>> history = model.fit(batches, verbose=0, callbacks=[ranking]).history
        >>> len(history["val_recall@5"])
        1

    Stability: stable.
    """

    def __init__(
        self,
        split: Split,
        part: str = "validation",
        ks: Iterable[int] = (20,),
        every: int = 1,
        prefix: str = "val_",
        earlier: Sequence[dict[str, float]] = (),
    ) -> None:
        super().__init__()
        self.evaluator = Evaluator(split, part=part, ks=ks)
        self.every = check_integer("every", every)
        self.prefix = prefix
        self.earlier = tuple(earlier)
        self._last: dict[str, float] | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._last = None  # not what it found in another training, maybe of another model
        if self.earlier:
            endings = tuple(f"{metric}@{k}" for metric in METRICS for k in self.evaluator.ks)
            last = self.earlier[-1].items()
            self._last = {
                name: value
                for name, value in last
                if name.startswith(self.prefix) and name.endswith(endings)
            }

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._last is None or (epoch + 1) % self.every == 0:
            evaluation = self.evaluator(self.model)
            found = {f"{self.prefix}{name}": value for name, value in evaluation.metrics.items()}
            if 0 < evaluation.num_warm_users < evaluation.num_users:
                found |= {
                    f"{self.prefix}warm_{name}": value for name, value in evaluation.warm.items()
                }
            # By these figures training may stop, which all workers have to do in the same epoch.
            figures = chief_values(self.model.distribute_strategy, list(found.values()))
            self._last = dict(zip(found, figures, strict=True))
        if logs is not None:
            logs.update(self._last or {})
