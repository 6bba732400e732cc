"""The paper's data as its authors released it.

MovieLens-100k, ModCloth, Adressa, Electronics and a sample of it.

Source: the repository wangyu-ustc/DeCA at commit 8b04aa8c, folder `data/`. Text, TAB-separated,
CRLF, no header: user, item and a third column, the rating in stars (Adressa: 1 = clean, 0 = noisy
by dwell time). Ids are dense already and are their own raw ids. The files carry no licence, so they
are never shipped: they are read from `data_dir/deca/<folder>/` (a `data_dir` that is the `deca`
folder itself will do) or downloaded, and verified either way. `deca_release_tfds.py` offers the
same splits as a TensorFlow Datasets builder; training reads the text directly, which is far
quicker.

Protocol `paper` is the released code's: train on train, validate on valid.rating, test on
test.negative as it stands, repeated rows included. On ml-100k it leaks: all 1,707 validation pairs
are test pairs too.

Protocol `clean` has no pair in two splits. Validation holds all ratings, noise included (ml-100k:
valid.noisy, the others: valid.rating) without the pairs of train; test holds the distinct pairs of
test.negative that are in neither.

The id spaces are the released code's: the largest id in train + 1, for Adressa and Electronics the
sizes the code states. Should validation or test hold an id beyond that, the space grows to hold it.
"""

import dataclasses
import io

import numpy as np

from deca_tf._checks import check_choice
from deca_tf.data import schema
from deca_tf.data.interactions import Interactions
from deca_tf.data.sources import _verified_files as verified_files
from deca_tf.data.sources._verified_files import VerifiedFile
from deca_tf.data.sources.data_directory import find_data_dir
from deca_tf.data.splits import Split, check_leaks

COMMIT = "8b04aa8c24c08c4519f559d25e4c3da34fe97bd3"
ORIGIN = f"They come from the GitHub repository wangyu-ustc/DeCA, commit {COMMIT}, folder `data/`."
FOLDERS = ("deca", ".")
HELD_OUT = 0.1  # of electronics-sample's train rows, for validation
HELD_OUT_SEED = 0  # fixed, so that everyone's electronics-sample is the same


def _file(path, sha256=None, size=None, git_blob=None):
    url = f"https://raw.githubusercontent.com/wangyu-ustc/DeCA/{COMMIT}/data/{path}"
    return VerifiedFile(path, sha256=sha256, size=size, git_blob=git_blob, url=url)


@dataclasses.dataclass(frozen=True)
class Release:
    """One released data set.

    Args:
        train: the file to train on.
        test: the file to test on.
        paper_validation: the file validated on under 'paper', or None: the set has no such
            protocol.
        clean_validation: the file validated on under 'clean', or None: a fixed 10 % of the train
            rows.
        third_column: 'rating' (stars) or 'is_clean' (1 clean, 0 noisy).
        num_users, num_items: sizes of the id spaces, or None: the largest id in train + 1.
        train_pairs: the train pairs as `.npz` (arrays `user`, `item`), used where the train file is
            absent, or None.
    """

    train: VerifiedFile
    test: VerifiedFile
    paper_validation: VerifiedFile | None
    clean_validation: VerifiedFile | None
    third_column: str = schema.RATING
    num_users: int | None = None
    num_items: int | None = None
    train_pairs: VerifiedFile | None = None


_MODCLOTH_VALIDATION = _file(
    "modcloth/modcloth.valid.rating",
    "216e8b73e746972087833ebc5b94ac0f1667041ab2be5efd3472c75d4526d511",
    117484,
)
_ADRESSA_VALIDATION = _file(
    "adressa/adressa.valid.rating",
    "4cb75a6055b2c64ec9ed2c9e34783b437180fddd655167bc2f70325780e8a301",
    630224,
)
_ELECTRONICS_VALIDATION = _file(
    "electronics/electronics_5.valid.rating",
    "2d3381ce247856eb7cc29900812bc80f64bca5b7dfa40466c6198c51eac508ea",
    1928048,
)
_ELECTRONICS_TEST = _file(
    "electronics/electronics_5.test.negative",
    "cc742ba2a2d1045670a4b529b10c3016b07bbe586507f5004c9052c364addcfb",
    1129785,
)
ELECTRONICS_TRAIN = _file(
    "electronics/electronics_5.train.rating", git_blob="a6a30861edb8ebdaed3c5bb231f5fd583301618c"
)

