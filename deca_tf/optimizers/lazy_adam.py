"""Adam for tables of which a batch looks up few rows: time per update does not grow with the table."""

import functools
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
    get the very updates of `Adam`; the moments of the others. Approximate, for rows that sat out: the drift takes the
    bias correction and epsilon's share of the root as they were at the row's last update, and the learning rate of
    today; a lookup sees the row as it was before its drift. The L2 penalty on a row comes when it is looked up, times
    the number of updates since it last was: in expectation that is the penalty of every update, whatever the sampling.
    So rows that are never looked up are never penalized; under `Adam` they shrink to zero.

    Lookups must be `deca_tf.backbones.backbone.look_up`: a table that is read whole is copied whole.

    Args:
        learning_rate: a number or a schedule.
        beta_1: decay of the first moment, in `[0, 1)`.
        beta_2: decay of the second, in `[0, 1)`, above `beta_1 ** 2`.
        epsilon: added to the root of the second moment, above 0.
        **kwargs: `name` and `loss_scale_factor` of a Keras optimizer. What needs whole tables is refused: clipping,
            weight decay, averages of weights, accumulation of gradients.

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
        self._l2_of = {}

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        # With several devices the operations stay apart: XLA's do not go into what a strategy runs per device.
        alone = self._distribution_strategy.num_replicas_in_sync == 1
        compiled = functools.partial(tf.function, jit_compile=True) if alone else lambda function: function
        self._row_function = compiled(self._row_factors)
        self._advance_function = compiled(self._advance_elements)
        self._idle_function = compiled(self._idle_elements)
        # Both moments of a row lie side by side, and so do its two counters: one access to memory each.
        self._moments, self._updates = [], []
        for variable in variables:
            rows = variable.shape[0] if len(variable.shape) else 1
            width = math.prod(variable.shape[1:])
            name = variable.path.replace("/", "_")
            with self._distribution_strategy.extended.colocate_vars_with(variable.value):
                self._moments.append(self.add_variable((rows, 2 * width), dtype=variable.dtype, name=f"{name}_moments"))
                # Of each row: the update that last had a gradient for it, and the one that it has been caught up to.
                self._updates.append(self.add_variable((rows, 2), dtype="int32", name=f"{name}_updates"))

    def penalize(self, variables, l2):
        """Sets the weight of the L2 penalty `l2 / 2 * sum of squares` on the rows of some variables.

        Not part of the settings: who owns the penalty (`DeCAModel`) says it again after loading.
        """
        self._l2_of.update({self._var_key(variable): l2 for variable in variables})

    def update_step(self, gradient, variable, learning_rate):
        place = self._get_variable_index(variable)
        moments, updates = self._moments[place].value, self._updates[place].value
        step = tf.cast(self.iterations + 1, tf.int32)
        rate = tf.cast(learning_rate, variable.dtype)
        l2 = 0.0
        if isinstance(gradient, tf.IndexedSlices):
            ids, l2 = gradient.indices, self._l2_of.get(self._var_key(variable), 0.0)
            summed = _sum_of_duplicates(tf.cast(gradient.values, variable.dtype), ids)
            given = [tf.gather(table, ids) for table in (variable, moments, updates)]
        else:
            summed = tf.cast(gradient, variable.dtype)
            given = [tf.convert_to_tensor(table) for table in (variable, moments, updates)]
        computed = self._advance(summed, *given, step, rate, tf.constant(l2, variable.dtype))
        for table, values in zip((variable, moments, updates), computed, strict=True):
            if isinstance(gradient, tf.IndexedSlices):  # equal ids bring equal values
                table.scatter_update(tf.IndexedSlices(values, ids))
            else:
                table.assign(values)

    def catch_up(self):
        """Brings every row to where updates without gradients would have brought it; not to be called in an update."""
        if not self.built:
            return
        step = tf.cast(self.iterations, tf.int32)
        for variable in self._trainable_variables:
            self._distribution_strategy.extended.update(
                variable.value, self._catch_up_table, args=(step, self.learning_rate), group=False
            )

    def _catch_up_table(self, variable, step, learning_rate):
        place = self._get_variable_index(variable)
        tables = (variable, self._moments[place].value, self._updates[place].value)
        rows = tables[1].shape[0]
        if not variable.shape.rank:
            return
        for first in range(0, rows, CHUNK):
            ids = tf.range(first, min(first + CHUNK, rows))
            given = [tf.gather(table, ids) for table in tables]
            rate = tf.cast(learning_rate, variable.dtype)
            for table, values in zip(tables, self._idle(*given, step, rate), strict=True):
                table.scatter_update(tf.IndexedSlices(values, ids))

    # The arithmetic, on rows that have been looked up: shapes are static, so XLA makes one pass of it. What is the same
    # for a whole row is worked out before, by a function of its own: XLA would do it again for each of its elements.

    def _row_factors(self, updates, step, rate):
        """Per row `(n, 1)`: updates without a gradient of its own, decay of m and v, drift's factor, epsilon's share."""
        dtype = rate.dtype
        since, behind = tf.split(tf.cast(step - updates, dtype), 2, axis=1)
        ratio = self.beta_1 / math.sqrt(self.beta_2)
        drift = ratio / (1.0 - ratio) * (1.0 - _power(ratio, behind))
        rate, epsilon = self._corrected(rate, tf.cast(tf.maximum(updates[:, 1:], 1), dtype))
        return since, _power(self.beta_1, behind), _power(self.beta_2, behind), drift * rate, epsilon

    def _corrected(self, rate, step):
        """Learning rate and epsilon, as they stand beside m and v whose bias has not been corrected."""
        root_left = tf.sqrt(1.0 - _power(self.beta_2, step))
        return rate * root_left / (1.0 - _power(self.beta_1, step)), self.epsilon * root_left

    def _catch_up_rows(self, weight, moments, decay_1, decay_2, drift, epsilon):
        m, v = tf.split(moments, 2, axis=1)
        flat = tf.reshape(weight, tf.shape(m)) - drift * m / (tf.sqrt(v) + epsilon)
        return flat, m * decay_1, v * decay_2

    def _idle(self, weight, moments, updates, step, rate):
        """Rows `(n, ...)`, `(n, 2 * width)` and `(n, 2)` after update `step`, if nothing but zeros came meanwhile."""
        _, *factors = self._row_function(updates, step, rate)
        flat, moments = self._idle_function(weight, moments, *factors)
        return flat, moments, tf.concat([updates[:, :1], tf.zeros_like(updates[:, 1:]) + step], axis=1)

    def _idle_elements(self, weight, moments, *factors):
        flat, m, v = self._catch_up_rows(weight, moments, *factors)
        return tf.reshape(flat, tf.shape(weight)), tf.concat([m, v], axis=1)

    def _advance(self, gradient, weight, moments, updates, step, rate, l2):
        """The rows after update `step`, which brought a gradient."""
        factors = self._row_function(updates, step - 1, rate)
        now = self._corrected(rate, tf.cast(step, rate.dtype))
        weight, moments = self._advance_function(gradient, weight, moments, *factors, *now, l2)
        return weight, moments, tf.zeros_like(updates) + step

    def _advance_elements(self, gradient, weight, moments, since, *factors):
        *factors, rate, epsilon, l2 = factors
        flat, m, v = self._catch_up_rows(weight, moments, *factors)
        gradient = tf.reshape(gradient, tf.shape(flat)) + l2 * (since + 1.0) * flat
        m += (gradient - m) * (1.0 - self.beta_1)
        v += (tf.square(gradient) - v) * (1.0 - self.beta_2)
        flat -= rate * m / (tf.sqrt(v) + epsilon)
        return tf.reshape(flat, tf.shape(weight)), tf.concat([m, v], axis=1)

    def get_config(self):
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


def _power(base, exponent):
    return tf.exp(exponent * math.log(base)) if base else tf.cast(exponent <= 0, exponent.dtype)


def _sum_of_duplicates(values, ids):
    """At every position the sum of the values of all positions with its id, `(n, ...)`.

    One place per position, whatever ids are equal, keeps shapes static. TensorFlow merges equal `unique`s of one step.
    """
    _, place = tf.unique(ids)
    return tf.gather(tf.math.unsorted_segment_sum(values, place, tf.size(ids)), place)
