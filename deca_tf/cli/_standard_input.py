"""Clicks by standard input, kept as a file in the run's folder, to go on with."""

import filecmp
import shutil
import sys

from deca_tf._files import INPUT, UNFINISHED

NAME = "-"  # how standard input is named
_KINDS = {b"\x1f\x8b": ".csv.gz", b"PAR1": ".parquet"}  # by their first bytes; .csv or .tsv else


def keep(out, separator=None):
    """Copies standard input into a run's folder.

    Args:
        out: the folder; created if need be.
        separator: of columns, if the user named it; None: TAB, where the first line holds one.

    Returns:
        The path of the copy.

    Raises:
        FileExistsError: the folder is that of a run on other data.
    """
    from deca_tf.runs.folder import RunFolder

    folder = RunFolder(out)
    kept = next(iter(sorted(folder.path.glob(f"{INPUT}.*"))), None)
    if not folder.config_file.is_file():
        folder.check(None)
    elif kept is None:
        raise FileExistsError(
            f"`out` must be a new folder, or that of the same run. Received: '{out}', whose run "
            "did not read standard input. Name another folder, or delete this one."
        )
    if sys.stdin.isatty():
        print("Reading clicks from the keyboard; Ctrl-D ends them.", file=sys.stderr)
    folder.path.mkdir(parents=True, exist_ok=True)
    stream = sys.stdin.buffer
    beside = folder.path / f"{UNFINISHED}{INPUT}"
    first = stream.readline()
    with beside.open("wb") as file:
        file.write(first)
        shutil.copyfileobj(stream, file)
    if folder.config_file.is_file():
        same = filecmp.cmp(beside, kept, shallow=False)
        beside.unlink()
        if not same:
            raise FileExistsError(
                "Standard input must be what the run was trained on. Received: other data than "
                f"'{kept}'. Name another folder by `out`, or delete this one."
            )
        return str(kept)
    if kept is not None:
        kept.unlink()
    return str(beside.rename(folder.path / f"{INPUT}{_ending(first, separator)}"))


def _ending(first, separator):
    for start, ending in _KINDS.items():
        if first.startswith(start):
            return ending
    return ".tsv" if separator is None and b"\t" in first else ".csv"
