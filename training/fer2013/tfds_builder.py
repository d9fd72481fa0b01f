"""FER-2013 for TensorFlow Datasets; TensorFlow itself is not needed.

Prepare it with `python -m training.fer2013.prepare`, or:

    builder = Fer2013(data_dir=..., config="ferplus")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=..., try_download_gcs=False)
    )
    source = builder.as_data_source(split="train")
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from fervid.records import EXPRESSIONS, FACE_SIZE
from training import fer2013
from training.fer2013 import pictures, tfds_folder

_DESCRIPTION = """\
FER-2013: 35,887 grey 48x48 images of faces, found by web image search for the contest of the ICML
2013 workshop "Challenges in Representation Learning", each with one of seven expressions. The
splits are the contest's: train (Training), validation (PublicTest) and test (PrivateTest). 568
images of the test splits are also in train, and labels are noisy. Config `ferplus` adds the votes
of ten people on each image (FER+)."""

_CITATION = """\
@inproceedings{goodfellow2013challenges,
  title={Challenges in Representation Learning: A Report on Three Machine Learning Contests},
  author={Goodfellow, Ian J. and Erhan, Dumitru and Carrier, Pierre Luc and Courville, Aaron and
    others},
  booktitle={Neural Information Processing (ICONIP)},
  year={2013}
}
@inproceedings{barsoum2016training,
  title={Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
    Distribution},
  author={Barsoum, Emad and Zhang, Cha and Canton Ferrer, Cristian and Zhang, Zhengyou},
  booktitle={ACM International Conference on Multimodal Interaction (ICMI)},
  year={2016}
}"""

_SOURCES = ("fer2013.csv", "icml_face_data.csv")


class Fer2013(tfds.core.GeneratorBasedBuilder):  # type: ignore[misc]
    """The TFDS data set `fer2013`, in configs `plain` and `ferplus`.

    Features: `image` (48, 48, 1) uint8 stored as PNG, `label` in the order of `EXPRESSIONS`, `row`
    int64 of the official csv, and in `ferplus` `votes` (10,) int32: the classes in the order of
    `label`, then contempt, unknown and not-a-face.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: dict[str, str] = {"1.0.0": "The contest's images, labels and splits; FER+."}  # noqa: RUF012
    BUILDER_CONFIGS = [  # noqa: RUF012
        tfds.core.BuilderConfig(name="plain", description="Images and labels of FER-2013."),
        tfds.core.BuilderConfig(name="ferplus", description="With the votes of FER+."),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
Put one of these into manual_dir: fer2013.csv (from the contest's page on Kaggle, "Challenges in
Representation Learning: Facial Expression Recognition Challenge"), icml_face_data.csv, or the
folders train/ and test/ with images named Training_..., PublicTest_... and PrivateTest_....
For the config ferplus also fer2013new.csv from https://github.com/microsoft/FERPlus."""

    # TFDS finds this with importlib_resources, which it does not install (its issue 11212).
    code_path = Path(__file__)

    def __init__(self, *, file_format: Any = "array_record", **arguments: Any) -> None:
        # The default of TFDS, tfrecord, needs TensorFlow.
        super().__init__(file_format=file_format, **arguments)

    def _info(self) -> Any:
        features = {
            "image": tfds.features.Image(shape=(FACE_SIZE, FACE_SIZE, 1), encoding_format="png"),
            "label": tfds.features.ClassLabel(names=list(EXPRESSIONS)),
            "row": np.int64,
        }
        if self.builder_config.name == "ferplus":
            features["votes"] = tfds.features.Tensor(shape=(10,), dtype=np.int32)
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            homepage="https://arxiv.org/abs/1307.0414",
            citation=_CITATION,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        manual = Path(dl_manager.manual_dir)
        source = next((manual / name for name in _SOURCES if (manual / name).is_file()), manual)
        with_votes = self.builder_config.name == "ferplus"
        data = fer2013.load(source, manual / "fer2013new.csv" if with_votes else None)
        return {
            split: self._generate_examples(data, fer2013.USAGES.index(usage))
            for split, usage in tfds_folder.USAGE_BY_SPLIT.items()
        }

    def _generate_examples(
        self, data: fer2013.Fer2013, usage: int
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        with_votes = self.builder_config.name == "ferplus"
        for row in map(int, np.flatnonzero(data.usage == usage)):
            example: dict[str, Any] = {
                "image": pictures.encode_png(data.images[row]),
                "label": int(data.labels[row]),
                "row": row,
            }
            if with_votes:
                votes = np.concatenate([data.votes[row], data.other_votes[row]])
                example["votes"] = votes.astype(np.int32)
            yield row, example
