"""Denoisers: ways to learn from labels that lie. To add one: write its file, add a row."""

from typing import TYPE_CHECKING

from deca_tf._keras import check_backend
from deca_tf._lazy import lazy
from deca_tf._registry import Registry

check_backend()

DENOISERS = Registry(
    "denoiser",
    {
        "none": "deca_tf.denoisers.cross_entropy:CrossEntropy",
        "deca": "deca_tf.denoisers.deca:DeCA",
        "deca-p": ("deca_tf.denoisers.deca:DeCA", {"freeze_auxiliary": True}),
        "deca-dp": ("deca_tf.denoisers.deca:DeCA", {"phases": ("dp",)}),
        "deca-dn": ("deca_tf.denoisers.deca:DeCA", {"phases": ("dn",)}),
        "eard": "deca_tf.denoisers.eard:EARD",
        "ensemble": "deca_tf.denoisers.ensemble:Ensemble",
        "gce": "deca_tf.denoisers.gce:GCE",
        "deca-limit": "deca_tf.denoisers.deca_limit:DeCALimit",
        "pld": "deca_tf.denoisers.pld:PLD",
        "r-ce": "deca_tf.denoisers.r_ce:RCE",
        "t-ce": "deca_tf.denoisers.t_ce:TCE",
        "udt": "deca_tf.denoisers.udt:UDT",
        "wbpr": "deca_tf.denoisers.wbpr:WBPR",
    },
)

if TYPE_CHECKING:
    from deca_tf.denoisers.cross_entropy import CrossEntropy as CrossEntropy
    from deca_tf.denoisers.deca import DeCA as DeCA
    from deca_tf.denoisers.deca_limit import DeCALimit as DeCALimit
    from deca_tf.denoisers.denoiser import Denoiser as Denoiser
    from deca_tf.denoisers.eard import EARD as EARD
    from deca_tf.denoisers.ensemble import Ensemble as Ensemble
    from deca_tf.denoisers.gce import GCE as GCE
    from deca_tf.denoisers.pld import PLD as PLD
    from deca_tf.denoisers.r_ce import RCE as RCE
    from deca_tf.denoisers.t_ce import TCE as TCE
    from deca_tf.denoisers.udt import UDT as UDT
    from deca_tf.denoisers.wbpr import WBPR as WBPR
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "CrossEntropy": ".cross_entropy",
            "DeCA": ".deca",
            "DeCALimit": ".deca_limit",
            "Denoiser": ".denoiser",
            "EARD": ".eard",
            "Ensemble": ".ensemble",
            "GCE": ".gce",
            "PLD": ".pld",
            "RCE": ".r_ce",
            "TCE": ".t_ce",
            "UDT": ".udt",
            "WBPR": ".wbpr",
        },
        "DENOISERS",
    )
