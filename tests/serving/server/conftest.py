"""A server in a process of its own, on a folder that tests may publish to."""

import dataclasses
import re
import subprocess
import sys
import threading

import pytest

from deca_tf.serving import export

SAID = re.compile(r"Serving '.+' at (http://[\d.]+:\d+)/ .* gRPC at ([\d.]+:\d+)")
START = "from deca_tf.cli.main import main; main()"


@dataclasses.dataclass
class Server:
    """A running server."""

    folder: object
    rest: str
    grpc: str
    process: object
    said: list

    @property
    def addresses(self):
        return {"rest": self.rest, "grpc": self.grpc}


@pytest.fixture(scope="session")
def start_server():
    """Function from a folder and options to a `Server`; all are ended in the end."""
    running = []

    def start(folder, *options):
        command = [
            sys.executable,
            "-c",
            START,
            "serve",
            str(folder),
            "--port",
            "0",
            "--grpc-port",
            "0",
            *options,
        ]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        running.append(process)
        said = []
        for line in process.stdout:
            said.append(line)
            found = SAID.search(line)
            if found:
                # What it says from now on is read as well, or it would wait for a reader in the
                # end.
                threading.Thread(target=lambda: said.extend(process.stdout), daemon=True).start()
                return Server(folder, *found.groups(), process, said)
        raise AssertionError("".join(said))

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(timeout=60)


@pytest.fixture(scope="session")
def server(split, make_target, tmp_path_factory, start_server):
    """A `Server` of a model with titles and k of 3 and 10."""
    folder = tmp_path_factory.mktemp("models") / "toy"
    titles = {f"Stück {i}": f"Titel <b>{i}</b>" for i in range(50)}
    export(make_target("gmf"), split, folder, k=(3, 10), titles=titles)
    return start_server(folder)
