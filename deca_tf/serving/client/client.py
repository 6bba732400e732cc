"""Client: questions in the caller's own ids, answers as plain Python."""

from collections.abc import Iterable, Sequence

from deca_tf.serving.client._answers import Answer, Pair, answers_of, pairs_of
from deca_tf.serving.client._transport import Grpc, Rest

Ids = Iterable[str | int | bytes]


class Client:
    """Asks one model on one server.

    Each question takes many users or items at once and answers them in their order. Ids are
    strings, or integers as the data has them.

    Args:
        address: `http://host:8501` or `https://...` for REST, `host:8500` for gRPC, which is
            faster.
        model: name of the model on the server.
        version: number of a version; None: the newest.
        label: of a version, such as 'canary', in place of its number.
        timeout: seconds to wait for each attempt.
        retries: attempts after the first, where the server could not be reached or was not ready.

    Raises:
        ValueError: both a version and a label.
        ServerError: of each question: the server could not be reached, or answered with an error.

    Example:
        >>> with Client("localhost:8500", "clicks") as client:  # doctest: +SKIP
        ...     client.recommend(["customer-17"])[0].items[0]
        Item(item_id='sku-3', score=2.31, title=None, probability=None, posterior=None)

    Stability: provisional.
    """

    def __init__(
        self,
        address: str,
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        timeout: float = 5.0,
        retries: int = 2,
    ) -> None:
        if version is not None and label is not None:
            raise ValueError(
                f"A client asks a version or a label. Received: version={version!r}, "
                f"label={label!r}. Leave one out."
            )
        transport: type[Rest] | type[Grpc]
        transport = Rest if address.startswith(("http://", "https://")) else Grpc
        self._transport = transport(
            address, model, version=version, label=label, timeout=timeout, retries=retries
        )

    def recommend(self, user_ids: Ids, k: int | None = None) -> list[Answer]:
        """The best items that each user has not seen: a list of `Answer`.

        Args:
            user_ids: raw ids.
            k: one of those that the version was exported with; None: the first of them.
        """
        return answers_of(
            self._transport.predict(_numbered("recommend", k), {"user_id": _ids(user_ids)})
        )

    def recommend_excluding(
        self, user_ids: Ids, exclude_item_ids: Sequence[Ids], k: int | None = None
    ) -> list[Answer]:
        """`recommend` without some items more, a list of ids for each user."""
        inputs = {"user_id": _ids(user_ids), "exclude_item_id": _lists(exclude_item_ids)}
        return answers_of(self._transport.predict(_numbered("recommend_excluding", k), inputs))

    def recommend_from_history(
        self, histories: Sequence[Ids], k: int | None = None
    ) -> list[Answer]:
        """The best items for people who are no users of the model, a list of item ids for each."""
        inputs = {"item_id": _lists(histories)}
        return answers_of(self._transport.predict(_numbered("recommend_from_history", k), inputs))

    def similar_items(self, item_ids: Ids, k: int | None = None) -> list[Answer]:
        """The items most like each item: a list of `Answer`."""
        return answers_of(
            self._transport.predict(_numbered("similar_items", k), {"item_id": _ids(item_ids)})
        )

    def score(self, user_ids: Ids, item_ids: Ids) -> list[Pair]:
        """What is thought of pairs of a user and an item: a list of `Pair`."""
        inputs = {"user_id": _ids(user_ids), "item_id": _ids(item_ids)}
        return pairs_of(self._transport.predict("score", inputs))

    def history(self, user_ids: Ids) -> list[Answer]:
        """What each user has taken, the least likely real preference first: a list of `Answer`."""
        return answers_of(self._transport.predict("history", {"user_id": _ids(user_ids)}))

    def signatures(self) -> dict[str, list[str]]:
        """What the version can be asked: `{signature: names of its outputs}`."""
        return self._transport.signatures()

    def status(self) -> dict[int, str]:
        """State of each version on the server: `{number: "AVAILABLE", ...}`."""
        return self._transport.status()

    def close(self) -> None:
        """Ends its connections."""
        self._transport.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def _numbered(signature, k):
    return signature if k is None else f"{signature}_{k}"


def _ids(values):
    if isinstance(values, str | bytes):
        raise TypeError(
            f"Ids must come in a list, also a single one. Received: {values!r}. Write [{values!r}]."
        )
    return [each.decode() if isinstance(each, bytes) else str(each) for each in values]


def _lists(values):
    lists = [_ids(each) for each in values]
    longest = max(map(len, lists), default=0)
    return [each + [""] * (longest - len(each)) for each in lists]
