"""`dfks init`: the files that a server begins with."""

import os
import re
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result

from dfks_rules.cli.init import starter
from dfks_rules.cli.main import dfks
from dfks_rules.errors import ConfigError, DfksError


def _init(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(dfks, ["init", str(folder), *options], catch_exceptions=False)


def _good(*arguments: str) -> str:
    result = CliRunner().invoke(dfks, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    "options",
    [(), ("--domain", "Acme.example", "--country", "de"), ("--country", "IN"), ("--country", "GB")],
)
def test_files_pass_every_check(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Whoever changes one is told of his own mistakes only."""
    folder = tmp_path / "site"
    shown = _init(folder, *options).output
    assert f"\n  cd {folder}\n  dfks serve\n" in shown
    assert _good("config", "check", str(folder / "dfks.yaml")) == f"{folder}/dfks.yaml: OK\n"
    policies = str(folder / "policies")
    assert _good("policy", "check", "--strict", policies) == "5 files OK\n"
    tested = _good("policy", "test", policies, "--require-tests", "--coverage-threshold", "100")
    assert re.search(r"^(\d+) cases: \1 passed, 0 failed$", tested, re.MULTILINE)
    _good("policy", "fmt", "--check", policies)


def test_files_are_those_of_the_site(tmp_path: Path) -> None:
    """The domain of the users, and the country of their phones."""
    _init(tmp_path, "--domain", "acme.example", "--country", "DE")
    texts = {path: path.read_text() for path in tmp_path.rglob("*.yaml")}
    assert len(texts) == 7
    assert not [path for path, text in texts.items() if "example.com" in text]
    assert "country: DE" in texts[tmp_path / "policies/numbers.yaml"]


def test_lines_for_real_phones_are_good_as_they_stand(tmp_path: Path) -> None:
    """Comments rot unless somebody takes them out."""
    _init(tmp_path)
    file = tmp_path / "dfks.yaml"
    text = file.read_text()
    # A setting in a comment replaces the one above.
    text = text.replace('  listen: ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"]\n', "")
    text = text.replace('http: {listen: "127.0.0.1:8080"}\n', "")
    text = re.sub(r"^( *)# (?=(listen|tls|auth|decisions|http): )", r"\1", text, flags=re.MULTILINE)
    file.write_text(text)
    (tmp_path / "tls").mkdir()
    issued = trustme.CA().issue_cert("example.com")
    issued.private_key_pem.write_to_path(tmp_path / "tls/key.pem")
    for pem in issued.cert_chain_pems:
        pem.write_to_path(tmp_path / "tls/cert.pem", append=True)
    secret = ["auth", "add", "alice@example.com", "--config", str(file), "--password-stdin"]
    assert CliRunner().invoke(dfks, secret, input="a-long-one\n").exit_code == 0
    with pytest.raises(ConfigError, match=r"tokens\.json: cannot be read"):
        _good("config", "check", str(file))
    _good("token", "create", "noc", "--scopes", "metrics:read", "--config", str(file))
    assert _good("config", "check", str(file)) == f"{file}: OK\n"
    assert "sip.listen = udp:0.0.0.0:5060, tcp:0.0.0.0:5060, tls:0.0.0.0:5061" in _good(
        "config", "show", str(file)
    )


def test_passwords_are_for_the_owner_only(tmp_path: Path) -> None:
    """Whatever the umask."""
    before = os.umask(0o000)
    try:
        _init(tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "users.yaml").stat().st_mode & 0o777 == 0o600


def test_schemas_that_the_files_name_are_there(tmp_path: Path) -> None:
    """Editors complete by them."""
    _init(tmp_path)
    for file in tmp_path.rglob("*.yaml"):
        for name in re.findall(r"\$schema=(\S+)", file.read_text()):
            assert (file.parent / name).is_file()


@pytest.mark.parametrize("name", ["dfks.yaml", "policies/users.yaml", "schemas/config.schema.json"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    """And nothing is added beside what is there, which might be a site at work."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DfksError, match=f"files exist already: {tmp_path / name}$"):
        _init(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_next_steps_lead_into_the_folder_unless_one_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`cd .` leads nowhere."""
    monkeypatch.chdir(tmp_path)
    assert _init(Path("site")).output.endswith("next:\n  cd site\n  dfks serve\n")
    assert _init(Path()).output.endswith("next:\n  dfks serve\n")


def test_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Named in one line."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DfksError, match=r"cannot write .*file/dfks\.yaml|cannot write .*file"):
        _init(tmp_path / "file" / "site")


@pytest.mark.parametrize(
    "options",
    [
        ("--domain", ""),
        ("--domain", "a b"),
        ("--domain", "a;b"),
        ("--domain", "bob@example.com"),
        ("--country", "UK"),
        ("--country", "Germany"),
    ],
)
def test_wrong_options_are_usage_errors(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Nothing is written."""
    assert _init(tmp_path / "site", *options).exit_code == 2
    assert not (tmp_path / "site").exists()


def test_all_files_are_packed() -> None:
    """`hatch` takes what is in the folder of the package."""
    assert {"dfks.yaml", "users.yaml", "policies/forwarding.yaml"} <= starter(
        "a.example", "US"
    ).keys()
