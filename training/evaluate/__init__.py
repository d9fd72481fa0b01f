"""Score a classifier on FER-2013 and FER+, and fit its calibration on PublicTest."""

from training.evaluate.calibration import fit_calibration
from training.evaluate.evaluation import evaluate, evaluate_in_full
from training.evaluate.predict import Logits, predict_logits
from training.evaluate.scores import (
    accuracy,
    brier,
    calibration_error,
    confusion,
    cross_entropy,
    jensen_shannon,
    macro_recall,
    reliability,
    wilson,
)

__all__ = [
    "Logits",
    "accuracy",
    "brier",
    "calibration_error",
    "confusion",
    "cross_entropy",
    "evaluate",
    "evaluate_in_full",
    "fit_calibration",
    "jensen_shannon",
    "macro_recall",
    "predict_logits",
    "reliability",
    "wilson",
]
