"""What comes back from a server, as plain Python."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Item:
    """One item of a list.

    Args:
        item_id: raw id.
        score: logit, cosine or popularity, whatever orders the list; None in a history.
        title: what it is called, or None.
        probability: of real preference, in a history; else None.
        posterior: the same given the click, Eq. (16), where the method has one.

    Stability: provisional.
    """

    item_id: str
    score: float | None = None
    title: str | None = None
    probability: float | None = None
    posterior: float | None = None


@dataclasses.dataclass(frozen=True)
class Answer:
    """The list for one question.

    Args:
        items: tuple of `Item`, best first; a history begins with what was least likely real.
        known: whether the model knows who, or what, was asked about; if not, popularity has
            answered.
        unknown_items: how many of the ids given no item has.

    Stability: provisional.
    """

    items: tuple[Item, ...]
    known: bool
    unknown_items: int = 0


@dataclasses.dataclass(frozen=True)
class Pair:
    """What is thought of a user and an item.

    Args:
        probability: of real preference, 0 where one of the two is not known; None where the model
            has none.
        posterior: the same given a click, or None where the method has none.
        known: whether both are known.
        score: of a model without probabilities, then None: it orders the items of one user.

    Stability: provisional.
    """

    probability: float | None
    posterior: float | None
    known: bool
    score: float | None = None


def answers_of(outputs):
    """Answers to a batch of questions.

    Args:
        outputs: `{name: list of one value per question}` of a signature that gives lists.

    Returns:
        A list of `Answer`.
    """
    known = next(
        outputs[name] for name in ("known_user", "known_history", "known_item") if name in outputs
    )
    unknown = outputs.get("unknown_items", [0] * len(known))
    parts = [name for name in ("score", "title", "probability", "posterior") if name in outputs]
    return [
        Answer(
            tuple(
                Item(item_id, **{name: outputs[name][row][column] for name in parts})
                for column, item_id in enumerate(ids)
                if item_id  # the rest is padding
            ),
            known[row],
            unknown[row],
        )
        for row, ids in enumerate(outputs["item_id"])
    ]


def pairs_of(outputs):
    """`Pair`s of the outputs of `score`."""
    known = [
        user and item
        for user, item in zip(outputs["known_user"], outputs["known_item"], strict=True)
    ]
    nothing = [None] * len(known)
    probability, posterior, score = (
        outputs.get(name, nothing) for name in ("probability", "posterior", "score")
    )
    return [Pair(*each) for each in zip(probability, posterior, known, score, strict=True)]
