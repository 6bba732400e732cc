"""Looks at a folder of versions as a server would, before a server does."""

import dataclasses
import functools
import json
import pathlib

import numpy as np
import tensorflow as tf

from deca_tf.serving._messages import BatchingParameters, MonitoringConfig, parse
from deca_tf.serving._tracing import PYTHON_OPS, operations
from deca_tf.serving._warmup import WARMUP, read_warmup
from deca_tf.serving.deployment import files
from deca_tf.serving.deployment._native_loader import NativeModel
from deca_tf.serving.versions import MANIFEST, complete_versions, find_version


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was looked at, and what was found.

    Args:
        subject: what was looked at.
        passed: whether a server would take it.
        detail: a sentence.
    """

    subject: str
    passed: bool
    detail: str


def check_folder(folder, version=None):
    """Replays a version's warm-up and reads every file beside it.

    Args:
        folder: what `export` was given.
        version: number; None: the newest.

    Yields:
        A `Finding` for each thing that is looked at.

    Raises:
        FileNotFoundError: there is no complete version.
    """
    path = find_version(folder, version)
    load = functools.cache(lambda: tf.saved_model.load(str(path)))
    for subject, look in (
        (f"{path.name}/{MANIFEST}", _manifest),
        (f"{path.name}, operations", lambda _: _operations(load())),
        (f"{path.name}, loaded as the server does", _native),
        (f"{path.name}/{WARMUP}", lambda version: _warmup(version, load)),
    ):
        yield _finding(subject, look, path)
    place = pathlib.Path(folder) / files.FOLDER
    if not place.is_dir():
        yield Finding(files.FOLDER, True, "No files: write them with `deca-tf deploy write`.")
        return
    for name, look in (
        (files.MODELS, _models),
        (files.BATCHING, _batching),
        (files.MONITORING, _monitoring),
        (files.COMPOSE, _yaml),
        (files.KUBERNETES, _yaml),
    ):
        yield _finding(f"{files.FOLDER}/{name}", look, place / name)


def _finding(subject, look, path):
    try:
        return Finding(subject, True, look(path))
    except Exception as error:  # whatever it is, a server would have met it
        return Finding(subject, False, f"{type(error).__name__}: {error}")


def _manifest(version):
    manifest = json.loads((version / MANIFEST).read_text(encoding="utf-8"))
    return f"{manifest['num_users']:,} users, {manifest['num_items']:,} items, k {manifest['ks']}."


def _operations(loaded):
    used = operations(loaded)
    strange = sorted(
        used & PYTHON_OPS | used - set(dir(tf.raw_ops))
    )  # which has the registered ones, no add-ons
    if strange:
        raise ValueError(f"A stock server has no {', '.join(strange)}.")
    return f"{len(used)} kinds, all of stock TensorFlow."


def _native(version):
    with NativeModel(version) as model:
        return f"{len(model.signatures)} signatures."


def _warmup(version, load):
    if not (version / WARMUP).is_file():
        return "None: the first requests will be slow."
    requests = read_warmup(version)
    signatures = load().signatures
    with NativeModel(version) as model:
        for name, inputs in requests:
            answers = model.run(name, inputs)
            expected = signatures[name](
                **{key: tf.constant(value, tf.string) for key, value in inputs.items()}
            )
            for key, value in expected.items():
                if not np.array_equal(answers[key], value.numpy()):
                    raise ValueError(f"The C API and Python differ in `{key}` of `{name}`.")
    return f"{len(requests)} requests answered, by the C API and by Python alike."


def _models(file):
    from tensorflow_serving.config import model_server_config_pb2

    servers = parse(file.read_text(encoding="utf-8"), model_server_config_pb2.ModelServerConfig)
    (config,) = servers.model_config_list.config
    complete = complete_versions(file.parent.parent)
    asked = set(config.model_version_policy.specific.versions) | set(config.version_labels.values())
    if not asked <= set(complete):
        raise ValueError(
            f"Versions {sorted(asked - set(complete))} are not there. There are {sorted(complete)}."
        )
    labels = ", ".join(
        f"{label} is {version}" for label, version in sorted(config.version_labels.items())
    )
    return f"Model {config.name!r}, " + (f"{labels}." if labels else "the newest version.")


def _batching(file):
    batching = parse(file.read_text(encoding="utf-8"), BatchingParameters)
    sizes = list(batching.allowed_batch_sizes)
    if sizes and (sizes != sorted(sizes) or sizes[-1] != batching.max_batch_size.value):
        raise ValueError("allowed_batch_sizes must ascend and end with max_batch_size.")
    if not batching.pad_variable_length_inputs:
        raise ValueError("pad_variable_length_inputs must be true: lists of ids differ in length.")
    return (
        f"Up to {batching.max_batch_size.value} users, {batching.num_batch_threads.value} threads."
    )


def _monitoring(file):
    monitoring = parse(file.read_text(encoding="utf-8"), MonitoringConfig)
    return f"Prometheus at {monitoring.prometheus_config.path}."


def _yaml(file):
    import yaml

    documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    return f"{len(documents)} document{'s' if len(documents) > 1 else ''}."
