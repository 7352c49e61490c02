"""`dfks auth`."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks
from dfks_rules.config import load_config
from dfks_rules.config.users import read_users
from dfks_rules.errors import ConfigError, DfksError
from dfks_rules.model.identity import Aor
from dfks_rules.sip.digest import Algorithm, ha1_of


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _add(*arguments: str, given: str = "secret\nsecret\n") -> Result:
    return CliRunner().invoke(dfks, ["auth", "add", *arguments], input=given)


def test_a_user_is_added_to_the_file_of_the_settings(folder: Path) -> None:
    """For its realm; the password is typed twice, not shown, and not stored."""
    text = "auth: {mode: digest, realm: r.test, users: conf/u.yaml}\n"
    (folder / "dfks.yaml").write_text(text)
    (folder / "conf").mkdir()
    result = _add("alice@Example.com")
    assert result.exit_code == 0, result.output
    assert "conf/u.yaml: added alice@example.com, realm r.test\n" in result.output
    told = "the domain is not the realm: phones must subscribe as sip:alice@example.com\n"
    assert told in result.output
    assert "secret" not in result.output
    auth = load_config(folder / "dfks.yaml", {}).auth
    assert auth.users is not None
    assert "secret" not in auth.users.read_text()
    account = read_users(auth.users, auth).accounts[Aor("alice", "example.com")]
    for one in Algorithm:
        assert account.ha1(one) == ha1_of(one, "alice", "r.test", "secret")


def test_without_settings_it_is_users_yaml_and_the_domain(folder: Path) -> None:
    """A first user may come before the settings."""
    result = _add("alice@example.com", "--password-stdin", given="secret\n")
    assert "users.yaml: added alice@example.com, realm example.com\n" in result.output
    assert "the domain is not the realm" not in result.output
    ha1 = ha1_of(Algorithm.MD5, "alice", "example.com", "secret").decode()
    assert ha1 in (folder / "users.yaml").read_text()
    _add("bob@example.com", "--file", "u.csv", "--realm", "other")
    assert ha1_of(Algorithm.MD5, "bob", "other", "secret").decode() in Path("u.csv").read_text()


def test_a_second_password_replaces_the_first(folder: Path) -> None:
    """It says so: whoever meant another user notices."""
    _add("alice@example.com", given="one\none\n")
    result = _add("alice@example.com", given="two\ntwo\n")
    told = "users.yaml: replaced the password of alice@example.com, realm example.com\n"
    assert told in result.output
    ha1 = ha1_of(Algorithm.MD5, "alice", "example.com", "one").decode()
    assert ha1 not in (folder / "users.yaml").read_text()


def test_what_is_typed_differently_is_asked_again() -> None:
    """Nobody sees what is typed."""
    result = _add("alice@example.com", given="one\ntwo\nsecret\nsecret\n")
    assert "do not match" in result.output
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("user", "given", "message"),
    [
        ("alice", "x\n", "USER@DOMAIN needs a domain, e.g. `alice@example.com`"),
        ("a b@example.com", "x\n", "`a b@example.com`: malformed SIP URI"),
        ("alice@example.com", "\n", "the password is empty"),
    ],
)
def test_what_cannot_be_added_is_told(user: str, given: str, message: str) -> None:
    """Exit code 2, and no file."""
    result = _add(user, "--password-stdin", given=given)
    assert (result.exit_code, message in result.output) == (2, True)
    assert not Path("users.yaml").exists()


@pytest.mark.parametrize("user", ["al,ice", "al;ice", "al\\ice", "al\u2028ice"])
@pytest.mark.parametrize("file", ["u.csv", "u.yaml"])
def test_nobody_is_added_whom_the_server_would_refuse(user: str, file: str) -> None:
    """It would refuse the whole file, and with it everybody."""
    _add("bob@example.com", "--file", file)
    before = Path(file).read_text()
    result = _add(f"{user}@example.com", "--file", file)
    assert isinstance(result.exception, ConfigError)
    assert "is not a user, like `alice`" in str(result.exception)
    assert Path(file).read_text() == before


def test_settings_that_are_not_there_are_told() -> None:
    """A user for another realm in another file would be of no use."""
    result = _add("alice@example.com", "--config", "typo.yaml")
    assert isinstance(result.exception, ConfigError)
    assert "typo.yaml: " in str(result.exception)
    assert not Path("users.yaml").exists()


def test_a_file_that_cannot_be_written_is_told() -> None:
    """Not a traceback."""
    result = _add("alice@example.com", "--file", "no/such/u.yaml")
    assert isinstance(result.exception, DfksError)
    assert str(result.exception) == "cannot write no/such/u.yaml: No such file or directory"
