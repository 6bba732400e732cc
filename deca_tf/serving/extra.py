"""What not everyone needs to install: the libraries of the small server and of the deployment files."""

import importlib.util

PACKAGES = ("jinja2", "starlette", "uvicorn", "yaml")


def require_extra():
    """Refuses to begin where the extra `serving` is not installed.

    Raises:
        ImportError: names what is missing.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            "This requires the extra `serving`. Received: an environment without "
            f"{', '.join(missing)}. "
            "Run `pip install 'deca-tf[serving]'`."
        )
