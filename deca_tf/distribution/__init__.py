"""One training over several devices or machines: strategies by name, and workers that agree.

See `docs/distribution.md`.
"""

from deca_tf.distribution.agreement import agree, barrier, chief_values
from deca_tf.distribution.lost_workers import noticing_lost_workers
from deca_tf.distribution.strategies import (
    STRATEGIES,
    check_batch,
    is_chief,
    is_multi_worker,
    make_strategy,
    per_worker,
)

__all__ = [
    "STRATEGIES",
    "agree",
    "barrier",
    "check_batch",
    "chief_values",
    "is_chief",
    "is_multi_worker",
    "make_strategy",
    "noticing_lost_workers",
    "per_worker",
]
