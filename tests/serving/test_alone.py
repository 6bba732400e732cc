"""What is shipped runs where neither deca_tf nor Keras exists, and the room is light until it is used."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from deca_tf.serving import export

BLOCK = """
import sys

BLOCKED = {"keras", "tf_keras", "deca_tf", "tensorflow_recommenders"}

class Without:  # as if they were not installed; raising would not do, for TensorFlow looks whether Keras is there
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in BLOCKED else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""

ASK = """
import json, sys
import tensorflow as tf

batches = json.loads(sys.argv[1])
for path in sys.argv[2:]:
    answers = []
    serve = tf.saved_model.load(path).signatures["serving_default"]
    for batch in batches:
        answer = serve(user_id=tf.constant(batch, tf.string))
        items = [[item.decode() for item in row] for row in answer["item_id"].numpy()]
        answers.append([items, answer["score"].numpy().tolist(), answer["known_user"].numpy().tolist()])

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:  # as a server does: the graph, by tensor names
        meta = tf.compat.v1.saved_model.load(session, ["serve"], path)
        signature = meta.signature_def["serving_default"]
        fetched = session.run(signature.outputs["item_id"].name, {signature.inputs["user_id"].name: batches[-1]})
    assert [[item.decode() for item in row] for row in fetched] == answers[-1][0]
    print("ANSWERS" + json.dumps(answers))

assert not BLOCKED & {name.partition(".")[0] for name in sys.modules}
for name in BLOCKED:
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(name + " could be imported")
"""


def run(code, *arguments, **environment):
    environment = {**{key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}, **environment}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment, check=False
    )


def test_the_saved_models_answer_in_plain_tensorflow(split, make_target, expect_all, tmp_path):
    targets = {name: make_target(name) for name in ("gmf", "neumf", "mean-of-two", "pairs")}
    paths = [export(target, split, tmp_path / name, k=5) for name, target in targets.items()]
    everyone = [*split.train.raw_user_ids.tolist(), "nobody", "ünbekannt", "", "\u0000"]  # 64 with the strangers
    batches = [[], ["user 9"], everyone[:7], everyone]
    done = run(BLOCK + ASK, json.dumps(batches), *map(str, paths))
    assert done.returncode == 0, done.stderr
    found = [json.loads(part.partition("\n")[0]) for part in done.stdout.split("ANSWERS")[1:]]
    for target, answers in zip(targets.values(), found, strict=True):
        assert [len(items) for items, _, _ in answers] == [0, 1, 7, 64]
        expected = expect_all(target, [*range(split.num_users), None, None, None, None], 5)
        items, scores, known = answers[-1]
        assert items == [one.items for one in expected]
        assert scores == [pytest.approx(one.scores, rel=1e-5, abs=1e-5) for one in expected]
        assert known == [one.known for one in expected]
        assert answers[1][0] == [expected[9].items]
        assert answers[2][0] == items[:7]


def test_tensorflow_s_own_command_asks_it(split, make_target, expect, tmp_path):
    target = make_target("neumf")
    path = export(target, split, tmp_path / "neumf", k=5)
    command = BLOCK + "from tensorflow.python.tools import saved_model_cli; saved_model_cli.main()"
    words = ["run", "--dir", str(path), "--tag_set", "serve", "--signature_def", "serving_default"]
    asked = ["--input_exprs", 'user_id=["user 9", "nobody"]', "--outdir", str(tmp_path)]
    done = run(command, *words, *asked)
    assert done.returncode == 0, done.stderr
    scores = np.load(tmp_path / "score.npy")
    np.testing.assert_allclose(scores, [expect(target, user, 5).scores for user in (9, None)], rtol=1e-5, atol=1e-5)


def test_importing_the_room_loads_no_tensorflow():
    code = "import sys, deca_tf.serving; assert deca_tf.serving.__all__; assert 'tensorflow' not in sys.modules"
    assert run(code).returncode == 0


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
    done = run(code)
    assert "SAID Exporting requires that `tf.keras` is Keras 2" in done.stdout, done.stderr
    assert "TF_USE_LEGACY_KERAS=1 before Python starts" in done.stdout
