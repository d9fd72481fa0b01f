"""Takes every frame of a source as it comes, in a thread, and connects again where that helps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from fervid.errors import FervidError, MediaError
from fervid.live.clock import Clock
from fervid.live.newest import Frame, Newest
from fervid.live.sources import Source
from fervid.live.stream import Picture, Stream
from fervid.video.sampling import Sampler, Sampling

_FIRST_PICTURE_S = 30.0
_NEXT_PICTURE_S = 10.0
"""No picture for so long, before the first one and after it, means that the source hangs."""

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
"""Before the source is tried again; doubled each time."""

_UNIT = Fraction(1, 1_000_000)
_JITTER_S = 0.005


class Connection(Protocol):
    """What `Stream` and `Camera` have in common."""

    displayed: tuple[int, int]
    has_stamps: bool

    def read(self) -> Picture | None:
        """The next picture, None when there are no more."""
        ...

    def kill(self) -> None:
        """Let whoever reads see the end."""
        ...

    def close(self) -> None:
        """Let everything go."""
        ...

    def reason(self) -> str:
        """Why no more pictures come."""
        ...


@dataclass(frozen=True)
class Plan:
    """How a source is to be read.

    Attributes:
        working_size: longer side of the frames in pixels.
        fps: frames a second at most, None for all.
        reconnect_for_s: a network stream that breaks is tried again for so long.
    """

    working_size: int
    fps: float | None
    reconnect_for_s: float


class Receiver:
    """Fills a slot with the frames of a source until it ends, is lost or is closed.

    Args:
        source: what to read.
        plan: how.
        slot: where frames go.
        notify: called from the thread with a line for the user.

    Attributes:
        displayed: width and height in pixels of what came first, (0, 0) before.
        has_stamps: whether the times are the stream's own.
        lost: why the source is lost, empty while it is not and where it just ended.
        breaks: how often the source broke and came back, or did not.
        error: what ended the thread, if it was no plain end.
    """

    def __init__(
        self, source: Source, plan: Plan, slot: Newest, notify: Callable[[str], None]
    ) -> None:
        self.displayed = (0, 0)
        self.has_stamps = False
        self.lost = ""
        self.breaks = 0
        self.error: FervidError | None = None
        self._source, self._plan, self._slot, self._notify = source, plan, slot, notify
        self._clock = Clock()
        self._shape: tuple[int, int] | None = None
        half = round(_JITTER_S / _UNIT)
        fps = None if plan.fps is None else Fraction(str(plan.fps))
        self._sampler = Sampler(Sampling(_UNIT, fps, half))
        self._index = 0
        self._connection: Connection | None = None
        self._hangs = ""
        self._waits_since = time.monotonic()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def jumps(self) -> int:
        """How often the stream's time stamps jumped."""
        return self._clock.jumps

    def start(self) -> None:
        """Begin to receive."""
        self._thread.start()

    def check(self) -> None:
        """End a connection that hangs; to be called now and then."""
        connection, waits_s = self._connection, time.monotonic() - self._waits_since
        longest_s = _NEXT_PICTURE_S if self._index else _FIRST_PICTURE_S
        if connection is not None and self._source.kind != "stdin" and waits_s > longest_s:
            self._hangs = f"no picture came for {longest_s:.0f} s"
            connection.kill()

    def close(self) -> None:
        """Stop receiving; no process is left."""
        self._closing.set()
        if self._connection is not None:
            self._connection.kill()
        # A camera whose driver hangs must not keep us.
        self._thread.join(5.0 if self._source.kind == "camera" else None)

    def _run(self) -> None:
        try:
            self._receive()
        except FervidError as error:
            self.error = error
        finally:
            self._slot.end()

    def _receive(self) -> None:
        """Connect, and connect again, until that is of no use."""
        wait_s, alive_s = _FIRST_WAIT_S, time.monotonic()
        while not self._closing.is_set():
            came, reason = self._connected()
            if self._closing.is_set() or (self._source.kind == "stdin" and self._index):
                return
            if not self._index:
                raise MediaError(f"{self._source.name}: {reason}")
            if came:
                wait_s, alive_s = _FIRST_WAIT_S, time.monotonic()
                self.breaks += 1
            if (
                not self._source.is_network
                or time.monotonic() - alive_s >= self._plan.reconnect_for_s
            ):
                self.lost = f"{self._source.name}: {reason}"
                return
            if came:
                self._notify(f"{self._source.name}: {reason}; trying again")
            self._closing.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _connected(self) -> tuple[int, str]:
        """Frames that came over one connection, and why no more did."""
        came, self._hangs = 0, ""
        self._waits_since = time.monotonic()
        self._connection = connection = self._connect()
        try:
            if self._closing.is_set():
                return 0, ""
            self._clock.again()
            while (picture := connection.read()) is not None:
                self._waits_since = time.monotonic()
                if self._index and not came and self._source.is_network and self.breaks:
                    self._notify(f"{self._source.name}: is back")
                self._take(connection, picture)
                came += 1
            return came, self._hangs or connection.reason()
        finally:
            self._connection = None
            connection.close()

    def _connect(self) -> Connection:
        if self._source.kind == "camera":
            # OpenCV is not needed for streams.
            from fervid.live.camera import Camera

            return Camera(self._source, self._plan.working_size, self._shape)
        return Stream(self._source, self._plan.working_size, self._shape)

    def _take(self, connection: Connection, picture: Picture) -> None:
        """Let the next picture wait to be analysed, if it is wanted."""
        if self._shape is None:
            self._shape = picture.image.shape[0], picture.image.shape[1]
            self.displayed, self.has_stamps = connection.displayed, connection.has_stamps
        time_s = self._clock.time_of(picture.stamp_s, picture.arrived_s)
        if self._sampler.keeps(round(time_s / _UNIT)):
            self._slot.put(
                Frame(picture.image, self._index, time_s, picture.stamp_s, picture.arrived_s)
            )
        self._index += 1
