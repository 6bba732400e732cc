"""The files that start a stock TensorFlow Serving on a folder of versions."""

import importlib.metadata
import pathlib
import re

from deca_tf._extras import require_extra
from deca_tf._files import write_atomically
from deca_tf.serving._messages import BatchingParameters, MonitoringConfig, to_text
from deca_tf.serving.versions import complete_versions

FOLDER = "deployment"  # within the folder of the versions: a server passes by what is no integer
MODELS, BATCHING, MONITORING = "models.config", "batching.config", "monitoring.config"
COMPOSE, KUBERNETES = "compose.yaml", "kubernetes.yaml"
STABLE, CANARY = "stable", "canary"
GRPC_PORT, REST_PORT = 8500, 8501

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")  # also of a Kubernetes object


def write_files(folder, *, name=None, stable=None, canary=None, image=None, threads=2, replicas=1):
    """Writes the configuration of a stock server, for `docker compose` and for Kubernetes.

    Args:
        folder: what `export` was given.
        name: of the model in requests; None: the folder's.
        stable: version with the label `stable`; None: no labels, and the newest version is served.
        canary: version with the label `canary`, served beside it.
        image: of the container; None: the stock image of the installed tensorflow-serving-api's
            version.
        threads: that answer batches, as many as the container has cores.
        replicas: containers in Kubernetes.

    Returns:
        `pathlib.Path` of the folder with the files, `<folder>/deployment`.

    Raises:
        FileNotFoundError: a version that is not there, or none at all.
        ValueError: a name that cannot be one, or `canary` without `stable`.
    """
    require_extra("serving", "Files for TensorFlow Serving")
    import jinja2

    folder = pathlib.Path(folder)
    name = folder.resolve().name if name is None else name
    if not _NAME.fullmatch(name):
        raise ValueError(
            "`name` must be made of lower-case letters, digits and dashes, as Kubernetes asks. "
            f"Received: name={name!r}. Give another one, it need not be the folder's."
        )
    labels = _labels(folder, stable, canary)
    facts = {
        "name": name,
        "image": image
        or f"tensorflow/serving:{importlib.metadata.version('tensorflow-serving-api')}",
        "arguments": _arguments(name, bool(labels)),
        "cores": threads,
        "replicas": replicas,
        "grpc_port": GRPC_PORT,
        "rest_port": REST_PORT,
    }
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("deca_tf.serving.deployment"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    texts = {
        MODELS: to_text(_models(name, labels)),
        BATCHING: to_text(_batching(threads)),
        MONITORING: to_text(
            MonitoringConfig(prometheus_config={"enable": True, "path": "/metrics"})
        ),
        **{
            file: templates.get_template(f"{file}.jinja").render(facts)
            for file in (COMPOSE, KUBERNETES)
        },
    }
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    for file, text in texts.items():
        write_atomically(place / file, text)
    return place


def _labels(folder, stable, canary):
    if stable is None and canary is not None:
        raise ValueError(
            "`canary` must go with `stable`: the version that most requests get. Received: no "
            "`stable`."
        )
    labels = {
        label: version
        for label, version in ((STABLE, stable), (CANARY, canary))
        if version is not None
    }
    complete = complete_versions(folder) if folder.is_dir() else {}
    if not complete or not set(labels.values()) <= set(complete):
        raise FileNotFoundError(
            f"`folder` must hold the versions to be served. Received: folder='{folder}' with "
            f"{sorted(complete)}, "
            f"labels {labels}. Export first."
        )
    return labels


def _models(name, labels):
    from tensorflow_serving.config import model_server_config_pb2

    servers = model_server_config_pb2.ModelServerConfig()
    config = servers.model_config_list.config.add(
        name=name, base_path=f"/models/{name}", model_platform="tensorflow"
    )
    if labels:
        config.model_version_policy.specific.versions.extend(sorted(set(labels.values())))
        for label, version in labels.items():
            config.version_labels[label] = version
    else:
        config.model_version_policy.latest.num_versions = 1
    return servers


def _batching(threads):
    """Requests that come within a millisecond are answered together.

    Lists of ids are padded to the longest.
    """
    return BatchingParameters(
        max_batch_size={"value": 64},
        batch_timeout_micros={"value": 1000},
        max_enqueued_batches={"value": 100},
        num_batch_threads={"value": threads},
        pad_variable_length_inputs=True,
    )


def _arguments(name, has_labels):
    place = f"/models/{name}/{FOLDER}"
    arguments = [
        f"--port={GRPC_PORT}",
        f"--rest_api_port={REST_PORT}",
        f"--model_config_file={place}/{MODELS}",
        "--model_config_file_poll_wait_seconds=30",
        "--file_system_poll_wait_seconds=10",
        "--enable_batching=true",
        f"--batching_parameters_file={place}/{BATCHING}",
        f"--monitoring_config_file={place}/{MONITORING}",
    ]
    # Else a label for a version that is just being loaded stops the server.
    return (
        [*arguments, "--allow_version_labels_for_unavailable_models=true"]
        if has_labels
        else arguments
    )
