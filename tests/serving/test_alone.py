"""What is shipped runs where neither deca_tf nor Keras exists.

The room is light until it is used.
"""

import json

import numpy as np
import pytest
import tensorflow as tf

from deca_tf.backbones import BACKBONES
from deca_tf.serving import export
from deca_tf.serving._tracing import operations
from deca_tf.serving._warmup import question
from deca_tf.serving.deployment._native_loader import NativeModel
from tests.serving.conftest import OTHERS
from tests.without import run_without

NOT_THERE = ("keras", "tf_keras", "deca_tf", "tensorflow_recommenders")

ASK = """
import json, sys
import tensorflow as tf

def plain(values):
    if isinstance(values, list):
        return [plain(value) for value in values]
    return values.decode() if isinstance(values, bytes) else values

models = json.loads(sys.stdin.read())
for path, questions in models.items():
    signatures = tf.saved_model.load(path).signatures
    answers = []
    for signature, inputs in questions:
        given = {name: tf.zeros([0] * rank, tf.string) if not values else tf.constant(values, tf.string)
                 for name, (values, rank) in inputs.items()}
        answer = signatures[signature](**given)
        answers.append({name: plain(value.numpy().tolist()) for name, value in answer.items()})

    # As a server does: the graph, by tensor names
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], path)
        for (signature, inputs), answer in zip(questions, answers):
            names = meta.signature_def[signature]
            fed = {names.inputs[name].name: values for name, (values, _) in inputs.items() if values}
            if fed:
                fetched = session.run({name: info.name for name, info in names.outputs.items()}, fed)
                assert {name: plain(value.tolist()) for name, value in fetched.items()} == answer, signature
    print("ANSWERS" + json.dumps(answers))

assert not BLOCKED & {name.partition(".")[0] for name in sys.modules}
for name in BLOCKED:
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(name + " could be imported")
"""

COMMANDS = """
import json, sys
from tensorflow.python.tools import saved_model_cli

for words in json.loads(sys.stdin.read()):
    sys.argv[1:] = words
    try:
        saved_model_cli.main()
    except SystemExit as stop:
        if stop.code:
            raise
"""


MODELS = (*BACKBONES.names, *OTHERS)


@pytest.fixture(scope="module")
def shipped(split, make_target, tmp_path_factory):
    """By name a model, its exported version, and the signatures of that."""

    def ship(name):
        target = make_target(name)
        folder = tmp_path_factory.mktemp(name)
        path = export(target, split, folder, k=5, warmup_batch_sizes=())
        return target, path, tf.saved_model.load(str(path))

    return {name: ship(name) for name in MODELS}


def test_every_saved_model_answers_in_plain_tensorflow(split, shipped, expect_all):
    everyone = [
        *split.train.raw_user_ids.tolist(),
        "nobody",
        "ünbekannt",
        "",
        "\u0000",
    ]  # 64 with the strangers
    items = [*split.train.raw_item_ids.tolist(), "nothing like it", ""]
    models = {}
    for _, path, loaded in shipped.values():
        models[str(path)] = [
            (signature, {key: (values.tolist(), values.ndim) for key, values in inputs.items()})
            for signature, function in sorted(loaded.signatures.items())
            for inputs in (question(function, everyone, items, size) for size in (0, 1, 7, 64))
        ]
    done = run_without(NOT_THERE, ASK, json.dumps(models))
    assert done.returncode == 0, done.stderr
    found = [json.loads(part.partition("\n")[0]) for part in done.stdout.split("ANSWERS")[1:]]
    for (name, (target, _, loaded)), questions, answers in zip(
        shipped.items(), models.values(), found, strict=True
    ):
        for (signature, inputs), answer in zip(questions, answers, strict=True):
            size = len(next(iter(inputs.values()))[0])
            assert {len(values) for values in answer.values()} == {size}, (name, signature)
            if size:
                given = {key: tf.constant(values, tf.string) for key, (values, _) in inputs.items()}
                here = loaded.signatures[signature](**given)
                assert {key: strings(value.numpy()) for key, value in here.items()} == answer
        asked = [signature for signature, _ in questions]
        by_size = [
            answers[place]
            for place, signature in enumerate(asked)
            if signature == "serving_default"
        ]
        expected = expect_all(target, [*range(split.num_users), None, None, None, None], 5)
        assert by_size[-1]["item_id"] == [one.items for one in expected]
        assert by_size[-1]["score"] == [
            pytest.approx(one.scores, rel=1e-5, abs=1e-5) for one in expected
        ]
        assert by_size[-1]["known_user"] == [one.known for one in expected]
        assert by_size[1]["item_id"] == [expected[0].items]
        assert by_size[2]["item_id"] == by_size[-1]["item_id"][:7]


