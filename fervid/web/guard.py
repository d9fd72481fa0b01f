"""Restricts what requests reach the page's server, and what browsers do with its answers."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("fervid.web")

_PATHS = re.compile(
    r"/(|config/?|theme\.css|favicon\.ico|manifest\.json|robots\.txt|(assets|static|svelte)/.+)"
    r"|/gradio_api/(info/?|upload|upload_progress|queue/(join|data)|heartbeat/\w+|cancel|reset/?"
    r"|startup-events|app_id/?|stream/\w+(/close)?|file=/.+|file=[A-Za-z]:.+)"
    r"|/results/visit-[0-9a-f]{32}/[0-9a-f]{16}/[^/]+(/report\.html)?"
)
"""Requests of the page. Gradio would answer more: proxies, downloads, logs, editors."""

_UPLOAD = "/gradio_api/upload"
_FILE = "/gradio_api/file="
_MESSAGE_BYTES = 4_000_000
"""Largest request that is not an upload; a frame of a camera takes a tenth of this."""

_ENVELOPE_BYTES = 100_000
"""Bytes that an upload may have beyond its file."""

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'self'"
)
"""Browsers load nothing for this page from other sites and send nothing to them. Gradio compiles
HTML blocks in the browser, so scripts must be allowed to do that."""

_RESULTS = "/results/"
_RESULTS_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src 'self' blob:; form-action 'none'; frame-ancestors 'self'; "
    "base-uri 'none'"
)
"""Reports ask for nothing but their recording; they also have a stricter policy of their own."""

_HEADERS = {
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}


class Guard:
    """Refuses requests that the page never makes, before they reach Gradio.

    Args:
        app: answers all other requests.
        folder: the only folder for served files and uploads; resolved.
        upload_bytes: size of the largest upload.
        hosts: names by which this server may be addressed, as a protection against DNS rebinding;
            None: any.
    """

    def __init__(
        self, app: ASGIApp, folder: Path, upload_bytes: int, hosts: frozenset[str] | None
    ) -> None:
        self._app, self._folder, self._upload_bytes, self._hosts = app, folder, upload_bytes, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        try:
            self._check(scope)
            if scope["method"] == "POST" and scope["path"] != _UPLOAD:
                receive = await self._checked_message(receive)
        except _RefusedError as refused:
            await PlainTextResponse(refused.reason, refused.status)(scope, receive, send)
            return

        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if scope["path"].startswith(_RESULTS):
                    headers["content-security-policy"] = _RESULTS_POLICY
                if scope["path"].startswith(("/gradio_api/", _RESULTS)):
                    headers["cache-control"] = "no-store"
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:  # Gradio checks little, so its errors become one line
            _log.warning("%s", _error_line(scope, error))
            if not begun:
                answer = PlainTextResponse("cannot be answered", 400)
                await answer(scope, receive, send_with_headers)

    def _check(self, scope: Scope) -> None:
        headers, path = Headers(scope=scope), str(scope["path"])
        host = headers.get("host", "")
        if self._hosts is not None and _split(f"//{host}").hostname not in self._hosts:
            raise _RefusedError(403, "unknown host")
        origin = headers.get("origin")
        if origin is not None and _split(origin).netloc != host:
            raise _RefusedError(403, "requested by another site")
        if not _PATHS.fullmatch(path):
            raise _RefusedError(404, "not found")
        if path.startswith(_FILE) and not self._is_ours(path.removeprefix(_FILE)):
            raise _RefusedError(403, "not served")
        if scope["method"] == "POST":
            self._check_length(headers.get("content-length"), path)

    def _check_length(self, length: str | None, path: str) -> None:
        if length is None or not length.isdecimal():
            raise _RefusedError(411, "the request does not say how long it is")
        most = _MESSAGE_BYTES
        if path == _UPLOAD:
            most = self._upload_bytes + _ENVELOPE_BYTES
        if int(length) > most:
            raise _RefusedError(413, "too large")

    async def _checked_message(self, receive: Receive) -> Receive:
        """A function that receives the message again, after checking that it names only uploads."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise _RefusedError(400, "cut off")
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        try:
            named = list(_paths_in(json.loads(body or b"null")))
        except (ValueError, RecursionError):
            raise _RefusedError(400, "not JSON") from None
        if not all(self._is_ours(path) for path in named):
            raise _RefusedError(403, "not an upload")
        again = iter([{"type": "http.request", "body": bytes(body)}])

        async def receive_again() -> Message:
            return next(again, None) or await receive()

        return receive_again

    def _is_ours(self, path: str) -> bool:
        """Whether a path is inside the folder, with links resolved."""
        try:
            return Path(path).resolve().is_relative_to(self._folder)
        except (OSError, ValueError):
            return False


def _split(address: str) -> SplitResult:
    """The parts of an address; empty ones if it is invalid."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _error_line(scope: Scope, error: Exception) -> str:
    """A short line of printable ASCII: what could not be answered, and why."""
    what = f"{scope['method']} {ascii(str(scope['path']))[1:-1]:.80}"
    return f"fervid: {what}: cannot be answered ({f'{type(error).__name__}: {error}'!a:.120})"


class _RefusedError(Exception):
    """A refusal, with status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        self.status, self.reason = status, reason


def _paths_in(data: Any) -> Iterator[str]:
    """All values of the key `path` in JSON data, with which Gradio names files and addresses."""
    if isinstance(data, dict):
        if data.get("path"):
            yield str(data["path"])
        data = list(data.values())
    if isinstance(data, list):
        for part in data:
            yield from _paths_in(part)
