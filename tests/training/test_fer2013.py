"""FER-2013 in all its forms gives the same arrays."""

import dataclasses
import hashlib
import os
import re
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fervid.errors import FervidError
from fervid.records import EXPRESSIONS
from tests.helpers.fer2013_files import (
    FERPLUS_HEADER,
    assert_same,
    one_line,
    truth,
    usage_of,
    write_csv,
    write_folders,
    write_icml_csv,
    write_parquet,
    write_votes,
)
from tests.helpers.toy_data import toy_fer, without_votes
from training import fer2013
from training.fer2013 import parquet

pytestmark = pytest.mark.usefixtures("cache_home")


def prepare_tfds(manual: Path, data_dir: Path, config: str) -> Path:
    """Prepare the TFDS form; skips the test where its packages cannot be installed."""
    pytest.importorskip("array_record")
    pytest.importorskip("tensorflow_datasets")
    from training.fer2013.prepare import prepare

    return prepare(manual, data_dir, config)


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


@pytest.mark.parametrize("write", [write_csv, write_icml_csv, write_folders])
def test_csv_and_image_folders_give_the_same_arrays(
    write: Callable[[fer2013.Fer2013, Path], Path], tmp_path: Path
) -> None:
    path = write(truth(), tmp_path / "data.csv")
    votes = write_votes(truth(), tmp_path / "fer2013new.csv")
    for _ in ("parsed", "from the cache"):
        assert_same(fer2013.load(path), without_votes(truth()))
        assert_same(fer2013.load(path, votes), truth())


