"""Emotion timelines from recordings: facial expressions, frame by frame.

>>> import fervid
>>> fervid.analyze("lecture.mp4").frames  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fervid import errors

if TYPE_CHECKING:
    from fervid.live.watching import watch as watch
    from fervid.photos.api import Photos as Photos
    from fervid.photos.api import analyze_photos as analyze_photos
    from fervid.photos.arrays import analyze_image as analyze_image
    from fervid.photos.arrays import predict as predict
    from fervid.pipeline import analyze as analyze
    from fervid.report.people import edit_people as edit_people
    from fervid.studies.event_study import Study as Study
    from fervid.studies.run_study import study as study
    from fervid.timeline import Timeline as Timeline

__version__ = "0.9.0"
__all__ = [
    "Photos",
    "Study",
    "Timeline",
    "__version__",
    "analyze",
    "analyze_image",
    "analyze_photos",
    "edit_people",
    "errors",
    "predict",
    "study",
    "watch",
]

_HOMES = {
    "analyze": "fervid.pipeline",
    "analyze_image": "fervid.photos.arrays",
    "analyze_photos": "fervid.photos.api",
    "Photos": "fervid.photos.api",
    "edit_people": "fervid.report.people",
    "predict": "fervid.photos.arrays",
    "Study": "fervid.studies.event_study",
    "Timeline": "fervid.timeline",
    "study": "fervid.studies.run_study",
    "watch": "fervid.live.watching",
}


def __getattr__(name: str) -> Any:
    """Import the heavy modules on first use, so that `import fervid` is instant."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fervid' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
