"""Whether one model is better than another for the same users."""

import dataclasses

import numpy as np
import scipy.stats

LEVEL = 0.05
TEST = "two-sided paired t-test over the test users, each user's figure averaged over the seeds"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a paired test found.

    Args:
        difference: mean over users of the first minus the second.
        p_value: of a difference at least so large if there were none; 1 where all users are equal.
    """

    difference: float
    p_value: float

    @property
    def is_better(self):
        """Whether the first is significantly better."""
        return self.difference > 0 and self.p_value < LEVEL

    @property
    def is_worse(self):
        """Whether the first is significantly worse."""
        return self.difference < 0 and self.p_value < LEVEL

    @property
    def text(self):
        """The difference, its p-value, and better or worse where it is significant."""
        verdict = ", better" if self.is_better else ", worse" if self.is_worse else ""
        p = "p < .001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}".replace("0.", ".", 1)
        return f"{self.difference:+.4f}, {p}{verdict}"


def compare(first, second):
    """Paired t-test of two models over the users both were evaluated on.

    The t-test, and not Wilcoxon's, because it asks about the difference of the means, which is what
    the tables print; most users' differences are 0, which Wilcoxon's test leaves out.

    Args:
        first, second: pandas Series of a metric by user.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: the users are not the same ones.
    """
    if not first.index.sort_values().equals(second.index.sort_values()):
        raise ValueError(
            f"Both models must be evaluated on the same users. Received: {len(first)} and "
            f"{len(second)} users, "
            f"{len(first.index.intersection(second.index))} of them in both."
        )
    difference = (first - second).to_numpy(np.float64)  # aligned by user
    if len(difference) < 2 or np.ptp(difference) == 0:
        return Comparison(float(difference.mean()), 1.0)
    return Comparison(
        float(difference.mean()), float(scipy.stats.ttest_1samp(difference, 0.0).pvalue)
    )
