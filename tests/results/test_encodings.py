"""Lists and tables that Windows' programs write are read as they are meant."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pytest

from fervid.errors import ResultError
from fervid.inputs.lists import read_list
from fervid.report.groups import read_metadata

NAMES = ["a.mp4", "Müller Größe.mp4", "日本.mkv"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lists_in_unicode(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes("".join(name + end for name in NAMES).encode(encoding))
    assert read_list(str(path)) == [Path(name) for name in NAMES]


def test_lists_of_find_are_bytes(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"a b.mp4\0\xff\xfe-odd.mp4\0")
    assert [os.fsencode(one) for one in read_list(str(path))] == [b"a b.mp4", b"\xff\xfe-odd.mp4"]


def test_a_name_in_an_old_encoding_is_found(tmp_path: Path) -> None:
    there = tmp_path / "Müller Größe.mp4"
    there.write_bytes(b"x")
    path = tmp_path / "list.txt"
    path.write_bytes(f"{there}\n{tmp_path}/gone-ü.mp4\n".encode("cp1252"))
    found = read_list(str(path))
    assert found[0] == there
    assert os.fsencode(found[1]).endswith(b"/gone-\xfc.mp4")


@pytest.mark.parametrize(("on_disk", "in_list"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_may_be_stored_apart_from_their_letters(
    tmp_path: Path, on_disk: Literal["NFC", "NFD"], in_list: Literal["NFC", "NFD"]
) -> None:
    there = tmp_path / normalize(on_disk, "Müller.mp4")
    there.write_bytes(b"x")
    path = tmp_path / "list.txt"
    path.write_text(normalize(in_list, f'"{tmp_path}/Müller.mp4"\n'))
    assert [one.read_bytes() for one in read_list(str(path))] == [b"x"]


def test_quotes_and_blanks_around_a_name_that_is_there(tmp_path: Path) -> None:
    there, quoted = tmp_path / "a b.mp4", tmp_path / '"as it is".mp4'
    for one in (there, quoted):
        one.write_bytes(b"x")
    path = tmp_path / "list.txt"
    path.write_text(f'"{there}"\r\n  {there}\t\r\n{quoted}\r\n"{tmp_path}/gone.mp4"\r\n')
    gone = Path(f'"{tmp_path}/gone.mp4"')
    assert read_list(str(path)) == [there, there, quoted, gone]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_group_tables(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [["recording", "Gruppe", "Größe"], ["müller.mp4", "Übung", "1"], ["b.mp4", "Kür", "2"]]
    path = tmp_path / "groups.csv"
    path.write_bytes("\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    read = read_metadata(path)
    assert read.columns == ("Gruppe", "Größe")
    assert read.rows == (("müller.mp4", ("Übung", "1")), ("b.mp4", ("Kür", "2")))


def test_what_is_no_text_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_bytes(b"PK\x03\x04\x00\x81\x8d\x00" * 100)
    with pytest.raises(ResultError, match=r"save it as CSV in UTF-8|has no column"):
        read_metadata(path)
