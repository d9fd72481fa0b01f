"""Streams that are being sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import fervid
from fervid.timeline import Timeline
from tests.conftest import SAMPLES
from tests.helpers.clips import MakeClip
from tests.helpers.streams import CAMERA, free_port, sending


@pytest.fixture(scope="session")
def clip(make_clip: MakeClip) -> Path:
    """What is sent: eight seconds, two people."""
    return make_clip("camera.mp4", "-i", SAMPLES / "two_speakers.mp4", *CAMERA)


@pytest.fixture
def stream(clip: Path) -> Iterator[str]:
    """The address of a stream that is being sent."""
    address = f"udp://127.0.0.1:{free_port()}"
    with sending(clip, f"{address}?pkt_size=1316"):
        yield address


@pytest.fixture(scope="session")
def clip_every_frame_searched(clip: Path) -> Timeline:
    """What `analyze` finds in the clip that is sent."""
    return fervid.analyze(clip, detect_every=1, batch_size=1)
