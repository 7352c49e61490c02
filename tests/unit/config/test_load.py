"""dfks.yaml and the environment, by real files."""

import ipaddress
from pathlib import Path

import pytest

from dfks_rules.config import Config, load_config
from dfks_rules.config.settings import (
    DecisionSettings,
    FifoSettings,
    ListenAddress,
    OnStop,
    ReloadSettings,
)
from dfks_rules.errors import ConfigError, Finding
from dfks_rules.presence.package import OnNotifyTimeout, SubscriptionLimits
from dfks_rules.tracing.export import HepTarget
from dfks_rules.tracing.hep import Agent
from dfks_rules.transport.certificates import CertificateFiles
from dfks_rules.transport.limits import ConnectionLimits

_EVERYTHING = """\
sip: {listen: ["udp:[::1]:5070", "tcp:pbx.example.com:0"]}
auth: {mode: trusted, realm: e.test, algorithms: [MD5], users: u.csv, trusted: [10.0.0.0/8, '::1']}
policies: [mine, /etc/dfks/policies]
store: "memory:"
journal: {keep: 12h}
mi:
  fifo: {path: run/fifo, reply_dir: /tmp}
  datagram: "unix:run/sock"
  http: {listen: "0.0.0.0:8888", root: /rpc, secret: correct-horse}
presence: {min_expires: 10, default_expires: 20, max_expires: 30, on_notify_timeout: drop,
  on_stop: deactivate, stop_within: 5}
log: {level: debug}
reload: {watch: false, poll: true, keep: 9, last_good: /var/lib/dfks/good.json, proofs: 9}
"""


