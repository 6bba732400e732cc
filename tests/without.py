"""An environment in which some modules are not installed, in a process of its own."""

import os
import subprocess
import sys

_FINDERS = """
import sys

BLOCKED = {names!r}

# As if they were not installed; raising would not do, for TensorFlow looks whether Keras is there
class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in BLOCKED else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""


def run_without(names, code, given="", **environment):
    """Runs Python code where modules of these names are not installed.

    The code finds them as `BLOCKED`.

    Args:
        names: strings, of packages such as 'keras'.
        code: Python source.
        given: text on its standard input.
        **environment: variables beside this process's own; TF_USE_LEGACY_KERAS is left out.

    Returns:
        `subprocess.CompletedProcess`, with text.
    """
    own = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    return subprocess.run(
        [sys.executable, "-c", _FINDERS.format(names=set(names)) + code],
        input=given,
        capture_output=True,
        text=True,
        env={**own, **environment},
        check=False,
    )
