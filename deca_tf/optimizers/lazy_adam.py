"""Adam for tables of which a batch looks up few rows: its time does not grow with the table."""

import functools
import math
from typing import Any

import keras
import tensorflow as tf

from deca_tf.embeddings.row_gradients import RowGradient
from deca_tf.optimizers._slots import (
    Columns,
    Move,
    flat_shape,
    power,
    sums_of_duplicates,
    write_rows,
)

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

    A row that sat out k updates is caught up before its next one, as if they had come with
    gradients of zero: `m *= beta_1^k`, `v *= beta_2^k`, and the weight drifts by the momentum that
    was left to it, `w -= rate * m / (sqrt(v) + epsilon) * (r + r^2 + ... + r^k)` with `r = beta_1 /
    sqrt(beta_2)`. `DeCAModel.fit` catches all rows up at the end of an epoch, so that evaluating
    and saving see no row behind.

    Exact: the sum over a row's duplicates in a batch; rows that are in every batch, and weights
    with dense gradients, get the very updates of `Adam`; the moments of the others. Approximate,
    for rows that sat out: the drift takes one bias correction and one share of epsilon in the root,
    those of the middle of its series, and the learning rate of today; a lookup sees the row as it
    was before its drift. The L2 penalty on a row comes when it is looked up, times the number of
    updates since it last was: in expectation that is the penalty of every update, whatever the
    sampling. So rows that are never looked up are never penalized; under `Adam` they shrink to
    zero.

    Lookups must be `deca_tf.embeddings.lookups.look_up`, as in `MF`, `GMF` and `NeuMF`: a table
    that is read whole is copied whole at each update. Other models train as well, but gain little.

    Args:
        learning_rate: a number or a schedule.
        beta_1: decay of the first moment, in `[0, 1)`.
        beta_2: decay of the second, in `[0, 1)`, above `beta_1 ** 2`.
        epsilon: added to the root of the second moment, above 0.
        **kwargs: `name`. What needs whole tables is refused: clipping, weight decay, averages of
            weights, accumulation and scaling of gradients.

    Example:
        >>> model.compile(deca_tf.optimizers.LazyAdam(1e-3))
        >>> model.optimizer.beta_2
        0.999

    Stability: stable.
    """

    # `DeCAModel` leaves gradients of lookups sparse, as `RowGradient` or `tf.IndexedSlices`
    takes_row_gradients = True

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **kwargs: Any,
    ) -> None:
        for name in REFUSED:
            if kwargs.get(name):
                raise ValueError(
                    f"`{name}` must be unset: LazyAdam touches some rows only. Received: "
                    f"{name}={kwargs[name]!r}. "
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
        self._l2_of: dict[str, float] = {}
        self._functions: dict[Any, Any] = {}

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        # What is kept of a row lies side by side, for one access to memory, and beside it what is
        # kept of all other tables with as many rows: the networks look up the same users.
        self._columns: dict[str, Columns] = {}
        widths: dict[int, int] = {}
        for variable in variables:
            rows, width = flat_shape(variable)
            columns = self._columns[self._var_key(variable)] = Columns(widths.get(rows, 0), width)
            widths[rows] = columns.end
        self._slots = {
            rows: self.add_variable((rows, width), dtype="float32", name=f"slots_of_{rows}_rows")
            for rows, width in widths.items()
        }

    def penalize(self, variables: list[keras.Variable], l2: float) -> None:
        """Sets the weight of the L2 penalty on the rows of some variables.

        The penalty is `l2 / 2 * sum of squares`.

        Not part of the settings: who owns the penalty (`DeCAModel`) says it again after loading.
        """
        self._l2_of.update({self._var_key(variable): l2 for variable in variables})

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        if self._distribution_strategy.num_replicas_in_sync > 1:
            super()._backend_update_step(
                grads, trainable_variables, learning_rate
            )  # one table after the other
        else:
            self._update(grads, trainable_variables, learning_rate)

    def update_step(
        self, gradient: Any, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        self._update([gradient], [variable], learning_rate)

    def _update(self, gradients, variables, learning_rate):
        step, rate = (tf.cast(value, tf.float32) for value in (self.iterations + 1, learning_rate))
        for moves in self._rounds(gradients, variables):
            layouts = tuple(tuple(move.layout) for move in moves)
            given = [move.read() for move in moves]
            factors = self._compiled(self._factors, layouts)(
                [slots for *_, slots in given], step - 1.0, rate
            )
            moved = self._compiled(self._advance, layouts)(given, factors, step, rate)
            for move, (rows, slots) in zip(moves, moved, strict=True):
                move.write(rows, slots)

    def _rounds(self, gradients, variables):
        """Lists of moves.

        Those of a list have no slots in common, so that none can undo another's.
        """
        rounds, by_rows_and_ids = [], {}
        for gradient, variable in zip(gradients, variables, strict=True):
            if isinstance(gradient, tf.IndexedSlices):
                gradient = RowGradient(gradient.values, gradient.indices, None)
            elif not isinstance(gradient, RowGradient):
                gradient = RowGradient(gradient, None, None)
            rows = flat_shape(variable)[0]
            move = by_rows_and_ids.get((rows, id(gradient.ids)))
            if move is None:
                move = by_rows_and_ids[rows, id(gradient.ids)] = Move(
                    self._slots[rows].value, gradient.ids
                )
                taken = next((taken for taken in rounds if rows not in taken), None)
                if taken is None:
                    rounds.append(taken := {})
                taken[rows] = move
            key = self._var_key(variable)
            move.add(variable, gradient, self._columns[key], self._l2_of.get(key, 0.0))
        return [list(taken.values()) for taken in rounds]

    def catch_up(self) -> None:
        """Brings every row to where updates without gradients would have brought it.

        `DeCAModel.fit` does so at the end of each epoch; after a training loop of one's own, call
        it before evaluating. It passes over all tables.
        """
        if self.built:
            catch_up = self._functions.get("catch_up")
            if catch_up is None:
                catch_up = tf.function(self._catch_up_tables, autograph=False)
                self._functions["catch_up"] = catch_up
            catch_up()

    def _catch_up_tables(self):
        step, rate = (tf.cast(value, tf.float32) for value in (self.iterations, self.learning_rate))
        for variable in self._trainable_variables:
            if len(variable.shape):  # a number is in every update
                given = (variable.value, self._catch_up_table)
                self._distribution_strategy.extended.update(*given, args=(step, rate), group=False)

    def _catch_up_table(self, variable, step, rate):
        rows, columns = variable.shape[0], self._columns[self._var_key(variable)]
        slots, compiled = self._slots[rows].value, self._compiled
        if rows <= CHUNK:  # XLA would take longer to compile it than it ever saves
            compiled = functools.partial
        factors = compiled(self._factors, (((columns, 0.0),),))
        idle = compiled(self._idle, columns)

        def chunk(first):
            ids = tf.minimum(
                first + tf.range(min(CHUNK, rows)), rows - 1
            )  # the last row may come often: equal rows
            kept = tf.gather(slots, ids)
            moved, kept = idle(
                tf.gather(variable, ids), kept, *factors([kept], step, rate)[0][0], step
            )
            write_rows(variable, ids, moved)
            write_rows(slots, ids, kept)
            return (first + CHUNK,)

        tf.while_loop(lambda first: first < rows, chunk, (0,), parallel_iterations=1)

    # The arithmetic, on rows `(n, ...)` that have been looked up and their slots. Shapes are
    # static, so XLA makes one pass of it. What is the same for a whole row is worked out before, by
    # a function of its own: in one function with the rest, XLA would work it out for each of the
    # row's elements.

    def _factors(self, layouts, slots, step, rate):
        """For each move and each of its tables what `_row_factors` says."""
        return [
            [self._row_factors(columns.counts(kept), step, rate, l2) for columns, l2 in layout]
            for layout, kept in zip(layouts, slots, strict=True)
        ]

    def _advance(self, layouts, given, factors, step, rate):
        """Each move's rows, by table, and slots after update `step`, which brought a gradient."""
        moved = []
        for layout, (gradients, place, rows, slots), factors_of_move in zip(
            layouts, given, factors, strict=True
        ):
            if place is not None:
                gradients = sums_of_duplicates(
                    gradients, [columns.width for columns, _ in layout], place
                )
            new_rows = []
            for (columns, _), gradient, row, of_row in zip(
                layout, gradients, rows, factors_of_move, strict=True
            ):
                new_row, kept = self._advance_elements(
                    gradient, row, columns.of(slots), step, rate, *of_row
                )
                new_rows.append(new_row)
                slots = columns.put(kept, slots)
            moved.append((new_rows, slots))
        return moved

    def _idle(self, columns, rows, slots, penalty, drift, epsilon, left_1, left_2, step):
        """Rows and slots after update `step`, if only zeros have come since their last move."""
        rows, m, v = self._caught_up(rows, columns.of(slots), drift, epsilon, left_1, left_2)
        last_gradient = columns.counts(slots)[:, :1]
        return rows, columns.put(
            tf.concat([m, v, last_gradient, tf.fill(tf.shape(last_gradient), step)], 1), slots
        )

    def _row_factors(self, counts, step, rate, l2):
        """Per row, `(n, 1)`: the penalty's weight, drift, epsilon, what is left of m and v."""
        last_gradient, caught_up = tf.split(counts, 2, axis=1)
        behind = step - caught_up
        ratio = self.beta_1 / math.sqrt(self.beta_2)
        drift = ratio / (1.0 - ratio) * (1.0 - power(ratio, behind))
        middle = caught_up + (1.0 + tf.clip_by_value(behind, 1.0, 2.0 / (1.0 - ratio) - 1.0)) / 2.0
        rate, epsilon = self._corrected(rate, middle)
        penalty = l2 * (step + 1.0 - last_gradient)
        return (
            penalty,
            drift * rate,
            epsilon,
            power(self.beta_1, behind),
            power(self.beta_2, behind),
        )

    def _corrected(self, rate, step):
        """Learning rate and epsilon beside m and v whose bias has not been corrected."""
        root_left = tf.sqrt(1.0 - power(self.beta_2, step))
        return rate * root_left / (1.0 - power(self.beta_1, step)), self.epsilon * root_left

    def _caught_up(self, rows, kept, drift, epsilon, left_1, left_2):
        m, v, _ = kept
        rows = tf.reshape(tf.cast(rows, tf.float32), tf.shape(m)) - drift * m / (
            tf.sqrt(v) + epsilon
        )
        return rows, m * left_1, v * left_2

    def _advance_elements(self, gradient, rows, kept, step, rate, penalty, *factors):
        rows, m, v = self._caught_up(rows, kept, *factors)
        gradient = tf.reshape(tf.cast(gradient, tf.float32), tf.shape(rows)) + penalty * rows
        m += (gradient - m) * (1.0 - self.beta_1)
        v += (tf.square(gradient) - v) * (1.0 - self.beta_2)
        rate, epsilon = self._corrected(rate, step)
        rows -= rate * m / (tf.sqrt(v) + epsilon)
        return rows, tf.concat([m, v, tf.fill(tf.shape(kept[-1]), step)], axis=1)

    def _compiled(self, function, layout):
        given_layout = functools.partial(function, layout)
        # With several devices the operations stay apart: XLA's do not go into what a strategy runs
        # per device.
        if self._distribution_strategy.num_replicas_in_sync > 1:
            return given_layout
        return self._functions.setdefault(
            (function.__name__, layout),
            tf.function(given_layout, jit_compile=True, autograph=False),
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
