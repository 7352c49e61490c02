"""Files beside dfks.yaml: their text, or why it cannot be had."""

import errno
import os
import stat
from pathlib import Path

from dfks_rules.errors import ConfigError, Finding
from dfks_rules.yaml.tree import MAX_BYTES


def read_text(
    path: Path, what: str, most: int = MAX_BYTES, *, if_missing: str = "", if_larger: str = ""
) -> str:
    """The text of a regular file; others are not waited for.

    Args:
        path: the file.
        what: what is in it, in a word.
        most: most bytes that it may have.
        if_missing: what to add to the message where there is no file.
        if_larger: the same where it has more bytes.

    Raises:
        ConfigError: `config_unreadable`, `config_limit`
    """
    try:
        # Nobody may ever write to a FIFO; to wait for that would end all reloads.
        with open(path, "rb", opener=_open_at_once) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise OSError(errno.EINVAL, "it is not a regular file")
            data = opened.read(most + 1)
        check_size(path, len(data), most, if_larger)
        return data.decode()
    except OSError as error:
        hint = if_missing if isinstance(error, FileNotFoundError) else ""
        message = f"cannot read the {what}: {error.strerror}{hint}"
        raise ConfigError([Finding(str(path), 0, 0, "config_unreadable", message)]) from error
    except UnicodeDecodeError as error:
        message = "is not UTF-8 text"
        raise ConfigError([Finding(str(path), 0, 0, "config_unreadable", message)]) from error


def _open_at_once(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)


def check_size(path: Path, size: int, most: int, hint: str = "") -> None:
    """Find out whether a file is small enough.

    Raises:
        ConfigError: `config_limit`, with the hint
    """
    if size > most:
        message = f"file has more than {most:,} bytes{hint}"
        raise ConfigError([Finding(str(path), 0, 0, "config_limit", message)])


def is_blank(text: str) -> bool:
    """Whether there is nothing in YAML but comments."""
    return all(line.lstrip()[:1] in ("", "#") for line in text.splitlines())
