"""Split: train, validation and test as a folder of shards.

It is cut by the very functions of `deca_tf.data`.
"""

import apache_beam as beam
import numpy as np

from deca_tf.data import schema, split_chronological, split_hash
from deca_tf.data.shards import finish_shards, open_shards, shard_name, write_shard
from deca_tf.data.splitters import CHRONOLOGICAL_PER_USER, HASH, clean_test_mask

from .. import clicks, examples
from ..step import Step
from .transform import GRAPH, TRANSFORMED, vocabulary

SHARDS = "shards"
GROUPS = 256  # of users: what a worker cuts at once is a log over so many
RECORDS = 16  # blocks read at once
WRITTEN = (*clicks.IDS, schema.TIMESTAMP)  # what only builds a clean test goes no further


class SplitStep(Step):
    """Cuts each user's history, and writes the format of `deca_tf.data.shards`.

    Repeated pairs are merged before.

    Where a user is cut depends on that user's history alone, so that new users change nothing for
    the others. Equal times are put in order of the item's raw id, the shorter first: for numbers,
    their own order. So the order in which a log is read does not matter.
    """

    name = "Split"
    inputs = (TRANSFORMED, GRAPH)
    outputs = (SHARDS,)

    def check(self, context):
        way(context.settings.split, context.settings.input)

    def settings(self, context, inputs):
        return [
            context.settings.split.model_dump(),
            sorted(context.settings.input.columns_by_name()),
        ]

    def run(self, inputs, outputs, context):
        given, settings = context.settings.input, context.settings.split
        by, folder = way(settings, given), outputs[SHARDS]
        for part in schema.PARTS:
            (folder / f"Split-{part}").mkdir()
        pipeline = beam.Pipeline(options=context.options)
        rows = (
            examples.read(pipeline, inputs[TRANSFORMED], RECORDS)
            | "by user" >> beam.FlatMap(_by_group)
            | "users" >> beam.GroupByKey()
            | "cut" >> beam.ParDo(_Cut(inputs[GRAPH], by, settings))
        )
        empty = [
            ((part, number), (-1, {})) for part in schema.PARTS for number in range(settings.shards)
        ]
        counts = (
            (rows, pipeline | "each shard" >> beam.Create(empty))
            | "shards" >> beam.Flatten()
            | "by shard" >> beam.GroupByKey()
            | "write" >> beam.Map(_write, folder, settings)
            | "of a part" >> beam.CombinePerKey(sum)
            | "of all parts" >> beam.combiners.ToDict()
        )
        counts | "finish" >> beam.Map(_finish, inputs[GRAPH], folder, settings.name)
        found = examples.run_and_count(pipeline)
        rows = open_shards(folder).rows
        for part, number in rows.items():
            if not number:
                rule = f", clean_test={settings.clean_test!r}" if settings.clean_test else ""
                raise ValueError(
                    f"The {part} split must not be empty. Received: {found:,} clicks, by={by!r}, "
                    f"fractions={settings.fractions}{rule}. Give it a larger share, bring more "
                    "clicks per user, or "
                    "loosen `split.clean_test`."
                )
        return {"rows": found, **rows}


def way(settings, given):
    """How to split: 'chronological-per-user' or 'hash'.

    Args:
        settings: `SplitSettings`.
        given: `InputSettings`.

    Raises:
        ValueError: there are no times, the fractions are none, or the column that a clean test
            needs is not set.
    """
    by = settings.by or (HASH if given.timestamp_column is None else CHRONOLOGICAL_PER_USER)
    if by == CHRONOLOGICAL_PER_USER and given.timestamp_column is None:
        raise ValueError(
            "`input.timestamp_column` must be set for a chronological split. Received: none. Set "
            "it, or set "
            f"`split.by` to {HASH!r}."
        )
    # One row is enough to refuse fractions that are none, rules that cannot be read, and columns
    # that are not there.
    row = clicks.interactions({name: np.zeros(1, np.int32) for name in given.columns_by_name()})
    split_hash(row, settings.fractions, settings.seed)
    if settings.clean_test is not None:
        clean_test_mask(row, settings.clean_test)
    return by


def rank_of(raw_ids):
    """Place of each raw id among all, the shorter first, equal lengths by their text.

    Int64 `(n,)`.
    """
    rank = np.empty(len(raw_ids), np.int64)
    rank[np.lexsort((raw_ids, np.char.str_len(raw_ids)))] = np.arange(len(raw_ids))
    return rank


def _by_group(batch):
    """The rows of some blocks by groups of users, `(group, {name: array (n,)})`."""
    values = {name: batch.column(name).flatten().to_numpy() for name in batch.schema.names}
    user = values[schema.USER_ID]
    examples.ROWS.inc(len(user))
    for group, rows in examples.by_group(user, GROUPS):
        yield group, {name: column[rows] for name, column in values.items()}


class _Cut(beam.DoFn):
    """Cuts the users of a group, and deals their rows to shards.

    `((part, shard), (group, {name: array (n,)}))`.
    """

    def __init__(self, graph, by, settings):
        self.graph, self.by, self.settings = graph, by, settings

    def setup(self):
        self.raw_ids = [vocabulary(self.graph, name) for name in clicks.IDS]
        self.rank = rank_of(self.raw_ids[1])

    def process(self, keyed):
        group, parts = keyed
        values = _together(parts)
        more = [
            values[name]
            for name in schema.OPTIONAL_COLUMNS
            if name in values and name != schema.TIMESTAMP
        ]
        user, item = values[schema.USER_ID], self.rank[values[schema.ITEM_ID]]
        order = np.lexsort((*more, item, user, values.get(schema.TIMESTAMP, user)))
        values = {name: column[order] for name, column in values.items()}
        whole = clicks.interactions(values, self.raw_ids).distinct()
        if self.by == HASH:
            parts = split_hash(whole, self.settings.fractions, self.settings.seed)
        else:
            parts = split_chronological(whole, self.settings.fractions)
        found = dict(zip(schema.PARTS, parts, strict=True))
        if self.settings.clean_test is not None:
            found["test"] = found["test"].take(
                clean_test_mask(found["test"], self.settings.clean_test)
            )
        random = np.random.default_rng([self.settings.seed, group])
        for part, rows in found.items():
            columns = {
                name: getattr(rows, name) for name in WRITTEN if getattr(rows, name) is not None
            }
            if part == "train":
                shard = random.integers(0, self.settings.shards, len(rows))
            else:
                shard = np.full(len(rows), group % self.settings.shards)
            for number, places in examples.by_group(shard, self.settings.shards):
                yield (
                    (part, number),
                    (group, {name: column[places] for name, column in columns.items()}),
                )


def _together(parts):
    parts = list(parts)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _write(keyed, folder, settings):
    """Writes a shard, train's rows in random order; returns its part and number of rows."""
    (part, number), found = keyed
    found = [values for _, values in sorted(found, key=lambda each: each[0]) if values]
    values = _together(found) if found else {name: np.zeros(0, np.int32) for name in clicks.IDS}
    if part == "train":
        order = np.random.default_rng([settings.seed, number]).permutation(
            len(values[schema.USER_ID])
        )
        values = {name: column[order] for name, column in values.items()}
    write_shard(
        folder / f"Split-{part}" / shard_name(number, settings.shards), clicks.interactions(values)
    )
    return part, len(values[schema.USER_ID])


def _finish(rows, graph, folder, name):
    raw_ids = [vocabulary(graph, column) for column in clicks.IDS]
    rows = {part: int(rows[part]) for part in schema.PARTS}
    finish_shards(folder, *raw_ids, name=name, protocol=schema.CLEAN, rows=rows)
