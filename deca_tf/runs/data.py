"""The data of a run: what its settings ask for."""

from deca_tf.config import Config
from deca_tf.data import Split, load_split
from deca_tf.data.sources import protocol_of
from deca_tf.runs.seeds import data_seed


def read_split(config: Config) -> Split:
    """The `Split` that a config asks for.

    Stability: stable.
    """
    data = config.data
    given = {"by": data.split_by, "clean_test": data.clean_test, **data.options}
    return load_split(
        data.dataset,
        protocol=data.protocol,
        data_dir=data.data_dir,
        seed=data_seed(config),
        windows_back=data.windows_back,
        **{key: value for key, value in given.items() if value is not None},
    )


def with_protocol(config: Config, split: Split | None = None) -> Config:
    """The config with its protocol, which follows from the data where it is not set.

    Args:
        config: a `Config`.
        split: its `Split`, if it has been read already.

    Returns:
        A `Config` whose `data.protocol` is set, so that it repeats the run.

    Raises:
        ValueError, TypeError, FileNotFoundError: the data cannot be used.

    Stability: provisional.
    """
    if config.data.protocol is not None:
        return config
    data = config.data
    found = (
        protocol_of(data.dataset, by=data.split_by, **data.options)
        if split is None
        else split.protocol
    )
    return config.model_copy(update={"data": data.model_copy(update={"protocol": found})})
