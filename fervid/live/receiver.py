"""Receives every frame of a source in a thread, and reconnects if that can help."""

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
"""Seconds without a picture, before the first one and after it, after which a source hangs."""

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
"""Pause before reconnecting, which doubles each time."""

_UNIT = Fraction(1, 1_000_000)
_JITTER_S = 0.005


class Connection(Protocol):
    """The interface of `Stream` and `Camera`."""

    displayed: tuple[int, int]
    has_stamps: bool

    def read(self) -> Picture | None:
        """Wait for the next picture; None if there are no more."""
        ...

    def kill(self) -> None:
        """Make readers see the end."""
        ...

    def close(self) -> None:
        """Release everything."""
        ...

    def reason(self) -> str:
        """Why there are no more pictures."""
        ...


@dataclass(frozen=True)
class Plan:
    """How to read a source.

    Attributes:
        working_size: longer side of the frames in pixels.
        fps: most frames per second; None: all.
        reconnect_for_s: seconds for which to try to reconnect to a network stream.
    """

    working_size: int
    fps: float | None
    reconnect_for_s: float


class Receiver:
    """Puts the frames of a source into a slot until it ends, is lost or is closed.

    Args:
        source: the source.
        plan: how to read it.
        slot: receives the frames.
        notify: called from the thread with lines for the user.

    Attributes:
        displayed: width and height of the first picture in pixels; (0, 0) before.
        has_stamps: whether times are from the stream's time stamps.
        lost: why the source was lost; empty if it was not.
        breaks: number of times the source broke.
        error: the exception that ended the thread, if any.
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
        """Number of jumps of the stream's time stamps."""
        return self._clock.jumps

    def start(self) -> None:
        """Start receiving."""
        self._thread.start()

    def check(self) -> None:
        """End a connection that hangs; call this now and then."""
        connection, waits_s = self._connection, time.monotonic() - self._waits_since
        longest_s = _NEXT_PICTURE_S if self._index else _FIRST_PICTURE_S
        if connection is not None and self._source.kind != "stdin" and waits_s > longest_s:
            self._hangs = f"no frame for {longest_s:.0f} s"
            connection.kill()

    def close(self) -> None:
        """Stop receiving; leaves no process."""
        self._closing.set()
        if self._connection is not None:
            self._connection.kill()
        # A hanging camera driver must not block us.
        self._thread.join(5.0 if self._source.kind == "camera" else None)

    def _run(self) -> None:
        try:
            self._receive()
        except FervidError as error:
            self.error = error
        finally:
            self._slot.end()

    def _receive(self) -> None:
        """Connect, and reconnect as long as that can help."""
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
                self._notify(f"{self._source.name}: {reason}; reconnecting")
            self._closing.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _connected(self) -> tuple[int, str]:
        """Receive over one connection; return the number of frames and the reason for the end."""
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
                    self._notify(f"{self._source.name}: reconnected")
                self._take(connection, picture)
                came += 1
            return came, self._hangs or connection.reason()
        finally:
            self._connection = None
            connection.close()

    def _connect(self) -> Connection:
        if self._source.kind == "camera":
            # Loaded here because streams do not need OpenCV.
            from fervid.live.camera import Camera

            return Camera(self._source, self._plan.working_size, self._shape)
        return Stream(self._source, self._plan.working_size, self._shape)

    def _take(self, connection: Connection, picture: Picture) -> None:
        """Put the next picture into the slot, if the frame rate allows it."""
        if self._shape is None:
            self._shape = picture.image.shape[0], picture.image.shape[1]
            self.displayed, self.has_stamps = connection.displayed, connection.has_stamps
        time_s = self._clock.time_of(picture.stamp_s, picture.arrived_s)
        if self._sampler.keeps(round(time_s / _UNIT)):
            self._slot.put(
                Frame(picture.image, self._index, time_s, picture.stamp_s, picture.arrived_s)
            )
        self._index += 1
