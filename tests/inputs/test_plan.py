"""Which recordings are found, where their results go, and what is refused before work starts."""

import os
import re
from pathlib import Path

import pytest

from fervid.errors import PlanError
from fervid.inputs.lists import read_list
from fervid.inputs.plan import make_plan
from fervid.results.folder_names import result_folder

MP4 = b"\0\0\0\x18ftypisom" + bytes(100)
MKV = b"\x1aE\xdf\xa3" + bytes(100)
TS = (b"\x47" + bytes(187)) * 8


def touch(root: Path, **contents: bytes) -> None:
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def made(root: Path, *names: str, content: bytes = MP4) -> None:
    touch(root, **dict.fromkeys(names, content))


def places(out: Path, plan) -> list[str]:
    return [str(job.folder.relative_to(out)) for job in plan.jobs]


def test_a_folder_is_mirrored_and_recordings_are_known_by_content(tmp_path: Path) -> None:
    made(tmp_path / "in", "b/2.mp4", "b/10.mp4", "a/no_suffix", "top.mov")
    made(tmp_path / "in", "c/stream", content=TS)
    made(tmp_path / "in", "c/film", content=MKV)
    made(tmp_path / "in", "notes.txt", "x.ts", "photo.jpg", "song.mp3", content=b"words " * 300)
    made(tmp_path / "in", "song.m4a", content=b"\0\0\0\x18ftypM4A " + bytes(50))
    plan = make_plan([tmp_path / "in"], [], tmp_path / "out")
    assert places(tmp_path / "out", plan) == [
        *("a/no_suffix.fervid", "b/10.mp4.fervid", "b/2.mp4.fervid"),
        *("c/film.fervid", "c/stream.fervid", "top.mov.fervid"),
    ]
    assert plan.skipped == 4
    assert [photo.place for photo in plan.photos] == ["photo.jpg"]  # a broken one is to be named


@pytest.mark.parametrize(
    "head",
    [
        b"\0\0\0\x01\x09\xf0\0\0\0\x01\x67",  # H.264, a delimiter first
        b"\0\0\x01\x67\x64",
        b"\0\0\0\x01\x46\x01\x50",  # H.265, likewise
        b"\0\0\0\x01\0\xa1\x88",  # H.266, likewise
        b"\0\0\x01\xb0\x01",  # MPEG-4
        b"\x12\0\x0a\x0b",  # AV1
        b"\0\0\0\0\x01\xbc\0\0",  # GXF
        TS[100:],
        b"garbage" + (b"\x47" + bytes(203)) * 8,
    ],
)
def test_streams_are_known_by_their_first_bytes(tmp_path: Path, head: bytes) -> None:
    made(tmp_path, "stream", content=head)
    assert len(make_plan([tmp_path], [], tmp_path).jobs) == 1


def test_hidden_and_unfinished_files_and_results_are_passed_over(tmp_path: Path) -> None:
    made(tmp_path, "a.mp4", "._a.mp4", ".hidden/b.mp4", "c.mp4.part", "d.mp4.crdownload", "~e.mp4")
    made(tmp_path, "a.mp4.fervid/a.annotated.mp4", "deep/f.mp4.fervid/g.mp4")
    plan = make_plan([tmp_path], [], tmp_path)
    assert places(tmp_path, plan) == ["a.mp4.fervid"]


def test_what_promises_a_recording_but_is_none_is_not_passed_over(tmp_path: Path) -> None:
    made(tmp_path, "broken.mp4", content=b"")
    made(tmp_path, "page.mkv", content=b"<html>")
    assert len(make_plan([tmp_path], [], tmp_path).jobs) == 2


