"""Contracts of backbones, denoisers and sources of data, as checks that anybody can run.

No test framework is needed. A check that fails raises an AssertionError that says what is required.

Example:
    >>> from deca_tf.testing import check_backbone
    >>> check_backbone("my_package.models:Mine", options={"width": 8})  # doctest: +SKIP
"""

from typing import TYPE_CHECKING

from deca_tf._keras import check_backend
from deca_tf._lazy import lazy

check_backend()

if TYPE_CHECKING:
    from deca_tf.testing.backbones import check_backbone as check_backbone
    from deca_tf.testing.denoisers import check_denoiser as check_denoiser
    from deca_tf.testing.sources import check_source as check_source
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__,
        {
            "check_backbone": ".backbones",
            "check_denoiser": ".denoisers",
            "check_source": ".sources",
        },
    )