def strings(values):
    """Nested lists of text or numbers."""
    if values.dtype == object:
        values = np.vectorize(bytes.decode, otypes=[object])(values)
    return values.tolist()


@pytest.mark.parametrize("name", MODELS)
def test_the_servers_own_loader_gives_what_python_gives(name, split, shipped):
    _, path, loaded = shipped[name]
    assert operations(loaded) <= set(dir(tf.raw_ops)) - {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
    signatures = loaded.signatures
    users = [*split.train.raw_user_ids.tolist(), "nobody", "", "\x00", "ünbekannt"]
    items = [*split.train.raw_item_ids.tolist(), "", "nothing"]
    with NativeModel(path) as model:
        assert set(model.signatures) - {"__saved_model_init_op"} == set(signatures)
        for signature, function in signatures.items():
            for size in (0, 1, 7, 64):
                inputs = question(function, users, items, size)
                expected = function(
                    **{key: tf.constant(value, tf.string) for key, value in inputs.items()}
                )
                answer = model.run(signature, inputs)
                assert set(answer) == set(expected)
                for key, value in expected.items():
                    assert answer[key].shape == tuple(value.shape)
                    np.testing.assert_array_equal(answer[key], value.numpy())


def test_tensorflow_s_own_command_asks_every_signature(split, make_target, tmp_path):
    commands, expected = [], {}
    for name, k in (("gmf", (3, 5)), ("neumf", 3)):
        path = export(make_target(name), split, tmp_path / name, k=k, warmup_batch_sizes=())
        functions = tf.saved_model.load(str(path)).signatures
        for signature, function in functions.items():
            inputs = question(function, ["user 9", "nobody"], ["Stück 6", "", "nothing"], 2)
            exprs = ";".join(f"{key}={values.tolist()!r}" for key, values in inputs.items())
            words = ["run", "--dir", str(path), "--tag_set", "serve", "--signature_def", signature]
            folder = tmp_path / f"{name}-{signature}"
            commands.append([*words, "--input_exprs", exprs, "--outdir", str(folder)])
            given = {key: tf.constant(values, tf.string) for key, values in inputs.items()}
            answer = function(**given)
            expected[folder] = {key: value.numpy() for key, value in answer.items()}
    done = run_without(NOT_THERE, COMMANDS, json.dumps(commands))
    assert done.returncode == 0, done.stderr
    for folder, answer in expected.items():
        for key, value in answer.items():
            np.testing.assert_array_equal(np.load(folder / f"{key}.npy", allow_pickle=True), value)


def test_importing_the_room_loads_no_tensorflow():
    code = "import sys, deca_tf.serving; assert deca_tf.serving.__all__; assert 'tensorflow' not in sys.modules"
    assert run_without((), code).returncode == 0


def test_tf_keras_touched_too_early_is_explained():
    code = """
import tensorflow as tf
tf.keras.layers
from deca_tf.serving.retrieval_index import brute_force
try:
    brute_force([[1.0]])
except ImportError as error:
    print("SAID", error)
"""
    done = run_without((), code)
    assert "SAID Exporting requires that `tf.keras` is Keras 2" in done.stdout, done.stderr
    assert "TF_USE_LEGACY_KERAS=1 before Python starts" in done.stdout
