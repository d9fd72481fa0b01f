"""Maps of what raises the probability of an expression in face crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fervid.errors import ModelError
from fervid.records import EXPRESSIONS, FACE_SIZE, FaceCrops

if TYPE_CHECKING:
    from fervid.expressions.classifier import ExpressionClassifier
    from fervid.models.program import Function, Leaves

_FACES_A_CALL = 4


@dataclass(frozen=True)
class Explanations:
    """Maps of what the classifier reacts to in N faces.

    Both maps describe the model, not the person, and compare places only within one face.

    Attributes:
        probs: (N, 7) float32, probabilities as the classifier reports them.
        expression: (N,) int64, index of the explained expression in `EXPRESSIONS`.
        gradient: (N, 48, 48) float32, HiResCAM: how much a place raises the logarithm of the
            probability, without unit; negative values lower it.
        occlusion: (N, 48, 48) float32, fall of the natural logarithm of the probability when a
            square over this pixel is hidden, averaged over such squares; negative values mean a
            rise.
    """

    probs: NDArray[np.float32]
    expression: NDArray[np.int64]
    gradient: NDArray[np.float32]
    occlusion: NDArray[np.float32]

    @classmethod
    def empty(cls) -> Explanations:
        """No faces."""
        maps = np.zeros((0, FACE_SIZE, FACE_SIZE), np.float32)
        return cls(np.zeros((0, len(EXPRESSIONS)), np.float32), np.zeros(0, np.int64), maps, maps)

    def __len__(self) -> int:
        return len(self.probs)


def explain(
    crops: FaceCrops,
    classifier: ExpressionClassifier,
    expression: str | Sequence[str] | None = None,
) -> Explanations:
    """Compute what raises the probability of an expression in N faces.

    Args:
        crops: the crops of the faces.
        classifier: the classifier to explain; it keeps the compiled program for further calls.
        expression: one of `EXPRESSIONS`, or N of them; None: each face's most probable one.

    Raises:
        ModelError: the weights give something that is not a number.
        ValueError: an expression is unknown, or there are not N of them.
    """
    names = [expression] * len(crops) if isinstance(expression, str) else expression
    asked = [expression] if isinstance(expression, str) else names or []
    if not set(asked) <= set(EXPRESSIONS):
        raise ValueError(f"expression must be one of {', '.join(EXPRESSIONS)}")
    if names is not None and len(names) != len(crops):
        raise ValueError(f"{len(crops)} faces, {len(names)} expressions")
    if len(crops) == 0:
        return Explanations.empty()

    def make(on_cpu: bool) -> tuple[Function, Leaves]:
        from fervid.models.saliency import saliency

        network, calibration = classifier.network()
        mirrored = calibration.mirrored
        return saliency(network, calibration.mix, mirrored=mirrored, on_cpu=on_cpu)

    probs, cells, drops = classifier.program("explanations", make, _FACES_A_CALL)(crops.images)
    if not all(np.isfinite(part).all() for part in (probs, cells, drops)):
        raise ModelError(f"model {classifier.card['name']}: its weights give no probabilities")
    each = np.arange(len(crops))
    chosen = probs.argmax(axis=1)
    if names is not None:
        chosen[:] = [EXPRESSIONS.index(name) for name in names]
    return Explanations(
        probs, chosen, _enlarged(cells[each, chosen]), _over_pixels(drops[each, chosen])
    )


def _enlarged(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, h, h) cells -> (N, 48, 48), linearly interpolated between their centres."""
    side = cells.shape[1]
    pixel = (np.arange(FACE_SIZE) + 0.5) * side / FACE_SIZE - 0.5
    unit = np.eye(side)
    weights = np.stack([np.interp(pixel, np.arange(side), row) for row in unit])
    return np.asarray(np.einsum("nij,iy,jx->nyx", cells, weights, weights), np.float32)


def _over_pixels(drops: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, P, P) values of hidden squares -> (N, 48, 48), the mean over the squares at a pixel."""
    from fervid.models.saliency import patches

    covers = patches().astype(np.float64)
    covers /= covers.sum(axis=0)
    return np.asarray(np.einsum("nij,iy,jx->nyx", drops, covers, covers), np.float32)
