"""A connection to a stream, which ffmpeg decodes without delay in its own process."""

from __future__ import annotations

import io
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fervid.errors import SetupError
from fervid.live.relay import Relay
from fervid.live.sources import Source
from fervid.video.executable import MAX_BLOCK_BYTES, MAX_PIXELS, find_ffmpeg, start

_WINDOWS = sys.platform == "win32"
_STDIN = 0
_NO_STAMP = -(2**63)
_LINES_KEPT = 500
_MARK = b"FRAME\n"
_STAMP_S = 5.0

_ANALYSE_US = 1_000_000
"""Microseconds of a stream that may be read to find its pictures, which are not lost by that."""

_STAMPLESS = "h261 h263 h264 hevc vvc obu av1 m4v mpegvideo mjpeg mpjpeg".split()  # noqa: SIM905
"""Raw formats, for which ffmpeg invents time stamps."""

_REASONS = {
    "Connection refused": "the connection was refused",
    "401 Unauthorized": "the server needs a valid user name and password",
    "403 Forbidden": "the server does not allow it",
    "404 Not Found": "the server has no such stream",
    "resolve hostname": "no such host",
    "Name or service not known": "no such host",
    "Address already in use": "another program is using this address",
    "No route to host": "the host cannot be reached",
    "Network is unreachable": "the network cannot be reached",
    "timed out": "no answer",
    "Protocol not found": "this ffmpeg cannot read such streams",
    "not on whitelist": "is not a supported kind of stream",
    "matches no streams": "has no video",
    "Picture size": f"has frames larger than {MAX_PIXELS // 1_000_000} megapixels",
    "Invalid data found": "is not a supported kind of stream",
    "Input/output error": "cannot be read; if the server redirects to another address, give that "
    "one",
}


@dataclass(frozen=True)
class Picture:
    """A decoded picture: (H, W) uint8 luma, the stream's time in seconds, if any, and the time of
    arrival on `time.monotonic`."""

    image: NDArray[np.uint8]
    stamp_s: float | None
    arrived_s: float


class Stream:
    """A running ffmpeg that reads a network stream or standard input.

    Args:
        source: the source.
        working_size: longer side of the pictures in pixels; smaller ones are not enlarged.
        shape: (H, W) of the pictures instead, so that a later connection gives the same shape as
            the first one.

    Attributes:
        displayed: width and height of the stream's pictures in pixels; (0, 0) before the first.
        has_stamps: whether the stream has time stamps; known from the first picture on.

    Raises:
        SetupError: there is no usable ffmpeg.
    """

    def __init__(
        self, source: Source, working_size: int, shape: tuple[int, int] | None = None
    ) -> None:
        self.displayed = (0, 0)
        self.has_stamps = True
        self._source = source
        self._shape = shape or (0, 0)
        self._aspect = Fraction(1)
        self._sizes: tuple[int, int] | None = None
        self._begun = False
        self._is_measured = threading.Event()
        self._tag = f"@{os.urandom(8).hex()} "
        self._log: deque[str] = deque(maxlen=_LINES_KEPT)
        self._stamps: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        self._relay = Relay(source.address) if source.access.relayed else None
        binary = find_ffmpeg()
        check_options(binary, source)
        stdin = _STDIN if source.kind == "stdin" else subprocess.DEVNULL
        stats_read, stats_write = (-1, -1) if _WINDOWS else os.pipe()
        try:
            output = _output(working_size, shape, stats_write if stats_write >= 0 else 2, self._tag)
            address = self._relay.url if self._relay else source.address
            command = [binary, *_input(source, address), *output]
            self._process = start(command, [stats_write] if stats_write >= 0 else [], stdin)
        except BaseException:
            if stats_read >= 0:
                os.close(stats_read)
            if self._relay is not None:
                self._relay.close()
            raise
        finally:
            if stats_write >= 0:
                os.close(stats_write)
        assert self._process.stderr is not None
        streams = [self._process.stderr]
        streams += [os.fdopen(stats_read, "rb", 0)] if stats_read >= 0 else []
        self._threads = [
            threading.Thread(target=self._drain, args=(stream,), daemon=True) for stream in streams
        ]
        for thread in self._threads:
            thread.start()

    def read(self) -> Picture | None:
        """Wait for the next picture; None if there are no more."""
        if not self._begun and not self._begin():
            return None
        height, width = self._shape
        buffer = np.empty(len(_MARK) + height * width, np.uint8)
        if not self._fill(buffer):
            return None
        arrived_s = time.monotonic()
        if buffer[: len(_MARK)].tobytes() != _MARK:
            return None
        stamp_s = self._next_stamp()
        if self.displayed == (0, 0):
            self._measure()
        image = buffer[len(_MARK) :].reshape(height, width)
        return Picture(image, stamp_s if self.has_stamps else None, arrived_s)

    def kill(self) -> None:
        """End ffmpeg, so that readers see the end; may be called from any thread."""
        self._process.kill()

    def close(self) -> None:
        """End ffmpeg and close everything."""
        self.kill()
        self._process.wait()
        if self._relay is not None:
            self._relay.close()
        for thread in self._threads:
            thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def reason(self) -> str:
        """Why there are no more pictures, for the user, without any part of the address."""
        try:
            code = self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            return "the stream broke"
        if self._relay is not None and self._relay.failure:
            return self._relay.failure
        for thread in self._threads:
            thread.join()
        lines = [line for line in self._log if "[error]" in line or "[fatal]" in line]
        if not self._begun or code:
            for sign, meaning in _REASONS.items():
                if any(sign in line for line in lines):
                    return meaning
        return "the stream broke" if code or not self._begun else "the stream ended"

    def _begin(self) -> bool:
        """Read the header before the first picture, which has its size."""
        assert self._process.stdout is not None
        header = self._process.stdout.readline(200).decode("ascii", "replace")
        size = re.match(r"YUV4MPEG2 W(\d+) H(\d+) ", header)
        if size is None:
            return False
        self._shape = int(size[2]), int(size[1])
        self._begun = True
        return True

    def _fill(self, buffer: NDArray[np.uint8]) -> bool:
        """Fill the buffer; False if the stream ends before."""
        stdout, view, filled = self._process.stdout, buffer.data.cast("B"), 0
        assert stdout is not None
        while filled < len(view):
            count = stdout.readinto(view[filled:])  # type: ignore[attr-defined]
            if not count:
                return False
            filled += count
        return True

    def _next_stamp(self) -> float | None:
        try:
            stamp = self._stamps.get(timeout=_STAMP_S)
        except queue.Empty:
            stamp = None
        if stamp is None or stamp[0] == _NO_STAMP:
            return None
        return float(stamp[0] * Fraction(stamp[1]))

    def _measure(self) -> None:
        """Determine, after the first picture, its size and whether there are time stamps."""
        self._is_measured.wait(_STAMP_S)  # it comes through the other pipe
        width, height = self._sizes or self._shape[::-1]
        self.displayed = max(1, round(width * self._aspect)), height
        kinds = [m[1] for line in self._log if (m := re.match(r"\[info\] Input #0, (\S+),", line))]
        self.has_stamps = not kinds or kinds[0] not in _STAMPLESS

    def _drain(self, stream: IO[bytes]) -> None:
        """Handle every line; ffmpeg would stop if the pipe were left full."""
        with io.BufferedReader(stream) as lines:  # type: ignore[type-var]
            for raw in iter(lambda: lines.readline(4096), b""):
                self._line(raw.decode("utf-8", "backslashreplace").rstrip("\n"))

    def _line(self, line: str) -> None:
        if line.startswith(self._tag):
            stamp, _, base = line.removeprefix(self._tag).partition(" ")
            self._stamps.put((int(stamp), base))
        elif size := re.match(r"#dimensions 0: (\d+)x(\d+)$", line):
            self._sizes = int(size[1]), int(size[2])
        elif aspect := re.match(r"#sar 0: ([1-9]\d*)/([1-9]\d*)$", line):
            self._aspect = Fraction(int(aspect[1]), int(aspect[2]))
        elif line.startswith("0, "):
            self._is_measured.set()
        else:
            self._log.append(line)


