"""Sharded TFRecords that the pipelines, or `deca_tf.data.shards.write_shards`, have written.

A split as it stands.
"""

from deca_tf._checks import check_flag

OPTIONS = ("folder", "stream")


def protocol_of(name="shards", *, folder=None, stream=False):
    """The folder's own."""
    del name, stream
    from deca_tf.data.shards import open_shards

    _check_folder(folder)
    return open_shards(folder).protocol


def load_split(name="shards", *, protocol, data_dir=None, seed=0, folder=None, stream=False):
    """The registry's entry.

    Args:
        name, data_dir, seed: not looked at.
        protocol: must be the folder's own.
        folder: of the shards.
        stream: leaves train in its files, to be read along in training, in place of reading it into
            memory.

    Returns:
        A `Split`.

    Raises:
        FileNotFoundError, ValueError: see `deca_tf.data.shards.read_shards`; also no folder, or
            another protocol.
    """
    del name, data_dir, seed
    _check_folder(folder)
    from deca_tf.data.shards import open_shards, read_shards
    from deca_tf.data.streamed_split import stream_shards

    own = open_shards(folder).protocol
    if own != protocol:
        raise ValueError(
            f"`protocol` must be that of the shards, {own!r}. Received: protocol={protocol!r}."
        )
    return stream_shards(folder) if check_flag("stream", stream) else read_shards(folder)


def _check_folder(folder):
    if folder is None:
        raise ValueError(
            "'shards' requires the option `folder`, which holds interactions.json. Received: none. "
            "Set `folder`."
        )
