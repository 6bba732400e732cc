"""What is shipped runs where neither deca_tf nor Keras exists, and the room is light until it is used."""

import json
import os
import subprocess
import sys

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

path, batches = sys.argv[1], json.loads(sys.argv[2])
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
assert not BLOCKED & {name.partition(".")[0] for name in sys.modules}
for name in BLOCKED:
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(name + " could be imported")
print("ANSWERS" + json.dumps(answers))
"""


def run(code, *arguments, **environment):
    environment = {**{key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}, **environment}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment, check=False
    )


def test_the_saved_model_answers_in_plain_tensorflow(split, make_target, expect, tmp_path):
    target = make_target("gmf", item_bias=True)
    path = export(target, split, tmp_path, k=5)
    everyone = [*split.train.raw_user_ids.tolist(), "nobody", "ünbekannt", "", "\u0000"]  # 64 with the strangers
    batches = [[], ["user 9"], everyone[:7], everyone]
    done = run(BLOCK + ASK, str(path), json.dumps(batches))
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.partition("ANSWERS")[2])
    assert [len(items) for items, _, _ in answers] == [0, 1, 7, 64]
    expected = [expect(target, user, 5) for user in [*range(split.num_users), None, None, None, None]]
    items, scores, known = answers[-1]
    assert items == [one.items for one in expected]
    assert scores == [pytest.approx(one.scores, rel=1e-5, abs=1e-5) for one in expected]
    assert known == [one.known for one in expected]
    assert answers[1][0] == [expected[9].items]
    assert answers[2][0] == items[:7]


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
