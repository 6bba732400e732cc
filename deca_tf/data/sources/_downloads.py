"""Downloads through TensorFlow Datasets, which keeps them in its cache.

At once a clear error without a network.
"""

import importlib
import pathlib
import queue
import threading
import urllib.parse

from deca_tf.data.sources.data_directory import VARIABLE

COLLECTION = "deca_release"  # the folder of the released files in TFDS's cache
DEADLINE = 10  # seconds within which a server must answer


def import_tfds(*needed):
    """TensorFlow Datasets, imported late.

    Args:
        *needed: other modules that what follows needs.

    Raises:
        ImportError: one of them is not installed.
    """
    modules = ("tensorflow_datasets", *needed)
    try:
        tfds, *_ = [importlib.import_module(module) for module in modules]
    except ModuleNotFoundError as error:
        if error.name not in modules:
            raise
        raise ImportError(
            f"Downloads and MovieLens require the modules {' and '.join(modules)}. Received: no "
            "module named "
            f"{error.name!r}. Install it: `pip install {error.name.replace('_', '-')}`."
        ) from None
    return tfds


def download(files, origin, manager=None):
    """Downloads files by TFDS's download manager.

    It checks their sha256 and keeps them in its cache.

    What lies in that cache already, under the name that TFDS gives it, is used without asking the
    network.

    Args:
        files: list of `VerifiedFile` with urls.
        origin: one sentence for the error message saying where the files come from.
        manager: the `tfds.download.DownloadManager` to download with, or None: one that shares
            TFDS's own cache.

    Returns:
        A list of `pathlib.Path`. What came from the cache is not verified yet.

    Raises:
        FileNotFoundError: the download failed, as it does within seconds without a network.
        ImportError: TensorFlow Datasets is not there.
        ValueError: what arrived is not the file (its checksum differs).
    """
    tfds = import_tfds()
    known = url_infos(files)
    try:
        if manager is None:
            folder = pathlib.Path(tfds.core.constants.DATA_DIR, "downloads")
            manager = tfds.download.DownloadManager(
                download_dir=folder, url_infos=known, dataset_name=COLLECTION
            )
        paths = {
            file.url: cached(
                file.url,
                file.sha256 if file.url in known else None,
                manager.download_dir,
                COLLECTION,
            )
            for file in files
        }
        missing = [url for url, path in paths.items() if path is None]
        for url in missing:
            check_reachable(url)
        if missing:
            paths.update(zip(missing, manager.download(missing), strict=True))
    except tfds.download.download_manager.NonMatchingChecksumError as error:
        raise ValueError(f"A download must be the original file. Received: {error}") from None
    except (OSError, tfds.download.DownloadError) as error:
        raise download_failure(
            error, "The files", origin, "them into a folder `deca` of the data directory"
        ) from None
    return [pathlib.Path(paths[file.url]) for file in files]


def download_failure(error, what, origin, copied):
    """The `FileNotFoundError` that says how to go on where a network gave `error`."""
    first_line = (str(error).splitlines() or [""])[0]
    return FileNotFoundError(
        f"{what} could not be downloaded. Received: {type(error).__name__}: {first_line[:400]}. "
        f"{origin} Without a "
        f"network, copy {copied} and name the data directory by `data_dir` or the "
        "environment variable "
        f"{VARIABLE}."
    )


def cached(url, sha256, folder, dataset_name):
    """Path of a download in TFDS's cache, under the name that TFDS gives it, or None.

    Args:
        url: its address.
        sha256: of its bytes, or None where TFDS is not told.
        folder: TFDS's download folder.
        dataset_name: the part of it where TFDS looks first.
    """
    from tensorflow_datasets.core.download import resource

    name = resource.get_dl_fname(url, sha256)
    paths = [pathlib.Path(folder, part, name) for part in (dataset_name, "")]
    return next((path for path in paths if path.is_file()), None)


def check_reachable(url):
    """Asks for a url once, as TFDS would (same proxies, same certificates).

    TFDS itself retries for minutes.

    Raises:
        OSError: no answer within `DEADLINE` seconds, whatever the name server, the proxy or the
            host does, or a refusal.
    """
    answers = queue.SimpleQueue()
    # A thread, because looking a name up cannot be given a time limit; it dies with the process.
    threading.Thread(target=_ask, args=(url, answers), daemon=True).start()
    try:
        error = answers.get(timeout=DEADLINE)
    except queue.Empty:
        host = urllib.parse.urlsplit(url).hostname
        raise TimeoutError(f"{host} did not answer within {DEADLINE} seconds") from None
    if error is not None:
        raise error


def _ask(url, answers):
    """Puts None, or the error, into the queue `answers`."""
    import requests  # which TFDS downloads with

    try:
        with requests.get(url, stream=True, timeout=DEADLINE) as response:
            response.raise_for_status()
    except OSError as error:  # all that `requests` raises is one
        answers.put(error)
    except Exception as error:
        answers.put(OSError(f"{type(error).__name__}: {error}"))
    else:
        answers.put(None)


def url_infos(files):
    """What TFDS checks a download against, `{url: UrlInfo}`.

    It is of the files whose sha256 and size are known.
    """
    from tensorflow_datasets.core.download.checksums import UrlInfo

    known = [
        file
        for file in files
        if file.sha256 is not None and file.size is not None and file.url is not None
    ]
    return {
        file.url: UrlInfo(
            size=file.size, checksum=file.sha256, filename=pathlib.PurePosixPath(file.path).name
        )
        for file in known
    }
