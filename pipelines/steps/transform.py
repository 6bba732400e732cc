"""Transform: whose clicks are kept, and raw ids as dense ones.

A graph does it, which a server can run as it stands.
"""

import pathlib
import shutil

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public.tfxio import TensorAdapterConfig, TFExampleRecord

from deca_tf.data import schema
from deca_tf.data.blocks import encode_blocks

from .. import clicks, examples
from ..core import GROUPS, find_core
from ..step import Step

GRAPH, TRANSFORMED = "transform_graph", "transformed_examples"
# How often an id was clicked with, for the order of the vocabularies; a server need not give it.
CLICKS = "clicks"
SCRATCH = "scratch"


class Transform(Step):
    """Finds the k-core, builds vocabularies of what is left, and applies them.

    TensorFlow Transform does the last two.

    Vocabularies begin with the ids of most clicks. The transformed examples are blocks, as in a
    folder of shards, of the rows whose user and item are both kept. The anomalies are read only so
    that nothing runs which ExampleValidator has not passed.
    """

    name = "Transform"
    inputs = ("examples", "anomalies")
    outputs = (GRAPH, TRANSFORMED)

    def settings(self, context, inputs):
        given = context.settings.input
        return [given.columns_by_name(), given.shards, context.settings.transform.model_dump()]

    def run(self, inputs, outputs, context):
        columns = context.settings.input.columns_by_name()
        scratch = outputs[GRAPH] / SCRATCH
        scratch.mkdir()
        core = find_core(
            inputs["examples"], columns, context.settings.transform, scratch, context.options
        )
        rows = _apply(inputs["examples"], outputs, columns, core, context)
        shutil.rmtree(scratch)
        sizes = {
            f"{name.removesuffix('_id')}s": len(vocabulary(outputs[GRAPH], name))
            for name in clicks.IDS
        }
        return {"rows": rows, **sizes, **core.notes}


def _apply(source, outputs, columns, core, context):
    """The second pipeline: the graph from the ids that are kept, then all rows through it.

    Returns their number.
    """
    given = context.settings.input
    extra = [name for name in columns if name not in clicks.IDS]
    pipeline = beam.Pipeline(options=context.options)
    with tft_beam.Context(temp_dir=str(outputs[GRAPH] / SCRATCH), passthrough_keys=set(extra)):
        kept = (
            pipeline
            | "groups" >> beam.Create(range(GROUPS))
            | "spread groups" >> beam.Reshuffle()
            | "kept ids" >> beam.FlatMap(_kept_ids, core)
        )
        graph = (kept, _tensors([*clicks.IDS, CLICKS])) | tft_beam.AnalyzeDataset(preprocess)
        rows = examples.read(pipeline, source, columns=list(columns.values()))
        rows = rows | "to the graph" >> beam.Map(_to_graph, columns)
        transformed, _ = ((rows, _tensors(clicks.IDS, extra)), graph) | tft_beam.TransformDataset(
            output_record_batches=True
        )
        blocks = transformed | "blocks" >> beam.Map(_blocks)
        examples.write(blocks, outputs[TRANSFORMED] / "Split-all", given.shards)
        graph | tft_beam.WriteTransformFn(str(outputs[GRAPH]))
        return examples.run_and_count(pipeline)


def preprocess(inputs):
    """The function of TensorFlow Transform.

    Args:
        inputs: `{"user_id": string (batch,), "item_id": string (batch,), "clicks": int64
            (batch,)}`, an empty id being none. `clicks` is read while the vocabularies are built
            and never again.

    Returns:
        `{"user_id": int64 (batch,), "item_id": int64 (batch,)}`, -1 for ids that are not in the
        vocabulary.
    """
    weights = tf.cast(inputs[CLICKS], tf.float32)
    return {
        name: tft.compute_and_apply_vocabulary(
            inputs[name], default_value=-1, vocab_filename=name, weights=weights
        )
        for name in clicks.IDS
    }


def vocabulary(graph, name):
    """Raw ids in the order of the dense ones, strings `(size,)`.

    Args:
        graph: folder of a `transform_graph`.
        name: 'user_id' or 'item_id'.
    """
    path = pathlib.Path(tft.TFTransformOutput(str(graph)).vocabulary_file_by_name(name))
    text = path.read_text(encoding="utf-8")
    return np.array(text.removesuffix("\n").split("\n") if text else [], str)


def _tensors(names, extra=()):
    """How columns of lists become tensors `(batch,)`, every row having one value.

    `extra` ones stay what they are.
    """
    found = schema_pb2.Schema()
    for name in names:
        feature = found.feature.add(
            name=name, type=schema_pb2.INT if name == CLICKS else schema_pb2.BYTES
        )
        feature.presence.min_fraction = 1.0
        feature.value_count.min = feature.value_count.max = 1
        feature.shape.SetInParent()
    config = TFExampleRecord(
        "", schema=found, telemetry_descriptors=["deca_tf"]
    ).TensorAdapterConfig()
    kinds = dict(zip(config.arrow_schema.names, config.arrow_schema.types, strict=True))
    kinds |= {name: pa.large_list(clicks.TYPES[name]) for name in extra}
    columns = pa.schema([(name, kinds[name]) for name in (*names, *extra)])
    return TensorAdapterConfig(columns, config.tensor_representations)


def _kept_ids(group, core):
    """Ids of a group with their clicks, as batches of what `preprocess` reads."""
    for name in clicks.IDS:
        texts, counts = core.kept(name, group)
        for start in range(0, len(texts), examples.BATCH):
            some = texts[start : start + examples.BATCH]
            nothing = pa.array([b""] * len(some), pa.large_binary())
            values = {other: some if other == name else nothing for other in clicks.IDS}
            values[CLICKS] = pa.array(counts[start : start + examples.BATCH], pa.int64())
            yield pa.RecordBatch.from_arrays(
                [examples.lists(each) for each in values.values()], list(values)
            )


def _to_graph(batch, columns):
    """Clicks of a batch, each column as lists of one value, as TensorFlow Transform takes them."""
    examples.ROWS.inc(batch.num_rows)
    rows = clicks.of(batch, columns)
    return pa.RecordBatch.from_arrays(
        [examples.lists(column) for column in rows.columns], rows.schema.names
    )


def _blocks(transformed):
    """Records of the rows whose ids are both in the vocabularies."""
    batch, _ = transformed
    values = {
        name: batch.column(name).flatten().to_numpy(zero_copy_only=False)
        for name in batch.schema.names
    }
    known = (values[schema.USER_ID] >= 0) & (values[schema.ITEM_ID] >= 0)
    values = {name: column[known] for name, column in values.items()}
    return list(encode_blocks(clicks.interactions(values)))
