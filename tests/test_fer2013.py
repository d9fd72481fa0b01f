"""FER-2013 is read as it is, and no test image gets into training."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fervid.errors import FervidError
from tests.toy_data import toy_fer
from training import fer2013


def test_images_of_the_test_splits_leave_training() -> None:
    data = toy_fer(12)
    data.images[4] = data.images[1]  # a Training row equal to a PublicTest row
    kept = fer2013.without_leaks(data)
    assert len(kept) == 5
    assert not any((image == data.images[1]).all() for image in kept.images)
    assert fer2013.unique_rows(data, "PublicTest").tolist() == [False] + [True] * 5


def test_ferplus_majority_drops_single_votes_and_ties() -> None:
    data = toy_fer(5)
    data.votes[:] = 0
    data.votes[0, 3] = 9  # clear: happy
    data.votes[1, [3, 6]] = 5  # a tie has no majority
    data.votes[2, [4, 0, 1, 2]] = [6, 1, 1, 1]  # single votes are noise: sad
    data.votes[3, 5] = 4
    data.other_votes[3, 0] = 6  # contempt wins: dropped
    assert data.ferplus_majority().tolist() == [3, -1, 4, -1, -1]
    assert data.ferplus_plurality().tolist() == [3, 3, 4, 5, -1]


def test_the_official_csv_and_its_votes_are_read(tmp_path: Path) -> None:
    toy = toy_fer(6)
    names = {0: "Training", 1: "PublicTest"}
    pd.DataFrame(
        {
            "emotion": toy.labels,
            " pixels": [" ".join(map(str, image.ravel())) for image in toy.images],
            " Usage": [names[int(u)] for u in toy.usage],
        }
    ).to_csv(tmp_path / "fer2013.csv", index=False)
    columns = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear")
    votes = pd.DataFrame({name: [0] * 6 for name in (*columns, "contempt", "unknown", "NF")})
    votes.loc[0, "anger"] = 7
    votes.to_csv(tmp_path / "votes.csv", index=False)
    data = fer2013.load(tmp_path / "fer2013.csv", tmp_path / "votes.csv")
    np.testing.assert_array_equal(data.images, toy.images)
    np.testing.assert_array_equal(data.labels, toy.labels)
    assert data.usage.tolist() == toy.usage.tolist()
    assert data.votes[0].tolist() == [7, 0, 0, 0, 0, 0, 0]


def test_wrong_files_get_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FervidError, match="no such file"):
        fer2013.load(tmp_path / "none.csv")
    (tmp_path / "a.csv").write_text("emotion,Usage\n1,Training\n")
    with pytest.raises(FervidError, match="pixels"):
        fer2013.load(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("emotion,pixels,Usage\n1,1 2 3,Training\n")
    with pytest.raises(FervidError, match="row 0 has 3 pixels"):
        fer2013.load(tmp_path / "b.csv")


def test_fer2013_counts_and_leaks(fer2013_path: Path) -> None:
    data = fer2013.load(fer2013_path)
    assert [len(data.split(usage)) for usage in fer2013.USAGES] == [28709, 3589, 3589]
    assert np.bincount(data.split("PrivateTest").labels).tolist() == [
        491, 55, 528, 879, 594, 416, 626
    ]  # fmt: skip
    train = fer2013.without_leaks(data)
    tests = data[data.usage != 0]
    assert not {i.tobytes() for i in train.images} & {i.tobytes() for i in tests.images}