def test_parquet_gives_the_same_arrays_and_the_official_files(tmp_path: Path) -> None:
    path = write_parquet(truth(), tmp_path / "fer2013.parquet")
    assert_same(fer2013.load(path), truth())
    result = CliRunner().invoke(parquet.main, [str(path), str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    expected = write_csv(truth(), tmp_path / "expected.csv")
    assert (tmp_path / "out" / "fer2013.csv").read_bytes() == expected.read_bytes()
    votes = tmp_path / "out" / "fer2013new.csv"
    assert votes.read_text().splitlines()[0] == FERPLUS_HEADER
    assert_same(fer2013.load(expected, votes), truth())


def test_tfds_gives_the_same_arrays_without_tensorflow_or_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("no network in here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    manual, data_dir = tmp_path / "manual", tmp_path / "tfds"
    write_csv(truth(), manual / "fer2013.csv")
    votes = write_votes(truth(), manual / "fer2013new.csv")
    plain = prepare_tfds(manual, data_dir, "plain")
    assert_same(fer2013.load(data_dir), without_votes(truth()))
    assert_same(fer2013.load(plain, votes), truth())
    ferplus = prepare_tfds(manual, data_dir, "ferplus")
    assert_same(fer2013.load(ferplus), truth())
    assert "already has votes" in one_line(ferplus, votes)
    assert re.search("more than one.*ferplus.*plain", one_line(data_dir))
    assert "tensorflow" not in sys.modules


def test_tfds_itself_gives_named_splits_and_decoded_examples(tmp_path: Path) -> None:
    write_folders(truth(), tmp_path / "manual")
    write_votes(truth(), tmp_path / "manual" / "fer2013new.csv")
    folder = prepare_tfds(tmp_path / "manual", tmp_path / "tfds", "ferplus")
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(folder)
    assert builder.info.full_name == "fer2013/ferplus/1.0.0"
    assert builder.info.features["label"].names == list(EXPRESSIONS)
    sizes = {name: split.num_examples for name, split in builder.info.splits.items()}
    assert sizes == {"train": 8, "validation": 3, "test": 3}
    for example in builder.as_data_source(split="validation"):
        row = example["row"]
        assert usage_of(truth(), row) == "PublicTest"
        np.testing.assert_array_equal(example["image"][..., 0], truth().images[row])
        assert example["votes"].tolist() == [*truth().votes[row], *truth().other_votes[row]]


def test_a_tfds_data_set_that_cannot_be_used_gets_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(truth(), tmp_path / "manual" / "fer2013.csv")
    with pytest.raises(FervidError, match=r"no such file.*fer2013new\.csv from FER\+"):
        prepare_tfds(tmp_path / "manual", tmp_path / "tfds", "ferplus")
    folder = prepare_tfds(tmp_path / "manual", tmp_path / "tfds", "plain")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tensorflow_datasets", None)
        assert "fervid[training]" in one_line(folder)
    names = folder / "label.labels.txt"
    text = names.read_text()
    names.write_text("\n".join(reversed(text.split())))
    assert "its classes are neutral, surprise" in one_line(folder)
    names.write_text(text)
    next(folder.glob("*train*")).unlink()
    assert re.search("cannot be read.*prepare it again", one_line(folder))


def test_images_with_running_numbers_keep_their_split_but_get_no_votes(tmp_path: Path) -> None:
    """Kaggle's own copy: the numbers are not rows of the csv."""
    names = ("Angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral")
    path = write_folders(truth(), tmp_path / "k", lambda u, row: f"{u}_{10 * row + 5}.png", names)
    (path / "train" / ".DS_Store").write_bytes(b"x")
    assert_same(fer2013.load(path), without_votes(truth()))
    line = one_line(path, write_votes(truth(), tmp_path / "votes.csv"))
    assert "Training_5.png: votes join by row" in line


def test_jpeg_images_are_read_and_unnamed_ones_of_train_are_training(tmp_path: Path) -> None:
    # Even gray stays what it is in a JPEG file.
    even = np.broadcast_to(truth().images[:, :1, :1], truth().images.shape)
    gray = dataclasses.replace(truth(), images=even)

    def name(usage: str, row: int) -> str:
        return f"im{row}.jpg" if usage == "Training" else f"{usage}_{row}.jpg"

    data = fer2013.load(write_folders(gray, tmp_path / "k", name))
    assert np.bincount(data.usage).tolist() == [8, 3, 3]
    np.testing.assert_array_equal(np.bincount(data.labels), np.bincount(gray.labels))
    difference = data.split("PublicTest").images.astype(int) - gray.split("PublicTest").images
    assert np.abs(difference).max() <= 1


def test_unnamed_test_images_are_never_taken_for_private_test(tmp_path: Path) -> None:
    path = write_folders(truth(), tmp_path / "k", lambda _, row: f"im{row}.png")
    assert re.search(r"im\d+\.png: .*PublicTest_ or PrivateTest_", one_line(path))


def test_the_cache_spares_parsing_and_is_never_out_of_date(
    tmp_path: Path, cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_csv(truth(), tmp_path / "fer2013.csv")
    fer2013.load(path)
    assert [file.suffix for file in (cache_home / "fervid").iterdir()] == [".npz"]

    def refuse(*_: object) -> None:
        raise AssertionError("parsed again")

    with monkeypatch.context() as patch:
        patch.setattr("training.fer2013.csv_file.read", refuse)
        assert_same(fer2013.load(path), without_votes(truth()))
    # Other content of the same size and time, as a copy with `cp -p` may have.
    times = path.stat()
    swapped = dataclasses.replace(truth(), labels=(truth().labels + 1) % 7)
    write_csv(swapped, path)
    assert path.stat().st_size == times.st_size
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert_same(fer2013.load(path), without_votes(swapped))
    # A picture in another folder has another label.
    folders = write_folders(truth(), tmp_path / "k")
    fer2013.load(folders)
    shutil.rmtree(folders)
    write_folders(swapped, folders)
    assert_same(fer2013.load(folders), without_votes(swapped))


def test_a_damaged_or_impossible_cache_does_no_harm(
    tmp_path: Path, cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_csv(truth(), tmp_path / "fer2013.csv")
    fer2013.load(path)
    (kept,) = (cache_home / "fervid").iterdir()
    good = kept.read_bytes()
    middle = len(good) // 2
    flipped = good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]
    for damaged in (b"", good[:middle], flipped, b"no zip file"):
        kept.write_bytes(damaged)
        assert_same(fer2013.load(path), without_votes(truth()))
        assert kept.read_bytes() == good
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert_same(fer2013.load(path), without_votes(truth()))
    write_csv(truth(), path).write_text("emotion\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new"))
    one_line(path)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_fer2013_counts_and_leaks(fer2013_path: Path) -> None:
    data = fer2013.load(fer2013_path)
    assert [len(data.split(usage)) for usage in fer2013.USAGES] == [28709, 3589, 3589]
    assert np.bincount(data.split("PrivateTest").labels).tolist() == [
        491, 55, 528, 879, 594, 416, 626
    ]  # fmt: skip
    train = fer2013.without_leaks(data)
    tests = data[data.usage != 0]
    assert not {i.tobytes() for i in train.images} & {i.tobytes() for i in tests.images}


@pytest.mark.slow
def test_fer2013_is_written_byte_for_byte(fer2013_path: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(parquet.main, [str(fer2013_path), str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    path = tmp_path / "out" / "fer2013.csv"
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        assert sha256 == "3b8d9617d1017f34733c8f2474d7784c563ce86c40a86ac12c2d37cc968f871b"
        assert "the contest's file" in result.output
        data = fer2013.load(path, tmp_path / "out" / "fer2013new.csv")
        assert_same(data, fer2013.load(fer2013_path))
    finally:
        path.unlink()
