"""Which files of a visit are served, and as what."""

from pathlib import Path

import pytest

from fervid.web.results import address_of, results_route
from fervid.web.visits import Visits

starlette = pytest.importorskip("starlette.testclient", reason="Gradio is not installed")


@pytest.fixture
def visits(tmp_path: Path) -> Visits:
    """A visit with two uploads, of which one is analysed."""
    made = Visits(tmp_path)
    for name in ("page.html", "talk.mp4", "new.mp4"):
        arrived = tmp_path / f"sent-{name}" / name
        arrived.parent.mkdir()
        arrived.write_bytes(b"0123456789")
        made.of("me").take(arrived)
    for upload in made.of("me").uploads[:2]:
        result = Path(f"{upload}.fervid")
        result.mkdir()
        for name in ("report.html", "frames.csv"):
            (result / name).write_text(name)
    return made


def ask(visits: Visits, path: Path, **headers: str) -> tuple[int, str, bytes]:
    """Status, media type and body of the answer to a request for a file."""
    from starlette.applications import Starlette

    client = starlette.TestClient(Starlette(routes=[results_route(visits)]))
    address = f"/results/{path.relative_to(visits.folder).as_posix()}"
    answer = client.get(address, headers=headers)
    return answer.status_code, answer.headers["content-type"].split(";")[0], answer.content


def test_reports_and_their_recordings_are_served_in_parts(visits: Visits) -> None:
    visit = visits.of("me")
    _, talk, _ = visit.uploads
    assert address_of(Path(f"{talk}.fervid"), visit).endswith("/talk.mp4.fervid/report.html")
    assert ask(visits, Path(f"{talk}.fervid/report.html")) == (200, "text/html", b"report.html")
    assert ask(visits, talk, range="bytes=2-4") == (206, "video/mp4", b"234")


def test_nothing_else_is_served_and_no_upload_as_a_page(visits: Visits, tmp_path: Path) -> None:
    page, talk, new = visits.of("me").uploads
    assert ask(visits, page)[:2] == (200, "application/octet-stream")
    for path in (new, Path(f"{talk}.fervid/frames.csv"), talk.parent, tmp_path / "a/b/c.mp4"):
        assert ask(visits, path)[0] == 404
    (talk.parent / "link.mp4").symlink_to(talk)
    (talk.parent / "link.mp4.fervid").mkdir()
    assert ask(visits, talk.parent / "link.mp4")[0] == 404


def test_watching_counts_as_use(visits: Visits) -> None:
    visit = visits.of("me")
    visit.used -= 4000
    ask(visits, visit.uploads[1])
    visits.sweep()
    assert visit.uploads[1].exists()