def check_options(binary: str, source: Source) -> None:
    """Raise SetupError if ffmpeg cannot be prevented from opening other addresses."""
    needs = source.access.needs
    if not needs:
        return
    asked = [binary, "-hide_banner", "-h", f"protocol={source.access.protocols[0]}"]
    known = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=20).stdout
    if needs.encode() not in known:
        raise SetupError(
            "this ffmpeg is too old for such streams, because it follows every redirect"
        )


def _input(source: Source, address: str) -> list[str]:
    """Input options with which only the given address is opened."""
    access = source.access
    options: dict[str, Any] = {
        "max_alloc": MAX_BLOCK_BYTES,
        "loglevel": "repeat+level+info",
        "protocol_whitelist": ",".join(access.protocols),
        "format_whitelist": access.formats,
        "max_pixels": MAX_PIXELS,
        "max_streams": 100,
        "analyzeduration": _ANALYSE_US,
        "fpsprobesize": 0,
        # With frame threading, as many frames would be held back as there are threads.
        "thread_type": "slice",
        **access.options,
        "i": address if source.is_network else "pipe:0",
    }
    flags = ["-hide_banner", "-nostdin", "-nostats", "-copyts"]
    return flags + [word for key, value in options.items() for word in (f"-{key}", str(value))]


def _output(working_size: int, shape: tuple[int, int] | None, stats: int, tag: str) -> list[str]:
    """Options of both outputs: scaled pictures with time stamps, and the original size."""
    if shape is None:
        shrunk = f"min(1,{working_size}/max(iw*sar,ih))"
        size = f"w='max(2,2*round(iw*sar*{shrunk}/2))':h='max(2,2*round(ih*{shrunk}/2))'"
    else:
        size = f"w={shape[1]}:h={shape[0]}"
    # With the same matrix on both sides, only the range of Y is widened.
    luma = "out_range=pc:in_color_matrix=bt601:out_color_matrix=bt601"
    pictures = ["-map", "0:V:0", "-vf", f"scale={size}:flags=area:{luma},setsar=1"]
    pictures += ["-pix_fmt", "gray", "-fps_mode", "passthrough", "-enc_time_base", "demux"]
    pictures += ["-stats_enc_pre", f"pipe:{stats}", "-stats_enc_pre_fmt", tag + "{pts} {tb}"]
    pictures += ["-flush_packets", "1", "-f", "yuv4mpegpipe", "pipe:1"]
    about = ["-map", "0:V:0", "-frames:v", "1", "-c:v", "rawvideo", "-f", "framecrc"]
    return [*pictures, *about, "-flush_packets", "1", f"pipe:{stats}"]
