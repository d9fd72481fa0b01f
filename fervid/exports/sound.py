"""The sound of a recording in another container: copied, or as AAC if it cannot be copied."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet
    from av.container import OutputContainer


class Sound(Protocol):
    """One audio stream."""

    def take(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """The packets for the new file from a packet of the recording, including the empty last
        one."""


def sound_for(stream: AudioStream, target: OutputContainer, start_s: Fraction) -> Sound:
    """Add a stream for this one to `target`, before anything is written.

    Args:
        stream: audio stream of the recording.
        target: the new file.
        start_s: time in the recording, in seconds, that becomes 0 in the new file.
    """
    try:
        return _Copied(target.add_stream_from_template(stream), start_s)
    except ValueError:  # the container does not support the codec
        return _Encoded(stream, target, start_s)


def _count_from(start_s: Fraction, one: Packet[Any] | AudioFrame) -> None:
    """Shift the time stamps of a packet or frame, if it has any."""
    if one.time_base:
        start = round(start_s / one.time_base)
        one.dts = None if one.dts is None else one.dts - start
        one.pts = None if one.pts is None else one.pts - start


class _Rising:
    """Passes only packets with increasing time stamps, as files require; drops the others, as is
    done with pictures."""

    def __init__(self) -> None:
        self._last: int | None = None

    def only(self, packets: list[Packet[Any]]) -> list[Packet[Any]]:
        kept = []
        for packet in packets:
            dts, pts = packet.dts, packet.pts
            if dts is None or (pts is not None and pts < dts):
                continue
            if self._last is None or dts > self._last:
                self._last = dts
                kept.append(packet)
        return kept


class _Copied:
    def __init__(self, stream: AudioStream, start_s: Fraction) -> None:
        self._stream, self._start_s = stream, start_s
        self._rising = _Rising()

    def take(self, packet: Packet[Any]) -> list[Packet[Any]]:
        kept = self._rising.only([packet])
        for one in kept:
            _count_from(self._start_s, one)
            one.stream = self._stream
        return kept


class _Encoded:
    def __init__(self, stream: AudioStream, target: OutputContainer, start_s: Fraction) -> None:
        self._from, self._start_s = stream, start_s
        self._rising = _Rising()
        self._to = target.add_stream("aac", rate=stream.rate)
        # Old containers do not say which speaker a channel belongs to.
        self._to.codec_context.layout = "mono" if stream.channels == 1 else "stereo"

    def take(self, packet: Packet[Any]) -> list[Packet[Any]]:
        import av

        frames: list[AudioFrame] = []
        with contextlib.suppress(av.InvalidDataError):
            frames = self._from.decode(packet)
        for frame in frames:
            _count_from(self._start_s, frame)
        packets = [piece for frame in frames for piece in self._to.encode(frame)]
        ends = packet.dts is None and not packet.size
        return self._rising.only([*packets, *self._to.encode(None)] if ends else packets)
