"""What is known when a recording has been read: what is damaged or missing, and how long it is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fervid.errors import MediaError, quoted
from fervid.records import VideoInfo
from fervid.video.aspects import aspect_change
from fervid.video.damage import Damage
from fervid.video.ffmpeg import Child
from fervid.video.losses import Losses
from fervid.video.probing import Probed
from fervid.video.sampling import Sampling
from fervid.video.shapes import Part, line_of
from fervid.video.stamps import Stamps
from fervid.video.unfinished import is_cut_off, is_unfinished

_ROUNDED_S = 0.01
"""Precision of the lengths of recordings, in seconds."""

_ASSUMED_STEP_S = 1 / 25
_ASSUMED = (
    "the recording is a raw stream, which has no timestamps; times assume 25 frames per second. If "
    "it has another rate: ffmpeg -r RATE -i FILE NEW.mp4"
)


@dataclass(frozen=True)
class Ending:
    """What is known after a recording has been read.

    Attributes:
        info: properties of the recording, with a duration that covers all frames.
        warnings: a line for each kind of damage.
        losses: which frames could not be decoded.
    """

    info: VideoInfo
    warnings: list[str]
    losses: Losses

    def doubted(self, why: str) -> Ending:
        """The same with one more warning, as an unknown number of frames is missing."""
        losses = replace(self.losses, partial=True, lost_frames=None)
        return Ending(self.info, [*self.warnings, why], losses)


def new_damage(probed: Probed, sampling: Sampling) -> Damage:
    """No damage so far."""
    return Damage(probed.info.fps, sampling, probed.info.duration_s, probed.end_is_sure)


def ending_of_decoding(
    probed: Probed,
    sampling: Sampling,
    damage: Damage,
    child: Child,
    seen: int,
    parts: Sequence[Part],
    is_deinterlaced: bool,
) -> Ending | None:
    """The ending of a decoder that has no more frames; None if it was stopped.

    Args:
        probed: properties of the recording.
        sampling: which frames were kept.
        damage: evidence of damage.
        child: the decoder.
        seen: number of frames, kept or not.
        parts: stretches with one picture size each.
        is_deinterlaced: whether frames were deinterlaced.

    Raises:
        MediaError: nothing could be decoded, decoding makes no progress, or the file is no longer
            there.
    """
    code, path = child.wait(), probed.info.path
    if child.killed:
        return None
    if child.stalled:
        raise MediaError(f"{quoted(path)}: decoding stopped making progress")
    if not seen and sampling.first is None and sampling.stop is None:
        raise MediaError(f"{quoted(path)}: no frame in it can be decoded")
    ending = _concluded(probed, sampling, damage, code, has_one_size=len(parts) < 2)
    if ending.losses.partial:
        _check_readable(path, child)
    if not seen:
        ending.warnings.append("there is no frame in the chosen time range")
    if len(parts) > 1:
        ending.warnings.append(line_of(parts, is_deinterlaced))
    if sampling.stop is None and (why := _unfinished(probed, child)):
        ending = ending.doubted(why)
    if not code and child.next_frame() is not None:
        ending = ending.doubted("the last frames were cut off")
    return ending


def ending_of_stamps(probed: Probed, sampling: Sampling, stamps: Stamps) -> Ending:
    """The ending of a decoding in which all frames come as they should.

    Args:
        probed, sampling: as above.
        stamps: time stamps of all frames.
    """
    damage = new_damage(probed, sampling)
    comes = np.flatnonzero(sampling.comes(stamps.pts, probed.info.duration_s))
    for index, pts in zip(comes.tolist(), stamps.pts[comes].tolist(), strict=True):
        damage.frame(index, pts)
    damage.counted(len(stamps), len(stamps), 0, probed.is_listed)
    ending = _concluded(probed, sampling, damage, 0, has_one_size=True)
    why = _never_finished(probed) if sampling.stop is None else ""
    return ending.doubted(why) if why else ending


def _concluded(
    probed: Probed, sampling: Sampling, damage: Damage, code: int, *, has_one_size: bool
) -> Ending:
    found = damage.findings(code)
    warnings = list(found.warnings)
    is_whole = sampling.first is None and sampling.stop is None
    if is_whole and has_one_size and (change := aspect_change(probed)):
        warnings.append(change)
    if not probed.has_times and abs((damage.step_s or 0) - _ASSUMED_STEP_S) < _ROUNDED_S / 100:
        warnings.append(_ASSUMED)
    return Ending(_with_length(probed.info, sampling, damage), warnings, found.losses)


def _check_readable(path: Path, child: Child) -> None:
    """Raise MediaError if frames are missing because the file has gone or was overwritten."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            file.read(1)
    except OSError as error:
        raise MediaError(
            f"{quoted(path)}: could not be read to its end ({error.strerror}); analyse it again "
            "when its disk or share is connected"
        ) from error
    if size < child.size_bytes:
        raise MediaError(
            f"{quoted(path)}: became shorter while it was being read; analyse it again when it is "
            "finished"
        )


def _unfinished(probed: Probed, child: Child) -> str:
    """A warning if the recording was incomplete when it was read."""
    if child.grown_bytes() or child.size_bytes != probed.info.size_bytes:
        return "the recording grew while it was being read; analyse it again when it is finished"
    return _never_finished(probed)


def _never_finished(probed: Probed) -> str:
    if is_unfinished(probed.info.path):
        return (
            "the recording was never finished: its end may be missing, and the file does not state "
            "its length"
        )
    if is_cut_off(probed.info.path):
        return "the recording was cut off: its end is missing"
    return ""


def _with_length(info: VideoInfo, sampling: Sampling, damage: Damage) -> VideoInfo:
    """Extend the duration if the last frame comes at or after the end that is stated."""
    length_s, last_s = info.duration_s, damage.last_s
    if last_s is None:
        return info
    if damage.joins and sampling.stop is not None:
        return replace(info, duration_s=None)
    is_whole = sampling.fps is None and sampling.stop is None
    step_s = damage.step_s if is_whole else None
    least_s = last_s + (step_s or 0.0) / 2
    is_longer = is_whole if length_s is None else least_s > length_s + _ROUNDED_S
    if is_longer or damage.joins:
        # A raw stream may have another rate than ffmpeg assumes.
        lasts_s = step_s or (float(1 / info.fps) if info.fps else 0.0)
        return replace(info, duration_s=round(last_s + lasts_s, 6))
    return info
