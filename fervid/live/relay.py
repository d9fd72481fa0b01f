"""A relay to a single RTSP server, because ffmpeg would follow redirections to any other."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from urllib.parse import urlsplit

_PORT = 554
_CONNECT_S = 10.0
_CLOSE_S = 1.0
_REDIRECTION = re.compile(rb"RTSP/\d\.\d +3")
_KEPT = 12
"""Bytes kept, because an answer may begin in one piece and continue in the next."""


class Relay:
    """Relays one connection of ffmpeg to a server, but passes no redirection back.

    Args:
        url: address of the stream.

    Attributes:
        url: address of the stream through the relay.
        failure: why there is no connection, for the user; empty if there is one.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        login, at, _ = parts.netloc.rpartition("@")
        after = url.partition("://")[2][len(parts.netloc) :]
        self._place = parts.hostname or "", parts.port or _PORT
        self._listening = socket.create_server(("127.0.0.1", 0))
        near = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.url = f"{parts.scheme}://{login}{at}{near}{after}"
        self.failure = ""
        self._sockets: list[socket.socket] = []
        self._closed = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close both connections."""
        self._closed = True
        for one in [self._listening, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._thread.join(_CLOSE_S)  # the thread may wait for a server that does not answer
        self._listening.close()

    def _serve(self) -> None:
        try:
            near, _ = self._listening.accept()
        except OSError:  # closed
            return
        with near:
            try:
                far = socket.create_connection(self._place, _CONNECT_S)
            except OSError as error:
                self.failure = _why(error)
                return
            with far:
                far.settimeout(None)
                self._sockets = [near, far]
                if self._closed:
                    return
                back = threading.Thread(target=_pump, args=(near, far), daemon=True)
                back.start()
                self._answers(far, near)
                back.join()

    def _answers(self, far: socket.socket, near: socket.socket) -> None:
        """Pass on what the server sends, until it ends or redirects us."""
        before = b""
        with contextlib.suppress(OSError):
            while piece := far.recv(1 << 16):
                if _REDIRECTION.search(before + piece):
                    self.failure = (
                        "the server redirects to another address, which fervid does not follow"
                    )
                    break
                near.sendall(piece)
                before = piece[-_KEPT:]
        for one in (near, far):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _pump(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(1 << 16):
            to.sendall(piece)
    with contextlib.suppress(OSError):
        to.shutdown(socket.SHUT_WR)


def _why(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "no such host"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    return "no answer" if isinstance(error, TimeoutError) else "the network cannot be reached"