def _load(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "dfks.yaml"
    path.write_text(text)
    return load_config(path, environ)


def _findings(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        _load(folder, text, **environ)
    assert caught.value.code == "config_invalid"
    return [str(finding).removeprefix(f"{folder}/") for finding in caught.value.findings]


def test_without_a_file_everything_is_on_loopback() -> None:
    """A newcomer's first start must reach nobody else, and open no door to operators."""
    config = load_config(None, {})
    assert [str(address) for address in config.sip.listen] == [
        "udp:127.0.0.1:5060",
        "tcp:127.0.0.1:5060",
    ]
    assert all(ipaddress.ip_address(address.host).is_loopback for address in config.sip.listen)
    assert (config.mi.fifo, config.mi.datagram, config.mi.http) == (None, None, None)
    assert config.policies == (Path("policies/default"),)
    assert config.store == Path("var/dfks.db")
    assert config.presence.on_notify_timeout is OnNotifyTimeout.KEEP
    assert (config.on_stop, config.stop_within) == (OnStop.KEEP, 20)
    assert config.journal.keep == 30 * 86_400
    assert {setting.origin for setting in config.settings} == {"default"}


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing chosen\n  # yet\n", "{}"])
def test_empty_file_is_all_defaults(tmp_path: Path, text: str) -> None:
    """Every key may be left out."""
    config = _load(tmp_path, text)
    assert config.settings == load_config(None, {}).settings
    assert config.store == tmp_path / "var/dfks.db"
    assert config.reload == ReloadSettings(True, False, 5, tmp_path / "var/policies.json", 5)


def test_every_setting_is_taken(tmp_path: Path) -> None:
    """Relative paths start at the file's folder."""
    config = _load(tmp_path, _EVERYTHING)
    assert config.sip.listen == (
        ListenAddress("udp", "::1", 5070),
        ListenAddress("tcp", "pbx.example.com", 0),
    )
    assert str(config.sip.listen[0]) == "udp:[::1]:5070"
    assert config.policies == (tmp_path / "mine", Path("/etc/dfks/policies"))
    assert config.store is None
    assert config.journal.keep == 12 * 3600
    assert config.mi.fifo == FifoSettings(tmp_path / "run/fifo", Path("/tmp"))  # noqa: S108
    assert config.mi.datagram == tmp_path / "run/sock"
    assert config.mi.http is not None
    assert config.mi.http.listen == ListenAddress("tcp", "0.0.0.0", 8888)
    assert (config.mi.http.root, config.mi.http.secret) == ("/rpc", "correct-horse")
    presence = config.presence
    assert (presence.min_expires, presence.default_expires, presence.max_expires) == (10, 20, 30)
    assert presence.on_notify_timeout is OnNotifyTimeout.DROP
    assert (config.on_stop, config.stop_within) == (OnStop.DEACTIVATE, 5)
    assert config.log.level == "debug"
    assert config.reload == ReloadSettings(False, True, 9, Path("/var/lib/dfks/good.json"), 9)


def test_yes_or_no_is_true_or_false_also_in_the_environment(tmp_path: Path) -> None:
    """`yes`, `on` and `1` mean something else in every program."""
    assert _load(tmp_path, "", DFKS_RELOAD__POLL="true").reload.poll
    assert not _load(tmp_path, "", DFKS_RELOAD__WATCH="false").reload.watch
    assert set(_findings(tmp_path, "reload: {watch: yes}", DFKS_RELOAD__POLL="on")) == {
        "DFKS_RELOAD__POLL: `reload.poll` must be `true` or `false` [config_bad_value]",
        "dfks.yaml:1:17: `reload.watch` must be `true` or `false` [config_bad_value]",
    }


def test_environment_wins_over_the_file(tmp_path: Path) -> None:
    """A container sets what differs from the file in its image."""
    config = _load(
        tmp_path,
        _EVERYTHING,
        DFKS_STORE="sqlite:x.db",
        DFKS_SIP__LISTEN="udp:127.0.0.1:1, tcp:127.0.0.1:2",
        DFKS_PRESENCE__MIN_EXPIRES="5",
        DFKS_PORT="tcp://10.0.0.1:5060",
    )
    assert config.store == tmp_path / "x.db"
    assert [address.port for address in config.sip.listen] == [1, 2]
    assert config.presence.min_expires == 5


def test_environment_can_open_a_door_alone() -> None:
    """No file is needed."""
    config = load_config(None, {"DFKS_MI__HTTP__LISTEN": "[::1]:0"})
    assert config.mi.http is not None
    assert config.mi.http.listen == ListenAddress("tcp", "::1", 0)
    assert config.mi.http.root == "/mi"


def test_each_setting_says_where_it_came_from(tmp_path: Path) -> None:
    """`dfks config show` answers which of three places won."""
    config = _load(tmp_path, "store: 'memory:'\n", DFKS_LOG__LEVEL="error")
    origins = {setting.key: setting.origin for setting in config.settings}
    assert origins["store"] == f"{tmp_path}/dfks.yaml:1:8"
    assert origins["log.level"] == "DFKS_LOG__LEVEL"
    assert origins["policies"] == "default"


def test_tls_takes_one_certificate_or_a_list(tmp_path: Path) -> None:
    """Relative to the file, as every path; from the environment, too."""
    one = _load(tmp_path, "sip: {tls: {certificate: a.pem, key: /k/a.key, client_ca: ca.pem}}\n")
    assert one.sip.tls == CertificateFiles(
        ((tmp_path / "a.pem", Path("/k/a.key")),), tmp_path / "ca.pem"
    )
    names = {"DFKS_SIP__TLS__CERTIFICATE": "a.pem, b.pem", "DFKS_SIP__TLS__KEY": "a.key, b.key"}
    two = _load(tmp_path, 'sip: {listen: ["tls:[::1]:5061"]}\n', **names)
    assert [str(address) for address in two.sip.listen] == ["tls:[::1]:5061"]
    assert two.sip.tls == CertificateFiles(
        tuple((tmp_path / f"{name}.pem", tmp_path / f"{name}.key") for name in "ab"), None
    )
    assert _load(tmp_path, "{}\n").sip.tls is None


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            'sip: {listen: ["udp:[::1]:1", "tls:[::1]:2"]}\n',
            "dfks.yaml:1:31: `sip.listen[1]` needs `sip.tls` with a certificate and a key",
        ),
        (
            "sip: {tls: {certificate: a}}\n",
            "dfks.yaml:1:7: `sip.tls` needs `key`",
        ),
        (
            "sip: {tls: {certificate: [a, b], key: c}}\n",
            "dfks.yaml:1:39: `sip.tls.key` lists 1 files, but `sip.tls.certificate` lists 2",
        ),
        (
            "sip: {tls: {certificate: 7, key: c}}\n",
            "dfks.yaml:1:26: `sip.tls.certificate` must be text or a list",
        ),
        (
            "sip: {tls: {certificate: a, key: []}}\n",
            "dfks.yaml:1:34: `sip.tls.key` is empty",
        ),
    ],
)
def test_tls_that_cannot_be_is_found(tmp_path: Path, text: str, finding: str) -> None:
    """Before a phone finds it."""
    assert _findings(tmp_path, text) == [f"{finding} [config_bad_value]"]


