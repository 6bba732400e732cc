"""SchemaGen: what every span must look like, inferred from the first one.

From then on it is yours to edit.
"""

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from deca_tf._files import write_atomically

from ..step import Step
from .statistics_gen import read_statistics

SCHEMA = "schema"
FILE = "schema.pbtxt"
NAMES = statistics_pb2.FeatureNameStatistics
TYPES = {NAMES.INT: schema_pb2.INT, NAMES.FLOAT: schema_pb2.FLOAT, NAMES.STRING: schema_pb2.BYTES}


class SchemaGen(Step):
    """Writes `<root>/schema.pbtxt` if there is none, and passes it on as it stands.

    A new column, another type, or a missing value where there was none is an anomaly later on. To
    allow it, edit the file; to begin anew, delete it.
    """

    name = "SchemaGen"
    inputs = ("statistics",)
    outputs = (SCHEMA,)

    def settings(self, context, inputs):
        return _text(context, inputs)

    def run(self, inputs, outputs, context):
        file, text = context.settings.root / FILE, _text(context, inputs)
        is_new = not file.is_file()
        schema = parse(text, file)
        if (
            is_new and schema.feature
        ):  # a span without rows tells nothing, and would refuse all later ones
            write_atomically(file, text)
        (outputs[SCHEMA] / FILE).write_text(text, encoding="utf-8")
        return {"features": len(schema.feature), "told from this span": is_new}


def _text(context, inputs):
    """The schema as it stands, or as this span tells it."""
    file = context.settings.root / FILE
    if file.is_file():
        return file.read_text(encoding="utf-8")
    return text_format.MessageToString(infer(read_statistics(inputs["statistics"])[0]))


def infer(statistics):
    """A `Schema` that a span of these statistics fits."""
    schema = schema_pb2.Schema()
    for each in statistics.features:
        is_text = each.type == NAMES.STRING
        common = (each.string_stats if is_text else each.num_stats).common_stats
        feature = schema.feature.add(name=each.path.step[0], type=TYPES[each.type])
        feature.value_count.max = 1
        feature.presence.min_count = 1
        if not common.num_missing:
            feature.presence.min_fraction = 1.0
    return schema


def parse(text, file):
    """A `Schema` from its text.

    Raises:
        ValueError: it is none.
    """
    try:
        return text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise ValueError(f"{file} must be a Schema as text. Received: {error}.") from None


def read_schema(folder):
    """The `Schema` of an artifact."""
    return parse((folder / FILE).read_text(encoding="utf-8"), folder / FILE)
