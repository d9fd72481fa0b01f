"""Sources of a live analysis: camera, network stream or standard input. Imports nothing heavy."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from fervid.errors import MediaError

Kind = Literal["camera", "network", "stdin"]

_RECORDED = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,flv,asf,ogg,nut,"
    "h261,h263,h264,hevc,vvc,obu,av1,ivf,yuv4mpegpipe,mjpeg,mpjpeg"
)
"""Demuxers that open nothing but the stream: no play lists, scripts or devices."""

_MOST_NAME = 80


@dataclass(frozen=True)
class Access:
    """What ffmpeg may do to read an address of some kind.

    Attributes:
        protocols: protocols that it may use.
        formats: demuxers that it may use.
        options: input options.
        relayed: whether ffmpeg must use our relay, as nothing else keeps it from other servers.
        needs: a word in the output of `ffmpeg -h protocol=NAME`; without it, ffmpeg is too old.
    """

    protocols: tuple[str, ...]
    formats: str = _RECORDED
    options: dict[str, str] = field(default_factory=dict)
    needs: str = ""
    relayed: bool = False


_RTSP = {"rtsp_transport": "tcp", "timeout": "20000000"}
_HTTP = {"max_redirects": "0", "rw_timeout": "20000000"}

STDIN = Access(("pipe",))

NETWORK: dict[str, Access] = {
    "udp": Access(("udp",), options={"overrun_nonfatal": "1", "timeout": "60000000"}),
    "rtp": Access(("rtp", "udp"), "rtp"),
    "tcp": Access(("tcp",), options={"rw_timeout": "20000000"}),
    "srt": Access(("srt",), options={"rw_timeout": "20000000"}),
    "rtsp": Access(("rtsp", "tcp"), "rtsp", _RTSP, relayed=True),
    "http": Access(("http", "tcp"), options=_HTTP, needs="max_redirects"),
    "https": Access(("https", "tls", "tcp"), options=_HTTP, needs="max_redirects"),
}
"""Access by URL scheme. RTSP uses only its own TCP connection, because UDP would let the server
name other machines. HTTP may not be redirected."""


@dataclass(frozen=True)
class Source:
    """The source of a live analysis.

    Attributes:
        kind: camera, network or standard input.
        address: number or path of a camera, or a URL, which may contain a password and is never
            shown.
        name: name in all texts and files, without user, password or query.
    """

    kind: Kind
    address: str = field(repr=False)
    name: str

    @property
    def is_network(self) -> bool:
        """Whether it is a network stream, which can be reconnected."""
        return self.kind == "network"

    @property
    def access(self) -> Access:
        """What ffmpeg may do to read it."""
        return NETWORK[_scheme(self.address)] if self.is_network else STDIN

    def session_name(self, began: datetime) -> str:
        """Default name of a session that began at a time, for file names."""
        plain = re.sub(r"[^A-Za-z0-9.]+", "-", self.name).strip("-.")[:_MOST_NAME]
        return f"{plain or 'live'}-{began:%Y%m%d-%H%M%S}"


def find_source(word: str | int) -> Source:
    """Find the source that the user names: "0", "/dev/video2", "rtsp://…" or "-".

    Raises:
        MediaError: the word names none of these.
    """
    word = str(word)
    if word == "-":
        return Source("stdin", word, "standard input")
    if word.isdecimal():
        return Source("camera", word, f"camera {int(word)}")
    scheme = _scheme(word)
    if scheme:
        name = public_name(word)
        if scheme not in NETWORK:
            raise MediaError(
                f"{scheme}: is not a supported kind of stream; use {', '.join(NETWORK)}"
            )
        if not _has_place(word):
            raise MediaError(
                f"{name}: is not the address of a stream; write {scheme}://HOST:PORT/PATH"
            )
        return Source("network", scheme + word[len(scheme) :], name)
    path = Path(word)
    if path.is_char_device():
        return Source("camera", word, f"camera {path.name}")
    if path.exists() and sys.platform != "win32":
        raise MediaError(f"{word!a}: is not a camera; use `fervid analyze` for recordings")
    shown = "that" if "@" in word else ascii(word)  # a mistyped address may contain a password
    raise MediaError(f"{shown}: no such camera; give a number, a device or the address of a stream")


def check_name(name: str) -> None:
    """Raise ValueError unless a session can have this name."""
    if Path(name).name != name or name.startswith("."):
        raise ValueError("name must be a file name without a folder")
    if not name.isprintable():
        raise ValueError("name contains characters that cannot be printed")


def _has_place(url: str) -> bool:
    """Whether a URL has a host, and a valid port if any."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _scheme(word: str) -> str:
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", word)
    return match[1].lower() if match else ""


def public_name(url: str) -> str:
    """A URL without what may be secret: user, password, query, and parts with "="."""
    scheme, _, rest = url.partition("://")
    authority, *after = re.split(r"(?=[/?#])", rest, maxsplit=1)
    if "@" in "".join(after):
        # Either a password contains a slash or a path an @, so nothing is shown.
        return f"{scheme.lower()}://\N{HORIZONTAL ELLIPSIS}"
    place = re.split(r"[?#]", authority.rpartition("@")[2] + "".join(after), maxsplit=1)[0]
    parts = ["\N{HORIZONTAL ELLIPSIS}" if "=" in part else part for part in place.split("/")]
    shown = "".join(c if c.isprintable() else "?" for c in "/".join(parts))
    return f"{scheme.lower()}://{shown}"
