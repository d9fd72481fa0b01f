"""Time stamps that start again where recordings are joined, made continuous as for the analysis."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fervid.video.probing import LONGEST_PAUSE_S, RESTARTING

if TYPE_CHECKING:
    from av import Packet, VideoStream
    from av.container import InputContainer

_BACK_S = Fraction(1, 10)
"""ffmpeg treats smaller backward steps as frames out of order."""


def continuous(
    packets: Iterator[Packet[Any]], source: InputContainer, video: VideoStream
) -> Iterator[Packet[Any]]:
    """Change the time stamps of packets so that those of the video do not start again.

    Args:
        packets: the packets of `source`, of all streams.
        source: the recording.
        video: the stream that is read.
    """
    if source.format.name not in RESTARTING:
        yield from packets
        return
    shift_s, due_s = Fraction(0), None
    for packet in packets:
        if packet.dts is not None and packet.time_base:
            dts_s = packet.dts * packet.time_base + shift_s
            if packet.stream is video:
                if due_s is not None and not -_BACK_S < dts_s - due_s < LONGEST_PAUSE_S:
                    shift_s, dts_s = shift_s + due_s - dts_s, due_s
                due_s = dts_s + (packet.duration or 0) * packet.time_base
            shift = round(shift_s / packet.time_base)
            packet.dts += shift
            packet.pts = None if packet.pts is None else packet.pts + shift
        yield packet
