"""Two ways to a server: REST and gRPC. Each takes lists of strings and gives lists."""

import json

from deca_tf._extras import require_extra

MAX_BYTES = 64 * 2**20  # of an answer by gRPC, whose own limit is 4 MiB


class ServerError(RuntimeError):
    """A server that could not be reached, or that answered with an error.

    Args:
        message: a sentence.
        code: of HTTP, or the name of gRPC's status; None where there was no answer.

    Stability: provisional.
    """

    def __init__(self, message: str, code: int | str | None = None) -> None:
        super().__init__(message)
        self.code = code


class Rest:
    """TensorFlow Serving's REST, by Requests.

    Args:
        address: `http://host:8501`.
        model: its name.
        version, label: which one is asked; both None: the newest.
        timeout: seconds for each attempt.
        retries: attempts after the first, where the server could not be reached or was not ready.
    """

    def __init__(self, address, model, *, version=None, label=None, timeout=5.0, retries=2):
        import requests
        import urllib3

        which = (
            f"/versions/{version}"
            if version is not None
            else f"/labels/{label}"
            if label is not None
            else ""
        )
        self._model = f"{address.rstrip('/')}/v1/models/{model}{which}"
        self._timeout = timeout
        self._session = requests.Session()
        again = urllib3.Retry(
            total=retries,
            backoff_factor=0.1,
            status_forcelist=(502, 503, 504),
            allowed_methods=None,  # asking twice changes nothing
            raise_on_status=False,
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, requests.adapters.HTTPAdapter(max_retries=again))

    def predict(self, signature, inputs):
        """Asks a signature.

        Args:
            signature: its name.
            inputs: `{name: list of strings, or of lists of them}`.

        Returns:
            `{name: list}`.

        Raises:
            ServerError: see there.
        """
        body = json.dumps({"signature_name": signature, "inputs": inputs})
        outputs = self._ask("POST", f"{self._model}:predict", body)["outputs"]
        return outputs if isinstance(outputs, dict) else {"item_id": outputs}

    def signatures(self):
        """`{signature: names of its outputs}`."""
        found = self._ask("GET", f"{self._model}/metadata")["metadata"]["signature_def"][
            "signature_def"
        ]
        return {name: list(signature.get("outputs", {})) for name, signature in found.items()}

    def status(self):
        """State of each version, `{number: "AVAILABLE", ...}`."""
        states = self._ask("GET", self._model)["model_version_status"]
        return {int(state["version"]): state["state"] for state in states}

    def close(self):
        """Ends its connections."""
        self._session.close()

    def _ask(self, method, url, body=None):
        import requests

        try:
            answer = self._session.request(method, url, data=body, timeout=self._timeout)
        except requests.RequestException as error:
            raise ServerError(
                f"The server must be reachable by REST. Received: {url}, {error}. Is it running, "
                "and is this its REST "
                "port (8501)?"
            ) from error
        try:
            found = answer.json()
        except ValueError:
            found = {"error": answer.text[:200]}
        if answer.status_code != 200 or "error" in found:
            raise ServerError(
                f"{url} answered {answer.status_code}: {found.get('error')}", answer.status_code
            )
        return found


class Grpc:
    """TensorFlow Serving's gRPC, by its own stubs.

    Args:
        address: `host:8500`.
        model, version, label, timeout, retries: as for `Rest`.
    """

    def __init__(self, address, model, *, version=None, label=None, timeout=5.0, retries=2):
        require_extra("serving", "A client by gRPC", "tensorflow_serving")
        import grpc
        from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

        again = {
            "maxAttempts": max(2, min(retries + 1, 5)),  # what gRPC allows
            "initialBackoff": "0.1s",
            "maxBackoff": "2s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        }
        config = {"methodConfig": [{"name": [{}], "retryPolicy": again}]} if retries else {}
        self._address, self._timeout = address, timeout
        self._channel = grpc.insecure_channel(
            address,
            options=[
                ("grpc.service_config", json.dumps(config)),
                ("grpc.max_receive_message_length", MAX_BYTES),
            ],
        )
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)
        self._which = {"name": model}
        if version is not None:
            self._which["version"] = {"value": version}
        elif label is not None:
            self._which["version_label"] = label

    def predict(self, signature, inputs):
        """As `Rest.predict`."""
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest(
            model_spec={**self._which, "signature_name": signature}
        )
        for name, values in inputs.items():
            request.inputs[name].CopyFrom(
                tf.make_tensor_proto(values, tf.string, shape=_shape(values))
            )
        outputs = self._ask(self._predictions.Predict, request).outputs
        return {name: _plain(tf.make_ndarray(value)) for name, value in outputs.items()}

    def signatures(self):
        """As `Rest.signatures`."""
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=self._which, metadata_field=["signature_def"]
        )
        found = get_model_metadata_pb2.SignatureDefMap()
        self._ask(self._predictions.GetModelMetadata, request).metadata["signature_def"].Unpack(
            found
        )
        return {name: list(signature.outputs) for name, signature in found.signature_def.items()}

    def status(self):
        """As `Rest.status`."""
        from tensorflow_serving.apis import get_model_status_pb2

        request = get_model_status_pb2.GetModelStatusRequest(model_spec=self._which)
        states = self._ask(self._models.GetModelStatus, request).model_version_status
        return {
            state.version: get_model_status_pb2.ModelVersionStatus.State.Name(state.state)
            for state in states
        }

    def close(self):
        """Ends its connection."""
        self._channel.close()

    def _ask(self, method, request):
        import grpc

        try:
            return method(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise ServerError(
                f"{self._address} answered {error.code().name}: {error.details()}",
                error.code().name,
            ) from error


def _shape(values):
    """Of equally long lists of strings."""
    return (
        [len(values), len(values[0])] if values and isinstance(values[0], list) else [len(values)]
    )


def _plain(array):
    """An array as lists, bytes as text."""
    values = array.tolist()
    if array.dtype != object:
        return values
    return [
        [each.decode() for each in row] if isinstance(row, list) else row.decode() for row in values
    ]
