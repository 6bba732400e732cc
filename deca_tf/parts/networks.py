"""What may stand where a part or a `DeCAModel` takes a network."""


def check_kind(name, network):
    """Refuses what is no model of the Keras that this library uses.

    Args:
        name: of the argument, for messages.
        network: what was given for it.

    Raises:
        TypeError: saying what came.
    """
    import keras

    if isinstance(network, keras.Model):
        return
    bases = {base.__module__.partition(".")[0] for base in type(network).__mro__}
    remedy = ""
    if "tf_keras" in bases:
        remedy = (
            " That is Keras 2, which `tf.keras` is under TF_USE_LEGACY_KERAS=1. Make the model with "
            "`import keras`."
        )
    elif isinstance(network, type) and issubclass(network, keras.Model):
        remedy = f" Call the class: `{network.__name__}(...)`."
    raise TypeError(
        f"`{name}` must be a keras.Model from {{'user_id', 'item_id'}} to logits. Received: "
        f"{name}={network!r} of type {type(network).__name__}.{remedy}"
    )
