"""A SavedModel in TensorFlow's C API.

The loader that TensorFlow Serving is built on, without any Python in it.
"""

import contextlib
import ctypes
import pathlib

import numpy as np
import tensorflow as tf

_TAG = b"serve"
_STRING_BYTES = 24  # of a TF_TString
_LIBRARY = "libtensorflow_cc.so.2"


class _Buffer(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("deallocator", ctypes.c_void_p),
    ]


class _Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class NativeModel:
    """A version loaded by `TF_LoadSessionFromSavedModel`. Use it in a `with` statement.

    Args:
        path: folder of the version.

    Attributes:
        signatures: `SignatureDef` by name.

    Raises:
        OSError: this installation of TensorFlow has no C library to load.
        ValueError: the version cannot be loaded.
    """

    def __init__(self, path):
        self._c = _library()
        self._graph = self._c.TF_NewGraph()
        options, meta = self._c.TF_NewSessionOptions(), self._c.TF_NewBuffer()
        tags = (ctypes.c_char_p * 1)(_TAG)
        try:
            with self._status() as status:
                self._session = self._c.TF_LoadSessionFromSavedModel(
                    options, None, str(path).encode(), tags, 1, self._graph, meta, status
                )
            text = ctypes.string_at(meta.contents.data, meta.contents.length)
        finally:
            self._c.TF_DeleteSessionOptions(options)
            self._c.TF_DeleteBuffer(meta)
        signatures = tf.compat.v1.MetaGraphDef.FromString(text).signature_def
        self.signatures = {
            name: signature for name, signature in signatures.items() if signature.outputs
        }

    def run(self, signature, inputs):
        """Answers a signature.

        Args:
            signature: name.
            inputs: `{name: array of strings}`.

        Returns:
            `{name: array}`.

        Raises:
            ValueError: the answer is an error.
        """
        asked = self.signatures[signature]
        given = [
            (self._place(asked.inputs[name].name), self._tensor(values))
            for name, values in inputs.items()
        ]
        wanted = [self._place(output.name) for output in asked.outputs.values()]
        answers = (ctypes.c_void_p * len(wanted))()
        try:
            with self._status() as status:
                self._c.TF_SessionRun(
                    self._session,
                    None,
                    (_Output * len(given))(*(place for place, _ in given)),
                    (ctypes.c_void_p * len(given))(*(tensor for _, tensor in given)),
                    len(given),
                    (_Output * len(wanted))(*wanted),
                    answers,
                    len(wanted),
                    None,
                    0,
                    None,
                    status,
                )
            return dict(zip(asked.outputs, map(self._array, answers), strict=True))
        finally:
            for tensor in (*(tensor for _, tensor in given), *filter(None, answers)):
                self._c.TF_DeleteTensor(tensor)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with self._status() as status:
            self._c.TF_DeleteSession(self._session, status)
        self._c.TF_DeleteGraph(self._graph)

    @contextlib.contextmanager
    def _status(self):
        status = self._c.TF_NewStatus()
        try:
            yield status
            if self._c.TF_GetCode(status):
                raise ValueError(self._c.TF_Message(status).decode(errors="replace"))
        finally:
            self._c.TF_DeleteStatus(status)

    def _place(self, tensor_name):
        operation, _, index = tensor_name.partition(":")
        return _Output(self._c.TF_GraphOperationByName(self._graph, operation.encode()), int(index))

    def _tensor(self, values):
        values = np.asarray(values, dtype=object)
        shape = (ctypes.c_int64 * values.ndim)(*values.shape)
        tensor = self._c.TF_AllocateTensor(
            tf.string.as_datatype_enum, shape, values.ndim, max(1, values.size) * _STRING_BYTES
        )
        start = self._c.TF_TensorData(tensor)
        for number, value in enumerate(values.ravel().tolist()):
            text = value if isinstance(value, bytes) else str(value).encode()
            self._c.TF_StringInit(start + number * _STRING_BYTES)
            self._c.TF_StringCopy(start + number * _STRING_BYTES, text, len(text))
        return tensor

    def _array(self, tensor):
        shape = [self._c.TF_Dim(tensor, axis) for axis in range(self._c.TF_NumDims(tensor))]
        size = int(np.prod(shape))
        start, dtype = self._c.TF_TensorData(tensor), tf.as_dtype(self._c.TF_TensorType(tensor))
        if dtype == tf.string:
            places = [start + number * _STRING_BYTES for number in range(size)]
            values = [
                ctypes.string_at(
                    self._c.TF_StringGetDataPointer(place), self._c.TF_StringGetSize(place)
                )
                for place in places
            ]
            array = np.empty(size, dtype=object)
            array[:] = values
            return array.reshape(shape)
        numbers = ctypes.string_at(start, size * dtype.size) if size else b""
        return np.frombuffer(numbers, dtype.as_numpy_dtype).reshape(shape)


def _library():
    path = pathlib.Path(tf.__file__).with_name(_LIBRARY)
    library = ctypes.CDLL(str(path))
    pointer, size, text, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_int
    buffer = ctypes.POINTER(_Buffer)
    for name, result, arguments in (
        ("TF_NewStatus", pointer, []),
        ("TF_DeleteStatus", None, [pointer]),
        ("TF_GetCode", number, [pointer]),
        ("TF_Message", text, [pointer]),
        ("TF_NewGraph", pointer, []),
        ("TF_DeleteGraph", None, [pointer]),
        ("TF_NewSessionOptions", pointer, []),
        ("TF_DeleteSessionOptions", None, [pointer]),
        ("TF_NewBuffer", buffer, []),
        ("TF_DeleteBuffer", None, [buffer]),
        (
            "TF_LoadSessionFromSavedModel",
            pointer,
            [pointer, buffer, text, pointer, number, pointer, buffer, pointer],
        ),
        ("TF_DeleteSession", None, [pointer, pointer]),
        ("TF_GraphOperationByName", pointer, [pointer, text]),
        (
            "TF_SessionRun",
            None,
            [
                pointer,
                buffer,
                pointer,
                pointer,
                number,
                pointer,
                pointer,
                number,
                pointer,
                number,
                pointer,
                pointer,
            ],
        ),
        ("TF_AllocateTensor", pointer, [number, pointer, number, size]),
        ("TF_DeleteTensor", None, [pointer]),
        ("TF_TensorData", pointer, [pointer]),
        ("TF_TensorType", number, [pointer]),
        ("TF_NumDims", number, [pointer]),
        ("TF_Dim", ctypes.c_int64, [pointer, number]),
        ("TF_StringInit", None, [pointer]),
        ("TF_StringCopy", None, [pointer, text, size]),
        ("TF_StringGetDataPointer", pointer, [pointer]),
        ("TF_StringGetSize", size, [pointer]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
