"""How long does it take from a file to a split?

Reading, dense ids, merging repeated pairs, cutting in time.

    python -m benchmarks.data_reading --rows 10000000 --format parquet --out FILE

The log is that of `python -m pipelines.generate`, written before the clock starts. Printed are
seconds, rows a second and the process's peak memory, which is that of reading alone.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000, help="(default: %(default)s)")
    parser.add_argument(
        "--format", choices=("csv", "parquet"), default="parquet", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--shards", action="store_true", help="write shards as well, and read them back"
    )
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    arguments = parser.parse_args()
    from deca_tf.data import load_split

    with tempfile.TemporaryDirectory() as folder:
        log = _write(pathlib.Path(folder), arguments)
        before = _peak()
        began = time.perf_counter()
        split = load_split(
            os.fspath(log),
            user_column="user_id",
            item_column="item_id",
            timestamp_column="timestamp",
        )
        found = {f"read {arguments.format} and split": time.perf_counter() - began}
        peak = _peak() - before
        if arguments.shards:
            from deca_tf.data import read_shards, write_shards

            for name, run in (
                ("write shards", lambda: write_shards(split, log.with_name("shards"))),
                ("read shards", lambda: read_shards(log.with_name("shards"))),
            ):
                began = time.perf_counter()
                run()
                found[name] = time.perf_counter() - began
        results = {
            "rows": arguments.rows,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "file_bytes": log.stat().st_size,
            "seconds": found,
            "peak_bytes_of_reading": peak,
        }
    for name, seconds in found.items():
        print(f"{name:24} {seconds:8.1f} s  {arguments.rows / seconds:12,.0f} rows/s")
    print(
        f"peak of reading {peak / 1e9:.2f} GB above the start, the file has "
        f"{results['file_bytes'] / 1e9:.2f} GB"
    )
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")


def _write(folder, arguments):
    """In a process of its own, for the peak of memory."""
    import subprocess
    import sys

    log = folder / "log.csv"
    command = [
        sys.executable,
        "-m",
        "pipelines.generate",
        "--rows",
        str(arguments.rows),
        "--out",
        os.fspath(log),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    if arguments.format == "csv":
        return log
    script = "import pandas, sys; pandas.read_csv(sys.argv[1]).to_parquet(sys.argv[2])"
    subprocess.run([sys.executable, "-c", script, log, log.with_suffix(".parquet")], check=True)
    return log.with_suffix(".parquet")


def _peak():
    """Bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
