"""Warns when a model stops telling clicks from non-clicks."""

import warnings
from collections.abc import Sequence
from typing import Any

import keras

from deca_tf._checks import check_integer, check_range

REJECTED, ACCEPTED, UNDECIDED = "all rejected", "all accepted", "undecided"

MEANING = {
    REJECTED: "the target believes in no click",
    ACCEPTED: "the target believes in every pair, clicked or not",
    UNDECIDED: (
        "the target does not tell clicks from non-clicks by its probabilities. Train longer (more "
        "epochs and patience), in smaller batches or with a larger learning rate"
    ),
}
# Of a denoiser with costs C1 and C2, and of one without them.
COSTS = {
    REJECTED: (
        ": doubting is too cheap. Lower C1 or raise C2 (C1 / C2 from 1 to 100 is a good range), "
        "and train in both phases, since 'dp' alone ends here"
    ),
    ACCEPTED: (
        ": believing is too cheap. Raise C1 or lower C2 (C1 / C2 from 1 to 100 is a good range), "
        "and train in both phases, since 'dn' alone ends here"
    ),
    UNDECIDED: (
        "; if that does not part them, raise C1 and C2 together (10 to 1000), since with DeCA the "
        "agreement with the auxiliary model may outweigh them"
    ),
}
COMPARE = (
    ". Lower the learning rate, and see whether normal training, "
    "`deca_tf.denoisers.CrossEntropy()`, ends here too"
)
NO_COSTS = {REJECTED: COMPARE, ACCEPTED: COMPARE, UNDECIDED: ""}
# Of a denoiser without probabilities, which logs shares among all items
OF_SHARES = (
    "the mean share of a click among all items is {positive:.3g} and that of another item "
    "{negative:.3g}, so the target does not tell clicks from non-clicks. Train longer (more epochs "
    "and patience), with a larger learning rate or another temperature"
)
OF_PROBABILITIES = (
    "the mean target probability is {positive:.3f} on observed and {negative:.3f} on sampled pairs, "
    "so {meaning}{remedy}"
)


class CollapseMonitor(keras.callbacks.Callback):
    """Watches the mean target probability on observed and on sampled pairs.

    DeCA has dead corners: C1 far above C2, or phase "dp" alone, drives every probability to 0, "dn"
    alone drives them to 1, and C1 = C2 = 1 leaves them at 1/2. A state counts after `patience`
    epochs in a row, or where training ends in it. A fresh model starts undecided, and a healthy one
    may stay so for many epochs while its ranking already improves; so before its means have first
    parted, only the end of training counts.

    Of a denoiser whose scores are no probabilities, such as Softmax, the two are the mean shares of
    a click and of another item among all items. Both are small, so the one state there is, is
    'undecided': the click's share is not above the other one by `gap`, as a part of it.

    It warns once in a training, by `warnings.warn`.

    Args:
        patience: epochs in a row before a warning.
        low: both means below it: everything is rejected.
        high: both means of at least this: everything is accepted.
        gap: means nearer to each other than this: undecided; of shares as a part of the larger one.
        earlier: logs of the epochs that came before, where training goes on.

    Attributes:
        collapsed: None, 'all rejected', 'all accepted' or 'undecided'. None again once the model
            recovers.

    Stability: stable.
    """

    def __init__(
        self,
        patience: int = 3,
        low: float = 0.05,
        high: float = 0.95,
        gap: float = 0.02,
        earlier: Sequence[dict[str, float]] = (),
    ) -> None:
        super().__init__()
        self.patience = check_integer("patience", patience)
        self.low = check_range("low", low, 0, 1)
        self.high = check_range("high", high, 0, 1)
        self.gap = check_range("gap", gap, 0, 1)
        self.earlier = tuple(earlier)
        self._forget()

    def _forget(self):
        self.collapsed = None
        self._state, self._lasted, self._means = None, 0, None
        self._has_parted = self._has_warned = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._forget()
        for epoch, earlier in enumerate(self.earlier):
            self.on_epoch_end(epoch, earlier)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not logs or not {"positive_prob", "negative_prob"} <= set(logs):
            return  # not a DeCAModel's training
        self._means = logs["positive_prob"], logs["negative_prob"]
        state = self._state_of(*self._means)
        self._lasted = self._lasted + 1 if state == self._state else 1
        self._state = state
        self._has_parted |= state is None
        if state is None:
            self.collapsed = None
        elif self._lasted >= self.patience and (state != UNDECIDED or self._has_parted):
            self._report(f"for {self._lasted} epochs")

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._state is not None:
            self._report("where training ended")

    @property
    def _has_probabilities(self):
        denoiser = getattr(self.model, "denoiser", None)
        return getattr(denoiser, "gives_probabilities", True)

    def _state_of(self, positive, negative):
        if not self._has_probabilities:
            return UNDECIDED if positive - negative < self.gap * positive else None
        if max(positive, negative) < self.low:
            return REJECTED
        if min(positive, negative) >= self.high:
            return ACCEPTED
        return UNDECIDED if abs(positive - negative) < self.gap else None

    def _report(self, since):
        self.collapsed = self._state
        if self._has_warned:
            return
        self._has_warned = True
        positive, negative = self._means
        denoiser = getattr(self.model, "denoiser", None)
        has_costs = hasattr(denoiser, "c1") and hasattr(denoiser, "c2")
        remedy = (COSTS if has_costs else NO_COSTS)[self.collapsed]
        found = OF_PROBABILITIES if self._has_probabilities else OF_SHARES
        found = found.format(
            positive=positive, negative=negative, meaning=MEANING[self.collapsed], remedy=remedy
        )
        warnings.warn(f"Training has collapsed ({self.collapsed}, {since}): {found}.", stacklevel=2)
