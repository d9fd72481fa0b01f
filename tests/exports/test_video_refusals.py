"""What cannot be an annotated video is refused, and recordings are kept."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from fervid.errors import FervidError, ResultError, SetupError
from fervid.exports import export
from tests.helpers.annotated_videos import annotated
from tests.helpers.made_results import made_result

pytestmark = pytest.mark.slow


def refused(result: Path, out: Path, **options: Path) -> str:
    """The one line of the error; nothing may have been left behind."""
    before = sorted(result.parent.rglob("*"))
    with pytest.raises(FervidError) as caught:
        export(result, "video", out, **options)  # type: ignore[arg-type]
    assert sorted(result.parent.rglob("*")) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_recording_must_be_there_and_be_the_one_analysed(
    constant_clip: Path, tmp_path: Path
) -> None:
    about = {"name": "lecture.mp4", "size_bytes": constant_clip.stat().st_size}
    result = made_result(tmp_path / "r.fervid", recording=about)
    out = tmp_path / "out.mp4"
    assert "--recording FILE" in refused(result, out)
    assert "no such recording" in refused(result, out, recording=tmp_path / "none.mp4")
    assert "no such recording" in refused(result, out, recording=tmp_path)
    shutil.copy(constant_clip, tmp_path / "lecture.mp4")
    assert export(result, "video", out) == [out]
    (tmp_path / "lecture.mp4").write_bytes(b"another")
    assert "not the analysed recording" in refused(result, tmp_path / "b.mp4")


def test_the_recording_is_found_where_it_was(constant_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(constant_clip, tmp_path / "in" / "lecture.mp4")
    about = {"name": "lecture.mp4", "beside": "../../in/lecture.mp4"}
    result = made_result(tmp_path / "out" / "r.fervid", recording=about)
    out = tmp_path / "out.mp4"
    assert "is not beside" in refused(result, out)  # its size must be known
    about |= {"size_bytes": constant_clip.stat().st_size}
    result = made_result(tmp_path / "out" / "s.fervid", recording=about)
    assert export(result, "video", out) == [out]


@pytest.mark.parametrize("name", ["../lecture.mp4", "/etc/hostname", "..", "a/../b\0"])
def test_a_name_in_the_sidecar_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    result = made_result(tmp_path / "a" / "r.fervid", recording={"name": name})
    (tmp_path / "lecture.mp4").write_bytes(b"x")
    assert "is not beside" in refused(result, tmp_path / "a" / "out.mp4")


@pytest.mark.parametrize("content", [b"#EXTM3U\nfile:///etc/passwd\n", bytes(range(256)) * 40])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(content)
    result = made_result(tmp_path / "r", recording={"name": "clip.mp4"})
    assert "is not a recording" in refused(result, tmp_path / "out.mp4")


def test_an_ending_of_no_container_is_refused(constant_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"\.mp4, \.mov, \.mkv"):
        annotated(constant_clip, tmp_path, suffix=".txt")


def test_the_recording_is_never_overwritten(constant_clip: Path, tmp_path: Path) -> None:
    clip = Path(shutil.copy(constant_clip, tmp_path / "clip.mp4"))
    before = clip.read_bytes()
    about = {"name": "clip.mp4", "size_bytes": len(before)}
    result = made_result(tmp_path / "r", recording=about)
    with pytest.raises(ResultError, match="another name"):
        export(result, "video", clip, overwrite=True)
    assert clip.read_bytes() == before


def test_without_pyav_one_line_says_what_to_install(
    constant_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(SetupError, match=r"pip install 'fervid\[video\]'"):
        annotated(constant_clip, tmp_path)
