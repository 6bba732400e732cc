"""The variables of a version's folder, read and written without loading its graph."""

import pathlib
import shutil

import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

PREFIX = "variables/variables"
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"  # the tensor that tells which object each variable is
FINGERPRINT = "fingerprint.pb"  # of the very variables that were written with it


class StoredVariables:
    """All variables of a version, by the attributes that lead to them from `ServedModel`.

    Args:
        version: folder of the version.
    """

    def __init__(self, version):
        self.version = pathlib.Path(version)
        reader = tf.train.load_checkpoint(str(self.version / PREFIX))
        names = reader.get_variable_to_shape_map()
        self._tensors = {name: reader.get_tensor(name) for name in sorted(names)}
        self._nodes = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
            self._tensors[GRAPH]
        ).nodes

    def __contains__(self, path):
        return self._key(path) is not None

    def __getitem__(self, path):
        """The value of "search.histories.columns", an array."""
        return self._tensors[self._found(path)]

    def __setitem__(self, path, value):
        """Replaces it by an array; its length may be another where that was left open."""
        key = self._found(path)
        self._tensors[key] = value.astype(self._tensors[key].dtype)

    def write(self, folder):
        """Writes the version with these variables into a folder; all else is copied."""
        shutil.copytree(self.version, folder, dirs_exist_ok=True)
        (folder / FINGERPRINT).unlink(missing_ok=True)
        shutil.rmtree((folder / PREFIX).parent)
        (folder / PREFIX).parent.mkdir()
        names = list(self._tensors)
        tf.raw_ops.SaveV2(
            prefix=str(folder / PREFIX),
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[tf.constant(self._tensors[name]) for name in names],
        )

    def _found(self, path):
        key = self._key(path)
        if key is None:
            raise KeyError(path)
        return key

    def _key(self, path):
        node = self._nodes[0]
        for name in path.split("."):
            places = {child.local_name: child.node_id for child in node.children}
            if name not in places:
                return None
            node = self._nodes[places[name]]
        keys = [attribute.checkpoint_key for attribute in node.attributes]
        return keys[0] if keys else None
