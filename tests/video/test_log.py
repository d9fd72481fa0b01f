"""ffmpeg's log and the statistics of frames share a pipe, and no line of either is lost."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from fervid.video import ffmpeg as ffmpeg_module
from fervid.video.damage import Damage
from fervid.video.ffmpeg import Child
from fervid.video.reader import VideoReader
from tests.helpers.clips import X264, MakeClip, counter

PIECES = """
import os, sys
def write(*pieces):
    for piece in pieces:
        os.write(2, piece.replace("$", sys.argv[1]).encode())
def tell(*values):
    write(*(f"[Eval @ 0x7f] [info] {value:.6f}\\n" for value in values))
tell(160, 96, 1_066_666.666667, 0)
write("$0 0 1/25\\n")
write("[in#0/matroska @ 0x1] ", "$1 1 1/25\\n", "[error] ", "$2 2 1/25\\n", "File ended\\n")
tell(96, 160, 1_000_000, 160_000)
write("$3 3 1/25\\n", "$4 4 1/25\\n", "[h264 @ 0x2] [error] no end")
"""


def test_messages_and_frames_that_come_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command(*given: Any) -> list[str]:
        output = given[3]
        return [sys.executable, "-c", PIECES, output["stats_enc_pre_fmt"].partition("{")[0]]

    monkeypatch.setattr(ffmpeg_module, "decoding_command", command)
    path = tmp_path / "any.mkv"
    path.write_bytes(b"any")
    log: list[str] = []
    options: dict[str, Any] = {"threads": 1, "level": "verbose", "frame_stats": True}
    child = Child(path, {}, on_log=lambda line, _: log.append(line), **options)
    try:
        frames = [child.next_frame() for _ in range(6)]
        child.wait()
    finally:
        child.close()
    assert log == [
        "[in#0/matroska @ 0x1] [error] File ended",
        "[h264 @ 0x2] [error] no end",
    ]
    wide, high = (160, 96, 16, 15), (96, 160, 1, 1)
    assert frames == [
        *((number, number, "1/25", wide) for number in range(4)),
        (4, 4, "1/25", high),
        None,
    ]


def test_ffmpeg_logs_nothing_for_each_frame(
    make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of a frame would be written in pieces, and a complaint between them would be lost."""
    lines: list[str] = []
    monkeypatch.setattr(Damage, "log", lambda self, line, newest: lines.append(line))
    counts = []
    for frames in (10, 50):
        lines.clear()
        with VideoReader(make_clip(f"logged{frames}.mkv", *counter(frames), *X264)) as reader:
            assert sum(len(batch) for batch in reader) == frames
        counts.append(len(lines))
    assert counts[0] == counts[1] > 10
