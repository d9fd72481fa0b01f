"""Mixed models of single repetitions, if statsmodels is installed."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd


def has_statsmodels() -> bool:
    """Whether mixed models can be fitted."""
    return find_spec("statsmodels") is not None


def mixed_difference(
    table: pd.DataFrame, outcome: str, by: str, level: str, reference: str
) -> tuple[float, float, float]:
    """The difference between two levels by a mixed model of single repetitions, fitted by REML.

    The model has random intercepts of people, and random slopes if most people have both levels;
    without these, too many differences are found (Barr et al., 2013). If several people share a
    recording, it has intercepts of recordings and of people within them.

    Args:
        table: repetitions of one expression.
        outcome, by: column to compare, and column of the levels.

    Returns:
        The estimate and its 95% interval (Wald); NaN if the model cannot be fitted.
    """
    from numpy.linalg import LinAlgError
    from statsmodels.regression.mixed_linear_model import MixedLM

    mine = table[table[by].isin([level, reference])].dropna(subset=[outcome])
    is_level = (mine[by] == level).to_numpy(np.float64)
    if mine["participant"].nunique() < 3 or len(set(is_level.tolist())) < 2:
        return np.nan, np.nan, np.nan
    design = np.column_stack([np.ones(len(mine)), is_level])
    groups, random = _random_effects(mine, by, design)
    try:
        with warnings.catch_warnings():
            # A variance of 0 is a valid result: the model without that random effect.
            warnings.simplefilter("ignore")
            model = MixedLM(mine[outcome].to_numpy(np.float64), design, groups, **random)
            # Powell's method needs no gradient, which does not exist where a variance is 0.
            found = model.fit(reml=True, method=["powell"])
            low, high = np.asarray(found.conf_int())[1]
    except (LinAlgError, ValueError):
        return np.nan, np.nan, np.nan
    return float(found.params[1]), float(low), float(high)


def _random_effects(table: pd.DataFrame, by: str, design: Any) -> tuple[Any, dict[str, Any]]:
    people, places = table["participant"], table["recording"]
    if people.groupby(places).nunique().max() > 1 and places.groupby(people).nunique().max() == 1:
        return places.to_numpy(), {"exog_vc": _people_in(places, people)}
    both = table.groupby(people)[by].nunique().gt(1).mean() >= 0.5
    return people.to_numpy(), {"exog_re": design} if both else {}


def _people_in(places: pd.Series[Any], people: pd.Series[Any]) -> Any:
    """Indicators of the people within each recording, in the form of statsmodels."""
    from statsmodels.regression.mixed_linear_model import VCSpec

    columns, matrices = [], []
    for place in sorted(places.unique()):
        codes, names = pd.factorize(people[places == place])
        matrices.append(np.eye(len(names))[codes])
        columns.append([f"{place}:{name}" for name in names])
    return VCSpec(["person"], [columns], [matrices])
