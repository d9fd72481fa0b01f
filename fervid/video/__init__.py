"""Recordings in, batches of luma frames with exact times out; the only place that knows ffmpeg."""

from fervid.video.probing import probe
from fervid.video.reader import VideoReader

__all__ = ["VideoReader", "probe"]
