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
from fervid.web.batch import analyze_all
from fervid.web.visits import Visit, Visits
from fervid.web.work import Answer, PhotoAnswer, State, StoppedError, Waiting, Workshop
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
    path = visits.folder / f"c0ffee-{name}" / name
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def begun(visits: Visits, session: str, *files: Path) -> Visit:
    visit = visits.of(session)
    for file in files:
        visit.take(upload(visits, file.name, file.read_bytes()))
    return visit


def work(workshop: Workshop, visit: Visit, settings: Settings | None = None) -> Iterator[State]:
    """Analyse the first upload of a visit."""
    return workshop.work(visit, visit.uploads[0], settings or Settings())


def everything(visits: Visits) -> list[Path]:
    return list(visits.folder.iterdir())


def test_without_gradio_one_line_says_what_to_install() -> None:
    code = "import sys; sys.modules['gradio'] = None\nfrom fervid.cli import main; main(['web'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "")
    assert (
        done.stderr == "fervid: the page needs Gradio; install it with: pip install 'fervid[web]'\n"
    )


def test_files_are_added_and_removed_one_by_one(visits: Visits) -> None:
    visit = visits.of("me")
    for name in ("one.mp4", "two.mp4"):
        visit.take(upload(visits, name, name.encode()))
    first, second = visit.uploads
    assert [first.read_bytes(), second.read_bytes()] == [b"one.mp4", b"two.mp4"]
    visit.remove(first)
    assert not first.exists()
    assert visit.uploads == [second]
    assert everything(visits) == [visit.folder]
    visits.leave("me")
    assert everything(visits) == []


def test_equal_files_of_two_pages_lie_at_one_place_and_both_are_taken(visits: Visits) -> None:
    place = upload(visits, "one.mp4", b"1")
    for session in ("me", "you", "you"):
        visits.of(session).take(place)
    (first,), (second,) = (visits.of(session).uploads for session in ("me", "you"))
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
    *states, answer = work(workshop, visit, Settings(fps=2))
    assert all(isinstance(state, Progress) for state in states)
    assert isinstance(answer, Answer)
    assert answer.meta["settings"]["fps"] == 2
    with zipfile.ZipFile(answer.archive) as archive:
        names = set(archive.namelist())
    folder = "expressions.mp4.fervid/"
    kept = ("frames.csv", "people.csv", "meta.json", "report.html")
    assert {folder + name for name in kept} < names
    assert str(visits.folder) not in answer.report.read_text("utf-8")
    visits.leave("me")
    assert everything(visits) == []


def test_a_photo_is_told_by_its_content(visits: Visits, workshop: Workshop) -> None:
    visit = visits.of("me")
    visit.take(upload(visits, "portrait.mp4", (SAMPLES / "portrait.jpg").read_bytes()))
    *_, answer = work(workshop, visit)
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
        list(work(workshop, visit))
    assert str(caught.value).startswith(f"'{name}': ")
    assert "\n" not in str(caught.value)


def test_one_analysis_at_a_time_in_order(
    visits: Visits, workshop: Workshop, long_clip: Path
) -> None:
    first = work(workshop, begun(visits, "first", long_clip))
    next(first)
    second = work(workshop, begun(visits, "second", SAMPLES / "portrait.jpg"))
    assert next(second) == Waiting(1)
    visits.leave("first")
    with pytest.raises(StoppedError):
        list(first)
    assert isinstance(list(second)[-1], PhotoAnswer)


def test_stopping_keeps_the_uploads_and_leaving_does_not(visits: Visits, long_clip: Path) -> None:
    workshop = Workshop()
    visit = begun(visits, "me", long_clip, SAMPLES / "portrait.jpg")
    run = analyze_all(visit, workshop, Settings())
    next(run)
    visit.stop()
    list(run)
    assert (visit.outcomes, visit.working) == ({}, None)
    assert all(file.is_file() for file in visit.uploads)

    (upload, _), run = visit.uploads, analyze_all(visit, workshop, Settings())
    next(run)
    visits.leave("me")
    list(run)
    workshop.close()
    deadline = time.monotonic() + 20
    while everything(visits):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with pytest.raises(MediaError, match="has been deleted"):
        next(workshop.work(visit, upload, Settings()))


def test_all_files_are_analysed_also_added_ones_and_only_once(
    visits: Visits, workshop: Workshop
) -> None:
    portrait, notes = SAMPLES / "portrait.jpg", SAMPLES / "SHA256SUMS"
    visit = begun(visits, "me", notes, portrait)
    run = analyze_all(visit, workshop, Settings())
    next(run)
    visit.take(upload(visits, "again.jpg", portrait.read_bytes()))
    list(run)
    problem, *answers = (visit.outcomes[file] for file in visit.uploads)
    assert problem == "is not a recording, or is too damaged to read"
    assert [one.name for one in answers if isinstance(one, PhotoAnswer)] == [
        "portrait.jpg",
        "again.jpg",
    ]
    assert visit.shown == visit.uploads[1]

    list(analyze_all(visit, workshop, Settings()))
    assert visit.outcomes[visit.uploads[1]] is answers[0]
    list(analyze_all(visit, workshop, Settings(labels="fer2013")))
    assert visit.outcomes[visit.uploads[1]] is not answers[0]
    visit.remove(visit.uploads[1])
    assert visit.shown == visit.uploads[1]
    visits.leave("me")
