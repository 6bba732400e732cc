"""Trends: what was taken more of late than before, added to the scores of any model."""

from typing import TYPE_CHECKING

from deca_tf._lazy import lazy

if TYPE_CHECKING:
    from deca_tf.trends.prior import trend_prior as trend_prior
    from deca_tf.trends.trending import Trending as Trending
else:
    __getattr__, __dir__, __all__ = lazy(
        __name__, {"Trending": ".trending", "trend_prior": ".prior"}
    )
