"""The server speaks TensorFlow Serving's REST and gRPC, and so does the client.

The client speaks to the real server too, where it is.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import numpy as np
import pytest
import requests

from deca_tf.serving import export
from deca_tf.serving.client import Client, ServerError

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)


@pytest.fixture(scope="module")
def real_server(server):
    """Addresses of TensorFlow Serving itself on the same folder.

    They are there where TF_MODEL_SERVER_BIN names it.
    """
    binary = os.environ.get("TF_MODEL_SERVER_BIN")
    if not binary:
        pytest.skip("TF_MODEL_SERVER_BIN does not name a tensorflow_model_server")
    ports = 18500, 18501
    flags = [f"--port={ports[0]}", f"--rest_api_port={ports[1]}", "--model_name=toy"]
    process = subprocess.Popen([binary, *flags, f"--model_base_path={server.folder}"])
    try:
        for _ in range(120):
            try:
                requests.get(
                    f"http://127.0.0.1:{ports[1]}/v1/models/toy", timeout=1
                ).raise_for_status()
                break
            except requests.RequestException:
                time.sleep(0.5)
        yield {"grpc": f"127.0.0.1:{ports[0]}", "rest": f"http://127.0.0.1:{ports[1]}"}
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture(params=["rest", "grpc", "real rest", "real grpc"])
def client(request, server):
    kind, _, transport = request.param.rpartition(" ")
    addresses = request.getfixturevalue("real_server") if kind else server.addresses
    with Client(addresses[transport], "toy", timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def target(make_target):
    return make_target("gmf")


def ids(answer):
    return [item.item_id for item in answer.items]


def test_recommendations_come_back_typed(client, split, target, expect):
    known, unicode, stranger, seen_all = client.recommend(
        ["user 9", split.train.raw_user_ids[4], "nobody", "user 0"], k=10
    )
    for answer, user in ((known, 9), (unicode, 4), (stranger, None)):
        expected = expect(target, user, 10)
        assert ids(answer) == expected.items
        np.testing.assert_allclose(
            [item.score for item in answer.items], expected.scores, rtol=1e-5
        )
        assert answer.known is expected.known
    assert seen_all.items == ()
    assert known.items[0].title == f"Titel <b>{known.items[0].item_id.split()[1]}</b>"
    assert [len(answer.items) for answer in client.recommend(["user 9"])] == [3]
    assert client.recommend([]) == []


def test_all_questions_are_answered(client, split):
    (best,) = client.recommend(["user 9"], k=10)
    (rest,) = client.recommend_excluding(["user 9"], [[ids(best)[0], "nothing like it"]], k=10)
    assert ids(rest)[:9] == ids(best)[1:] and rest.unknown_items == 1
    first, second = client.recommend_from_history([["Stück 4"], ["Stück 4", "Stück 9", "nothing"]])
    assert first.known and (first.unknown_items, second.unknown_items) == (0, 1)
    (similar, unknown) = client.similar_items(["Stück 4", "nothing"])
    assert similar.known and len(similar.items) == 3 and unknown.items == () and not unknown.known
    pair, stranger = client.score(["user 9", "nobody"], ["Stück 4", "Stück 4"])
    assert 0 < pair.probability < 1 and pair.known and pair.posterior is None
    assert (stranger.probability, stranger.known) == (0.0, False)
    (history,) = client.history(["user 9"])
    assert sorted(ids(history)) == sorted(f"Stück {i}" for i in split.seen().to_csr()[[9]].indices)
    probabilities = [item.probability for item in history.items]
    assert probabilities == sorted(probabilities)


def test_it_tells_what_it_has(client):
    assert client.status() == {1: "AVAILABLE"}
    assert set(client.signatures()["recommend_10"]) == {"item_id", "score", "title", "known_user"}


@pytest.mark.parametrize("transport", ["rest", "grpc"])
@pytest.mark.parametrize(
    "options, match",
    [
        ({"model": "other"}, "Servable not found"),
        ({"model": "toy", "version": 8}, "Servable not found"),
        ({"model": "toy", "label": "canary"}, "version label"),
    ],
)
def test_what_is_not_there_is_an_error(transport, options, match, server):
    with (
        Client(server.addresses[transport], timeout=30, **options) as client,
        pytest.raises(ServerError, match=match),
    ):
        client.recommend(["user 9"])


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_a_k_that_was_not_exported_is_an_error(transport, server):
    with (
        Client(server.addresses[transport], "toy", timeout=30) as client,
        pytest.raises(ServerError, match="recommend_4"),
    ):
        client.recommend(["user 9"], k=4)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "127.0.0.1:9"])
def test_a_server_that_is_not_there_is_an_error(address):
    with Client(address, "toy", timeout=2, retries=0) as client, pytest.raises(ServerError):
        client.recommend(["user 9"])


def test_a_single_id_must_come_in_a_list(server):
    with (
        Client(server.rest, "toy") as client,
        pytest.raises(TypeError, match=r"must come in a list.*Write \['user 9'\]"),
    ):
        client.recommend("user 9")


def post(server, body, path="/v1/models/toy:predict"):
    answer = requests.post(server.rest + path, data=body, timeout=30)
    return answer.status_code, answer.json()


def test_rest_takes_rows_and_columns_and_refuses_the_rest(server):
    code, found = post(server, '{"instances": ["user 9"]}')
    assert code == 200 and set(found["predictions"][0]) == {
        "item_id",
        "score",
        "title",
        "known_user",
    }
    code, found = post(server, '{"inputs": ["user 9"]}')
    assert code == 200 and len(found["outputs"]["item_id"]) == 1
    assert post(server, '{"instances": ["user 9"]}', "/v1/models/toy/versions/1:predict")[0] == 200
    for body, said in (
        ("{", "JSON Parse error"),
        ('{"instances": [3]}', "not of expected type: string"),
        (
            '{"signature_name": "score", "inputs": {"user_id": ["a"], "item_id": []}}',
            "equally many",
        ),
        ('{"signature_name": "nothing", "inputs": []}', "not found"),
    ):
        code, found = post(server, body)
        assert code in (400, 404) and said in found["error"]
    assert post(server, "x" * (4 * 2**20 + 1))[0] == 413
    assert requests.get(server.rest + "/v1/models/toy:predict", timeout=30).status_code == 404
    assert requests.get(server.rest + "/v2", timeout=30).status_code == 404


def test_a_new_version_takes_over_without_a_failed_request(
    split, make_target, tmp_path, start_server
):
    folder = tmp_path / "toy"
    export(make_target("mf"), split, folder, k=3)
    server = start_server(folder)
    asked, errors, stop = [0], [], threading.Event()

    def ask():
        with Client(server.grpc, "toy", timeout=30, retries=0) as client:
            while not stop.is_set():
                try:
                    assert len(client.recommend(["user 9"])[0].items) == 3
                    asked[0] += 1
                except Exception as error:
                    errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        export(make_target("gmf"), split, folder, k=3)
        shutil.copytree(
            folder / "2", folder / "unfinished-3"
        )  # a half version would have no number
        (folder / "4").mkdir()
        with Client(server.grpc, "toy", timeout=30) as client:
            deadline = time.monotonic() + 60
            while client.status() != {1: "END", 2: "AVAILABLE"} and time.monotonic() < deadline:
                time.sleep(0.1)
            assert client.status() == {1: "END", 2: "AVAILABLE"}
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == [] and asked[0] > 0


def test_ctrl_c_ends_it_and_its_name_is_text_on_the_page(server, start_server):
    other = start_server(server.folder, "--name", '<i>"clicks"</i>')
    page = requests.get(other.rest, timeout=30).text
    assert '<h1 id="model">&lt;i&gt;&quot;clicks&quot;&lt;/i&gt;</h1>' in page and "<i>" not in page
    other.process.send_signal(signal.SIGINT)
    assert other.process.wait(timeout=60) == 0
    assert "Interrupted" not in "".join(other.said)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
def test_the_page_shows_recommendations_beside_the_history(server, tmp_path, split):
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
    ]
    flags += [f"--user-data-dir={tmp_path}", "--virtual-time-budget=10000", "--dump-dom"]
    done = subprocess.run(
        [BROWSER, *flags, f"{server.rest}/?user=user+9"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    with Client(server.rest, "toy", timeout=30) as client:
        (best,), (history,) = client.recommend(["user 9"]), client.history(["user 9"])
    rows = done.stdout.partition("<tbody>")[2]
    assert [row.split("</td>")[0] for row in rows.split("<tr")[1:4]] != []
    for item in best.items:
        title = item.title.replace("<", "&lt;").replace(">", "&gt;")
        assert f"<td>{title}</td><td>{item.score:.3f}</td>" in done.stdout
    noisy = sum(item.probability < 0.5 for item in history.items)
    assert done.stdout.count('class="noisy"') == noisy > 0
    assert done.stdout.count("<tr") == 2 + len(best.items) + len(history.items)


def test_the_page_needs_nothing_from_elsewhere():
    from deca_tf.serving.server._rest import PAGE

    assert "http" not in pathlib.Path(PAGE).read_text(encoding="utf-8").lower()
