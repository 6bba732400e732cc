"""Finished runs without their models in one small file.

What tables and figures are made of, to keep and to pass on.

A run of 80 MB takes a few KB in it. Whoever has the file can make every table again, compare runs
of their own with its runs user by user, and go on where it ends: `reproduce` takes a run from it as
finished.
"""

import io
import json
import lzma
import os
import pathlib
import tarfile
import tempfile
import tomllib

import pandas as pd
import tomli_w

from deca_tf._files import UNFINISHED
from deca_tf.runs.folder import RunFolder

FINDINGS = "derived/**/*.json"  # what took a model to find out, see `derived`
# Of users; the other lengths of list would make the file five times as large.
COLUMNS = ("user_id", "is_warm", "recall@20", "ndcg@20")


def write(root, path):
    """Writes an archive of all finished runs, baselines and findings below a folder.

    Args:
        root: folder of the runs.
        path: `.tar.xz` file, replaced at once when it is complete.

    Returns:
        The number of files in it.
    """
    root, path = pathlib.Path(root), pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    files = sorted(_files(root))
    descriptor, begun = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
    try:
        with (
            os.fdopen(descriptor, "wb") as stream,
            tarfile.open(fileobj=stream, mode="w:xz") as archive,
        ):
            for file in files:
                entry = tarfile.TarInfo(file.relative_to(root).as_posix())
                content = _content(file)
                entry.size, entry.mtime = len(content), int(file.stat().st_mtime)
                archive.addfile(entry, io.BytesIO(content))
        pathlib.Path(begun).chmod(0o644)  # mkstemp keeps it to oneself
        pathlib.Path(begun).replace(path)
    except BaseException:
        pathlib.Path(begun).unlink(missing_ok=True)
        raise
    return len(files)


def extract(path, root):
    """Takes from an archive the runs that a folder lacks.

    Args:
        path: of the archive.
        root: folder of the runs; what is there stays as it is.

    Returns:
        The number of runs that were taken.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no such archive.
    """
    root = pathlib.Path(root)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=root) as begun:
        try:
            with tarfile.open(path, "r:xz") as archive:
                _unpack(archive, pathlib.Path(begun))
        except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
            raise ValueError(
                "`archive` must be a file that `python -m reproduction --archive` wrote. Received: "
                f"{os.fspath(path)!r}, "
                f"which cannot be read ({error}). Name another, or delete it to begin a new one."
            ) from None
        begun = pathlib.Path(begun)
        finished = {file.parent for file in begun.rglob("metrics.json")}
        runs = [
            folder for folder in finished if not finished & set(folder.parents)
        ]  # a prior lies within its run
        findings = [file for file in begun.glob(FINDINGS) if file.is_file()]
        taken = [
            path for path in (*runs, *findings) if not (root / path.relative_to(begun)).exists()
        ]
        for path in taken:
            place = root / path.relative_to(begun)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.rename(place)
    return len(set(taken) & set(runs))


def _unpack(archive, folder):
    """As `TarFile.extractall(filter="data")`, which Python has since 3.11.4 only.

    Files alone, none outside.
    """
    for entry in archive:
        place = pathlib.PurePosixPath(entry.name)
        if not entry.isfile() or place.is_absolute() or ".." in place.parts:
            raise tarfile.ReadError(f"{entry.name!r} is no file below the folder of the runs")
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(archive.extractfile(entry).read())
        os.utime(file, (entry.mtime, entry.mtime))  # findings must not be older than their runs


def _files(root):
    for metrics in root.rglob("metrics.json"):
        if not any(part.startswith(UNFINISHED) for part in metrics.relative_to(root).parts):
            run = RunFolder(metrics.parent)
            kept = (
                run.metrics_file,
                run.config_file,
                run.data_file,
                run.history_file,
                run.users_file,
            )
            yield from (file for file in kept if file.is_file())
    yield from root.glob(FINDINGS)


def _content(file):
    """A file's bytes, without where the data lay on the machine and what takes up room."""
    run = RunFolder(file.parent)
    if file.name == run.users_file.name:
        return _users(file)
    if file.name == run.config_file.name:
        return tomli_w.dumps(_elsewhere(tomllib.loads(file.read_text(encoding="utf-8")))).encode()
    if file.name == run.metrics_file.name:
        metrics = json.loads(file.read_text(encoding="utf-8"))
        if "config" in metrics:  # a baseline has none
            metrics["config"] = _elsewhere(metrics["config"])
        return (json.dumps(metrics, indent=2) + "\n").encode()
    return file.read_bytes()


def _elsewhere(config):
    """Settings without `data.data_dir`, in which runs may differ and be the same run."""
    return {
        **config,
        "data": {key: value for key, value in config["data"].items() if key != "data_dir"},
    }


def _users(file):
    """A run's users with a few columns, laid out so that `xz` sees what runs have in common."""
    known = pd.read_parquet(file)
    content = io.BytesIO()
    known[[name for name in COLUMNS if name in known]].to_parquet(
        content, index=False, compression=None, use_dictionary=False
    )
    return content.getvalue()
