"""ffmpeg as a supervised child process that can open only the recording it is given."""

from __future__ import annotations

import io
import math
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from fervid.video.command import FIRST_VIDEO, FROM_FIRST_PACKET, decoding_command
from fervid.video.executable import find_ffmpeg, open_recording, start

STALL_S = 60.0
"""ffmpeg is killed as hung after this many seconds without a sign of work."""

_TELLS = ("in_w", "in_h", "sar*1000000", "t*1000000")
LOG_PICTURES = "crop=w=iw:h=ih:exact=1:x=0:y='if(n,0,lt({},-1e99))'".format(
    "+".join(f"print({value})" for value in _TELLS)
)
"""A filter that changes nothing but makes ffmpeg log the size, pixel aspect and time of the first
frame and of each frame with a new size, where ffmpeg builds its filters anew and `n` starts again.

Unlike `showinfo`, it writes whole lines, so no message of another thread gets into them.
"""

_TOLD = re.compile(r"\[Eval @ \w+\] \[info\] (-?[\d.]+|-?nan)$")
_FINEST_ASPECT = 100_000
"""Largest denominator of a pixel aspect."""

_LONGEST_LINE = 1 << 16

_Picture = tuple[int, int, int, int]


class Child:
    """A running ffmpeg. Threads drain its log and frame statistics; the caller reads its stdout.

    Args:
        path: the recording.
        output: options of the only output, stdout, in the form of ffmpeg-python.
        threads: number of decoder threads.
        level: ffmpeg's log level.
        on_log: called from a thread with each line of the log and the time stamp of the newest
            frame decoded by then.
        frame_stats: report number, time stamp and picture size of every frame through `next_frame`;
            the output's filters must include `LOG_PICTURES`.
        coarse: skip the smoothing of block edges in frames that no other frame refers to.
        reading: further options of the input; None: time starts with the first packet.
        stream: the stream to decode, as ffmpeg names it; None: the file is a picture, whose tiles
            ffmpeg puts together.

    Raises:
        MediaError: the path is not a non-empty regular file.
        SetupError: there is no usable ffmpeg.
    """

    def __init__(
        self,
        path: Path,
        output: dict[str, Any],
        *,
        threads: int,
        level: str,
        on_log: Callable[[str, int | None], None],
        frame_stats: bool = False,
        coarse: bool = False,
        reading: dict[str, Any] | None = None,
        stream: str | None = FIRST_VIDEO,
    ) -> None:
        binary = find_ffmpeg()
        self.stalled = False
        self.killed = False
        # Unguessable, because these lines share a pipe with the log, which quotes metadata.
        self._tag = f"@{os.urandom(8).hex()} "
        self._on_log = on_log
        self._frames: deque[tuple[int, int, str]] = deque()
        self._values: list[float] = []
        self._pictures: list[tuple[float, _Picture]] = []
        self._picture: _Picture = (0, 0, 0, 0)
        self._newest: int | None = None
        self._state = threading.Condition()
        self._ended = False
        self._signs = 0
        self._waiting = False
        self._closed = threading.Event()
        self._fd = open_recording(path)
        self.size_bytes = os.fstat(self._fd).st_size
        try:
            if frame_stats:
                output = output | self._stats_options()
            decoding = {"threads": threads, **({"skip_loop_filter": "noref"} if coarse else {})}
            reading = decoding | (FROM_FIRST_PACKET if reading is None else reading)
            command = decoding_command(binary, path, self._fd, output, reading, level, stream)
            self._process = start(command, [self._fd])
        except BaseException:
            os.close(self._fd)
            raise
        targets = self._watch, self._drain
        self._threads = [threading.Thread(target=target, daemon=True) for target in targets]
        for thread in self._threads:
            thread.start()

    def read(self, view: memoryview) -> int:
        """Read stdout into `view`; return the number of bytes, less than its length only at the
        end."""
        stdout = self._process.stdout
        assert stdout is not None
        filled = 0
        self._waiting = True
        while filled < len(view) and (count := stdout.readinto(view[filled:])):  # type: ignore[attr-defined]
            filled += count
            self._signs += 1
        self._waiting = False
        return filled

    def next_frame(self) -> tuple[int, int, str, tuple[int, int, int, int]] | None:
        """The next frame, None after the last: number, time stamp, time base, and the width, height
        and pixel aspect (numerator, denominator) of its picture before filters."""
        with self._state:
            self._state.wait_for(lambda: self._frames or self._ended)
            if not self._frames:
                return None
            number, stamp, base = self._frames.popleft()
            # ffmpeg logs a new size before the frame that has it, sometimes several frames before.
            for place, (time_us, picture) in enumerate(self._pictures):
                if _is_at(time_us, stamp, base):
                    self._pictures = self._pictures[place + 1 :]
                    self._picture = picture
                    break
            return number, stamp, base, self._picture

    def wait(self) -> int:
        """Wait until every line has been handled; return the exit code (negative: a signal)."""
        self._waiting = True
        code = self._process.wait()
        with self._state:
            self._state.wait_for(lambda: self._ended)
        return code

    def grown_bytes(self) -> int:
        """Bytes by which the file has grown since it was opened."""
        return os.fstat(self._fd).st_size - self.size_bytes

    def kill(self) -> None:
        """End the process at once; its readers see the end of its output."""
        self.killed = True
        self._process.kill()

    def close(self) -> None:
        """Kill the process if it still runs, join the threads and close every descriptor."""
        self._closed.set()
        self.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        if self._process.stdout and not self._process.stdout.closed:
            self._process.stdout.close()
            os.close(self._fd)

    def _stats_options(self) -> dict[str, str]:
        return {"stats_enc_pre": "pipe:2", "stats_enc_pre_fmt": self._tag + "{ni} {pts} {tb}"}

    def _drain(self) -> None:
        """Handle every line of the log; ffmpeg would stop if the pipe were left full."""
        assert self._process.stderr is not None
        rest = ""
        try:
            with io.BufferedReader(self._process.stderr) as stream:  # type: ignore[type-var]
                for raw in iter(lambda: stream.readline(_LONGEST_LINE), b""):
                    self._signs += 1
                    rest = self._lines(rest + raw.decode("utf-8", "backslashreplace"))
            if line := rest.partition(self._tag)[0]:
                self._line(line)
        finally:
            with self._state:
                self._ended = True
                self._state.notify_all()

    def _lines(self, text: str) -> str:
        """Handle text that ends where a line may end; return what belongs to the next line.

        ffmpeg writes a line of its log in pieces, and statistics of a frame may come between them.
        """
        line, tag, frame = text.partition(self._tag)
        if not text.endswith("\n"):
            return text if len(text) < _LONGEST_LINE else self._lines(text + "\n")
        if tag:
            self._frame(*frame.split())
            return line
        self._line(line.rstrip())
        return ""

    def _line(self, line: str) -> None:
        if match := _TOLD.match(line):
            self._take_picture_value(float(match[1]))
        else:
            self._on_log(line, self._newest)

    def _frame(self, number: str, stamp: str, base: str) -> None:
        with self._state:
            self._newest = int(stamp)
            self._frames.append((int(number), self._newest, base))
            self._state.notify_all()

    def _take_picture_value(self, value: float) -> None:
        """Take the next value that `LOG_PICTURES` logs."""
        self._values.append(value)
        if len(self._values) == len(_TELLS):
            width, height, aspect_e6, time_us = self._values
            aspect = Fraction(f"{aspect_e6 / 1e6:.12f}").limit_denominator(_FINEST_ASPECT)
            picture = (round(width), round(height), aspect.numerator, aspect.denominator)
            with self._state:
                self._pictures.append((time_us, picture))
            self._values = []

    def _watch(self) -> None:
        """Kill ffmpeg if we wait for it and its output, log and file position all stand still."""
        seen, since = self._progress(), time.monotonic()
        while not self._closed.wait(min(1.0, STALL_S / 4)) and self._process.poll() is None:
            now = self._progress()
            if now != seen or not self._waiting:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > STALL_S:
                self.stalled = True
                self._process.kill()

    def _progress(self) -> tuple[int, int]:
        # The child shares our file position, so we see it move even without a frame.
        return self._signs, os.lseek(self._fd, 0, os.SEEK_CUR)


def _is_at(time_us: float, stamp: int, base: str) -> bool:
    """Whether a time in microseconds, not a number if unknown, is that of a time stamp."""
    return math.isnan(time_us) or abs(float(stamp * Fraction(base) * 10**6) - time_us) < 0.5
