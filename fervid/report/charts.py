"""The smaller figures: what each person shows, what follows it, and what people show together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import pandas as pd

from fervid.report.binning import Binned
from fervid.report.matrix_charts import together, transitions
from fervid.report.people_charts import small_multiples
from fervid.report.strip_chart import strip

Chart = Literal["shares", "intensity", "change", "transitions", "together", "strip"]
CHARTS: tuple[Chart, ...] = get_args(Chart)

BINS = 240
"""Steps of time in small figures."""


def chart(
    name: Chart,
    binned: Binned,
    lanes: Mapping[int, str],
    episodes: pd.DataFrame,
    of: int | None = None,
) -> dict[str, Any]:
    """A figure as plotly.js takes it and `plotly.graph_objects.Figure`, too.

    Args:
        name: "shares", "intensity" or "change": one row per person; "transitions": which
            expression follows which; "together": which two people show the same expression at the
            same time; "strip": the whole recording in one row per person, as wide as a slide.
        binned: means over time.
        lanes: face ids of the lanes of `binned` from 1 on, and the names of the people.
        episodes: the table of episodes.
        of: face id for "transitions"; None: everyone.
    """
    mine = episodes[episodes["face_id"].isin(list(lanes))]
    if name == "transitions":
        return transitions(mine, lanes, of)
    if name == "together":
        return together(mine, lanes)
    if name == "strip":
        return strip(binned, lanes, mine)
    return small_multiples(name, binned.coarser(BINS), lanes)
