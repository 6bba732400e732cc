"""Does the small server hold? Many clients at once, a version swapped in the middle.

Errors, requests/s, memory.

    python -m benchmarks.serving_load --clients 50 --seconds 60

The server runs in a process of its own, as `deca-tf serve` does, on a random model; clients ask
over gRPC, every fourth over REST.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

USERS, ITEMS = 20_000, 10_000
SERVE = "from deca_tf.cli.main import main; main()"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=50, help="at once (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="how long (default: %(default)s)"
    )
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = _measure(pathlib.Path(folder) / "random", arguments.clients, arguments.seconds)
    for name, value in results.items():
        print(f"{name:24} {value}")
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")


def _measure(folder, clients, seconds):
    import numpy as np

    from deca_tf.serving.client import Client

    publish = _publisher(folder)
    publish()
    command = [sys.executable, "-c", SERVE, "serve", str(folder), "--port", "0", "--grpc-port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        rest, grpc = next(
            found.groups()
            for line in server.stdout
            if (found := re.search(r"at (http://\S+)/ .* gRPC at (\S+)\. ", line))
        )
        latencies, errors, stop = [], [], threading.Event()

        def ask(number):
            rng = np.random.default_rng(number)
            with Client(grpc if number % 4 else rest, "random", timeout=30, retries=0) as client:
                while not stop.is_set():
                    began = time.perf_counter()
                    try:
                        client.recommend(
                            [f"user {user}" for user in rng.integers(0, USERS, 1 + number % 8)]
                        )
                        latencies.append(time.perf_counter() - began)
                    except Exception as error:
                        errors.append(repr(error))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        memory = []
        for part in range(6):
            time.sleep(seconds / 6)
            memory.append(_resident(server.pid))
            if part == 2:
                publish()
        stop.set()
        for thread in threads:
            thread.join()
        with Client(grpc, "random") as client:
            states = client.status()
    finally:
        server.terminate()
        server.wait()
    return {
        "clients": clients,
        "requests": len(latencies),
        "requests_per_second": round(len(latencies) / seconds, 1),
        "errors": len(errors),
        "first_errors": errors[:3],
        "p50_ms": round(float(np.percentile(latencies, 50)) * 1e3, 1),
        "p99_ms": round(float(np.percentile(latencies, 99)) * 1e3, 1),
        "resident_MB": memory,
        "versions": states,
    }


def _publisher(folder):
    """A function that publishes a version of a random model."""
    import numpy as np

    from deca_tf.backbones import MF
    from deca_tf.data import Interactions, LeakReport, Split
    from deca_tf.serving import export

    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(USERS, dtype=np.int32), 20)
    items = rng.integers(0, ITEMS, len(users)).astype(np.int32)
    raw = (
        np.array([f"user {u}" for u in range(USERS)]),
        np.array([f"item {i}" for i in range(ITEMS)]),
    )
    train = Interactions(users, items, *raw).distinct()
    rest = train.take(np.arange(2))
    split = Split(train, rest, rest, protocol="paper", name="random", leaks=LeakReport())
    return lambda: export(MF(USERS, ITEMS), split, folder)


def _resident(pid):
    """Megabytes of a process in memory."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024


if __name__ == "__main__":
    main()
