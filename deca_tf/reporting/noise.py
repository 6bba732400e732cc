"""Which interactions look like noise, and how well a score tells. NumPy, SciPy and pandas only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.special
import scipy.stats

from deca_tf._checks import check_integer
from deca_tf.data import schema
from deca_tf.data.interactions import Interactions

if TYPE_CHECKING:
    from deca_tf.denoisers import Denoiser


def separation_auc(scores: npt.ArrayLike, is_noisy: npt.ArrayLike) -> float:
    """How likely a random clean interaction scores higher than a random noisy one; ties count half.

    The area under the ROC curve of the score as a test for clean: 0.5 is chance, 1 is perfect. A
    score that merely follows how liked items are in general is above chance too: compare with that
    of a model trained normally.

    Args:
        scores: numbers `(n,)`, higher for cleaner; infinities are ordered like any number.
        is_noisy: bool `(n,)`, the truth.

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: shapes that differ, a score that is NaN, or only one kind of interaction.

    Example:
        >>> separation_auc([0.9, 0.4, 0.6], [False, False, True])
        0.5

    Stability: stable.
    """
    scores, is_noisy = np.asarray(scores, np.float64), np.asarray(is_noisy, bool)
    if scores.shape != is_noisy.shape or scores.ndim != 1:
        raise ValueError(
            "`scores` and `is_noisy` must be of one shape (n,). "
            f"Received: scores of shape {scores.shape}, is_noisy of shape {is_noisy.shape}."
        )
    if np.isnan(scores).any():
        raise ValueError(
            f"`scores` must be numbers. Received: {np.isnan(scores).sum()} NaN among "
            f"{len(scores)}. Leave out "
            "interactions without a score; if the model gave them, its training has diverged."
        )
    clean = int(np.count_nonzero(~is_noisy))
    noisy = len(scores) - clean
    if not clean or not noisy:
        raise ValueError(
            "`is_noisy` must hold clean and noisy interactions, or there is nothing to separate. "
            f"Received: {clean} clean and {noisy} noisy."
        )
    # Mann and Whitney: the ranks of the clean ones, less the ranks they would have among
    # themselves, count the pairs.
    rank_sum = scipy.stats.rankdata(scores)[~is_noisy].sum()
    return float((rank_sum - clean * (clean + 1) / 2) / (clean * noisy))


def interaction_report(
    model: Any,
    interactions: Interactions,
    denoiser: Denoiser | None = None,
    *,
    batch_size: int = 65_536,
) -> pd.DataFrame:
    """How real each interaction looks to a trained model, the most suspicious first.

    Args:
        model: a `DeCAModel`, or any Keras model from `{"user_id", "item_id"}` to logits.
        interactions: `Interactions`, normally `split.train`.
        denoiser: `Denoiser` to ask for the posterior; None: the model's own, if it has one.
        batch_size: pairs scored at once.

    Returns:
        A `pandas.DataFrame` with a row per interaction: the raw `user_id` and `item_id`;
        `probability`, the target's, float64 in [0, 1]; with a denoiser `posterior`, P(real |
        observed) of Eq. (16), which is the probability where the method has no noise model, or
        `score` in place of both where the denoiser `gives_probabilities` not, as Softmax; and
        `rating`, `dwell`, `timestamp`, `is_noisy` where known. Sorted by ascending logit of the
        target, which unlike the probability does not saturate; equal ones keep their order.

    Raises:
        ValueError: no interactions, a `batch_size` below 1, or logits that are NaN.

    Example:
        >>> report = interaction_report(model, split.train)
        >>> list(report.columns)
        ['user_id', 'item_id', 'probability', 'posterior', 'timestamp', 'is_noisy']

    Stability: stable.
    """
    check_integer("batch_size", batch_size)
    if not len(interactions):
        raise ValueError(
            "`interactions` must hold at least one pair to report on. Received: 0 pairs."
        )
    target = getattr(model, "recommender", model)
    denoiser = getattr(model, "denoiser", None) if denoiser is None else denoiser
    has_probabilities = getattr(denoiser, "gives_probabilities", True)
    logits_of, posterior = [], []
    for start in range(0, len(interactions), batch_size):
        rows = slice(start, start + batch_size)
        inputs = {
            schema.USER_ID: interactions.user_id[rows],
            schema.ITEM_ID: interactions.item_id[rows],
        }
        logits_of.append(np.asarray(target(inputs, training=False), np.float64))
        if denoiser is not None and has_probabilities:
            target_prob = scipy.special.expit(logits_of[-1]).astype(np.float32)
            posterior.append(np.asarray(denoiser.posterior(inputs, target_prob)))
    logits = np.concatenate(logits_of)
    if np.isnan(logits).any():
        raise ValueError(
            f"The model's logits must be numbers. Received: {np.isnan(logits).sum()} NaN among "
            f"{len(logits)}: training "
            "has diverged. Train with a lower learning rate."
        )
    columns = {
        schema.USER_ID: interactions.raw_user_ids[interactions.user_id],
        schema.ITEM_ID: interactions.raw_item_ids[interactions.item_id],
        "probability": scipy.special.expit(logits) if has_probabilities else None,
        "score": None if has_probabilities else logits,
        "posterior": np.concatenate(posterior) if posterior else None,
        **{name: getattr(interactions, name) for name in schema.OPTIONAL_COLUMNS},
    }
    frame = pd.DataFrame({name: column for name, column in columns.items() if column is not None})
    return frame.iloc[np.argsort(logits, kind="stable")].reset_index(drop=True)
