"""Files that are never half there.

Written beside their place and renamed into it, folders that one process has.
"""

import contextlib
import os

try:
    import fcntl
except ImportError:  # Windows, where nothing keeps two processes apart
    fcntl = None  # type: ignore[assignment]

UNFINISHED = "writing-"  # begins the names of files that are not written to their end
INPUT = "stdin"  # begins the name of the copy of standard input in a run's folder


class OtherSettingsError(FileExistsError):
    """A folder holds work with other settings.

    Args:
        message: in Python's words.
        path: of the folder.
        differences: `[(setting, value before, value now)]`, settings as `table.key`.
    """

    def __init__(self, message, path, differences):
        super().__init__(message)
        self.path = path
        self.differences = differences


@contextlib.contextmanager
def locked(path, refusal):
    """Keeps other processes out of a folder.

    When this one ends, however it does, the folder is free again.

    Args:
        path: of the folder.
        refusal: what to say if another process has it.

    Raises:
        FileExistsError: another process has it.
    """
    if fcntl is None:
        yield
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        if not _lock(folder):
            raise FileExistsError(refusal)
        yield
    finally:
        os.close(folder)


def _lock(descriptor):
    """Whether it is ours now; true too on a file system that cannot lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


@contextlib.contextmanager
def written_beside(path):
    """A place to write a file to, which is renamed to `path` at the end, or is gone.

    Yields:
        The path to write to.
    """
    beside = path.with_name(f"{UNFINISHED}{path.name}")
    try:
        yield beside
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_atomically(path, text):
    """Writes a text file beside its place, then renames it there."""
    with written_beside(path) as beside:
        beside.write_text(text, encoding="utf-8")
