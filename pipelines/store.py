"""Artifacts in folders, as TFX lays them out, and the lineage between them.

`<root>/<Step>/<output>/<execution>/` holds an artifact, `<root>/lineage/<execution>-<Step>.json`
says how it was made. The lineage is written last: an execution that has none did not end. Equal
work is found by its key, a digest of the step, its settings and the content of its inputs, and is
not done again. What is being written has a name made of the key, so that a step that can go on
finds what a killed one left.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import shutil

from deca_tf._files import UNFINISHED, locked, write_atomically

LINEAGE = "lineage"
CHUNK = 1 << 20  # bytes
KEY_SHOWN = 16  # digits in a folder's name


@dataclasses.dataclass(frozen=True)
class Execution:
    """One finished run of a step.

    Args:
        number: counts up over the whole store.
        step: its name.
        key: what equal work would have, too.
        inputs: `{name: relative path}`.
        outputs: `{name: relative path}`.
        digests: `{output: digest of its content}`.
        notes: whatever the step has to say, for people and for JSON.
    """

    number: int
    step: str
    key: str
    inputs: dict
    outputs: dict
    digests: dict
    notes: dict


class Store:
    """Artifacts below a folder.

    Args:
        root: of all artifacts; made when there is something to write.
    """

    def __init__(self, root):
        self.root = pathlib.Path(root)

    def executions(self, step=None):
        """Finished ones, of one step or of all, in order."""
        files = (self.root / LINEAGE).glob("*.json") if (self.root / LINEAGE).is_dir() else ()
        found = [Execution(**json.loads(file.read_text(encoding="utf-8"))) for file in files]
        return sorted(
            (each for each in found if step in (None, each.step)), key=lambda each: each.number
        )

    def find(self, step, key):
        """The newest execution with a key whose outputs are all there, or None."""
        for each in reversed(self.executions(step)):
            if each.key == key and all(
                (self.root / path).is_dir() for path in each.outputs.values()
            ):
                return each
        return None

    def path(self, execution, output):
        """Folder of an output."""
        return self.root / execution.outputs[output]

    def publish(self, step, key, inputs, outputs, write, goes_on=False):
        """Does a step's work and publishes what it writes, whole or not at all.

        A folder `writing-...` beside the artifacts holds what is unfinished. When the step's next
        work is done, none is left.

        Args:
            step: its name.
            key: of the work.
            inputs: `{name: path}`, for the lineage.
            outputs: names.
            write: function from `{output: folder}` to notes, a dict.
            goes_on: the folders that `write` gets hold what the same work wrote before it failed or
                was killed.

        Returns:
            The `Execution`.

        Raises:
            FileExistsError: another process is at work on this step.
        """
        (self.root / step).mkdir(parents=True, exist_ok=True)
        busy = (
            f"`root` must be one in which no other process runs {step}. Received: "
            f"{str(self.root)!r}, where one does. "
            "Wait for it, or name another root."
        )
        with locked(self.root / step, busy):
            return self._publish(step, key, inputs, outputs, write, goes_on)

    def _publish(self, step, key, inputs, outputs, write, goes_on):
        scratch = {
            name: self.root / step / name / f"{UNFINISHED}{key[:KEY_SHOWN]}" for name in outputs
        }
        for folder in scratch.values():
            if not goes_on:
                shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
        try:
            notes = write(dict(scratch))
            number = self._next_number(step, outputs)
            places = {name: self.root / step / name / str(number) for name in outputs}
            digests = {name: digest(folder) for name, folder in scratch.items()}
            for name, folder in scratch.items():
                folder.rename(places[name])
        except BaseException:
            if not goes_on:
                self._remove_unfinished(step, outputs, f"{UNFINISHED}{key[:KEY_SHOWN]}")
            raise
        self._remove_unfinished(step, outputs, f"{UNFINISHED}*")
        execution = Execution(
            number,
            step,
            key,
            {name: os.path.relpath(path, self.root) for name, path in inputs.items()},
            {name: str(path.relative_to(self.root)) for name, path in places.items()},
            digests,
            notes,
        )
        (self.root / LINEAGE).mkdir(exist_ok=True)
        text = json.dumps(dataclasses.asdict(execution), indent=2)
        write_atomically(self.root / LINEAGE / f"{number:06d}-{step}.json", text + "\n")
        return execution

    def _remove_unfinished(self, step, outputs, pattern):
        for name in outputs:
            for folder in (self.root / step / name).glob(pattern):
                shutil.rmtree(folder, ignore_errors=True)

    def _next_number(self, step, outputs):
        """Above all that have ended, and above what an execution without lineage left."""
        taken = [each.number for each in self.executions()]
        for name in outputs:
            taken += [
                int(entry.name)
                for entry in (self.root / step / name).iterdir()
                if entry.name.isdigit()
            ]
        return max(taken, default=0) + 1


def key_of(step, settings, digests):
    """Digest of some work.

    A step's name and version, what of its settings matters, the content of its inputs.
    """
    said = json.dumps([step.name, step.version, settings, digests], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def digest(path):
    """Digest of a file's content, or of a folder's: names and contents of all files below."""
    path = pathlib.Path(path)
    total = hashlib.sha256()
    for file in (
        sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    ):
        total.update(str(file.relative_to(path)).encode() + b"\0")
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                total.update(chunk)
    return total.hexdigest()
