"""DeCA and DeCA(p): which networks learn in which phase. The equations are in `objectives`."""

import keras
from keras import ops

from deca_tf._checks import check_choice, check_flag, check_range
from deca_tf._registry import deserialize
from deca_tf._seeds import derived_seed
from deca_tf.backbones import MF
from deca_tf.denoisers import costs, objectives
from deca_tf.denoisers.denoiser import Denoiser


@keras.saving.register_keras_serializable(package="deca_tf")
class DeCA(Denoiser):
    """Denoising with cross-model agreement.

    The target f learns together with an auxiliary model g that pulls it towards what both agree on,
    while h = P(observed | not liked) and h' = P(observed | liked) explain the rest as noise.
    `DeCA()` makes the three networks itself; others take their places as arguments.

    Paper: Eq. (9), (14), (15) and Algorithm 1; with `freeze_auxiliary=True` Eq. (13) and Algorithm
    2, where g is a pre-trained model, the prior.

    Args:
        auxiliary: g, any model from `{"user_id", "item_id"}` to logits; its sizes must be the
            target's. None: an `MF` of the target's sizes and `embedding_dim`, with a seed of its
            own; `DeCAModel` has it made.
        likelihood_if_negative: h, likewise; learns in phase "dp".
        likelihood_if_positive: h', likewise; learns in phase "dn".
        c1: cost of believing in a pair nobody observed (Eq. 14), at least 0.
        c2: cost of doubting an observed pair (Eq. 15), at least 0. The odds of "observed" above
            which a pair is believed are about `c1 / c2`.
        alpha: weight between the two KL directions, in `[0, 1]`.
        kl_weighting: which direction `alpha` weighs: "g||f" (Eq. 9, and the released code for DeCA
            and DeCA(p) alike) or "f||g" (Eq. 13, the paper's DeCA(p)).
        freeze_auxiliary: keeps g fixed, as DeCA(p) does. Saved with the model.
        first_update: "dp" (Algorithm 1), or "both", the released code's first update, see
            `objectives.released_first_update_log_likelihood`: it takes the place of a DN update, so
            that DP comes second.
        phases: ("dp", "dn"), ("dn", "dp"), or one of them alone for the paper's ablation (Table 3),
            or ("both",): every update is like the released code's first one, and h and h' learn
            together. That is how the released settings train DeCA(p) with LightGCN on Adressa; its
            likelihood ignores the label, so that little but the agreement with the prior is left.

    Differs: under `first_update="both"` the released code lets h take that one step too; here h
    learns in "dp" only.
    """

    networks = ("auxiliary", "likelihood_if_negative", "likelihood_if_positive")

    def __init__(
        self,
        auxiliary=None,
        likelihood_if_negative=None,
        likelihood_if_positive=None,
        *,
        c1=1000.0,
        c2=10.0,
        alpha=0.5,
        kl_weighting="g||f",
        freeze_auxiliary=False,
        first_update="dp",
        phases=("dp", "dn"),
        **kwargs,
    ):
        super().__init__(**kwargs)
        if tuple(phases) not in (("dp", "dn"), ("dn", "dp"), ("dp",), ("dn",), ("both",)):
            raise ValueError(
                "`phases` must be ('dp', 'dn'), ('dn', 'dp'), ('dp',), ('dn',) or ('both',). "
                f"Received: phases={phases!r}."
            )
        self.c1 = check_range("c1", c1, 0)
        self.c2 = check_range("c2", c2, 0)
        self.alpha = check_range("alpha", alpha, 0, 1)
        self.kl_weighting = check_choice("kl_weighting", kl_weighting, ("g||f", "f||g"))
        self.first_update = check_choice("first_update", first_update, ("dp", "both"))
        self.phases = ("dn", "dp") if len(phases) == 2 and first_update == "both" else tuple(phases)
        self.freeze_auxiliary = check_flag("freeze_auxiliary", freeze_auxiliary)
        self.auxiliary = auxiliary
        self.likelihood_if_negative = likelihood_if_negative
        self.likelihood_if_positive = likelihood_if_positive
        if self.freeze_auxiliary:
            if auxiliary is None:
                raise ValueError(
                    "`auxiliary` must be a trained model where `freeze_auxiliary` is true: it is "
                    "the prior. Received: auxiliary=None. Pass one that was trained normally."
                )
            auxiliary.trainable = False

    def make_network(self, role, target):
        """An `MF` of the target's sizes."""
        sizes = {size: getattr(target, size, None) for size in ("num_users", "num_items")}
        if None in sizes.values():
            raise ValueError(
                f"`target` must have `num_users` and `num_items` for DeCA to make `{role}`. "
                f"Received: a {type(target).__name__} without. Pass the networks: "
                f"`DeCA({', '.join(f'{name}=...' for name in self.networks)})`."
            )
        if hasattr(target, "embedding_dim"):
            sizes["embedding_dim"] = target.embedding_dim
        return MF(**sizes, seed=derived_seed(getattr(target, "seed", 0), role))

    def trainable_networks(self, phase):
        noise_models = {
            "dp": (self.likelihood_if_negative,),
            "dn": (self.likelihood_if_positive,),
            "both": (self.likelihood_if_negative, self.likelihood_if_positive),
        }[phase]
        return noise_models if self.freeze_auxiliary else (self.auxiliary, *noise_models)

    def compute_loss(self, phase, inputs, label, target_logits, update):
        target_prob = ops.sigmoid(target_logits)
        auxiliary_prob = ops.sigmoid(self.auxiliary(inputs, training=not self.freeze_auxiliary))
        weight = self.alpha if self.kl_weighting == "g||f" else 1.0 - self.alpha
        disagreement = objectives.agreement(target_prob, auxiliary_prob, weight)
        if phase != "dn":
            h = ops.sigmoid(self.likelihood_if_negative(inputs, training=True))
        if phase != "dp":
            h_prime = ops.sigmoid(self.likelihood_if_positive(inputs, training=True))
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
        h = ops.stop_gradient(ops.sigmoid(self.likelihood_if_negative(inputs)))
        return objectives.released_first_update_log_likelihood(target_prob, h, h_prime)

    def posterior(self, inputs, target_prob):
        if (
            self.freeze_auxiliary
        ):  # paper, below Eq. (16): in DeCA(p) f itself is conditioned on the observation
            return target_prob
        h = ops.sigmoid(self.likelihood_if_negative(inputs))
        h_prime = ops.sigmoid(self.likelihood_if_positive(inputs))
        return objectives.posterior(target_prob, h, h_prime)

    @classmethod
    def search_space(cls, hp, space="default"):
        """Costs and alpha.

        Paper: section 4.1.4 for 'paper', C1 and C2 of {1, 10, 100, 1000}, alpha of {0, 0.5, 1}.
        """
        found = costs.search_space(hp, space)
        if space == "paper":
            return {**found, "alpha": hp.Choice("denoiser.alpha", [0.0, 0.5, 1.0], default=0.5)}
        return {**found, "alpha": hp.Float("denoiser.alpha", 0.0, 1.0, default=0.5)}

    def get_config(self):
        return {
            **super().get_config(),
            **{
                name: keras.saving.serialize_keras_object(getattr(self, name))
                for name in self.networks
            },
            "c1": self.c1,
            "c2": self.c2,
            "alpha": self.alpha,
            "kl_weighting": self.kl_weighting,
            "freeze_auxiliary": self.freeze_auxiliary,
            "first_update": self.first_update,
            "phases": list(self.phases),
        }

    @classmethod
    def from_config(cls, config):
        networks = {name: deserialize(config[name]) for name in cls.networks}
        return cls(**{**config, **networks})
