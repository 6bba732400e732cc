"""What the tests of commands share."""

import sys

from deca_tf.cli import main as cli


def deca_tf(capsys, *arguments):
    """Runs a command in this process: `(exit code, stdout, stderr)`."""
    argv, sys.argv = sys.argv, ["deca-tf", *map(str, arguments)]
    try:
        cli.main()
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        sys.argv = argv
    printed = capsys.readouterr()
    return code, printed.out, printed.err
