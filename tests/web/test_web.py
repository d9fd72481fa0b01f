"""What the page works with, without the page: visits, analyses, the command."""

import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fervid.errors import MediaError
from fervid.pipeline import Progress
from fervid.settings import Settings
from fervid.web.visits import Visit, Visits
from fervid.web.work import Answer, PhotoAnswer, StoppedError, Waiting, Workshop
from tests.conftest import SAMPLES

pytestmark = pytest.mark.slow


@pytest.fixture
def visits(tmp_path: Path) -> Visits:
    return Visits(tmp_path)


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    made = Workshop()
    yield made
    made.close()


def upload(visits: Visits, name: str, content: bytes) -> Path:
    """A file where Gradio puts what a browser sends."""
    path = visits.folder / "c0ffee" / name
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def begun(visits: Visits, session: str, recording: Path) -> Visit:
    visit = visits.of(session)
    visit.take(upload(visits, recording.name, recording.read_bytes()))
    return visit


def everything(visits: Visits) -> list[Path]:
    return list(visits.folder.iterdir())


def test_without_gradio_one_line_says_what_to_install() -> None:
    code = "import sys; sys.modules['gradio'] = None\nfrom fervid.cli import main; main(['web'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "")
    assert (
        done.stderr == "fervid: the page needs Gradio; install it with: pip install 'fervid[web]'\n"
    )


def test_a_new_upload_takes_the_place_of_the_one_before(visits: Visits) -> None:
    visit = visits.of("me")
    first = visit.take(upload(visits, "one.mp4", b"1"))
    assert first.read_bytes() == b"1"
    second = visit.take(upload(visits, "two.mp4", b"2"))
    assert not first.exists()
    assert second.read_bytes() == b"2"
    assert everything(visits) == [visit.folder]
    visits.leave("me")
    assert everything(visits) == []


def test_equal_files_of_two_pages_lie_at_one_place_and_both_are_taken(visits: Visits) -> None:
    place = upload(visits, "one.mp4", b"1")
    first = visits.of("me").take(place)
    second = visits.of("you").take(place)
    assert first != second
    visits.leave("me")
    assert not first.exists()
    assert second.read_bytes() == b"1"
    visits.leave("you")
    assert everything(visits) == []
    with pytest.raises(MediaError, match="choose it again"):
        visits.of("they").take(place)


def test_what_is_no_file_is_not_taken(visits: Visits, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (tmp_path / "link.mp4").symlink_to(secret)
    for name in ("link.mp4", "nowhere.mp4", "."):
        with pytest.raises(MediaError, match="choose it again"):
            visits.of("me").take(tmp_path / name)
    assert secret.read_text() == "secret"


def test_what_nobody_uses_is_removed_after_a_time(visits: Visits) -> None:
    kept, left = visits.of("kept"), visits.of("left")
    arriving, cut_off = (visits.folder / name for name in ("tmp1", "tmp2"))
    for path in (arriving, cut_off):
        path.write_bytes(b"part of a file")
    kept.take(upload(visits, "kept.mp4", b"1"))
    left.take(upload(visits, "left.mp4", b"2"))
    forgotten = upload(visits, "nobody-took-it.mp4", b"3")
    left.used -= 4000
    long_ago = time.time() - 70
    for path in (kept.folder, cut_off, forgotten.parent):
        os.utime(path, (long_ago, long_ago))
    visits.sweep()
    assert set(everything(visits)) == {kept.folder, arriving}


def test_a_recording_becomes_tables_and_a_report(visits: Visits, workshop: Workshop) -> None:
    visit = begun(visits, "me", SAMPLES / "expressions.mp4")
    *states, answer = workshop.work(visit, Settings(fps=2))
    assert all(isinstance(state, Progress) for state in states)
    assert isinstance(answer, Answer)
    assert answer.timeline.meta["settings"]["fps"] == 2
    with zipfile.ZipFile(answer.tables) as archive:
        names = set(archive.namelist())
    folder = "expressions.mp4.fervid/"
    assert {folder + name for name in ("frames.csv", "people.csv", "meta.json")} < names
    assert folder + "report.html" not in names
    assert str(visits.folder) not in answer.report.read_text("utf-8")
    assert visit.upload is not None

    *_, again = workshop.work(visit, Settings(fps=4))
    assert isinstance(again, Answer)
    assert len(again.timeline.frames) > len(answer.timeline.frames)
    visits.leave("me")
    assert everything(visits) == []


def test_a_photo_is_told_by_its_content(visits: Visits, workshop: Workshop) -> None:
    visit = visits.of("me")
    visit.take(upload(visits, "portrait.mp4", (SAMPLES / "portrait.jpg").read_bytes()))
    *_, answer = workshop.work(visit, Settings())
    assert isinstance(answer, PhotoAnswer)
    assert answer.faces["emotion"].tolist() == ["happy"]
    assert answer.table.read_text().startswith("photo,face,confidence,face_x")
    assert answer.picture.read_bytes().startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("name", "content"), [("notes.txt", b"hello"), ("x.mp4", b"\0" * 99), ("x.jpg", b"\xff\xd8")]
)
def test_a_bad_file_is_one_line_without_our_folder(
    visits: Visits, workshop: Workshop, name: str, content: bytes
) -> None:
    visit = visits.of("me")
    visit.take(upload(visits, name, content))
    with pytest.raises(MediaError) as caught:
        list(workshop.work(visit, Settings()))
    assert str(caught.value).startswith(f"'{name}': ")
    assert "\n" not in str(caught.value)


def test_one_analysis_at_a_time_in_order(
    visits: Visits, workshop: Workshop, long_clip: Path
) -> None:
    first = workshop.work(begun(visits, "first", long_clip), Settings())
    next(first)
    second = workshop.work(begun(visits, "second", SAMPLES / "portrait.jpg"), Settings())
    assert next(second) == Waiting(1)
    visits.leave("first")
    with pytest.raises(StoppedError):
        list(first)
    assert isinstance(list(second)[-1], PhotoAnswer)


def test_whoever_stops_keeps_the_upload_and_whoever_leaves_does_not(
    visits: Visits, long_clip: Path
) -> None:
    workshop = Workshop()
    visit = begun(visits, "me", long_clip)
    states = workshop.work(visit, Settings())
    next(states)
    visit.stop()
    with pytest.raises(StoppedError):
        list(states)
    assert visit.upload is not None
    assert visit.upload.is_file()

    states = workshop.work(visit, Settings())
    next(states)
    visits.leave("me")
    workshop.close()
    deadline = time.monotonic() + 20
    while everything(visits):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with pytest.raises(MediaError, match="has been deleted"):
        next(workshop.work(visit, Settings()))
