"""The server of the page. It leaves no files behind and sends nothing to other machines."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import tempfile
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fervid.errors import ServingError, SetupError
from fervid.results.atomic_folder import WholeFolder

if TYPE_CHECKING:
    from fastapi import FastAPI
    from gradio import Blocks

    from fervid.web.visits import Visits

LOCAL = "127.0.0.1"
FIRST_PORT, PORTS = 7860, 100
_SWEEP_S = 60.0

_QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_MCP_SERVER": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""Settings that stop Gradio from sending usage statistics and looking for updates."""


def require() -> None:
    """Raise SetupError unless Gradio is installed."""
    if find_spec("gradio") is None:
        raise SetupError("the page needs Gradio; install it with: pip install 'fervid[web]'")


def serve(host: str, port: int | None, *, upload_bytes: int, ready: Callable[[str], None]) -> None:
    """Serve the page until a signal ends it; then delete uploads and results.

    Args:
        host: address to listen on; any other than `LOCAL` lets other machines in.
        port: port to listen on; None: the first free one from `FIRST_PORT`.
        upload_bytes: size of the largest upload.
        ready: called with the page's address before the first request is answered.

    Raises:
        SetupError: Gradio is not installed.
        ServingError: the address is in use, or there is no room for uploads.
    """
    require()
    with _listening(host, port) as listener, _temporary_folder() as folder:
        os.environ |= _QUIET
        os.environ["GRADIO_TEMP_DIR"] = str(folder)
        os.environ["GRADIO_EXAMPLES_CACHE"] = str(folder / "examples")
        _serve(listener, host, folder, upload_bytes, ready)


def _serve(
    listener: socket.socket,
    host: str,
    folder: Path,
    upload_bytes: int,
    ready: Callable[[str], None],
) -> None:
    """Build the page and answer requests; Gradio reads its environment when imported here."""
    import uvicorn

    from fervid.web.guard import Guard
    from fervid.web.page import build
    from fervid.web.visits import Visits
    from fervid.web.work import Workshop

    class Server(uvicorn.Server):
        """A server that ends at once, even if pages are still connected."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            logging.getLogger("uvicorn.error").disabled = True
            self.force_exit = True
            await super().shutdown(sockets)

    visits, workshop = Visits(folder), Workshop()
    page = _application(build(visits, workshop), visits, upload_bytes)
    hosts = frozenset({LOCAL, "localhost", "::1"}) if host == LOCAL else None
    guarded = Guard(page, folder, upload_bytes, hosts)
    config = uvicorn.Config(guarded, log_level="warning", access_log=False, server_header=False)
    ready(f"http://{_as_in_address(host)}:{listener.getsockname()[1]}")
    try:
        Server(config).run(sockets=[listener])
    finally:
        visits.leave_all()
        workshop.close()


def _application(page: Blocks, visits: Visits, upload_bytes: int) -> FastAPI:
    import gradio
    from fastapi import FastAPI

    from fervid.web.page import ICON, STYLE, theme
    from fervid.web.results import results_route

    @contextlib.asynccontextmanager
    async def swept(_: Any) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(visits))
        yield
        sweeping.cancel()

    bare = FastAPI(lifespan=swept, docs_url=None, redoc_url=None, openapi_url=None)
    bare.routes.append(results_route(visits))
    gradio.mount_gradio_app(
        bare,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
        ssr_mode=False,
        show_error=False,
        max_file_size=upload_bytes,
        theme=theme(),
        css=STYLE,
        favicon_path=str(ICON),
    )
    page.has_launched = True  # otherwise Gradio accepts any path as an upload
    return bare


async def _sweep(visits: Visits) -> None:
    while True:
        await asyncio.sleep(_SWEEP_S)
        await asyncio.to_thread(visits.sweep)


def open_browser(address: str) -> None:
    """Open the page in the user's browser, if any, without waiting."""
    threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()


@contextlib.contextmanager
def _listening(host: str, port: int | None) -> Iterator[socket.socket]:
    """A socket that already listens, so that the browser cannot be too early."""
    ports = range(FIRST_PORT, FIRST_PORT + PORTS) if port is None else [port]
    reason = ""
    for number in ports:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, number), family=family)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            continue
        with listener:
            yield listener
        return
    raise ServingError(f"{host}:{ports[0]}: cannot listen here: {reason}; choose another --port")


def _as_in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A private folder for this run; removes the folders of killed runs."""
    whole = WholeFolder(Path(tempfile.gettempdir()).resolve() / "fervid-web", lambda _: False)
    try:
        try:
            whole.create()
            whole.path.chmod(0o700)
        except OSError as error:
            reason = f"no room for uploads: {error.strerror}"
            raise ServingError(f"{whole.path.parent}: {reason}") from error
        yield whole.path
    finally:
        whole.discard()
