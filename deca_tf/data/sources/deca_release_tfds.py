"""The released data as a TensorFlow Datasets builder, for those whose pipelines speak TFDS.

    import deca_tf.data.sources.deca_release_tfds  # registers the builder
    builder = tfds.builder("deca_release/ml-100k-clean", source_dir="data")
    builder.download_and_prepare()
    dataset = builder.as_dataset(split="train")

One configuration per data set and protocol; the splits are those of `deca_tf.data.load_split`, row
for row. The files come from `source_dir` (or the environment variable DECA_TF_DATA_DIR) if there is
one, else they are downloaded, and their checksums are verified either way. The library itself
trains from the text, which is far quicker.
"""

import dataclasses

import numpy as np
import tensorflow_datasets as tfds

from deca_tf.data import schema
from deca_tf.data.sources import _downloads as downloads
from deca_tf.data.sources import _verified_files as verified_files
from deca_tf.data.sources import deca_release

UNKNOWN = -1  # `is_noisy` of a row about which the released files say nothing


@dataclasses.dataclass
class DecaReleaseConfig(tfds.core.BuilderConfig):
    """One data set in one protocol.

    Args:
        dataset: name in `deca_release.RELEASES`.
        protocol: 'clean' or 'paper'.
    """

    dataset: str = ""
    protocol: str = schema.CLEAN


def _configs():
    return [
        DecaReleaseConfig(
            name=f"{dataset}-{protocol}",
            description=f"{dataset} under protocol {protocol}.",
            dataset=dataset,
            protocol=protocol,
        )
        for dataset, release in deca_release.RELEASES.items()
        for protocol in schema.RELEASED
        if protocol == schema.CLEAN or release.paper_validation is not None
    ]


def _all_files():
    releases = deca_release.RELEASES.values()
    return [
        file
        for release in releases
        for file in (
            release.train,
            release.paper_validation,
            release.clean_validation,
            release.test,
        )
        if file is not None
    ]


class DecaRelease(tfds.core.GeneratorBasedBuilder):
    """Builder `deca_release`.

    Args:
        source_dir: folder that holds `deca/`; None: the environment variable DECA_TF_DATA_DIR, else
            download.
        **kwargs: TFDS's own: `config`, `data_dir` (where the built set is kept), `version`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The files of commit 8b04aa8c."}
    BUILDER_CONFIGS = _configs()
    url_infos = downloads.url_infos(_all_files())

    def __init__(self, *, source_dir=None, **kwargs):
        super().__init__(**kwargs)
        self._source_dir = source_dir

    def _info(self):
        columns = {schema.USER_ID: np.int64, schema.ITEM_ID: np.int64}
        if self._third_column() == schema.RATING:
            columns[schema.RATING] = np.float32
        else:
            columns[schema.IS_NOISY] = np.int32
        return tfds.core.DatasetInfo(
            builder=self,
            disable_shuffling=True,
            description=f"{deca_release.__doc__.splitlines()[0]} `is_noisy` is {UNKNOWN} where it is not known.",
            features=tfds.features.FeaturesDict(
                {name: tfds.features.Scalar(dtype=dtype) for name, dtype in columns.items()}
            ),
            homepage="https://github.com/wangyu-ustc/DeCA",
            citation="Wang et al., Learning Robust Recommenders through Cross-Model Agreement, WWW 2022.",
        )

    def _split_generators(self, dl_manager):
        config = self.builder_config
        files = deca_release.files_of(config.dataset, config.protocol, self._source_dir)
        paths = verified_files.locate(
            files, self._source_dir, deca_release.FOLDERS, deca_release.ORIGIN, manager=dl_manager
        )
        split = deca_release.read_split(config.dataset, config.protocol, files, paths)
        return {
            part: self._generate_examples(getattr(split, part))
            for part in ("train", "validation", "test")
        }

    def _generate_examples(self, interactions):
        columns = {schema.USER_ID: interactions.user_id, schema.ITEM_ID: interactions.item_id}
        third = getattr(interactions, self._third_column())
        if third is None:
            third = np.full(len(interactions), UNKNOWN)
        columns[self._third_column()] = third.astype(
            np.float32 if third.dtype == np.float32 else np.int32
        )
        for row, values in enumerate(zip(*columns.values(), strict=True)):
            yield row, dict(zip(columns, values, strict=True))

    def _third_column(self):
        release = deca_release.RELEASES[self.builder_config.dataset]
        return schema.RATING if release.third_column == schema.RATING else schema.IS_NOISY
