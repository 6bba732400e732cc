"""Denoisers: ways to learn from labels that lie. To add one: write its file, add a row."""

from typing import TYPE_CHECKING

from deca_tf._keras import check_imported_backend
from deca_tf._lazy import lazy
from deca_tf._registry import Registry, Row

check_imported_backend()

DENOISERS = Registry(
    "denoiser",
    {
        "none": Row(
            "deca_tf.denoisers.cross_entropy:CrossEntropy",
            "Normal training: every click is believed.",
        ),
        "deca": Row(
            "deca_tf.denoisers.deca:DeCA",
            "Cross-model agreement: noise is where different models disagree.",
        ),
        "deca-p": Row(
            "deca_tf.denoisers.deca:DeCA",
            "DeCA with a pre-trained prior in the place of the second model.",
            {"freeze_auxiliary": True},
        ),
        "deca-dp": Row(
            "deca_tf.denoisers.deca:DeCA",
            "DeCA that denoises positives only, an ablation.",
            {"phases": ("dp",)},
        ),
        "deca-dn": Row(
            "deca_tf.denoisers.deca:DeCA",
            "DeCA that denoises negatives only, an ablation.",
            {"phases": ("dn",)},
        ),
        "deca-limit": Row(
            "deca_tf.denoisers.deca_limit:DeCALimit",
            "DeCA's limit of large costs: no second model, no noise models.",
        ),
        "t-ce": Row("deca_tf.denoisers.t_ce:TCE", "Leaves out the clicks with the largest losses."),
        "r-ce": Row("deca_tf.denoisers.r_ce:RCE", "What the model finds unlikely counts less."),
        "gce": Row(
            "deca_tf.denoisers.gce:GCE", "A loss between cross-entropy and the absolute error."
        ),
        "wbpr": Row(
            "deca_tf.denoisers.wbpr:WBPR", "Normal training with popular items as negatives."
        ),
        "ensemble": Row(
            "deca_tf.denoisers.ensemble:Ensemble", "The mean of two models of different seeds."
        ),
        "nmse": Row(
            "deca_tf.denoisers.nmse:NMSE",
            "The squared error of whole users' normalised histories, ELSA's own loss.",
        ),
        "multinomial": Row(
            "deca_tf.denoisers.multinomial:Multinomial",
            "A softmax over the catalogue for whole users, the loss of Mult-VAE.",
        ),
        "udt": Row(
            "deca_tf.denoisers.udt:UDT", "A weight for each user, and for each of their clicks."
        ),
        "eard": Row(
            "deca_tf.denoisers.eard:EARD",
            "A click counts as much as it, its user and its item can be relied on.",
        ),
        "pld": Row(
            "deca_tf.denoisers.pld:PLD",
            "A user's clicks compete, and those with small losses are trained on more.",
        ),
        "softmax": Row(
            "deca_tf.denoisers.softmax:Softmax",
            "A click must score above the whole catalogue: the strongest loss for ranking.",
        ),
    },
    base="deca_tf.denoisers.denoiser:Denoiser",
)

if TYPE_CHECKING:
    # begin denoisers exports, by `make docs`
    from deca_tf.denoisers.cross_entropy import CrossEntropy as CrossEntropy
    from deca_tf.denoisers.deca import DeCA as DeCA
    from deca_tf.denoisers.deca_limit import DeCALimit as DeCALimit
    from deca_tf.denoisers.denoiser import Denoiser as Denoiser
    from deca_tf.denoisers.eard import EARD as EARD
    from deca_tf.denoisers.ensemble import Ensemble as Ensemble
    from deca_tf.denoisers.gce import GCE as GCE
    from deca_tf.denoisers.multinomial import Multinomial as Multinomial
    from deca_tf.denoisers.nmse import NMSE as NMSE
    from deca_tf.denoisers.pld import PLD as PLD
    from deca_tf.denoisers.r_ce import RCE as RCE
    from deca_tf.denoisers.softmax import Softmax as Softmax
    from deca_tf.denoisers.t_ce import TCE as TCE
    from deca_tf.denoisers.udt import UDT as UDT
    from deca_tf.denoisers.wbpr import WBPR as WBPR
    # end denoisers exports
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__, {"Denoiser": ".denoiser", **DENOISERS.homes()}, "DENOISERS"
    )
