"""Files that must be byte for byte what their name says.

Found in a data directory or downloaded, then verified.
"""

import dataclasses
import hashlib
import pathlib

from deca_tf.data.sources import _downloads as downloads
from deca_tf.data.sources.data_directory import VARIABLE, find_data_dir


@dataclasses.dataclass(frozen=True)
class VerifiedFile:
    r"""A file with its checksum and its address.

    Args:
        path: relative to the folder of its collection.
        sha256: of its bytes, or None where only the git id is known.
        git_blob: SHA-1 of `blob <size>\0` and the bytes, which is how git names a file, or None.
        size: bytes, or None where unknown.
        url: where it can be downloaded, or None.
    """

    path: str
    sha256: str | None = None
    git_blob: str | None = None
    size: int | None = None
    url: str | None = None

    def verify(self, data, where):
        """Refuses bytes that are not this file's.

        Args:
            data: the bytes.
            where: the path they were read from, for the message.

        Raises:
            ValueError: naming the file, both checksums and the remedy.
        """
        if self.sha256 is not None:
            kind, expected, received = "sha256", self.sha256, hashlib.sha256(data).hexdigest()
        else:
            kind, expected = "git blob id", self.git_blob
            received = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        if received != expected:
            source = f" Remove it and fetch it again{f' from {self.url}' if self.url else ''}."
            raise ValueError(
                f"`{where}` must be the original file: {kind} {expected}. Received: {kind} "
                f"{received}, "
                f"{len(data):,} bytes. It was cut, changed, or had its line ends converted.{source}"
            )


def locate(files, data_dir, folders, origin, manager=None):
    """Paths of the files, in the data directory if one is named, else downloaded.

    Args:
        files: list of `VerifiedFile`.
        data_dir: as for `find_data_dir`.
        folders: where the collection may lie in the data directory, tried in turn, for example
            `("deca", ".")`.
        origin: one sentence for the error message saying where the files come from.
        manager: the `tfds.download.DownloadManager` to download with, or None: one of our own.

    Returns:
        A list of `pathlib.Path`, one per file. Their bytes are not verified yet: `read` does that.

    Raises:
        FileNotFoundError: the directory or a file is absent, or the download failed.
    """
    root = find_data_dir(data_dir, origin)
    if root is None:
        return downloads.download(files, origin, manager)
    for folder in folders:
        paths = [root / folder / file.path for file in files]
        if all(path.is_file() for path in paths):
            return paths
    absent = [
        [path for path in (root / folder / file.path for file in files) if not path.is_file()]
        for folder in folders
    ]
    otherwise = "; with neither, they are downloaded" if all(file.url for file in files) else ""
    raise FileNotFoundError(
        f"The data directory must hold {', '.join(f'`{path}`' for path in min(absent, key=len))}. "
        "Received: "
        f"data_dir={str(root)!r} without. {origin} Name the folder that has them by `data_dir` or "
        "the "
        f"environment variable {VARIABLE}{otherwise}."
    )


def read(file, path):
    """The verified bytes of a file.

    Args:
        file: the `VerifiedFile` it must be.
        path: where it lies.

    Raises:
        ValueError: the bytes are not that file's.
    """
    data = pathlib.Path(path).read_bytes()
    file.verify(data, path)
    return data
