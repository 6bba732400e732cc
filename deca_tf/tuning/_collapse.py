"""Ends a trial whose model has collapsed."""

from deca_tf.training.callbacks import CollapseMonitor


class StopOnCollapse(CollapseMonitor):
    """A `CollapseMonitor` that ends the training in place of a warning.

    What is not yet decided where training ends does not count: a short trial, or an early rung of
    Hyperband, is often undecided while its ranking already improves, and if it stays so its score
    says so too.
    """

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if self.collapsed is not None and self.model is not None:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        """Nothing: see above."""

    def _report(self, since):
        self.collapsed = self._state
