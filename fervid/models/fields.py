"""Makes small frozen dataclasses from the JSON of a model card. No jax here."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Kind = TypeVar("Kind", bound="DataclassInstance")

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple: "a list",
}


def from_json(kind: type[Kind], values: Any) -> Kind:
    """Make a dataclass, whose fields all have defaults, from a JSON object.

    Args:
        kind: the dataclass; the type of a field is the type of its default.
        values: the JSON object; lists become tuples, missing fields keep their defaults.

    Raises:
        ValueError: not an object, a key is unknown, or a value has the wrong type or is out of
            range.
    """
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    defaults = {field.name: field.default for field in fields(kind)}
    for name, value in values.items():
        if name not in defaults:
            raise ValueError(f"unknown key {name}")
        wanted = type(defaults[name])
        if not _fits(value, wanted):
            raise ValueError(f"{name} must be {_WORDS[wanted]}")
    return kind(**{name: _tuples(value) for name, value in values.items()})


def _fits(value: Any, wanted: type) -> bool:
    if wanted is float:
        return type(value) in (int, float)
    if wanted is tuple:
        return type(value) in (list, tuple)
    return type(value) is wanted


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
