"""Damage found while a recording was decoded: warnings for the user, and the lost frames."""

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
"""Containers that list every frame with its length, so the last frame may be shown for long."""

_OUTPUT_SIDE = re.compile(r"^\[(out|vost|enc|rawvideo|framecrc|null|swscaler|Parsed_)")
_HARMLESS = re.compile(
    # Complaints about sound, tags and unused streams, which lose no frame.
    r"unable to decode APP fields|Could not find codec parameters|Unsupported codec|"
    r"non monotonically increasing dts|co located POCs unavailable|mmco: unref short"
)
_LOSS = re.compile(
    r"corrupt|partial file|error while decoding|undecodable|discontinuity|truncat|premature", re.I
)
_STARTS_AGAIN = re.compile(r"timestamp discontinuity .*: -?\d+, new offset=")
"""Time stamps started again, and ffmpeg goes on from those before."""

_LONGEST_LOSS_S = 3600
"""A longer jump of time stamps means joined recordings rather than lost frames."""

_MOST_LOST = 10
"""Most frames counted as lost in one place, as a multiple of the decoded ones. More means a false
time stamp or length, and a row for each could fill the disk."""


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


@dataclass(frozen=True)
class Findings:
    """A line for each kind of damage (none for a sound recording), and the lost frames."""

    warnings: list[str]
    losses: Losses


