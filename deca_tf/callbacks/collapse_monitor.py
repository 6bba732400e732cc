"""Warns when a model stops telling clicks from non-clicks."""

import warnings

import keras

from deca_tf.checks import check_integer

REJECTED, ACCEPTED, UNDECIDED = "all rejected", "all accepted", "undecided"


class CollapseMonitor(keras.callbacks.Callback):
    """Watches the mean target probability on observed and on sampled pairs.

    DeCA has dead corners: C1 far above C2 or phase "dp" alone drive every probability to 0, "dn" alone drives them to
    1, and C1 = C2 = 1 leaves them where they began. A fresh model also starts at 1/2 for both, so a state counts only
    after `patience` epochs in a row, or where training ends in it.

    Args:
        patience: epochs in a row before a warning.
        low: both means below it: everything is rejected.
        high: both means above it: everything is accepted.
        gap: means nearer to each other than this: undecided.

    Attributes:
        collapsed: None, 'all rejected', 'all accepted' or 'undecided'.
    """

    def __init__(self, patience=3, low=0.05, high=0.95, gap=0.02):
        super().__init__()
        self.patience = check_integer("patience", patience)
        self.low, self.high, self.gap = low, high, gap
        self.collapsed = None
        self._state, self._lasted, self._means, self._has_parted = None, 0, None, False

    def on_epoch_end(self, epoch, logs=None):
        if not logs or "positive_prob" not in logs:
            return
        self._means = logs["positive_prob"], logs["negative_prob"]
        state = self._judge(*self._means)
        self._lasted = self._lasted + 1 if state == self._state else 1
        self._state = state
        self._has_parted |= state is None
        # A model that has not moved yet is no collapse; only the end of training can say that it never will.
        if self._lasted >= self.patience and (state != UNDECIDED or self._has_parted):
            self._warn()

    def on_train_end(self, logs=None):
        self._warn()

    def _judge(self, positive, negative):
        if max(positive, negative) < self.low:
            return REJECTED
        if min(positive, negative) > self.high:
            return ACCEPTED
        return UNDECIDED if abs(positive - negative) < self.gap else None

    def _warn(self):
        if self._state is None or self._state == self.collapsed:
            return
        self.collapsed = self._state
        positive, negative = self._means
        warnings.warn(
            f"Training has collapsed ({self.collapsed}): the mean target probability is {positive:.3f} on observed and "
            f"{negative:.3f} on sampled pairs, so the ranking means little. Bring C1 / C2 nearer to 1 to 100 with both "
            "in 10 to 1000, train both phases, or train longer.",
            stacklevel=2,
        )
