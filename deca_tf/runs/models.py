"""Models by name: backbones, which are trained, and baselines, which learn at once."""

from deca_tf.backbones import BACKBONES
from deca_tf.baselines import BASELINES
from deca_tf.baselines.baseline import Baseline

MODELS = BACKBONES.joined(BASELINES)


def learns_at_once(config):
    """Whether the model that a config names has no training loop."""
    return issubclass(MODELS.load(config.backbone.name), Baseline)
