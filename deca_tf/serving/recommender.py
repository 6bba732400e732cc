"""Recommender: asks an exported model from Python.

It needs no Keras and no model code, only TensorFlow.
"""

import json
import numbers
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from deca_tf._checks import check_integer
from deca_tf.serving.versions import MANIFEST, find_version

_CHUNK = 256  # users asked at once: their scores for all items are in memory together


class Recommender:
    """One loaded version of an exported model.

    Args:
        folder: what `export` was given, such as `saved_models/NAME`.
        version: integer; None means the newest complete version.

    Attributes:
        path: folder of the version that was loaded.
        version: its number.
        manifest: its `assets.extra/manifest.json`, a dict.
        k: the most items per user it can recommend.

    Raises:
        FileNotFoundError: the folder, or a complete version in it, does not exist.

    Example:
        >>> _ = deca_tf.export(model, split, "saved_models/clicks", k=2, warmup_batch_sizes=())
        >>> recommender = deca_tf.Recommender("saved_models/clicks")
        >>> recommender.recommend(["user_0003", "nobody"], k=2)[["user_id", "rank", "known_user"]]
             user_id  rank  known_user
        0  user_0003     1        True
        1  user_0003     2        True
        2     nobody     1       False
        3     nobody     2       False

    Stability: stable.
    """

    def __init__(self, folder: str | os.PathLike[str], version: int | None = None) -> None:
        self.path = find_version(folder, version)
        self.version = int(self.path.name)
        self.manifest = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
        self.k = max(self.manifest["ks"])
        # Held, for it owns the variables that the signature reads.
        self._loaded = tf.saved_model.load(str(self.path))
        self._signature = self._loaded.signatures[f"recommend_{self.k}"]

    def recommend(
        self, user_ids: str | int | Iterable[str | int], k: int | None = None
    ) -> pd.DataFrame:
        """The best items that each user has not seen.

        Args:
            user_ids: one raw id or a sequence of them, strings or integers, known or not.
            k: how many items per user, from 1 to `self.k`; None means `self.k`.

        Returns:
            One `pandas.DataFrame`, users in the order given, best item first, with the columns
            `user_id` (as given), `rank` (from 1), `item_id` (string), `score` (float32: logit, or
            popularity where the user is not known) and `known_user` (bool), and `title` where the
            version has titles. A user with fewer than k items left has fewer rows.

        Raises:
            TypeError: an id that is neither a string nor an integer.
            ValueError: `k` out of range.
        """
        k = self.k if k is None else check_integer("k", k)
        if k > self.k:
            raise ValueError(
                f"`k` must be at most {self.k}, which this version was exported with. Received: "
                f"k={k}. "
                f"Export again with `k={k}`."
            )
        if isinstance(user_ids, str | bytes) or not isinstance(user_ids, Iterable):
            users: list[Any] = [user_ids]
        else:
            users = list(user_ids)
        keys = [_key(user) for user in users]
        # At least one, so that no users make an empty frame.
        starts = range(0, max(len(keys), 1), _CHUNK)
        answers = [
            self._signature(user_id=tf.constant(keys[i : i + _CHUNK], tf.string)) for i in starts
        ]
        answer = {
            name: np.concatenate([part[name].numpy() for part in answers]) for name in answers[0]
        }
        row, column = np.nonzero(answer["item_id"][:, :k] != b"")  # the rest is padding
        table = {
            "user_id": pd.Series([users[i] for i in row], dtype=object).infer_objects(),
            "rank": column + 1,
            "item_id": _text(answer["item_id"][row, column]),
            "score": answer["score"][row, column],
            "known_user": answer["known_user"][row],
        }
        if "title" in answer:
            table["title"] = _text(answer["title"][row, column])
        return pd.DataFrame(table)


def _text(values):
    return pd.Series([value.decode() for value in values], dtype=str)


def _key(user):
    if isinstance(user, bytes):
        return user
    if isinstance(user, bool | np.bool_) or not isinstance(user, str | numbers.Integral):
        raise TypeError(
            "`user_ids` must hold strings or integers, as the data does. "
            f"Received: {user!r} of type {type(user).__name__}. Convert it first; pandas turns "
            "integers into floats "
            "where a column has gaps."
        )
    return str(user).encode()
