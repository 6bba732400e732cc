"""Runs the server until it is told to stop."""

import contextlib
import logging
import socket

import uvicorn

from deca_tf.serving.server._grpc_service import make_server
from deca_tf.serving.server._model_pool import ModelPool
from deca_tf.serving.server._rest import make_app

MAX_BYTES = 4 * 2**20  # of a request


def serve(
    folder,
    name,
    *,
    host="127.0.0.1",
    rest_port=8501,
    grpc_port=8500,
    max_bytes=MAX_BYTES,
    threads=8,
    ready=None,
):
    """Serves a folder of versions over REST and gRPC until Ctrl-C, for development.

    No encryption, no authentication.

    Args:
        folder: what `export` was given.
        name: of the model in requests.
        host: address to listen at; the default is reachable from this machine alone.
        rest_port, grpc_port: 0: any that is free.
        max_bytes: of a request.
        threads: that answer gRPC.
        ready: called with the two ports as soon as requests may be sent.

    Raises:
        FileNotFoundError: there is no complete version.
        OSError: a port is taken.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    rest_socket = _listen(host, rest_port)
    pool = ModelPool(folder, name)
    try:
        try:
            address = f"[{host}]:{grpc_port}" if ":" in host else f"{host}:{grpc_port}"
            grpc_server, grpc_port = make_server(pool, address, max_bytes, threads)
        except RuntimeError as error:
            raise OSError(
                f"Port {grpc_port} must be free for gRPC. Received: {error}. Name another one."
            ) from error
        grpc_server.start()
        try:
            if ready is not None:
                ready(rest_socket.getsockname()[1], grpc_port)
            config = uvicorn.Config(
                make_app(pool, max_bytes), log_level="warning", timeout_graceful_shutdown=5
            )
            with contextlib.suppress(
                KeyboardInterrupt
            ):  # Ctrl-C is how it is ended; uvicorn raises it once more
                uvicorn.Server(config).run(sockets=[rest_socket])
        finally:
            grpc_server.stop(grace=5).wait()
    finally:
        pool.close()
        rest_socket.close()


def _listen(host, port):
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # who comes before the server is ready waits, and is not turned away
    except OSError as error:
        listener.close()
        raise OSError(
            f"Port {port} of {host} must be free for REST. Received: {error}. Name another one."
        ) from error
    return listener
