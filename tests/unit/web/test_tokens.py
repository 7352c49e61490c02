"""Tokens, and the file of them."""

import os
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dfks_rules.errors import ConfigError
from dfks_rules.web.caller import Scope
from dfks_rules.web.tokens import (
    Entry,
    TokenFile,
    hash_of,
    is_token,
    new_token,
    read_tokens,
    write_tokens,
)


def _file(folder: Path, *entries: Entry) -> Path:
    write_tokens(folder / "tokens.json", list(entries))
    return folder / "tokens.json"


def test_a_token_can_be_told_from_any_other_text() -> None:
    """A scanner for leaked secrets knows it, and a mistyped one is not even looked up."""
    token = new_token(os.urandom(32))
    assert token.startswith("dfks_")
    assert len(token) == 54
    assert is_token(token)
    for wrong in ("", token[5:], token[:-1], token + "x", f"{token[:-8]}{'0' * 8}", "dfks_"):
        assert not is_token(wrong)
    assert new_token(bytes(32)) != new_token(bytes(31) + b"\1")


def test_the_file_holds_no_token_and_is_nobody_elses(tmp_path: Path) -> None:
    """Whoever reads it can call nobody."""
    token = new_token(bytes(32))
    file = _file(tmp_path, Entry("desk", hash_of(token), ("bulk",), ("a.example",)))
    assert token.encode() not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    [entry] = read_tokens(file)
    assert entry.caller.scopes == frozenset([Scope.BULK])
    assert entry.caller.domains == frozenset(["a.example"])
    assert list(tmp_path.iterdir()) == [file]


def test_an_expired_token_lets_nobody_in(tmp_path: Path) -> None:
    """From that moment on."""
    token = new_token(bytes(32))
    then = datetime(2026, 1, 5, tzinfo=UTC)
    entry = Entry("desk", hash_of(token), ("bulk",), expires=then.isoformat())
    assert entry.is_valid(datetime(2026, 1, 4, tzinfo=UTC))
    assert not entry.is_valid(then)
    assert TokenFile(_file(tmp_path, entry)).caller(token) is None
    assert TokenFile(_file(tmp_path, entry._replace(expires=""))).caller(token) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"tokens": [{"name": "x"}]}',
        '{"tokens": [{"name": "x", "sha256": "0", "scopes": ["fly"]}]}',
        '{"tokens": [{"name": "x", "sha256": "0", "scopes": [], "expires": "soon"}]}',
        '{"tokens": [{"name": "x", "sha256": "0", "scopes": [], "expires": "2026-01-05"}]}',
        '{"tokens": [{"name": "\\u0000", "sha256": "0", "scopes": []}]}',
        '{"tokens": [{"name": "x", "sha256": "0", "scopes": [], "domains": ["\\u0000"]}]}',
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """With its name; never taken for one without tokens."""
    file = tmp_path / "tokens.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"tokens\.json: is not a file of tokens"):
        TokenFile(file)


def test_a_file_that_is_missing_is_refused_with_what_makes_it(tmp_path: Path) -> None:
    """The settings name it before there is a first token."""
    with pytest.raises(ConfigError, match=r"cannot be read: No such file .*`dfks token create`"):
        TokenFile(tmp_path / "nothing.json")


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    """One that cannot be used leaves what was read before."""
    token = new_token(bytes(32))
    file = _file(tmp_path)
    tokens = TokenFile(file)
    assert tokens.caller(token) is None
    _file(tmp_path, Entry("desk", hash_of(token), ("bulk",)))
    tokens.look_again()
    assert tokens.caller(token) is not None
    file.write_text("{")
    with pytest.raises(ConfigError):
        tokens.look_again()
    tokens.look_again()
    assert tokens.caller(token) is not None


def test_the_last_use_of_a_token_is_known_as_long_as_there_is_the_token(tmp_path: Path) -> None:
    """A look at it is none; what is remembered does not grow with tokens that come and go."""
    first, second = new_token(bytes(32)), new_token(bytes(31) + b"\1")
    tokens = TokenFile(_file(tmp_path, Entry("desk", hash_of(first), ("bulk",))))
    tokens.caller(first)
    tokens.caller(second, "127.0.0.1")
    [known] = tokens.known()
    assert (known.entry.name, known.last) == ("desk", None)
    before = int(time.time())
    tokens.caller(first, "127.0.0.1")
    tokens.caller(first, "::1")
    [known] = tokens.known()
    assert known.last is not None
    assert known.last.address == "::1"
    assert before <= known.last.at.timestamp() <= time.time()
    _file(tmp_path, Entry("noc", hash_of(second), ("bulk",)))
    tokens.look_again()
    assert [(one.entry.name, one.last) for one in tokens.known()] == [("noc", None)]
    _file(tmp_path, Entry("desk", hash_of(first), ("bulk",)))
    tokens.look_again()
    assert tokens.known()[0].last is None


def test_an_expired_token_is_known_and_no_longer_used(tmp_path: Path) -> None:
    """Whoever still tries it does not count."""
    token = new_token(bytes(32))
    then = datetime(2026, 1, 5, tzinfo=UTC).isoformat()
    tokens = TokenFile(_file(tmp_path, Entry("desk", hash_of(token), ("bulk",), expires=then)))
    assert tokens.caller(token, "127.0.0.1") is None
    assert tokens.known()[0].last is None
