"""Baselines as files: one archive of arrays with a header, and no code in it."""

import functools
import json
import os
import pathlib
import sys
from typing import Any

import numpy as np
import scipy.sparse

from deca_tf._files import written_beside
from deca_tf.baselines import BASELINES
from deca_tf.baselines.baseline import Baseline
from deca_tf.parts.part import check_saves_options

FORMAT, VERSION = "deca_tf baseline", 1
HEADER = "header"  # name of the array whose bytes are the header's JSON
CSR = ("data", "indices", "indptr")


def save(baseline: Baseline, path: str | os.PathLike[str]) -> None:
    """Writes a baseline into one file; see `Baseline.save`."""
    check_saves_options(baseline)
    arrays, values, shapes = _state_of(baseline)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "class": _name_of(type(baseline)),
        "options": baseline.get_config(),
        "values": values,
        "csr": shapes,
    }
    said = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with written_beside(pathlib.Path(path)) as beside, beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays, **{HEADER: said})


def load(path: str | os.PathLike[str]) -> Baseline:
    """A baseline that was saved by its `save`, which scores as it did.

    A class of another package must have been imported before: a file must not say what code runs.

    Args:
        path: of the file.

    Returns:
        The `Baseline`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no saved baseline, is damaged, or is of a newer release.
        TypeError: it is of a class of another package that has not been imported.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "ease.npz")
        >>> deca_tf.baselines.EASE(split.train).save(file)
        >>> deca_tf.baselines.load(file).num_items
        40

    Stability: provisional.
    """
    header, arrays = _read(pathlib.Path(path))
    baseline: Any = _class_of(header["class"]).without_setup(header["options"])
    for name, value in header["values"].items():
        setattr(baseline, name, value)
    for name, shape in header["csr"].items():
        parts = tuple(arrays.pop(f"{name}.{part}") for part in CSR)
        setattr(baseline, name, scipy.sparse.csr_array(parts, shape=tuple(shape)))
    for name, array in arrays.items():
        setattr(baseline, name, array)
    return baseline


def _state_of(baseline):
    """What it has learned: `(arrays, values, shapes)`, by attribute."""
    cls = type(baseline)
    options = {declared.attribute or name for name, declared in cls.declared.items()}
    arrays, values, shapes = {}, {}, {}
    for name, value in vars(baseline).items():
        worked_out_again = isinstance(getattr(cls, name, None), functools.cached_property)
        if name in options or worked_out_again:
            continue
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            arrays[name] = value
        elif isinstance(value, scipy.sparse.csr_array | scipy.sparse.csr_matrix):
            arrays |= {f"{name}.{part}": getattr(value, part) for part in CSR}
            shapes[name] = value.shape
        else:
            values[name] = _plain(name, value, cls)
    return arrays, values, shapes


def _plain(name, value, cls):
    """A value as JSON gives it back."""
    if isinstance(value, np.generic):
        value = value.item()
    try:
        again = json.loads(json.dumps(value))
    except (TypeError, ValueError):
        again = None
    if again != value:
        raise TypeError(
            "What a baseline keeps must be arrays, SciPy CSR matrices, numbers, text, lists or "
            f"dicts to be saved. Received: {cls.__name__}.{name}, a {type(value).__name__}. Keep "
            "it in such a form, or make it a `functools.cached_property`, which is not saved."
        )
    return value


def _name_of(cls):
    """Its name in the registry, or "module:Class"."""
    ours = (name for name in BASELINES.names if BASELINES.load(name) is cls)
    return next(ours, f"{cls.__module__}:{cls.__qualname__}")


def _class_of(name):
    if ":" in name and name.partition(":")[0] not in sys.modules:
        raise TypeError(
            "Classes of other packages must be imported before a baseline is loaded. Received: a "
            f"baseline of {name!r}. Import {name.partition(':')[0]!r} first."
        )
    return BASELINES.load(name)


def _read(path):
    """`(header, arrays)` of a file."""
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive)
            header = json.loads(arrays.pop(HEADER).tobytes())
            if header["format"] != FORMAT:
                raise ValueError(f"its format is {header['format']!r}")
            version = header["version"]
        except MemoryError:
            raise
        except Exception as error:  # whatever can be wrong with an archive
            raise ValueError(
                "`path` must be of a file that `Baseline.save` wrote, as it wrote it. Received: "
                f"path={os.fspath(path)!r}, and {type(error).__name__}: {error}. Train and save "
                "the baseline again."
            ) from error
    if version != VERSION:
        raise ValueError(
            f"`path` must be of a file of version {VERSION}. Received: path={os.fspath(path)!r}, "
            f"of version {version!r}. Load it by the release of deca_tf that wrote it, or train "
            "and save the baseline again."
        )
    return header, arrays
