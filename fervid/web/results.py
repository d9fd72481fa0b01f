"""Serves the reports of open pages, and the recordings that they play."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from fervid.results.files import REPORT_NAME
from fervid.results.folder_names import RESULT_SUFFIX, result_folder
from fervid.web.visits import Visit, Visits

RESULTS = "results"
"""First part of the addresses of reports and recordings."""


def address_of(folder: Path, visit: Visit) -> str:
    """The address of the report of a visit's result folder, relative to the page."""
    place = folder.relative_to(visit.folder.parent) / REPORT_NAME
    return f"{RESULTS}/{quote(place.as_posix())}"


def results_route(visits: Visits) -> Route:
    """Answers requests for a visit's files, or for ranges of their bytes, as players need."""

    def answer(request: Request) -> Response:
        visit, token, rest = (request.path_params[name] for name in ("visit", "token", "rest"))
        place = visits.folder / visit / token
        path = place / rest
        kind = _kind(path, place)
        if kind is None:
            return PlainTextResponse("not found", 404)
        visits.use(visits.folder / visit)
        return FileResponse(path, media_type=kind)

    return Route(f"/{RESULTS}/{{visit}}/{{token}}/{{rest:path}}", answer)


def _kind(path: Path, place: Path) -> str | None:
    """The media type of a report, or of an analysed recording; None for anything else."""
    if path.is_symlink() or not path.is_file():
        return None
    if path.parent.parent == place and path.parent.suffix == RESULT_SUFFIX:
        return "text/html" if path.name == REPORT_NAME else None
    if path.parent != place or not result_folder(path, place).is_dir():
        return None
    guessed = mimetypes.guess_type(path.name)[0] or ""
    # Never a type that a browser would open as a page.
    return guessed if guessed.startswith("video/") else "application/octet-stream"
