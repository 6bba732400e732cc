"""A log of any size."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from pipelines import generate


def test_a_log_has_tastes_popularity_and_noise():
    log = generate.clicks(40_000, 500, 300).to_pandas()
    assert len(log) == 40_000 and log["timestamp"].is_monotonic_increasing
    assert log["is_noisy"].mean() == pytest.approx(generate.NOISE, abs=0.02)
    assert 0 < log.duplicated(["user_id", "item_id"]).mean() < 0.5
    noisy, clean = (log[log["is_noisy"] == value] for value in (1, 0))
    # Noise prefers the same items for all; by taste each group has its own, so that all together
    # are more even.
    assert share_of_top(noisy) > 1.5 * share_of_top(clean)
    busiest = clean[clean["user_id"] == clean["user_id"].value_counts().index[0]]
    assert share_of_top(busiest) > 1.5 * share_of_top(clean)


def share_of_top(log):
    """Share of the clicks that a tenth of the items get."""
    counts = np.sort(np.bincount(pd.factorize(log["item_id"])[0], minlength=300))[::-1]
    return counts[:30].sum() / counts.sum()


@pytest.mark.parametrize("name, read", [("log.csv", pd.read_csv), ("log.parquet", pd.read_parquet)])
def test_the_command_writes_the_same_log_for_the_same_seed(name, read, tmp_path):
    arguments = ["--rows", "2000", "--out"]
    for folder in ("a", "b"):
        done = CliRunner().invoke(generate.app, [*arguments, str(tmp_path / folder / name)])
        assert done.exit_code == 0 and "Wrote 2,000 clicks to" in done.output
    log = read(tmp_path / "a" / name)
    pd.testing.assert_frame_equal(log, read(tmp_path / "b" / name))
    pd.testing.assert_frame_equal(
        log, generate.clicks(2000, 100, 10).to_pandas(), check_dtype=False
    )


def test_another_ending_is_refused(tmp_path):
    refused = CliRunner().invoke(generate.app, ["--out", str(tmp_path / "log.txt"), "--rows", "10"])
    assert refused.exit_code == 2 and "`--out` must end in .csv, .tsv, .parquet." in refused.output
