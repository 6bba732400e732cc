"""What takes turns in the benchmarks of training.

Ours by their names, and a plain Keras GMF as its users write it.
"""

# Of a turn, at least: `fit` takes a tenth of a second to begin, which a training of 20 epochs does
# once
UPDATES = 400


def read(dataset, data_dir=None, protocol="paper"):
    """The `Split` of one of deca_tf's data sets."""
    from deca_tf.config import resolve
    from deca_tf.runs.data import read_split

    where = {"data_dir": data_dir} if data_dir else {}
    return read_split(
        resolve(overrides={"data": {"dataset": dataset, "protocol": protocol, **where}})
    )


def ours(split, backbone, denoiser, optimizer="adam"):
    """A backbone under a denoiser, at its recipe's settings but for the optimizer.

    Returns:
        `(model, train)`: the `DeCAModel`, and a function that trains some epochs and returns the
        number of updates.
    """
    from deca_tf.config import resolve
    from deca_tf.data import training_batches, training_batches_by_user
    from deca_tf.runs.building import build_model
    from deca_tf.training.execution import steps_per_execution_of

    config = resolve(
        overrides={
            "data": {"dataset": split.name, "protocol": split.protocol},
            "backbone": {"name": backbone},
            "denoiser": {"name": denoiser},
            "training": {"optimizer": optimizer},
        }
    )
    model = build_model(config, split)
    phases = len(model.denoiser.phases)
    if config.training.users_per_batch is None:
        batches = training_batches(split.train, updates_per_step=phases)
    else:
        batches = training_batches_by_user(
            split.train, users_per_batch=config.training.users_per_batch, updates_per_step=phases
        )
    epochs = -(-UPDATES // (phases * int(batches.cardinality())))
    training = config.training
    model.steps_per_execution = steps_per_execution_of(
        training.steps_per_execution, training.epochs, int(batches.cardinality())
    )

    def train():
        before = int(model.optimizer.iterations)
        model.fit(batches, epochs=epochs, shuffle=False, verbose=0)
        return int(model.optimizer.iterations) - before

    return model, train


def plain_keras(split, dim=32, batch_size=4096):
    """GMF on NumPy arrays with negatives drawn before, which is not timed.

    The usual tutorial, at its fastest.

    Returns:
        As `ours`.
    """
    import keras
    import numpy as np

    user, item = keras.Input((), dtype="int32"), keras.Input((), dtype="int32")
    vectors = keras.layers.multiply(
        [
            keras.layers.Embedding(split.num_users, dim)(user),
            keras.layers.Embedding(split.num_items, dim)(item),
        ]
    )
    model = keras.Model([user, item], keras.layers.Dense(1)(vectors))
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    negatives = rng.integers(0, split.num_items, len(split.train), dtype=np.int32)
    users = np.tile(split.train.user_id, 2)
    items = np.concatenate([split.train.item_id, negatives])
    labels = np.repeat([1.0, 0.0], len(split.train)).astype(np.float32)

    updates = -(-len(users) // batch_size)
    epochs = -(-UPDATES // updates)

    def train():
        model.fit([users, items], labels, batch_size=batch_size, epochs=epochs, verbose=0)
        return updates * epochs

    return model, train