def test_all_findings_come_at_once_and_in_order(tmp_path: Path) -> None:
    """An operator mends a file in one go."""
    text = """\
sip: {listen: ["udp:127.0.0.1"]}
polcies: [a]
mi:
  fifo: {path: x}
presence: {min_expires: soon, max_expires: 0}
log: {level: verbose}
"""
    assert _findings(tmp_path, text) == [
        "dfks.yaml:1:16: `sip.listen[0]` is `udp:127.0.0.1`; it must look like "
        "`udp:127.0.0.1:5060` or `tcp:[::1]:5060` [config_bad_value]",
        "dfks.yaml:2:1: unknown key `polcies` (did you mean `policies`?) [config_unknown_key]",
        "dfks.yaml:4:3: `mi.fifo` needs `reply_dir` [config_bad_value]",
        "dfks.yaml:5:25: `presence.min_expires` must be a whole number [config_bad_value]",
        "dfks.yaml:5:44: `presence.max_expires` is `0`; the minimum is 1 [config_bad_value]",
        "dfks.yaml:6:14: `log.level` is `verbose`; it must be one of `debug`, `info`, `warning`, "
        "`error` [config_bad_value]",
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("store: x\nstore: y\n", "dfks.yaml:2:1: key `store` appears twice"),
        ("store:\n", "dfks.yaml:1:1: `store` is empty"),
        ("a: [\n", "dfks.yaml:2:1: invalid YAML"),
        ("- a\n", "dfks.yaml:1:1: file must be a mapping"),
        ("sip: 5\n", "dfks.yaml:1:6: `sip` must be a mapping"),
        ("sip: {listen: []}\n", "dfks.yaml:1:15: `sip.listen` is empty"),
        ("policies: [a, a]\n", "dfks.yaml:1:11: `policies` contains a duplicate entry"),
        ("store: redis\n", "dfks.yaml:1:8: `store` is `redis`; it must look like"),
        ("mi: {datagram: 'udp:0.0.0.0:1'}\n", "dfks.yaml:1:16: `mi.datagram` is not a loopback"),
        ("mi: {http: {listen: '0.0.0.0:1'}}\n", "dfks.yaml:1:21: `mi.http.listen` is not a loop"),
        ("mi: {http: {listen: 'host:1'}}\n", "dfks.yaml:1:21: `mi.http.listen` is not a loopback"),
        ("sip: {listen: ['udp:127.0.0.1:65536']}\n", "dfks.yaml:1:16: `sip.listen[0]` has a port"),
        ("presence: {max_expires: 100}\n", "`presence.default_expires` is `3600`; it must not be"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(tmp_path: Path, text: str, part: str) -> None:
    """Each would otherwise be a surprise at run time."""
    (finding,) = _findings(tmp_path, text)
    assert part in finding


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("mi: {http: {listen: 'localhost:1', secret: abc}}\n", "mi.http.secret"),
        ("trace: {hep: 'udp:homer:9060', key: 'abc d'}\n", "trace.key"),
    ],
)
def test_unfit_secret_is_refused_without_showing_it(tmp_path: Path, text: str, key: str) -> None:
    """Findings end in logs."""
    (finding,) = _findings(tmp_path, text)
    assert f"`{key}` must look like" in finding
    assert "abc" not in finding


def test_a_collector_is_what_the_settings_say(tmp_path: Path) -> None:
    """From the file and the environment."""
    text = "trace: {hep: 'udp:10.0.0.5:9060', domains: [acme.example]}\n"
    target = _load(
        tmp_path, text, DFKS_TRACE__ID="7", DFKS_TRACE__DOMAINS="a.example, b.example"
    ).trace
    assert target == HepTarget(
        "10.0.0.5", 9060, Agent(7, b""), frozenset(["a.example", "b.example"])
    )
    (finding,) = _findings(tmp_path, "trace: {hep: 'tcp:10.0.0.5:9060'}\n")
    assert "`trace.hep` is `tcp:10.0.0.5:9060`; it must look like `udp:10.0.0.5:9060`" in finding


def test_mistake_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    """There is no line to name."""
    (finding,) = _findings(tmp_path, "", DFKS_PRESENCE__MIN_EXPIRES="soon")
    assert finding.startswith("DFKS_PRESENCE__MIN_EXPIRES: `presence.min_expires` must be a whole")
    (finding,) = _findings(tmp_path, "", DFKS_MI__FIFO__PATH="run/fifo")
    assert finding.startswith("environment: `mi.fifo` needs `reply_dir`")


def test_environment_does_not_hide_a_mistake_in_the_file(tmp_path: Path) -> None:
    """`sip` is no mapping to put a variable into."""
    (finding,) = _findings(tmp_path, "sip: 5\n", DFKS_SIP__LISTEN="udp:127.0.0.1:1")
    assert finding.startswith("dfks.yaml:1:6: `sip` must be a mapping")


