"""Settings given as Python keyword arguments, with times as on the command line."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypedDict, TypeVar, get_args, get_type_hints

from fervid.settings import Settings, baseline_of, seconds_of
from fervid.settings.choices import Deinterlace, Device, Labels, Reading

Time = float | str
"""Seconds, or text such as "1:30"."""


class SettingsKeywords(TypedDict, total=False):
    """The fields of `Settings`, for type checkers and code completion."""

    fps: float | None
    track: int | None
    deinterlace: Deinterlace
    start: Time | None
    end: Time | None
    working_size: int | None
    scale: float | None
    detector: str
    min_score: float | None
    min_face: float
    batch_size: int | None
    detect_every: int | None
    smooth: float
    min_confidence: float
    min_episode: float
    reading: Reading
    baseline: tuple[Time, Time] | str | Path | None
    thumbnails: bool
    explain: bool
    device: Device
    weights: str | Path
    labels: Labels


_TIMES = ("start", "end")
_KINDS: dict[Any, tuple[type | tuple[type, ...], Callable[[Any], Any], str]] = {
    bool: (bool, bool, "True or False"),
    int: (Integral, int, "a whole number"),
    float: (Real, float, "a number"),
    str: ((str, os.PathLike), os.fspath, "text"),
}
"""For each type of field: the accepted types, the conversion, and the name in messages."""

Taker = TypeVar("Taker", bound=Callable[..., Any])


def lists_settings(taker: Taker) -> Taker:
    """Add the settings to the signature of a function that takes them as `**settings`."""
    own, hints = inspect.signature(taker), get_type_hints(SettingsKeywords)
    kept = [one for one in own.parameters.values() if one.kind is not one.VAR_KEYWORD]
    named = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(Settings)
    ]
    vars(taker)["__signature__"] = own.replace(parameters=[*kept, *named])
    return taker


def settings_of(given: Mapping[str, object], known: Iterable[str] = ()) -> Settings:
    """Make settings of keyword arguments.

    Args:
        given: fields of `Settings` by name; times may be text, such as "1:30" or "0:05-0:15".
        known: names of other arguments, to suggest for an unknown name.

    Raises:
        TypeError: a name is not a setting, or its value has the wrong type.
        ValueError: a value is out of range, or a text is not a time.
    """
    hints = get_type_hints(Settings)
    for name in given:
        if name not in hints:
            raise TypeError(_unknown(name, [*dict.fromkeys([*hints, *known])]))
    return Settings(**{name: _read(name, value, hints[name]) for name, value in given.items()})


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known ones are {', '.join(known)}"
    return f"there is no keyword argument {name!r}; {hint}"


def _read(name: str, value: Any, hint: Any) -> Any:
    """A value converted to the type that `Settings` wants."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if value is None and NoneType in kinds:
        return None
    if name == "baseline":
        return _read_baseline(name, value)
    if name in _TIMES:
        return _read_time(name, value)
    for kind in kinds:
        if kind in _KINDS:
            return _read_as(name, value, *_KINDS[kind])
    return value  # a choice, which `Settings` checks


def _read_as(
    name: str,
    value: Any,
    types: type | tuple[type, ...],
    read: Callable[[Any], Any],
    called: str,
) -> Any:
    # In Python, True is a number, too.
    if not isinstance(value, types) or (isinstance(value, bool) and types is not bool):
        raise TypeError(f"{name} must be {called}, not {value!r}")
    return read(value)


def _read_time(name: str, value: Any) -> float:
    if not isinstance(value, str):
        return float(_read_as(name, value, *_KINDS[float][:2], "seconds or text such as '1:30'"))
    try:
        return seconds_of(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _read_baseline(name: str, value: Any) -> tuple[float, float] | str:
    if isinstance(value, str | os.PathLike):
        try:
            return baseline_of(os.fspath(value))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    if not isinstance(value, tuple | list) or len(value) != 2:
        known = "two times, text such as '0:05-0:15', or the path of a file"
        raise TypeError(f"{name} must be {known}, not {value!r}")
    return _read_time(name, value[0]), _read_time(name, value[1])
