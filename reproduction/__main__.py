"""`python -m reproduction`: see `command`."""

from deca_tf.cli.main import run_app
from reproduction.command import app

if __name__ == "__main__":
    run_app(app)
