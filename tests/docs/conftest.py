"""What the tests of pages share."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def folder_with_clicks(tmp_path, monkeypatch):
    """The working directory, with a table as a reader of the pages would have it."""
    rng = np.random.default_rng(0)
    pairs = rng.permutation(40 * 50)[:1000]
    clicks = {
        "customer": [f"customer-{user}" for user in pairs // 50],
        "sku": [f"sku-{item}" for item in pairs % 50],
        "timestamp": 1_700_000_000 + rng.integers(0, 10**6, len(pairs)),
    }
    pd.DataFrame(clicks).to_csv(tmp_path / "clicks.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path
