"""The settings of several nodes that share a database."""

import socket
from pathlib import Path

import pytest

from dfks_rules.config import Config, load_config
from dfks_rules.config.cluster import without_password
from dfks_rules.errors import ConfigError

URL = "postgresql://dfks@db.example.com/dfks"


def settings(tmp_path: Path, text: str) -> Config:
    """The settings that a file comes to."""
    path = tmp_path / "dfks.yaml"
    path.write_text(text)
    return load_config(path, {})


def test_a_database_makes_the_server_a_node_of_a_cluster(tmp_path: Path) -> None:
    """Nothing else has to be said."""
    config = settings(tmp_path, f'store: "{URL}"\n')
    assert config.store is None
    assert config.cluster is not None
    assert config.cluster.url == URL
    assert config.cluster.name == socket.gethostname()
    assert (config.cluster.lease, config.cluster.grace) == (2.0, 120.0)


def test_a_node_says_by_which_name_phones_reach_every_node(tmp_path: Path) -> None:
    """It is what the server writes into Contact."""
    cluster = "cluster: {name: node-1, contact: keys.example.com, lease: 5s, grace: 0s}"
    config = settings(tmp_path, f'store: "{URL}"\n{cluster}\n')
    assert config.sip.advertise == "keys.example.com"
    assert config.cluster is not None
    assert config.cluster.name == "node-1"
    assert (config.cluster.lease, config.cluster.grace) == (5.0, 0.0)


def test_a_file_of_its_own_makes_no_cluster(tmp_path: Path) -> None:
    """Most servers are alone."""
    assert settings(tmp_path, "store: sqlite:dfks.db\n").cluster is None
    assert settings(tmp_path, 'store: "memory:"\n').cluster is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cluster: {name: a}", "`cluster.name` has no effect without `store: postgresql:`"),
        (
            f'store: "{URL}"\ncluster: {{contact: a.example}}\nsip: {{advertise: b.example}}',
            "`cluster.contact` contradicts `sip.advertise`: set one of them",
        ),
        (f'store: "{URL}"\ncluster: {{lease: 0s}}', "`cluster.lease` is `0s`; it must look like"),
    ],
)
def test_contradictions_are_told(tmp_path: Path, text: str, complaint: str) -> None:
    """Each names the setting."""
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, text + "\n")
    assert complaint in str(caught.value.findings[0])


def test_the_password_of_a_database_is_shown_to_nobody(tmp_path: Path) -> None:
    """Neither where settings are shown, nor where they are wrong."""
    assert without_password("postgresql://dfks:s3cret@db/dfks") == (
        "postgresql://dfks:********@db/dfks"
    )
    for shown, url in (
        ("dfks:********@db/dfks", "dfks:s3:cret@db/dfks"),
        ("dfks:********@db/dfks", "dfks:s3@cret@db/dfks"),
        ("dfks:********@db/dfks", "dfks:s3/cret@db/dfks"),
        (":********@db/dfks", ":s3cret@db/dfks"),
        ("db/dfks?user=dfks&password=********", "db/dfks?user=dfks&password=s3cret"),
        ("db/dfks?password=********&sslpassword=********", "db/dfks?password=s&sslpassword=t"),
        ("db:5432,[::1]:5433/dfks?user=a@b", "db:5432,[::1]:5433/dfks?user=a@b"),
    ):
        assert without_password(f"postgresql://{url}") == f"postgresql://{shown}"
    assert without_password(URL) == URL
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, 'store: "postgresql://dfks:s3 cret@db/dfks"\n')
    assert "cret" not in str(caught.value.findings[0])
