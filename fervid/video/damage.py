"""What was wrong with a recording while it was decoded: lines for the user, and what was lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from fervid.video.losses import Losses, Stretch
from fervid.video.sampling import Sampling
from fervid.video.steps import SHORTEST_GAP_S, Gap, Steps

_LINE = re.compile(r"^((?:\[[^\]]*\] )*)\[(\w+)\] (.*)$")
_SUMMARY = re.compile(
    r"Input stream #\d+:\d+ \(video\): (\d+) packets read .* "
    r"(\d+) frames decoded; (\d+) decode errors;"
)
_LISTS_FRAMES = re.compile(r"^\[in#\d+/mov,")
"""Containers that list every frame with its length: the last one may be meant to stay for long."""

_OUTPUT_SIDE = re.compile(r"^\[(out|vost|enc|rawvideo|framecrc|null|swscaler|Parsed_)")
_HARMLESS = re.compile(
    # Oddities of sound, tags and unused streams that cost no picture.
    r"unable to decode APP fields|Could not find codec parameters|Unsupported codec|"
    r"non monotonically increasing dts|co located POCs unavailable|mmco: unref short"
)
_LOSS = re.compile(
    r"corrupt|partial file|error while decoding|discontinuity|truncat|premature", re.I
)
_LONGEST_LOSS_S = 3600
"""Time stamps that jump further tell of a join, not of so many lost frames."""

_MOST_LOST = 10
"""Frames that may be lost in one place for each that was decoded; more is a false time stamp or
length, and a row for each could fill the disk."""


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


@dataclass(frozen=True)
class Findings:
    """A line for each kind of trouble, none for a healthy recording, and what was lost."""

    warnings: list[str]
    losses: Losses


class Damage:
    """Collects evidence during one pass; memory stays bounded however long and broken it is.

    `log` may be called from another thread than `frame`; `findings` only after both are done.

    Args:
        fps: frames a second as the container tells, 0: unknown.
        sampling: which frames come out.
        end_s: when the recording ends in seconds, None: unknown.
        alone: whether that is when the last frame ends, as nothing else plays on.
    """

    def __init__(self, fps: Fraction, sampling: Sampling, end_s: float | None, alone: bool) -> None:
        self._end_s = end_s
        self._sampling = sampling
        self._time_base = sampling.time_base
        self._alone = alone
        self._complaints = 0
        self._first_complaint = ""
        self._complaint_pts: int | None = None
        self._packets = self._decoded = self._decode_errors = 0
        self._is_listed = False
        self._backwards = 0
        self._first_backwards = 0.0
        self._steps = Steps(fps, sampling.time_base)

    def log(self, line: str, newest: int | None) -> None:
        """Take a line of ffmpeg's log (level verbose, named) and the newest frame's time stamp."""
        match = _LINE.match(line)
        if match is None:
            return
        component, level, text = match.groups()
        if component.startswith("[in#") and (summary := _SUMMARY.search(text)):
            self._packets, self._decoded, self._decode_errors = map(int, summary.groups())
            self._is_listed = bool(_LISTS_FRAMES.match(component))
        bad = level in ("error", "fatal", "panic") or (level == "warning" and _LOSS.search(text))
        if bad and not _OUTPUT_SIDE.match(component) and not _HARMLESS.search(text):
            self._complaints += 1
            self._first_complaint = self._first_complaint or text
            if self._complaint_pts is None:
                self._complaint_pts = newest

    def frame(self, index: int, pts: int) -> None:
        """Take the place and time stamp of one frame that came out, sampled or not."""
        if not self._steps.add(index, pts):
            self._first_backwards = self._first_backwards or self._seconds(pts)
            self._backwards += 1

    def findings(self, exit_code: int) -> Findings:
        """What the evidence tells.

        Args:
            exit_code: of ffmpeg.
        """
        troubled = bool(self._complaints or self._decode_errors or exit_code)
        step = self._steps.typical()
        early = self._ends_early(step, troubled)
        losses = self._losses(step, troubled, early)
        lines = []
        if troubled:
            lines.append(self._damage_line(losses))
        elif gaps := self._pauses(step):
            more = f"; gaps of this kind: {len(gaps)}" if len(gaps) > 1 else ""
            after, seconds = gaps[0]
            lines.append(f"no picture for {seconds:.2f} s after {after:.2f} s{more}")
        if early:
            lines.append(f"the last frame is at {self._last_s:.2f} s of {self._due_s:.2f} s")
        if exit_code:
            lines.append(f"ffmpeg stopped early (exit code {exit_code})")
        if self._backwards:
            lines.append(
                f"time stamps of {_frames(self._backwards)} repeat or go backwards, "
                f"first at {self._first_backwards:.2f} s"
            )
        return Findings(lines, losses)

    def _seconds(self, pts: float) -> float:
        return float(pts * self._time_base)

    @property
    def last_s(self) -> float | None:
        """Time of the newest frame in seconds, None if there is none."""
        return self._seconds(self._steps.previous[1]) if self._steps.previous else None

    @property
    def _last_s(self) -> float:
        return self.last_s or 0.0

    @property
    def _due_s(self) -> float | None:
        """Seconds by which the last frame should have come, None if that is not known."""
        if self._end_s is None or self._sampling.stop is not None:
            return None
        return self._end_s - (float(1 / self._sampling.fps) if self._sampling.fps else 0)

    def _ends_early(self, step: float | None, troubled: bool) -> bool:
        if self._due_s is None or not self._steps.previous or not (troubled or self._alone):
            return False
        if step:
            hold_s = max(float(SHORTEST_GAP_S), self._seconds(3 * step))
        else:  # at a variable rate any frame may stand for long
            hold_s = max(1.0, self._seconds(2 * self._steps.longest))
        return self._last_s + hold_s < self._due_s

    def _pauses(self, step: float | None) -> list[tuple[float, float]]:
        """(seconds before, length in seconds) of gaps in a recording that decodes well."""
        if step is None:
            return []
        missing = (
            (self._seconds(gap.start), self._seconds(gap.end - gap.start - gap.frames * step))
            for gap in self._steps.gaps
        )
        least_s = max(self._seconds(3 * step), float(SHORTEST_GAP_S))
        return [(after_s, length_s) for after_s, length_s in missing if length_s > least_s]

    def _losses(self, step: float | None, troubled: bool, early: bool) -> Losses:
        every_one_came = self._is_listed and self._packets == self._decoded > 0
        if not troubled and (every_one_came or not early):
            return Losses.none(self._sampling)
        stretches = self._stretches(step, troubled, early) if step else []
        doubtful = [one for one in stretches if self._is_doubtful(one)]
        stretches = [one for one in stretches if one not in doubtful]
        # When a line of the log comes differs from run to run, so it tells no time here.
        first_bad_s = self._last_s + self._seconds(step or 0) if early else None
        if stretches:
            first_bad_s = self._seconds(stretches[0].first)
        end_is_known = not early or (self._alone and step is not None)
        beyond = self._steps.lost_beyond if step and troubled else 0
        counted = sum(one.lost for one in stretches) + beyond
        lost = self._lost_frames(counted, step) if end_is_known and not doubtful else None
        return Losses(True, lost, first_bad_s, tuple(stretches), self._sampling)

    def _is_doubtful(self, stretch: Stretch) -> bool:
        """Whether it is a join of recordings, or what it goes by is a lie, rather than a loss."""
        if stretch.lost > _MOST_LOST * self._came:
            return True
        is_long = self._seconds(stretch.end - stretch.start) > _LONGEST_LOSS_S
        return is_long and not stretch.open

    @property
    def _came(self) -> int:
        """How many frames were decoded."""
        return self._decoded or (self._steps.previous[0] + 1 if self._steps.previous else 0)

    def _lost_frames(self, counted: int, step: float | None) -> int | None:
        """How many did not come, None if unknown; `counted`: by gaps in the time stamps."""
        if counted:
            return counted
        whole = self._sampling.first is None and self._sampling.stop is None
        all_came = step and self._alone and whole and self._packets == self._decoded > 0
        return 0 if all_came else None

    def _stretches(self, step: float, troubled: bool, early: bool) -> list[Stretch]:
        """Where frames are missing from a recording with this step."""
        gaps = [*self._head(step), *self._steps.gaps] if troubled else []
        made = [_stretch(gap, step) for gap in gaps]
        if self._alone and (early or troubled):
            made += [_stretch(gap, step, open_end=True) for gap in self._tail()]
        return [one for one in made if one is not None]

    def _head(self, step: float) -> list[Gap]:
        """From where the first frame was due to where it came."""
        first = self._steps.first
        if first is None or not self._alone or self._sampling.first is not None:
            return []
        # Some recordings begin with the delay of their decoder.
        was_read = self._packets - self._decoded >= round(first[1] / step)
        return [Gap(-1, first[0] + 1, -step, first[1])] if was_read else []

    def _tail(self) -> list[Gap]:
        """From the last frame to the end of what was asked for."""
        last, sampling = self._steps.previous, self._sampling
        if last is None or self._end_s is None:
            return []
        end = float(Fraction(str(self._end_s)) / self._time_base)
        if sampling.stop is None:
            decoded = self._came
        elif sampling.fps is None:
            end, decoded = min(end, sampling.stop), last[0] + 1
        else:  # nobody knows how many came after the last one that was kept
            return []
        return [Gap(last[0], max(decoded - last[0], 1), last[1], end)]

    def _damage_line(self, losses: Losses) -> str:
        after = ""
        if self._complaint_pts is not None:
            # The decoder works ahead of its output: the trouble lies behind the newest frame.
            after = f", first after {self._seconds(self._complaint_pts):.2f} s"
        if losses.lost_frames:
            if losses.first_bad_s is not None:
                after = f", first at {losses.first_bad_s:.2f} s"
            return f"{_frames(losses.lost_frames)} could not be decoded{after}"
        why = self._first_complaint or f"{self._decode_errors} errors"
        return f"frames may be damaged or missing{after} ({ascii(why[:80])[1:-1]})"


def _stretch(gap: Gap, step: float, *, open_end: bool = False) -> Stretch | None:
    """The frames that are missing in a gap, None if it is just a late frame."""
    steps = round((gap.end - gap.start) / step)
    lost = steps - gap.frames
    if lost < 1:
        return None
    end = gap.start + steps * step if open_end else gap.end
    return Stretch(gap.index, gap.start, end, steps, lost, open_end)
