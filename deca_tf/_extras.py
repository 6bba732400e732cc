"""Extras of this package.

What each brings, and one line that asks for it where it is not installed.
"""

import importlib.util

MODULES = {
    "kubernetes": ("kubernetes",),
    "pipelines": ("apache_beam", "tensorflow_transform"),
    "plots": ("matplotlib", "tensorboard"),
    "serving": ("jinja2", "starlette", "tensorflow_serving", "uvicorn", "yaml"),
}


def require_extra(extra, what, *modules):
    """Refuses to begin where an extra is not installed.

    Args:
        extra: its name in `pyproject.toml`, a key of `MODULES`.
        what: what needs it, such as "`deca-tf serve`": the beginning of a sentence.
        *modules: those of its modules that are needed; none: all of them.

    Raises:
        ImportError: one of them is not installed.
    """
    missing = missing_modules(extra, *modules)
    if missing:
        raise ImportError(
            f"{what} requires the extra `{extra}`. Received: an environment without "
            f"{', '.join(missing)}. Run `pip install 'deca-tf[{extra}]'`."
        )


def missing_modules(extra, *modules):
    """Names of the modules of an extra that are not installed; arguments of `require_extra`."""
    return [name for name in modules or MODULES[extra] if importlib.util.find_spec(name) is None]