RELEASES = {
    "ml-100k": Release(
        train=_file(
            "ml-100k/ml-100k.train.rating",
            "cc83282c0c3dd2e6e01359cea1f44fa0c10048a87a394c80fe1499f2bc7e8717",
            857364,
        ),
        paper_validation=_file(
            "ml-100k/ml-100k.valid.rating",
            "00571cac093aa3ec1f4b9be0d8fbc0a0c4d3a0542ee126e1573f671337da7f2b",
            18335,
        ),
        clean_validation=_file(
            "ml-100k/ml-100k.valid.noisy",
            "dfa7eb1aad8ab4e0ed6de2952407e7c8f2ca0e452ca400ecd549c228fc464924",
            107249,
        ),
        test=_file(
            "ml-100k/ml-100k.test.negative",
            "b6ef56ff61d6d79e27f1f08fda63c83cad72624d5ef7bddd388e165b57bf5551",
            38554,
        ),
    ),
    "modcloth": Release(
        train=_file(
            "modcloth/modcloth.train.rating",
            "e4698402116e8b621c66c79405b0309df8da9991fa6669dd9f2768acf7559ced",
            939314,
        ),
        paper_validation=_MODCLOTH_VALIDATION,
        clean_validation=_MODCLOTH_VALIDATION,
        test=_file(
            "modcloth/modcloth.test.negative",
            "83c9d9cd457733a364d42cff5298d82413892d46292522590ac3449372558387",
            63903,
        ),
    ),
    "adressa": Release(
        train=_file(
            "adressa/adressa.train.rating", git_blob="fca768fb63701226a70bb70649d412bc5cb17134"
        ),
        # The same pairs, recovered from a published graph: sorted, without the flag.
        train_pairs=VerifiedFile(
            "adressa/adressa.train.pairs.npz",
            sha256="87b6ee0f838f1e7181289992402ab96ceb6f26313c203025c22086564a0be055",
            size=687878,
        ),
        paper_validation=_ADRESSA_VALIDATION,
        clean_validation=_ADRESSA_VALIDATION,
        test=_file(
            "adressa/adressa.test.negative",
            "69f4efed142360c45571eeafe6ef81634ac8aa9d4c150e3f4be63c55609c4435",
            268923,
        ),
        third_column="is_clean",
        num_users=212_231,
        num_items=6_596,
    ),
    "electronics": Release(
        train=ELECTRONICS_TRAIN,
        paper_validation=_ELECTRONICS_VALIDATION,
        clean_validation=_ELECTRONICS_VALIDATION,
        test=_ELECTRONICS_TEST,
        num_users=1_157_633,
        num_items=9_560,
    ),
    "electronics-sample": Release(
        train=_ELECTRONICS_VALIDATION,
        paper_validation=None,
        clean_validation=None,
        test=_ELECTRONICS_TEST,
        num_users=1_157_633,
        num_items=9_560,
    ),
}


def load_split(name, *, protocol=schema.CLEAN, data_dir=None, seed=0):
    """Reads one released data set in one protocol.

    `electronics-sample` trains on 90 % of the released validation file and validates on the other
    10 %, drawn once with a fixed seed; it is a real sample at the full data set's id scale, never
    to be compared with the paper.

    Args:
        name: 'ml-100k', 'modcloth', 'adressa', 'electronics' or 'electronics-sample'.
        protocol: 'clean' or 'paper'.
        data_dir: folder that holds `deca/`; None: the environment variable DECA_TF_DATA_DIR, else
            download.
        seed: not used: the released splits are fixed.

    Returns:
        A `Split`. `is_noisy` is known for Adressa (in train only from the released file), `rating`
        for the others.

    Raises:
        FileNotFoundError: a folder or file is absent, or the download failed.
        ValueError: a file is not what its name says, or the set has no such protocol.
    """
    del seed
    files = files_of(name, protocol, data_dir)
    return read_split(
        name, protocol, files, verified_files.locate(files, data_dir, FOLDERS, ORIGIN)
    )


