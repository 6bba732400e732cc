"""How many steps run before Python is asked again."""

STEPS = 32  # about, where nobody says it


def steps_per_execution_of(wanted, epochs, epoch_steps):
    """Steps that run without Python in between.

    About as many as wanted, and if possible a part of an epoch.

    Two executions at least, where there are two steps: the first one compiles, and only the others
    can be timed. Where executions and epochs end together, one iterator serves all epochs
    (`DeCAModel.fit`).

    Args:
        wanted: steps.
        epochs: to train.
        epoch_steps: steps in an epoch.
    """
    half = max(1, epochs * epoch_steps // 2)
    wanted = min(wanted, epoch_steps, half)
    most = min(2 * wanted, epoch_steps, half)
    parts = [steps for steps in range(-(-wanted // 2), most + 1) if epoch_steps % steps == 0]
    return min(parts, key=lambda steps: abs(steps - wanted), default=wanted)
