"""gRPC: TensorFlow Serving's PredictionService and the status of its ModelService."""

import concurrent.futures

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from deca_tf.serving.server._model_pool import END, UnknownModelError
from deca_tf.serving.server._rest_format import DEFAULT_SIGNATURE

_STATES = get_model_status_pb2.ModelVersionStatus.State


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata.

    Args:
        pool: `ModelPool`.
    """

    def __init__(self, pool):
        self._pool = pool

    def Predict(self, request, context):
        """Answers a signature."""
        with _errors_to(context):
            version = self._pool.get(*_which(request.model_spec))
            signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
            inputs = {name: _strings(name, value) for name, value in request.inputs.items()}
            answer = predict_pb2.PredictResponse()
            answer.model_spec.CopyFrom(request.model_spec)
            answer.model_spec.version.value = version.number
            answer.model_spec.signature_name = signature
            for name, value in version.answer(signature, inputs).items():
                if not request.output_filter or name in request.output_filter:
                    answer.outputs[name].CopyFrom(tf.make_tensor_proto(value))
            return answer

    def GetModelMetadata(self, request, context):
        """The signatures of a version."""
        with _errors_to(context):
            if list(request.metadata_field) != ["signature_def"]:
                raise ValueError("`metadata_field` must be 'signature_def'.")
            version = self._pool.get(*_which(request.model_spec))
            answer = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=request.model_spec)
            answer.model_spec.version.value = version.number
            answer.metadata["signature_def"].Pack(signature_map(version))
            return answer


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus.

    Args:
        pool: `ModelPool`.
    """

    def __init__(self, pool):
        self._pool = pool

    def GetModelStatus(self, request, context):
        """State of one version, or of all."""
        with _errors_to(context):
            name, version, label = _which(request.model_spec)
            if name != self._pool.name or version is not None or label is not None:
                version = self._pool.get(name, version, label).number
            answer = get_model_status_pb2.GetModelStatusResponse()
            for number, state in sorted(self._pool.states.items(), reverse=True):
                if version in (None, number):
                    status = answer.model_version_status.add(version=number)
                    status.state = _STATES.Value(state.partition(":")[0])
                    if state.startswith(f"{END}:"):
                        status.status.error_code = grpc.StatusCode.UNKNOWN.value[0]
                        status.status.error_message = state.partition(": ")[2]
            return answer


def make_server(pool, address, max_bytes, threads):
    """A gRPC server, not yet started.

    Args:
        pool: `ModelPool`.
        address: `host:port`; port 0: any that is free.
        max_bytes: of a request.
        threads: that answer.

    Returns:
        `(server, port)`.

    Raises:
        RuntimeError: the address is taken.
    """
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(threads),
        options=[("grpc.max_receive_message_length", max_bytes), ("grpc.so_reuseport", 0)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(pool), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(pool), server)
    return server, server.add_insecure_port(address)


def signature_map(version):
    """A version's signatures as the message that TensorFlow Serving gives, a `SignatureDefMap`."""
    found = get_model_metadata_pb2.SignatureDefMap()
    for name, function in version.signatures.items():
        signature = found.signature_def[name]
        signature.method_name = "tensorflow/serving/predict"
        for part, specs in (
            (signature.inputs, function.structured_input_signature[1]),
            (signature.outputs, function.structured_outputs),
        ):
            for key, spec in specs.items():
                part[key].dtype = spec.dtype.as_datatype_enum
                part[key].tensor_shape.CopyFrom(spec.shape.as_proto())
    return found


class _errors_to:
    """Turns errors into gRPC's."""

    def __init__(self, context):
        self._context = context

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, UnknownModelError):
            self._context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        if isinstance(error, ValueError):
            self._context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))


def _which(spec):
    version = spec.version.value if spec.HasField("version") else None
    return spec.name, version, spec.version_label or None


def _strings(name, proto):
    if proto.dtype != tf.string.as_datatype_enum:
        raise ValueError(
            f"Input '{name}' must be of type string. Received: {tf.as_dtype(proto.dtype).name}."
        )
    return tf.make_ndarray(proto)
