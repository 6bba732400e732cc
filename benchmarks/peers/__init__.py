"""Other people's recommenders, timed beside ours: see `benchmarks/peers/run.py`."""
