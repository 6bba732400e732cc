"""Graphs of a model's scores.

What is shipped of a model is a graph and the variables it reads, no Keras object.
"""

import tensorflow as tf

PYTHON_OPS = {
    "PyFunc",
    "PyFuncStateless",
    "EagerPyFunc",
}  # they would call into the process that wrote them


class Untracked:
    """Hides an object from TensorFlow's tracking of attributes.

    Args:
        value: the object.
    """

    def __init__(self, value):
        self.value = value


def trace(function, specs, name, target):
    """A function's graph, refused if it could not run elsewhere.

    Args:
        function: from tensors to a tensor.
        specs: `tf.TensorSpec` of each argument.
        name: what the function is called in errors, such as '`target.score_all_items`'.
        target: the model it is of, for errors.

    Returns:
        A `ConcreteFunction`.

    Raises:
        ValueError: it cannot be traced, or calls back into Python.
    """
    try:
        traced = tf.function(function, input_signature=specs).get_concrete_function()
    except Exception as error:  # of whatever kind the model raises
        raise ValueError(
            f"{name} must be traceable into a graph: TensorFlow or keras.ops, no NumPy. "
            f"Received: target={target!r}, which raised {type(error).__name__}: {error}"
        ) from error
    called = sorted(_operations_of(traced.graph.as_graph_def()) & PYTHON_OPS)
    if called:
        raise ValueError(
            f"{name} must run without Python to be exported: no `tf.py_function`, no "
            "`tf.numpy_function`. "
            f"Received: target={target!r}, whose graph holds {', '.join(called)}."
        )
    return traced


def operations(loaded):
    """Names of the operations of all signatures of a loaded SavedModel, a set."""
    graphs = [signature.graph.as_graph_def() for signature in loaded.signatures.values()]
    return set().union(*map(_operations_of, graphs))


def _operations_of(graph):
    nodes = [
        *graph.node,
        *(node for function in graph.library.function for node in function.node_def),
    ]
    return {node.op for node in nodes} - {
        function.signature.name for function in graph.library.function
    }
