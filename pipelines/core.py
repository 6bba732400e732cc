"""The k-core of a log: what is left when everyone, and everything, must have k clicks.

Out of memory: the pairs lie in `GROUPS` files by a hash of the user, so that all of a user's are in
one, and a worker holds one file at a time. What is held whole is one count for each item. Ids are
told apart by 64-bit hashes; that two of ten million are taken for one has a probability of 3 in a
million.
"""

import dataclasses
import pathlib

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from deca_tf.data import schema

from . import clicks, examples

GROUPS = 256
STATE, ITEMS, COUNTS = "state.npz", "items.npy", "counts.npy"
MERGED = "merged"  # a counter of Beam: rows that repeat a pair
PASSES_AT_ONCE = 8  # in one Beam pipeline: starting one can take longer than they do


@dataclasses.dataclass(frozen=True)
class State:
    """What a pass knows.

    Args:
        before: bool `(items,)`, the items that were left before the last pass.
        alive: those left after it.
        passes: how many there were.
    """

    before: np.ndarray
    alive: np.ndarray
    passes: int = 0

    @property
    def is_stable(self):
        """Whether the last pass changed nothing."""
        return self.passes > 0 and np.array_equal(self.before, self.alive)


@dataclasses.dataclass(frozen=True)
class Core:
    """Which ids are kept; read from files as they are asked for.

    Args:
        folder: of the files.
        min_user: fewest pairs of a user.
        notes: for people: passes, whether they ended by themselves, distinct pairs kept, repeated
            ones merged.
    """

    folder: pathlib.Path
    min_user: int
    notes: dict

    def kept(self, name, group):
        """The kept ids of a group.

        Their texts, an Arrow array, and how many pairs each has, int64 of equal length.
        """
        path = _ids_file(self.folder, name, group)
        if not path.is_file():
            return pa.array([], pa.large_binary()), np.zeros(0, np.int64)
        ids = pyarrow.parquet.read_table(path)
        if name == schema.USER_ID:
            user, _ = _core_pairs(
                _read_pairs(self.folder, group), _read_state(self.folder), self.min_user
            )
            counts = np.bincount(user, minlength=len(ids))
        else:
            places = np.searchsorted(np.load(self.folder / ITEMS), ids.column("hash").to_numpy())
            counts = np.load(self.folder / COUNTS)[places]
        kept = counts > 0
        return ids.column("text").combine_chunks().filter(pa.array(kept)), counts[kept]


def find_core(source, columns, settings, folder, options):
    """Counts and filters until nothing changes.

    In each pass users with too few pairs are left out, then items with too few of what is left.

    Args:
        source: folder of an `examples` artifact.
        columns: `{name in deca_tf: name in the log}`.
        settings: `TransformSettings`.
        folder: a `pathlib.Path`, for files that are of no use afterwards.
        options: Beam's.

    Returns:
        `Core`.

    Raises:
        ValueError: nothing is left, or an id cannot be in a vocabulary.
    """
    state, merged = None, 0
    while state is None or not (state.is_stable or state.passes >= settings.max_passes):
        pipeline = beam.Pipeline(options=options)
        if state is None:
            groups, before = _group(
                pipeline, source, {name: columns[name] for name in clicks.IDS}, folder
            )
        else:
            found = [
                int(path.stem.rpartition("-")[2]) for path in sorted(folder.glob("pairs-*.npz"))
            ]
            groups = pipeline | "groups" >> beam.Create(found) | "spread groups" >> beam.Reshuffle()
            before = pipeline | "state" >> beam.Create([state])
        left = settings.max_passes - (0 if state is None else state.passes)
        many = (
            1
            if settings.min_user_clicks == settings.min_item_clicks == 1
            else min(left, PASSES_AT_ONCE)
        )
        after = _passes(groups, before, folder, settings, many)
        counts = groups | "count" >> beam.Map(
            _count_core, folder, settings.min_user_clicks, _single(after)
        )
        counts = counts | "sum" >> beam.CombineGlobally(_total)
        after | "keep" >> beam.Map(_write_state, folder, _single(counts))
        result = pipeline.run()
        result.wait_until_finish()
        merged += _counted(result, MERGED)
        state = _read_state(folder)
    pairs = int(np.load(folder / COUNTS).sum())
    if not pairs:
        raise ValueError(
            "Some clicks must be left by `transform`. Received: none, with "
            f"min_user_clicks={settings.min_user_clicks} and "
            f"min_item_clicks={settings.min_item_clicks}. Lower them."
        )
    notes = {"pairs": pairs, "merged": merged, "passes": state.passes, "stable": state.is_stable}
    return Core(folder, settings.min_user_clicks, notes)


# Grouping


def _group(pipeline, source, columns, folder):
    """Writes pairs and ids by groups.

    Returns the groups of pairs, and the state before the first pass.
    """
    batches = examples.read(pipeline, source, columns=list(columns.values()))
    hashed = batches | "hash" >> beam.Map(_hashed, columns)
    items = (
        hashed
        | "ids" >> beam.FlatMap(_ids_by_group)
        | "by id" >> beam.GroupByKey()
        | "write ids" >> beam.FlatMap(_write_ids, folder)
        | "items" >> beam.CombineGlobally(_sorted)
    )
    groups = (
        hashed
        | "pairs" >> beam.FlatMap(_pairs_by_group)
        | "by user" >> beam.GroupByKey()
        | "write pairs" >> beam.Map(_write_pairs, folder, _single(items))
    )
    start = items | "start" >> beam.Map(_start, folder)
    return groups, start


