"""Which interactions look like noise, and how well a score tells."""

import numpy as np
import pandas as pd
import scipy.stats

from deca_tf.data import schema


def separation_auc(scores, is_noisy):
    """Probability that a random clean interaction scores higher than a random noisy one, ties counting half.

    The area under the ROC curve of `score` as a test for clean: 0.5 is chance, 1 is perfect.

    Args:
        scores: numbers `(n,)`, higher for cleaner.
        is_noisy: bool `(n,)`.

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: different lengths, a score that is no number, or only one kind of interaction.
    """
    scores, is_noisy = np.asarray(scores, np.float64), np.asarray(is_noisy, bool)
    if scores.shape != is_noisy.shape or scores.ndim != 1:
        raise ValueError(
            f"`scores` and `is_noisy` must be of one shape (n,). Received: {scores.shape} and {is_noisy.shape}."
        )
    if np.isnan(scores).any():
        raise ValueError(f"`scores` must be numbers. Received: {int(np.isnan(scores).sum())} NaN of {len(scores)}.")
    clean = int((~is_noisy).sum())
    noisy = len(scores) - clean
    if not clean or not noisy:
        raise ValueError(f"Both kinds of interactions must be there. Received: {clean} clean and {noisy} noisy.")
    rank_sum = scipy.stats.rankdata(scores)[~is_noisy].sum()
    return float((rank_sum - clean * (clean + 1) / 2) / (clean * noisy))


def interaction_report(model, interactions, *, batch_size=65_536):
    """How real each interaction looks to a trained model, the most suspicious first.

    Args:
        model: a `DeCAModel`.
        interactions: `Interactions`, normally `split.train`.
        batch_size: pairs scored at once.

    Returns:
        A `pandas.DataFrame` with the raw `user_id` and `item_id`, `probability` (the target's), `posterior` (Eq. 16
        where the method has one, else the probability), and `rating`, `dwell`, `timestamp`, `is_noisy` where known.
    """
    logits, posterior = [], []
    for start in range(0, len(interactions), batch_size):
        rows = slice(start, start + batch_size)
        inputs = {schema.USER_ID: interactions.user_id[rows], schema.ITEM_ID: interactions.item_id[rows]}
        batch_logits = model.target(inputs, training=False)
        logits.append(np.asarray(batch_logits, np.float64))
        target_prob = np.asarray(1 / (1 + np.exp(-logits[-1])), np.float32)
        posterior.append(np.asarray(model.denoiser.posterior(inputs, target_prob)))
    logits = np.concatenate(logits)
    known = {name: getattr(interactions, name) for name in schema.OPTIONAL_COLUMNS}
    frame = pd.DataFrame(
        {
            schema.USER_ID: interactions.raw_user_ids[interactions.user_id],
            schema.ITEM_ID: interactions.raw_item_ids[interactions.item_id],
            "probability": 1 / (1 + np.exp(-logits)),
            "posterior": np.concatenate(posterior),
            **{name: column for name, column in known.items() if column is not None},
        }
    )
    return frame.iloc[np.argsort(logits, kind="stable")].reset_index(drop=True)
