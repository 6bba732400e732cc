"""How steps are executed: whether XLA compiles them, and how many run before Python is asked again.

Decided here alone, for a run.
"""

from deca_tf.training.execution import steps_per_execution_of


def set_execution(model, training, epoch_steps):
    """Sets `jit_compile` and `steps_per_execution` of a compiled model.

    Args:
        model: a `DeCAModel`.
        training: the config's `TrainingSettings`.
        epoch_steps: steps in an epoch.
    """
    if training.strategy != "default":  # Keras can do neither under a strategy
        model.jit_compile, model.steps_per_execution = False, 1
        return
    # XLA knows no sparse products: a network of them says so.
    networks = (model.target, *(getattr(model.denoiser, name) for name in model.denoiser.networks))
    model.jit_compile = training.jit_compile and all(network.supports_jit for network in networks)
    model.steps_per_execution = steps_per_execution_of(
        training.steps_per_execution, training.epochs, epoch_steps
    )
