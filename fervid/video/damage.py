"""What was wrong with a recording while it was decoded, as lines for the user."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction

from fervid.records import VideoInfo

_LINE = re.compile(r"^((?:\[[^\]]*\] )*)\[(\w+)\] (.*)$")
_SUMMARY = re.compile(r"Input stream #\d+:\d+ \(video\): .* (\d+) decode errors;")
_OUTPUT_SIDE = re.compile(r"^\[(out|vost|enc|rawvideo|framecrc|null|swscaler|Parsed_)")
_HARMLESS = re.compile(
    # Oddities of sound, tags and unused streams that cost no picture.
    r"unable to decode APP fields|Could not find codec parameters|Unsupported codec|"
    r"non monotonically increasing dts|co located POCs unavailable|mmco: unref short"
)
_LOSS = re.compile(
    r"corrupt|partial file|error while decoding|discontinuity|truncat|premature", re.I
)
_MAX_KEPT = 1000
_SHORTEST_GAP_S = Fraction(1, 4)
"""Shorter stretches without a frame are only told when ffmpeg complains too."""


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


class Damage:
    """Collects evidence during one pass; memory stays bounded however long and broken it is.

    `log` may be called from another thread than `frame`; `warnings` only after both are done.
    """

    def __init__(self, info: VideoInfo, time_base: Fraction) -> None:
        self._info = info
        self._time_base = time_base
        self._complaints = 0
        self._first_complaint = ""
        self._complaint_pts: int | None = None
        self._decode_errors = 0
        self._previous: tuple[int, int] | None = None
        self._steps: Counter[int] = Counter()
        self._gaps: list[tuple[float, int, int]] = []
        self._longest_step = 0
        self._backwards = 0
        self._first_backwards = 0.0
        step_s = 1 / info.fps if info.fps else Fraction(1)
        self._notable_ticks = float(min(_SHORTEST_GAP_S, step_s * 3 / 4) / time_base)
        self._nominal_ticks = float(step_s / time_base) if info.fps else 0.0

    def log(self, line: str, newest: int | None) -> None:
        """Take a line of ffmpeg's log (level verbose, named) and the newest frame's time stamp."""
        match = _LINE.match(line)
        if match is None:
            return
        component, level, text = match.groups()
        if component.startswith("[in#") and (summary := _SUMMARY.search(text)):
            self._decode_errors = int(summary[1])
        bad = level in ("error", "fatal", "panic") or (level == "warning" and _LOSS.search(text))
        if bad and not _OUTPUT_SIDE.match(component) and not _HARMLESS.search(text):
            self._complaints += 1
            self._first_complaint = self._first_complaint or text
            if self._complaint_pts is None:
                self._complaint_pts = newest

    def frame(self, index: int, pts: int) -> None:
        """Take the place and time stamp of one frame that came out, sampled or not."""
        if self._previous is not None:
            frames, ticks = index - self._previous[0], pts - self._previous[1]
            if ticks <= 0 or frames <= 0:
                self._first_backwards = self._first_backwards or self._seconds((index, pts))
                self._backwards += 1
            else:
                self._count_step(frames, ticks)
        self._previous = (index, pts)

    def warnings(self, exit_code: int, end_s: float | None, end_is_sure: bool) -> list[str]:
        """One line for each kind of trouble; none for a healthy recording.

        Args:
            exit_code: of ffmpeg.
            end_s: time by which the last frame should have come, None when that is not known.
            end_is_sure: whether an earlier end alone tells of loss (no sound that plays on).
        """
        troubled = bool(self._complaints or self._decode_errors or exit_code)
        step = self._typical_step()
        gaps = self._real_gaps(step, troubled)
        lines = []
        if troubled:
            lines.append(self._damage_line(step, gaps))
        elif gaps:
            more = f"; gaps of this kind: {len(gaps)}" if len(gaps) > 1 else ""
            seconds = float(gaps[0][1] * self._time_base)
            lines.append(f"no picture for {seconds:.2f} s after {gaps[0][0]:.2f} s{more}")
        last_s = self._seconds(self._previous)
        sought = self._previous and (troubled or end_is_sure)
        if end_s is not None and sought and last_s + self._hold_s(step) < end_s:
            lines.append(f"the last frame is at {last_s:.2f} s of {end_s:.2f} s")
        if exit_code:
            lines.append(f"ffmpeg stopped early (exit code {exit_code})")
        if self._backwards:
            lines.append(
                f"time stamps of {_frames(self._backwards)} repeat or go backwards, "
                f"first at {self._first_backwards:.2f} s"
            )
        return lines

    def _seconds(self, frame: tuple[int, int] | None) -> float:
        return float(frame[1] * self._time_base) if frame else 0.0

    def _count_step(self, frames: int, ticks: int) -> None:
        step = round(ticks / frames)
        self._longest_step = max(self._longest_step, step)
        if step in self._steps or len(self._steps) < _MAX_KEPT:
            self._steps[step] += 1
        late = ticks - frames * self._nominal_ticks
        if late >= self._notable_ticks and len(self._gaps) < _MAX_KEPT:
            self._gaps.append((self._seconds(self._previous), frames, ticks))

    def _hold_s(self, step: int | None) -> Fraction:
        """How long the last frame may stand; at a variable rate any frame may stand for long."""
        if step:
            return max(_SHORTEST_GAP_S, 3 * step * self._time_base)
        return max(Fraction(1), 2 * self._longest_step * self._time_base)

    def _typical_step(self) -> int | None:
        """Median step in time base units if the recording is of constant rate, else None."""
        total = self._steps.total()
        half, step = 0, 0
        for step in sorted(self._steps):
            half += self._steps[step]
            if 2 * half >= total:
                break
        # Containers round time stamps to a millisecond, so steps of 33 and 34 are one rate.
        near = max(step / 10, 2, float(Fraction(3, 2000) / self._time_base))
        same = sum(count for other, count in self._steps.items() if abs(other - step) <= near)
        return step if total and step and same >= 0.9 * total else None

    def _real_gaps(self, step: int | None, troubled: bool) -> list[tuple[float, int]]:
        """(seconds before, length in time base units) of each stretch without the frames due."""
        if step is None:
            return []
        least = step / 2 if troubled else max(3 * step, float(_SHORTEST_GAP_S / self._time_base))
        missing = ((at_s, ticks - frames * step) for at_s, frames, ticks in self._gaps)
        return [(at_s, ticks) for at_s, ticks in missing if ticks > least]

    def _damage_line(self, step: int | None, gaps: list[tuple[float, int]]) -> str:
        after = ""
        if self._complaint_pts is not None:
            # The decoder works ahead of its output: the trouble lies behind the newest frame.
            after = f", first after {float(self._complaint_pts * self._time_base):.2f} s"
        if gaps and step:
            lost = sum(round(ticks / step) for _, ticks in gaps)
            return f"{_frames(lost)} could not be decoded, first after {gaps[0][0]:.2f} s"
        if self._decode_errors:
            return f"{_frames(self._decode_errors)} could not be decoded{after}"
        return (
            f"frames may be damaged or missing{after} ({ascii(self._first_complaint[:80])[1:-1]})"
        )