class Damage:
    """Collects evidence of damage during one pass, in bounded memory.

    `log` and `frame` may be called from different threads; call `findings` after both.

    Attributes:
        joins: how often time stamps started again, so that the stated length means nothing.

    Args:
        fps: frames per second according to the container; 0: unknown.
        sampling: which frames are kept.
        end_s: end of the recording in seconds; None: unknown.
        alone: whether the last frame ends then, because no other stream is longer.
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
        self.joins = 0
        self._backwards = 0
        self._first_backwards = 0.0
        self._steps = Steps(fps, sampling.time_base)

    def log(self, line: str, newest: int | None) -> None:
        """Add a line of ffmpeg's log (level verbose, named) and the newest frame's time stamp."""
        match = _LINE.match(line)
        if match is None:
            return
        component, level, text = match.groups()
        if component.startswith("[in#") and (summary := _SUMMARY.search(text)):
            packets, decoded, errors = map(int, summary.groups())
            self.counted(packets, decoded, errors, bool(_LISTS_FRAMES.match(component)))
        if _STARTS_AGAIN.match(text):
            self.joins += 1
            return
        bad = level in ("error", "fatal", "panic") or (level == "warning" and _LOSS.search(text))
        if bad and not _OUTPUT_SIDE.match(component) and not _HARMLESS.search(text):
            self._complaints += 1
            self._first_complaint = self._first_complaint or text
            if self._complaint_pts is None:
                self._complaint_pts = newest

    def counted(self, packets: int, decoded: int, errors: int, is_listed: bool) -> None:
        """Add the numbers of packets read, of frames decoded, and of failures.

        Args:
            packets, decoded, errors: as above.
            is_listed: whether the container lists every frame with its length.
        """
        self._packets, self._decoded, self._decode_errors = packets, decoded, errors
        self._is_listed = is_listed

    @property
    def complaint(self) -> str:
        """What the decoder complained of first; empty if it did not."""
        return self._first_complaint or ("it fails now and then" if self._decode_errors else "")

    def frame(self, index: int, pts: int) -> None:
        """Add the position and time stamp of a decoded frame, sampled or not."""
        if not self._steps.add(index, pts):
            self._first_backwards = self._first_backwards or self._seconds(pts)
            self._backwards += 1

    def findings(self, exit_code: int) -> Findings:
        """Draw conclusions from the evidence.

        Args:
            exit_code: exit code of ffmpeg.
        """
        troubled = bool(self._complaints or self._decode_errors or exit_code)
        step = self._steps.typical()
        early = self._ends_early(step, troubled)
        losses = self._losses(step, troubled, early)
        lines = []
        if troubled:
            lines.append(self._damage_line(losses))
        elif gaps := self._pauses(step):
            more = f"; {len(gaps)} such gaps in all" if len(gaps) > 1 else ""
            after, seconds = gaps[0]
            lines.append(f"no frame for {seconds:.2f} s from {after:.2f} s on{more}")
        if early:
            lines.append(
                f"the last frame is at {self._last_s:.2f} s, but the recording is "
                f"{self._due_s:.2f} s long"
            )
        if exit_code:
            lines.append(f"ffmpeg stopped early (exit code {exit_code})")
        if self.joins:
            count = "once" if self.joins == 1 else f"{self.joins} times"
            lines.append(
                f"the recording's time stamps start again {count}, as in joined recordings; each "
                "part continues the time of the part before"
            )
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
        """Time of the newest frame in seconds; None before the first."""
        return self._seconds(self._steps.previous[1]) if self._steps.previous else None

    @property
    def step_s(self) -> float | None:
        """Seconds between frames; None unless the rate is constant."""
        step = self._steps.typical()
        return None if step is None else self._seconds(step)

    @property
    def _last_s(self) -> float:
        return self.last_s or 0.0

    @property
    def _due_s(self) -> float | None:
        """When the last frame was due in seconds; None if unknown."""
        if self._end_s is None or self.joins or self._sampling.stop is not None:
            return None
        return self._end_s - (float(1 / self._sampling.fps) if self._sampling.fps else 0)

    def _ends_early(self, step: float | None, troubled: bool) -> bool:
        if self._due_s is None or not self._steps.previous or not (troubled or self._alone):
            return False
        if step:
            hold_s = max(float(SHORTEST_GAP_S), self._seconds(3 * step))
        else:  # at a variable rate any frame may be shown for long
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
        # Log lines come at slightly different moments in each run, so they are not used as times.
        first_bad_s = self._last_s + self._seconds(step or 0) if early else None
        if stretches:
            first_bad_s = self._seconds(stretches[0].first)
        end_is_known = not early or (self._alone and step is not None)
        beyond = self._steps.lost_beyond if step and troubled else 0
        counted = sum(one.lost for one in stretches) + beyond
        lost = self._lost_frames(counted, step) if end_is_known and not doubtful else None
        return Losses(True, lost, first_bad_s, tuple(stretches), self._sampling)

    def _is_doubtful(self, stretch: Stretch) -> bool:
        """Whether the gap comes from joined recordings or false time stamps rather than lost
        frames."""
        if stretch.lost > _MOST_LOST * self._came:
            return True
        is_long = self._seconds(stretch.end - stretch.start) > _LONGEST_LOSS_S
        return is_long and not stretch.open

    @property
    def _came(self) -> int:
        """How many frames were decoded."""
        return self._decoded or (self._steps.previous[0] + 1 if self._steps.previous else 0)

    def _lost_frames(self, counted: int, step: float | None) -> int | None:
        """Number of lost frames, None if unknown; `counted` is the number by gaps in the time
        stamps."""
        if counted:
            return counted
        whole = self._sampling.first is None and self._sampling.stop is None
        all_came = step and self._alone and whole and self._packets == self._decoded > 0
        return 0 if all_came else None

    def _stretches(self, step: float, troubled: bool, early: bool) -> list[Stretch]:
        """Stretches of missing frames in a recording with this step."""
        gaps = [*self._head(step), *self._steps.gaps] if troubled else []
        made = [_stretch(gap, step) for gap in gaps]
        if self._alone and (early or troubled):
            made += [_stretch(gap, step, open_end=True) for gap in self._tail()]
        return [one for one in made if one is not None]

    def _head(self, step: float) -> list[Gap]:
        """The stretch between when the first frame was due and when it came."""
        first = self._steps.first
        if first is None or not self._alone or self._sampling.first is not None:
            return []
        # Some recordings start late by the delay of their decoder.
        was_read = self._packets - self._decoded >= round(first[1] / step)
        return [Gap(-1, first[0] + 1, -step, first[1])] if was_read else []

    def _tail(self) -> list[Gap]:
        """The stretch from the last frame to the end of the requested part."""
        last, sampling = self._steps.previous, self._sampling
        if last is None or self._end_s is None or self.joins:
            return []
        end = float(Fraction(str(self._end_s)) / self._time_base)
        if sampling.stop is None:
            decoded = self._came
        elif sampling.fps is None:
            end, decoded = min(end, sampling.stop), last[0] + 1
        else:  # it is unknown how many frames followed the last kept one
            return []
        return [Gap(last[0], max(decoded - last[0], 1), last[1], end)]

    def _damage_line(self, losses: Losses) -> str:
        after = ""
        if self._complaint_pts is not None:
            # The decoder works ahead of its output, so the damage is after the newest frame.
            after = f", first after {self._seconds(self._complaint_pts):.2f} s"
        if losses.lost_frames:
            if losses.first_bad_s is not None:
                after = f", first at {losses.first_bad_s:.2f} s"
            return f"{_frames(losses.lost_frames)} could not be decoded{after}"
        why = self._first_complaint or f"{self._decode_errors} errors"
        return f"frames may be damaged or missing{after} ({ascii(why[:80])[1:-1]})"


def _stretch(gap: Gap, step: float, *, open_end: bool = False) -> Stretch | None:
    """The missing frames in a gap; None if a frame was only late."""
    steps = round((gap.end - gap.start) / step)
    lost = steps - gap.frames
    if lost < 1:
        return None
    end = gap.start + steps * step if open_end else gap.end
    return Stretch(gap.index, gap.start, end, steps, lost, open_end)
