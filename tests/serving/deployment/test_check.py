"""The check before a deployment.

It passes what a server takes, and finds what a server would stumble over.
"""

import shutil

import pytest
import tensorflow as tf

from deca_tf.serving import export
from deca_tf.serving._warmup import WARMUP
from deca_tf.serving.deployment._native_loader import NativeModel
from deca_tf.serving.deployment.check import check_folder
from deca_tf.serving.deployment.files import write_files


@pytest.fixture(scope="module")
def folder(split, make_target, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "toy"
    export(make_target("gmf"), split, folder, k=3)
    write_files(folder, stable=1)
    return folder


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "toy")


def failed(folder):
    return {
        finding.subject: finding.detail for finding in check_folder(folder) if not finding.passed
    }


def test_what_was_exported_passes(folder):
    findings = list(check_folder(folder))
    assert [finding.subject for finding in findings if not finding.passed] == []
    assert len(findings) == 9
    found = {finding.subject: finding.detail for finding in findings}
    assert found["1/assets.extra/tf_serving_warmup_requests"].startswith(
        "22 requests answered"
    )  # 11 x 2
    assert found["deployment/models.config"] == "Model 'toy', stable is 1."


def test_without_files_beside_it_that_is_said(copy):
    shutil.rmtree(copy / "deployment")
    assert list(check_folder(copy))[-1].detail.startswith("No files: write them")


def test_a_bad_record_is_found(copy):
    with tf.io.TFRecordWriter(str(copy / "1" / WARMUP)) as writer:
        writer.write(b"no such message")
    assert list(failed(copy)) == ["1/assets.extra/tf_serving_warmup_requests"]


def test_damaged_variables_are_found(copy):
    path = copy / "1" / "variables" / "variables.data-00000-of-00001"
    path.write_bytes(path.read_bytes()[:100])
    assert "1, loaded as the server does" in failed(copy)


@pytest.mark.parametrize(
    "texts",
    [
        {
            "models.config": "model_config_lisd {}",
            "batching.config": "max_batch_size { value: 3 }",
            "monitoring.config": "prometheus { }",
            "compose.yaml": "services: ]",
        },
        {
            "models.config": "model_config_list { config { "
            'name: "a" version_labels { key: "stable" value: 4 } } }',
            "batching.config": "pad_variable_length_inputs: true allowed_batch_sizes: [3, 1]",
        },
    ],
    ids=["unreadable", "unfit"],
)
def test_bad_files_are_found_each_by_itself(texts, copy):
    for name, text in texts.items():
        (copy / "deployment" / name).write_text(text)
    assert set(failed(copy)) == {f"deployment/{name}" for name in texts}


def test_an_operation_that_no_stock_server_has_is_found(copy, monkeypatch):
    without = [name for name in dir(tf.raw_ops) if name != "TopKV2"]
    monkeypatch.setattr(
        "deca_tf.serving.deployment.check.dir", lambda module: without, raising=False
    )
    assert failed(copy) == {"1, operations": "ValueError: A stock server has no TopKV2."}


def test_what_cannot_be_loaded_says_why(tmp_path):
    with pytest.raises(ValueError, match="Could not find SavedModel"):
        NativeModel(tmp_path)
