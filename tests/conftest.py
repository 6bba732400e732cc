"""What all tests share.

A quiet TensorFlow, two CPU devices for those that ask, and the public data where it lies.
"""

import gc
import os
import pathlib
import signal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault(
    "TF_ENABLE_ONEDNN_OPTS", "0"
)  # its sums differ from run to run in the last digits
# What XLA makes runs for a moment: its own passes are all made, LLVM's, which take longer, are not.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import pytest

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as in a job in the background; tests press Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Files that take longest, the longest first: begun early, no process waits for one at the end.
LONGEST = (
    "optimizers/test_lazy_adam.py",
    "runs/test_run.py",
    "distribution/test_distribution.py",
    "test_notebooks.py",
    "serving/deployment/test_check.py",
    "tuning/test_search.py",
    "pipelines/test_training_steps.py",
    "serving/test_alone.py",
    "docs/test_python_blocks.py",
    "pipelines/test_split.py",
    "test_extras.py",
    "tuning/test_workers.py",
    "test_own_parts.py",
    "test_keras.py",
    "test_public_names.py",
)


TOO_LATE = pytest.StashKey()  # whether TensorFlow had run before its CPU could be split


def pytest_collection_modifyitems(items):
    """Begins with the files that take longest; within a file the order stays."""
    here = pathlib.Path(__file__).parent
    ranks = {here / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def pytest_collection_finish(session):
    """Leaves what all modules hold out of the garbage collector, and splits the CPU if asked.

    The collector would pass over hundreds of thousands of objects that stay, again and again. The
    CPU is split in two if a chosen test asks for it; once TensorFlow has run anything, it is too
    late.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    chosen = [item for item in session.items if "two_cpus" in getattr(item, "fixturenames", ())]
    if not chosen or session.config.option.collectonly:
        return
    import tensorflow as tf

    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    try:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], halves
        )
    except RuntimeError:
        session.config.stash[TOO_LATE] = True  # said by the fixture: xdist swallows an error here


@pytest.fixture(scope="session")
def two_cpus(request):
    """Names of two logical CPU devices, which `make_strategy("mirrored")` then trains on.

    Tests take no other strategy: collectives of a second one in the process would be taken for
    those of the first.
    """
    import tensorflow as tf

    if request.config.stash.get(TOO_LATE, False):
        pytest.fail(
            "The fixture `two_cpus` must split the CPU before TensorFlow runs anything. Received: "
            "a test module that ran an operation while it was imported. Move that operation into a "
            "test or a fixture."
        )
    return [device.name for device in tf.config.list_logical_devices("CPU")]


@pytest.fixture(scope="session")
def data_dir():
    """The folder with the public data sets; tests that need it are skipped where there is none."""
    folder = os.environ.get("DECA_TF_DATA_DIR")
    if not folder:
        pytest.skip("DECA_TF_DATA_DIR names no folder with the public data sets")
    return pathlib.Path(folder)
