"""Accuracy, against what scikit-learn and InsightFace's protocol gave: test/golden/metrics."""

import json

import numpy as np
import pytest
import recipe
from safetensors.numpy import load_file

from accuracy import ten_folds, true_accepts

GOLDEN = recipe.REPOSITORY / "test/golden/metrics"
SPEC = json.loads((GOLDEN / "verification.json").read_text())
TENSORS = load_file(GOLDEN / "verification.safetensors")
CASES = {case["name"]: case for case in SPEC["cases"]}


def tensor(case: dict, name: str) -> np.ndarray:
    return TENSORS[case["tensors"][name]]


def test_all_golden_cases_are_there():
    assert len(CASES) == 7 and [case["kind"] for case in CASES.values()].count("folds") == 1


@pytest.mark.parametrize("name", CASES)
def test_true_accepts_are_scikit_learns(name: str):
    case = CASES[name]
    scores, same = tensor(case, "scores"), tensor(case, "labels") == 1
    found = [true_accepts(scores, same, rate) for rate in SPEC["far_targets"]]
    np.testing.assert_allclose(found, tensor(case, "tar_step"), rtol=0, atol=case["atol"])


def test_ten_folds_are_lfws():
    case = CASES["ten_folds"]
    folds = ten_folds(tensor(case, "distances"), tensor(case, "labels") == 1)
    np.testing.assert_allclose(folds.accuracy, tensor(case, "fold_accuracy"), rtol=0, atol=case["atol"])
    np.testing.assert_allclose(folds.threshold, tensor(case, "fold_threshold"), rtol=0, atol=case["atol"])
    assert folds.accuracy.mean() == pytest.approx(case["mean_accuracy"], rel=0, abs=case["atol"])


def test_a_fold_has_no_say_in_its_threshold():
    """In nine folds one person's pairs are nearer, in the first one they are farther: it is all wrong by the others' threshold."""
    same = np.tile([True, False], 50)
    distances = np.where(same, 0.5, 1.5)
    distances[:10] = 2 - distances[:10]
    folds = ten_folds(distances, same)
    assert folds.accuracy[0] == 0 and np.all(folds.accuracy[1:] == 1)


def test_a_distance_that_is_the_threshold_is_not_below_it():
    same = np.tile([True, False], 50)
    # 0.5 is a threshold, and there is none between that and 0.505.
    assert ten_folds(np.where(same, 0.5, 0.505), same).accuracy.mean() == 0.5
    assert ten_folds(np.where(same, 0.499, 0.505), same).accuracy.mean() == 1


def test_too_few_pairs_are_told():
    with pytest.raises(ValueError, match="at least 10 pairs but received 9"):
        ten_folds(np.zeros(9), np.ones(9, bool))


@pytest.mark.parametrize("same", [np.ones(10, bool), np.zeros(10, bool)])
def test_pairs_of_one_kind_are_told(same: np.ndarray):
    with pytest.raises(ValueError, match="only one kind"):
        true_accepts(np.zeros(10), same, 0.1)