def files_of(name, protocol, data_dir=None):
    """The files that a data set needs in a protocol.

    Train, validation (unless held out of train), test.

    Args:
        name, protocol, data_dir: as for `load_split`.

    Returns:
        A list of `VerifiedFile`.

    Raises:
        ValueError: the set has no such protocol.
    """
    if protocol == schema.TIMELINE:
        raise ValueError(
            "Protocol 'timeline' requires clicks with times. Received: "
            f"protocol={protocol!r} for {name!r}, which is released already split and without "
            "times. Use protocol='clean', or bring clicks with times, such as 'ml-100k-raw'."
        )
    check_choice("protocol", protocol, schema.RELEASED)
    release = RELEASES[name]
    if protocol == schema.PAPER and release.paper_validation is None:
        raise ValueError(
            f"{name!r} has no protocol 'paper': it is a sample, never to be compared with the "
            "published tables. "
            f"Received: protocol={protocol!r}. Use protocol='clean'."
        )
    validation = release.paper_validation if protocol == schema.PAPER else release.clean_validation
    train = release.train_pairs if _lacks_train(release, data_dir) else release.train
    return [file for file in (train, validation, release.test) if file is not None]


def read_split(name, protocol, files, paths):
    """The `Split` held by the files of `files_of`, each verified as it is read.

    Raises:
        ValueError: a file is not what its name says.
    """
    tables = [
        _parse(file, verified_files.read(file, path))
        for file, path in zip(files, paths, strict=True)
    ]
    if len(tables) == 2:
        tables = [*_hold_out(tables[0]), tables[1]]
    train, validation, test = _share_id_space(tables, RELEASES[name])
    if protocol == schema.PAPER:
        leaks = check_leaks(train, validation, test, protocol)
        return Split(train, validation, test, protocol=protocol, name=name, leaks=leaks)
    train, validation, test = train.distinct(), validation.distinct(), test.distinct()
    merged = train.num_merged + validation.num_merged + test.num_merged
    before = len(validation) + len(test)
    validation = validation.take(~np.isin(validation.pair_key, train.pair_key))
    test = test.take(~np.isin(test.pair_key, np.concatenate([train.pair_key, validation.pair_key])))
    dropped = before - len(validation) - len(test)
    leaks = check_leaks(train, validation, test, protocol, merged=merged, dropped=dropped)
    return Split(train, validation, test, protocol=protocol, name=name, leaks=leaks)


def _lacks_train(release, data_dir):
    """True where a data directory holds the pairs but not the released train file."""
    root = find_data_dir(data_dir, ORIGIN)
    if root is None or release.train_pairs is None:
        return False
    has = [
        [(root / folder / file.path).is_file() for folder in FOLDERS]
        for file in (release.train, release.train_pairs)
    ]
    return any(has[1]) and not any(has[0])


def _parse(file, data):
    """Integer columns of a file, `(n, 2)` or `(n, 3)`."""
    if file.path.endswith(".npz"):
        with np.load(io.BytesIO(data)) as arrays:
            return np.stack(
                [arrays["user"].astype(np.int64), arrays["item"].astype(np.int64)], axis=1
            )
    return np.fromstring(data.decode("ascii"), dtype=np.int64, sep=" ").reshape(-1, 3)


def _hold_out(table):
    """Splits off a fixed share of a table's rows, both parts in their original order."""
    held_out = np.zeros(len(table), bool)
    chosen = np.random.default_rng(HELD_OUT_SEED).permutation(len(table))[
        : round(len(table) * HELD_OUT)
    ]
    held_out[chosen] = True
    return table[~held_out], table[held_out]


def _share_id_space(tables, release):
    """The tables as `Interactions` over one id space."""
    spaces = []
    for column, stated in enumerate((release.num_users, release.num_items)):
        size = stated or tables[0][:, column].max() + 1
        spaces.append(
            np.arange(max(size, *(table[:, column].max() + 1 for table in tables)), dtype=np.int64)
        )
    parts = []
    for table in tables:
        third = {}
        if table.shape[1] == 3 and release.third_column == schema.RATING:
            third[schema.RATING] = table[:, 2].astype(np.float32)
        elif table.shape[1] == 3:
            third[schema.IS_NOISY] = table[:, 2] == 0
        parts.append(
            Interactions(
                table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), *spaces, **third
            )
        )
    return parts
