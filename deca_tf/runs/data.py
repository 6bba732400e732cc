"""The data of a run: what its settings ask for."""

from deca_tf.config import Config
from deca_tf.data import Split, load_split
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
        **{key: value for key, value in given.items() if value is not None},
    )
