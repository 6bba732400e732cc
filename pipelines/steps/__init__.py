"""The steps in their order. To add one: write its file, add a row."""

from deca_tf._registry import Registry

_ROWS = {
    "ExampleGen": "pipelines.steps.example_gen:ExampleGen",
    "StatisticsGen": "pipelines.steps.statistics_gen:StatisticsGen",
    "SchemaGen": "pipelines.steps.schema_gen:SchemaGen",
    "ExampleValidator": "pipelines.steps.example_validator:ExampleValidator",
    "Transform": "pipelines.steps.transform:Transform",
    "Split": "pipelines.steps.split:SplitStep",
    "Tuner": "pipelines.steps.tuner:Tuner",
    "Trainer": "pipelines.steps.trainer:Trainer",
    "Evaluator": "pipelines.steps.evaluator:Evaluator",
    "Pusher": "pipelines.steps.pusher:Pusher",
}
STEPS = Registry("step", _ROWS)
ORDER = tuple(_ROWS)
