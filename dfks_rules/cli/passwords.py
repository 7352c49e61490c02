"""A password on standard input."""

import sys

import click


def read_password() -> str:
    """The first line, without its end; UTF-8 whatever the locale, since a digest hashes bytes.

    Raises:
        click.UsageError: it is empty, or not UTF-8.
    """
    line = sys.stdin.buffer.readline().rstrip(b"\r\n")
    try:
        password = line.decode()
    except UnicodeDecodeError:
        raise click.UsageError("the password is not UTF-8 text") from None
    if not password:
        raise click.UsageError("the password is empty")
    return password
