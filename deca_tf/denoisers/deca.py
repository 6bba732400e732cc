"""DeCA and DeCA(p): which networks learn in which phase. The equations are in `objectives`."""

from dataclasses import KW_ONLY
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from deca_tf.backbones import MF
from deca_tf.denoisers import costs, objectives
from deca_tf.denoisers.denoiser import Denoiser, logits_of
from deca_tf.parts.options import Between, OneOf, network, option
from deca_tf.parts.seeds import derived_seed

PHASES = (("dp", "dn"), ("dn", "dp"), ("dp",), ("dn",), ("both",))
PHASES_IN_WORDS = f"{', '.join(map(str, PHASES[:-1]))} or {PHASES[-1]}"


def _phases(name, value):
    if not isinstance(value, list | tuple) or tuple(value) not in PHASES:
        raise ValueError(f"`{name}` must be {PHASES_IN_WORDS}. Received: {name}={value!r}.")
    return tuple(value)


class DeCA(Denoiser):
    """Denoising with cross-model agreement.

    The target f learns together with an auxiliary model g that pulls it towards what both agree on,
    while h = P(observed | not liked) and h' = P(observed | liked) explain the rest as noise.
    `DeCA()` makes the three networks itself; others take their places as arguments.

    Paper: Eq. (9), (14), (15) and Algorithm 1; with `freeze_auxiliary=True` Eq. (13) and Algorithm
    2, where g is a pre-trained model, the prior.

    `first_update="both"` is the released code's first update, see
    `objectives.released_first_update_log_likelihood`: it takes the place of a DN update, so that DP
    comes second. Under `phases=("both",)` every update is like it, and h and h' learn together.
    That is how the released settings train DeCA(p) with LightGCN on Adressa; its likelihood ignores
    the label, so that little but the agreement with the prior is left.

    Differs: under `first_update="both"` the released code lets h take that one step too; here h
    learns in "dp" only.

    Stability: stable.
    """

    auxiliary: keras.Model | None = network(
        default=None,
        doc="g, any model from `{'user_id', 'item_id'}` to logits, of the target's sizes. None: an "
        "`MF` of the target's sizes and `embedding_dim`, with a seed of its own; `DeCAModel` has it "
        "made.",
    )
    likelihood_if_negative: keras.Model | None = network(
        default=None, doc="h, likewise; learns in phase 'dp'."
    )
    likelihood_if_positive: keras.Model | None = network(
        default=None, doc="h', likewise; learns in phase 'dn'."
    )
    _: KW_ONLY
    c1: float = costs.C1
    c2: float = costs.C2
    alpha: float = option(
        default=0.5,
        low=0,
        high=1,
        search=Between(0.0, 1.0),
        paper=OneOf(0.0, 0.5, 1.0),
        doc="Weight between the two KL directions.",
    )
    kl_weighting: str = option(
        default="g||f",
        choices=("g||f", "f||g"),
        doc="Which direction alpha weighs: 'g||f' (Eq. 9, and the released code for DeCA and DeCA(p) "
        "alike) or 'f||g' (Eq. 13, the paper's DeCA(p)).",
    )
    freeze_auxiliary: bool = option(default=False, doc="Keeps g fixed, as DeCA(p) does.")
    first_update: str = option(
        default="dp",
        choices=("dp", "both"),
        doc="'dp' (Algorithm 1), or 'both', the released code's.",
    )
    phases: tuple[str, ...] = option(  # type: ignore[misc]
        default=("dp", "dn"),
        check=_phases,
        values=PHASES_IN_WORDS,
        doc="Updates in their order; one alone is the paper's ablation (Table 3).",
    )

    def setup(self) -> None:
        if len(self.phases) == 2 and self.first_update == "both":
            self.phases = ("dn", "dp")
        if self.freeze_auxiliary:
            if self.auxiliary is None:
                raise ValueError(
                    "`auxiliary` must be a trained model where `freeze_auxiliary` is true: it is "
                    "the prior. Received: auxiliary=None. Pass one that was trained normally."
                )
            self.auxiliary.trainable = False

    def make_network(self, role: str, target: keras.Model) -> keras.Model:
        """An `MF` of the target's sizes."""
        sizes: dict[str, Any] = {
            size: getattr(target, size, None) for size in ("num_users", "num_items")
        }
        if None in sizes.values():
            raise ValueError(
                f"`target` must have `num_users` and `num_items` for DeCA to make `{role}`. "
                f"Received: a {type(target).__name__} without. Pass the networks: "
                f"`DeCA({', '.join(f'{name}=...' for name in self.networks)})`."
            )
        if hasattr(target, "embedding_dim"):
            sizes["embedding_dim"] = target.embedding_dim
        return MF(**sizes, seed=derived_seed(getattr(target, "seed", 0), role))

    def trainable_networks(self, phase: str) -> tuple[keras.Model, ...]:
        noise_models = {
            "dp": (self.likelihood_if_negative,),
            "dn": (self.likelihood_if_positive,),
            "both": (self.likelihood_if_negative, self.likelihood_if_positive),
        }[phase]
        return noise_models if self.freeze_auxiliary else (self.auxiliary, *noise_models)

    def compute_loss(
        self,
        phase: str,
        inputs: dict[str, tf.Tensor],
        label: tf.Tensor,
        target_logits: tf.Tensor,
        update: tf.Tensor,
    ) -> tf.Tensor:
        target_prob = ops.sigmoid(target_logits)
        auxiliary_prob = ops.sigmoid(
            logits_of(self.auxiliary, inputs, training=not self.freeze_auxiliary)
        )
        weight = self.alpha if self.kl_weighting == "g||f" else 1.0 - self.alpha
        disagreement = objectives.agreement(target_prob, auxiliary_prob, weight)
        if phase != "dn":
            h = ops.sigmoid(logits_of(self.likelihood_if_negative, inputs, training=True))
        if phase != "dp":
            h_prime = ops.sigmoid(logits_of(self.likelihood_if_positive, inputs, training=True))
        if phase == "both":
            log_likelihood = objectives.released_first_update_log_likelihood(
                target_prob, h, h_prime
            )
        elif phase == "dp":
            log_likelihood = objectives.denoising_positive_log_likelihood(
                target_prob, h, label, self.c1
            )
        else:
            log_likelihood = objectives.denoising_negative_log_likelihood(
                target_prob, h_prime, label, self.c2
            )
            if self.first_update == "both" and len(self.phases) == 2:
                log_likelihood = ops.cond(
                    ops.equal(update, 0),
                    lambda: self._released_first_update(inputs, target_prob, h_prime),
                    lambda: log_likelihood,
                )
        return disagreement - log_likelihood

    def _released_first_update(self, inputs, target_prob, h_prime):
        h = ops.stop_gradient(ops.sigmoid(logits_of(self.likelihood_if_negative, inputs)))
        return objectives.released_first_update_log_likelihood(target_prob, h, h_prime)

    def posterior(self, inputs: dict[str, tf.Tensor], target_prob: tf.Tensor) -> tf.Tensor:
        if self.freeze_auxiliary:
            # Paper, below Eq. (16): in DeCA(p) f itself is conditioned on the observation.
            return target_prob
        h = ops.sigmoid(logits_of(self.likelihood_if_negative, inputs))
        h_prime = ops.sigmoid(logits_of(self.likelihood_if_positive, inputs))
        return objectives.posterior(target_prob, h, h_prime)

    @classmethod
    def search_space(cls, hp: Any, space: str = "default") -> dict[str, Any]:
        """Costs and alpha.

        Paper: section 4.1.4 for 'paper', C1 and C2 of {1, 10, 100, 1000}, alpha of {0, 0.5, 1}.
        """
        return {**costs.search_space(hp, space), **super().search_space(hp, space)}
