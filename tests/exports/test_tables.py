"""Whole results as Parquet and JSON: they say what the CSV files say."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from fervid.errors import SetupError
from fervid.exports import export
from fervid.results.codebook import TABLES
from fervid.timeline import Timeline
from tests.helpers.made_results import AWKWARD, made_frames, made_result

NAMES = ("frames", "episodes", "people", "summary")


def assert_as_csv(table: pd.DataFrame, folder: Path, name: str) -> None:
    """The table holds what the CSV holds, to the last of its decimals and far beyond."""
    csv = pd.read_csv(folder / f"{name}.csv").convert_dtypes()
    nothing = [c for c in table if table[c].dtype == object and table[c].isna().all()]
    table = table.astype(dict.fromkeys(nothing, "float64"))
    assert_frame_equal(table.convert_dtypes(), csv, check_exact=False, rtol=1e-14, atol=0)


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """The same values with the types that pandas gives to a CSV."""
    words = table.select_dtypes("category").columns
    return table.astype(dict.fromkeys(words, "str"))


@pytest.fixture(scope="module")
def real(results: dict[str, Path]) -> Path:
    return results["two_speakers"]


@pytest.fixture
def gappy(tmp_path: Path) -> Path:
    """A result with frames without a face at awkward times."""
    times = [0.0, 0.033367, 0.1, 35_999.999999, 86_399.123456]
    frames = made_frames(times, [(0, 1, (1, 2, 8, 9)), (3, 1, (1, 2, 8, 9)), (3, 2, (9, 2, 8, 9))])
    return made_result(tmp_path / "gappy", frames=frames, episodes=AWKWARD)


@pytest.mark.parametrize("which", [pytest.param("real", marks=pytest.mark.slow), "gappy"])
def test_parquet_is_equal_to_the_csv(
    request: pytest.FixtureRequest, tmp_path: Path, which: str
) -> None:
    folder = request.getfixturevalue(which)
    paths = export(folder, "parquet", tmp_path)
    assert [path.name for path in paths] == [f"{name}.parquet" for name in NAMES]
    for name, path in zip(NAMES, paths, strict=True):
        table = pd.read_parquet(path)
        assert_as_csv(plain(table), folder, name)


def test_parquet_keeps_types_and_tells_what_columns_mean(gappy: Path, tmp_path: Path) -> None:
    export(gappy, "parquet", tmp_path)
    frames = pd.read_parquet(tmp_path / "frames.parquet")
    assert frames.dtypes["face_id"] == "Int64"
    assert frames.dtypes["frame"] == np.int64
    assert isinstance(frames.dtypes["state"], pd.CategoricalDtype)
    assert_frame_equal(frames, Timeline.read(gappy).frames)
    for name in NAMES:
        schema = parquet.read_schema(tmp_path / f"{name}.parquet")
        for column in TABLES[name]:
            about = schema.field(column.name).metadata
            assert about[b"meaning"].decode() == column.meaning
        group = parquet.ParquetFile(tmp_path / f"{name}.parquet").metadata.row_group(0)
        assert group.column(0).compression == "ZSTD"


def test_parquet_streams_in_row_groups(
    gappy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fervid.exports.parquet._ROWS_A_GROUP", 4)
    export(gappy, "parquet", tmp_path)
    file = parquet.ParquetFile(tmp_path / "frames.parquet")
    assert [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)] == [4, 2]
    assert_frame_equal(pd.read_parquet(tmp_path / "frames.parquet"), Timeline.read(gappy).frames)


@pytest.mark.parametrize("which", [pytest.param("real", marks=pytest.mark.slow), "gappy"])
def test_json_is_strict_and_equal_to_the_csv(request: pytest.FixtureRequest, which: str) -> None:
    folder = request.getfixturevalue(which)
    (path,) = export(folder, "json", overwrite=True)

    def refuse(what: str) -> Any:
        raise AssertionError(what)

    document = json.loads(path.read_bytes(), parse_constant=refuse)
    assert document["meta"] == json.loads((folder / "meta.json").read_text())
    for name in NAMES:
        rows = document[name]
        assert all(list(row) == [c.name for c in TABLES[name]] for row in rows)
        table = pd.DataFrame(rows, columns=[c.name for c in TABLES[name]])
        assert_as_csv(table, folder, name)
        assert [about["column"] for about in document["codebook"][name]] == list(table.columns)


def test_json_pieces_of_the_frame_table_become_one_list(
    gappy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fervid.exports import document
    from fervid.results.files import read_frames

    monkeypatch.setattr(document, "read_frames", lambda folder: read_frames(folder, chunk_rows=1))
    (path,) = export(gappy, "json")
    assert len(json.loads(path.read_text())["frames"]) == 6


def test_names_that_are_no_text_and_values_that_are_no_numbers(tmp_path: Path) -> None:
    folder = made_result(tmp_path / "r", recording={"name": 'caf\udce9 "<b>\n\x1b.mp4'})
    meta = folder / "meta.json"
    meta.write_text(meta.read_text().replace('"warnings": [', '"rate": NaN, "warnings": ['))
    (path,) = export(folder, "json")
    document = json.loads(path.read_bytes().decode("utf-8"))
    assert document["meta"]["recording"]["name"] == 'caf? "<b>\n\x1b.mp4'
    assert document["meta"]["rate"] is None
    export(folder, "parquet")
    assert pd.read_parquet(folder / "summary.parquet")["recording"][0].startswith("caf\\udce9")


@pytest.mark.parametrize("frames", [[], [0.0, 0.1]])
def test_a_result_without_any_face(tmp_path: Path, frames: list[float]) -> None:
    folder = made_result(tmp_path / "r", frames=made_frames(frames, []))
    export(folder, "parquet")
    assert len(pd.read_parquet(folder / "frames.parquet")) == len(frames)
    assert len(json.loads(export(folder, "json")[0].read_text())["frames"]) == len(frames)


def test_without_pyarrow_one_line_says_what_to_install(
    gappy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(gappy.iterdir())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SetupError, match=r"pip install 'fervid\[parquet\]'"):
        export(gappy, "parquet")
    assert sorted(gappy.iterdir()) == before
