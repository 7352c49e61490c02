"""Users files, by real files."""

import os
from pathlib import Path

import pytest

from dfks_rules.config.auth import AuthMode, AuthSettings
from dfks_rules.config.users import Users, put_user, read_users
from dfks_rules.errors import ConfigError
from dfks_rules.model.identity import Aor
from dfks_rules.presence.account import Account
from dfks_rules.sip.digest import Algorithm, ha1_of

BOTH = (Algorithm.SHA_256, Algorithm.MD5)
ALICE = Aor("alice", "example.com")
MD5, SHA = "a" * 32, "b" * 64


def settings(*algorithms: Algorithm, realm: str = "example.com") -> AuthSettings:
    """Those of `digest`."""
    return AuthSettings(AuthMode.DIGEST, realm, algorithms or BOTH, None, ())


def _read(folder: Path, text: str, name: str = "users.yaml", *algorithms: Algorithm) -> Users:
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return read_users(path, settings(*algorithms))


def _findings(folder: Path, text: str, name: str = "users.yaml") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        _read(folder, text, name)
    return [str(one).removeprefix(f"{folder}/") for one in caught.value.findings]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("u.yaml", f"users:\n  - {{user: alice, domain: EXAMPLE.com, ha1_md5: {MD5}, ha1_sha256: {SHA}}}\n"),  # noqa: E501
        ("u.yaml", f"- user: alice\n  domain: example.com\n  ha1_md5: {MD5.upper()}\n  ha1_sha256: {SHA}\n"),  # noqa: E501
        ("u.csv", f"user,domain,ha1_md5,ha1_sha256\nalice,example.com,{MD5},{SHA}\n\n"),
        ("u.CSV", f"\ufeffha1_sha256, user,domain,ha1_md5\r\n{SHA},alice,Example.com,{MD5.upper()}\r\n"),  # noqa: E501
    ],
)  # fmt: skip
def test_a_user_is_read_from_yaml_or_csv(tmp_path: Path, name: str, text: str) -> None:
    """Columns of CSV in any order."""
    accounts, warnings = _read(tmp_path, text, name)
    assert warnings == []
    assert list(accounts) == [ALICE]
    assert accounts[ALICE].identity.aor == ALICE
    assert (accounts[ALICE].md5, accounts[ALICE].sha256) == (MD5.encode(), SHA.encode())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("u.yaml", "users: [{user: 201, domain: example.com, password: 4711}]"),
        ("u.csv", "user,domain,password\n201,example.com,4711"),
    ],
)
def test_a_password_in_clear_works_and_is_warned_of(tmp_path: Path, name: str, text: str) -> None:
    """Extensions and PINs are text, whatever YAML thinks of digits."""
    accounts, warnings = _read(tmp_path, text, name)
    account = accounts[Aor("201", "example.com")]
    for one in Algorithm:
        assert account.ha1(one) == ha1_of(one, "201", "example.com", "4711")
    (warning,) = warnings
    assert warning.severity == "warning"
    assert "one user has a password in clear text, e.g. `201@example.com`; `dfks auth" in str(
        warning
    )
    assert "4711" not in str(warning)


def test_a_hash_that_is_offered_but_lacking_is_warned_of(tmp_path: Path) -> None:
    """A phone takes the first algorithm that it knows, and then fails."""
    text = f"user,domain,ha1_md5\nalice,example.com,{MD5}\nbob,example.com,{MD5}\n"
    (warning,) = _read(tmp_path, text, "u.csv").warnings
    assert "2 users have no `ha1_sha256`, e.g. `alice@example.com`, but SHA-256" in str(warning)
    assert _read(tmp_path, text, "u.csv", Algorithm.MD5).warnings == []


def test_a_realm_that_nobody_has_is_warned_of(tmp_path: Path) -> None:
    """It is legal, but mostly a slip."""
    path = tmp_path / "u.csv"
    path.write_text(f"user,domain,ha1_md5,ha1_sha256\nalice,example.com,{MD5},{SHA}\n")
    path.chmod(0o600)
    (warning,) = read_users(path, settings(realm="exmaple.com")).warnings
    assert "no user has the domain `exmaple.com`, which is `auth.realm`" in str(warning)


def test_a_file_that_everybody_can_read_is_warned_of(tmp_path: Path) -> None:
    """For its realm a hash is as good as the password."""
    path = tmp_path / "u.csv"
    path.write_text(f"user,domain,ha1_md5,ha1_sha256\nalice,example.com,{MD5},{SHA}\n")
    path.chmod(0o644)
    (warning,) = read_users(path, settings()).warnings
    assert "every local account can read the file" in str(warning)


