"""Softmax over the catalogue: a click must score above all other items, not above a sampled one."""

import math
from dataclasses import KW_ONLY

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from deca_tf.backbones.backbone import score_pairs
from deca_tf.data.interactions import Interactions
from deca_tf.denoisers import objectives
from deca_tf.denoisers.denoiser import Denoiser
from deca_tf.parts.options import Between, option

CELLS = 2**24  # scores at once where users' thresholds are found, 64 MiB
MOST_CELLS = 2**34  # users x items of which all scores are taken, in minutes
NO_THRESHOLD = -1e9  # before the first ones: all clicks weigh 1


class Softmax(Denoiser):
    """Cross-entropy of each click among all items of the catalogue (`--denoiser softmax`).

    `-log p`, where p is the click's share of the softmax at `score / temperature`. Beyond some size
    of the catalogue the other items are estimated from a pool that an update draws and all of its
    clicks share, each counting as many times as it stands for items: the log-q correction of a
    sampled softmax. Bare of noise models, it believes every click; with `slatk` it believes more in
    those that are or could be among their user's K best.

    Scores should be cosines, `cosine=True` of the backbone, which recipes choose; a bias of items
    or a bonus for popular ones is the backbone's as well, and so in what is served. Then `l2` is
    best at 0. The score is no log-odds: its sigmoid is no probability, and there is no posterior.
    What is logged as `positive_prob` and `negative_prob` are the mean shares of a click and of
    another item. Where a share is that of any other item, training has collapsed.

    Source: for the sampled softmax Jean et al., ACL 2015; for cosines and temperatures Wu et al.,
    "On the effectiveness of sampled softmax loss for item recommendation", TOIS 2024; for `slatk`
    Yang et al., "Breaking the top-K barrier", KDD 2025, SL@K.
    Differs: SL@K's threshold is here the K-th best of all items, not of the user's clicks and
    sampled ones, and its weight is not differentiated: on MovieLens-100k a click that costs much
    would rather lose its weight, and training collapses.

    Example:
        >>> target = deca_tf.backbones.MF(split.num_users, split.num_items, cosine=True)
        >>> model = deca_tf.DeCAModel(target, deca_tf.denoisers.Softmax(temperature=0.1))
        >>> model.compile(deca_tf.optimizers.Adam(1e-2))
        >>> sorted(model.fit(split.train, verbose=0).history)
        ['loss', 'negative_prob', 'positive_prob']

    Stability: provisional.
    """

    layout = "clicks"
    gives_probabilities = False
    searches_l2 = False

    temperature: float = option(
        default=0.2,
        above=0,
        search=Between(0.05, 1.0, log=True),
        doc="What scores are divided by: below 0.2 on dense data, 0.5 and more where most users have "
        "few clicks.",
    )
    _: KW_ONLY
    learn_temperature: bool = option(
        default=False, doc="Begins at `temperature` and learns it with the weights."
    )
    pool_size: int | None = option(
        default=None,
        doc="Items of the pool. Unset: the whole catalogue up to 20,000 items and a pool of 4,096 "
        "beyond; of a backbone that scores by a network a pool of 64.",
    )
    slatk: int | None = option(
        default=None,
        doc="K of SL@K: each click weighs `sigmoid((score - K-th best score of its user) / "
        "slatk_temperature)`. Unset: all weigh 1.",
    )
    slatk_temperature: float = option(
        default=1.0, above=0, doc="How softly clicks beyond the K best lose weight."
    )
    slatk_every: int = option(
        default=5,
        doc="Epochs after which the K-th best scores are found anew; it takes all scores.",
    )
    num_users: int | None = option(
        default=None, hidden=True, doc="Users who have a K-th best score, set by `adapt`."
    )

    def setup(self) -> None:
        self.log_temperature = self.add_weight(
            name="log_temperature",
            shape=(),
            initializer=keras.initializers.Constant(math.log(self.temperature)),
            trainable=self.learn_temperature,
        )
        if self.num_users is not None:  # as it was saved
            self._create_thresholds(self.num_users)

    def _create_thresholds(self, num_users):
        self.num_users = num_users
        self.threshold = self.add_weight(
            name="threshold",
            shape=(num_users,),
            initializer=keras.initializers.Constant(NO_THRESHOLD),
            trainable=False,
        )
        self.epochs_done = self.add_weight(
            name="epochs_done", shape=(), dtype="int64", initializer="zeros", trainable=False
        )

    @property
    def needs_data(self) -> bool:  # type: ignore[override]
        return self.slatk is not None and self.num_users is None

    def adapt(self, interactions: Interactions) -> None:
        """With `slatk`, makes room for a threshold of each user.

        Raises:
            ValueError: there are too many users and items to find them.
        """
        cells = interactions.num_users * interactions.num_items
        if self.slatk is not None and cells > MOST_CELLS:
            raise ValueError(
                "`slatk` must be unset where there are more than 2**34 pairs of users and items, of "
                f"which all scores would be taken. Received: slatk={self.slatk} and "
                f"{interactions.num_users} users x {interactions.num_items} items."
            )
        if self.needs_data:
            self._create_thresholds(interactions.num_users)

    def on_epoch_end(self, target: keras.Model) -> None:
        """With `slatk`, finds each user's K-th best score after every `slatk_every` epochs."""
        if self.slatk is None:
            return
        self.epochs_done.assign_add(1)
        if int(ops.convert_to_numpy(self.epochs_done)) % self.slatk_every:
            return
        found, num_items = [], target.num_items
        score = getattr(target, "score_all_items", None)
        chunk = max(1, CELLS // num_items)
        for start in range(0, self.num_users, chunk):
            users = np.arange(start, min(start + chunk, self.num_users), dtype=np.int32)
            users = ops.convert_to_tensor(users)
            scores = score_pairs(target, num_items, users) if score is None else score(users)
            best = ops.top_k(scores, min(self.slatk, num_items))[0]
            found.append(ops.convert_to_numpy(best[:, -1]))
        self.threshold.assign(np.concatenate(found))

    def compute_click_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        click_logits: tf.Tensor,
        candidate_logits: tf.Tensor,
        candidate_weight: tf.Tensor,
        update: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        scale = ops.exp(-self.log_temperature) if self.learn_temperature else 1 / self.temperature
        loss, share = objectives.softmax_cross_entropy(
            click_logits * scale, candidate_logits * scale, candidate_weight
        )
        if self.slatk is not None:
            threshold = ops.take(self.threshold, inputs["user_id"], axis=0)
            beyond = ops.stop_gradient(click_logits) - threshold
            loss *= ops.sigmoid(beyond / self.slatk_temperature)
        return loss, share
