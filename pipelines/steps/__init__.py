"""The steps in their order. To add one: write its file, add a row."""

from deca_tf._registry import Registry

_ROWS = {
    "ExampleGen": f"{__package__}.example_gen:ExampleGen",
    "StatisticsGen": f"{__package__}.statistics_gen:StatisticsGen",
    "SchemaGen": f"{__package__}.schema_gen:SchemaGen",
    "ExampleValidator": f"{__package__}.example_validator:ExampleValidator",
    "Transform": f"{__package__}.transform:Transform",
    "Split": f"{__package__}.split:SplitStep",
    "Tuner": f"{__package__}.tuner:Tuner",
    "Trainer": f"{__package__}.trainer:Trainer",
    "Evaluator": f"{__package__}.evaluator:Evaluator",
    "Pusher": f"{__package__}.pusher:Pusher",
}
STEPS = Registry("step", _ROWS)
ORDER = tuple(_ROWS)
