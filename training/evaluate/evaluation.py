"""All scores of one split as plain dicts: short for a model card, or in full."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fervid.errors import FervidError
from fervid.expressions.classifier import Calibration
from fervid.models.expression_net import ExpressionNet
from fervid.records import EXPRESSIONS
from training import fer2013
from training.evaluate.groups import FIGURES, RESAMPLES, group_figures
from training.evaluate.heads import HEADS, MODES, Answers, answers_of, score
from training.evaluate.predict import predict_logits
from training.evaluate.robustness import COPIES
from training.evaluate.samples import choose_samples
from training.evaluate.scores import (
    Floats,
    accuracy,
    brier,
    calibration_error,
    confusion,
    cross_entropy,
    f1_of_classes,
    macro_f1,
    macro_recall,
    paired_loss,
    proportion,
)
from training.evaluate.strata import REST, TITLES, in_split, short


def evaluate(
    model: ExpressionNet, data: fer2013.Fer2013, usage: str, calibration: Calibration
) -> dict[str, Any]:
    """The scores of one split for a model card, with mirror images if the model is used with them.

    Scores against FER+ are None if the data has no votes.
    """
    split = data.split(usage)
    answers = answers_of(predict_logits(model, split.images), calibration)
    mode = "mirrored" if calibration.mirrored else "one_pass"
    fer, votes, mixture = (answers[mode][head] for head in HEADS)
    unique = fer2013.unique_rows(data, usage)
    right = fer.after.argmax(1) == split.labels
    majority, plurality = split.ferplus_majority(), split.ferplus_plurality()
    one_hot = np.eye(len(EXPRESSIONS))[split.labels]
    against_votes = score(votes, split)["votes"]

    def accuracy_against(probs: Floats, target: NDArray[np.int64]) -> dict[str, float] | None:
        known = target >= 0
        return accuracy((probs.argmax(1) == target)[known]) if known.any() else None

    def recall_against(probs: Floats, target: NDArray[Any]) -> float | None:
        known = target >= 0
        return macro_recall(probs[known], target[known]) if known.any() else None

    return {
        "fer_accuracy": accuracy(right),
        "fer_macro_recall": macro_recall(fer.after, split.labels),
        "fer_accuracy_deduplicated": accuracy(right[unique]) if unique.any() else None,
        "fer_accuracy_one_pass": accuracy(
            answers["one_pass"]["fer"].after.argmax(1) == split.labels
        ),
        "ferplus_majority_accuracy": accuracy_against(votes.after, majority),
        "ferplus_majority_macro_recall": recall_against(votes.after, majority),
        "ferplus_plurality_accuracy": accuracy_against(votes.after, plurality),
        "ferplus_votes": against_votes
        and {key: round(against_votes[key]["after"], 4) for key in ("nll", "jensen_shannon")},
        "shipped_mixture": {
            "fer_accuracy": accuracy(mixture.after.argmax(1) == split.labels),
            "fer_macro_recall": macro_recall(mixture.after, split.labels),
            "ferplus_majority_accuracy": accuracy_against(mixture.after, majority),
            "ferplus_majority_macro_recall": recall_against(mixture.after, majority),
            "nll": round(cross_entropy(mixture.after, one_hot), 4),
            "ece_15": round(calibration_error(mixture.after, split.labels), 4),
        },
        "nll": round(cross_entropy(fer.after, one_hot), 4),
        "brier": round(brier(fer.after, one_hot), 4),
        "ece_15_before_and_after": [
            round(calibration_error(fer.before, split.labels), 4),
            round(calibration_error(fer.after, split.labels), 4),
        ],
        **_per_class(confusion(fer.after.argmax(1), split.labels)),
    }


def _per_class(table: NDArray[np.int64]) -> dict[str, Any]:
    hits = np.diag(table)
    columns = {
        "precision": hits / np.maximum(table.sum(axis=0), 1),
        "recall": hits / np.maximum(table.sum(axis=1), 1),
        "f1": f1_of_classes(table),
    }
    return {
        "macro_f1": round(float(macro_f1(table)), 4),
        **{name: [round(float(v), 3) for v in values] for name, values in columns.items()},
        "confusion": table.tolist(),
    }


def evaluate_in_full(
    model: ExpressionNet,
    data: fer2013.Fer2013,
    usage: str,
    calibration: Calibration,
    groups: NDArray[np.str_] | None = None,
    strata: dict[str, NDArray[np.bool_]] | None = None,
) -> dict[str, Any]:
    """All scores of one split for `evaluation.json`, ready for JSON.

    Args:
        model: the network, which is put into evaluation mode.
        data: the whole data set.
        usage: the split, one of `fer2013.USAGES`.
        calibration: temperatures and mixture, fitted on PublicTest.
        groups: (rows of the data set,) group of each image, "" for none.
        strata: by name, (rows of the data set,) which images are in it, see `strata`.

    Raises:
        FervidError: the split is empty, or no image of it has a group or is in a stratum.
    """
    split, rows = data.split(usage), np.flatnonzero(data.usage == fer2013.USAGES.index(usage))
    if not len(split):
        raise FervidError(f"the data has no image of {usage}")
    if groups is not None and not (groups[rows] != "").any():
        raise FervidError(f"the table of groups lists no image of {usage}")
    hard = in_split(strata, data, usage) if strata else {}
    unique = fer2013.unique_rows(data, usage)
    answers = answers_of(predict_logits(model, split.images), calibration)
    document = {
        "split": {
            "name": usage,
            "images": len(split),
            "deduplicated": int(unique.sum()),
            "with_majority": int((split.ferplus_majority() >= 0).sum()),
            "with_votes": int((split.votes.sum(axis=1) > 0).sum()),
        },
        "classes": list(EXPRESSIONS),
        "calibration": vars(calibration),
        "scores": {
            name: {
                mode: {head: score(a[mask], split[mask]) for head, a in heads.items()}
                for mode, heads in answers.items()
            }
            for name, mask in (("all", np.ones(len(split), bool)), ("deduplicated", unique))
            if mask.any()
        },
        "robustness": robustness(model, split, answers, calibration),
        "samples": choose_samples(answers["one_pass"]["fer"].after, split.labels, rows),
    }
    if hard:
        document["strata"] = _strata(answers, split, hard)
    if groups is not None:
        document["groups"] = _groups(answers, split, groups[rows])
    rounded: dict[str, Any] = _rounded(document)
    return rounded


def robustness(
    model: ExpressionNet,
    split: fer2013.Fer2013,
    clean: dict[str, dict[str, Answers]],
    calibration: Calibration,
) -> list[dict[str, Any]]:
    """Accuracy on every robustness copy and the points lost against the clean images.

    Returns:
        For each of `COPIES`: name, title and `scores` by mode, head and target ("labels", and
        "majority" where there are votes), each with `accuracy` and `loss`.
    """
    majority = split.ferplus_majority()
    targets = {"labels": split.labels.astype(np.int64), "majority": majority}
    kept = {name: target >= 0 for name, target in targets.items() if (target >= 0).any()}

    def compared(before: Answers, after: Answers, target: str) -> dict[str, Any]:
        mask = kept[target]
        labels = targets[target][mask]
        was, now = (a[mask].after.argmax(1) == labels for a in (before, after))
        return {"accuracy": proportion(int(now.sum()), len(now)), "loss": paired_loss(was, now)}

    result = []
    for copy in COPIES:
        spoilt = answers_of(predict_logits(model, copy.make(split.images)), calibration)
        scores = {
            mode: {
                head: {name: compared(clean[mode][head], spoilt[mode][head], name) for name in kept}
                for head in HEADS
            }
            for mode in MODES
        }
        result.append({"name": copy.name, "title": copy.title, "scores": scores})
    return result


def _strata(
    answers: dict[str, dict[str, Answers]],
    split: fer2013.Fer2013,
    masks: dict[str, NDArray[np.bool_]],
) -> list[dict[str, Any]]:
    rest = ~np.logical_or.reduce(list(masks.values()))
    named = {**masks, REST: rest}
    return [
        {
            "name": name,
            "title": TITLES[name],
            "images": int(mask.sum()),
            "scores": {
                mode: {head: short(score(a[mask], split[mask])) for head, a in heads.items()}
                for mode, heads in answers.items()
            },
        }
        for name, mask in named.items()
        if mask.any()
    ]


def _groups(
    answers: dict[str, dict[str, Answers]], split: fer2013.Fer2013, groups: NDArray[np.str_]
) -> dict[str, Any]:
    names, counts = np.unique(groups[groups != ""], return_counts=True)
    return {
        "images": dict(zip(names.tolist(), counts.tolist(), strict=True)),
        "resamples": RESAMPLES,
        "figures": [{"name": f.name, "title": f.title, "unit": f.unit} for f in FIGURES],
        "scores": {
            mode: {head: group_figures(a.after, split, groups) for head, a in heads.items()}
            for mode, heads in answers.items()
        },
    }


def _rounded(value: Any) -> Any:
    """The same value with floats rounded to five decimals."""
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value
