"""How well similarities tell whether two faces show one person."""

from typing import NamedTuple

import numpy as np

FOLDS = 10
# Squared distances of unit vectors, as LFW's protocol has them in InsightFace and FaceNet.
_THRESHOLDS = np.arange(0, 4, 0.01)


class Folds(NamedTuple):
    """Of each fold: the share of right answers, and the threshold that is best on the nine others."""

    accuracy: np.ndarray  # float64 [FOLDS], 0 to 1
    threshold: np.ndarray  # float64 [FOLDS], squared distance


def ten_folds(distances: np.ndarray, same: np.ndarray) -> Folds:
    """Accuracy by cross-validation, as on LFW (Huang et al. 2007).

    distances: float64 [pairs], squared distances of embeddings of length 1, 0 to 4; same: bool [pairs]
    Folds are tenths of the pairs in their order, the first ones a pair longer where they do not come out even; two faces show one
    person when their distance is below the threshold; of equally good thresholds the smallest is taken.
    """
    if len(distances) < FOLDS:
        raise ValueError(f"Expected at least {FOLDS} pairs but received {len(distances)}.")
    right = np.stack([(distances < threshold) == same for threshold in _THRESHOLDS])  # [thresholds, pairs]
    total = right.sum(1)
    accuracy, chosen = np.empty(FOLDS), np.empty(FOLDS)
    for k, fold in enumerate(np.array_split(np.arange(len(distances)), FOLDS)):
        here = right[:, fold].sum(1)
        best = int(np.argmax(total - here))  # the first of the best
        accuracy[k], chosen[k] = here[best] / len(fold), _THRESHOLDS[best]
    return Folds(accuracy, chosen)


def true_accepts(scores: np.ndarray, same: np.ndarray, false_accepts: float) -> float:
    """TAR at FAR: the largest share of pairs of one person that a threshold accepts which accepts at most so many of the others.

    scores: float64 [pairs], higher is more alike; a pair is accepted when its score reaches the threshold, which is one of the
    scores; nothing is interpolated. 0 where even the first threshold accepts too many.
    """
    if not same.any() or same.all():
        raise ValueError("Expected pairs of one person and of two but received only one kind.")
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=-np.inf))  # equal scores are accepted together
    accepted, wrongly = np.cumsum(same[order])[ends], np.cumsum(~same[order])[ends]
    fits = wrongly / np.count_nonzero(~same) <= false_accepts
    return float(accepted[fits].max(initial=0) / np.count_nonzero(same))
