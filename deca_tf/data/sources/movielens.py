"""MovieLens: the ratings of every size by TensorFlow Datasets' own builder, or the raw 100k file.

`movielens/100k-ratings`, `movielens/latest-small-ratings`, ... are built by TFDS. Archives found in
`data_dir/movielens/` under GroupLens's own names (`ml-latest-small.zip`, `ml-100k.zip`, ...) are given to TFDS as its
`manual_dir`, so that it builds without a network, its own checksum check included. `ml-100k-raw` is
`data_dir/movielens/u.data` with its timestamps. MovieLens forbids redistribution: nothing of it is shipped.
"""

import os

import numpy as np

from deca_tf.data import schema
from deca_tf.data.interactions import Interactions
from deca_tf.data.sources import verified_files

RAW = "ml-100k-raw"
CLEAN_TEST = "rating >= 5"
FOLDERS = ("movielens", ".")
ORIGIN = "They are part of GroupLens's archive ml-100k.zip (grouplens.org/datasets/movielens)."
U_DATA = verified_files.VerifiedFile(
    "u.data", sha256="06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490", size=1_979_173
)


def load(name, *, data_dir=None, seed=0, cache_dir=None):
    """Reads MovieLens ratings.

    Args:
        name: 'movielens/<size>-ratings' as TFDS calls it, or 'ml-100k-raw'.
        data_dir: folder that holds `movielens/`; None: the environment variable DECA_TF_DATA_DIR, else download.
        seed: not used.
        cache_dir: where TFDS keeps what it has built; None: its own default.

    Returns:
        `Interactions` with rating and timestamp; raw ids are strings from TFDS and integers from the raw file.

    Raises:
        FileNotFoundError: the file is absent, or the download failed.
        ValueError: TFDS has no such set, or a file is not what its name says.
    """
    del seed
    return _load_raw(data_dir) if name == RAW else _load_tfds(name, data_dir, cache_dir)


def _load_raw(data_dir):
    if verified_files.find_data_dir(data_dir) is None:
        raise FileNotFoundError(
            f"{RAW!r} is read from a data directory. Received: none. {ORIGIN} Put u.data into a folder `movielens` and "
            f"name the folder above by --data-dir (`data_dir`) or the environment variable "
            f"{verified_files.DATA_DIR_VARIABLE}."
        )
    (path,) = verified_files.locate([U_DATA], data_dir, FOLDERS, ORIGIN)
    data = verified_files.read(U_DATA, path)
    table = np.fromstring(data.decode("ascii"), dtype=np.int64, sep=" ").reshape(-1, 4)
    return _encode(table[:, 0], table[:, 1], table[:, 2], table[:, 3])


def _load_tfds(name, data_dir, cache_dir):
    import tensorflow_datasets as tfds

    root = verified_files.find_data_dir(data_dir)
    manual_dir = None
    if root is not None:
        manual_dir = next((root / folder for folder in FOLDERS if any((root / folder).glob("ml-*.zip"))), None)
    try:
        builder = tfds.builder(name, data_dir=cache_dir)
    except (ValueError, tfds.core.registered.DatasetNotFoundError):
        known = [f"movielens/{config}" for config in tfds.builder_cls("movielens").builder_configs]
        ratings = [config for config in known if config.endswith("-ratings")]
        raise ValueError(
            f"TensorFlow Datasets has the MovieLens sets {', '.join(ratings)}. Received: {name!r}."
            f"{schema.did_you_mean(name, ratings)}"
        ) from None
    url = builder.builder_config.download_url
    archive = os.path.basename(url)
    try:
        if not (builder.is_prepared() or (manual_dir and (manual_dir / archive).exists())):
            downloads = os.path.join(cache_dir or tfds.core.constants.DATA_DIR, "downloads")
            if not verified_files.is_cached(url, builder.url_infos[url].checksum, downloads, "movielens"):
                verified_files.check_reachable(url)
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=manual_dir))
    except tfds.download.download_manager.NonMatchingChecksumError as error:
        raise ValueError(f"MovieLens's archive must be the original file. Received: {error}") from None
    except (OSError, tfds.download.DownloadError) as error:
        origin = f"It is GroupLens's archive {archive} (grouplens.org/datasets/movielens)."
        copied = "it into a folder `movielens` of the data directory"
        raise verified_files.download_failure(error, repr(name), origin, copied) from None
    return _read_built(tfds, builder)


def _read_built(tfds, builder):
    """All rows of a built set, a large batch at a time."""
    fields = ("user_id", "movie_id", "user_rating", "timestamp")
    decoders = tfds.decode.PartialDecoding(dict.fromkeys(fields, True))
    batches = builder.as_dataset(split="train", batch_size=65_536, decoders=decoders)
    parts = [[batch[field] for field in fields] for batch in tfds.as_numpy(batches)]
    user, item, rating, timestamp = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _encode(
        np.char.decode(user.astype(bytes), "utf-8"), np.char.decode(item.astype(bytes), "utf-8"), rating, timestamp
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
