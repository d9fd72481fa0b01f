"""Measure `fervid live` on a stream that ffmpeg sends over the loopback, in real time.

    python -m benchmarks.live                       # a minute of 720p30 H.264 with one face python
    -m benchmarks.live --seconds 600         # does memory stay flat?

Latency is the time from sending the first packet of a frame to reading the frame's line of JSON
from fervid. It includes sending, receiving, decoding and analysis.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import click
import numpy as np
import psutil

from benchmarks.__main__ import about, show
from benchmarks.clips import make_clip
from fervid.video.executable import find_ffmpeg

_FFMPEG = ("-hide_banner", "-nostdin", "-v", "error")
_MEMORY_EVERY_S = 1.0
_PACKET = 188


@click.command(help=__doc__)
@click.option("--seconds", default=60.0, show_default=True, help="Length of the session.")
@click.option("--size", default="1280x720", show_default=True)
@click.option("--fps", default=30, show_default=True)
@click.option("--faces", default=1, show_default=True)
@click.option("--port", default=23456, show_default=True)
@click.option(
    "--json", "output", type=click.Path(path_type=Path), help="Write the figures to this file."
)
def main(seconds: float, size: str, fps: int, faces: int, port: int, output: Path | None) -> None:
    """Measure, print a table, write a file."""
    width, height = map(int, size.split("x"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = make_clip(
            folder / "made.mp4", seconds=20, size=(width, height), fps=fps, faces=faces
        )
        clip = for_streaming(made, folder / "stream.ts")
        figures = about(1) | measured(clip, folder, seconds, f"udp://127.0.0.1:{port}")
    show(figures)
    if output:
        output.write_text(json.dumps(figures, indent=1) + "\n")


def for_streaming(recording: Path, path: Path) -> Path:
    """The recording as a camera encodes it: no picture refers to a later one."""
    encoder = ("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-g", "30")
    command = [find_ffmpeg(), *_FFMPEG, "-y", "-i", str(recording), *encoder, str(path)]
    subprocess.run(command, check=True)
    return path


def measured(clip: Path, folder: Path, seconds: float, address: str) -> dict[str, Any]:
    """Analyse the clip, sent in a loop, for a time."""
    live = [sys.executable, "-m", "fervid.cli", "live", address, "-o", str(folder), "--json"]
    live += ["--duration", str(seconds)]
    send = [find_ffmpeg(), *_FFMPEG, "-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy"]
    send += ["-flush_packets", "1", "-f", "mpegts", "pipe:1"]
    with (
        subprocess.Popen(live, stdout=subprocess.PIPE) as watching,
        subprocess.Popen(send, stdout=subprocess.PIPE) as sending,
    ):
        try:
            assert watching.stdout is not None
            assert sending.stdout is not None
            relay, memory = Relay(sending.stdout, address), Memory(watching.pid)
            frames = [(line, time.monotonic()) for line in watching.stdout]
            code = watching.wait()
        finally:
            for process in (watching, sending):
                process.kill()
        relay.close()
    if code:
        raise click.ClickException(f"fervid live ended with {code}")
    told = [(json.loads(line), came) for line, came in frames]
    return _figures(told[:-1], told[-1][0]["end"], relay.sent, memory)


def _figures(
    frames: list[tuple[dict[str, Any], float]],
    end: dict[str, Any],
    sent: dict[int, float],
    memory: Memory,
) -> dict[str, Any]:
    late_ms = [
        (came - sent[stamp]) * 1e3
        for frame, came in frames
        if (stamp := round(frame["stamp"] * 90_000)) in sent
    ]
    inside_ms = [frame["latency_ms"] for frame, _ in frames]
    passed_s = frames[-1][1] - frames[0][1]
    megabytes = np.array_split(np.array(memory.bytes) / 1e6, 4)
    return {
        "frames analysed a second": (len(frames) - 1) / passed_s,
        "dropped, %": 100 * end["dropped"] / (end["dropped"] + end["analysed"]),
        "frames matched with what was sent, %": 100 * len(late_ms) / len(frames),
        "latency from the sender, ms": _spread(late_ms),
        "latency from the decoder, ms": _spread(inside_ms),
        "memory, MB": {
            "second quarter": float(np.median(megabytes[1])),
            "last quarter": float(np.median(megabytes[3])),
        },
    }


def _spread(values: list[float]) -> dict[str, float]:
    shares = {"median": 50, "95%": 95, "99%": 99, "most": 100}
    return {name: float(np.percentile(values, share)) for name, share in shares.items()}


class Relay:
    """Relays a transport stream, and records when.

    Attributes:
        sent: when the first packet of each picture was sent, by its time stamp in units of 1/90000
            s.
    """

    def __init__(self, stream: IO[bytes], address: str) -> None:
        self.sent: dict[int, float] = {}
        place = urlsplit(address)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((place.hostname, place.port))
        self._thread = threading.Thread(target=self._relay, args=(stream,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the end of the stream."""
        self._thread.join()
        self._socket.close()

    def _relay(self, stream: IO[bytes]) -> None:
        while packet := stream.read(_PACKET):
            if (stamp := _stamp(packet)) is not None:
                self.sent[stamp] = time.monotonic()
            with contextlib.suppress(
                ConnectionRefusedError
            ):  # nobody is listening yet, or any more
                self._socket.send(packet)


def _stamp(packet: bytes) -> int | None:
    """The time stamp of the picture that begins in a packet of a transport stream."""
    begins, has_field = packet[1] & 0x40, packet[3] & 0x20
    head = packet[5 + packet[4] :] if has_field else packet[4:]
    if not begins or head[:3] != b"\0\0\1" or head[3] & 0xF0 != 0xE0 or not head[7] & 0x80:
        return None
    high, middle, low = head[9] >> 1 & 7, int.from_bytes(head[10:12]), int.from_bytes(head[12:14])
    return high << 30 | (middle >> 1) << 15 | low >> 1


class Memory:
    """Measures the resident memory of a process and its children every second."""

    def __init__(self, pid: int) -> None:
        self.bytes: list[int] = []
        self._root = psutil.Process(pid)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        try:
            while self._root.is_running():
                tree = [self._root, *self._root.children(recursive=True)]
                self.bytes.append(sum(one.memory_info().rss for one in tree))
                time.sleep(_MEMORY_EVERY_S)
        except psutil.NoSuchProcess:
            return


if __name__ == "__main__":
    main()
