"""Changes to a preset from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, get_args, get_type_hints

from fervid.errors import FervidError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Recipe = TypeVar("Recipe", bound="DataclassInstance")


def with_settings(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with some fields replaced, each written NAME=VALUE.

    Raises:
        FervidError: a field is unknown, or a value has the wrong type.
    """
    for setting in settings:
        name, _, text = setting.partition("=")
        known = {k: v for k, v in vars(recipe).items() if k != "net"}
        if name not in known:
            raise FervidError(f"there is no setting {name}; settings are {', '.join(known)}")
        choices = get_args(get_type_hints(type(recipe))[name])
        try:
            value = type(known[name])(text)
        except ValueError:
            value = None
        if value is None or (choices and value not in choices):
            raise FervidError(f"{text!r} is not a valid value of {name} (now {known[name]})")
        recipe = replace(recipe, **{name: value})
    return recipe
