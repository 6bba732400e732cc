"""Where to look for C1 and C2, for the methods that have them."""

import math

from deca_tf.parts.options import option

DEFAULT_RATIO, DEFAULT_SCALE = 1.0, 100.0
C1 = option(default=1000.0, low=0, doc="Cost of believing in a pair nobody observed (Eq. 14).")
C2 = option(
    default=10.0,
    low=0,
    doc="Cost of doubting an observed pair (Eq. 15). A pair is believed where the odds of "
    '"observed" exceed about c1 / c2.',
)


def search_space(hp, space="default"):
    """C1 and C2, chosen by Keras Tuner.

    A pair is believed where the odds of "observed" exceed about C1 / C2, while their common size
    weighs them against the agreement, the noise models and the penalty. So in 'default' the two are
    searched by what they do:

        ratio = C1 / C2 in [0.1, 100], scale = sqrt(C1 C2) in [10, 1000], both on a logarithmic
        scale; C1 = scale * sqrt(ratio), C2 = scale / sqrt(ratio).

    Most of the paper's grid's dead corners, where every probability goes to 0, 1/2 or 1, lie
    outside of it.

    Paper: section 4.1.4 for 'paper', C1 and C2 of {1, 10, 100, 1000}.

    Args:
        hp: Keras Tuner's `HyperParameters`.
        space: 'default' or 'paper'.

    Returns:
        `{"c1", "c2"}`, six digits each.
    """
    if space == "paper":
        return {
            name: hp.Choice(f"denoiser.{name}", [1.0, 10.0, 100.0, 1000.0], default=100.0)
            for name in ("c1", "c2")
        }
    ratio = hp.Float("denoiser.c_ratio", 0.1, 100.0, sampling="log", default=DEFAULT_RATIO)
    scale = hp.Float("denoiser.c_scale", 10.0, 1000.0, sampling="log", default=DEFAULT_SCALE)
    return costs(ratio, scale)


def costs(ratio, scale):
    """`{"c1", "c2"}` of a ratio C1 / C2 and a scale sqrt(C1 C2), six digits each."""
    root = math.sqrt(ratio)
    return {"c1": float(f"{scale * root:.6g}"), "c2": float(f"{scale / root:.6g}")}


def ratio_and_scale(c1, c2):
    """The inverse of `costs`, `(ratio, scale)`; both costs above 0."""
    return c1 / c2, math.sqrt(c1 * c2)
