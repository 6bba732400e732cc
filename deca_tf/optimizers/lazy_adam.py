"""Adam for tables of which a batch looks up few rows: time per update does not grow with the table."""

import math

import keras
import tensorflow as tf

REFUSED = (
    "amsgrad",
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "gradient_accumulation_steps",
    "loss_scale_factor",
)
CHUNK = 65536  # rows that `catch_up` holds in memory at once


@keras.saving.register_keras_serializable(package="deca_tf")
class LazyAdam(keras.optimizers.Optimizer):
    """`deca_tf.optimizers.Adam` that touches a table's row only when a batch has looked it up.

    A row that sat out k updates is caught up before its next one, as if they had come with gradients of zero:
    `m *= beta_1^k`, `v *= beta_2^k`, and the weight drifts by the momentum that was left to it,
    `w -= rate * m / (sqrt(v) + epsilon) * (r + r^2 + ... + r^k)` with `r = beta_1 / sqrt(beta_2)`.
    `DeCAModel.fit` catches all rows up at the end of an epoch, so that judging and saving see no row behind.

    Exact: the sum over a row's duplicates in a batch; rows that are in every batch, and weights with dense gradients,
    get the very updates of `Adam`; the moments of the others. Approximate, for rows that sat out: the drift takes one
    bias correction and one share of epsilon in the root, those of the middle of its series, and the learning rate of
    today; a lookup sees the row as it was before its drift. The L2 penalty on a row comes when it is looked up, times
    the number of updates since it last was: in expectation that is the penalty of every update, whatever the sampling.
    So rows that are never looked up are never penalized; under `Adam` they shrink to zero.

    Lookups must be `deca_tf.backbones.backbone.look_up`, as in `MF`, `GMF` and `NeuMF`: a table that is read whole is
    copied whole at each update. Other models train as well, but gain little.

    Args:
        learning_rate: a number or a schedule.
        beta_1: decay of the first moment, in `[0, 1)`.
        beta_2: decay of the second, in `[0, 1)`, above `beta_1 ** 2`.
        epsilon: added to the root of the second moment, above 0.
        **kwargs: `name`. What needs whole tables is refused: clipping, weight decay, averages of weights, accumulation
            and scaling of gradients.

    Example:
        >>> model.compile(deca_tf.optimizers.LazyAdam(1e-3), jit_compile=False)
    """

    takes_row_gradients = True  # `DeCAModel` leaves gradients of lookups as `tf.IndexedSlices`

    def __init__(self, learning_rate=1e-3, *, beta_1=0.9, beta_2=0.999, epsilon=1e-8, **kwargs):
        for name in REFUSED:
            if kwargs.get(name):
                raise ValueError(
                    f"`{name}` must be unset: LazyAdam touches some rows only. Received: {name}={kwargs[name]!r}. "
                    "Use `deca_tf.optimizers.Adam`."
                )
        kwargs.pop("amsgrad", None)
        if not 0 <= beta_1 < 1 or not beta_1**2 < beta_2 < 1:
            raise ValueError(
                "`beta_1` must be in [0, 1) and `beta_2` above beta_1 ** 2 and below 1. "
                f"Received: beta_1={beta_1}, beta_2={beta_2}."
            )
        super().__init__(learning_rate, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self._l2_of, self._functions = {}, {}

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        # All that is kept of a row lies side by side, for one access to memory: its m, its v, the update that last had
        # a gradient for it, and the update that it has been caught up to. The counts are exact up to 2^24 updates.
        self._slots = []
        for variable in variables:
            rows, width = _flat_shape(variable)
            with self._distribution_strategy.extended.colocate_vars_with(variable.value):
                name = f"{variable.path.replace('/', '_')}_slots"
                self._slots.append(self.add_variable((rows, 2 * width + 2), dtype="float32", name=name))

    def penalize(self, variables, l2):
        """Sets the weight of the L2 penalty `l2 / 2 * sum of squares` on the rows of some variables.

        Not part of the settings: who owns the penalty (`DeCAModel`) says it again after loading.
        """
        self._l2_of.update({self._var_key(variable): l2 for variable in variables})

    def update_step(self, gradient, variable, learning_rate):
        slots = self._slots[self._get_variable_index(variable)].value
        step, rate = (tf.cast(value, tf.float32) for value in (self.iterations + 1, learning_rate))
        if isinstance(gradient, tf.IndexedSlices):
            ids, l2 = gradient.indices, self._l2_of.get(self._var_key(variable), 0.0)
            summed = _sum_of_duplicates(gradient.values, ids)
            rows, kept = self._advance(summed, tf.gather(variable, ids), tf.gather(slots, ids), step, rate, l2)
            _write(variable, ids, rows)
            _write(slots, ids, kept)
        else:
            rows, kept = self._advance(gradient, tf.convert_to_tensor(variable), tf.identity(slots), step, rate, 0.0)
            variable.assign(tf.reshape(tf.cast(rows, variable.dtype), variable.shape))
            slots.assign(kept)

    def catch_up(self):
        """Brings every row to where updates without gradients would have brought it.

        `DeCAModel.fit` does so at the end of each epoch; after a training loop of one's own, call it before judging. It
        passes over all tables.
        """
        if self.built:
            self._functions.setdefault("catch_up", tf.function(self._catch_up_tables))()

    def _catch_up_tables(self):
        step, rate = (tf.cast(value, tf.float32) for value in (self.iterations, self.learning_rate))
        for variable in self._trainable_variables:
            if len(variable.shape):  # a number is in every update
                given = (variable.value, self._catch_up_table)
                self._distribution_strategy.extended.update(*given, args=(step, rate), group=False)

    def _catch_up_table(self, variable, step, rate):
        slots = self._slots[self._get_variable_index(variable)].value
        rows = variable.shape[0]

        def chunk(first):
            ids = tf.minimum(first + tf.range(min(CHUNK, rows)), rows - 1)  # the last row may come often: equal rows
            values, kept = self._idle(tf.gather(variable, ids), tf.gather(slots, ids), step, rate)
            _write(variable, ids, values)
            _write(slots, ids, kept)
            return (first + CHUNK,)

        tf.while_loop(lambda first: first < rows, chunk, (0,), parallel_iterations=1)

    # The arithmetic, on rows `(n, ...)` that have been looked up and their slots `(n, 2 * width + 2)`. Shapes are
    # static, so XLA makes one pass of it. What is the same for a whole row is worked out before, by a function of its
    # own: in one function with the rest, XLA would work it out for each of the row's elements.

    def _advance(self, gradient, rows, slots, step, rate, l2):
        """Rows and slots after update `step`, which brought a gradient."""
        factors = self._compiled(self._row_factors)(slots[:, -2:], step - 1.0, rate, l2)
        return self._compiled(self._advance_elements)(gradient, rows, slots, step, rate, *factors)

    def _idle(self, rows, slots, step, rate):
        """Rows and slots after update `step`, if nothing but zeros has come since they were last moved."""
        factors = self._compiled(self._row_factors)(slots[:, -2:], step, rate, 0.0)
        return self._compiled(self._idle_elements)(rows, slots, step, *factors)

    def _row_factors(self, counts, step, rate, l2):
        """Per row, `(n, 1)`: the penalty's weight, drift and epsilon, what is left of m and of v."""
        last_gradient, caught_up = tf.split(counts, 2, axis=1)
        behind = step - caught_up
        ratio = self.beta_1 / math.sqrt(self.beta_2)
        drift = ratio / (1.0 - ratio) * (1.0 - _power(ratio, behind))
        middle = caught_up + (1.0 + tf.clip_by_value(behind, 1.0, 2.0 / (1.0 - ratio) - 1.0)) / 2.0
        rate, epsilon = self._corrected(rate, middle)
        penalty = l2 * (step + 1.0 - last_gradient)
        return penalty, drift * rate, epsilon, _power(self.beta_1, behind), _power(self.beta_2, behind)

    def _corrected(self, rate, step):
        """Learning rate and epsilon, as they stand beside m and v whose bias has not been corrected."""
        root_left = tf.sqrt(1.0 - _power(self.beta_2, step))
        return rate * root_left / (1.0 - _power(self.beta_1, step)), self.epsilon * root_left

    def _caught_up(self, rows, slots, drift, epsilon, left_1, left_2):
        width = (slots.shape[1] - 2) // 2
        m, v = slots[:, :width], slots[:, width : 2 * width]
        rows = tf.reshape(tf.cast(rows, tf.float32), tf.shape(m)) - drift * m / (tf.sqrt(v) + epsilon)
        return rows, m * left_1, v * left_2

    def _idle_elements(self, rows, slots, step, penalty, *factors):
        rows, m, v = self._caught_up(rows, slots, *factors)
        return rows, tf.concat([m, v, slots[:, -2:-1], tf.fill(tf.shape(slots[:, -1:]), step)], axis=1)

    def _advance_elements(self, gradient, rows, slots, step, rate, penalty, *factors):
        rows, m, v = self._caught_up(rows, slots, *factors)
        gradient = tf.reshape(tf.cast(gradient, tf.float32), tf.shape(rows)) + penalty * rows
        m += (gradient - m) * (1.0 - self.beta_1)
        v += (tf.square(gradient) - v) * (1.0 - self.beta_2)
        rate, epsilon = self._corrected(rate, step)
        rows -= rate * m / (tf.sqrt(v) + epsilon)
        return rows, tf.concat([m, v, tf.fill(tf.shape(slots[:, -2:]), step)], axis=1)

    def _compiled(self, function):
        # With several devices the operations stay apart: XLA's do not go into what a strategy runs per device.
        if self._distribution_strategy.num_replicas_in_sync > 1:
            return function
        return self._functions.setdefault(function.__name__, tf.function(function, jit_compile=True))

    def get_config(self):
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


def _flat_shape(variable):
    """Rows and elements of a row."""
    return (variable.shape[0] if len(variable.shape) else 1), math.prod(variable.shape[1:])


def _write(table, ids, rows):
    """Puts rows into a table, in place; equal ids bring equal rows."""
    rows = tf.reshape(tf.cast(rows, table.dtype), tf.concat([tf.shape(ids), table.shape[1:]], axis=0))
    table.scatter_update(tf.IndexedSlices(rows, ids))


def _power(base, exponent):
    return tf.exp(exponent * math.log(base)) if base else tf.cast(exponent <= 0, exponent.dtype)


def _sum_of_duplicates(values, ids):
    """At every position the sum of the values of all positions with its id, `(n, ...)`.

    One place per position, whatever ids are equal, keeps shapes static. TensorFlow merges equal `unique`s of one step.
    """
    _, place = tf.unique(ids)
    return tf.gather(tf.math.unsorted_segment_sum(values, place, tf.size(ids)), place)
