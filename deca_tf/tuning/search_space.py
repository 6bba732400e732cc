"""What is searched: the parts' own spaces, and the training's settings that all methods share."""

from deca_tf._checks import check_choice
from deca_tf.config import AUTO, merge
from deca_tf.data import schema
from deca_tf.denoisers import DENOISERS
from deca_tf.denoisers.costs import ratio_and_scale
from deca_tf.runs.models import MODELS, learns_at_once

SPACES = ("default", "paper")
PAPER_L2 = [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]
L2_RANGE = {"squares": (0.01, 1000.0), "norms": (1e-6, 1.0)}  # by `training.penalty`
CLICK_HALF_LIVES = [0.0, 7.0, 30.0, 90.0, 365.0]  # days; 0: clicks do not age
FEWEST_EPOCHS = 8  # the longest training over this is the shortest, where epochs are searched


def choose(hp, config, space="default", held=None, own_backbone=False):
    """One point of the space.

    Searched are, in 'default': the denoiser's and the backbone's own spaces, learning rate and L2;
    and epochs where the last epoch's weights are kept (where the best epoch's are, every length up
    to `training.epochs` is looked at in each trial); under protocol 'timeline' also the half-life
    of clicks in the loss. Of a model that learns at once: its own space alone. There, each trial
    also chooses a trend, unless `[time]` says which. In 'paper': what the paper searched, which is
    L2 and the denoiser's C1, C2 and alpha.

    Args:
        hp: Keras Tuner's `HyperParameters`.
        config: the `Config` whose other settings stay.
        space: 'default' or 'paper'.
        held: settings that stay as they are, `{"denoiser": {"alpha": 0.5}}`.
        own_backbone: the backbone is not one of ours, and chooses for itself.

    Returns:
        The `Config` of the point.

    Raises:
        ValueError: something is held that the parts do not have, or of C1 and C2 only one.
    """
    check_choice("space", space, SPACES)
    hp = Holding(hp, held or {})
    tables = {}
    if own_backbone or not learns_at_once(config):
        denoiser = DENOISERS.load(config.denoiser.name)
        tables["denoiser"] = denoiser.search_space(hp, space)
        tables["training"] = _training(hp, config.training, space, denoiser)
    if space == "default" and config.data.protocol == schema.TIMELINE:
        tables["time"] = _time(hp, config, has_loop="training" in tables)
    if space == "default" and not own_backbone:
        tables["backbone"] = MODELS.load(config.backbone.name).search_space(hp)
    chosen = type(config).model_validate(merge(config.to_dict(), tables, held or {}))
    MODELS.check_options(chosen.backbone.name, chosen.backbone.model_extra)
    DENOISERS.check_options(chosen.denoiser.name, chosen.denoiser.model_extra)
    return chosen


def _training(hp, training, space, denoiser):
    if space == "paper":
        is_searched = denoiser.searches_l2
        return {"l2": hp.Choice("training.l2", PAPER_L2, default=0.1)} if is_searched else {}
    rate = training.learning_rate
    found = {
        "learning_rate": hp.Float(
            "training.learning_rate", rate / 10, rate * 10, sampling="log", default=rate
        ),
    }
    if denoiser.searches_l2:
        low, high = L2_RANGE[training.penalty]
        found["l2"] = hp.Float(
            "training.l2", low, high, sampling="log", default=min(max(training.l2, low), high)
        )
    if training.keep == "last":
        fewest = max(1, training.epochs // FEWEST_EPOCHS)
        found["epochs"] = hp.Int(
            "training.epochs", fewest, training.epochs, default=training.epochs
        )
    return found


def _time(hp, config, has_loop):
    """What becomes of clicks as they age: a half-life of 0 days stands for none."""
    found = {}
    if has_loop:
        half_life = hp.Choice("time.click_half_life", CLICK_HALF_LIVES, default=0.0)
        found["click_half_life"] = half_life or None
    if config.time.trend_weight is config.time.trend_half_life is None:
        found["trend_weight"] = AUTO
    return found


class Holding:
    """Keras Tuner's `HyperParameters`, of which some are held.

    Asked for, they are given and not searched.

    Raises:
        ValueError: one of C1 and C2 is held and not the other.
    """

    def __init__(self, hp, held):
        self._hp = hp
        self._held = {
            f"{table}.{key}": value for table, rows in held.items() for key, value in _items(rows)
        }
        costs = [self._held.get(f"denoiser.{name}") for name in ("c1", "c2")]
        if (costs[0] is None) != (costs[1] is None):
            raise ValueError(
                "`denoiser.c1` and `denoiser.c2` must be set both or neither, since they are "
                "searched by their ratio "
                f"and their scale. Received: c1={costs[0]}, c2={costs[1]}."
            )
        if costs[0] is not None:
            # Where one of them is 0 there is no ratio: what is given here is overwritten by what is
            # held.
            ratio, scale = ratio_and_scale(*costs) if min(costs) > 0 else (1.0, 1.0)
            self._held |= {"denoiser.c_ratio": ratio, "denoiser.c_scale": scale}

    def __getattr__(self, kind):
        ask = getattr(self._hp, kind)

        def ask_unless_held(name, *arguments, **options):
            if name in self._held:
                return self._held[name]
            value = ask(name, *arguments, **options)
            # Six digits, for recipes that can be read, and since workers hear of them in single
            # precision.
            return float(f"{value:.6g}") if isinstance(value, float) else value

        return ask_unless_held


def _items(rows):
    return rows.items() if isinstance(rows, dict) else ()
