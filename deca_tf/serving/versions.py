"""Version folders: `<folder>/<integer>/`, which appear whole or not at all and are never overwritten."""

import contextlib
import errno
import pathlib
import shutil
import uuid

SIGNATURE = "serving_default"
MANIFEST = "assets.extra/manifest.json"
# TensorFlow Serving looks only for integers, so it passes by what is still being written.
_UNFINISHED = "unfinished-"
_REQUIRED = ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001", MANIFEST)
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


def taken_versions(folder):
    """All integers that name something in the folder, complete or not, ascending."""
    names = [entry.name for entry in pathlib.Path(folder).iterdir()]
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


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
            f"`folder` must be an existing folder with exported versions. Received: folder='{folder}'. "
            "Write one with `deca_tf.export(target, split, folder)`."
        )
    complete = {
        int(entry.name): entry
        for entry in folder.iterdir()
        if entry.name.isascii() and entry.name.isdigit() and all((entry / name).is_file() for name in _REQUIRED)
    }
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
    """Gives a scratch folder to write into; on success renames it to the next integer, on failure removes it.

    Yields:
        `(scratch, published)`: the folder to fill, and a list that holds the version's path afterwards.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(
            f"`folder` must be a folder, or a path where one can be made. Received: folder='{folder}', which is a file."
        )
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f"{_UNFINISHED}{uuid.uuid4().hex}"
    scratch.mkdir()
    published = []
    try:
        yield scratch, published
        while not published:
            path = folder / str(max(taken_versions(folder), default=0) + 1)
            try:
                published.append(scratch.rename(path))
            except OSError as error:  # another export took this number in between
                if error.errno not in _TAKEN:
                    raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # after the rename there is nothing by this name
