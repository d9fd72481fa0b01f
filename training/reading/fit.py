r"""Fit the constants of `fervid.expressions.change`.

    python -m training.reading.fit fer2013.csv --votes fer2013new.csv \
        --clips CALM --clips BUSY

The usual change of each expression comes from FER-2013's PublicTest. The odds that an expression is
shown come from CLIPS, folders as for `training.evaluate_reading`; all folders count equally, and
rest counts as much as expressions. Prints both, and the expected calibration error in 15 bins.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize

from fervid.errors import FervidError
from fervid.expressions.classifier import Calibration, load_model
from fervid.expressions.looks import log_ratios, with_neutral
from fervid.pipeline import Analyzer
from fervid.records import EXPRESSIONS
from fervid.results.codebook import CHANGE_COLUMNS
from fervid.settings import Settings
from training import fer2013
from training.command_line import PATH, fer2013_argument, help_of, votes_option
from training.evaluate import predict_logits
from training.evaluate_reading import recording_of, truth_of
from training.reading.showings import faces_of

Floats = NDArray[np.float64]
_LAPSES = 0.01
_FAINT = 0.25
"""At a lower intensity, nobody can say whether an expression is shown."""

_BINS = 15


@click.command(help=help_of(__doc__))
@fer2013_argument
@votes_option
@click.option(
    "--clips", type=PATH, multiple=True, help="Folder with recordings and truth; repeatable."
)
def main(data: Path, votes: Path | None, clips: tuple[Path, ...]) -> None:
    """Fit and print."""
    try:
        for name, change in zip(
            EXPRESSIONS, usual_changes(fer2013.load(data, votes)), strict=False
        ):
            click.echo(f"{name}: {', '.join(f'{value:.2f}' for value in change)}")
        if clips:
            change, shown, weights = _showings(clips)
            even, steep = fit_odds(change, shown, weights)
            error = weighted_error(probability(change, even, steep), shown, weights)
            click.echo(f"even {even:.3f} nats, steep {steep:.2f}, ECE-{_BINS} {error:.4f}")
    except FervidError as error:
        raise click.ClickException(str(error)) from error


def usual_changes(data: fer2013.Fer2013) -> Floats:
    """(6, 7) nats: mean log-ratios of each expression minus those of neutral, on PublicTest.

    Only faces whose label agrees with FER+'s majority count.
    """
    public = data.split("PublicTest")
    network, card = load_model("expression")
    probs = predict_logits(network, public.images).probs(Calibration.of_card(card))
    ratios = with_neutral(log_ratios(probs))
    label = np.where(public.labels == public.ferplus_majority(), public.labels, -1)
    means = np.array([ratios[label == k].mean(axis=0) for k in range(len(EXPRESSIONS))])
    return np.asarray(means[:-1] - means[-1])


def _showings(folders: tuple[Path, ...]) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """For all rows of some folders: largest change, whether an expression is shown, and weight."""
    tables = [_rows_of(folder) for folder in folders]
    for table in tables:
        table["weight"] = 1 / table.groupby("shown")["shown"].transform("size") / 2 / len(tables)
    table = pd.concat(tables)
    return (table["change"].to_numpy(), table["shown"].to_numpy(bool), table["weight"].to_numpy())


def _rows_of(folder: Path) -> pd.DataFrame:
    analyzer = Analyzer(Settings(thumbnails=False))
    tables = []
    with tempfile.TemporaryDirectory() as temporary:
        for clip, truth in truth_of(folder).groupby("clip", sort=True):
            result = Path(temporary) / f"{clip}.fervid"
            analyzer.analyze(recording_of(folder, str(clip)), result)
            frames = pd.read_csv(result / "frames.csv", dtype={"face_id": "Int64"})
            for _, mine in truth.groupby("person", sort=True):
                rows = faces_of(mine, frames)
                tables.append(
                    pd.DataFrame({"change": rows[list(CHANGE_COLUMNS)].max(axis=1),
                                  "intensity": rows["true_intensity"]})
                )  # fmt: skip
    table = pd.concat(tables).dropna()
    table = table[(table["intensity"] == 0) | (table["intensity"] >= _FAINT)]
    return table.assign(shown=table["intensity"] > 0)


def probability(change: Floats, even: float, steep: float) -> Floats:
    """The probability that an expression is shown, as in `fervid.expressions.change`."""
    odds = 1 / (1 + np.exp(-np.clip(steep * (change - even), -50, 50)))
    return np.asarray(_LAPSES + (1 - 2 * _LAPSES) * odds)


def fit_odds(change: Floats, shown: NDArray[np.bool_], weights: Floats) -> tuple[float, float]:
    """The change at which the probability is a half, and how steeply it rises; weights sum to 1."""

    def cost(at: Floats) -> float:
        probs = probability(change, *at)
        return -float(weights @ np.log(np.where(shown, probs, 1 - probs)))

    even, steep = minimize(cost, (0.5, 4.0), method="Nelder-Mead").x
    return float(even), float(steep)


def weighted_error(probs: Floats, shown: NDArray[np.bool_], weights: Floats) -> float:
    """Expected calibration error in equal bins (Guo et al. 2017)."""
    bins = np.minimum((probs * _BINS).astype(int), _BINS - 1)
    excess = np.bincount(bins, weights * (probs - shown), minlength=_BINS)
    return float(np.abs(excess).sum())


if __name__ == "__main__":
    main()
