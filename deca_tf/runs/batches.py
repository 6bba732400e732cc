"""Settings to the stream of batches that they ask for."""

from deca_tf.runs.seeds import role_seed
from deca_tf.training.batching import stream_batches


def build_batches(config, split, denoiser, epochs_done, strategy=None):
    """The stream of batches from an epoch on: a `deca_tf.training.batching.Stream`."""
    training, half_life = config.training, config.time.click_half_life
    return stream_batches(
        split.train if half_life is None else split.train.decayed(half_life),
        denoiser,
        batch_size=training.batch_size,
        users_per_batch=training.users_per_batch,
        num_negatives=training.num_negatives,
        exclude_observed=training.exclude_observed,
        seed=role_seed(config, "batches"),
        epochs_done=epochs_done,
        strategy=strategy,
    )
