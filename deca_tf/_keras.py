"""What Keras has to be, and how it finds our classes in what was saved, without our loading it."""

import functools
import importlib
import importlib.abc
import importlib.util
import json
import os
import pathlib
import sys

ROOMS = {"backbones": "BACKBONES", "denoisers": "DENOISERS", "optimizers": "OPTIMIZERS"}
OTHERS = ("deca_tf.training.deca_model:DeCAModel", "deca_tf.denoisers.ensemble:MeanOfTwo")


def check_backend():
    """Refuses Keras on anything but TensorFlow.

    A module of ours that imports Keras is refused by the finder below, before Keras looks for
    another backend. Rooms ask once more, for a Keras that had been imported before.

    Raises:
        ImportError: naming the backend, where it was chosen, and what to do.
    """
    backend, origin = _backend()
    if backend == "tensorflow":
        return
    remedy = "Set KERAS_BACKEND=tensorflow before keras is imported."
    raise ImportError(f"deca_tf needs Keras on TensorFlow. Received: {origin}. {remedy}")


def _backend():
    """The backend's name, and where it was chosen."""
    keras = sys.modules.get("keras")
    if hasattr(keras, "config"):
        backend = keras.config.backend()
        return backend, f"keras imported on backend {backend!r}"
    backend = os.environ.get("KERAS_BACKEND")
    if backend:
        return backend, f"KERAS_BACKEND={backend!r}"
    home = os.environ.get("KERAS_HOME")
    file = pathlib.Path(home) if home else pathlib.Path.home() / ".keras"
    try:
        backend = json.loads((file / "keras.json").read_text()).get("backend", "tensorflow")
    except (OSError, ValueError):  # Keras passes by what it cannot read
        backend = "tensorflow"
    return backend, f"backend {backend!r} in {file / 'keras.json'}"


def check_imported_backend():
    """As `check_backend`, of a Keras that has been imported.

    The names in a room can be read without one.
    """
    if "keras" in sys.modules:
        check_backend()


def make_classes_known():
    """Tells Keras the names of our classes, at once where it has been imported, else when it is.

    `keras.models.load_model` finds a class by its registered name, which Keras knows once the
    class's module has been imported. Ours are imported when they are first used, so a
    stand-in waits under each name.
    """
    if hasattr(sys.modules.get("keras"), "saving"):
        _leave_stand_ins()
    elif not any(isinstance(finder, _WhenKerasIsImported) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WhenKerasIsImported())


class _WhenKerasIsImported(importlib.abc.MetaPathFinder):
    """Finds Keras where all others would, and leaves the stand-ins when it has been imported."""

    def find_spec(self, name, path, target=None):
        if name != "keras":
            return None
        if _is_ours_that_imports():
            check_backend()
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or not hasattr(spec.loader, "exec_module"):
            return spec
        execute = spec.loader.exec_module

        def execute_and_tell(module):
            execute(module)
            _leave_stand_ins()

        spec.loader.exec_module = execute_and_tell
        return spec


def _is_ours_that_imports():
    """Whether the import that is going on has its cause in a module of this library."""
    frame = sys._getframe()
    while frame is not None and not (
        frame.f_globals.get("__name__", "").startswith("deca_tf.")
        and frame.f_globals["__name__"] != __name__
    ):
        frame = frame.f_back
    return frame is not None


class _StandIn:
    """Of a class in Keras's table of names, until the class is asked for.

    Its module then takes the place.
    """

    def __init__(self, home):
        self._home = home

    def __getattr__(self, name):
        if name.startswith("__"):  # asked by whoever inspects it, not for the class
            raise AttributeError(name)
        return getattr(_load(self._home), name)

    def __call__(self, *args, **options):
        return _load(self._home)(*args, **options)


@functools.cache
def _load(home):
    module, _, name = home.partition(":")
    return getattr(importlib.import_module(module), name)


def _leave_stand_ins():
    if _backend()[0] != "tensorflow":
        return  # whose process it is does not want us there
    known = sys.modules["keras"].saving.get_custom_objects()
    for home in _homes():
        known.setdefault(f"deca_tf>{home.partition(':')[2]}", _StandIn(home))


def _homes():
    """Of all classes of ours that Keras saves, "module:Class"."""
    registries = (
        getattr(importlib.import_module(f"deca_tf.{room}"), name) for room, name in ROOMS.items()
    )
    return {
        *OTHERS,
        *(
            f"{module}:{name}"
            for registry in registries
            for name, module in registry.homes().items()
        ),
    }
