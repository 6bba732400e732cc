"""Files that must be byte for byte what their name says: found in a data directory or downloaded, then verified."""

import dataclasses
import hashlib
import os
import pathlib
import socket
import urllib.parse
import urllib.request

DATA_DIR_VARIABLE = "DECA_TF_DATA_DIR"
DOWNLOADS = "deca_release"  # the folder of these files in TFDS's download cache


@dataclasses.dataclass(frozen=True)
class VerifiedFile:
    """A file with its checksum and its address.

    Args:
        path: relative to the folder of its collection.
        sha256: of its bytes, or None where only the git id is known.
        git_blob: SHA-1 of `blob <size>\\0` and the bytes, which is how git names a file, or None.
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
            source = f" Fetch it again from {self.url}." if self.url else " Fetch it again."
            raise ValueError(
                f"`{where}` must be the original file: {kind} {expected}. Received: {kind} {received}, "
                f"{len(data):,} bytes. It was cut, changed, or had its line ends converted.{source}"
            )


def find_data_dir(data_dir=None):
    """The data directory: the argument, else the environment variable DECA_TF_DATA_DIR, else None (download).

    Raises:
        FileNotFoundError: the named directory does not exist.
    """
    origin = "data_dir" if data_dir is not None else DATA_DIR_VARIABLE
    named = data_dir if data_dir is not None else os.environ.get(DATA_DIR_VARIABLE) or None
    if named is None:
        return None
    folder = pathlib.Path(named).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The data directory must be an existing folder. Received: {origin}={str(named)!r}. Correct the path given "
            f"by --data-dir (`data_dir`) or the environment variable {DATA_DIR_VARIABLE}; with neither, "
            "public data sets are downloaded."
        )
    return folder


def locate(files, data_dir, folders, origin, manager=None):
    """Paths of the files, in the data directory if one is named, else downloaded.

    Args:
        files: list of `VerifiedFile`.
        data_dir: as for `find_data_dir`.
        folders: where the collection may lie in the data directory, tried in turn, for example `("deca", ".")`.
        origin: one sentence for the error message saying where the files come from.
        manager: the `tfds.download.DownloadManager` to download with, or None: one of our own.

    Returns:
        A list of `pathlib.Path`, one per file. Their bytes are not verified yet: `read` does that.

    Raises:
        FileNotFoundError: the directory or a file is absent, or the download failed.
    """
    root = find_data_dir(data_dir)
    if root is None:
        return download(files, origin, manager)
    for folder in folders:
        paths = [root / folder / file.path for file in files]
        if all(path.is_file() for path in paths):
            return paths
    missing = [str(root / folders[0] / file.path) for file in files if not (root / folders[0] / file.path).is_file()]
    raise FileNotFoundError(
        f"The data directory must hold {', '.join(f'`{path}`' for path in missing)}. Received: data_dir={str(root)!r} "
        f"without. {origin} Name the folder that has them by --data-dir (`data_dir`) or the environment variable "
        f"{DATA_DIR_VARIABLE}; with neither, they are downloaded."
    )


def download(files, origin, manager=None):
    """Downloads files by TFDS's download manager, which checks their sha256 and keeps them in its cache.

    Args:
        files: list of `VerifiedFile` with urls.
        origin: one sentence for the error message saying where the files come from.
        manager: the `tfds.download.DownloadManager` to download with, or None: one that shares TFDS's own cache.

    Returns:
        A list of `pathlib.Path`.

    Raises:
        FileNotFoundError: the download failed, as it does without a network.
        ValueError: what arrived is not the file (its checksum differs).
    """
    import tensorflow_datasets as tfds

    known = url_infos(files)
    if manager is None:
        folder = os.path.join(tfds.core.constants.DATA_DIR, "downloads")
        manager = tfds.download.DownloadManager(download_dir=folder, url_infos=known, dataset_name=DOWNLOADS)
    try:
        for file in files:
            if not is_cached(file.url, file.sha256 if file.url in known else None, manager.download_dir, DOWNLOADS):
                check_reachable(file.url)
        return [pathlib.Path(path) for path in manager.download([file.url for file in files])]
    except tfds.download.download_manager.NonMatchingChecksumError as error:
        raise ValueError(f"A download must be the original file. Received: {error}") from None
    except (OSError, tfds.download.DownloadError) as error:
        raise download_failure(error, "The files", origin, "them") from None


def download_failure(error, what, origin, copied):
    """The `FileNotFoundError` that says how to go on where a network gave `error`."""
    first_line = (str(error).splitlines() or [""])[0]
    return FileNotFoundError(
        f"{what} could not be downloaded. Received: {type(error).__name__}: {first_line[:200]}. {origin} Without a "
        f"network, copy {copied} and name the data directory by --data-dir (`data_dir`) or the environment variable "
        f"{DATA_DIR_VARIABLE}."
    )


def is_cached(url, sha256, folder, dataset_name):
    """Whether TFDS has this download already, under the name that it gives it."""
    from tensorflow_datasets.core.download import resource

    name = resource.get_dl_fname(url, sha256)
    return any(os.path.exists(os.path.join(folder, part, name)) for part in (dataset_name, ""))


def check_reachable(url, timeout=10):
    """Fails at once without a network, where TFDS's downloader would retry for minutes. Not asked behind a proxy.

    Raises:
        OSError: the host does not answer.
    """
    if not urllib.request.getproxies():
        address = urllib.parse.urlsplit(url)
        socket.create_connection((address.hostname, address.port or 443), timeout=timeout).close()


def url_infos(files):
    """What TFDS checks a download against, `{url: UrlInfo}`, for the files whose sha256 and size are known."""
    from tensorflow_datasets.core.download.checksums import UrlInfo

    known = [file for file in files if file.sha256 is not None and file.size is not None and file.url is not None]
    return {
        file.url: UrlInfo(size=file.size, checksum=file.sha256, filename=os.path.basename(file.path)) for file in known
    }


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