def _hashed(batch, columns):
    """`{name: (hash of each row, each different hash, its text)}`."""
    rows = clicks.of(batch, columns)
    found = {}
    for name in clicks.IDS:
        hashes = examples.hashes(rows.column(name))
        different, first = np.unique(hashes, return_index=True)
        found[name] = hashes, different, rows.column(name).take(pa.array(first))
    return found


def _ids_by_group(found):
    for name, (_, different, texts) in found.items():
        for group, rows in examples.by_group(different, GROUPS):
            yield (name, group), (different[rows], texts.take(pa.array(rows)))


def _write_ids(keyed, folder):
    """Writes the ids of a group once each, in order of their hashes; passes on those of items."""
    (name, group), parts = keyed
    hashes, texts = zip(*parts, strict=True)
    hashes, first = np.unique(np.concatenate(hashes), return_index=True)
    texts = pa.concat_arrays(texts).take(pa.array(first))
    broken = pa.compute.match_substring_regex(texts, r"[\r\n]")
    if pa.compute.any(broken).as_py():
        raise ValueError(
            f"The ids of column {name!r} must not hold line ends, or no vocabulary can list them. "
            "Received: "
            f"{texts.filter(broken)[0].as_py()!r}."
        )
    pyarrow.parquet.write_table(
        pa.table({"hash": hashes, "text": texts}), _ids_file(folder, name, group)
    )
    if name == schema.ITEM_ID:
        yield hashes


def _ids_file(folder, name, group):
    return folder / f"{name}-{group:03d}.parquet"


def _sorted(parts):
    parts = list(parts)
    return np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)


def _start(items, folder):
    np.save(folder / ITEMS, items)
    return State(np.ones(len(items), bool), np.ones(len(items), bool))


def _pairs_by_group(found):
    user, item = (found[name][0] for name in clicks.IDS)
    for group, rows in examples.by_group(user, GROUPS):
        yield group, (user[rows], item[rows])


def _write_pairs(keyed, folder, items):
    """Writes the pairs of a group once each.

    Place of the user among the group's, place of the item among all.
    """
    group, parts = keyed
    user, item = (np.concatenate(hashes) for hashes in zip(*parts, strict=True))
    user, item = np.unique(user, return_inverse=True)[1], np.searchsorted(items, item)
    different = np.unique(user * len(items) + item)
    beam.metrics.Metrics.counter("deca_tf", MERGED).inc(len(user) - len(different))
    user, item = np.divmod(different, len(items))
    np.savez(
        folder / f"pairs-{group:03d}.npz", user=user.astype(np.int32), item=item.astype(np.int32)
    )
    return group


def _read_pairs(folder, group):
    with np.load(folder / f"pairs-{group:03d}.npz") as file:
        return file["user"], file["item"]


# Passes


def _passes(groups, state, folder, settings, many):
    """As many passes, of which those after a stable one do nothing.

    Returns the state after them.
    """
    for number in range(many):
        counts = groups | f"count {number}" >> beam.Map(
            _count, folder, settings.min_user_clicks, _single(state)
        )
        counts = counts | f"sum {number}" >> beam.CombineGlobally(_total)
        state = state | f"filter {number}" >> beam.Map(
            _filter, settings.min_item_clicks, _single(counts)
        )
    return state


def _count(group, folder, min_user, state):
    """Pairs of each item by users who have enough; None if there is nothing left to do."""
    if state.is_stable:
        return None
    pairs = _read_pairs(folder, group)
    return np.bincount(
        pairs[1][_by_enough(pairs, state.alive, min_user)], minlength=len(state.alive)
    )


def _by_enough(pairs, alive, min_user):
    """Which pairs have an item that is left, and a user with enough of such pairs: bool `(n,)`."""
    user, item = pairs
    rows = alive[item]
    degree = np.bincount(user[rows], minlength=int(user.max(initial=-1)) + 1)
    return rows & (degree >= min_user)[user]


def _total(parts):
    """The sum of those parts that are not None, None if there is none."""
    total = None
    for part in parts:
        total = part if total is None else total if part is None else total + part
    return total


def _filter(state, min_item, counts):
    if state.is_stable:
        return state
    return State(
        state.alive, state.alive if counts is None else counts >= min_item, state.passes + 1
    )


def _core_pairs(pairs, state, min_user):
    """The pairs of a group that are left after the last pass."""
    rows = _by_enough(pairs, state.before, min_user) & state.alive[pairs[1]]
    return tuple(column[rows] for column in pairs)


def _count_core(group, folder, min_user, state):
    _, item = _core_pairs(_read_pairs(folder, group), state, min_user)
    return np.bincount(item, minlength=len(state.alive))


def _write_state(state, folder, counts):
    np.savez(folder / STATE, **dataclasses.asdict(state))
    np.save(folder / COUNTS, np.zeros(0, np.int64) if counts is None else counts)


def _read_state(folder):
    with np.load(folder / STATE) as file:
        return State(file["before"], file["alive"], int(file["passes"]))


def _single(collection):
    return beam.pvalue.AsSingleton(collection)


def _counted(result, name):
    found = result.metrics().query(beam.metrics.MetricsFilter().with_name(name))["counters"]
    return sum(each.result for each in found)