def test_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Missing, a folder, or no text."""
    (tmp_path / "latin1").write_bytes(b"store: '\xe9'")
    for name, reason in (("none", "No such file"), (".", "Is a directory"), ("latin1", "UTF-8")):
        with pytest.raises(ConfigError) as caught:
            load_config(tmp_path / name, {})
        (finding,) = caught.value.findings
        assert isinstance(finding, Finding)
        assert finding.code == "config_unreadable"
        assert reason in finding.message


def test_shipped_settings_are_good() -> None:
    """`make run` starts with them."""
    config = load_config(Path(__file__).parents[3] / "dfks.yaml", {})
    assert config.mi.fifo
    assert config.mi.datagram
    assert config.mi.http


def test_decisions_are_kept_and_logged_as_told(tmp_path: Path) -> None:
    """A switch for privacy can be set in the environment, too."""
    config = _load(tmp_path, "decisions: {keep: 5, file: d.jsonl, mask: false}\n")
    assert config.decisions == DecisionSettings(5, tmp_path / "d.jsonl", mask=False)
    assert load_config(None, {}).decisions == DecisionSettings(10_000, None, mask=True)
    assert not load_config(None, {"DFKS_DECISIONS__MASK": "false"}).decisions.mask
    with pytest.raises(ConfigError, match="must be `true` or `false`"):
        load_config(None, {"DFKS_DECISIONS__MASK": "maybe"})


def test_connections_and_the_name_of_the_server_are_settings(tmp_path: Path) -> None:
    """A proxy is one source with all connections; behind NAT no local address is of use."""
    text = """\
sip:
  advertise: "[2001:db8::9]:5070"
  idle_timeout: 600
  max_connections: 50
  max_connections_per_source: 40
"""
    sip = _load(tmp_path, text).sip
    assert sip.advertise == "[2001:db8::9]:5070"
    assert sip.connections == ConnectionLimits(idle=600, in_all=50, per_source=40)
    assert load_config(None, {}).sip.connections == ConnectionLimits()
    assert load_config(None, {}).sip.advertise is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a..b", "must look like"),
        ("2001:db8::9", "must look like"),
        ("sip.example.com:", "must look like"),
        ("sip:sip.example.com", "must look like"),
        ("sip.example.com:0", "has a port outside 1 to 65535"),
        ("sip.example.com:65536", "has a port outside 1 to 65535"),
        ("[2001:db8::9]:65536", "has a port outside 1 to 65535"),
    ],
)
def test_advertised_host_is_one_that_can_stand_in_a_uri(
    tmp_path: Path, text: str, reason: str
) -> None:
    """Else no phone could answer a NOTIFY or refresh."""
    assert [reason in one for one in _findings(tmp_path, f"sip: {{advertise: '{text}'}}")] == [True]


def test_a_server_may_have_no_policies_on_purpose(tmp_path: Path) -> None:
    """An empty folder may be a mistake; this is none."""
    file = tmp_path / "dfks.yaml"
    file.write_text("policies: []\n")
    assert load_config(file, {}).policies == ()


def _limits(config: Config) -> SubscriptionLimits:
    return config.presence.subscriptions


def test_subscriptions_of_strangers_are_limited_where_strangers_can_come(tmp_path: Path) -> None:
    """On loopback there are none, and load tests have one address for all phones."""
    assert _limits(load_config(None, {})) == SubscriptionLimits(1_000_000)
    for listen in ("udp:0.0.0.0:5060", "udp:192.0.2.1:5060"):
        text = f"sip: {{listen: ['udp:127.0.0.1:5060', '{listen}']}}\n"
        config = _load(tmp_path, text + "auth: {insecure: true}")
        assert _limits(config) == SubscriptionLimits(1_000_000, 20, 10_000, 100)
        shown = {one.key: (one.value, one.origin) for one in config.settings}
        assert shown["limits.subscriptions_per_user"] == (20, "default")


def test_limits_of_subscriptions_are_numbers_or_none(tmp_path: Path) -> None:
    """What is written holds, also on loopback."""
    text = "limits: {subscriptions: none, subscriptions_per_user: 5, subscriptions_per_source: 7}"
    config = _load(tmp_path, text, DFKS_LIMITS__SUBSCRIPTIONS_PER_CONTACT="9")
    assert _limits(config) == SubscriptionLimits(None, 5, 7, 9)
    shown = {one.key: one.value for one in config.settings}
    assert (shown["limits.subscriptions"], shown["limits.subscriptions_per_contact"]) == ("none", 9)
    config = _load(tmp_path, text, DFKS_LIMITS__SUBSCRIPTIONS_PER_USER="none")
    assert _limits(config) == SubscriptionLimits(None, None, 7)
    assert _findings(tmp_path, "limits: {subscriptions: 0, subscriptions_per_user: off}") == [
        "dfks.yaml:1:25: `limits.subscriptions` is `0`; the minimum is 1 [config_bad_value]",
        "dfks.yaml:1:52: `limits.subscriptions_per_user` is `off`; it must look like `20` or `none`"
        " [config_bad_value]",
    ]


def test_contacts_are_limited_only_where_nobody_authenticates(tmp_path: Path) -> None:
    """All phones behind one proxy are told at its address."""
    text = "sip: {listen: ['udp:192.0.2.1:5060']}\nauth: {mode: trusted, trusted: [10.0.0.0/8]}"
    assert _limits(_load(tmp_path, text)) == SubscriptionLimits(1_000_000, 20, 10_000)
