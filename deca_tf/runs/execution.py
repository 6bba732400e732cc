"""How steps are executed: whether XLA compiles them, and how many run before Python is asked again.

Decided here alone.
"""


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
    model.steps_per_execution = steps_per_execution_of(training, epoch_steps)


def steps_per_execution_of(training, epoch_steps):
    """Steps that run without Python in between: about as many as asked for, a part of an epoch.

    Two executions at least, where there are two steps: the first one compiles, and only the others
    can be timed. Where executions and epochs end together, one iterator serves all epochs
    (`DeCAModel.fit`).
    """
    wanted = min(
        training.steps_per_execution, epoch_steps, max(1, training.epochs * epoch_steps // 2)
    )
    most = min(2 * wanted, epoch_steps, max(1, training.epochs * epoch_steps // 2))
    parts = [steps for steps in range(-(-wanted // 2), most + 1) if epoch_steps % steps == 0]
    return min(parts, key=lambda steps: abs(steps - wanted), default=wanted)
