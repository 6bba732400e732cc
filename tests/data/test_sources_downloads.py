"""Downloads: TFDS's cache comes first.

Whatever is wrong with the network, the error comes in seconds.

No test asks a network: names are not looked up, or the request goes to a closed or silent port of
this machine.
"""

import hashlib
import io
import socket
import sys
import time

import pytest

from deca_tf.data.sources import _downloads as downloads
from deca_tf.data.sources import _verified_files as verified_files

tfds = pytest.importorskip("tensorflow_datasets")

ORIGIN = "They come from somewhere."
CONTENT = {"train": b"1\t0\t5\r\n", "test": b"1\t1\t5\r\n"}
FILES = [
    verified_files.VerifiedFile(
        f"tiny/{name}",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        url=f"https://example.invalid/{name}",
    )
    for name, data in CONTENT.items()
]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """TFDS's download cache, empty; no proxy; no name is found; TFDS's own retries switched off."""
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DECA_TF_DATA_DIR", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    monkeypatch.setattr("tensorflow_datasets.core.download.downloader.MAX_RETRIES", 0)
    return tmp_path / "downloads" / "deca_release"


def not_found(host, *args, **options):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def put(folder, file, data):
    """Puts a file where TFDS would have kept it."""
    from tensorflow_datasets.core.download import resource

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / resource.get_dl_fname(file.url, file.sha256)
    path.write_bytes(data)
    return path


def test_what_lies_in_the_cache_is_not_asked_for(cache):
    kept = [put(cache, file, CONTENT[file.path[5:]]) for file in FILES]
    assert downloads.download(FILES, ORIGIN) == kept
    older = [put(cache.parent, file, CONTENT[file.path[5:]]) for file in FILES]
    for path in kept:
        path.unlink()
    assert verified_files.locate(FILES, None, ("deca",), ORIGIN) == older


def test_only_what_is_missing_is_asked_for(cache, monkeypatch):
    asked = []
    kept = put(cache, FILES[0], CONTENT["train"])

    class Manager:
        download_dir = cache.parent

        def download(self, urls):
            asked.extend(urls)
            return [cache / "new" for _ in urls]

    monkeypatch.setattr(downloads, "check_reachable", asked.append)
    assert downloads.download(FILES, ORIGIN, Manager()) == [kept, cache / "new"]
    assert asked == [FILES[1].url] * 2


def test_without_a_name_server_the_error_says_what_to_do(cache):
    started = time.monotonic()
    with pytest.raises(
        FileNotFoundError,
        match=rf"could not be downloaded. Received: ConnectionError.*{ORIGIN}.*folder `deca`.*`data_dir`",
    ) as caught:
        verified_files.locate(FILES, None, ("deca",), ORIGIN)
    assert time.monotonic() - started < 5
    assert caught.value.__suppress_context__


def test_a_name_server_that_never_answers(cache, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: time.sleep(5))
    monkeypatch.setattr(downloads, "DEADLINE", 0.2)
    with pytest.raises(
        FileNotFoundError, match="TimeoutError: example.invalid did not answer within 0.2 seconds"
    ):
        downloads.download(FILES, ORIGIN)


@pytest.mark.parametrize("listening", [False, True], ids=["closed", "silent"])
def test_a_proxy_that_does_not_serve(monkeypatch, listening):
    monkeypatch.setattr(downloads, "DEADLINE", 0.5)
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        if listening:
            proxy.listen()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("https_proxy", "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(OSError, match="proxy|did not answer within 0.5 seconds|timed out"):
            downloads.check_reachable(FILES[0].url)


def test_a_server_that_refuses(monkeypatch):
    import requests

    def send(adapter, request, **options):
        response = requests.Response()
        response.status_code, response.url, response.raw = 503, request.url, io.BytesIO()
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with pytest.raises(OSError, match="503 Server Error"):
        downloads.check_reachable(FILES[0].url)


def test_a_wrong_file_in_the_cache_is_refused_as_it_is_read(cache):
    path = put(cache, FILES[0], b"1\t1\t1")
    with pytest.raises(
        ValueError,
        match="must be the original file.*Remove it and fetch it again from https://example",
    ):
        verified_files.read(FILES[0], path)


@pytest.mark.parametrize("module", ["tensorflow_datasets", "importlib_resources"])
def test_a_missing_module_is_named_with_the_remedy(monkeypatch, module):
    monkeypatch.setitem(sys.modules, "importlib_resources", sys)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        ImportError, match=f"no module named '{module}'. Install it: `pip install {module[:9]}"
    ):
        downloads.import_tfds("importlib_resources")
