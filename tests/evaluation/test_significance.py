"""The paired test of two models over the same users."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from deca_tf.evaluation.significance import compare


def test_the_paired_test_is_scipys():
    rng = np.random.default_rng(0)
    first, second = rng.random(200), rng.random(200)
    second[:150] = first[:150]
    users = rng.permutation(200)
    ours = pd.Series(first[users], index=users)
    found = compare(ours, pd.Series(second))
    expected = scipy.stats.ttest_rel(first, second)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.difference == pytest.approx((first - second).mean())
    better = compare(pd.Series(first + 0.1), pd.Series(first + rng.normal(0, 0.01, 200)))
    assert (better.is_better, better.is_worse) == (True, False)
    worse = compare(pd.Series(second - 0.3), pd.Series(first))
    assert (worse.is_better, worse.is_worse) == (False, True)


def test_equal_models_do_not_differ():
    same = compare(pd.Series([0.1, 0.2]), pd.Series([0.1, 0.2]))
    assert (same.difference, same.p_value, same.is_better, same.is_worse) == (0, 1, False, False)


def test_other_users_are_refused():
    with pytest.raises(ValueError, match="same users. Received: 2 and 2 users, 1 of them in both"):
        compare(pd.Series([0.1, 0.2], index=[0, 1]), pd.Series([0.1, 0.2], index=[1, 2]))
