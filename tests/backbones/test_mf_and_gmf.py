"""The formulas of MF and GMF on weights small enough to multiply by hand, and how they start."""

import numpy as np
import pytest

from deca_tf.backbones import GMF, MF

PAIRS = {"user_id": np.array([0, 1]), "item_id": np.array([2, 0])}
USER_VECTORS = [[1.0, 2.0], [-1.0, 0.5]]
ITEM_VECTORS = [[3.0, 4.0], [0.0, 0.0], [0.5, -1.0]]


def filled(cls, **options):
    model = cls(2, 3, embedding_dim=2, **options)
    model.user_table.assign(USER_VECTORS)
    model.item_table.assign(ITEM_VECTORS)
    if model.item_bias:
        model.item_bias_table.assign([10.0, 20.0, 30.0])
    if model.user_bias:
        model.user_bias_table.assign([100.0, 200.0])
    return model


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # (1, 2).(.5, -1) = .5 - 2 = -1.5; (-1, .5).(3, 4) = -3 + 2 = -1
        ({}, [-1.5, -1.0]),
        ({"item_bias": True}, [28.5, 9.0]),  # + 30, + 10
        ({"user_bias": True}, [98.5, 199.0]),  # + 100, + 200
        ({"item_bias": True, "user_bias": True}, [128.5, 209.0]),
    ],
)
def test_mf(options, expected):
    np.testing.assert_allclose(np.array(filled(MF, **options)(PAIRS)), expected)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # (1*.5, 2*-1).(2, 3) + 7 = 1 - 6 + 7 = 2; (-1*3, .5*4).(2, 3) + 7 = -6 + 6 + 7 = 7
        ({}, [2.0, 7.0]),
        ({"item_bias": True, "user_bias": True}, [132.0, 217.0]),  # + 30 + 100, + 10 + 200
    ],
)
def test_gmf(options, expected):
    model = filled(GMF, **options)
    model.output_weight.assign([[2.0], [3.0]])
    model.output_bias.assign([7.0])
    np.testing.assert_allclose(np.array(model(PAIRS)), expected)


@pytest.mark.parametrize("cls", [MF, GMF])
def test_starts_as_the_released_code_does(cls):
    """Vectors from N(0, 0.01) of length 32, biases at zero.

    GMF's weights uniform in +-sqrt(3 / 32) = +-.306.
    """
    model = cls(400, 300, item_bias=True, user_bias=True)
    for table in (model.user_table, model.item_table):
        values = np.array(table)
        assert values.shape[1] == 32
        assert values.std() == pytest.approx(0.01, rel=0.03)
        assert abs(values.mean()) < 4 * 0.01 / np.sqrt(values.size)
    assert not np.array(model.item_bias_table).any()
    assert not np.array(model.user_bias_table).any()
    if cls is GMF:
        weights = np.concatenate(
            [np.array(GMF(1, 1, seed=seed).output_weight).ravel() for seed in range(30)]
        )
        assert 0.29 < np.abs(weights).max() <= 0.3062
        assert weights.std() == pytest.approx(0.3062 / np.sqrt(3), rel=0.05)
        assert not np.array(model.output_bias).any()


@pytest.mark.parametrize("stddev", [-0.1, float("nan"), "small"])
def test_wrong_standard_deviation_is_refused(stddev):
    with pytest.raises(
        ValueError, match="`embedding_stddev` must be a finite number of at least 0"
    ):
        MF(2, 3, embedding_stddev=stddev)
