"""Measures when and for how long each stage of an analysis works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fervid import pipeline
from fervid.detection import crops
from fervid.detection.search import SparseSearch
from fervid.engine import analysis as engine_analysis
from fervid.expressions import second_pass
from fervid.expressions.classifier import ExpressionClassifier
from fervid.results.writer import ResultWriter
from fervid.settings import Settings
from fervid.tracking.flicker import FlickerFilter
from fervid.tracking.tracks import Tracker
from fervid.video.ffmpeg import Child

_STAGES: tuple[tuple[str, Any, str], ...] = (
    ("decode", Child, "read"),
    ("search", SparseSearch, "search_every_nth"),
    ("search between", SparseSearch, "complete"),
    ("track", Tracker, "update"),
    ("follow", FlickerFilter, "_filtered"),
    ("crop", crops, "crop"),
    ("classify", ExpressionClassifier, "classify"),
    ("second pass", engine_analysis, "second_pass"),
    ("table", second_pass, "frame_table"),
    ("write", ResultWriter, "append"),
    ("report", ResultWriter, "finish"),
)


@dataclass
class Stages:
    """The calls of one analysis.

    Attributes:
        wall_s: seconds from start to end.
        calls: (stage, thread, start, end) of each call, in seconds since the start.
    """

    wall_s: float = 0.0
    calls: list[tuple[str, str, float, float]] = field(default_factory=list)

    def busy(self) -> dict[str, float]:
        """Seconds in each stage, including waits for a core and, in "decode", for ffmpeg.

        Stages overlap, so their sum may exceed `wall_s`.
        """
        total = {name: 0.0 for name, _, _ in _STAGES}
        for name, _, start, end in self.calls:
            total[name] += end - start
        return total

    def trace(self) -> list[dict[str, Any]]:
        """Chrome's trace events (`chrome://tracing`, Perfetto): ph X, microseconds."""
        return [
            {
                **{"name": name, "ph": "X", "pid": "fervid", "tid": thread},
                **{"ts": start * 1e6, "dur": (end - start) * 1e6},
            }
            for name, thread, start, end in self.calls
        ]


@contextmanager
def _timed(stages: Stages) -> Iterator[None]:
    began = time.perf_counter()

    def wrap(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter() - began
            try:
                return function(*args, **kwargs)
            finally:
                end = time.perf_counter() - began
                stages.calls.append((name, threading.current_thread().name, start, end))

        return timed

    with ExitStack() as stack:
        for name, owner, attribute in _STAGES:
            wrapped = wrap(name, getattr(owner, attribute))
            stack.enter_context(patch.object(owner, attribute, wrapped))
        yield
    stages.wall_s = time.perf_counter() - began


def profile(recording: Path, folder: Path) -> Stages:
    """Analyse a recording into a new result folder, after compiling, and record every call."""
    analyzer = pipeline.Analyzer(Settings())
    analyzer.analyze(recording, folder)
    stages = Stages()
    with _timed(stages):
        analyzer.analyze(recording, folder, overwrite=True)
    return stages
