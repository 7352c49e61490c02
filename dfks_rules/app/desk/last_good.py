"""The last good policies, kept for a start when the files are broken or gone."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.desk.served import has_policies
from dfks_rules.policy.reading.source import Source

PIECE = 64 * 1024
"""Characters of a text that are written at once."""
_NEW = ("proofs",)
"""Lists that older servers did not write."""


def keep(path: Path, files: PolicyFiles) -> None:
    """Write them, so that after a power cut there are the old ones or the new ones.

    Raises:
        OSError: they could not be written; what was there is there still.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(pieces_of(files))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def pieces_of(files: PolicyFiles) -> Iterator[str]:
    """Files as JSON. In pieces: each holds up the interpreter, in whichever thread."""
    yield "{"
    for number, (name, sources) in enumerate(files._asdict().items()):
        yield f'{", " * (number > 0)}"{name}": ['
        for position, (file, text, tenant) in enumerate(sources):
            yield f'{", " * (position > 0)}[{json.dumps(file)}, "'
            for start in range(0, len(text), PIECE):
                yield json.dumps(text[start : start + PIECE])[1:-1]
            yield f'", {json.dumps(tenant)}]'
        yield "]"
    yield "}"


def recall(path: Path) -> PolicyFiles | None:
    """What was kept; None when it cannot be read, or holds no policy."""
    try:
        files = files_from(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return files if has_policies(files) else None


def files_from(text: str) -> PolicyFiles:
    """What `pieces_of` wrote.

    Raises:
        ValueError: it did not write this.
    """
    try:
        kept = json.loads(text)
        kept = dict.fromkeys(_NEW, ()) | kept
        lists = [tuple(_source(*one) for one in kept[name]) for name in PolicyFiles._fields]
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return PolicyFiles(*lists)


def _source(file: object, text: object, tenant: object) -> Source:
    """One kept file.

    Raises:
        ValueError: this is none.
    """
    if not (isinstance(file, str) and isinstance(text, str) and isinstance(tenant, str | None)):
        message = "not what `keep` writes"
        raise ValueError(message)
    return Source(file, text, tenant)
