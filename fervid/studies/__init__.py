"""Studies of many recordings: responses to events, audiences, pairs, and comparison with coders.

Responses to events are at `fervid.study`; the others are here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fervid.studies.event_study import Study as Study
    from fervid.studies.pairs import Pairs as Pairs
    from fervid.studies.pairs import together as together
    from fervid.studies.responses import Window as Window
    from fervid.studies.rules import Rules as Rules
    from fervid.studies.run_study import study as study
    from fervid.studies.stimulus import Audience as Audience
    from fervid.studies.stimulus import audience as audience
    from fervid.studies.validating import validate as validate
    from fervid.studies.validation import Validation as Validation

_HOMES = {
    "Audience": "stimulus",
    "Pairs": "pairs",
    "Rules": "rules",
    "Study": "event_study",
    "Validation": "validation",
    "Window": "responses",
}
_VERBS = {
    "audience": "stimulus",
    "study": "run_study",
    "together": "pairs",
    "validate": "validating",
}
__all__ = [*_HOMES, *_VERBS]


def __getattr__(name: str) -> Any:
    """Import the heavy modules on first use."""
    home = _HOMES.get(name) or _VERBS.get(name)
    if home is None:
        raise AttributeError(f"module 'fervid.studies' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"fervid.studies.{home}"), name)
