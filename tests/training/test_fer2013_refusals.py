"""Files that are no FER-2013 get one clear line."""

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from tests.helpers.fer2013_files import (
    assert_same,
    one_line,
    truth,
    write_csv,
    write_folders,
    write_votes,
)
from tests.helpers.toy_data import without_votes
from training import fer2013

pytestmark = pytest.mark.usefixtures("cache_home")


def test_wrong_image_folders_get_one_clear_line(tmp_path: Path) -> None:
    def changed(name: str, change: Callable[[Path], object]) -> str:
        path = write_folders(truth(), tmp_path / name)
        change(next(path.glob("train/*/Training_00000.png")))
        return one_line(path)

    def enlarge(file: Path) -> None:
        file.write_bytes(cv2.imencode(".png", np.zeros((50, 60), np.uint8))[1].tobytes())

    assert re.search(r"Training_00000\.png: is 60x50 pixels, not 48x48", changed("size", enlarge))
    line = changed("damage", lambda file: file.write_bytes(b"no picture"))
    assert "Training_00000.png: is not a readable picture" in line
    line = changed("split", lambda file: file.rename(file.with_name("PrivateTest_00000.png")))
    assert "the name says PrivateTest, the folder train" in line
    line = changed("emotion", lambda file: file.parent.rename(file.parents[1] / "bored"))
    assert "bored: is not named after an emotion" in line
    (tmp_path / "empty" / "train").mkdir(parents=True)
    (tmp_path / "empty" / "test").mkdir()
    assert "contains no images" in one_line(tmp_path / "empty")
    assert "neither the folders train and test" in one_line(tmp_path / "empty" / "test")


PIXELS = "7 " * 2303 + "7"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("emotion,Usage\n1,Training\n", "no column pixels; give the contest's fer2013.csv"),
        ("", "no column emotion, pixels, Usage"),
        ("emotion,pixels,Usage\n", "contains no images"),
        ("emotion,pixels,Usage\n1,1 2 3,Training\n", "row 0 has 3 pixels, not 2304"),
        (f"emotion,pixels,Usage\n1,{PIXELS} 7,Training\n", "row 0 has 2305 pixels"),
        (f"emotion,pixels,Usage\n1,25{PIXELS},Training\n1,5{PIXELS[1:]}6,Training\n", "row 0"),
        (f"emotion,pixels,Usage\n1,{PIXELS}77,Training\n", "row 0 has the pixel '777'"),
        (f"emotion,pixels,Usage\n1,1001 {PIXELS[2:]},Training\n", "the pixel '1001', not 0 to"),
        (f"emotion,pixels,Usage\n1,-1 {PIXELS[2:]},Training\n", "the pixel '-1'"),
        (f"emotion,pixels,Usage\n1,{PIXELS[:-1]}x,Training\n", "the pixel 'x'"),
        (f"emotion,pixels,Usage\n1,{PIXELS},Training\n7,{PIXELS},Training\n", "row 1: emotion is"),
        (f"emotion,pixels,Usage\n1,{PIXELS},Test\n", "row 0: usage is 'Test', not one of Train"),
        (f"emotion,pixels,Usage\n1,{PIXELS},Training\n1,{PIXELS[:9]}\n", "row 1 has 2 fields"),
    ],
)
def test_a_wrong_csv_gets_one_clear_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text(text)
    line = one_line(path)
    assert line.startswith(str(path))
    assert message in line


def test_wrong_files_get_one_clear_line(tmp_path: Path) -> None:
    assert "no such file" in one_line(tmp_path / "none.csv")
    binary = tmp_path / "fer2013.csv"
    binary.write_bytes(b"\xff\xfe\x00PK" * 100)
    assert "row 0 is not csv text" in one_line(binary)
    fake = tmp_path / "fer2013.parquet"
    fake.write_bytes(b"no Parquet")
    assert "cannot be read as Parquet" in one_line(fake)
    pd.DataFrame({"emotion": [1]}).to_parquet(fake)
    assert "no column image, usage" in one_line(fake)


def test_numbers_may_be_apart_by_any_white_space(tmp_path: Path) -> None:
    path = write_csv(truth(), tmp_path / "fer2013.csv")
    path.write_text(path.read_text().replace(" ", "  ", 5).replace(" ", "\t", 2))
    assert_same(fer2013.load(path), without_votes(truth()))


def test_votes_of_other_rows_are_refused(tmp_path: Path) -> None:
    path = write_csv(truth(), tmp_path / "fer2013.csv")
    votes = write_votes(truth(), tmp_path / "fer2013new.csv")
    text = votes.read_text()
    lines = text.splitlines(keepends=True)

    def line_for(content: str) -> str:
        votes.write_text(content)
        return one_line(path, votes)

    assert re.search("13 rows, but .* has 14", line_for("".join(lines[:-1])))
    assert "row 0 is of PrivateTest" in line_for("".join([lines[0], *reversed(lines[1:])]))
    assert "no column anger" in line_for(text.replace("anger", "rage"))
    assert "row 13: NF is 'many'" in line_for(text.rstrip().rsplit(",", 1)[0] + ",many\n")
    assert "row 13: NF is '-1'" in line_for(text.rstrip().rsplit(",", 1)[0] + ",-1\n")
    votes.unlink()
    assert "get fer2013new.csv from FER+" in one_line(path, votes)
