"""`python -m tools.wheel DIST`.

Refuses archives that hold what they should not. Needs Python alone.
"""

import pathlib
import sys
import tarfile
import zipfile

WHEEL_TOPS = {"deca_tf", "deca_tf_pipelines"}  # beside its own metadata
MUST_HAVE = {
    "deca_tf/__init__.pyi",
    "deca_tf/py.typed",
    "deca_tf/recipes/default.toml",
    "deca_tf/serving/deployment/templates/compose.yaml.jinja",
    "deca_tf/serving/server/page.html",
    "deca_tf_pipelines/steps/trainer.py",
}
SOURCE_TOPS = {"deca_tf", "pipelines"}  # beside documents
MOST_BYTES = 1_000_000


def wheel_problems(names):
    """What is wrong with the names of a wheel's files: a list of sentences."""
    tops = {name.partition("/")[0] for name in names}
    strange = sorted(top for top in tops - WHEEL_TOPS if not top.endswith(".dist-info"))
    missing = sorted(MUST_HAVE - set(names))
    return [f"The wheel must not hold {top!r}." for top in strange] + [
        f"The wheel must hold {name!r}." for name in missing
    ]


def source_problems(names):
    """What is wrong with the names of a source archive's files, each below one folder.

    A list of sentences.
    """
    inner = [name.partition("/")[2] for name in names]
    folders = {name.partition("/")[0] for name in inner if "/" in name}
    return [
        f"The source archive must not hold {folder!r}." for folder in sorted(folders - SOURCE_TOPS)
    ]


def main(dist):
    """Looks at all files of a folder; the exit status is 1 where one is not as it should be."""
    problems = []
    for path in sorted(pathlib.Path(dist).iterdir()):
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                problems += wheel_problems(archive.namelist())
        else:
            with tarfile.open(path) as archive:
                problems += source_problems(archive.getnames())
        size = path.stat().st_size
        if size > MOST_BYTES:
            problems.append(f"{path.name} must be at most {MOST_BYTES:,} bytes, and is {size:,}.")
        print(f"{path.name}: {size:,} bytes")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
