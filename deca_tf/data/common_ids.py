"""The part of a split whose users and items another data set knows as well."""

import dataclasses

import numpy as np
import pandas as pd

from deca_tf.data import schema
from deca_tf.data.interactions import Interactions
from deca_tf.data.splits import Split


@dataclasses.dataclass(frozen=True, eq=False)
class CommonIds:
    """A split on the ids that it shares with another data set, renumbered in its own order.

    Args:
        split: the `Split`, of pairs alone, whose users and items are all common ones.
        users, items: int32 `(num_users,)` and `(num_items,)`: ids that these had in the split.
        other_users, other_items: and those that they have in the other data set.
    """

    split: Split
    users: np.ndarray
    items: np.ndarray
    other_users: np.ndarray
    other_items: np.ndarray

    def without(self, user_id, item_id):
        """The same with some pairs taken out of the test.

        Args:
            user_id, item_id: int `(n,)`, the other data set's ids.
        """
        users, items = (
            pd.Index(common).get_indexer(ids)
            for common, ids in ((self.other_users, user_id), (self.other_items, item_id))
        )
        known = (users >= 0) & (items >= 0)
        keys = users[known].astype(np.int64) * self.split.num_items + items[known]
        test = self.split.test
        kept = test.take(~np.isin(test.pair_key, keys))
        return dataclasses.replace(self, split=dataclasses.replace(self.split, test=kept))


def on_common_ids(split, raw_user_ids, raw_item_ids):
    """Leaves out users and items that another data set does not know, by their raw ids.

    Ids are the same if they are equal as strings.

    Args:
        split: a `Split`.
        raw_user_ids, raw_item_ids: the other data set's: position u holds the raw id of its user u.

    Returns:
        `CommonIds`. Nothing may be left of a part.
    """
    users, other_users = _common(split.train.raw_user_ids, raw_user_ids)
    items, other_items = _common(split.train.raw_item_ids, raw_item_ids)
    parts = {part: _renumbered(getattr(split, part), users, items) for part in schema.PARTS}
    # What leaks in a part of a split leaks in the whole: nothing has to be counted again.
    reduced = Split(**parts, protocol=split.protocol, name=split.name, leaks=split.leaks)
    return CommonIds(reduced, users, items, other_users, other_items)


def _common(raw_ids, other_raw_ids):
    other = pd.Index(np.asarray(other_raw_ids).astype(str))
    position = other.get_indexer(np.asarray(raw_ids).astype(str))
    own = np.flatnonzero(position >= 0)
    return own.astype(np.int32), position[own].astype(np.int32)


def _renumbered(rows, users, items):
    columns = {}
    for name, ids, size in (
        (schema.USER_ID, users, rows.num_users),
        (schema.ITEM_ID, items, rows.num_items),
    ):
        new = np.full(size, -1, np.int32)
        new[ids] = np.arange(len(ids), dtype=np.int32)
        columns[name] = new[getattr(rows, name)]
    kept = (columns[schema.USER_ID] >= 0) & (columns[schema.ITEM_ID] >= 0)
    columns = {name: column[kept] for name, column in columns.items()}
    return Interactions(
        **columns, raw_user_ids=rows.raw_user_ids[users], raw_item_ids=rows.raw_item_ids[items]
    )
