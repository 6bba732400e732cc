"""REST, at TensorFlow Serving's paths."""

import html
import pathlib
import re

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from deca_tf.serving.server._grpc_service import signature_map
from deca_tf.serving.server._model_pool import AVAILABLE, END, UnknownModelError
from deca_tf.serving.server._rest_format import format_answer, parse_request

PAGE = pathlib.Path(__file__).with_name("page.html")
_MODEL = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?(?P<verb>:predict|/metadata)?"
)


def make_app(pool, max_bytes):
    """The web application.

    Args:
        pool: `ModelPool`.
        max_bytes: of a request; larger ones are refused before they are read.
    """

    async def model(request):
        place = _MODEL.fullmatch(request.url.path)
        if place is None:
            return _error(404, f"Malformed request: {request.method} {request.url.path}")
        which = place["name"], int(place["version"]) if place["version"] else None, place["label"]
        try:
            if request.method == "POST" and place["verb"] == ":predict":
                body = await _body(request, max_bytes)
                return Response(
                    await run_in_threadpool(_predict, pool, which, body),
                    media_type="application/json",
                )
            if request.method == "GET" and place["verb"] == "/metadata":
                return JSONResponse(_metadata(pool, which))
            if request.method == "GET" and place["verb"] is None:
                return JSONResponse(_status(pool, which))
        except UnknownModelError as error:
            return _error(404, str(error))
        except _TooLargeError:
            return _error(413, f"Requests may have {max_bytes:,} bytes.")
        except ValueError as error:
            return _error(400, str(error))
        return _error(404, f"Malformed request: {request.method} {request.url.path}")

    def page(request):
        return HTMLResponse(
            PAGE.read_text(encoding="utf-8").replace("{{ model }}", html.escape(pool.name))
        )

    return Starlette(
        routes=[Route("/", page), Route("/v1/models/{rest:path}", model, methods=["GET", "POST"])],
    )


class _TooLargeError(Exception):
    pass


async def _body(request, max_bytes):
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _TooLargeError
    return bytes(body)


def _predict(pool, which, body):
    version = pool.get(*which)
    signature, inputs, in_rows = parse_request(body, version.specs)
    return format_answer(version.answer(signature, inputs), in_rows)


def _metadata(pool, which):
    from google.protobuf.json_format import MessageToDict

    version = pool.get(*which)
    signatures = MessageToDict(signature_map(version), preserving_proto_field_name=True)
    spec = {"name": pool.name, "signature_name": "", "version": str(version.number)}
    return {"model_spec": spec, "metadata": {"signature_def": signatures}}


def _status(pool, which):
    name, version, label = which
    if name != pool.name or label is not None or version is not None:
        version = pool.get(*which).number
    states = {number: state for number, state in pool.states.items() if version in (None, number)}
    return {
        "model_version_status": [
            {
                "version": str(number),
                "state": state.partition(":")[0],
                "status": {
                    "error_code": "UNKNOWN" if state.startswith(f"{END}:") else "OK",
                    "error_message": state.partition(": ")[2],
                },
            }
            for number, state in sorted(
                states.items(), key=lambda pair: (pair[1] != AVAILABLE, -pair[0])
            )
        ]
    }


def _error(code, text):
    return JSONResponse({"error": text}, status_code=code)
