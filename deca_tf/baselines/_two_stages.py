"""Baselines that are learned with some of their settings, and finished with the others."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

from deca_tf.baselines.baseline import Baseline
from deca_tf.data.interactions import Interactions

# Settings that change how a baseline scores, and nothing of what it learns.
OF_SCORES = ("popularity_weight", "half_life")


class InTwoStages(Baseline):
    """Learns by `learn`, which reads all settings but those of scores, then calls `finish`.

    Attributes:
        LEARNED_LAST: settings that a grid changes most often, but for those of scores, since what
            is shared does not depend on them.
    """

    LEARNED_LAST: ClassVar[tuple[str, ...]] = ()

    def setup(self, interactions: Interactions) -> None:
        self.learn(interactions, None)
        self.finish(interactions)

    def learn(self, interactions: Interactions, shared: dict[Any, Any] | None) -> None:
        """Learns.

        Args:
            interactions: `Interactions`.
            shared: what others have worked out from the same interactions, to use and to add to;
                None: there are no others, and nothing is to be kept.
        """
        raise NotImplementedError

    def finish(self, interactions: Interactions) -> None:
        """What is quick and depends on the settings of scores."""
        raise NotImplementedError

    @classmethod
    def combinations(cls, interactions: Interactions) -> list[dict[str, Any]]:
        """As of any baseline, in an order in which little is learned anew."""

        def changes_often(name):
            return (name in cls.LEARNED_LAST) + 2 * (name in OF_SCORES)

        known = super().combinations(interactions)
        names = sorted(known[0], key=changes_often)
        places = {name: list(cls.GRID[name]).index for name in names}
        return sorted(known, key=lambda each: [places[name](each[name]) for name in names])

    @classmethod
    def grid(
        cls, interactions: Interactions, combinations: Iterable[dict[str, Any]] | None = None
    ) -> Iterator[tuple[dict[str, Any], Self]]:
        shared: dict[Any, Any] = {}
        before: tuple[dict[str, Any], dict[str, Any]] | None = None  # settings, what was learned
        for settings in cls.combinations(interactions) if combinations is None else combinations:
            made = cls._unlearned(interactions, settings)
            own = dict(vars(made))
            learned_with = {key: value for key, value in own.items() if key not in OF_SCORES}
            if before is not None and before[0] == learned_with:
                vars(made).update(before[1])
            else:
                made.learn(interactions, shared)
                learned = {key: value for key, value in vars(made).items() if key not in own}
                before = learned_with, learned
            made.finish(interactions)
            yield settings, made

    @classmethod
    def _unlearned(cls, interactions, settings):
        cls._arguments.bind(interactions, **settings)
        made = cls.without_setup(settings)
        made._take_sizes(interactions)
        return made