def test_pipes_and_loops_of_links_are_not_followed(tmp_path: Path) -> None:
    made(tmp_path, "a.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert len(make_plan([tmp_path], [], tmp_path / "out").jobs) == 1


def test_patterns_and_lists_keep_the_path_that_is_written(tmp_path: Path) -> None:
    made(tmp_path, "in/x/1.mp4", "in/y/1.mp4", "in/y/deep/2.mp4", "in/z.txt")
    plan = make_plan([tmp_path / "in" / "*" / "*.mp4"], [], tmp_path / "out")
    assert places(tmp_path / "out", plan) == ["x/1.mp4.fervid", "y/1.mp4.fervid"]
    plan = make_plan([tmp_path / "in" / "**" / "*.mp4"], [], tmp_path / "out")
    assert len(plan.jobs) == 3
    listed = [Path("p/1.mp4"), Path("../q/1.mp4"), Path("/r/1.mp4")]
    plan = make_plan([], listed, tmp_path / "out")
    assert places(tmp_path / "out", plan) == [f"{name}/1.mp4.fervid" for name in "pqr"]
    with pytest.raises(PlanError, match="nothing matches"):
        make_plan([tmp_path / "*.avi"], [], tmp_path)


def test_a_name_with_brackets_is_a_file_if_there_is_one(tmp_path: Path) -> None:
    made(tmp_path, "take [1].mp4", "take 1.mp4")
    plan = make_plan([tmp_path / "take [1].mp4"], [], tmp_path)
    assert [job.recording.name for job in plan.jobs] == ["take [1].mp4"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("a.mp4", "A.MP4"), ("caf\u00e9.mp4", "cafe\u0301.mp4"), ("stra\u00dfe.mp4", "STRASSE.mp4")],
)
def test_two_spellings_of_one_name_get_two_results(tmp_path: Path, one: str, other: str) -> None:
    made(tmp_path, f"x/{one}", f"y/{other}")
    given = [tmp_path / "x" / one, tmp_path / "y" / other]
    folders = [job.folder.name for job in make_plan(given, [], tmp_path / "out").jobs]
    assert folders[0] == f"{one}.fervid"
    assert re.fullmatch(rf"{other}-[0-9a-f]{{12}}\.fervid", folders[1])
    assert folders == [job.folder.name for job in make_plan(given, [], tmp_path / "out").jobs]
    made(tmp_path, f"z/{one}", f"z/{other}")
    assert len(make_plan([tmp_path / "z"], [], tmp_path / "out").jobs) == 2
    first, second = make_plan([], [Path(f"A/{one}"), Path(f"a/{one}")], tmp_path / "out").jobs
    assert first.folder.name != second.folder.name


def test_two_recordings_never_share_a_result(tmp_path: Path) -> None:
    made(tmp_path, "x/a.mp4", "y/a.mp4")
    with pytest.raises(PlanError) as error:
        make_plan([tmp_path / "x" / "a.mp4", tmp_path / "y" / "a.mp4"], [], tmp_path / "out")
    assert str(error.value).startswith("several files would get the same result folder: ")
    assert "\n" not in str(error.value)
    assert len(make_plan([tmp_path], [], tmp_path / "out").jobs) == 2


def test_a_recording_that_is_named_twice_is_analysed_once(tmp_path: Path) -> None:
    made(tmp_path, "a.mp4")
    twice = [tmp_path / "a.mp4", tmp_path / "." / "a.mp4", tmp_path]
    assert len(make_plan(twice, [], tmp_path / "out").jobs) == 1


def test_same_stem_of_two_kinds_does_not_collide(tmp_path: Path) -> None:
    made(tmp_path, "a.mp4", "a.mkv")
    assert places(tmp_path, make_plan([tmp_path], [], tmp_path)) == [
        "a.mkv.fervid",
        "a.mp4.fervid",
    ]


def test_shards_share_all_jobs_out(tmp_path: Path) -> None:
    made(tmp_path, *(f"{number:02}.mp4" for number in range(10)))
    plan = make_plan([tmp_path], [], tmp_path)
    shards = [plan.shard(number, 3).jobs for number in (1, 2, 3)]
    assert sorted(map(len, shards)) == [3, 3, 4]
    assert {job for shard in shards for job in shard} == set(plan.jobs)


def test_a_name_of_any_bytes_and_length_gets_a_result_that_a_disk_takes(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    made(folder, "\u00e9" * 125 + ".mp4", "\u00e9" * 124 + "z.mp4")
    (folder / os.fsdecode(b"caf\xe9\n.mp4")).write_bytes(MP4)
    jobs = make_plan([folder], [], tmp_path / "out").jobs
    assert len({job.folder for job in jobs}) == 3
    for job in jobs:
        assert len(os.fsencode(job.folder.name)) <= 248
        job.folder.mkdir(parents=True)


def test_the_short_names_are_as_they_were() -> None:
    assert result_folder(Path("x/lecture.mp4"), Path("out")) == Path("out/lecture.mp4.fervid")


def test_lists_with_newlines_and_with_nul(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"a.mp4\r\nb c.mp4\n\ncaf\xe9.mp4")
    names = [os.fsencode(path) for path in read_list(str(tmp_path / "lines"))]
    assert names == [b"a.mp4", b"b c.mp4", b"caf\xe9.mp4"]
    (tmp_path / "nul").write_bytes(b"a\nb.mp4\0c.mp4\0")
    assert [str(path) for path in read_list(str(tmp_path / "nul"))] == ["a\nb.mp4", "c.mp4"]
    with pytest.raises(PlanError, match="cannot be read"):
        read_list(str(tmp_path / "none"))


def test_nothing_to_do_is_said(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no recording"):
        make_plan([tmp_path], [], tmp_path)
