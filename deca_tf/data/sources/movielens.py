"""MovieLens: the ratings of every size by TensorFlow Datasets' own builder, or the raw 100k file.

`movielens/100k-ratings`, `movielens/latest-small-ratings`, ... are built by TFDS. Archives found in
`data_dir/movielens/` under GroupLens's own names (`ml-latest-small.zip`, `ml-100k.zip`, ...) are
given to TFDS as its `manual_dir`, so that it builds without a network, its own checksum check
included. `ml-100k-raw` is `data_dir/movielens/u.data` with its timestamps. MovieLens forbids
redistribution: nothing of it is shipped.
"""

import pathlib
import urllib.parse

import numpy as np

from deca_tf._checks import did_you_mean
from deca_tf.data.interactions import Interactions
from deca_tf.data.sources import _downloads as downloads
from deca_tf.data.sources import _verified_files as verified_files
from deca_tf.data.sources.data_directory import VARIABLE, find_data_dir

RAW = "ml-100k-raw"
CLEAN_TEST = "rating >= 5"
FOLDERS = ("movielens", ".")
ORIGIN = "They are part of GroupLens's archive ml-100k.zip (grouplens.org/datasets/movielens)."
U_DATA = verified_files.VerifiedFile(
    "u.data",
    sha256="06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
    size=1_979_173,
)


def load(name, *, data_dir=None, seed=0, cache_dir=None):
    """Reads MovieLens ratings.

    Args:
        name: 'movielens/<size>-ratings' as TFDS calls it, or 'ml-100k-raw'.
        data_dir: folder that holds `movielens/`; None: the environment variable DECA_TF_DATA_DIR,
            else download.
        seed: not used.
        cache_dir: where TFDS keeps what it has built; None: its own default.

    Returns:
        `Interactions` with rating and timestamp; raw ids are strings from TFDS and integers from
        the raw file.

    Raises:
        FileNotFoundError: the file is absent, or the download failed.
        ImportError: TensorFlow Datasets, or what it needs, is not installed.
        ValueError: TFDS has no such set, or a file is not what its name says.
    """
    del seed
    return _load_raw(data_dir) if name == RAW else _load_tfds(name, data_dir, cache_dir)


def _load_raw(data_dir):
    if find_data_dir(data_dir, ORIGIN) is None:
        raise FileNotFoundError(
            f"{RAW!r} is read from a data directory. Received: none. {ORIGIN} Put u.data into a "
            "folder `movielens` and "
            "name the folder above by `data_dir` or the environment variable "
            f"{VARIABLE}."
        )
    (path,) = verified_files.locate([U_DATA], data_dir, FOLDERS, ORIGIN)
    data = verified_files.read(U_DATA, path)
    table = np.fromstring(data.decode("ascii"), dtype=np.int64, sep=" ").reshape(-1, 4)
    return _encode(table[:, 0], table[:, 1], table[:, 2], table[:, 3])


def _load_tfds(name, data_dir, cache_dir):
    # TFDS's builders need `importlib_resources`, which TFDS does not declare:
    # tensorflow/datasets#11212.
    tfds = downloads.import_tfds("importlib_resources")
    builder = _builder(tfds, name, cache_dir)
    url = builder.builder_config.download_url
    archive = pathlib.PurePosixPath(urllib.parse.urlsplit(url).path).name
    origin = f"It is GroupLens's archive {archive} (grouplens.org/datasets/movielens)."
    root = find_data_dir(data_dir, origin)
    if builder.is_prepared():
        return _read_built(tfds, builder)
    folders = [root / folder for folder in FOLDERS] if root is not None else []
    manual_dir = next((folder for folder in folders if (folder / archive).is_file()), None)
    try:
        if manual_dir is None:
            cache = pathlib.Path(cache_dir or tfds.core.constants.DATA_DIR, "downloads")
            known = downloads.cached(url, builder.url_infos[url].checksum, cache, builder.name)
            if (
                known is None or not known.with_suffix(f"{known.suffix}.INFO").exists()
            ):  # TFDS asks for both
                downloads.check_reachable(url)
        config = tfds.download.DownloadConfig(manual_dir=manual_dir, try_download_gcs=False)
        builder.download_and_prepare(download_config=config)
    except tfds.download.download_manager.NonMatchingChecksumError as error:
        raise ValueError(
            f"MovieLens's archive must be the original file. Received: {error}"
        ) from None
    except (OSError, tfds.download.DownloadError) as error:
        copied = "it into a folder `movielens` of the data directory"
        raise downloads.download_failure(error, repr(name), origin, copied) from None
    return _read_built(tfds, builder)


def _builder(tfds, name, cache_dir):
    try:
        return tfds.builder(name, data_dir=cache_dir)
    except (ValueError, tfds.core.registered.DatasetNotFoundError):
        known = [f"movielens/{config}" for config in tfds.builder_cls("movielens").builder_configs]
        ratings = [config for config in known if config.endswith("-ratings")]
        raise ValueError(
            f"TensorFlow Datasets has the MovieLens sets {', '.join(ratings)}. Received: {name!r}."
            f"{did_you_mean(name, ratings)}"
        ) from None


def _read_built(tfds, builder):
    """All rows of a built set, a large batch at a time."""
    import tensorflow as tf

    fields = ("user_id", "movie_id", "user_rating", "timestamp")
    decoders = tfds.decode.PartialDecoding(dict.fromkeys(fields, True))
    options = tf.data.Options()
    options.autotune.enabled = (
        False  # it takes two to four times as long to find out how to read this
    )
    reading = tfds.ReadConfig(options=options, try_autocache=False)
    batches = builder.as_dataset(
        split="train", batch_size=65_536, decoders=decoders, read_config=reading
    )
    parts = [[batch[field] for field in fields] for batch in tfds.as_numpy(batches)]
    user, item, rating, timestamp = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _encode(
        np.char.decode(user.astype(bytes), "utf-8"),
        np.char.decode(item.astype(bytes), "utf-8"),
        rating,
        timestamp,
    )


def _encode(user, item, rating, timestamp):
    """Raw columns as `Interactions` in order of time, repeated pairs merged."""
    raw_user_ids, user_id = np.unique(user, return_inverse=True)
    raw_item_ids, item_id = np.unique(item, return_inverse=True)
    interactions = Interactions(
        user_id=user_id.astype(np.int32),
        item_id=item_id.astype(np.int32),
        raw_user_ids=raw_user_ids,
        raw_item_ids=raw_item_ids,
        rating=rating.astype(np.float32),
        timestamp=timestamp.astype(np.int64),
    )
    return interactions.take(np.lexsort((item_id, user_id, interactions.timestamp))).distinct()


OPTIONS = ("cache_dir",)
