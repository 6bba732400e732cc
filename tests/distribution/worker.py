"""What one of two workers runs in `test_distribution.py`.

`distribution_worker.py fit FILE` or `run KILL_AT ...`.

`fit` trains as a notebook would and writes what it found to a JSON file. `run` is `deca-tf` with a
checkpoint at every epoch; worker 1 kills itself once so many updates are done.
"""

import json
import os
import pathlib
import signal
import sys

import numpy as np

USERS, ITEMS, PAIRS, BATCH, EPOCHS = 12, 15, 72, 16, 2
MODELS = (
    ("mf", "deca"),
    ("neumf", "none"),
    ("lightgcn", "none"),
    ("cdae", "none"),
    ("compositional", "none"),
)


def compositional(num_users, num_items, buckets, dim):
    """The target of docs/distribution.md, "Tables too large for one device"."""
    import keras

    def vectors(ids, size):
        whole = keras.layers.Embedding(-(-size // buckets), dim, embeddings_initializer="ones")(
            ids // buckets
        )
        return whole * keras.layers.Embedding(buckets, dim)(ids % buckets)

    user = keras.Input((), dtype="int32", name="user_id")
    item = keras.Input((), dtype="int32", name="item_id")
    logits = keras.ops.sum(vectors(user, num_users) * vectors(item, num_items), axis=-1)
    return keras.Model({"user_id": user, "item_id": item}, logits)


def curves(strategy):
    """`{"mf deca": {"loss": [...], ...}}` of plain `fit`.

    Each model is built under the strategy's scope.
    """
    import keras

    from deca_tf.backbones import BACKBONES, MF
    from deca_tf.data import Interactions, training_batches, validation_batches
    from deca_tf.denoisers import DENOISERS
    from deca_tf.optimizers import Adam
    from deca_tf.training.deca_model import DeCAModel

    keys = np.random.default_rng(0).choice(USERS * ITEMS, PAIRS, replace=False)
    interactions = Interactions(keys // ITEMS, keys % ITEMS, np.arange(USERS), np.arange(ITEMS))
    found = {}
    for backbone, denoiser in MODELS:
        options = {"embedding_dim": 4}
        with strategy.scope():
            if backbone == "compositional":
                keras.utils.set_random_seed(1)
                target = compositional(USERS, ITEMS, buckets=4, dim=4)
            else:
                target = BACKBONES.build(
                    backbone, num_users=USERS, num_items=ITEMS, options=options, seed=1
                )
                target.adapt(interactions)
            networks = {
                role: MF(USERS, ITEMS, embedding_dim=4, embedding_stddev=0.3, seed=seed)
                for seed, role in enumerate(DENOISERS.load(denoiser).networks, 2)
            }
            method = DENOISERS.build(denoiser, **networks)
            model = DeCAModel(target, method, l2=0.01 * USERS, num_users=USERS)
            model.compile(Adam(0.05, epsilon=1e-3), jit_compile=False)
        watched = (
            {"validation_data": validation_batches(interactions, batch_size=24)}
            if denoiser == "deca"
            else {}
        )
        batches = training_batches(interactions, batch_size=BATCH)
        history = model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0, **watched).history
        weights = float(sum(np.abs(weight.numpy()).sum() for weight in target.trainable_variables))
        found[f"{backbone} {denoiser}"] = {**history, "weights": [weights]}
    return found


def fit(file):
    from deca_tf import distribution

    strategy = distribution.make_strategy("multi-worker")
    chief = distribution.is_chief(strategy)
    distribution.agree(strategy, seed=0, data="same")
    try:
        distribution.agree(strategy, seed=int(chief), data="same")
        disagreement = None
    except ValueError as error:
        disagreement = str(error)
    found = {
        "chief": chief,
        "disagreement": disagreement,
        "chief_values": distribution.chief_values(strategy, [0.1 if chief else 0.2, 3.0]),
        "keras_cannot_reduce_scalars": keras_cannot_reduce_scalars(strategy),
        "curves": curves(strategy),
        "read": streamed(strategy, pathlib.Path(file).parent),
    }
    pathlib.Path(file).write_text(json.dumps(found))
    distribution.barrier(strategy)


def streamed(strategy, folder):
    """Trains on `folder / "shards"`, into `folder / "run"`.

    Tells which pairs this worker reads in two epochs.
    """
    import functools

    from deca_tf import distribution
    from deca_tf.config import resolve
    from deca_tf.data import load_split, streamed_batches
    from deca_tf.runs.run import run

    options = {"folder": str(folder / "shards"), "stream": True}
    train = load_split("shards", **options).train
    batches = distribution.per_worker(
        strategy, functools.partial(streamed_batches, train, batch_size=2 * BATCH)
    )
    read = []
    for _ in range(EPOCHS):
        here = [strategy.experimental_local_results(inputs)[0] for inputs, _ in batches]
        users, items = (
            np.concatenate([ids[name][:, 0].numpy() for ids in here])
            for name in ("user_id", "item_id")
        )
        read.append((users.astype(np.int64) * train.num_items + items).tolist())
    training = {
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "strategy": "multi-worker",
        "keep": "last",
        "learning_rate": 0.05,
    }
    tables = {"data": {"dataset": "shards", "options": options}, "training": training}
    run(resolve(overrides=tables), folder / "run", show_progress=False, strategy=strategy)
    return read


def keras_cannot_reduce_scalars(strategy):
    """What Keras's `fit` does to the logs of a step."""
    import tensorflow as tf
    from keras.src.backend.tensorflow.trainer import reduce_per_replica

    @tf.function
    def reduced():
        return reduce_per_replica(
            strategy.run(lambda: {"loss": tf.constant(1.0)}), strategy, "auto"
        )

    try:
        reduced()
    except ValueError:
        return True
    return False


def run(kill_at):
    from deca_tf.cli.main import main
    from deca_tf.training.callbacks.backup import Backup
    from deca_tf.training.callbacks.stopwatch import Stopwatch

    def die(self, batch, logs=None):
        if int(self.model.optimizer.iterations.numpy()) >= kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    Backup.__init__.__defaults__ = (None, 0.0, 1.0)
    if kill_at and json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 1:
        Stopwatch.on_train_batch_end = die
    main()


if __name__ == "__main__":
    command, argument = sys.argv[1:3]
    sys.argv[:] = ["deca-tf", *sys.argv[3:]]
    fit(argument) if command == "fit" else run(int(argument))
