"""The data directory.

A folder with the public data sets, named by an argument or the environment.
"""

import os
import pathlib

VARIABLE = "DECA_TF_DATA_DIR"


def find_data_dir(data_dir=None, origin=""):
    """The data directory.

    The argument, else the environment variable DECA_TF_DATA_DIR, else None (download).

    Args:
        data_dir: path, or None.
        origin: one sentence for the error message saying where the wanted files come from.

    Raises:
        FileNotFoundError: the named directory does not exist.
    """
    argument = "data_dir" if data_dir is not None else VARIABLE
    named = data_dir if data_dir is not None else os.environ.get(VARIABLE) or None
    if named is None:
        return None
    folder = pathlib.Path(named).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(
            "The data directory must be an existing folder. Received: "
            f"{argument}={str(named)!r}.{origin and ' '}"
            f"{origin} Correct the path given by `data_dir` or the environment "
            f"variable {VARIABLE}; with "
            "neither, public data sets are downloaded."
        )
    return folder
