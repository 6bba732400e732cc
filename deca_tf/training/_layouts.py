"""What an update sees of a batch: one module for each layout that a denoiser may declare.

A layout has four functions, and DeCAModel calls no other:

- `take(model, inputs, label, weight, rows)`: of some rows of a batch `(inputs, label, once,
  weight)`, tensors of known shapes; `inputs` and `once` as `Lookups` takes them, weight or None.
- `loss(model, phase, inputs, label, weight)`: of what `take` gave, `(loss, outputs)`: a scalar
  without penalty, within a tape, and what `read` looks at.
- `read(model, outputs, label)`: counts `positive_prob` and `negative_prob`, outside of the tape.
- `evaluate(model, inputs, label, weight)`: of a batch, in inference, `(values, weights)` of which
  the loss of a validation is the mean; weights or None.
"""

from deca_tf._checks import check_choice
from deca_tf.training import _clicks, _pairs, _users

LAYOUTS = {"pairs": _pairs, "clicks": _clicks, "users": _users}


def layout_of(denoiser):
    """The module of the layout that a denoiser declares.

    Raises:
        ValueError: there is none of that name.
    """
    return LAYOUTS[check_choice("layout", denoiser.layout, tuple(LAYOUTS))]
