"""What every step of a pipeline says of itself."""

import dataclasses


class PipelineStopped(RuntimeError):
    """A step refuses to go on; its text says why, for people."""


@dataclasses.dataclass(frozen=True)
class Context:
    """What a step is given beside its inputs.

    Args:
        settings: the `Settings`.
        store: the `Store`, for what went before.
        options: `apache_beam.options.pipeline_options.PipelineOptions`.
    """

    settings: object
    store: object
    options: object


class Step:
    """One step: artifacts in, artifacts out.

    Attributes:
        name: folder of its outputs.
        version: counted up when the same inputs give something else.
        inputs: names of artifacts that it reads, each an output of one step.
        outputs: names of those it writes.
        goes_on: whether it finds in its outputs' folders what it wrote before it was interrupted.
    """

    name = ""
    version = 1
    inputs = ()
    outputs = ()
    goes_on = False

    def check(self, context):
        """Refuses settings that cannot be used, before any step runs.

        Raises:
            ValueError, ImportError: what must be changed.
        """

    def settings(self, context, inputs):
        """What its result depends on beside the content of its inputs, `{name: folder}`.

        Something for JSON.
        """
        return {}

    def run(self, inputs, outputs, context):
        """Does the work.

        Args:
            inputs: `{name: folder}`.
            outputs: `{name: folder}`, empty unless it goes on.
            context: `Context`.

        Returns:
            Notes, a dict for JSON; `rows`, if it reads rows, is shown as a rate.

        Raises:
            PipelineStopped: what it read must not go further.
        """
        raise NotImplementedError
