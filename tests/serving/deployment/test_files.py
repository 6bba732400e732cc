"""The files for a stock server: they say what was asked, and each can be read by what reads it."""

import pytest
import yaml
from tensorflow_serving.config import model_server_config_pb2

from deca_tf.serving._messages import BatchingParameters, MonitoringConfig, parse
from deca_tf.serving.deployment.files import (
    BATCHING,
    COMPOSE,
    KUBERNETES,
    MODELS,
    MONITORING,
    write_files,
)
from deca_tf.serving.versions import MANIFEST

REQUIRED = (
    "saved_model.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
    MANIFEST,
)


@pytest.fixture
def folder(tmp_path):
    """A folder `my-clicks` with versions 6 and 7."""
    for number in (6, 7):
        for name in REQUIRED:
            path = tmp_path / "my-clicks" / str(number) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return tmp_path / "my-clicks"


def models_of(place):
    text = (place / MODELS).read_text()
    (config,) = parse(text, model_server_config_pb2.ModelServerConfig).model_config_list.config
    return config


def test_without_labels_the_newest_version_is_served(folder):
    config = models_of(write_files(folder))
    assert (config.name, config.base_path, config.model_platform) == (
        "my-clicks",
        "/models/my-clicks",
        "tensorflow",
    )
    assert config.model_version_policy.latest.num_versions == 1
    assert not config.version_labels


def test_labels_name_the_versions_that_are_served(folder):
    config = models_of(write_files(folder, name="other", stable=6, canary=7))
    assert config.base_path == "/models/other"
    assert list(config.model_version_policy.specific.versions) == [6, 7]
    assert dict(config.version_labels) == {"stable": 6, "canary": 7}


def test_requests_are_joined_and_lists_padded(folder):
    place = write_files(folder, threads=3)
    batching = parse((place / BATCHING).read_text(), BatchingParameters)
    assert batching.num_batch_threads.value == 3
    assert batching.max_batch_size.value >= 1 and batching.batch_timeout_micros.value > 0
    assert batching.pad_variable_length_inputs
    monitoring = parse((place / MONITORING).read_text(), MonitoringConfig)
    assert monitoring.prometheus_config.enable and monitoring.prometheus_config.path.startswith("/")


def test_compose_starts_the_stock_image_on_the_folder(folder):
    place = write_files(folder, image="tensorflow/serving:1.2.3", stable=6)
    service = yaml.safe_load((place / COMPOSE).read_text())["services"]["my-clicks"]
    assert service["image"] == "tensorflow/serving:1.2.3"
    assert service["volumes"] == ["..:/models/my-clicks:ro"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    flags = dict(argument.split("=", 1) for argument in service["command"])
    assert flags["--model_config_file"] == "/models/my-clicks/deployment/models.config"
    assert flags["--batching_parameters_file"] == "/models/my-clicks/deployment/batching.config"
    assert (
        flags["--enable_batching"]
        == flags["--allow_version_labels_for_unavailable_models"]
        == "true"
    )
    assert "GET /v1/models/my-clicks " in service["healthcheck"]["test"][-1]


def test_kubernetes_starts_the_same(folder):
    place = write_files(folder, replicas=3, threads=4)
    deployment, service = yaml.safe_load_all((place / KUBERNETES).read_text())
    assert deployment["spec"]["replicas"] == 3
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert (
        container["args"]
        == yaml.safe_load((place / COMPOSE).read_text())["services"]["my-clicks"]["command"]
    )
    assert container["resources"]["limits"]["cpu"] == "4"
    assert container["readinessProbe"]["httpGet"]["path"] == "/v1/models/my-clicks"
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize(
    "options, error, match",
    [
        (
            {"name": "Clicks_1"},
            ValueError,
            "`name` must be made of lower-case letters.*Received: name='Clicks_1'",
        ),
        ({"canary": 7}, ValueError, "`canary` must go with `stable`"),
        (
            {"stable": 5},
            FileNotFoundError,
            r"must hold the versions.*with \[6, 7\], labels {'stable': 5}",
        ),
    ],
)
def test_mistakes_are_named_before_anything_is_written(options, error, match, folder):
    with pytest.raises(error, match=match):
        write_files(folder, **options)
    assert not (folder / "deployment").exists()


def test_a_text_that_is_no_message_is_refused():
    with pytest.raises(ValueError, match="BatchingParameters could not be read"):
        parse("max_batch_sise { value: 3 }", BatchingParameters)
