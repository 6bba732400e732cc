"""Electronics, whose training file is not released with the others in every copy.

Where it is looked for.
"""

import pathlib

from deca_tf.data.sources import deca_release
from deca_tf.data.sources.data_directory import VARIABLE, find_data_dir

NAME = "electronics"


def missing(data_dir=None):
    """Says which file is missing and where it was looked for, or returns None if it is there.

    Args:
        data_dir: folder of the public data sets; None: the environment variable DECA_TF_DATA_DIR.
    """
    file = deca_release.ELECTRONICS_TRAIN
    root = find_data_dir(data_dir)
    if root is None:
        where = f"No folder to look in was named by --data-dir or {VARIABLE}."
    else:
        looked = [
            (pathlib.PurePosixPath(folder) / file.path).as_posix()
            for folder in deca_release.FOLDERS
        ]
        if any((root / path).is_file() for path in looked):
            return None
        # Relative, for the sentence stands in documents as well.
        names = " and ".join(f"`{path}`" for path in looked)
        where = f"In the folder of the data sets it was looked for as {names}."
    return (
        f"Electronics is left out: its training file `{file.path.rpartition('/')[2]}` is missing.\n"
        f"It has 1,034,363 rows and the git blob {file.git_blob}.\n"
        f"{where}\n"
        "It comes from the GitHub repository wangyu-ustc/DeCA, commit "
        f"{deca_release.COMMIT}, folder `data/`.\n"
        "With that file there, the same command runs it."
    )
