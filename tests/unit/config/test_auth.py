"""The settings of `auth`, by real files."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from dfks_rules.config import load_config
from dfks_rules.config.auth import AuthMode, AuthSettings
from dfks_rules.errors import ConfigError
from dfks_rules.sip.digest import Algorithm


def _load(folder: Path, text: str, **environ: str) -> AuthSettings:
    path = folder / "dfks.yaml"
    path.write_text(text)
    return load_config(path, environ).auth


def _finding(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        _load(folder, text)
    return str(caught.value).removeprefix(f"{folder}/")


def test_on_loopback_phones_need_not_authenticate(tmp_path: Path) -> None:
    """The first minute is without passwords."""
    auth = _load(tmp_path, "")
    assert auth == AuthSettings(AuthMode.NONE, None, (Algorithm.SHA_256, Algorithm.MD5), None, ())
    assert _load(tmp_path, "sip: {listen: ['udp:[::1]:5060', 'tcp:localhost:0']}") == auth


@pytest.mark.parametrize("address", ["udp:0.0.0.0:5060", "tcp:[::]:5060", "udp:sip.example:5060"])
def test_elsewhere_they_must(tmp_path: Path, address: str) -> None:
    """Today one datagram would set anybody's forwarding; the message says what to write."""
    text = f"sip: {{listen: ['udp:127.0.0.1:5060', '{address}']}}\n"
    finding = _finding(tmp_path, text)
    assert finding.startswith(f"dfks.yaml:1:38: `sip.listen[1]` is `{address}`, which is not")
    for example in ("mode: digest, realm: example.com, users: users.yaml", "insecure: true"):
        assert example in finding
    assert _load(tmp_path, text + "auth: {insecure: true}").mode is AuthMode.NONE
    assert _load(tmp_path, text, DFKS_AUTH__INSECURE="true").mode is AuthMode.NONE
    digest = "auth: {mode: digest, realm: r, users: u.yaml}"
    assert _load(tmp_path, text + digest).users == tmp_path / "u.yaml"
    trusted = _load(tmp_path, text + "auth: {mode: trusted, trusted: ['10.0.0.0/8', '::1']}")
    assert trusted.trusted == (ip_network("10.0.0.0/8"), ip_network("::1/128"))


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("{mode: digest, users: u}", "1:14: `auth.mode` is `digest`, which needs `auth.realm: ex"),
        ("{mode: digest, realm: r}", "1:14: `auth.mode` is `digest`, which needs `auth.users: us"),
        ("{mode: trusted}", "1:14: `auth.mode` is `trusted`, which needs the networks of your"),
        ("{mode: basic}", "1:14: `auth.mode` is `basic`; it must be one of `digest`, `trusted`"),
        ("{algorithms: []}", "1:20: `auth.algorithms` is empty"),
        ("{algorithms: [SHA1]}", "1:21: `auth.algorithms[0]` is `SHA1`; it must be one of"),
        ("{realm: 'a\"b'}", '1:15: `auth.realm` is `a"b`; it must look like `example.com`'),
        ("{mode: trusted, trusted: [proxy]}", "1:33: `auth.trusted[0]` is `proxy`; it must look"),
        ("{users: u}", "1:15: `auth.users` has no effect, since `auth.mode` is `none`; write"),
        ("{trusted: ['::1']}", "1:17: `auth.trusted` has no effect, since `auth.mode` is `none`"),
        ("{mode: trusted, trusted: ['::ffff:10.0.0.0/104']}", "1:33: `auth.trusted[0]` is `::ffff:10.0.0.0/104`; write it as IPv4, `10.0.0.0/8`"),  # noqa: E501
        ("{mode: trusted, trusted: [10.0.0.1/8]}", "1:33: `auth.trusted[0]` is `10.0.0.1/8`; it is an address"),  # noqa: E501
    ],
)  # fmt: skip
def test_what_cannot_be_is_found_with_what_to_write(
    tmp_path: Path, text: str, finding: str
) -> None:
    """Before anything starts."""
    assert _finding(tmp_path, f"auth: {text}").startswith(f"dfks.yaml:{finding}")


def test_who_says_insecure_may_keep_the_settings_of_authentication(tmp_path: Path) -> None:
    """He knows that they have no effect."""
    assert _load(tmp_path, "auth: {insecure: true, users: u, trusted: ['::1']}").users is not None
