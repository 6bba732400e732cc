"""The versions that are being served, and how a new one takes over without a failed request."""

import dataclasses
import logging
import pathlib
import threading

import tensorflow as tf

from deca_tf.serving._warmup import WARMUP, read_warmup
from deca_tf.serving.versions import complete_versions, find_version

log = logging.getLogger(__name__)

LOADING, AVAILABLE, END = "LOADING", "AVAILABLE", "END"


class UnknownModelError(LookupError):
    """A model, version, label or signature that is not served."""


@dataclasses.dataclass(frozen=True)
class LoadedVersion:
    """A version in memory.

    Args:
        number: of the version.
        signatures: its functions by their names.
        model: the loaded SavedModel, which owns the variables that they read.
    """

    number: int
    signatures: dict
    model: object

    @classmethod
    def load(cls, path):
        """Loads a version and answers its warm-up."""
        model = tf.saved_model.load(str(path))
        version = cls(int(path.name), dict(model.signatures.items()), model)
        if (path / WARMUP).is_file():
            for signature, inputs in read_warmup(path):
                version.answer(signature, inputs)
        return version

    def answer(self, signature, inputs):
        """Asks a signature.

        Args:
            signature: name.
            inputs: `{name: array of strings}`.

        Returns:
            `{name: array}`.

        Raises:
            UnknownModelError: there is no such signature.
            ValueError: other inputs than it takes, or of another rank.
        """
        function = self.signature(signature)
        wanted = self.specs(signature)
        if set(inputs) != set(wanted):
            raise ValueError(f"`{signature}` takes {sorted(wanted)}. Received: {sorted(inputs)}.")
        for name, spec in wanted.items():
            if inputs[name].ndim != spec.shape.rank:
                shape = inputs[name].shape
                raise ValueError(
                    f"`{name}` of `{signature}` has {spec.shape.rank} dimensions. Received: shape "
                    f"{shape}."
                )
        if len({len(values) for values in inputs.values()}) > 1:
            raise ValueError(
                f"Inputs of `{signature}` must be equally many. Received: {_lengths(inputs)}."
            )
        outputs = function(
            **{name: tf.constant(values, tf.string) for name, values in inputs.items()}
        )
        return {name: value.numpy() for name, value in outputs.items()}

    def signature(self, name):
        """The function of a signature."""
        if name not in self.signatures:
            raise UnknownModelError(
                f"Serving signature '{name}' not found. There are {sorted(self.signatures)}."
            )
        return self.signatures[name]

    def specs(self, signature):
        """`{input: tf.TensorSpec}` of a signature."""
        return self.signature(signature).structured_input_signature[1]


class ModelPool:
    """Serves the newest complete version of a folder, or those that its `models.config` labels.

    A thread looks at the folder now and then. A new version is loaded and warmed up beside the old
    one, which stays until those who asked it have their answers.

    Args:
        folder: what `export` was given.
        name: of the model in requests.
        poll_seconds: between two looks.

    Raises:
        FileNotFoundError: there is no complete version.
    """

    def __init__(self, folder, name, poll_seconds=2.0):
        self.folder, self.name, self.poll_seconds = pathlib.Path(folder), name, poll_seconds
        self.states = {}
        self._versions, self._labels = {}, {}
        self._failed = {}
        self._stop = threading.Event()
        find_version(folder)  # for its error
        self.refresh()
        if not self._versions:
            raise RuntimeError(
                f"No version of '{folder}' could be loaded. Received: {self._failed}."
            )
        self._thread = threading.Thread(target=self._poll, name="versions", daemon=True)
        self._thread.start()

    def get(self, name, version=None, label=None):
        """A `LoadedVersion`.

        Raises:
            UnknownModelError: it is not served.
        """
        versions, labels = self._versions, self._labels  # as they are at one moment
        if name != self.name:
            raise UnknownModelError(
                f"Servable not found for request: Latest({name}). There is '{self.name}'."
            )
        if label is not None:
            if label not in labels:
                raise UnknownModelError(
                    f"Unrecognized servable version label: {label}. There are {sorted(labels)}."
                )
            version = labels[label]
        if version is None:
            return versions[max(versions)]
        if version not in versions:
            raise UnknownModelError(
                f"Servable not found for request: Specific({name}, {version}). There are "
                f"{sorted(versions)}."
            )
        return versions[version]

    def refresh(self):
        """Looks at the folder once."""
        labels = _labels(self.folder)
        complete = complete_versions(self.folder)
        wanted = (
            set(labels.values()) & set(complete)
            if labels
            else {max(complete, default=0)} & set(complete)
        )
        versions = dict(self._versions)
        for number in sorted(wanted - set(versions)):
            if self._failed.get(number) == _stamp(complete[number]):
                continue  # it would fail again
            self.states[number] = LOADING
            try:
                versions[number] = LoadedVersion.load(complete[number])
            except Exception as error:  # a version that cannot be served must not end what can
                log.exception("Version %s could not be loaded", number)
                self._failed[number] = _stamp(complete[number])
                self.states[number] = f"{END}: {type(error).__name__}: {error}"
            else:
                log.info("Version %s is served", number)
                self.states[number] = AVAILABLE
        if set(versions) & wanted:  # else what is served stays
            for number in set(versions) - wanted:
                del versions[number]
                self.states[number] = END
        self._versions, self._labels = (
            versions,
            {label: each for label, each in labels.items() if each in versions},
        )

    def close(self):
        """Stops looking."""
        self._stop.set()
        self._thread.join()

    def _poll(self):
        while not self._stop.wait(self.poll_seconds):
            try:
                self.refresh()
            except Exception:
                log.exception("Could not look at %s", self.folder)


def _labels(folder):
    """`{label: version}` of the folder's `models.config`; empty where there is none."""
    from tensorflow_serving.config import model_server_config_pb2

    from deca_tf.serving._messages import parse
    from deca_tf.serving.deployment import files

    file = folder / files.FOLDER / files.MODELS
    if not file.is_file():
        return {}
    servers = parse(file.read_text(encoding="utf-8"), model_server_config_pb2.ModelServerConfig)
    return {
        label: number
        for config in servers.model_config_list.config
        for label, number in config.version_labels.items()
    }


def _stamp(version):
    return version.stat().st_mtime_ns


def _lengths(inputs):
    return ", ".join(f"{len(values)} {name}" for name, values in sorted(inputs.items()))