@pytest.mark.parametrize("text", ["", "# nobody yet\n", "users: []"])
def test_a_file_without_users_is_warned_of(tmp_path: Path, text: str) -> None:
    """Nobody can authenticate."""
    accounts, (warning,) = _read(tmp_path, text)
    assert accounts == {}
    assert "has no users" in str(warning)


_ROW = "users: [{user: alice, domain: d, "


@pytest.mark.parametrize(
    ("name", "text", "finding"),
    [
        ("u.yaml", "users: {alice: 1}", "u.yaml:1:1: must be `users:` and a list of"),
        ("u.yaml", "users: [alice]", "u.yaml:1:1: must be `users:` and a list of"),
        ("u.yaml", "users: []\nmore: 1", "u.yaml:1:1: must be `users:` and a list of"),
        ("u.yaml", "users: [", "u.yaml:"),
        ("u.yaml", _ROW + "pasword: x}]", "u.yaml:1:9: unknown column `pasword` (did you mean"),
        ("u.yaml", _ROW + "ha1_md5: hunter2}]", "u.yaml:1:9: `ha1_md5` of `alice` must be hex"),
        ("u.yaml", _ROW + "password: true}]", "u.yaml:1:9: `password` must be text; put it in"),
        ("u.yaml", _ROW + "ha1_md5: []}]", "u.yaml:1:9: `ha1_md5` must be text; put it in"),
        ("u.yaml", "users: [{user: alice, domain: d}]", "u.yaml:1:9: `alice` has none of `ha1_md5`"),  # noqa: E501
        ("u.yaml", "users: [{domain: d, password: x}]", "u.yaml:1:9: `` is not a user, like `alice`"),  # noqa: E501
        ("u.yaml", "users: [{user: 'a b', domain: d, password: x}]", "u.yaml:1:9: `a b` is not a user"),  # noqa: E501
        ("u.yaml", "users: [{user: 'a:b', domain: d, password: x}]", "u.yaml:1:9: `a:b` is not a user"),  # noqa: E501
        ("u.yaml", "users: [{user: alice, password: x}]", "u.yaml:1:9: `` is not a domain"),
        ("u.csv", "alice,example.com,x", "u.csv:1:1: first line must name the columns, like"),
        ("u.csv", "user,domain,user\n", "u.csv:1:1: first line must name the columns, like"),
        ("u.csv", "user,domain,password\na,d", "u.csv:2:1: line has 2 fields, not 3"),
        ("u.csv", 'user,domain,password\na,d,"x"', "u.csv:2:1: line has a quote; a value with"),
        ("u.csv", "user,domain,password\na,d,x\nA,d,x\na,D,y", "u.csv:4:1: user `a@d` appears twice"),  # noqa: E501
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_with_its_place(
    tmp_path: Path, name: str, text: str, finding: str
) -> None:
    """And no secret is shown."""
    found = _findings(tmp_path, text, name)
    assert found[0].startswith(finding)
    assert "hunter2" not in found[0]


def test_findings_are_not_without_end(tmp_path: Path) -> None:
    """A wrong column is wrong in every line."""
    text = "user,domain,ha1_md5\n" + "".join(f"u{n},d,x\n" for n in range(500))
    assert len(_findings(tmp_path, text, "u.csv")) == 100
    assert len(_findings(tmp_path, text.replace(",x\n", "\n"), "u.csv")) == 100


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """And what makes one."""
    with pytest.raises(ConfigError, match=r"cannot read the users: No such file .*dfks auth add"):
        read_users(tmp_path / "no.yaml", settings())
    (tmp_path / "u.csv").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_users(tmp_path / "u.csv", settings())
    (tmp_path / "u.yaml").write_text("#" * (256 * 1024 + 1))
    with pytest.raises(ConfigError, match="more than 262,144 bytes; CSV may be larger"):
        read_users(tmp_path / "u.yaml", settings())


def test_only_a_file_that_is_not_there_can_be_made(tmp_path: Path) -> None:
    """Another command would not help here."""
    with pytest.raises(ConfigError, match="Is a directory") as caught:
        read_users(tmp_path, settings())
    assert "dfks auth add" not in str(caught.value)


@pytest.mark.timeout(10)
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """The server would never start, or never read its users again."""
    os.mkfifo(tmp_path / "u.yaml")
    with pytest.raises(ConfigError, match="it is not a regular file"):
        read_users(tmp_path / "u.yaml", settings())


def test_a_file_that_is_too_large_is_said_to_be(tmp_path: Path) -> None:
    """Also where the limit parts a character."""
    (tmp_path / "u.yaml").write_text("##" + "ä" * (128 * 1024))
    with pytest.raises(ConfigError, match="more than 262,144 bytes"):
        read_users(tmp_path / "u.yaml", settings())


def test_no_file_is_written_that_is_too_large_to_read(tmp_path: Path) -> None:
    """The server would refuse it, and with it everybody."""
    path = tmp_path / "u.yaml"
    text = "#" * (256 * 1024 - 100) + "\nusers: []\n"
    path.write_text(text)
    with pytest.raises(ConfigError, match="more than 262,144 bytes; CSV may be larger"):
        put_user(path, Account(ALICE, MD5.encode(), SHA.encode()))
    assert path.read_text() == text


@pytest.mark.parametrize("name", ["u.yaml", "u.csv"])
def test_a_user_is_written_and_read_again(tmp_path: Path, name: str) -> None:
    """In a file that only its owner may read; others stay as they are."""
    path = tmp_path / name
    for user in ("alice", "0123", "no", "alice"):
        put_user(path, Account(Aor(user, "example.com"), MD5.encode(), SHA.encode()))
    assert path.stat().st_mode & 0o777 == 0o600
    accounts, warnings = read_users(path, settings())
    assert sorted(aor.user for aor in accounts) == ["0123", "alice", "no"]
    assert warnings == []
    put_user(path, Account(ALICE, b"c" * 32, SHA.encode()))
    accounts, _ = read_users(path, settings())
    assert accounts[ALICE].md5 == b"c" * 32
    assert accounts[Aor("no", "example.com")].md5 == MD5.encode()
    assert os.listdir(tmp_path) == [name]


def test_what_stands_above_the_users_stays(tmp_path: Path) -> None:
    """And a column of another's CSV, too."""
    path = tmp_path / "u.yaml"
    path.write_text("# ours\n\nusers:\n  - {user: bob, domain: d, password: hunter2}\n")
    put_user(path, Account(ALICE, MD5.encode(), SHA.encode()))
    text = path.read_text()
    assert text.startswith(
        "# ours\n\nusers:\n  - {user: bob, domain: d, password: hunter2}\n  - {u"
    )
    path = tmp_path / "u.csv"
    path.write_text("user,domain,password\nbob,d,hunter2\n")
    put_user(path, Account(ALICE, MD5.encode(), SHA.encode()))
    assert path.read_text() == (
        "user,domain,password,ha1_md5,ha1_sha256\nbob,d,hunter2,,\n"
        f"alice,example.com,,{MD5},{SHA}\n"
    )


def test_a_broken_file_is_not_replaced(tmp_path: Path) -> None:
    """What somebody wrote must not be lost for a slip in it."""
    path = tmp_path / "u.yaml"
    path.write_text("users: [")
    with pytest.raises(ConfigError):
        put_user(path, Account(ALICE, MD5.encode(), SHA.encode()))
    assert path.read_text() == "users: ["


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_owner_of_a_file_keeps_it(tmp_path: Path) -> None:
    """Else the server could not read what root has written."""
    path = tmp_path / "u.yaml"
    path.write_text("users: []\n")
    os.chown(path, 65534, 65534)
    put_user(path, Account(ALICE, MD5.encode(), SHA.encode()))
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (65534, 0o600)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """Where it leads is written."""
    (tmp_path / "real.yaml").write_text("users: []\n")
    (tmp_path / "u.yaml").symlink_to("real.yaml")
    put_user(tmp_path / "u.yaml", Account(ALICE, MD5.encode(), SHA.encode()))
    assert (tmp_path / "u.yaml").is_symlink()
    assert list(read_users(tmp_path / "real.yaml", settings()).accounts) == [ALICE]


@pytest.mark.parametrize("said", ["password:wonder", "password: !wonder", "password: *wonder"])
def test_a_password_that_yaml_takes_for_something_else_is_not_shown(
    tmp_path: Path, said: str
) -> None:
    """The finding goes to the log; it has the place."""
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, f"users:\n  - {{user: a, domain: example.com, {said}}}\n")
    assert "wonder" not in str(caught.value)
    assert "yaml:2:" in str(caught.value)
