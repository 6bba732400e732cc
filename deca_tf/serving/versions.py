"""Version folders `<folder>/<integer>/`: they appear whole or not at all, and stay as they are."""

import contextlib
import errno
import os
import pathlib
import shutil
import uuid

try:
    import fcntl
except ImportError:  # Windows, which has no such locks and opens no folders
    fcntl = None  # type: ignore[assignment]

MANIFEST = "assets.extra/manifest.json"
# TensorFlow Serving looks only for integers, so it passes by what is still being written.
_UNFINISHED = "unfinished-"
_WITHDRAWN = "withdrawn-"
_REQUIRED = (
    "saved_model.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
    MANIFEST,
)
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


def taken_versions(folder):
    """All integers that name something in the folder, or did until it was withdrawn; ascending."""
    withdrawn = [
        entry.name.removeprefix(_WITHDRAWN) for entry in pathlib.Path(folder).glob(f"{_WITHDRAWN}*")
    ]
    return sorted({*_integers(folder), *(int(name) for name in withdrawn if _is_integer(name))})


def complete_versions(folder):
    """The complete versions in a folder, `{number: path}`."""
    return {
        int(entry.name): entry
        for entry in pathlib.Path(folder).iterdir()
        if _is_integer(entry.name) and all((entry / name).is_file() for name in _REQUIRED)
    }


def find_version(folder, version=None):
    """The folder of the newest complete version, or of the one asked for.

    Args:
        folder: what `export` was given.
        version: integer; None means the newest.

    Returns:
        `pathlib.Path` of the version's folder.

    Raises:
        FileNotFoundError: the folder, or a complete version in it, does not exist.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            "`folder` must be an existing folder with exported versions. Received: "
            f"folder='{folder}'. "
            "Write one with `deca_tf.export(target, split, folder)`."
        )
    complete = complete_versions(folder)
    if not complete:
        hint = ""
        if (folder / "saved_model.pb").is_file():
            hint = f" This folder is itself a version: give the folder above it, '{folder.parent}'."
        raise FileNotFoundError(
            "`folder` must hold at least one complete version, a subfolder named by an integer. "
            f"Received: folder='{folder}'.{hint or ' Write one with `deca_tf.export(target, split, folder)`.'}"
        )
    if version is None:
        version = max(complete)
    if version not in complete:
        raise FileNotFoundError(
            f"`version` must be one of the complete versions {sorted(complete)} in '{folder}'. "
            f"Received: version={version!r}. Leave it out to take the newest."
        )
    return complete[version]


@contextlib.contextmanager
def new_version(folder):
    """A scratch folder to write into: on success it is renamed to the next integer, else removed.

    A writer that was killed leaves its scratch folder; the next one removes it.

    Yields:
        `(scratch, published)`: the folder to fill, and a list that holds the version's path
        afterwards.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(
            "`folder` must be a folder, or a path where one can be made. Received: "
            f"folder='{folder}', which is a file."
        )
    folder.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder)
    published = []
    with _scratch(folder) as scratch:
        yield scratch, published
        _sync(scratch)
        while not published:
            path = folder / str(max(taken_versions(folder), default=0) + 1)
            try:
                published.append(scratch.rename(path))
            except OSError as error:  # another export took this number in between
                if error.errno not in _TAKEN:
                    raise


def remove_old(folder, keep, spare=()):
    """Removes the oldest complete versions.

    Args:
        folder: what `export` was given.
        keep: how many of the newest stay.
        spare: numbers that stay as well.

    Returns:
        The numbers that were removed.
    """
    old = [version for version in sorted(complete_versions(folder))[:-keep] if version not in spare]
    for version in old:
        _remove(pathlib.Path(folder) / str(version))
    return old


def withdraw(folder, newest):
    """Takes versions newer than one out of service: a server that polls goes back to that one.

    They are renamed, not removed, and their numbers are never given again.

    Args:
        folder: what `export` was given.
        newest: number of the complete version that is to be the newest.

    Returns:
        Paths of the withdrawn versions, the newest first.

    Raises:
        FileNotFoundError: there is no such complete version.
    """
    find_version(folder, newest)
    folder = pathlib.Path(folder)
    numbers = [number for number in reversed(_integers(folder)) if number > newest]
    return [(folder / str(number)).rename(folder / f"{_WITHDRAWN}{number}") for number in numbers]


def _integers(folder):
    names = [entry.name for entry in pathlib.Path(folder).iterdir()]
    return sorted(int(name) for name in names if _is_integer(name))


def _is_integer(name):
    return name.isascii() and name.isdigit()


@contextlib.contextmanager
def _scratch(folder):
    """A new folder, locked as long as its writer lives.

    It is gone in the end unless it was renamed.
    """
    while True:
        scratch = folder / f"{_UNFINISHED}{uuid.uuid4().hex}"
        scratch.mkdir()
        with _locked(scratch) as locked:
            if locked is False or not scratch.is_dir():
                continue  # taken for an abandoned one before it could be locked
            try:
                yield scratch
            finally:
                # After the rename there is nothing by this name.
                shutil.rmtree(scratch, ignore_errors=True)
            return


def _remove_abandoned(folder):
    for entry in folder.glob(f"{_UNFINISHED}*"):
        with contextlib.suppress(FileNotFoundError), _locked(entry) as locked:
            if locked:
                shutil.rmtree(entry, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder):
    """Yields whether a folder could be locked; None where nothing can be."""
    if fcntl is None:
        yield None
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor):
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def _remove(version):
    """Removes a version's folder, of which nobody ever sees half."""
    doomed = version.with_name(f"{_UNFINISHED}{uuid.uuid4().hex}")
    version.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _sync(folder):
    """Makes sure that what was written is on the disk before it is published."""
    for path in (*folder.rglob("*"), folder) if fcntl else ():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
